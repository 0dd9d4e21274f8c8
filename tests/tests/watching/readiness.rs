//! `GET /readyz`: the storage and the mails, each by itself, in real outages of each.

use chat_tests::postgres::{Cluster, Fsync};
use chat_tests::{Answer, MailServer, PATIENCE, Person, Server};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Asks until it is answered so.
async fn becomes(server: &Server, status: u16, storage: &str, mail: &str) -> Answer {
    let asking = async {
        loop {
            let answer = server.get("/readyz").await;
            if (answer.status.as_u16(), told(&answer.body)) == (status, (storage, mail)) {
                return answer;
            }
        }
    };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("{status}, storage {storage}, mail {mail}: {}", server.log()))
}

fn told(body: &Value) -> (&str, &str) {
    (body["storage"].as_str().unwrap_or_default(), body["mail"].as_str().unwrap_or_default())
}

/// Asks by the program until it fails with these words: it does not wait for the server as long as a test does.
async fn says(server: &Server, health: &[&str], words: &str) {
    let asking = async {
        loop {
            let (is_well, said) = server.run(health, &[]).await;
            assert!(!is_well, "{said}");
            if said.contains(words) {
                return;
            }
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{words}"));
}

async fn register(server: &Server, username: &str) {
    let email = format!("{username}@example.org");
    let account = json!({ "username": username, "password": Person::PASSWORD, "email": email });
    server.post("/users/register", account).await.expect(201);
}

#[tokio::test]
async fn a_storage_that_is_away_makes_a_server_unready_until_it_is_back() {
    let cluster = Cluster::start(Fsync::On).await;
    cluster.execute("CREATE DATABASE chat").await;
    let server = Server::start_on(&cluster.url("chat")).await;
    let health = ["health", "--url", &server.url("")];
    let ready = becomes(&server, 200, "ok", "none").await;
    assert_eq!(ready.body["status"], "ready");
    let (is_well, said) = server.run(&health, &[]).await;
    assert!(is_well && said.contains("storage: ok, mail: none"), "{said}");

    cluster.kill();

    let away = becomes(&server, 503, "away", "none").await;
    away.refuses(503, "unavailable");
    assert!(!away.header("retry-after").is_empty());
    // The process is alive, and starting it again would help nobody.
    assert_eq!(server.get("/healthz").await.expect(200), json!({ "status": "ok" }));
    says(&server, &health, "storage: away, mail: none").await;

    cluster.restart().await;

    becomes(&server, 200, "ok", "none").await;
}

#[tokio::test]
async fn a_mail_server_that_is_away_is_told_and_keeps_no_server_from_being_ready() {
    let mut post = MailServer::start(&[]).await;
    let server = Server::start_with(&["--smtp-url", &post.url("smtp", "", "")]).await;
    becomes(&server, 200, "ok", "ok").await;
    register(&server, "ann").await;
    post.told().await;
    becomes(&server, 200, "ok", "ok").await;

    assert!(post.ends_silently().await);

    register(&server, "bob").await;
    let ready = becomes(&server, 200, "ok", "failing").await;
    assert_eq!(ready.body["status"], "ready");
}
