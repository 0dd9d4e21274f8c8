//! Group commit, over a storage whose commits can be held and failed.

use crate::client::{Client, group, users};
use chat_core::limits::SENDS_UNDER_WAY_MAX;
use chat_core::testing::HeldStorage;
use chat_core::{Chat, ConversationId, Draft, Error, History, Incoming, MemoryStorage, Sent, User};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

async fn held() -> (Chat, Arc<HeldStorage>, User, ConversationId) {
    let storage = Arc::new(HeldStorage::new(Arc::new(MemoryStorage::new())));
    let chat = Chat::builder(storage.clone()).build();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    storage.hold();
    (chat, storage, ann, conversation)
}

fn draft(text: impl Into<String>) -> Draft {
    Draft::new(text).unwrap()
}

fn send(chat: &Chat, sender: &User, conversation: ConversationId, text: impl Into<String>) -> Sending {
    let (chat, sender, draft) = (chat.clone(), sender.id, draft(text));
    tokio::spawn(async move { chat.send(sender, conversation, draft).await })
}

type Sending = JoinHandle<Result<Sent, Error>>;

/// One message that is being stored, and so many that wait behind it.
async fn one_and_then(
    count: usize,
    chat: &Chat,
    storage: &HeldStorage,
    sender: &User,
    conversation: ConversationId,
) -> (Sending, Vec<Sending>) {
    let first = send(chat, sender, conversation, "first");
    storage.waited_for().await;
    let others = (0..count).map(|n| send(chat, sender, conversation, n.to_string())).collect();
    while chat.changes_waiting() < count {
        tokio::task::yield_now().await;
    }
    (first, others)
}

#[tokio::test]
async fn what_arrives_while_one_batch_commits_is_the_next_batch() {
    let (chat, storage, ann, conversation) = held().await;
    let before = storage.batches().len();

    let (first, others) = one_and_then(99, &chat, &storage, &ann, conversation).await;
    storage.release();

    assert_eq!(first.await.unwrap().unwrap().message.seq.get(), 1);
    for other in others {
        assert!(other.await.unwrap().unwrap().is_new);
    }
    assert_eq!(storage.batches()[before..], [1, 99]);
}

#[tokio::test]
async fn those_of_one_batch_are_told_while_the_next_one_commits() {
    let (chat, storage, ann, conversation) = held().await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let before = storage.batches().len();

    let (first, others) = one_and_then(40, &chat, &storage, &ann, conversation).await;
    storage.release_one();
    assert_eq!(first.await.unwrap().unwrap().message.seq.get(), 1);
    assert_eq!(at_ann.hear().await["data"]["content"], "first");
    storage.waited_for().await;
    assert_eq!(storage.batches()[before..], [1, 40]);
    assert!(others.iter().all(|other| !other.is_finished()), "nobody is told of what is not stored");

    storage.release();
    for other in others {
        other.await.unwrap().unwrap();
    }
    for seq in 2..=41 {
        assert_eq!(at_ann.hear().await["data"]["seq"], seq);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_changes_nothing() {
    let (chat, storage, ann, conversation) = held().await;
    let mut at_ann = Client::open(&chat, &ann).await;

    let send = send(&chat, &ann, conversation, "kept");
    storage.waited_for().await;
    send.abort();
    assert!(send.await.unwrap_err().is_cancelled());
    storage.release();

    assert_eq!(at_ann.hear().await["data"]["content"], "kept");
    let page = chat.messages(ann.id, conversation, History::Latest, 10).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn a_failed_batch_fails_each_caller_and_announces_nothing() {
    let (chat, storage, ann, conversation) = held().await;
    let mut at_ann = Client::open(&chat, &ann).await;
    storage.fail_next();

    let lost = send(&chat, &ann, conversation, "lost");
    storage.waited_for().await;
    let kept = send(&chat, &ann, conversation, "kept");
    storage.release();

    assert_eq!(lost.await.unwrap(), Err(Error::Unavailable));
    assert_eq!(kept.await.unwrap().unwrap().message.seq.get(), 1);
    assert_eq!(at_ann.heard().await.len(), 1);
    let sent =
        at_ann.asks(json!({ "type": "send_message", "conversation_id": conversation, "content": "works" })).await;
    assert_eq!(sent["data"]["seq"], 2);
}

#[tokio::test]
async fn a_storage_that_panics_fails_its_batch_and_not_the_engine() {
    let (chat, storage, ann, conversation) = held().await;
    storage.panic_next();
    storage.release();

    assert_eq!(chat.send(ann.id, conversation, draft("lost")).await, Err(Error::Unavailable));
    assert!(chat.send(ann.id, conversation, draft("kept")).await.is_ok());
}

#[tokio::test]
async fn a_slow_request_does_not_hold_up_what_is_pushed() {
    let (chat, storage, ann, conversation) = held().await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let [bob] = users(&chat, ["bob"]).await;
    chat.add_contact(ann.id, bob.username.clone()).await.unwrap();

    at_ann.ask(&json!({ "type": "rename_conversation", "conversation_id": conversation, "name": "Slow" })).await;
    let _at_bob = Client::open(&chat, &bob).await;

    assert_eq!(at_ann.hear().await["type"], "user_status");
    assert!(!at_ann.session.is_ready());
    storage.release();
    assert_eq!(at_ann.hear().await["type"], "rename_conversation");
}

#[tokio::test]
async fn sends_of_one_session_share_a_commit_and_are_answered_in_order() {
    let (chat, storage, ann, conversation) = held().await;
    let before = storage.batches().len();
    let mut at_ann = Client::open(&chat, &ann).await;
    let said = |content: &str, to: ConversationId| json!({ "type": "send_message", "conversation_id": to, "content": content, "ref": content });

    let elsewhere = ConversationId::try_from(999_999).unwrap();
    for (content, to) in [("one", conversation), ("two", conversation), ("lost", elsewhere), ("three", conversation)] {
        at_ann.ask(&said(content, to)).await;
    }
    at_ann.ask(&said(" ", conversation)).await;
    at_ann.ask(&said("four", conversation)).await;
    at_ann.ask(&json!({ "type": "ping", "ref": "ping" })).await;
    assert!(!at_ann.session.is_ready());
    at_ann.waits(&storage).await;
    storage.release();

    let (mut stored, mut refused) = (vec![], vec![]);
    while stored.last() != Some(&json!("ping")) {
        let answer = at_ann.hear().await;
        let answers = if answer["success"] == true { &mut stored } else { &mut refused };
        answers.push(answer["ref"].clone());
    }
    assert_eq!(stored, ["one", "two", "three", "four", "ping"]);
    assert_eq!(refused, ["lost", " "]);
    assert_eq!(storage.batches()[before..], [5]);
}

#[tokio::test]
async fn a_session_has_a_bounded_number_of_sends_under_way() {
    let (chat, storage, ann, conversation) = held().await;
    let mut session = chat.open_session(ann.id).await.unwrap();
    let send = json!({ "type": "send_message", "conversation_id": conversation, "content": "again" }).to_string();

    let mut sent = 0;
    while session.is_ready() {
        session.receive(Incoming::Text(send.clone().into()));
        sent += 1;
    }
    assert_eq!(sent, SENDS_UNDER_WAY_MAX);

    storage.release();
    let mut at_ann = Client::of(session);
    assert_eq!(at_ann.heard().await.len(), sent);
}

#[tokio::test]
async fn stopping_waits_for_what_is_being_stored() {
    let (chat, storage, ann, conversation) = held().await;
    let send = send(&chat, &ann, conversation, "kept");
    storage.waited_for().await;

    let stop = tokio::spawn({
        let chat = chat.clone();
        async move { chat.stop(Duration::from_secs(1)).await }
    });
    tokio::task::yield_now().await;
    assert!(!stop.is_finished());
    storage.release();

    assert!(send.await.unwrap().unwrap().is_new);
    stop.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_senders_get_one_order_that_every_member_sees() {
    let chat = crate::client::chat();
    let names: Vec<_> = (0..20).map(|n| format!("user{n}")).collect();
    let mut members = Vec::new();
    for name in &names {
        members.extend(users(&chat, [name]).await);
    }
    let conversation = group(&chat, &members).await;
    let mut clients = Vec::new();
    for member in &members {
        clients.push(Client::open(&chat, member).await);
    }

    let sends = members.iter().map(|member| {
        let (chat, sender) = (chat.clone(), member.id);
        tokio::spawn(async move {
            for n in 0..20 {
                chat.send(sender, conversation, draft(n.to_string())).await.unwrap();
            }
        })
    });
    futures::future::join_all(sends).await;

    for client in &mut clients {
        let heard: Vec<_> = client.heard().await.iter().map(|frame| frame["data"]["seq"].as_i64().unwrap()).collect();
        assert_eq!(heard, (1..=400).collect::<Vec<_>>());
    }
}
