//! What outlives the process: after a graceful restart and after a crash, all that was acknowledged is there, once and
//! in order (API 3, guarantee).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Kind, PATIENCE, Person, Server, Socket, refusal};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How a process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It is told to.
    Graceful,
    /// It is killed.
    Crash,
}

impl End {
    async fn of(self, server: Server) -> Server {
        match self {
            Self::Graceful => server.restart().await,
            Self::Crash => server.crash().await,
        }
    }
}

/// The same person with the login of before, at a server that was started again.
async fn returning(server: &Server, person: &Person) -> Person {
    let mut returned = Person::log_in(server, &person.username).await;
    assert_eq!(returned.id, person.id);
    returned.token.clone_from(&person.token);
    returned.refresh_token.clone_from(&person.refresh_token);
    returned
}

/// What a person can see of conversations and contacts.
async fn seen(person: &Person, conversations: &[i64]) -> Vec<Value> {
    let mut seen = vec![person.get("/conversations").await.expect(200), person.get("/groups").await.expect(200)];
    for conversation in conversations {
        for path in ["", "/messages", "/events?after=0"] {
            let answer = person.get(&format!("/conversations/{conversation}{path}")).await;
            seen.push(json!([answer.status.as_u16(), answer.body]));
        }
    }
    let mut socket = person.socket().await;
    socket.ask(json!({ "type": "get_contacts" })).await;
    seen.push(socket.hear_of("get_contacts").await);
    socket.close().await;
    seen
}

async fn everything_is_there_after(end: End, server: Server) {
    let [ann, bob, cyd, dan] = server.people(["ann", "bob", "cyd", "dan"]).await;
    let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].as_i64().unwrap();
    let (group, deleted) = (ann.group(&[&bob, &cyd]).await, ann.group(&[&bob]).await);
    ann.delete(&format!("/groups/{deleted}")).await.expect(204);
    ann.patch("/users/me", json!({ "full_name": "Ann of Green Gables" })).await.expect(200);
    ann.patch(&format!("/groups/{group}"), json!({ "name": "Tea 🍵", "visibility": "public" })).await.expect(200);
    ann.put(&format!("/groups/{group}/members/{}", bob.id), json!({ "role": "admin" })).await.expect(200);
    dan.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    cyd.post(&format!("/groups/{group}/leave"), json!({})).await.expect(200);
    let question = bob.send(group, "Tea?").await["id"].clone();
    let path = format!("/conversations/{group}/messages");
    ann.post(&path, json!({ "content": "At five!", "reply_id": question, "nonce": "n1" })).await.expect(201);
    let slip = ann.send(group, "a slip").await["id"].clone();
    ann.delete(&format!("/messages/{slip}")).await.expect(200);
    let typo = ann.send(direct, "Cak?").await["id"].clone();
    ann.patch(&format!("/messages/{typo}"), json!({ "content": "Cake?" })).await.expect(200);
    bob.put("/messages/read", json!({ "message_ids": [typo] })).await.expect(200);
    let mut at_ann = ann.socket().await;
    at_ann.asks(json!({ "type": "add_contact", "contact_username": "cyd" })).await;
    at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
    at_ann.asks(json!({ "type": "remove_contact", "contact_username": "bob" })).await;
    at_ann.close().await;
    let gone = Person::log_in(&server, "dan").await;
    gone.post("/users/logout", json!({})).await.expect(204);
    let people = [ann, bob, cyd, dan];
    let conversations = [group, direct, deleted];
    let mut before = vec![];
    for person in &people {
        before.push(seen(person, &conversations).await);
    }

    let server = end.of(server).await;

    for (person, before) in people.iter().zip(before) {
        let returned = returning(&server, person).await;
        assert_eq!(seen(&returned, &conversations).await, before, "{} {end:?}", person.username);
        let refreshed = server.post("/users/token/refresh", json!({ "refresh_token": person.refresh_token })).await;
        assert_eq!(refreshed.expect(200)["user"]["id"], person.id);
    }
    let revoked = server.client().get(server.url("/users/me")).bearer_auth(&gone.token).send().await.unwrap();
    assert_eq!(revoked.status(), 401);
    let ann = Person::log_in(&server, "ann").await;
    let mut at_ann = ann.socket().await;
    let own = at_ann.asks(json!({ "type": "self" })).await;
    assert_eq!(own["data"]["fullname"], "Ann of Green Gables");
    let repeated = json!({
        "type": "send_message", "conversation_id": group, "content": "At five!", "reply_id": question, "nonce": "n1",
    });
    assert_eq!(at_ann.asks(repeated.clone()).await["data"]["content"], "At five!");
    let mut other = repeated;
    other["content"] = json!("At six!");
    assert_eq!(at_ann.refused(other).await, refusal("conflict", "nonce: this nonce names another message"));
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    everything_is_there_after(End::Graceful, Server::start(Kind::Program).await).await;
}

#[tokio::test]
async fn everything_is_there_after_a_crash() {
    everything_is_there_after(End::Crash, Server::start(Kind::Program).await).await;
}

#[tokio::test]
async fn everything_is_there_after_a_restart_with_a_key_file() {
    everything_is_there_after(End::Graceful, Server::start_with_key_file().await).await;
}

#[tokio::test]
async fn everything_is_there_after_a_crash_with_a_key_file() {
    everything_is_there_after(End::Crash, Server::start_with_key_file().await).await;
}

/// A message whose nonce and content tell its sender and place.
fn numbered(group: i64, username: &str, n: usize) -> Value {
    let name = format!("{username} {n}");
    json!({ "type": "send_message", "conversation_id": group, "content": name, "nonce": name, "ref": n })
}

/// Sends one message after another until the server is gone; what was acknowledged.
async fn send_until_the_end(mut socket: Socket, group: i64, username: &str, acknowledged: &Semaphore) -> Vec<Value> {
    let mut sent = vec![];
    while let Some(mut frame) = socket.asks_if_alive(numbered(group, username, sent.len())).await {
        while frame["ref"] != sent.len() {
            match socket.hear_if_alive().await {
                Some(next) => frame = next,
                None => return sent,
            }
        }
        sent.push(frame["data"].clone());
        acknowledged.add_permits(1);
    }
    sent
}

/// All messages of a conversation, oldest first.
async fn history(viewer: &Person, group: i64) -> Vec<Value> {
    let mut messages = vec![];
    let mut after = 0;
    loop {
        let page = viewer.get(&format!("/conversations/{group}/messages?after={after}&limit=100")).await.expect(200);
        let page = page["messages"].as_array().unwrap();
        let Some(last) = page.last() else { return messages };
        after = last["id"].as_i64().unwrap();
        messages.extend(page.clone());
    }
}

/// Lets eight people talk until the server ends in the middle of it, then checks what is there.
async fn what_was_acknowledged_is_there_once_after(end: End) {
    let server = Server::start(Kind::Program).await;
    let people = server.people(["a", "b", "c", "d", "e", "f", "g", "h"]).await;
    let group = people[0].group(&people.each_ref()).await;
    let sockets = Socket::of(people.each_ref()).await;
    let acknowledged = Semaphore::new(0);

    let senders = sockets.into_iter().zip(&people);
    let senders = senders.map(|(socket, person)| send_until_the_end(socket, group, &person.username, &acknowledged));
    let ending = async {
        timeout(PATIENCE, acknowledged.acquire_many(200)).await.unwrap().unwrap().forget();
        end.of(server).await
    };
    let (server, sent) = tokio::join!(ending, join_all(senders));

    let ann = returning(&server, &people[0]).await;
    let stored = history(&ann, group).await;
    for (place, message) in stored.iter().enumerate() {
        assert_eq!(message["seq"], place + 1);
    }
    let mut total = 0;
    for (person, sent) in people.iter().zip(&sent) {
        let own: Vec<_> = stored.iter().filter(|message| message["sender_id"] == person.id).cloned().collect();
        assert_eq!(own[..sent.len()], sent[..], "each acknowledged message is there once, in its place");
        assert!(own.len() <= sent.len() + 1, "at most the one under way was stored without a word");
        let returned = returning(&server, person).await;
        let mut socket = returned.socket().await;
        let n = sent.len();
        let repeated = socket.asks(numbered(group, &person.username, n)).await;
        assert_eq!((&repeated["success"], &repeated["ref"]), (&json!(true), &json!(n)));
        if let Some(own) = own.get(n) {
            assert_eq!(repeated["data"], *own);
        }
        total += n + 1;
    }
    let stored = history(&ann, group).await;
    assert_eq!(stored.len(), total);
    assert_eq!(stored.last().unwrap()["seq"], total);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_once_after_a_crash_in_mid_send() {
    what_was_acknowledged_is_there_once_after(End::Crash).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_once_after_a_restart_in_mid_send() {
    what_was_acknowledged_is_there_once_after(End::Graceful).await;
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_closes_its_sockets_with_1001() {
    let server = Server::start(Kind::Program).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let mut sockets = Socket::of([&ann, &ann, &bob]).await;

    let closed = join_all(sockets.iter_mut().map(Socket::closed));
    let (server, closed) = tokio::join!(server.restart(), closed);

    for frame in closed {
        assert_eq!(frame.map(|frame| frame.code.into()), Some(1_001));
    }
    let mut socket = returning(&server, &ann).await.socket().await;
    assert_eq!(socket.asks(json!({ "type": "ping" })).await["data"], "pong");
}

#[tokio::test]
async fn nobody_is_left_online_after_a_crash() {
    let server = Server::start(Kind::Program).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let mut at_ann = ann.socket().await;
    at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
    let _at_bob = bob.socket().await;
    assert_eq!(at_ann.hear().await["data"]["is_online"], true);

    let server = server.crash().await;

    let ann = returning(&server, &ann).await;
    assert_eq!(ann.get(&format!("/users/{}", bob.id)).await.expect(200)["is_online"], false);
    let mut at_ann = ann.socket().await;
    let _at_bob = returning(&server, &bob).await.socket().await;
    let heard = at_ann.hear().await;
    assert_eq!((&heard["type"], &heard["data"]["is_online"]), (&json!("user_status"), &json!(true)));
}

#[tokio::test]
async fn a_crash_again_and_again_leaves_no_gap() {
    let mut server = Server::start(Kind::Program).await;
    let ann = server.person("ann").await;
    let group = ann.group(&[]).await;

    for round in 0..5 {
        let ann = returning(&server, &ann).await;
        assert_eq!(history(&ann, group).await.len(), 3 * round);
        for n in 1..=3 {
            assert_eq!(ann.send(group, "again").await["seq"], 3 * round + n);
        }
        server = server.crash().await;
    }
    assert_eq!(history(&returning(&server, &ann).await, group).await.len(), 15);
}
