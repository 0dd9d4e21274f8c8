//! The documents that programs read: they are what is served, what they tell of works, and they change on purpose only.
//!
//! That every other test's answers and frames are as documented is checked where tests receive them, in `src/documents.rs`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Kind, Person, Server, documents, with_ref};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

const ADDRESS: &str = "ann@example.org";

/// What examples are made to fit.
struct Scene {
    server: Server,
    ann: Person,
    bob: Person,
    carol: Person,
    /// Of ann, with bob in it.
    group: i64,
    /// Of carol, for everyone.
    public: i64,
    message: i64,
}

impl Scene {
    async fn set() -> Self {
        let server = Server::start_with_guests(Kind::RoutesInMemory).await;
        let [ann, bob, carol] = server.people(["ann", "bob", "carol"]).await;
        let address = json!({ "email": ADDRESS, "old_password": Person::PASSWORD });
        ann.patch("/users/me", address).await.expect(200);
        let group = ann.group(&[&bob]).await;
        let public = carol.post("/groups", json!({ "name": "open", "visibility": "public" })).await.expect(201);
        let message = ann.send(group, "hello").await["id"].as_i64().unwrap();
        Self { server, ann, bob, carol, group, public: public["id"].as_i64().unwrap(), message }
    }

    /// The path of an operation, with names that are there.
    async fn path(&self, operation: &str, path: &str) -> String {
        let id = match path.split('/').nth(1) {
            Some("groups") if path.ends_with("/join") => self.public,
            Some("groups" | "conversations") => self.group,
            Some("messages") => self.message,
            _ if path.contains("/logins/") => {
                let logins = self.ann.get("/users/me/logins").await.expect(200);
                logins["logins"][0]["id"].as_i64().unwrap()
            }
            _ => self.bob.id,
        };
        if operation.starts_with("delete_users_me_blocked") {
            self.block(&self.bob.id.to_string()).await;
            self.block("strangers").await;
        }
        let user = match operation {
            "delete_users_delete_user_user_id" => self.ann.id,
            "put_groups_id_members_user_id" => self.carol.id,
            _ => self.bob.id,
        };
        path.replace("{id}", &id.to_string()).replace("{user_id}", &user.to_string()).replace("{username}", "bob")
    }

    async fn block(&self, whom: &str) {
        self.ann.put(&format!("/users/me/blocked/{whom}"), json!({})).await.expect(204);
    }

    /// The example of a request, about what is there.
    async fn fitted(&self, operation: &str, example: &Value) -> Value {
        let mut body = example.clone();
        for (name, value) in body.as_object_mut().into_iter().flatten() {
            let fitting = match name.as_str() {
                "username" | "email" if operation.contains("register") || operation.contains("guest") => {
                    value.as_str().unwrap().replace("ann", "dora").into()
                }
                "username" if operation == "add_member.request" => "carol".into(),
                "username" if operation == "remove_member.request" => "bob".into(),
                "username" if operation == "block_user.request" => "carol".into(),
                "username" if operation == "unblock_user.request" => {
                    self.block(&self.carol.id.to_string()).await;
                    "carol".into()
                }
                "contact_username" if operation == "remove_contact.request" => "carol".into(),
                "contact_username" => "bob".into(),
                "members" => json!(["bob"]),
                "refresh_token" => self.ann.refresh_token.clone().into(),
                "token" => self.ann.token.clone().into(),
                "code" if operation == "post_users_verify" => self.server.letter(ADDRESS, 1).await.digits().into(),
                "code" => {
                    let forgotten = self.server.post("/users/forgot_password", json!({ "email": ADDRESS })).await;
                    forgotten.expect(202);
                    self.server.letter(ADDRESS, 2).await.code().into()
                }
                "user_id" if operation == "put_messages_read" => self.ann.id.into(),
                "user_id" => self.carol.id.into(),
                "sender_id" => self.ann.id.into(),
                "id" | "group_id" | "receiver_id" | "typing_chat_id" | "conversation_id" => self.group.into(),
                "message_id" | "reply_id" | "before" => self.message.into(),
                "message_ids" => json!([self.message]),
                _ => continue,
            };
            *value = fitting;
        }
        body
    }

    /// Does an operation as its example shows it.
    async fn perform(&self, method: &str, path: &str, operation: &Value) -> Answer {
        let id = operation["operationId"].as_str().unwrap();
        let path = self.path(id, path).await;
        let request = self.ann.request(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), &path);
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        let body = self.fitted(id, example).await;
        Answer::to(if body.is_null() { request } else { request.json(&body) }).await
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

#[tokio::test]
async fn every_operation_does_what_its_example_asks_for() {
    let document = chat_warp::openapi();
    for (method, path, operation) in operations(&document).filter(|(_, path, _)| !path.starts_with("/ws")) {
        let scene = Scene::set().await;
        let answer = scene.perform(method, path, operation).await;
        assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text);
    }
}

#[tokio::test]
async fn every_socket_that_is_documented_opens() {
    let scene = Scene::set().await;
    let document = chat_warp::openapi();
    let sockets: Vec<_> =
        operations(&document).map(|(_, path, _)| path).filter(|path| path.starts_with("/ws")).collect();
    assert_eq!(sockets, ["/ws", "/ws/chat/{user_id}"]);
    scene.ann.socket().await.close().await;
    let mut direct = scene.ann.direct_socket(scene.bob.id).await.unwrap();
    let asyncapi = chat_warp::asyncapi();
    direct.ask(asyncapi["components"]["messages"]["chat.say"]["examples"][0]["payload"].clone()).await;
    assert_eq!(direct.hear().await["type"], "chat.message");
}

#[tokio::test]
async fn every_request_of_the_event_socket_is_done_as_its_example_asks() {
    let document = chat_warp::asyncapi();
    let messages = document["components"]["messages"].as_object().unwrap();
    let requests: Vec<_> = messages.iter().filter(|(name, _)| name.ends_with(".request")).collect();
    assert!(requests.len() > 20);
    for (name, request) in requests {
        let scene = Scene::set().await;
        let mut socket = scene.ann.socket().await;
        socket.asks(json!({ "type": "add_contact", "contact_username": "carol" })).await;
        let request = scene.fitted(name, &request["examples"][0]["payload"]).await;
        socket.ask(with_ref(request, "mine")).await;
        let answer = loop {
            let frame = socket.hear().await;
            if frame["ref"] == "mine" {
                break frame;
            }
        };
        assert_eq!(
            (&answer["success"], format!("{}.request", answer["type"].as_str().unwrap())),
            (&json!(true), name.clone()),
            "{answer}"
        );
    }
}

#[test]
fn every_example_is_as_its_schema_says() {
    let document = chat_warp::openapi();
    let schemas = &document["components"]["schemas"];
    for (method, path, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap().values();
        for body in answers.chain([&operation["requestBody"]]) {
            for content in body["content"].as_object().into_iter().flatten().map(|(_, content)| content) {
                let found = documents::violations(&content["schema"], schemas, &content["example"]);
                assert!(found.is_empty(), "{method} {path}: {found:?} {}", content["example"]);
            }
        }
    }
    let document = chat_warp::asyncapi();
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let example = &message["examples"][0]["payload"];
        let found = documents::violations(&message["payload"], &document["components"]["schemas"], example);
        assert!(found.is_empty(), "{name}: {found:?} {example}");
    }
}

#[tokio::test]
async fn what_is_served_is_one_document_in_two_forms() {
    let server = Server::start_with_guests(Kind::Program).await;
    let (json, yaml) = (server.get("/openapi.json").await, server.get("/schema/").await);
    assert_eq!(json.body, chat_warp::openapi());
    assert_eq!(yaml_serde::from_str::<Value>(&yaml.text).unwrap(), json.body);
    let asyncapi = server.get("/asyncapi.yaml").await;
    assert_eq!(yaml_serde::from_str::<Value>(&asyncapi.text).unwrap(), chat_warp::asyncapi());
}

#[tokio::test]
async fn swagger_ui_comes_from_the_program() {
    let server = Server::start(Kind::Program).await;
    let page = server.get("/schema/swagger-ui").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    let files: Vec<_> = page.text.split('"').filter(|part| part.starts_with("/schema/swagger-ui/")).collect();
    assert_eq!(files.len(), 3, "{}", page.text);
    for file in files {
        assert_eq!(server.get(file).await.status.as_u16(), 200, "{file}");
    }
}

/// The documents as they were the last time somebody looked. After a change that is meant, write them anew:
/// `UPDATE_DOCUMENTS=1 cargo test -p chat-tests --test documented`, read the difference, and commit it.
#[tokio::test]
async fn the_documents_change_on_purpose() {
    let server = Server::start_with_guests(Kind::RoutesInMemory).await;
    for (path, file) in [("/schema", "openapi.yaml"), ("/asyncapi.yaml", "asyncapi.yaml")] {
        let now = server.get(path).await.text;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
        if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
            std::fs::write(&file, &now).unwrap();
        }
        let before = std::fs::read_to_string(&file).unwrap_or_default();
        let differs = now.lines().zip(before.lines()).position(|(now, before)| now != before);
        assert!(
            now == before,
            "{path} differs from {} at line {:?}; if that is meant, write it anew with UPDATE_DOCUMENTS=1",
            file.display(),
            differs.map(|line| line + 1),
        );
    }
}
