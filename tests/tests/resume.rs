//! Catching up: after a lost socket, a restart or a crash a client that keeps the rule knows what it would have heard.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_core::limits::RESUME_EVENTS_MAX;
use chat_tests::{Client, Kind, Person, Server, Socket, end_to_end};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

/// Does one of each thing that takes a place in a group, after which `gone` is no member.
async fn one_of_each(owner: &Person, gone: &Person, group: i64) {
    let first = owner.send(group, "first").await["id"].clone();
    let second = owner.send(group, "second").await["id"].clone();
    owner.patch(&format!("/messages/{first}"), json!({ "content": "edited" })).await.expect(200);
    owner.delete(&format!("/messages/{second}")).await.expect(200);
    owner.patch(&format!("/groups/{group}"), json!({ "name": "renamed", "visibility": "public" })).await.expect(200);
    owner.delete(&format!("/groups/{group}/members/{}", gone.id)).await.expect(204);
    gone.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    owner.put(&format!("/groups/{group}/members/{}", gone.id), json!({ "role": "admin" })).await.expect(200);
    gone.post(&format!("/groups/{group}/leave"), json!({})).await.expect(200);
}

/// Everything up to the answer of a `resume`, and the answer.
async fn resumed(socket: &mut Socket, epoch: &Value, conversation: i64, seq: i64) -> (Vec<Value>, Value) {
    let conversations = json!({ conversation.to_string(): seq });
    socket.ask(json!({ "type": "resume", "epoch": epoch, "conversations": conversations })).await;
    let mut events = vec![];
    loop {
        let frame = socket.hear().await;
        if frame["type"] == "resume" {
            return (events, frame["data"].clone());
        }
        events.push(frame);
    }
}

async fn epoch(person: &Person) -> Value {
    person.socket().await.asks(json!({ "type": "sync" })).await["data"]["epoch"].clone()
}

fn seqs(frames: &[Value]) -> Vec<i64> {
    frames.iter().filter_map(|frame| frame["data"]["seq"].as_i64()).collect()
}

/// Sends so many messages, as fast as it goes.
async fn flood(person: &Person, group: i64, count: i64) {
    let mut socket = person.socket().await;
    for n in 0..count {
        socket
            .ask(json!({ "type": "send_message", "conversation_id": group, "content": n.to_string(), "ref": n }))
            .await;
    }
    while socket.hear().await["ref"] != count - 1 {}
}

/// Checks that a client knows what the server tells, having been told to fetch nothing anew.
async fn knows_all(client: &mut Client) {
    assert!(client.settle().await);
    assert_eq!(client.known, client.fresh().await);
    assert_eq!((client.log.gaps, client.log.repeats + client.log.answered_before, client.log.resets), (0, 0, 0));
}

end_to_end! {
    async fn a_snapshot_is_followed_by_what_comes_after_without_gap_or_overlap(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let watching = async {
            let mut heard = vec![];
            for _ in 0..10 {
                let mut socket = ann.socket().await;
                socket.ask(json!({ "type": "sync" })).await;
                heard.push((socket.hear_of("sync").await, socket.heard().await));
            }
            heard
        };

        let (heard, ()) = tokio::join!(watching, flood(&bob, group, 200));

        for (snapshot, after) in heard {
            let last_seq = snapshot["data"]["conversations"][0]["last_seq"].as_i64().unwrap();
            let seqs = seqs(&after);
            assert_eq!(seqs, (last_seq + 1..).take(seqs.len()).collect::<Vec<_>>());
        }
    }

    async fn whoever_lost_the_socket_hears_of_every_kind_of_event(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let group = ann.group(&[&bob, &cyd]).await;
        let mut watching = Client::online(&bob).await;
        let mut away = Client::online(&bob).await;
        away.disconnect();

        one_of_each(&ann, &cyd, group).await;
        away.connect(Box::new(bob.socket().await)).await;

        knows_all(&mut watching).await;
        knows_all(&mut away).await;
        assert_eq!(away.log.applied, watching.log.applied);
        assert_eq!(away.known.conversations[&group].last_seq, 9);
    }

    async fn the_events_over_http_are_those_of_a_resume(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let group = ann.group(&[&bob, &cyd]).await;
        one_of_each(&ann, &cyd, group).await;
        let epoch = epoch(&bob).await;
        let mut socket = bob.socket().await;

        for after in [0, 3, 9] {
            let (events, answer) = resumed(&mut socket, &epoch, group, after).await;
            let page = bob.get(&format!("/conversations/{group}/events?after={after}&limit=100")).await.expect(200);
            assert_eq!(page, json!({ "events": events, "next": null }));
            assert_eq!(answer["conversations"][0]["reset"], false);
        }
    }

    async fn a_gap_that_is_too_large_is_a_reset_and_never_a_part(server: Server) {
        let [ann] = server.people(["ann"]).await;
        let group = ann.group(&[]).await;
        let epoch = epoch(&ann).await;
        flood(&ann, group, RESUME_EVENTS_MAX + 1).await;
        let mut socket = ann.socket().await;

        let (events, answer) = resumed(&mut socket, &epoch, group, 0).await;
        assert!(events.is_empty());
        assert_eq!((&answer["conversations"][0]["reset"], &answer["conversations"][0]["last_seq"]), (&json!(true), &json!(RESUME_EVENTS_MAX + 1)));

        let (events, answer) = resumed(&mut socket, &epoch, group, 1).await;
        assert_eq!(seqs(&events), (2..=RESUME_EVENTS_MAX + 1).collect::<Vec<_>>());
        assert_eq!(answer["conversations"][0]["reset"], false);
    }

    async fn a_client_that_missed_too_much_fetches_anew_and_goes_on(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let mut away = Client::online(&bob).await;
        away.disconnect();
        flood(&ann, group, RESUME_EVENTS_MAX + 1).await;

        away.connect(Box::new(bob.socket().await)).await;
        ann.send(group, "one more").await;

        assert!(away.settle().await);
        assert_eq!(away.known, away.fresh().await);
        assert_eq!((away.log.resets, away.log.gaps), (1, 0));
    }

    async fn whoever_was_removed_learns_that_and_no_more(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let epoch = epoch(&bob).await;
        ann.send(group, "heard").await;
        ann.delete(&format!("/groups/{group}/members/{}", bob.id)).await.expect(204);
        ann.send(group, "secret").await;
        let mut at_bob = bob.socket().await;

        let (events, answer) = resumed(&mut at_bob, &epoch, group, 0).await;

        assert!(events.is_empty());
        let told = json!([{ "id": group, "last_seq": null, "unread": 0, "read_up_to": null, "reset": true }]);
        assert_eq!(answer["conversations"], told);
        bob.get(&format!("/conversations/{group}/events?after=0")).await.refuses(404, "not_found");
    }

    async fn a_read_mark_that_moved_elsewhere_is_told_with_the_resume(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let first = ann.send(group, "first").await["id"].clone();
        ann.send(group, "second").await;
        let mut away = Client::online(&bob).await;
        away.disconnect();

        bob.put("/messages/read", json!({ "message_ids": [first] })).await.expect(200);
        away.connect(Box::new(bob.socket().await)).await;

        knows_all(&mut away).await;
        assert_eq!(away.known.conversations[&group].unread("bob"), 1);
    }

    async fn a_new_token_is_taken_if_it_is_ones_own(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = ann.socket().await;
        let again = Person::log_in(&server, "ann").await;

        let answer = at_ann.asks(json!({ "type": "login", "token": again.token })).await;
        assert!(answer["data"]["expires_at"].as_i64().is_some(), "{answer}");
        for (token, code) in [(bob.token.as_str(), "forbidden"), ("no token", "unauthorized")] {
            assert_eq!(at_ann.refused(json!({ "type": "login", "token": token })).await.0, code);
        }
    }

    async fn a_socket_lives_as_long_as_the_login_it_was_given_last(server: Server) {
        let [ann] = server.people(["ann"]).await;
        let again = Person::log_in(&server, "ann").await;
        let (mut moved, mut stayed) = (ann.socket().await, ann.socket().await);
        moved.asks(json!({ "type": "login", "token": again.token })).await;

        ann.post("/users/logout", json!({})).await.expect(204);

        assert_eq!(u16::from(stayed.closed().await.unwrap().code), 4401);
        assert_eq!(moved.asks(json!({ "type": "ping" })).await["data"], "pong");
        again.post("/users/logout", json!({})).await.expect(204);
        assert_eq!(u16::from(moved.closed().await.unwrap().code), 4401);
    }

    async fn however_many_sockets_come_and_go_at_once_contacts_hear_of_the_first_and_the_last(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = ann.socket().await;
        at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
        let status = |is_online: bool| json!({ "username": "bob", "is_online": is_online });

        for _ in 0..3 {
            let mut sockets = join_all((0..20).map(|_| bob.socket())).await;
            assert_eq!(at_ann.hear_of("user_status").await["data"], status(true));
            let last = sockets.pop().unwrap();
            join_all(sockets.into_iter().map(Socket::close)).await;
            assert!(at_ann.heard().await.is_empty());
            last.close().await;
            assert_eq!(at_ann.hear_of("user_status").await["data"], status(false));
        }
    }
}

#[tokio::test]
async fn a_client_goes_on_after_the_server_was_stopped_and_after_it_was_killed() {
    let mut server = Server::start(Kind::Program).await;
    let [mut ann, mut bob, mut cyd] = server.people(["ann", "bob", "cyd"]).await;
    let group = ann.group(&[&bob, &cyd]).await;
    let mut at_bob = Client::online(&bob).await;

    for is_killed in [false, true] {
        at_bob.disconnect();
        one_of_each(&ann, &cyd, group).await;
        server = if is_killed { server.crash().await } else { server.restart().await };
        [ann, bob, cyd] = [&ann, &bob, &cyd].map(|person| person.at(&server.url("")));
        ann.send(group, "after").await;
        ann.put(&format!("/groups/{group}/members/{}", cyd.id), json!({})).await.expect(200);
        at_bob.move_to(&bob);
        at_bob.connect(Box::new(bob.socket().await)).await;
        knows_all(&mut at_bob).await;
    }
    assert_eq!(at_bob.log.applied[&group], [(0, 21)]);
}

#[tokio::test]
async fn a_server_with_another_history_resets_everything_once() {
    let server = Server::start(Kind::Program).await;
    let [ann] = server.people(["ann"]).await;
    let group = ann.group(&[]).await;
    ann.send(group, "of the first history").await;
    let mut client = Client::online(&ann).await;
    let other = Server::start(Kind::Program).await;
    let ann = other.person("ann").await;
    let group = ann.group(&[]).await;
    ann.send(group, "of the second history").await;

    client.move_to(&ann);
    client.connect(Box::new(ann.socket().await)).await;
    assert_eq!(client.known, client.fresh().await);
    assert_eq!(client.log.resets, 1);

    client.disconnect();
    ann.send(group, "more").await;
    client.connect(Box::new(ann.socket().await)).await;
    assert_eq!(client.known, client.fresh().await);
    assert_eq!(client.log.resets, 1);
}

#[tokio::test]
async fn after_a_crash_nobody_is_online_who_is_not() {
    let server = Server::start(Kind::Program).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let mut at_ann = ann.socket().await;
    at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
    let _at_bob = bob.socket().await;
    assert_eq!(at_ann.hear_of("user_status").await["data"]["is_online"], true);

    let server = server.crash().await;
    let ann = ann.at(&server.url(""));

    for user in [ann.id, bob.id] {
        assert_eq!(ann.get(&format!("/users/{user}")).await.expect(200)["is_online"], false);
    }
    let mut at_ann = ann.socket().await;
    assert_eq!(at_ann.asks(json!({ "type": "self" })).await["data"]["is_online"], true);
    let _at_bob = bob.at(&server.url("")).socket().await;
    let told = at_ann.hear_of("user_status").await["data"].clone();
    assert_eq!(told, json!({ "username": "bob", "is_online": true }));
}

#[tokio::test]
async fn a_nonce_is_known_over_sockets_http_and_a_crash() {
    let server = Server::start(Kind::Program).await;
    let ann = server.person("ann").await;
    let group = ann.group(&[]).await;
    let path = format!("/conversations/{group}/messages");
    let draft = json!({ "content": "once", "nonce": "n" });
    let mut request = draft.clone();
    request["type"] = json!("send_message");
    request["conversation_id"] = json!(group);
    let mut sockets = join_all((0..4).map(|_| ann.socket())).await;

    let over_sockets = join_all(sockets.iter_mut().map(|socket| socket.ask(chat_tests::with_ref(request.clone(), 1))));
    let over_http = join_all((0..4).map(|_| ann.post(&path, draft.clone())));
    let (_, answers) = tokio::join!(over_sockets, over_http);
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert!(created <= 1 && answers.iter().all(|answer| answer.status.is_success()));
    let stored = answers[0].body.clone();
    assert!(answers.iter().all(|answer| answer.body == stored));

    let server = server.crash().await;
    let ann = ann.at(&server.url(""));
    assert_eq!(ann.post(&path, draft).await.expect(200), stored);
    let other = json!({ "content": "other words", "nonce": "n" });
    ann.post(&path, other).await.refuses(409, "conflict");
    let history = ann.request(Method::GET, &path).send().await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(history["messages"], json!([stored]));
}
