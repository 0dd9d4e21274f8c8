//! What a stranger learns: an answer about a conversation, a message or a membership of others is to the byte the
//! answer about one that does not exist (API 1, visibility).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_core::wire::protocol;
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

/// Ids that are tried for whatever a route or a request names: users, conversations, messages and logins have them. Postgres gives
/// an id to each message that is refused, so those that are sent after two rounds of trying come behind twice as many.
const IDS: [i64; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 29, 30, 31, 32, 33, 34];

/// What no stranger is to be told in any answer.
const SECRETS: [&str; 4] =
    ["whispered words", "hidden group", "ann.private@example.org", "\"nonce\":\"private-nonce\""];

/// Every GET route of the documents that answers whoever is logged in, with every id in the place of each parameter, and with
/// each of its query parameters. A new route is among them by being documented.
async fn get_paths(server: &Server) -> Vec<String> {
    let documents = server.get("/openapi.json").await.body;
    let mut paths = vec![];
    for (path, item) in documents["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get").filter(|operation| operation["security"] != json!([])) else { continue };
        let filled = match path.contains('{') {
            true => IDS
                .into_iter()
                .map(|id| id.to_string())
                .chain(["ann", "bob"].map(str::to_owned))
                .map(|id| fill(path, &id))
                .collect(),
            false => vec![path.clone()],
        };
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let queries = parameters.filter(|parameter| parameter["in"] == "query");
        let queries: Vec<_> = queries.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect();
        for path in filled {
            for query in &queries {
                paths.extend(["1", "3", "hidden", "public"].map(|value| format!("{path}?{query}={value}")));
            }
            paths.push(path);
        }
    }
    paths
}

fn fill(path: &str, id: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { id } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Every request of the socket, about each id. A new one is among them by being documented.
fn socket_requests() -> Vec<Value> {
    let requests = protocol::requests().into_iter().filter_map(|documented| documented.request);
    let requests = requests.flat_map(|request| IDS.map(move |id| filled_request(&request.schema, id)));
    let mut requests: Vec<_> = requests.collect();
    // Those that name no id are the same for each; a refused creation may use one up.
    requests.dedup();
    requests
}

/// A request with something in each of its fields; nothing in it creates what the next answers would tell of.
fn filled_request(schema: &Value, id: i64) -> Value {
    let mut request = json!({});
    for (name, field) in schema["properties"].as_object().unwrap() {
        request[name] = match name.as_str() {
            "type" => field["const"].clone(),
            "members" => json!(["nobody"]),
            "username" | "contact_username" => json!("bob"),
            "conversations" => json!({ id.to_string(): 0 }),
            "role" => json!("member"),
            "visibility" => json!("public"),
            "is_typing" => json!(true),
            "id" | "reply_id" | "before" | "after" => json!(id),
            name if name.ends_with("_id") => json!(id),
            _ => json!("hidden"),
        };
    }
    request
}

/// All that a stranger is told, but for the time that goes by meanwhile.
async fn all_told_to(stranger: &Person, paths: &[String]) -> Vec<String> {
    let mut told = vec![];
    for path in paths {
        let (status, _, body) = answer(stranger, (Method::GET, path.clone(), Value::Null)).await;
        told.push(format!("{path}: {status} {}", without_times(&body)));
    }
    let mut socket = stranger.socket().await;
    for request in socket_requests() {
        let text = said(&mut socket, &request).await;
        told.push(format!("{request}: {}", without_times(&text)));
    }
    told.extend(socket.heard().await.iter().map(Value::to_string));
    socket.close().await;
    told
}

/// Leaves out the numbers behind what rises by itself.
fn without_times(text: &str) -> String {
    let mut parts = text.split("_online\":");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + "_online\":" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

end_to_end! {
    /// Ann and Bob do all that people do among themselves. Whatever Eve asks, she is told what she was told before.
    async fn what_others_do_among_themselves_changes_nothing_that_a_stranger_is_told(server: Server) {
        let account = json!({ "username": "ann", "password": Person::PASSWORD, "email": "ann.private@example.org" });
        server.post("/users/register", account).await.expect(201);
        let ann = Person::log_in(&server, "ann").await;
        let [bob, eve] = server.people(["bob", "eve"]).await;
        // Presence is everyone's to see, so it stays as it is.
        let mut sockets = Socket::of([&ann, &bob]).await;
        sockets[0].asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
        let paths = get_paths(&server).await;
        for path in ["/conversations/5/messages", "/users/me/logins", "/users/me/blocked", "/ws/chat/1", "/messages/1"] {
            assert!(paths.iter().any(|known| known == path), "{path} is not among {paths:?}");
        }
        // What Eve does herself, such as making Bob a contact, is done once.
        all_told_to(&eve, &paths).await;
        let before = all_told_to(&eve, &paths).await;

        let group = ann.post("/groups", json!({ "name": "hidden group", "members": ["bob"] })).await.body["id"].as_i64().unwrap();
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].as_i64().unwrap();
        let draft = json!({ "content": "whispered words", "nonce": "private-nonce" });
        let sent = ann.post(&format!("/conversations/{direct}/messages"), draft).await.expect(201);
        let message = ann.send(group, "whispered words").await["id"].as_i64().unwrap();
        ann.patch(&format!("/messages/{message}"), json!({ "content": "other whispered words" })).await.expect(200);
        bob.put("/messages/read", json!({ "message_ids": [message, sent["id"]] })).await.expect(200);
        ann.put(&format!("/groups/{group}/members/{}", bob.id), json!({ "role": "admin" })).await.expect(200);
        ann.put(&format!("/users/me/blocked/{}", eve.id + 1_000), json!({})).await.expect(404);
        bob.put("/users/me/blocked/strangers", json!({})).await.expect(204);
        bob.delete("/users/me/blocked/strangers").await.expect(204);
        let again = Person::log_in(&server, "ann").await;
        again.get("/users/me").await.expect(200);
        sockets[0].ask(json!({ "type": "typing", "conversation_id": group, "is_typing": true })).await;
        assert_eq!(sockets[1].hear_of("typing").await["data"]["username"], "ann");
        for id in [group, direct, message, ann.id, bob.id, eve.id] {
            assert!(IDS.contains(&id), "{id} is not tried");
        }

        let after = all_told_to(&eve, &paths).await;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before, after);
            assert!(SECRETS.iter().all(|secret| !after.contains(secret)), "{after}");
        }
        assert_eq!(before.len(), after.len(), "{:?}", after.last());
        // The words are there to be found by those whom they are meant for.
        assert!(bob.get(&format!("/conversations/{group}/messages")).await.text.contains(SECRETS[0]));
    }

    async fn a_direct_socket_tells_a_stranger_nothing_of_what_is_said_to_another(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].as_i64().unwrap();
        let mut to_ann = eve.direct_socket(ann.id).await.unwrap();
        let mut to_bob = eve.direct_socket(bob.id).await.unwrap();
        ann.send(direct, "whispered words").await;
        bob.send(direct, "whispered words").await;
        for socket in [&mut to_ann, &mut to_bob] {
            let own = socket.asks(json!({ "message": "mine" })).await;
            assert_eq!((&own["message"], &own["sender"]), (&json!("mine"), &json!("eve")));
        }
    }

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
