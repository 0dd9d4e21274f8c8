use crate::client::{Client, chat, users};
use chat_core::testing::HeldStorage;
use chat_core::{Chat, ManualClock, MemoryStorage, Timestamp, UserKey};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

async fn befriend(chat: &Chat, one: &chat_core::User, other: &chat_core::User) {
    chat.add_contact(one.id, other.username.clone()).await.unwrap();
}

#[tokio::test]
async fn contacts_hear_of_the_first_session_and_of_the_last_end() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    befriend(&chat, &ann, &bob).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    let first = Client::open(&chat, &bob).await;
    assert_eq!(
        at_ann.hear().await,
        json!({
            "type": "user_status", "success": true, "data": { "username": "bob", "is_online": true },
        })
    );
    let second = Client::open(&chat, &bob).await;
    drop(first);
    assert!(at_ann.heard().await.is_empty());
    drop(second);

    assert_eq!(at_ann.hear().await["data"], json!({ "username": "bob", "is_online": false }));
}

#[tokio::test]
async fn whoever_hears_that_someone_came_or_went_can_read_when() {
    let (storage, clock) = (Arc::new(MemoryStorage::new()), Arc::new(ManualClock::new(Timestamp(1_000))));
    let chat = Chat::builder(storage).clock(clock.clone()).build();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    befriend(&chat, &ann, &bob).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let last_online = async || chat.storage().find_user(&UserKey::Id(bob.id)).await.unwrap().unwrap().last_online;
    assert_eq!(last_online().await, None);

    clock.advance(Duration::from_secs(1));
    let at_bob = Client::open(&chat, &bob).await;
    at_ann.hear().await;
    assert_eq!(last_online().await, Some(chat.clock().now()));

    clock.advance(Duration::from_secs(1));
    drop(at_bob);
    at_ann.hear().await;
    assert_eq!(last_online().await, Some(chat.clock().now()));
}

#[tokio::test]
async fn many_reconnects_at_once_leave_the_truth_behind() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    befriend(&chat, &ann, &bob).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    let reconnects = (0..100).map(|_| {
        let (chat, bob) = (chat.clone(), bob.clone());
        tokio::spawn(async move { drop(Client::open(&chat, &bob).await) })
    });
    futures::future::join_all(reconnects).await;
    let stays = Client::open(&chat, &bob).await;

    loop {
        let heard = at_ann.heard().await;
        let states: Vec<_> = heard.iter().map(|frame| frame["data"]["is_online"].as_bool().unwrap()).collect();
        if states.last() == Some(&true) {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(stays);
    assert_eq!(at_ann.hear().await["data"]["is_online"], false);
}

#[tokio::test]
async fn strangers_hear_nothing() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    drop(Client::open(&chat, &bob).await);
    chat.stop(std::time::Duration::ZERO).await;

    assert!(!matches!(at_ann.session.next().await, chat_core::Outgoing::Frames(_)));
}

#[tokio::test]
async fn contacts_of_a_deleted_user_hear_that_they_are_gone() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    befriend(&chat, &ann, &bob).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let _at_bob = Client::open(&chat, &bob).await;
    assert_eq!(at_ann.hear().await["data"]["is_online"], true);

    chat.delete_user(bob.id, bob.id).await.unwrap();

    assert_eq!(at_ann.hear().await["data"], json!({ "username": "bob", "is_online": false }));
}

#[tokio::test(start_paused = true)]
async fn contacts_who_could_not_be_told_are_told_later() {
    let storage = Arc::new(HeldStorage::new(Arc::new(MemoryStorage::new())));
    let chat = Chat::builder(storage.clone()).build();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    befriend(&chat, &ann, &bob).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let at_bob = Client::open(&chat, &bob).await;
    assert_eq!(at_ann.hear().await["data"]["is_online"], true);

    storage.fail("list_contacts", 1);
    drop(at_bob);

    assert_eq!(at_ann.hear().await["data"], json!({ "username": "bob", "is_online": false }));
}
