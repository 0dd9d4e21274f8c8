//! One message's way through the log of the program, from its frame to its announcement.

use crate::scene::WORDS;
use chat_tests::{PATIENCE, Person, Server, Socket};
use serde_json::{Value, json};
use tokio::time::timeout;

/// What is followed, without the lines of the libraries below.
const DEBUG: &str = "info,chat_core=debug,chat_warp=debug";

/// The lines of the log that a span of this name has ended with.
fn ended<'a>(lines: &'a [Value], span: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["span"]["name"] == span && line["fields"]["message"] == "close")
}

/// The span of this name that a line stands in.
fn within<'a>(line: &'a Value, span: &str) -> &'a Value {
    let spans = line["spans"].as_array().into_iter().flatten();
    spans.into_iter().find(|found| found["name"] == span).unwrap_or(&Value::Null)
}

fn lines(server: &Server) -> Vec<Value> {
    server.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until something is found in the log.
async fn logged<T>(server: &Server, find: impl Fn(&[Value]) -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = find(&lines(server)) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("it is not in the log:\n{}", server.log()))
}

#[tokio::test]
async fn a_message_is_followed_from_its_frame_to_its_announcement_by_one_number() {
    let server = Server::start_with(&["--log", DEBUG]).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
    let send = json!({ "type": "send_message", "conversation_id": group, "content": WORDS, "ref": "from-ann" });
    let seq = at_ann.asks(send).await["data"]["seq"].clone();
    at_bob.hear_of("send_message").await;

    let request = logged(&server, |lines| {
        let of_ann = ended(lines, "request").find(|line| line["span"]["ref"] == "from-ann")?;
        Some(of_ann["span"].clone())
    });
    let request = request.await;
    let number = &request["request"];
    assert!(number.is_u64() && request["type"] == "send_message", "{request}");

    let log = lines(&server);
    let of_request = |line: &&Value| within(line, "request")["request"] == *number;
    let through = log.iter().filter(of_request).find(|line| line["fields"]["batch"].is_u64()).expect("its batch");
    let session = within(through, "session");
    assert!(session["session"].is_u64() && session["user"] == ann.id, "{through}");
    assert_eq!(through["fields"]["is_stored"], true);
    let batch = ended(&log, "batch").find(|line| line["span"]["batch"] == through["fields"]["batch"]);
    assert_eq!(batch.expect("the batch")["span"]["size"], 1);
    let announced = ended(&log, "announcement").find(of_request).expect("its announcement");
    assert_eq!((&announced["span"]["conversation"], &announced["span"]["seq"]), (&json!(group), &seq));
    assert_eq!(within(announced, "session"), session);
}

#[tokio::test]
async fn what_is_asked_over_http_is_followed_the_same_way() {
    let server = Server::start_with(&["--log", DEBUG]).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let seq = ann.send(group, WORDS).await["seq"].clone();

    let number = logged(&server, |lines| {
        let route = "/conversations/{id}/messages";
        let sent = ended(lines, "request").find(|line| line["span"]["route"] == route)?;
        assert_eq!(sent["span"]["method"], "POST");
        Some(sent["span"]["request"].clone())
    });
    let number = number.await;
    let log = lines(&server);
    let announced = ended(&log, "announcement").find(|line| within(line, "request")["request"] == number);
    assert_eq!(announced.expect("its announcement")["span"]["seq"], seq);
}

/// Has the server write a line at the level `info`, behind everything that it has to say of what was before.
async fn last_line(server: &Server) {
    let account = json!({ "username": "last", "password": Person::PASSWORD, "email": "last@example.org" });
    server.post("/users/register", account).await.expect(201);
    let is_last = |line: &Value| line["fields"]["message"] == "a mail was written";
    logged(server, |lines| lines.iter().any(is_last).then_some(())).await;
}

/// Two who talk, one of them with the token in the address of the socket; what the log must not hold of it.
async fn talk(server: &Server) -> [String; 4] {
    let [ann, bob] = server.people(["anneliese", "bobadilla"]).await;
    let group = ann.group(&[&bob]).await;
    let url = format!("ws://{}/ws?token={}", server.addr(), ann.token);
    let mut socket = Socket::try_open(&url, &[]).await.unwrap();
    socket.asks(json!({ "type": "send_message", "conversation_id": group, "content": WORDS })).await;
    socket.asks(json!({ "type": "get_users", "search": bob.username })).await;
    [WORDS.to_owned(), ann.username, bob.username, ann.token]
}

#[tokio::test]
async fn no_span_holds_a_word_a_name_or_a_token() {
    let server = Server::start_with(&["--log", DEBUG]).await;
    let secrets = talk(&server).await;
    logged(&server, |lines| ended(lines, "session").next().map(drop)).await;
    let log = server.log();
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn unless_asked_for_nothing_is_followed() {
    let server = Server::start_with(&["--log", "info"]).await;
    talk(&server).await;
    last_line(&server).await;
    assert!(lines(&server).iter().all(|line| line["span"].is_null()), "{}", server.log());
}
