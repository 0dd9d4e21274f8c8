//! Several engines on one storage: they behave as one.

use crate::client::{Client, group, users};
use chat_core::testing::{HeldStorage, MemoryLink, MemoryNetwork};
use chat_core::{
    Action, Audience, Change, Chat, CloseReason, ConversationId, Draft, Identity, Link, MemoryStorage, Outgoing, Role,
    Storage, Timestamp, User, UserKey,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Three engines on one storage, each with a hand on its link and its storage.
struct Nodes {
    chats: Vec<Chat>,
    links: Vec<Arc<MemoryLink>>,
    storages: Vec<Arc<HeldStorage>>,
    network: MemoryNetwork,
}

impl Nodes {
    fn start() -> Self {
        Self::on(MemoryNetwork::new())
    }

    fn on(network: MemoryNetwork) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let mut nodes = Self { chats: vec![], links: vec![], storages: vec![], network };
        for _ in 0..3 {
            nodes.add(Arc::clone(&storage));
        }
        nodes
    }

    fn add(&mut self, storage: Arc<dyn Storage>) {
        let (link, storage) = (self.network.link(), Arc::new(HeldStorage::new(storage)));
        self.chats.push(Chat::builder(storage.clone()).link(link.clone()).build());
        self.links.push(link);
        self.storages.push(storage);
    }

    /// Ends an engine without a word to the others.
    fn kill(&mut self, node: usize) {
        self.links[node].cut();
        self.chats.remove(node);
    }
}

fn say(conversation: ConversationId, content: &str) -> Value {
    json!({ "type": "send_message", "conversation_id": conversation, "content": content })
}

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

/// Hears until a frame of this kind comes, which it returns.
async fn hear_of(client: &mut Client, kind: &str) -> Value {
    loop {
        let frame = client.hear().await;
        if frame["type"] == kind {
            return frame;
        }
    }
}

/// Messages with contents `0`, `1`, … by one sender.
async fn send_some(chat: &Chat, sender: &User, conversation: ConversationId, count: usize) {
    for n in 0..count {
        chat.send(sender.id, conversation, Draft::new(n.to_string()).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_message_is_heard_on_every_node() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_ann = Client::open(&nodes.chats[0], &ann).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;

    let mut request = say(conversation, "hi");
    request["ref"] = json!(1);
    let mut sent = at_ann.asks(request).await;

    assert_eq!(sent.as_object_mut().unwrap().remove("ref"), Some(json!(1)));
    assert_eq!(at_bob.hear().await, sent);
    let answer = at_bob.asks(say(conversation, "hello")).await;
    assert_eq!(answer["data"]["seq"], 2);
    assert_eq!(at_ann.hear().await, answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_said_on_all_nodes_at_once_is_heard_once_and_in_one_order() {
    const EACH: usize = 200;
    let nodes = Nodes::start();
    let people = users(&nodes.chats[0], ["ann", "bob", "eve"]).await;
    let conversation = group(&nodes.chats[0], &people).await;
    let mut listening = vec![];
    for chat in &nodes.chats {
        for person in &people {
            listening.push(Client::open(chat, person).await);
        }
    }
    let talking =
        nodes.chats.iter().zip(&people).flat_map(|(chat, person)| [(chat, person); 4]).map(|(chat, person)| {
            let (chat, person) = (chat.clone(), person.clone());
            tokio::spawn(async move {
                let mut client = Client::open(&chat, &person).await;
                for n in 0..EACH {
                    let mut request = say(conversation, &n.to_string());
                    request["ref"] = json!(n);
                    client.ask(&request).await;
                    let mut answers = 0;
                    while answers == 0 {
                        answers += usize::from(client.hear().await["ref"] == n);
                    }
                }
            })
        });
    let talking: Vec<_> = talking.collect();
    let hearing = listening.into_iter().map(|mut client| {
        tokio::spawn(async move {
            for seq in 1..=12 * EACH {
                let mut heard = client.hear().await;
                // Whoever opens while a creation is on its way may hear of it all the same, as late as that arrives.
                while heard["type"] == "create_conversation" {
                    heard = client.hear().await;
                }
                assert_eq!(heard["data"]["seq"], seq, "{heard}");
            }
        })
    });
    for task in hearing.collect::<Vec<_>>().into_iter().chain(talking) {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn one_read_serves_all_sessions_of_a_node() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_bob = vec![];
    for _ in 0..10 {
        at_bob.push(Client::open(&nodes.chats[1], &bob).await);
    }
    let before = nodes.storages[1].calls("events_after");

    send_some(&nodes.chats[0], &ann, conversation, 1).await;

    for client in &mut at_bob {
        assert_eq!(client.hear().await["data"]["seq"], 1);
    }
    assert_eq!(nodes.storages[1].calls("events_after"), before + 1);
    assert_eq!(nodes.storages[2].calls("events_after"), 0, "nobody hears it there");
}

#[tokio::test]
async fn a_group_is_known_on_every_node_as_soon_as_it_is_there() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let mut at_bob = [Client::open(&nodes.chats[1], &bob).await, Client::open(&nodes.chats[2], &bob).await];

    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    send_some(&nodes.chats[0], &ann, conversation, 2).await;

    for client in &mut at_bob {
        let created = client.hear().await;
        assert_eq!(created["type"], "create_conversation");
        assert_eq!(created["data"]["members"], json!(["ann", "bob"]));
        for seq in 1..=2 {
            assert_eq!(client.hear().await["data"]["seq"], seq);
        }
    }
}

#[tokio::test]
async fn who_is_brought_in_and_put_out_hears_it_on_every_node() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], std::slice::from_ref(&ann)).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;

    nodes.chats[0].add_member(ann.id, conversation, bob.id, None).await.unwrap();
    send_some(&nodes.chats[2], &ann, conversation, 1).await;
    assert_eq!(hear_of(&mut at_bob, "send_message").await["data"]["seq"], 2);
    nodes.chats[2].remove_member(ann.id, conversation, bob.id).await.unwrap();
    send_some(&nodes.chats[0], &ann, conversation, 1).await;
    let direct = nodes.chats[0].direct(ann.id, bob.id).await.unwrap().0.id;

    assert_eq!(at_bob.hear().await["type"], "remove_member");
    let next = at_bob.hear().await;
    assert_eq!((&next["type"], &next["data"]["id"]), (&json!("create_conversation"), &json!(direct)));
}

#[tokio::test]
async fn a_deleted_group_is_gone_on_every_node() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let alone = group(&nodes.chats[0], std::slice::from_ref(&ann)).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;
    let mut at_ann = Client::open(&nodes.chats[2], &ann).await;

    nodes.chats[0].delete_group(ann.id, conversation).await.unwrap();
    assert_eq!(at_bob.hear().await["type"], "delete_conversation");
    assert_eq!(at_ann.hear().await["type"], "delete_conversation");
    nodes.chats[0].leave(ann.id, alone).await.unwrap();

    assert_eq!(at_ann.hear().await["type"], "leave_conversation");
    assert_eq!(at_ann.hear().await["type"], "delete_conversation");
    assert!(nodes.chats[2].hub().hearers(alone) == 0 && nodes.chats[1].hub().hearers(conversation) == 0);
}

#[tokio::test]
async fn read_marks_cross_nodes() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let message = nodes.chats[0].send(ann.id, conversation, Draft::new("hi").unwrap()).await.unwrap().message.id;
    let mut at_ann = Client::open(&nodes.chats[1], &ann).await;

    nodes.chats[0].mark_read(bob.id, vec![message]).await.unwrap();

    let read = at_ann.hear().await;
    assert_eq!((&read["type"], &read["data"]["message_id"]), (&json!("read"), &json!(message)));
    assert_eq!(read["data"]["username"], "bob");
}

#[tokio::test(start_paused = true)]
async fn typing_crosses_nodes_and_ends_by_itself_though_its_node_is_killed() {
    let mut nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;
    let mut at_ann = Client::open(&nodes.chats[2], &ann).await;

    nodes.chats[0].set_typing(ann.id, conversation, true).await.unwrap();
    assert_eq!(at_bob.hear().await["data"]["is_typing"], true);
    nodes.chats[0].set_typing(ann.id, conversation, false).await.unwrap();
    assert_eq!(at_bob.hear().await["data"]["is_typing"], false);
    tokio::time::advance(Duration::from_secs(2)).await;
    nodes.chats[0].set_typing(ann.id, conversation, true).await.unwrap();
    assert_eq!(at_bob.hear().await["data"]["is_typing"], true);
    let began = Instant::now();
    nodes.kill(0);

    assert_eq!(at_bob.hear().await["data"]["is_typing"], false);
    assert!((5..8).contains(&began.elapsed().as_secs()));
    assert!(at_ann.heard().await.is_empty());
}

#[tokio::test]
async fn a_login_that_ends_closes_its_sessions_on_every_node() {
    let nodes = Nodes::start();
    let [ann] = users(&nodes.chats[0], ["ann"]).await;
    let mut sessions = vec![];
    for chat in &nodes.chats {
        sessions.push(chat.open_session(ann.id).await.unwrap());
    }

    nodes.chats[0].close_sessions(Audience::User(ann.id), CloseReason::LoginEnded);

    for session in &mut sessions {
        assert_eq!(session.next().await, Outgoing::Close(CloseReason::LoginEnded));
    }
}

#[tokio::test]
async fn a_deleted_user_is_put_out_of_every_node_and_contacts_hear_it() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    nodes.chats[0].add_contact(ann.id, bob.username.clone()).await.unwrap();
    let mut at_ann = Client::open(&nodes.chats[1], &ann).await;
    let mut at_bob = nodes.chats[2].open_session(bob.id).await.unwrap();
    assert_eq!(at_ann.hear().await["data"], json!({ "username": "bob", "is_online": true }));

    nodes.chats[0].delete_user(bob.id, bob.id).await.unwrap();

    loop {
        match at_bob.next().await {
            Outgoing::Close(reason) => break assert_eq!(reason, CloseReason::LoginEnded),
            _ => continue,
        }
    }
    assert_eq!(at_ann.hear().await["data"], json!({ "username": "bob", "is_online": false }));
}

#[tokio::test(start_paused = true)]
async fn a_user_is_online_while_they_are_at_any_node() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    nodes.chats[0].add_contact(ann.id, bob.username.clone()).await.unwrap();
    let mut at_ann = Client::open(&nodes.chats[0], &ann).await;

    let first = Client::open(&nodes.chats[1], &bob).await;
    assert_eq!(at_ann.hear().await["data"], json!({ "username": "bob", "is_online": true }));
    let second = Client::open(&nodes.chats[2], &bob).await;
    drop(first);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(at_ann.heard().await.is_empty());
    let seen = nodes.chats[1].user(&UserKey::Id(bob.id)).await.unwrap();
    assert_eq!(serde_json::to_value(nodes.chats[1].user_view(seen)).unwrap()["is_online"], true);
    drop(second);

    assert_eq!(at_ann.hear().await["data"], json!({ "username": "bob", "is_online": false }));
}

#[tokio::test(start_paused = true)]
async fn who_was_at_a_node_that_is_killed_is_offline_within_ten_seconds() {
    let mut nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    nodes.chats[0].add_contact(ann.id, bob.username.clone()).await.unwrap();
    let mut at_ann = Client::open(&nodes.chats[1], &ann).await;
    let mut at_bob = Client::open(&nodes.chats[0], &bob).await;
    assert_eq!(at_ann.hear().await["data"]["is_online"], true);
    at_bob.heard().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(at_ann.heard().await.is_empty(), "heartbeats keep them online");

    let killed = Instant::now();
    nodes.kill(0);

    assert_eq!(at_ann.hear().await["data"], json!({ "username": "bob", "is_online": false }));
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    let bob = nodes.chats[0].user(&UserKey::Id(bob.id)).await.unwrap();
    assert!(bob.last_online > Some(Timestamp(0)));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_later_knows_who_is_there() {
    let mut nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let _at_bob = Client::open(&nodes.chats[0], &bob).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let storage = Arc::clone(nodes.chats[0].storage());
    nodes.add(storage);
    let _at_ann = Client::open(&nodes.chats[3], &ann).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    let seen = nodes.chats[3].users(ann.id, None, None, 10).await.unwrap();
    assert_eq!(serde_json::to_value(&seen.items[0]).unwrap()["is_online"], true);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_takes_leave() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    nodes.chats[0].add_contact(ann.id, bob.username.clone()).await.unwrap();
    let mut at_ann = Client::open(&nodes.chats[1], &ann).await;
    let at_bob = nodes.chats[0].open_session(bob.id).await.unwrap();
    assert_eq!(at_ann.hear().await["data"]["is_online"], true);

    let stopped = Instant::now();
    nodes.chats[0].stop(Duration::ZERO).await;

    assert_eq!(at_ann.hear().await["data"]["is_online"], false);
    assert!(stopped.elapsed() < Duration::from_secs(1));
    drop(at_bob);
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_payload_told_is_found_within_a_heartbeat() {
    let nodes = Nodes::start();
    let [ann, bob, eve] = users(&nodes.chats[0], ["ann", "bob", "eve"]).await;
    let people = [ann.clone(), bob.clone(), eve.clone()];
    let kept = group(&nodes.chats[0], &people).await;
    let (left, deleted) = (group(&nodes.chats[0], &people).await, group(&nodes.chats[0], &people).await);
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;
    let mut at_eve = nodes.chats[1].open_session(eve.id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;

    nodes.links[1].deafen();
    send_some(&nodes.chats[0], &ann, kept, 3).await;
    nodes.chats[0].remove_member(ann.id, left, bob.id).await.unwrap();
    nodes.chats[0].delete_group(ann.id, deleted).await.unwrap();
    let new = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    nodes.chats[0].delete_user(eve.id, eve.id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    nodes.links[1].hear_again();
    let lost = Instant::now();

    let mut heard = vec![];
    while !(heard.contains(&("send_message".to_owned(), 3))
        && heard.contains(&("remove_member".to_owned(), 1))
        && heard.contains(&("lagged".to_owned(), 0)))
    {
        let frame = at_bob.hear().await;
        heard.push((frame["type"].as_str().unwrap().to_owned(), frame["data"]["seq"].as_i64().unwrap_or(0)));
    }
    assert!(lost.elapsed() < Duration::from_secs(5), "{:?}", lost.elapsed());
    while !matches!(at_eve.next().await, Outgoing::Close(CloseReason::LoginEnded)) {}
    tokio::time::sleep(Duration::from_secs(2)).await;
    let hub = nodes.chats[1].hub();
    assert_eq!(hub.heard_by(bob.id), [[kept, new].into()]);
    at_bob.heard().await;
    send_some(&nodes.chats[0], &ann, new, 1).await;
    assert_eq!(at_bob.hear().await["data"]["conversation_id"], json!(new));
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_mended_though_nothing_more_is_told() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;

    nodes.links[1].deafen();
    send_some(&nodes.chats[0], &ann, conversation, 1_000).await;
    nodes.links[0].cut();
    nodes.links[1].gap();

    for seq in 1..=1_000 {
        assert_eq!(at_bob.hear().await["data"]["seq"], seq);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_node_stored_and_told_nobody_is_found() {
    let mut nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;
    tokio::time::sleep(Duration::from_secs(5)).await;

    nodes.links[0].cut();
    send_some(&nodes.chats[0], &ann, conversation, 1).await;
    nodes.kill(0);

    assert_eq!(at_bob.hear().await["data"]["seq"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_that_fails_is_done_again_and_told_once() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    nodes.links[0].fail(3);
    let message = nodes.chats[0].send(ann.id, conversation, Draft::new("hi").unwrap()).await.unwrap().message.id;
    nodes.chats[0].mark_read(bob.id, vec![message]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;

    assert_eq!(kinds(&at_bob.heard().await), ["send_message", "read"]);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_held_up_for_long_loses_nothing() {
    let nodes = Nodes::on(MemoryNetwork::with_payload_bytes_max(1_024));
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;

    nodes.links[1].hold();
    for _ in 0..2_000 {
        send_some(&nodes.chats[0], &ann, conversation, 1).await;
        tokio::task::yield_now().await;
    }
    nodes.links[1].release();

    for seq in 1..=2_000 {
        assert_eq!(at_bob.hear().await["data"]["seq"], seq);
    }
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_is_away_is_read_again() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;

    nodes.storages[1].fail("events_after", 3);
    send_some(&nodes.chats[0], &ann, conversation, 1).await;
    assert_eq!(at_bob.hear().await["data"]["seq"], 1);

    nodes.storages[1].hold_reads();
    send_some(&nodes.chats[0], &ann, conversation, 1).await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    nodes.storages[1].release_reads();
    assert_eq!(at_bob.hear().await["data"]["seq"], 2);

    nodes.storages[1].fail("find_conversation", 1);
    let new = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    assert_eq!(at_bob.hear().await["type"], "lagged");
    assert!(nodes.chats[1].hub().hearers(new) > 0);
}

#[tokio::test]
async fn the_asking_session_gets_its_answer_in_its_place_though_another_node_was_faster() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_ann = Client::open(&nodes.chats[0], &ann).await;

    nodes.links[0].hold();
    send_some(&nodes.chats[1], &bob, conversation, 3).await;
    let mut request = say(conversation, "hi");
    request["ref"] = json!("r");
    at_ann.ask(&request).await;

    for seq in 1..=3 {
        assert_eq!(at_ann.hear().await["data"]["seq"], seq);
    }
    let answer = at_ann.hear().await;
    assert_eq!((&answer["data"]["seq"], &answer["ref"]), (&json!(4), &json!("r")));
    nodes.links[0].release();
    assert!(at_ann.heard().await.is_empty());
}

/// Its snapshot would hold the event without the answer.
#[tokio::test]
async fn a_snapshot_waits_for_the_answer_to_the_request_before_it() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_ann = Client::open(&nodes.chats[0], &ann).await;

    nodes.links[0].hold();
    send_some(&nodes.chats[1], &bob, conversation, 1).await;
    nodes.storages[0].hold_reads();
    let mut request = say(conversation, "hi");
    request["ref"] = json!("r");
    at_ann.ask(&request).await;
    let snapshot = async { at_ann.asks(json!({ "type": "sync", "ref": "s" })).await };
    let reading = async {
        while nodes.storages[0].calls("events_after") == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        nodes.storages[0].release_reads();
    };
    let (first, ()) = tokio::join!(snapshot, reading);

    assert_eq!(first["data"]["seq"], 1);
    let answer = at_ann.hear().await;
    assert_eq!((&answer["data"]["seq"], &answer["ref"]), (&json!(2), &json!("r")));
    assert_eq!(at_ann.hear().await["ref"], "s");
}

#[tokio::test]
async fn a_read_waits_for_the_batch_that_may_hold_the_same_events() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let mut at_ann = Client::open(&nodes.chats[0], &ann).await;

    nodes.storages[0].hold();
    let mut request = say(conversation, "slow");
    request["ref"] = json!("r");
    at_ann.ask(&request).await;
    at_ann.waits(&nodes.storages[0]).await;
    send_some(&nodes.chats[1], &bob, conversation, 1).await;
    while nodes.storages[0].calls("events_after") == 0 {
        tokio::task::yield_now().await;
    }
    nodes.storages[0].release();

    assert_eq!(at_ann.hear().await["data"]["seq"], 1);
    let answer = at_ann.hear().await;
    assert_eq!((&answer["data"]["seq"], &answer["ref"]), (&json!(2), &json!("r")));
}

#[tokio::test]
async fn what_a_host_stores_in_a_transaction_of_its_own_is_heard_on_every_node() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], std::slice::from_ref(&ann)).await;
    let mut at_ann = Client::open(&nodes.chats[0], &ann).await;
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;
    let add = Action::AddMember { conversation, user: bob.id, role: Some(Role::Admin) };
    let send = Action::Send { conversation, draft: Draft::new("order 7 is on its way").unwrap() };

    for action in [add, send] {
        let change = Change { actor: ann.id, at: Timestamp(1), action };
        let appended = nodes.chats[0].storage().append(std::slice::from_ref(&change)).await.unwrap().remove(0).unwrap();
        for payload in chat_core::link::payloads_of(&change.action, &appended, nodes.links[0].payload_bytes_max()) {
            nodes.network.announce(&payload);
        }
    }

    for client in [&mut at_ann, &mut at_bob] {
        assert_eq!(client.hear().await["type"], "add_member");
        assert_eq!(client.hear().await["data"]["content"], "order 7 is on its way");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_open_in_the_middle_of_it_miss_nothing_after_their_snapshot() {
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await;
    let talking = tokio::spawn({
        let (chats, ann) = (nodes.chats.clone(), ann.clone());
        async move {
            for n in 0..1_500 {
                send_some(&chats[n % 3], &ann, conversation, 1).await;
                tokio::task::yield_now().await;
            }
        }
    });
    let mut coming = vec![];
    for n in 0..60 {
        let (chat, bob) = (nodes.chats[n % 3].clone(), bob.clone());
        coming.push(tokio::spawn(async move {
            let mut client = Client::open(&chat, &bob).await;
            client.ask(&json!({ "type": "sync", "ref": 1 })).await;
            let snapshot = loop {
                let frame = client.hear().await;
                if frame["ref"] == 1 {
                    break frame;
                }
            };
            let seen = snapshot["data"]["conversations"][0]["last_seq"].as_i64().unwrap();
            for seq in seen + 1..=(seen + 20).min(1_500) {
                assert_eq!(client.hear().await["data"]["seq"], seq);
            }
        }));
        tokio::task::yield_now().await;
    }
    for task in coming {
        task.await.unwrap();
    }
    talking.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_hears_what_was_said_after_they_were_put_out() {
    let nodes = Nodes::start();
    let [ann, bob, eve] = users(&nodes.chats[0], ["ann", "bob", "eve"]).await;
    let conversation = group(&nodes.chats[0], &[ann.clone(), eve.clone()]).await;
    let _listening = [Client::open(&nodes.chats[1], &eve).await, Client::open(&nodes.chats[2], &eve).await];

    for round in 0..100 {
        let chat = &nodes.chats[round % 3];
        let opening = tokio::spawn({
            let (chat, bob) = (nodes.chats[(round + 1) % 3].clone(), bob.clone());
            async move { Client::open(&chat, &bob).await }
        });
        chat.add_member(ann.id, conversation, bob.id, None).await.unwrap();
        nodes.chats[(round + 2) % 3].remove_member(ann.id, conversation, bob.id).await.unwrap();
        let after = Draft::new(format!("after {round}")).unwrap();
        chat.send(ann.id, conversation, after).await.unwrap();
        let mut at_bob = opening.await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while nodes.chats[(round + 1) % 3].hub().heard_by(bob.id) != [[].into()] {
            assert!(Instant::now() < deadline, "round {round}: still heard");
            tokio::task::yield_now().await;
        }
        let heard = at_bob.heard().await;
        let after = format!("after {round}");
        assert!(heard.iter().all(|frame| frame["data"]["content"] != after), "round {round}: {heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_engine_tells_the_others_only_that_it_is_there() {
    let nodes = Nodes::start();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = nodes.links[0].broadcasts();

    tokio::time::sleep(Duration::from_secs(300)).await;

    assert_eq!(nodes.links[0].broadcasts() - before, 150);
}

#[tokio::test]
async fn a_session_with_an_identity_hears_the_others() {
    let nodes = Nodes::start();
    let [ann] = users(&nodes.chats[0], ["ann"]).await;
    let identity = Identity::from(ann.id);
    let mut sessions =
        [nodes.chats[0].open_session(identity).await.unwrap(), nodes.chats[1].open_session(identity).await.unwrap()];
    let conversation = group(&nodes.chats[2], std::slice::from_ref(&ann)).await;
    for session in &mut sessions {
        assert!(matches!(session.next().await, Outgoing::Frames(_)));
    }
    assert!(nodes.chats[0].hub().hearers(conversation) > 0);
}

/// What was read may be in the batch that is being stored, and waits for it: all of it for the same batch.
#[tokio::test(start_paused = true)]
async fn however_slow_batches_are_conversations_catch_up_side_by_side() {
    const CONVERSATIONS: usize = 40;
    let nodes = Nodes::start();
    let [ann, bob] = users(&nodes.chats[0], ["ann", "bob"]).await;
    let own = group(&nodes.chats[1], std::slice::from_ref(&ann)).await;
    let mut conversations = vec![];
    for _ in 0..CONVERSATIONS {
        conversations.push(group(&nodes.chats[0], &[ann.clone(), bob.clone()]).await);
    }
    let mut at_bob = Client::open(&nodes.chats[1], &bob).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    at_bob.heard().await;
    let (chat, storage, busy) = (nodes.chats[1].clone(), Arc::clone(&nodes.storages[1]), ann.id);
    let storing = tokio::spawn(async move {
        loop {
            storage.hold();
            let slow = async {
                storage.waited_for().await;
                tokio::time::sleep(Duration::from_millis(900)).await;
                storage.release();
            };
            let (sent, ()) = tokio::join!(chat.send(busy, own, Draft::new("busy").unwrap()), slow);
            sent.unwrap();
        }
    });
    nodes.storages[1].waited_for().await;

    let begun = Instant::now();
    for conversation in conversations {
        send_some(&nodes.chats[0], &ann, conversation, 1).await;
    }
    for _ in 0..CONVERSATIONS {
        hear_of(&mut at_bob, "send_message").await;
    }

    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    storing.abort();
}
