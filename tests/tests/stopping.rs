//! How the program stops, stage by stage: it serves on and says that it is not ready, it closes the door, it ends what is open,
//! it is gone.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{PATIENCE, Server};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Asks whether the server is ready until it says no.
async fn is_not_ready(server: &Server) {
    let refused = async {
        loop {
            let answer = server.get("/readyz").await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = timeout(PATIENCE, refused).await.unwrap();
    answer.refuses(503, "unavailable");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn told_to_stop_it_serves_on_but_is_not_ready() {
    let mut server = Server::start_with(&["--drain-seconds", "3600", "--shutdown-seconds", "3600"]).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let mut at_bob = bob.socket().await;
    server.get("/readyz").await.expect(200);

    server.signal("TERM").await;
    is_not_ready(&server).await;

    server.get("/healthz").await.expect(200);
    let group = ann.group(&[&bob]).await;
    ann.send(group, "still here").await;
    assert_eq!(at_bob.hear_of("send_message").await["data"]["content"], "still here");
    // New connections are taken, too: some were on their way.
    let mut at_ann = ann.socket().await;
    assert_eq!(at_ann.asks(json!({ "type": "ping" })).await["data"], "pong");

    server.signal("TERM").await;
    assert_eq!(server.ended().await, Some(0), "told again, it waits no longer");
}

#[tokio::test]
async fn the_stages_of_stopping_come_in_order() {
    let mut server = Server::start_with(&["--drain-seconds", "2", "--stop-spread-seconds", "0"]).await;
    let ann = server.person("ann").await;
    let group = ann.group(&[]).await;
    let mut socket = ann.socket().await;

    server.signal("TERM").await;
    // From here on, no answer may say "ready" after one that said it is not, and nobody is let in once the door is closed.
    let (mut is_ready, mut seqs) = (true, vec![]);
    let draining = async {
        while TcpStream::connect(server.addr()).await.is_ok() {
            if let Some(answer) = ann.try_get("/readyz").await {
                assert!(is_ready || answer.status == 503, "ready again");
                is_ready = answer.status == 200;
            }
            let said = json!({ "content": "said while it drains" });
            if let Some(answer) = ann.try_post(&format!("/conversations/{group}/messages"), said).await {
                seqs.push(answer.expect(201)["seq"].as_i64().unwrap());
            }
        }
    };
    timeout(PATIENCE, draining).await.unwrap();
    let closed = socket.closed().await;
    assert_eq!(server.ended().await, Some(0));
    assert_eq!(closed.map(|frame| frame.code.into()), Some(1_001));
    assert!(TcpStream::connect(server.addr()).await.is_err());

    let log = server.log();
    let stages =
        ["\"stopping\"", "serving on, but not ready", "closing what is open", "sending the last mails", "has stopped"];
    let places: Vec<_> =
        stages.iter().map(|stage| log.find(stage).unwrap_or_else(|| panic!("{stage}: {log}"))).collect();
    assert!(places.is_sorted(), "{log}");
    assert_eq!(seqs, (1..).take(seqs.len()).collect::<Vec<_>>(), "what was said meanwhile is stored");
}
