//! What a stranger learns: an answer about a conversation, a message or a membership of others is to the byte the
//! answer about one that does not exist (API 1, visibility).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Server, Socket, end_to_end};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An id that nothing bears.
const NOTHING: i64 = 9_007_199_254_740_991;

/// A group of Ann and Bob with a message, and those who are not in it: Eve, who has a group and a message of her own;
/// Dan, who was removed; and what has been deleted.
struct Scene {
    strangers: [Person; 2],
    group: i64,
    direct: i64,
    message: i64,
    deleted_group: i64,
    message_of_deleted_group: i64,
    own_group: i64,
}

impl Scene {
    async fn new(server: &Server) -> Self {
        let [ann, bob, dan, eve] = server.people(["ann", "bob", "dan", "eve"]).await;
        let group = ann.group(&[&bob, &dan]).await;
        let direct =
            ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].as_i64().unwrap();
        let message = ann.send(group, "Tea?").await["id"].as_i64().unwrap();
        ann.delete(&format!("/groups/{group}/members/{}", dan.id)).await.expect(204);
        let deleted_group = ann.group(&[&eve, &dan]).await;
        let message_of_deleted_group = ann.send(deleted_group, "Tea?").await["id"].as_i64().unwrap();
        ann.delete(&format!("/groups/{deleted_group}")).await.expect(204);
        let own_group = eve.group(&[&dan]).await;
        eve.send(own_group, "alone").await;
        Self { strangers: [dan, eve], group, direct, message, deleted_group, message_of_deleted_group, own_group }
    }

    /// Pairs of a conversation and a message that are there for others, or were, but not for the strangers.
    fn hidden(&self) -> [(i64, i64); 3] {
        [(self.group, self.message), (self.direct, self.message), (self.deleted_group, self.message_of_deleted_group)]
    }
}

/// Every request about a conversation or a message, by what it is about.
fn requests(conversation: i64, message: i64, own_group: i64) -> Vec<Value> {
    vec![
        json!({ "type": "get_conversation_info", "id": conversation }),
        json!({ "type": "get_messages", "conversation_id": conversation }),
        json!({ "type": "get_messages", "conversation_id": conversation, "before": message }),
        json!({ "type": "get_messages", "conversation_id": own_group, "before": message }),
        json!({ "type": "send_message", "conversation_id": conversation, "content": "x" }),
        json!({ "type": "send_message", "conversation_id": conversation, "content": "x", "reply_id": message }),
        json!({ "type": "send_message", "conversation_id": conversation, "content": "x", "nonce": "n" }),
        json!({ "type": "send_message", "conversation_id": own_group, "content": "x", "reply_id": message }),
        json!({ "type": "edit_message", "message_id": message, "content": "x" }),
        json!({ "type": "delete_message", "message_id": message }),
        json!({ "type": "rename_conversation", "conversation_id": conversation, "name": "a group" }),
        json!({ "type": "add_member", "conversation_id": conversation, "username": "ann" }),
        json!({ "type": "add_member", "conversation_id": conversation, "username": "dan" }),
        json!({ "type": "add_member", "conversation_id": conversation, "username": "eve", "role": "owner" }),
        json!({ "type": "add_member", "conversation_id": conversation, "username": "nobody" }),
        json!({ "type": "remove_member", "conversation_id": conversation, "username": "ann" }),
        json!({ "type": "remove_member", "conversation_id": conversation, "username": "dan" }),
        json!({ "type": "remove_member", "conversation_id": conversation, "username": "eve" }),
        json!({ "type": "remove_member", "conversation_id": conversation, "username": "nobody" }),
        json!({ "type": "leave_conversation", "conversation_id": conversation }),
        json!({ "type": "delete_conversation", "conversation_id": conversation }),
        json!({ "type": "typing", "conversation_id": conversation, "is_typing": true }),
        json!({ "type": "typing", "conversation_id": conversation, "is_typing": false }),
        json!({ "type": "read", "conversation_id": conversation, "message_id": message }),
        json!({ "type": "read", "conversation_id": own_group, "message_id": message }),
    ]
}

/// The same over HTTP: method, path and body.
fn http_requests(conversation: i64, message: i64, own_group: i64, stranger: i64) -> Vec<(Method, String, Value)> {
    let content = json!({ "content": "x" });
    let none = Value::Null;
    vec![
        (Method::GET, format!("/groups/{conversation}"), none.clone()),
        (Method::GET, format!("/groups/{conversation}/members"), none.clone()),
        (Method::GET, format!("/conversations/{conversation}"), none.clone()),
        (Method::GET, format!("/conversations/{conversation}/messages"), none.clone()),
        (Method::GET, format!("/conversations/{conversation}/messages?before={message}"), none.clone()),
        (Method::GET, format!("/conversations/{own_group}/messages?after={message}"), none.clone()),
        (Method::GET, format!("/conversations/{conversation}/events?after=0"), none.clone()),
        (Method::POST, format!("/conversations/{conversation}/messages"), content.clone()),
        (Method::POST, "/messages/send_message".to_owned(), json!({ "receiver_id": conversation, "content": "x" })),
        (
            Method::POST,
            "/users/set_typing_status".to_owned(),
            json!({ "typing_chat_id": conversation, "is_typing": true }),
        ),
        (Method::GET, format!("/messages/{message}"), none.clone()),
        (Method::PATCH, format!("/messages/{message}"), content),
        (Method::DELETE, format!("/messages/{message}"), none.clone()),
        (Method::PUT, "/messages/read".to_owned(), json!({ "message_ids": [message] })),
        (Method::PATCH, format!("/groups/{conversation}"), json!({ "name": "x" })),
        (Method::POST, format!("/groups/{conversation}/join"), none.clone()),
        (Method::POST, format!("/groups/{conversation}/leave"), none.clone()),
        (Method::POST, "/groups/leave_group".to_owned(), json!({ "group_id": conversation })),
        (
            Method::POST,
            "/groups/add_user_to_group".to_owned(),
            json!({ "group_id": conversation, "user_id": stranger }),
        ),
        (Method::PUT, format!("/groups/{conversation}/members/{stranger}"), none.clone()),
        (Method::DELETE, format!("/groups/{conversation}/members/{stranger}"), none.clone()),
        (Method::DELETE, format!("/groups/{conversation}"), none),
    ]
}

/// Everything of an answer but the time at which it was given.
async fn answer(
    person: &Person,
    (method, path, body): (Method, String, Value),
) -> (u16, BTreeMap<String, String>, String) {
    let response = person.request(method, &path).json(&body).send().await.unwrap();
    let headers = response.headers().iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (response.status().as_u16(), headers, response.text().await.unwrap())
}

async fn said(socket: &mut Socket, request: &Value) -> String {
    socket.ask(request.clone()).await;
    socket.hear_text().await
}

end_to_end! {
    async fn over_a_socket_what_belongs_to_others_is_like_what_is_not_there(server: Server) {
        let scene = Scene::new(&server).await;

        for stranger in &scene.strangers {
            let mut socket = stranger.socket().await;
            for (conversation, message) in scene.hidden() {
                let hidden = requests(conversation, message, scene.own_group);
                let absent = requests(NOTHING, NOTHING, scene.own_group);
                for (hidden, absent) in hidden.iter().zip(&absent) {
                    // The history of one's own group before any later message is all of it, whoever sent that message.
                    if hidden["conversation_id"] == scene.own_group && hidden.get("before").is_some() {
                        continue;
                    }
                    assert_eq!(said(&mut socket, hidden).await, said(&mut socket, absent).await, "{hidden}");
                }
            }
            assert_eq!(socket.heard().await, Vec::<Value>::new());
        }
    }

    async fn over_http_what_belongs_to_others_is_like_what_is_not_there(server: Server) {
        let scene = Scene::new(&server).await;

        for stranger in &scene.strangers {
            for (conversation, message) in scene.hidden() {
                let hidden = http_requests(conversation, message, scene.own_group, stranger.id);
                let absent = http_requests(NOTHING, NOTHING, scene.own_group, stranger.id);
                for (hidden, absent) in hidden.into_iter().zip(absent) {
                    if hidden.1.starts_with(&format!("/conversations/{}/", scene.own_group)) {
                        continue;
                    }
                    let what = format!("{} {} {}", hidden.0, hidden.1, hidden.2);
                    assert_eq!(answer(stranger, hidden).await, answer(stranger, absent).await, "{what}");
                }
            }
        }
    }

    async fn a_message_of_others_tells_nothing_as_a_place_in_one_s_own_history(server: Server) {
        let scene = Scene::new(&server).await;
        let [_, eve] = &scene.strangers;
        let mut socket = eve.socket().await;
        let before = |id: i64| json!({ "type": "get_messages", "conversation_id": scene.own_group, "before": id });

        let own = socket.asks(json!({ "type": "get_messages", "conversation_id": scene.own_group })).await;
        let own = own["data"]["messages"][0]["id"].as_i64().unwrap();

        assert!(scene.message < own && scene.message_of_deleted_group < own);
        let nothing = said(&mut socket, &before(1)).await;
        for id in [scene.message, scene.message_of_deleted_group, own] {
            assert_eq!(said(&mut socket, &before(id)).await, nothing);
        }
    }

    async fn catching_up_tells_nothing_of_what_belongs_to_others(server: Server) {
        let scene = Scene::new(&server).await;

        for stranger in &scene.strangers {
            let mut socket = stranger.socket().await;
            let known = socket.asks(json!({ "type": "sync" })).await["data"].clone();
            let ids: Vec<_> = known["conversations"].as_array().unwrap().iter().map(|known| &known["id"]).collect();
            assert_eq!(ids, [&json!(scene.own_group)]);
            for epoch in [known["epoch"].clone(), json!("another")] {
                for seq in [0, 1, 1_000] {
                    let mut resumed = async |id: i64| {
                        let seen = json!({ scene.own_group.to_string(): 1, id.to_string(): seq });
                        let request = json!({ "type": "resume", "epoch": epoch, "conversations": seen });
                        said(&mut socket, &request).await.replace(&format!("\"id\":{id},"), "")
                    };
                    let absent = resumed(NOTHING).await;
                    for (hidden, _) in scene.hidden() {
                        assert_eq!(resumed(hidden).await, absent, "{hidden}");
                    }
                }
            }
            assert_eq!(socket.heard().await, Vec::<Value>::new());
        }
    }

    async fn someone_who_is_no_contact_is_like_someone_who_is_not_there(server: Server) {
        let scene = Scene::new(&server).await;
        let [_, eve] = &scene.strangers;
        let mut socket = eve.socket().await;

        let known = said(&mut socket, &json!({ "type": "remove_contact", "contact_username": "ann" })).await;
        let unknown = said(&mut socket, &json!({ "type": "remove_contact", "contact_username": "nobody" })).await;

        assert_eq!(known, unknown);
    }

    async fn a_nonce_of_someone_else_tells_nothing(server: Server) {
        let [ann, eve] = server.people(["ann", "eve"]).await;
        let (group, own) = (ann.group(&[]).await, eve.group(&[]).await);
        let [mut at_ann, mut at_eve] = Socket::of([&ann, &eve]).await;
        let send = |conversation: i64, nonce: &str| {
            json!({
                "type": "send_message", "conversation_id": conversation, "content": "x", "nonce": nonce,
            })
        };

        at_ann.asks(send(group, "taken")).await;

        assert_eq!(said(&mut at_eve, &send(group, "taken")).await, said(&mut at_eve, &send(group, "free")).await);
        for nonce in ["taken", "free"] {
            let sent = at_eve.asks(send(own, nonce)).await;
            assert_eq!((&sent["success"], &sent["data"]["nonce"]), (&json!(true), &json!(nonce)));
        }
    }

    async fn lists_and_searches_show_nothing_of_others(server: Server) {
        let scene = Scene::new(&server).await;

        for stranger in &scene.strangers {
            let mut socket = stranger.socket().await;
            let listed = socket.asks(json!({ "type": "get_conversations" })).await;
            let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|listed| listed["id"].clone()).collect();
            assert_eq!(ids, [json!(scene.own_group)]);
            for path in ["/conversations", "/groups", "/groups?visibility=public"] {
                let text = stranger.get(path).await.text;
                assert!(!text.contains("Tea?") && !text.contains("\"ann\""), "{path}: {text}");
            }
        }
    }
}
