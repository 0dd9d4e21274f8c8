use crate::client::{Client, chat, group, users};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

fn typing(conversation: chat_core::ConversationId, is_typing: bool) -> Value {
    json!({ "type": "typing", "conversation_id": conversation, "is_typing": is_typing })
}

#[tokio::test(start_paused = true)]
async fn typing_is_shown_to_the_others_and_ends_by_itself() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let (mut at_ann, mut at_bob) = (Client::open(&chat, &ann).await, Client::open(&chat, &bob).await);

    at_ann.ask(&typing(conversation, true)).await;
    assert!(at_ann.heard().await.is_empty());

    let began = Instant::now();
    let shown = json!({ "conversation_id": conversation, "username": "ann", "is_typing": true });
    assert_eq!(at_bob.hear().await["data"], shown);
    assert_eq!(at_bob.hear().await["data"]["is_typing"], false);
    assert!((6..8).contains(&began.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn typing_is_shown_once_a_second_at_most() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut at_bob = Client::open(&chat, &bob).await;
    let began = Instant::now();

    let mut shown = 0;
    while began.elapsed() < Duration::from_secs(5) {
        chat.set_typing(ann.id, conversation, true).await.unwrap();
        shown += at_bob.heard().await.len();
        chat.set_typing(ann.id, conversation, false).await.unwrap();
        at_bob.heard().await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }

    assert_eq!(shown, 5);
}

#[tokio::test]
async fn typing_is_answered_when_a_ref_asks_for_it_and_refused_to_strangers() {
    let chat = chat();
    let [ann, eve] = users(&chat, ["ann", "eve"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let (mut at_ann, mut at_eve) = (Client::open(&chat, &ann).await, Client::open(&chat, &eve).await);
    let mut request = typing(conversation, true);

    assert_eq!(at_eve.asks(request.clone()).await["code"], "not_found");
    request["ref"] = json!("r");
    assert_eq!(at_ann.asks(request).await["ref"], "r");
}

#[tokio::test]
async fn one_user_is_shown_as_typing_in_a_few_places_only() {
    let chat = chat();
    let [ann, bob, eve] = users(&chat, ["ann", "bob", "eve"]).await;
    let mut at_bob = Client::open(&chat, &bob).await;
    let places = chat.limits().typing_places_max;
    for _ in 0..places + 5 {
        let conversation = group(&chat, &[ann.clone(), bob.clone(), eve.clone()]).await;
        at_bob.hear().await;
        chat.set_typing(ann.id, conversation, true).await.unwrap();
        chat.set_typing(eve.id, conversation, true).await.unwrap();
    }

    assert_eq!(at_bob.heard().await.len(), 2 * places);
}
