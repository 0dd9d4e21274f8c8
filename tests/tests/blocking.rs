//! Blocks: who is blocked adds, invites and writes to nobody who blocks them, and is told no more than any stranger of someone
//! who blocks all strangers (API 5.7).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Server, end_to_end, event, hear_nothing, refusal, with_ref};
use reqwest::Method;
use serde_json::{Value, json};

const REFUSED: &str = "only their contacts reach this user";

async fn direct(one: &Person, other: &Person) -> i64 {
    one.put(&format!("/conversations/direct/{}", other.id), json!({})).await.body["id"].as_i64().unwrap()
}

async fn block(person: &Person, whom: &str) {
    person.put(&format!("/users/me/blocked/{whom}"), json!({})).await.expect(204);
}

async fn unblock(person: &Person, whom: &str) {
    person.delete(&format!("/users/me/blocked/{whom}")).await.expect(204);
}

/// Who blocks and who is blocked, with what they have in common: a conversation with a message of each, and a group.
struct Scene {
    ann: Person,
    bob: Person,
    talk: i64,
    of_ann: i64,
    of_bob: i64,
    group: i64,
    group_of_bob: i64,
}

impl Scene {
    async fn new(server: &Server) -> Self {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let talk = direct(&ann, &bob).await;
        let [of_ann, of_bob] = [ann.send(talk, "hello").await, bob.send(talk, "hello").await];
        let [of_ann, of_bob] = [of_ann, of_bob].map(|message| message["id"].as_i64().unwrap());
        let (group, group_of_bob) = (ann.group(&[&bob]).await, bob.group(&[]).await);
        Self { ann, bob, talk, of_ann, of_bob, group, group_of_bob }
    }

    /// All that Bob can do about Ann without changing anything, whether she is there for him or not.
    fn requests(&self) -> Vec<Value> {
        let Self { talk, of_ann, of_bob, group_of_bob, .. } = self;
        vec![
            json!({ "type": "add_contact", "contact_username": "ann" }),
            json!({ "type": "remove_contact", "contact_username": "ann" }),
            json!({ "type": "get_contacts" }),
            json!({ "type": "get_users" }),
            json!({ "type": "get_blocked" }),
            json!({ "type": "create_conversation", "members": ["ann"] }),
            json!({ "type": "add_member", "conversation_id": group_of_bob, "username": "ann" }),
            json!({ "type": "add_member", "conversation_id": group_of_bob, "username": "ann", "role": "owner" }),
            json!({ "type": "send_message", "conversation_id": talk, "content": "hello?" }),
            json!({ "type": "send_message", "conversation_id": talk, "content": "hello?", "nonce": "n", "reply_id": of_ann }),
            json!({ "type": "edit_message", "message_id": of_bob, "content": "hello?" }),
            json!({ "type": "edit_message", "message_id": of_ann, "content": "hello?" }),
            json!({ "type": "typing", "conversation_id": talk, "is_typing": true }),
            json!({ "type": "read", "conversation_id": talk, "message_id": of_ann }),
            json!({ "type": "get_conversations" }),
            json!({ "type": "get_conversation_info", "id": talk }),
            json!({ "type": "get_messages", "conversation_id": talk }),
            json!({ "type": "sync" }),
        ]
    }

    /// The same over HTTP.
    fn http_requests(&self) -> Vec<(Method, String, Value)> {
        let Self { ann, talk, of_bob, group_of_bob, .. } = self;
        let (content, none) = (json!({ "content": "hello?" }), Value::Null);
        vec![
            (Method::GET, format!("/users/{}", ann.id), none.clone()),
            (Method::GET, "/users/user_id/ann".to_owned(), none.clone()),
            (Method::GET, format!("/users/username/{}", ann.id), none.clone()),
            (Method::GET, "/users".to_owned(), none.clone()),
            (Method::GET, "/users/me/blocked".to_owned(), none.clone()),
            (Method::POST, "/groups".to_owned(), json!({ "name": "come in", "members": ["ann"] })),
            (Method::PUT, format!("/groups/{group_of_bob}/members/{}", ann.id), json!({})),
            (
                Method::POST,
                "/groups/add_user_to_group".to_owned(),
                json!({ "group_id": group_of_bob, "user_id": ann.id }),
            ),
            (Method::PUT, format!("/conversations/direct/{}", ann.id), none.clone()),
            (Method::POST, format!("/conversations/{talk}/messages"), content.clone()),
            (Method::POST, "/messages/send_message".to_owned(), json!({ "receiver_id": ann.id, "content": "hello?" })),
            (Method::PATCH, format!("/messages/{of_bob}"), content),
            (
                Method::POST,
                "/users/set_typing_status".to_owned(),
                json!({ "typing_chat_id": ann.id, "is_typing": true }),
            ),
            (Method::GET, format!("/conversations/{talk}"), none.clone()),
            (Method::GET, format!("/conversations/{talk}/messages"), none.clone()),
            (Method::GET, format!("/conversations/{talk}/events"), none),
        ]
    }

    /// All that Bob is told of all this, and what he hears meanwhile.
    async fn told_to_bob(&self) -> Vec<String> {
        let mut told = vec![];
        let mut socket = self.bob.socket().await;
        for (reference, request) in (0..).zip(self.requests()) {
            socket.ask(with_ref(request, reference)).await;
            loop {
                let frame = socket.hear().await;
                told.push(frame.to_string());
                if frame["ref"] == reference {
                    break;
                }
            }
        }
        for (method, path, body) in self.http_requests() {
            let response = self.bob.request(method, &path).json(&body).send().await.unwrap();
            told.push(format!("{path} {} {}", response.status(), response.text().await.unwrap()));
        }
        let mut chat = self.bob.direct_socket(self.ann.id).await.unwrap();
        chat.ask(json!({ "message": "hello?" })).await;
        told.push(chat.hear_text().await);
        chat.close().await;
        told.extend(socket.heard().await.iter().map(Value::to_string));
        socket.close().await;
        told
    }
}

end_to_end! {
    async fn who_is_blocked_is_told_what_strangers_are_told_by_who_blocks_strangers(server: Server) {
        let scene = Scene::new(&server).await;
        let at_ann = scene.ann.socket().await;

        block(&scene.ann, &scene.bob.id.to_string()).await;
        // Whoever reads changes something once: what is compared comes after it.
        scene.told_to_bob().await;
        let blocked = scene.told_to_bob().await;
        unblock(&scene.ann, &scene.bob.id.to_string()).await;
        block(&scene.ann, "strangers").await;
        let stranger = scene.told_to_bob().await;

        assert_eq!(blocked, stranger);
        let refused = blocked.iter().filter(|told| told.contains(REFUSED)).count();
        assert_eq!(refused, 14, "{blocked:#?}");
        at_ann.close().await;
    }

    async fn who_is_blocked_adds_invites_and_writes_to_nobody(server: Server) {
        let scene = Scene::new(&server).await;
        let Scene { ann, bob, talk, of_bob, group_of_bob, .. } = &scene;
        let before = ann.get("/conversations").await.text;
        let messages = ann.get(&format!("/conversations/{talk}/messages")).await.text;
        let mut at_bob = bob.socket().await;

        block(ann, &bob.id.to_string()).await;

        let forbidden = refusal("forbidden", REFUSED);
        for request in [
            json!({ "type": "add_contact", "contact_username": "ann" }),
            json!({ "type": "create_conversation", "members": ["ann"] }),
            json!({ "type": "add_member", "conversation_id": group_of_bob, "username": "ann" }),
            json!({ "type": "send_message", "conversation_id": talk, "content": "hello?" }),
            json!({ "type": "edit_message", "message_id": of_bob, "content": "hello?" }),
        ] {
            assert_eq!(at_bob.refused(request).await, forbidden);
        }
        for answer in [
            bob.post("/groups", json!({ "name": "come in", "members": ["ann"] })).await,
            bob.put(&format!("/groups/{group_of_bob}/members/{}", ann.id), json!({})).await,
            bob.post("/groups/add_user_to_group", json!({ "group_id": group_of_bob, "user_id": ann.id })).await,
            bob.post(&format!("/conversations/{talk}/messages"), json!({ "content": "hello?" })).await,
            bob.post("/messages/send_message", json!({ "receiver_id": ann.id, "content": "hello?" })).await,
            bob.patch(&format!("/messages/{of_bob}"), json!({ "content": "hello?" })).await,
        ] {
            answer.refuses(403, "forbidden");
            assert_eq!(answer.body["detail"], REFUSED);
        }
        let mut chat = bob.direct_socket(ann.id).await.unwrap();
        assert_eq!(chat.asks(json!({ "message": "hello?" })).await, json!({ "type": "error", "message": REFUSED }));

        assert_eq!(ann.get("/conversations").await.text, before);
        assert_eq!(ann.get(&format!("/conversations/{talk}/messages")).await.text, messages);
        assert_eq!(at_bob.asks(json!({ "type": "get_contacts" })).await["data"]["contacts"], json!([]));
        unblock(ann, &bob.id.to_string()).await;
        bob.send(*talk, "hello again").await;
    }

    async fn with_whom_one_blocks_nothing_begins(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        block(&ann, &bob.id.to_string()).await;

        bob.put(&format!("/conversations/direct/{}", ann.id), json!({})).await.refuses(403, "forbidden");
        bob.post("/users/set_typing_status", json!({ "typing_chat_id": ann.id, "is_typing": true })).await.refuses(403, "forbidden");
        assert!(bob.direct_socket(ann.id).await.is_err());
        // Who blocks is told why, and turns to nobody whose answer they would not hear.
        let own = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await;
        own.refuses(403, "forbidden");
        assert!(own.body["detail"].as_str().unwrap().contains("unblock"));
        for person in [&ann, &bob] {
            assert_eq!(person.get("/conversations").await.body["conversations"], json!([]));
        }
    }

    async fn who_is_blocked_sees_nobody_come_go_type_or_read(server: Server) {
        let scene = Scene::new(&server).await;
        let Scene { ann, bob, talk, of_ann, of_bob, group, .. } = &scene;
        let mut at_ann = ann.socket().await;
        at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
        // Once Bob has come, gone and come again, all is told that there was to tell of either.
        let status = |is_online: bool| event("user_status", &json!({ "username": "bob", "is_online": is_online }));
        let first = bob.socket().await;
        assert_eq!(at_ann.hear().await, status(true));
        first.close().await;
        assert_eq!(at_ann.hear().await, status(false));
        let mut at_bob = bob.socket().await;
        assert_eq!(at_ann.hear().await, status(true));

        block(ann, &bob.id.to_string()).await;
        let mut at_ann_too = ann.socket().await;
        for (socket, message) in [(&mut at_ann, of_bob), (&mut at_bob, of_ann)] {
            for is_typing in [true, false] {
                let typing = json!({ "type": "typing", "conversation_id": talk, "is_typing": is_typing });
                assert_eq!(socket.asks(with_ref(typing, 1)).await["success"], true);
            }
            let read = json!({ "type": "read", "conversation_id": talk, "message_id": message, "ref": 2 });
            assert_eq!(socket.asks(read).await["ref"], 2);
        }

        // One's own devices agree all the same.
        let read = at_ann_too.hear().await;
        assert_eq!((&read["type"], &read["data"]["username"]), (&json!("read"), &json!("ann")));
        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_bob]).await;
        let seen = bob.get(&format!("/users/{}", ann.id)).await.body;
        assert_eq!((&seen["is_online"], &seen["last_online"]), (&json!(false), &seen["created_at"]));
        assert_eq!(ann.get(&format!("/users/{}", bob.id)).await.body["is_online"], true);
        at_ann.close().await;
        at_ann_too.close().await;
        let mut at_ann = ann.socket().await;
        hear_nothing([&mut at_bob]).await;

        // In groups, everyone hears everyone.
        at_ann.ask(json!({ "type": "typing", "conversation_id": group, "is_typing": true })).await;
        let typing = json!({ "conversation_id": group, "username": "ann", "is_typing": true });
        assert_eq!(at_bob.hear().await, event("typing", &typing));
        ann.send(*group, "hello all").await;
        assert_eq!(at_bob.hear_of("send_message").await["data"]["content"], "hello all");
        bob.send(*group, "hello ann").await;
        assert_eq!(at_ann.hear_of("send_message").await["data"]["content"], "hello all");
        assert_eq!(at_ann.hear_of("send_message").await["data"]["content"], "hello ann");
    }

    async fn blocks_are_listed_put_and_removed(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let mut at_ann = ann.socket().await;
        let listed = async || ann.get("/users/me/blocked").await.expect(200);
        assert_eq!(listed().await, json!({ "users": [], "next": null, "strangers": false }));

        for _ in 0..2 {
            block(&ann, &cleo.id.to_string()).await;
            let blocked = at_ann.asks(json!({ "type": "block_user", "username": "bob", "ref": 7 })).await;
            assert_eq!(blocked, with_ref(event("block_user", &json!({ "message": "user blocked", "username": "bob" })), 7));
            block(&ann, "strangers").await;
        }
        let page = listed().await;
        let mut by_id = [&bob, &cleo];
        by_id.sort_by_key(|person| person.id);
        let by_id = by_id.map(|person| &person.username);
        assert_eq!(by_id.map(|username| json!(username)), [0, 1].map(|place| page["users"][place]["username"].clone()));
        assert_eq!((&page["next"], &page["strangers"]), (&Value::Null, &json!(true)));
        let first = ann.get("/users/me/blocked?limit=1").await.expect(200);
        let rest = ann.get(&format!("/users/me/blocked?after={}", first["next"])).await.expect(200);
        assert_eq!((&first["users"][0], &rest["users"][0]), (&page["users"][0], &page["users"][1]));
        let blocked = at_ann.asks(json!({ "type": "get_blocked" })).await;
        assert_eq!(blocked, event("get_blocked", &json!({ "message": "blocked users fetched", "blocked": by_id })));

        let unblocked = at_ann.asks(json!({ "type": "unblock_user", "username": "bob" })).await;
        assert_eq!(unblocked, event("unblock_user", &json!({ "message": "user unblocked", "username": "bob" })));
        for whom in [cleo.id.to_string(), "strangers".to_owned()] {
            unblock(&ann, &whom).await;
            ann.delete(&format!("/users/me/blocked/{whom}")).await.refuses(404, "not_found");
        }
        assert_eq!(listed().await, json!({ "users": [], "next": null, "strangers": false }));
        assert_eq!(bob.get("/users/me/blocked").await.expect(200)["users"], json!([]));
    }

    async fn what_cannot_be_blocked_is_refused(server: Server) {
        let ann = server.person("ann").await;
        let mut at_ann = ann.socket().await;
        ann.put(&format!("/users/me/blocked/{}", ann.id), json!({})).await.blames("user_id");
        for nobody in ["987654321", "0", "somebody"] {
            ann.put(&format!("/users/me/blocked/{nobody}"), json!({})).await.refuses(404, "not_found");
            ann.delete(&format!("/users/me/blocked/{nobody}")).await.refuses(404, "not_found");
        }
        let own = at_ann.refused(json!({ "type": "block_user", "username": "ann" })).await;
        assert_eq!(own, refusal("invalid", "username: must be someone else"));
        let nobody = at_ann.refused(json!({ "type": "block_user", "username": "nobody" })).await;
        assert_eq!(nobody, refusal("not_found", "no such user"));
        for username in ["nobody", "ann"] {
            let none = at_ann.refused(json!({ "type": "unblock_user", "username": username })).await;
            assert_eq!(none, refusal("not_found", "no such block"));
        }
    }

    async fn who_blocks_strangers_is_reached_by_contacts(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let mut at_ann = ann.socket().await;
        block(&ann, "strangers").await;
        at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;

        let talk = direct(&bob, &ann).await;
        bob.send(talk, "hello").await;
        assert_eq!(bob.get(&format!("/users/{}", ann.id)).await.body["is_online"], true);
        cleo.put(&format!("/conversations/direct/{}", ann.id), json!({})).await.refuses(403, "forbidden");
        assert_eq!(cleo.get(&format!("/users/{}", ann.id)).await.body["is_online"], false);
        // What is offered by a third one is theirs to offer, and a public group is open to all.
        bob.group(&[&ann, &cleo]).await;
    }

    async fn administrators_are_kept_out_by_no_block(server: Server) {
        let ann = server.person("ann").await;
        let boss = server.administrator("boss").await;
        block(&ann, &boss.id.to_string()).await;
        block(&ann, "strangers").await;

        let talk = direct(&boss, &ann).await;
        boss.send(talk, "the server is down tonight").await;
        boss.group(&[&ann]).await;
        boss.delete(&format!("/users/delete_user/{}", ann.id)).await.expect(200);
        assert_eq!(boss.get("/users/me/blocked").await.expect(200)["users"], json!([]));
    }
}

#[tokio::test]
async fn a_block_holds_on_every_node() {
    let (_database, [first, second, _]) = Server::nodes().await;
    let scene = Scene::new(&first).await;
    let (ann, bob) = (&scene.ann, &scene.bob.at(&second.url("")));
    let mut at_bob = bob.socket().await;
    let mut at_ann_too = ann.at(&second.url("")).socket().await;
    block(ann, &bob.id.to_string()).await;

    bob.post(&format!("/conversations/{}/messages", scene.talk), json!({ "content": "x" }))
        .await
        .refuses(403, "forbidden");
    ann.put("/messages/read", json!({ "message_ids": [scene.of_bob] })).await.expect(200);

    assert_eq!(at_ann_too.hear_of("read").await["data"]["username"], "ann");
    hear_nothing([&mut at_bob]).await;
}
