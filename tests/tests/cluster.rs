//! Three servers on one Postgres database are one: whoever is connected to which makes no difference.

use chat_tests::{Client, PATIENCE, Person, Server, Socket, event};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::timeout;

fn at(person: &Person, server: &Server) -> Person {
    person.at(&server.url(""))
}

fn say(group: i64, content: &str) -> Value {
    json!({ "type": "send_message", "conversation_id": group, "content": content })
}

#[tokio::test]
async fn what_is_said_on_three_servers_at_once_is_heard_in_one_order() {
    const EACH: usize = 40;
    let (_database, servers) = Server::nodes().await;
    let people = servers[0].people(["ann", "bob", "eve", "dan", "fay", "gus"]).await;
    let group = people[0].group(&people[1..].iter().collect::<Vec<_>>()).await;
    let mut listening = vec![];
    for server in &servers {
        listening.push(at(&people[0], server).socket().await);
    }
    let talking = people.iter().enumerate().map(|(n, person)| {
        let person = at(person, &servers[n % 3]);
        async move {
            let mut socket = person.socket().await;
            let mut acknowledged = vec![];
            for n in 0..EACH {
                let mut request = say(group, &format!("{} {n}", person.username));
                request["ref"] = json!(n);
                socket.ask(request).await;
                let answer = loop {
                    let frame = socket.hear().await;
                    if frame["ref"] == n {
                        break frame;
                    }
                };
                acknowledged.push(answer["data"].clone());
            }
            acknowledged
        }
    });
    let acknowledged: Vec<Value> = join_all(talking).await.into_iter().flatten().collect();

    let total = EACH * people.len();
    let mut heard: Vec<Vec<Value>> = vec![];
    for socket in &mut listening {
        let mut frames = vec![];
        while frames.len() < total {
            frames.push(socket.hear_of("send_message").await["data"].clone());
        }
        heard.push(frames);
    }
    for frames in &heard {
        let places: Vec<_> = frames.iter().map(|data| data["seq"].as_u64().unwrap() as usize).collect();
        assert_eq!(places, (1..=total).collect::<Vec<_>>());
        assert_eq!(frames, &heard[0]);
    }
    for message in acknowledged {
        assert_eq!(heard[0][message["seq"].as_u64().unwrap() as usize - 1], message);
    }
}

#[tokio::test]
async fn groups_and_their_members_are_known_on_every_server() {
    let (_database, servers) = Server::nodes().await;
    let [ann, bob] = servers[0].people(["ann", "bob"]).await;
    let mut at_bob = at(&bob, &servers[1]).socket().await;

    let group = ann.group(&[&bob]).await;
    assert_eq!(at_bob.hear_of("create_conversation").await["data"]["id"], group);
    let sent = ann.send(group, "hello").await;
    assert_eq!(at_bob.hear().await, event("send_message", &sent));
    at(&ann, &servers[2]).delete(&format!("/groups/{group}/members/{}", bob.id)).await.expect(204);
    assert_eq!(at_bob.hear().await["type"], "remove_member");
    ann.send(group, "gone?").await;
    let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201)["id"].clone();

    assert_eq!(at_bob.hear().await["data"]["id"], direct);
}

#[tokio::test]
async fn typing_read_marks_and_presence_cross_servers() {
    let (_database, servers) = Server::nodes().await;
    let [ann, bob] = servers[0].people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let mut at_ann = at(&ann, &servers[0]).socket().await;
    at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;

    let mut at_bob = at(&bob, &servers[1]).socket().await;
    assert_eq!(at_ann.hear_of("user_status").await["data"], json!({ "username": "bob", "is_online": true }));
    at_bob.ask(json!({ "type": "typing", "conversation_id": group, "is_typing": true })).await;
    assert_eq!(at_ann.hear_of("typing").await["data"]["username"], "bob");
    let message = ann.send(group, "hello").await["id"].clone();
    at_bob.ask(json!({ "type": "read", "conversation_id": group, "message_id": message })).await;
    assert_eq!(at_ann.hear_of("read").await["data"]["message_id"], message);
    assert_eq!(at(&ann, &servers[2]).get(&format!("/users/{}", bob.id)).await.expect(200)["is_online"], true);
    at_bob.close().await;

    assert_eq!(at_ann.hear_of("user_status").await["data"], json!({ "username": "bob", "is_online": false }));
}

#[tokio::test]
async fn a_logout_closes_the_sockets_of_the_login_on_every_server() {
    let (_database, servers) = Server::nodes().await;
    let ann = servers[0].person("ann").await;
    let again = Person::log_in(&servers[1], "ann").await;
    let mut ended = [at(&ann, &servers[1]).socket().await, at(&ann, &servers[2]).socket().await];
    let mut kept = at(&again, &servers[1]).socket().await;

    ann.post("/users/logout", json!({})).await.expect(204);

    for socket in &mut ended {
        let frame = timeout(PATIENCE, socket.closed()).await.unwrap();
        assert_eq!(frame.map(|frame| frame.code.into()), Some(4_401));
    }
    assert_eq!(kept.asks(json!({ "type": "ping" })).await["data"], "pong");
}

#[tokio::test]
async fn who_was_at_a_server_that_is_killed_is_offline_within_ten_seconds() {
    let (_database, [first, second, third]) = Server::nodes().await;
    let [ann, bob] = first.people(["ann", "bob"]).await;
    let mut at_ann = at(&ann, &second).socket().await;
    at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
    let _at_bob = bob.socket().await;
    assert_eq!(at_ann.hear_of("user_status").await["data"]["is_online"], true);

    let killed = Instant::now();
    first.kill().await;

    assert_eq!(at_ann.hear_of("user_status").await["data"], json!({ "username": "bob", "is_online": false }));
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    let seen = at(&ann, &third).get(&format!("/users/{}", bob.id)).await.expect(200);
    assert!(seen["last_online"].as_i64() > seen["created_at"].as_i64(), "{seen}");
}

#[tokio::test]
async fn who_loses_their_server_resumes_at_another() {
    let (_database, [first, second, third]) = Server::nodes().await;
    let [ann, bob] = first.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let mut client = Client::online(&bob).await;
    for n in 0..20 {
        at(&ann, &second).send(group, &n.to_string()).await;
    }
    assert!(client.settle().await);

    first.kill().await;
    while client.hear().await.is_some() {}
    for n in 20..40 {
        at(&ann, &third).send(group, &n.to_string()).await;
    }
    let moved = at(&bob, &second);
    client.move_to(&moved);
    assert!(client.connect(Box::new(moved.socket().await)).await);
    for n in 40..60 {
        at(&ann, &third).send(group, &n.to_string()).await;
    }
    let last = client.known.conversations[&group].last_seq;
    while client.known.conversations[&group].last_seq < 60 {
        client.hear().await.unwrap();
    }

    assert!(last >= 40, "{last}");
    assert_eq!(client.log.applied[&group], [(0, 60)]);
    assert_eq!((client.log.gaps, client.log.repeats, client.log.resets), (0, 0, 0));
    assert_eq!(client.known, client.fresh().await);
}

#[tokio::test]
async fn a_server_that_stops_sends_its_clients_to_the_others() {
    let (_database, [first, second, _third]) = Server::nodes().await;
    let [ann, bob] = first.people(["ann", "bob"]).await;
    let mut at_ann = at(&ann, &second).socket().await;
    at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
    let mut at_bob = bob.socket().await;
    assert_eq!(at_ann.hear_of("user_status").await["data"]["is_online"], true);

    let stopping = tokio::spawn(first.restart());
    assert_eq!(at_bob.closed().await.map(|frame| frame.code.into()), Some(1_001));

    assert_eq!(at_ann.hear_of("user_status").await["data"]["is_online"], false);
    let first = stopping.await.unwrap();
    let [mut again] = Socket::of([&at(&bob, &first)]).await;
    assert_eq!(at_ann.hear_of("user_status").await["data"]["is_online"], true);
    // A server that has just come may hear only now who is at the others.
    again.ask(json!({ "type": "ping" })).await;
    assert_eq!(again.hear_of("ping").await["data"], "pong");
}
