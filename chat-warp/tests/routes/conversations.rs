//! Conversations and messages.

use crate::{Fixture, Person};
use serde_json::{Value, json};

async fn say(fixture: &Fixture, person: &Person, conversation: i64, content: &str) -> i64 {
    let path = format!("/conversations/{conversation}/messages");
    let message = fixture.ask(person, "POST", &path, json!({ "content": content })).await.expect(201);
    message["id"].as_i64().unwrap()
}

async fn direct(fixture: &Fixture, person: &Person, other: &Person) -> i64 {
    fixture.chat.direct(person.id, other.id).await.unwrap().0.id.get()
}

fn contents(page: &Value) -> Vec<&str> {
    page["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_direct_conversation_exists_once() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let path = |person: &Person| format!("/conversations/direct/{}", person.id);
    let new = fixture.ask(&ann, "PUT", &path(&bob), Value::Null).await.expect(201);
    assert_eq!((&new["kind"], new["members"].as_array().unwrap().len()), (&json!("direct"), 2));
    let old = fixture.ask(&bob, "PUT", &path(&ann), Value::Null).await.expect(200);
    assert_eq!(old["id"], new["id"]);
    let listed = fixture.get(&ann, "/conversations").await.expect(200);
    assert_eq!((&listed["conversations"][0]["id"], &listed["conversations"][0]["unread"]), (&new["id"], &json!(0)));
    let found = fixture.get(&ann, &format!("/conversations/{}", new["id"])).await.expect(200);
    assert_eq!(found["members"][0]["username"], "ann");
}

#[tokio::test]
async fn messages_are_paged_both_ways() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let conversation = direct(&fixture, &ann, &bob).await;
    let mut ids = vec![];
    for content in ["one", "two", "three"] {
        ids.push(say(&fixture, &ann, conversation, content).await);
    }
    let path = format!("/conversations/{conversation}/messages");
    let newest = fixture.get(&bob, &format!("{path}?limit=2")).await.expect(200);
    assert_eq!((contents(&newest), &newest["next"]), (vec!["three", "two"], &json!(ids[1])));
    let before = fixture.get(&bob, &format!("{path}?before={}", newest["next"])).await.expect(200);
    assert_eq!((contents(&before), &before["next"]), (vec!["one"], &Value::Null));
    let after = fixture.get(&bob, &format!("{path}?after={}", ids[0])).await.expect(200);
    assert_eq!(contents(&after), ["two", "three"]);
    assert_eq!(fixture.get(&bob, &format!("{path}?after=1&before=2")).await.wrong_field(422), "after");
}

#[tokio::test]
async fn a_nonce_sends_once() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let conversation = direct(&fixture, &ann, &bob).await;
    let path = format!("/conversations/{conversation}/messages");
    let body = json!({ "content": "hello", "nonce": "n1" });
    let new = fixture.ask(&ann, "POST", &path, body.clone()).await.expect(201);
    assert_eq!(fixture.ask(&ann, "POST", &path, body).await.expect(200), new);
    let other = json!({ "content": "other", "nonce": "n1" });
    assert_eq!(fixture.ask(&ann, "POST", &path, other).await.wrong_field(409), "nonce");
}

#[tokio::test]
async fn a_message_goes_to_a_user_or_a_group_in_ones_own_name() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let send = |body| fixture.ask(&ann, "POST", "/messages/send_message", body);
    let sent = send(json!({ "sender_id": ann.id, "receiver_id": bob.id, "content": "hi" })).await.expect(201);
    let group = sent["conversation_id"].clone();
    assert_eq!(send(json!({ "receiver_id": group, "content": "again" })).await.expect(201)["seq"], 2);
    let forged = json!({ "sender_id": bob.id, "receiver_id": bob.id, "content": "hi" });
    assert_eq!(send(forged).await.problem(403), "forbidden");
    assert_eq!(send(json!({ "receiver_id": 999, "content": "hi" })).await.problem(404), "not_found");
}

#[tokio::test]
async fn a_message_is_edited_and_deleted() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let conversation = direct(&fixture, &ann, &bob).await;
    let path = format!("/messages/{}", say(&fixture, &ann, conversation, "helo").await);
    for (method, content) in [("PATCH", "hello"), ("PUT", "hello!")] {
        let edited = fixture.ask(&ann, method, &path, json!({ "content": content })).await.expect(200);
        assert_eq!(edited["content"], content);
    }
    assert_eq!(fixture.ask(&bob, "PATCH", &path, json!({ "content": "x" })).await.problem(403), "forbidden");
    let deleted = fixture.ask(&ann, "DELETE", &path, Value::Null).await.expect(200);
    assert_eq!((&deleted["content"], &deleted["deleted"]), (&json!(""), &json!(true)));
    assert_eq!(fixture.get(&bob, &path).await.expect(200)["deleted"], true);
}

#[tokio::test]
async fn messages_are_marked_as_read_for_oneself() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let conversation = direct(&fixture, &ann, &bob).await;
    let message = say(&fixture, &ann, conversation, "hello").await;
    let mark = |body| fixture.ask(&bob, "PUT", "/messages/read", body);
    mark(json!({ "user_id": bob.id, "message_ids": [message] })).await.expect(200);
    let listed = fixture.get(&bob, "/conversations").await.expect(200);
    assert_eq!(listed["conversations"][0]["read_up_to"], message);
    assert_eq!(mark(json!({ "user_id": ann.id, "message_ids": [message] })).await.problem(403), "forbidden");
    assert_eq!(mark(json!({ "message_ids": [] })).await.wrong_field(422), "message_ids");
}

#[tokio::test]
async fn events_are_listed_in_order() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let conversation = direct(&fixture, &ann, &bob).await;
    for content in ["one", "two", "three"] {
        say(&fixture, &ann, conversation, content).await;
    }
    let path = format!("/conversations/{conversation}/events");
    let page = fixture.get(&bob, &format!("{path}?limit=2")).await.expect(200);
    assert_eq!((&page["events"][0]["type"], &page["events"][1]["data"]["seq"]), (&json!("send_message"), &json!(2)));
    let rest = fixture.get(&bob, &format!("{path}?after={}", page["next"])).await.expect(200);
    assert_eq!((&rest["events"][0]["data"]["seq"], &rest["next"]), (&json!(3), &Value::Null));
    let eve = fixture.person("eve").await;
    assert_eq!(fixture.get(&eve, &path).await.problem(404), "not_found");
}
