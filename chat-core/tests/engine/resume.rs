use crate::client::{Client, chat, group, users};
use chat_core::testing::HeldStorage;
use chat_core::{Chat, ConversationId, Draft, Limits, MemoryStorage, UserId, limits};
use futures::future::join_all;
use serde_json::{Value, json};
use std::sync::Arc;

async fn send(chat: &Chat, sender: UserId, conversation: ConversationId, count: usize) {
    let sends = (0..count).map(|n| chat.send(sender, conversation, Draft::new(n.to_string()).unwrap()));
    assert!(join_all(sends).await.iter().all(Result::is_ok));
}

async fn epoch(chat: &Chat) -> Value {
    json!(chat.storage().epoch().await.unwrap())
}

fn resume(epoch: &Value, conversation: ConversationId, seq: i64) -> Value {
    json!({ "type": "resume", "epoch": epoch, "conversations": { conversation.to_string(): seq } })
}

/// Everything up to the answer of a `resume`, and the answer's conversations.
async fn resumed(client: &mut Client, request: Value) -> (Vec<Value>, Value) {
    client.ask(&request).await;
    let mut events = vec![];
    loop {
        let frame = client.hear().await;
        if frame["type"] == "resume" {
            return (events, frame["data"]["conversations"].clone());
        }
        events.push(frame);
    }
}

fn seqs(frames: &[Value]) -> Vec<i64> {
    frames.iter().map(|frame| frame["data"]["seq"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_snapshot_tells_all_conversations_and_what_follows_is_live() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    send(&chat, bob.id, conversation, 3).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    let snapshot = at_ann.asks(json!({ "type": "sync", "ref": 1 })).await;
    send(&chat, bob.id, conversation, 1).await;

    assert_eq!(snapshot["ref"], 1);
    assert_eq!(snapshot["data"]["epoch"], epoch(&chat).await);
    let listed = &snapshot["data"]["conversations"][0];
    assert_eq!((&listed["last_seq"], &listed["unread"], &listed["read_up_to"]), (&json!(3), &json!(3), &Value::Null));
    assert_eq!(seqs(&at_ann.heard().await), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn between_a_snapshot_and_the_live_events_there_is_no_gap_and_no_overlap() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;

    for round in 0..50 {
        let mut at_ann = Client::open(&chat, &ann).await;
        let sending = tokio::spawn({
            let chat = chat.clone();
            async move { send(&chat, bob.id, conversation, 20).await }
        });
        at_ann.ask(&json!({ "type": "sync" })).await;
        sending.await.unwrap();
        let heard = at_ann.heard().await;

        let snapshot = heard.iter().position(|frame| frame["type"] == "sync").unwrap();
        let last_seq = heard[snapshot]["data"]["conversations"][0]["last_seq"].as_i64().unwrap();
        let total = 20 * (round + 1);
        assert_eq!(seqs(&heard[snapshot + 1..]), (last_seq + 1..=total).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_was_missed_comes_in_order_as_ordinary_frames() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut watching = Client::open(&chat, &bob).await;
    send(&chat, bob.id, conversation, 3).await;
    let first = chat.messages(bob.id, conversation, chat_core::History::Oldest, 1).await.unwrap().items.remove(0);
    chat.edit(bob.id, first.id, "other words".parse().unwrap()).await.unwrap();
    chat.update_group(ann.id, conversation, Some("renamed".parse().unwrap()), None).await.unwrap();
    let live = watching.heard().await;
    let mut at_ann = Client::open(&chat, &ann).await;

    let (events, conversations) = resumed(&mut at_ann, resume(&epoch(&chat).await, conversation, 1)).await;

    assert_eq!(events, live[1..]);
    let expected = json!([{ "id": conversation, "last_seq": 5, "unread": 3, "read_up_to": null, "reset": false }]);
    assert_eq!(conversations, expected);
}

#[tokio::test]
async fn whoever_has_seen_all_has_missed_nothing() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    send(&chat, ann.id, conversation, 2).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    let (events, conversations) = resumed(&mut at_ann, resume(&epoch(&chat).await, conversation, 2)).await;

    assert!(events.is_empty());
    assert_eq!(conversations[0]["reset"], false);
}

#[tokio::test]
async fn another_history_or_too_large_a_gap_is_a_reset_and_never_a_part() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let too_many = limits::RESUME_EVENTS_MAX + 1;
    send(&chat, ann.id, conversation, usize::try_from(too_many).unwrap()).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let epoch = epoch(&chat).await;

    for (epoch, seen) in [(&epoch, 0), (&json!("another"), too_many), (&epoch, too_many + 1)] {
        let (events, conversations) = resumed(&mut at_ann, resume(epoch, conversation, seen)).await;
        assert!(events.is_empty());
        assert_eq!(
            conversations,
            json!([{ "id": conversation, "last_seq": too_many, "unread": 0, "read_up_to": null, "reset": true }])
        );
    }
    let (events, _) = resumed(&mut at_ann, resume(&epoch, conversation, 1)).await;
    assert_eq!(seqs(&events), (2..=too_many).collect::<Vec<_>>());
}

#[tokio::test]
async fn whoever_was_removed_learns_that_and_no_more() {
    let chat = chat();
    let [ann, bob, eve] = users(&chat, ["ann", "bob", "eve"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    send(&chat, ann.id, conversation, 1).await;
    chat.remove_member(ann.id, conversation, bob.id).await.unwrap();
    send(&chat, ann.id, conversation, 1).await;

    for user in [&bob, &eve] {
        let mut client = Client::open(&chat, user).await;
        let (events, conversations) = resumed(&mut client, resume(&epoch(&chat).await, conversation, 1)).await;
        assert!(events.is_empty());
        assert_eq!(
            conversations,
            json!([{ "id": conversation, "last_seq": null, "unread": 0, "read_up_to": null, "reset": true }])
        );
    }
}

#[tokio::test]
async fn a_conversation_that_the_client_does_not_name_is_to_be_fetched() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let request = json!({ "type": "resume", "epoch": epoch(&chat).await, "conversations": {} });

    let (_, conversations) = resumed(&mut at_ann, request).await;

    assert_eq!(
        conversations,
        json!([{ "id": conversation, "last_seq": 0, "unread": 0, "read_up_to": null, "reset": true }])
    );
}

#[tokio::test]
async fn the_answer_tells_how_far_the_user_has_read_meanwhile() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    send(&chat, bob.id, conversation, 2).await;
    let first = chat.messages(ann.id, conversation, chat_core::History::Oldest, 1).await.unwrap().items.remove(0);
    let mut at_ann = Client::open(&chat, &ann).await;
    chat.mark_read(ann.id, vec![first.id]).await.unwrap();

    let (_, conversations) = resumed(&mut at_ann, resume(&epoch(&chat).await, conversation, 2)).await;

    assert_eq!((&conversations[0]["read_up_to"], &conversations[0]["unread"]), (&json!(first.id), &json!(1)));
}

#[tokio::test]
async fn the_answer_names_the_history_by_which_to_resume_the_next_time() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    let answer = at_ann.asks(json!({ "type": "resume", "epoch": "another", "conversations": {} })).await;

    assert_eq!(answer["data"]["epoch"], epoch(&chat).await);
}

#[tokio::test]
async fn a_malformed_resume_names_the_field_and_holds_nothing_back() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    for (request, field) in [
        (json!({ "type": "resume", "conversations": {} }), "epoch"),
        (json!({ "type": "resume", "epoch": "e" }), "conversations"),
        (json!({ "type": "resume", "epoch": "e", "conversations": { "x": 1 } }), "conversations"),
        (json!({ "type": "resume", "epoch": "e", "conversations": { "1": -1 } }), "conversations"),
    ] {
        let answer = at_ann.asks(request).await;
        assert!(answer["error"].as_str().unwrap().starts_with(field), "{answer}");
    }
    send(&chat, ann.id, conversation, 1).await;
    assert_eq!(seqs(&at_ann.heard().await), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sessions_that_return_at_once_share_their_reads() {
    let storage = Arc::new(HeldStorage::new(Arc::new(MemoryStorage::new())));
    let mut limits = Limits::default();
    limits.sessions_per_user_max = 1_000;
    let chat = Chat::builder(storage.clone()).limits(limits).build();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    send(&chat, ann.id, conversation, 100).await;
    let epoch = epoch(&chat).await;
    let mut clients = vec![];
    for _ in 0..1_000 {
        clients.push(Client::open(&chat, &ann).await);
    }

    storage.hold_reads();
    let resumes = clients.into_iter().map(|mut client| {
        let request = resume(&epoch, conversation, 0);
        tokio::spawn(async move { resumed(&mut client, request).await.0.len() })
    });
    let resumes: Vec<_> = resumes.collect();
    while storage.calls("list_positions") < 1_000 {
        tokio::task::yield_now().await;
    }
    storage.release_reads();

    for resume in resumes {
        assert_eq!(resume.await.unwrap(), 100);
    }
    let reads = storage.calls("events_after");
    assert!(reads <= 3, "{reads} reads");
}

#[tokio::test]
async fn too_many_missed_bytes_are_a_reset() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let long = "x".repeat(limits::CONTENT_BYTES_MAX);
    let count = limits::RESUME_BYTES_MAX / long.len() + 1;
    let mut conversations = vec![];
    for _ in 0..2 {
        let conversation = group(&chat, std::slice::from_ref(&ann)).await;
        let sends = (0..count).map(|_| chat.send(ann.id, conversation, Draft::new(long.clone()).unwrap()));
        assert!(join_all(sends).await.iter().all(Result::is_ok));
        conversations.push(conversation);
    }
    let mut at_ann = Client::open(&chat, &ann).await;
    let seen = json!({ conversations[0].to_string(): 0, conversations[1].to_string(): count - 1 });
    let request = json!({ "type": "resume", "epoch": epoch(&chat).await, "conversations": seen });

    let (events, answered) = resumed(&mut at_ann, request).await;

    assert_eq!(events.len(), 1);
    let resets: Vec<_> = answered.as_array().unwrap().iter().map(|entry| (&entry["id"], &entry["reset"])).collect();
    assert_eq!(resets, [(&json!(conversations[0]), &json!(true)), (&json!(conversations[1]), &json!(false))]);
}
