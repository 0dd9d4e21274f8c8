use crate::client::{Client, chat, group, users};
use async_trait::async_trait;
use chat_core::{
    Audience, Authenticate, Chat, CloseReason, Error, Identity, Incoming, ManualClock, MemoryStorage, Outgoing,
    Timestamp, UserId,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_message_reaches_every_session_of_every_member_and_no_one_else() {
    let chat = chat();
    let [ann, bob, eve] = users(&chat, ["ann", "bob", "eve"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let mut at_bob = [Client::open(&chat, &bob).await, Client::open(&chat, &bob).await];
    let mut at_eve = Client::open(&chat, &eve).await;

    at_ann
        .ask(&json!({ "type": "send_message", "conversation_id": conversation, "content": "hi", "nonce": "n1" }))
        .await;

    let sent = at_ann.hear().await;
    assert_eq!(sent["data"]["seq"], 1);
    assert_eq!(sent["data"]["nonce"], "n1");
    for client in &mut at_bob {
        assert_eq!(client.hear().await, sent);
    }
    assert!(at_eve.heard().await.is_empty());
}

#[tokio::test]
async fn only_the_asking_session_gets_its_ref_back_and_gets_the_event_once() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut asking = Client::open(&chat, &ann).await;
    let mut other = Client::open(&chat, &ann).await;

    asking.ask(&json!({ "type": "send_message", "conversation_id": conversation, "content": "hi", "ref": 7 })).await;

    assert_eq!(asking.hear().await["ref"], 7);
    assert_eq!(asking.heard().await.len(), 0);
    let heard = other.heard().await;
    assert_eq!(heard.len(), 1);
    assert!(heard[0].get("ref").is_none());
}

#[tokio::test]
async fn a_repeated_nonce_is_answered_to_the_asking_session_alone() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let mut at_bob = Client::open(&chat, &bob).await;
    let request = json!({ "type": "send_message", "conversation_id": conversation, "content": "hi", "nonce": "n1" });

    let first = at_ann.asks(request.clone()).await;
    let second = at_ann.asks(request).await;

    assert_eq!(first["data"], second["data"]);
    assert_eq!(at_bob.heard().await.len(), 1);
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_session_lives_on() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let mut client = Client::open(&chat, &ann).await;

    for (text, code) in [
        ("", "malformed"),
        ("[]", "malformed"),
        ("{", "malformed"),
        ("{}", "invalid"),
        (r#"{"type":5}"#, "invalid"),
        (r#"{"type":"nonsense"}"#, "invalid"),
        (r#"{"type":"ping","ref":[]}"#, "invalid"),
    ] {
        client.session.receive(Incoming::Text(text.to_owned().into()));
        let answer = client.hear().await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{text}");
    }
    client.session.receive(Incoming::Binary);
    assert_eq!(client.hear().await["type"], "error");
    assert_eq!(client.asks(json!({ "type": "ping" })).await["data"], "pong");
}

#[tokio::test]
async fn a_removed_member_hears_of_it_and_of_nothing_after() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let mut at_bob = Client::open(&chat, &bob).await;

    at_ann.asks(json!({ "type": "remove_member", "conversation_id": conversation, "username": "bob" })).await;
    at_ann.asks(json!({ "type": "send_message", "conversation_id": conversation, "content": "gone?" })).await;

    let heard = at_bob.heard().await;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0]["type"], "remove_member");
    assert_eq!(
        heard[0]["data"],
        json!({
            "conversation_id": conversation, "seq": 1, "user_id": bob.id, "username": "bob", "by": "ann", "messages_deleted": false,
        })
    );
}

#[tokio::test]
async fn an_added_member_hears_of_it_and_of_all_after() {
    let chat = chat();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut at_ann = Client::open(&chat, &ann).await;
    let mut at_bob = Client::open(&chat, &bob).await;

    at_ann.asks(json!({ "type": "add_member", "conversation_id": conversation, "username": "bob" })).await;
    at_ann.asks(json!({ "type": "send_message", "conversation_id": conversation, "content": "welcome" })).await;

    let heard: Vec<_> = at_bob.heard().await.into_iter().map(|frame| frame["type"].clone()).collect();
    assert_eq!(heard, ["add_member", "send_message"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_answers_no_ping_is_closed_after_two() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let mut session = chat.open_session(ann.id).await.unwrap();

    assert_eq!(session.next().await, Outgoing::Ping);
    assert_eq!(session.next().await, Outgoing::Ping);
    assert_eq!(session.next().await, Outgoing::Close(CloseReason::Unresponsive));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_answers_pings_stays_open() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let mut session = chat.open_session(ann.id).await.unwrap();

    for _ in 0..10 {
        assert_eq!(session.next().await, Outgoing::Ping);
        session.receive(Incoming::Pong);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_the_login_that_opened_it() {
    let clock = Arc::new(ManualClock::default());
    let chat = Chat::builder(Arc::new(MemoryStorage::new())).clock(clock.clone()).build();
    let [ann] = users(&chat, ["ann"]).await;
    let expires_at = Some(Timestamp(10));
    let mut session = chat.open_session(Identity { expires_at, ..Identity::from(ann.id) }).await.unwrap();

    clock.advance(Duration::from_secs(10));

    assert_eq!(session.next().await, Outgoing::Close(CloseReason::LoginEnded));
}

/// Knows one token: the user's id.
struct Badges;

#[async_trait]
impl Authenticate for Badges {
    async fn authenticate(&self, token: &str) -> Result<Identity, Error> {
        let user = token.parse::<UserId>().map_err(|_| Error::Unauthorized("not a badge"))?;
        Ok(Identity { expires_at: Some(Timestamp(1_000)), ..Identity::from(user) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_token_extends_the_life_of_a_session() {
    let clock = Arc::new(ManualClock::default());
    let storage = Arc::new(MemoryStorage::new());
    let chat = Chat::builder(storage).clock(clock.clone()).identities(Arc::new(Badges)).build();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let short = Identity { expires_at: Some(Timestamp(10)), ..Identity::from(ann.id) };
    let mut client = Client::of(chat.open_session(short).await.unwrap());

    for (token, code) in [("forged".to_owned(), "unauthorized"), (bob.id.to_string(), "forbidden")] {
        assert_eq!(client.asks(json!({ "type": "login", "token": token })).await["code"], code);
    }
    let answer = client.asks(json!({ "type": "login", "token": ann.id.to_string() })).await;
    assert_eq!(answer["data"]["expires_at"], 1_000);

    clock.advance(Duration::from_secs(999));
    assert_eq!(client.asks(json!({ "type": "ping" })).await["data"], "pong");
    clock.advance(Duration::from_secs(1));
    assert_eq!(client.session.next().await, Outgoing::Close(CloseReason::LoginEnded));
}

#[tokio::test]
async fn a_revoked_login_ends_its_session_before_what_waits() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut session = chat.open_session(ann.id).await.unwrap();
    chat.send(ann.id, conversation, chat_core::Draft::new("late").unwrap()).await.unwrap();

    chat.close_sessions(Audience::User(ann.id), CloseReason::LoginEnded);

    assert_eq!(session.next().await, Outgoing::Close(CloseReason::LoginEnded));
}

#[tokio::test]
async fn a_user_who_does_not_exist_gets_no_session() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    chat.delete_user(ann.id, ann.id).await.unwrap();

    assert!(chat.open_session(ann.id).await.is_err());
    assert!(
        chat.open_session(Identity { login: Some(99.try_into().unwrap()), ..Identity::from(ann.id) }).await.is_err()
    );
}

#[tokio::test]
async fn stopping_closes_sessions_once_all_is_written() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut session = chat.open_session(ann.id).await.unwrap();
    chat.send(ann.id, conversation, chat_core::Draft::new("last words").unwrap()).await.unwrap();

    let stopping = tokio::spawn({
        let chat = chat.clone();
        async move { chat.stop(Duration::from_secs(60)).await }
    });

    assert!(matches!(session.next().await, Outgoing::Frames(frames) if frames.len() == 1));
    assert_eq!(session.next().await, Outgoing::Close(CloseReason::GoingAway));
    drop(session);
    stopping.await.unwrap();
    assert!(chat.open_session(ann.id).await.is_err());
    assert!(chat.send(ann.id, conversation, chat_core::Draft::new("too late").unwrap()).await.is_err());
    let ann = chat.user(&chat_core::UserKey::Id(ann.id)).await.unwrap();
    assert!(ann.last_online > Some(Timestamp(0)));
}

#[tokio::test]
async fn a_dropped_session_leaves_the_hub() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let session = chat.open_session(ann.id).await.unwrap();
    assert!(chat.hub().online(&[ann.id]).contains(&ann.id));

    drop(session);

    assert!(chat.hub().online(&[ann.id]).is_empty());
    assert_eq!(chat.sessions_open(), 0);
}

#[tokio::test]
async fn answers_come_in_the_order_of_their_requests() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    for n in 0..200 {
        at_ann
            .ask(&json!({ "type": "send_message", "conversation_id": conversation, "content": "hi", "ref": n }))
            .await;
        at_ann.ask(&json!({ "type": "ping", "ref": n })).await;
        assert_eq!(
            (at_ann.hear().await["ref"].clone(), at_ann.hear().await["data"].clone()),
            (json!(n), json!("pong"))
        );
    }
}

#[tokio::test]
async fn the_last_one_out_hears_that_the_group_is_gone() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut at_ann = Client::open(&chat, &ann).await;

    at_ann.ask(&json!({ "type": "leave_conversation", "conversation_id": conversation })).await;

    let heard: Vec<_> = at_ann.heard().await.into_iter().map(|frame| frame["type"].clone()).collect();
    assert_eq!(heard, ["leave_conversation", "delete_conversation"]);
}

#[tokio::test]
async fn a_deleted_user_is_put_out_at_once() {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let mut session = chat.open_session(ann.id).await.unwrap();

    chat.delete_user(ann.id, ann.id).await.unwrap();

    assert_eq!(session.next().await, Outgoing::Close(CloseReason::LoginEnded));
}
