//! The example calls of the documents that promise the routes and events, word for word, on a default start of the program.
//!
//! The rule: requests are the bytes that `curl` sends, with its default content type; what is documented is all there, and
//! may have company.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Person, Server, Socket};
use reqwest::Method;
use serde_json::{Value, json};

/// What `curl -i` shows of an answer.
struct Shown {
    status_line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Shown {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// `curl -i localhost:8000/…`, with `-d` and `--cookie` if given.
async fn curl(server: &Server, path: &str, data: Option<&str>, cookie: Option<&str>) -> Shown {
    let method = if data.is_some() { "POST" } else { "GET" };
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n");
    if let Some(cookie) = cookie {
        request.push_str(&format!("Cookie: {cookie}\r\n"));
    }
    request.push_str("Connection: close\r\n");
    if let Some(data) = data {
        // `-d` drops line breaks only when it reads a file.
        request.push_str(&format!("Content-Length: {}\r\n", data.len()));
        request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
    }
    request.push_str("\r\n");
    request.push_str(data.unwrap_or_default());
    let response = server.raw(request.as_bytes()).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    Shown {
        status_line: lines.next().unwrap().to_owned(),
        headers: lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// Checks an answer of plain text to the letter.
#[track_caller]
fn shows(shown: &Shown, status_line: &str, body: &str) {
    assert_eq!((shown.status_line.as_str(), shown.body.as_str()), (status_line, body));
    assert_eq!(shown.header("Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(shown.header("Content-Length"), body.len().to_string());
    assert!(shown.header("Date").ends_with(" GMT"));
}

/// Registers and logs in as the document does, and returns the cookie.
async fn cookie(server: &Server, username: &str) -> String {
    let account = json!({ "username": username, "password": "xyz", "fullname": "Snakey" }).to_string();
    shows(&curl(server, "/register", Some(&account), None).await, "HTTP/1.1 201 Created", "registered");
    let login = curl(server, "/auth/login", Some(&account), None).await;
    login.header("Set-Cookie").split(';').next().unwrap().to_owned()
}

/// Opens `/ws` as the document does, with the cookie.
async fn socket(server: &Server, cookie: &str) -> Socket {
    Socket::try_open(&format!("ws://{}/ws", server.addr()), &[("Cookie", cookie)]).await.unwrap()
}

/// Checks that whatever `documented` shows is in `value`, with the same types; of strings and numbers only the type counts.
#[track_caller]
fn is_shaped(value: &Value, documented: &Value) {
    match (value, documented) {
        (Value::Object(value), Value::Object(documented)) => {
            for (key, documented) in documented {
                is_shaped(value.get(key).unwrap_or_else(|| panic!("no {key} in {value:?}")), documented);
            }
        }
        (Value::Array(values), Value::Array(documented)) => {
            assert!(!values.is_empty(), "an example shows something");
            values.iter().for_each(|value| is_shaped(value, &documented[0]));
        }
        (Value::Number(value), Value::Number(_)) => assert!(value.is_i64(), "{value} is an integer"),
        (Value::String(_), Value::String(_)) => {}
        _ => assert_eq!(value, documented),
    }
}

/// Checks a successful event: its type, and data of the documented shape.
#[track_caller]
fn is_event(event: &Value, kind: &str, data: &Value) {
    assert_eq!((&event["type"], &event["success"]), (&json!(kind), &json!(true)), "{event}");
    is_shaped(&event["data"], data);
    let keys: Vec<_> = event.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 3, "nothing beside type, success and data: {event}");
}

/// Checks a failed event, which says why and has no data.
#[track_caller]
fn is_error(event: &Value, kind: &str) {
    assert_eq!((&event["type"], &event["success"]), (&json!(kind), &json!(false)), "{event}");
    assert!(!event["error"].as_str().unwrap().is_empty());
    assert_eq!(event.get("data"), None);
}

#[tokio::test]
async fn the_calls_of_the_backend_document_are_answered_as_it_shows() {
    let server = Server::start_with_key_file().await;

    shows(&curl(&server, "/misc/ping", None, None).await, "HTTP/1.1 200 OK", "pong");

    let account = "{\n    \"username\": \"hizz\",\n    \"password\": \"xyz\",\n    \"fullname\": \"Snakey\"\n}";
    shows(&curl(&server, "/register", Some(account), None).await, "HTTP/1.1 201 Created", "registered");

    let credentials = "{\n    \"username\": \"hizz\",\n    \"password\": \"xyz\"\n}";
    let login = curl(&server, "/auth/login", Some(credentials), None).await;
    shows(&login, "HTTP/1.1 202 Accepted", "login successful");
    let (cookie, attributes) = login.header("Set-Cookie").split_once("; ").unwrap();
    let token = cookie.strip_prefix("login-token=").unwrap();
    assert_eq!(token.split('.').filter(|part| !part.is_empty()).count(), 3);
    let documented = ["HttpOnly", "Max-Age=3600", "Path=/", "Secure"];
    let attributes: Vec<_> = attributes.split("; ").collect();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"]);
    assert!(documented.iter().all(|attribute| attributes.contains(attribute)));

    shows(&curl(&server, "/auth/verify", None, Some(cookie)).await, "HTTP/1.1 200 OK", "Hello, hizz");

    assert_eq!(curl(&server, "/register", Some(account), None).await.status_line, "HTTP/1.1 409 Conflict");
    let wrong = "{\"username\": \"hizz\", \"password\": \"abc\"}";
    assert_eq!(curl(&server, "/auth/login", Some(wrong), None).await.status_line, "HTTP/1.1 401 Unauthorized");
    assert_eq!(curl(&server, "/auth/verify", None, None).await.status_line, "HTTP/1.1 401 Unauthorized");
}

#[tokio::test]
async fn the_calls_of_the_backend_document_work_with_curl_itself() {
    let server = Server::start_with_key_file().await;
    let Ok(curl) = tokio::process::Command::new("curl").arg("--version").output().await else { return };
    assert!(curl.status.success());
    let account = "{\n    \"username\": \"hizz\",\n    \"password\": \"xyz\",\n    \"fullname\": \"Snakey\"\n}";
    for (path, data, status_line, body) in [
        ("/misc/ping", None, "HTTP/1.1 200 OK", "pong"),
        ("/register", Some(account), "HTTP/1.1 201 Created", "registered"),
        ("/auth/login", Some(account), "HTTP/1.1 202 Accepted", "login successful"),
    ] {
        let mut command = tokio::process::Command::new("curl");
        command.args(["--silent", "--noproxy", "*", "-i", &server.url(path)]);
        command.args(data.iter().flat_map(|data| ["-d", data]));
        let shown = String::from_utf8(command.output().await.unwrap().stdout).unwrap();
        assert!(
            shown.starts_with(&format!("{status_line}\r\n")) && shown.ends_with(&format!("\r\n\r\n{body}")),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_events_of_the_backend_document_come_as_it_shows() {
    let server = Server::start_with_key_file().await;
    let [hizz, user1, user2] =
        [cookie(&server, "hizz").await, cookie(&server, "user1").await, cookie(&server, "user2").await];
    let refused = Socket::try_open(&format!("ws://{}/ws", server.addr()), &[]).await;
    assert!(refused.is_err(), "a socket needs the cookie");
    let mut at_hizz = socket(&server, &hizz).await;
    let person = json!({ "username": "…", "fullname": "…", "is_online": true, "last_online": 123, "created_at": 123 });

    let own = at_hizz.asks(json!({ "type": "self" })).await;
    is_event(&own, "self", &person);
    assert_eq!((&own["data"]["username"], &own["data"]["fullname"]), (&json!("hizz"), &json!("Snakey")));

    let pong = at_hizz.asks(json!({ "type": "ping" })).await;
    assert_eq!(pong, json!({ "type": "ping", "success": true, "data": "pong" }));

    let status = |username: &str, is_online: bool| {
        let data = json!({ "username": username, "is_online": is_online });
        json!({ "type": "user_status", "success": true, "data": data })
    };
    let add = |username: &str| json!({ "type": "add_contact", "contact_username": username });
    for username in ["user1", "user2"] {
        let offline = at_hizz.asks(add(username)).await;
        assert_eq!(offline["data"]["contact"]["is_online"], false);
    }
    // Who comes online while they are added may be told of a second time, so user1 comes before.
    let mut at_user1 = socket(&server, &user1).await;
    assert_eq!(at_hizz.hear().await, status("user1", true));
    let added = at_hizz.asks(add("user1")).await;
    is_event(&added, "add_contact", &json!({ "message": "…", "contact": person }));
    for contact in [json!("nobody"), json!("hizz"), Value::Null] {
        is_error(&at_hizz.asks(json!({ "type": "add_contact", "contact_username": contact })).await, "add_contact");
    }

    let contacts = at_hizz.asks(json!({ "type": "get_contacts" })).await;
    is_event(&contacts, "get_contacts", &json!({ "message": "…", "contacts": ["user1"] }));
    assert_eq!(contacts["data"]["contacts"], json!(["user1", "user2"]));
    let mutual = at_user1.asks(json!({ "type": "get_contacts" })).await;
    assert_eq!(mutual["data"]["contacts"], json!(["hizz"]));

    let mut at_user2 = socket(&server, &user2).await;
    assert_eq!(at_hizz.hear().await, status("user2", true));
    at_user2.asks(json!({ "type": "ping" })).await;

    at_hizz.ask(json!({ "type": "create_conversation", "members": ["user1", "user2"] })).await;
    let created = at_hizz.hear().await;
    is_event(&created, "create_conversation", &json!({ "id": 123, "name": "…", "members": ["self"] }));
    assert_eq!(created["data"]["members"], json!(["hizz", "user1", "user2"]));
    assert_eq!(at_user1.hear().await, created);
    assert_eq!(at_user2.hear().await, created);
    let id = created["data"]["id"].clone();
    is_error(
        &at_hizz.asks(json!({ "type": "create_conversation", "members": ["nobody"] })).await,
        "create_conversation",
    );

    let conversations = at_user1.asks(json!({ "type": "get_conversations" })).await;
    is_event(&conversations, "get_conversations", &json!([{ "id": 123, "name": "…" }]));
    assert_eq!(conversations["data"][0]["id"], id);

    let info = at_user1.asks(json!({ "type": "get_conversation_info", "id": id })).await;
    is_event(&info, "get_conversation_info", &json!({ "id": 123, "name": "…", "members": ["user1"] }));
    assert_eq!(info["data"]["members"], created["data"]["members"]);
    is_error(&at_user1.asks(json!({ "type": "get_conversation_info", "id": 999_999 })).await, "get_conversation_info");

    at_hizz.ask(json!({ "type": "send_message", "conversation_id": id, "content": "Hello" })).await;
    let sent = at_hizz.hear().await;
    let message = json!({ "id": 123, "sender_username": "…", "conversation_id": 123, "content": "…", "sent_at": 123 });
    is_event(&sent, "send_message", &message);
    assert_eq!(sent["data"]["reply_id"], Value::Null);
    assert_eq!(at_user1.hear().await, sent);
    assert_eq!(at_user2.hear().await, sent);

    let reply =
        json!({ "type": "send_message", "conversation_id": id, "content": "Hi", "reply_id": sent["data"]["id"] });
    let replied = at_user1.asks(reply).await;
    is_event(&replied, "send_message", &message);
    assert_eq!(replied["data"]["reply_id"], sent["data"]["id"]);
    assert_eq!((at_hizz.hear().await, at_user2.hear().await), (replied.clone(), replied.clone()));
    is_error(
        &at_hizz.asks(json!({ "type": "send_message", "conversation_id": 999_999, "content": "?" })).await,
        "send_message",
    );

    let history = at_user2.asks(json!({ "type": "get_messages", "conversation_id": id })).await;
    let listed = json!({ "id": 123, "sender_username": "…", "content": "…", "sent_at": 123 });
    is_event(&history, "get_messages", &json!({ "conversation_id": 123, "messages": [listed] }));
    let ids = |history: &Value| -> Vec<Value> {
        history["data"]["messages"].as_array().unwrap().iter().map(|message| message["id"].clone()).collect()
    };
    assert_eq!(ids(&history), [replied["data"]["id"].clone(), sent["data"]["id"].clone()]);
    assert_eq!(history["data"]["messages"][0]["reply_id"], sent["data"]["id"]);
    let before = json!({ "type": "get_messages", "conversation_id": id, "before": replied["data"]["id"] });
    assert_eq!(ids(&at_user2.asks(before).await), [sent["data"]["id"].clone()]);
    is_error(&at_user2.asks(json!({ "type": "get_messages", "conversation_id": 999_999 })).await, "get_messages");

    at_user2.close().await;
    assert_eq!(at_hizz.hear().await, status("user2", false));
}

#[tokio::test]
async fn the_routes_of_the_react_chat_app_take_exactly_its_bodies() {
    let server = Server::start_with_key_file().await;
    let register = |username: &str| {
        let picture = "https://example.org/picture.png";
        server.post(
            "/users/register",
            json!({ "username": username, "full_name": "Full Name", "password": "xyz", "profile_picture": picture }),
        )
    };
    let ann = register("ann").await.expect(201);
    let bob = register("bob").await.expect(201);
    assert_eq!(
        (&ann["fullname"], &ann["profile_picture"]),
        (&json!("Full Name"), &json!("https://example.org/picture.png"))
    );

    let login = |username: &str| server.post("/users/login", json!({ "username": username, "password": "xyz" }));
    let [at, bt] = [login("ann").await.expect(200), login("bob").await.expect(200)].map(|login| {
        assert_eq!(login["token_type"], "bearer");
        login["access_token"].as_str().unwrap().to_owned()
    });
    let ask = |token: &str, method: Method, path: &str, body: Value| {
        Answer::to(server.request(method, path).bearer_auth(token).body(body.to_string()))
    };
    let url = format!("ws://{}/ws", server.addr());
    let mut at_bob = Socket::try_open(&format!("{url}?token={bt}"), &[]).await.unwrap();

    let found = ask(&at, Method::GET, "/users/user_id/bob", json!({})).await.expect(200);
    assert_eq!(found, json!({ "user_id": bob["id"], "public_key": null }));
    let path = format!("/users/username/{}", bob["id"]);
    assert_eq!(ask(&at, Method::GET, &path, json!({})).await.expect(200), json!({ "username": "bob" }));

    let to_user = json!({ "sender_id": ann["id"], "receiver_id": bob["id"], "content": "to a user" });
    let message = ask(&at, Method::POST, "/messages/send_message", to_user).await.expect(201);
    assert_eq!(at_bob.hear().await["type"], "create_conversation");
    assert_eq!(at_bob.hear().await["data"], message);

    let group = ask(&at, Method::POST, "/groups/create_group", json!({ "name": "a group" })).await.expect(201);
    let group = &group["group_id"];
    let body = json!({ "user_id": bob["id"], "group_id": group });
    ask(&at, Method::POST, "/groups/add_user_to_group", body).await.expect(200);
    assert_eq!(at_bob.hear().await["type"], "add_member");
    let to_group = json!({ "sender_id": ann["id"], "receiver_id": group, "content": "to a group" });
    let in_group = ask(&at, Method::POST, "/messages/send_message", to_group).await.expect(201);
    assert_eq!(at_bob.hear().await["data"], in_group);

    for chat in [&bob["id"], group] {
        let typing = json!({ "is_typing": true, "typing_chat_id": chat });
        ask(&at, Method::POST, "/users/set_typing_status", typing).await.expect(200);
        let heard = at_bob.hear().await;
        assert_eq!((&heard["type"], &heard["data"]["username"]), (&json!("typing"), &json!("ann")));
        assert_eq!(heard["data"]["is_typing"], true);
    }

    let read = json!({ "user_id": bob["id"], "message_ids": [message["id"], in_group["id"]] });
    ask(&bt, Method::PUT, "/messages/read", read).await.expect(200);
    let marks = [at_bob.hear().await, at_bob.hear().await].map(|event| {
        assert_eq!(event["type"], "read");
        event["data"]["message_id"].clone()
    });
    assert!(marks.contains(&message["id"]) && marks.contains(&in_group["id"]));

    ask(&bt, Method::POST, "/groups/leave_group", json!({ "group_id": group })).await.expect(200);
    let path = format!("/groups/{group}");
    ask(&bt, Method::GET, &path, json!({})).await.refuses(404, "not_found");

    let path = format!("/users/delete_user/{}", ann["id"]);
    ask(&bt, Method::DELETE, &path, json!({})).await.refuses(403, "forbidden");
    ask(&at, Method::DELETE, &path, json!({})).await.expect(200);
    let path = format!("/messages/{}", message["id"]);
    assert_eq!(ask(&bt, Method::GET, &path, json!({})).await.expect(200)["content"], "");
    login("ann").await.refuses(401, "unauthorized");
}

#[tokio::test]
async fn a_password_of_three_letters_is_enough_and_of_two_is_not() {
    let server = Server::start_with_key_file().await;
    server.post("/users/register", json!({ "username": "ann", "password": "xy" })).await.blames("password");
    server.post("/users/register", json!({ "username": "ann", "password": "xyz" })).await.expect(201);
    // The library's own minimum is eight.
    let strict = Server::start(chat_tests::Kind::RoutesInMemory).await;
    strict.post("/users/register", json!({ "username": "ann", "password": "seven77" })).await.blames("password");
    strict.post("/users/register", json!({ "username": "ann", "password": Person::PASSWORD })).await.expect(201);
}
