//! What the program does besides serving: making administrators, checking, resetting, filling with talk.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::postgres::Database;
use chat_tests::{Answer, Kind, MailServer, Person, Server, free_port, run, run_at_terminal};
use reqwest::Method;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::SystemTime;

const CREATE_ROOT: [&str; 4] = ["admin", "create", "--username", "root"];

/// How a run ended, and what it said.
fn said(output: Output) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = output;
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A run that must fail, and why it says it did.
async fn fails(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let (code, _, log) = said(run(directory, arguments, environment, "").await);
    assert_eq!(code, Some(1), "{arguments:?}: {log}");
    log
}

/// Every file below a directory, with its size and the time at which it was written.
fn files(directory: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let mut found = vec![];
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.metadata().unwrap();
        found.push((path.clone(), metadata.len(), metadata.modified().unwrap()));
        if metadata.is_dir() {
            found.extend(files(&path));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn the_password_of_an_administrator_is_read_from_standard_input() {
    let server = Server::start(Kind::Program).await;
    let arguments = [&CREATE_ROOT[..], &["--password-stdin", "--email", "root@example.org"]].concat();

    let (code, out, log) = said(run(server.directory(), &arguments, &[], "correct horse\nand more").await);

    assert_eq!((code, out.as_str()), (Some(0), ""), "{log}");
    assert!(log.contains("root") && !log.contains("correct horse"), "{log}");
    let root = Person::log_in(&server, "root").await;
    assert_eq!(root.get("/users/me").await.expect(200)["email"], "root@example.org");
    let ann = server.person("ann").await;
    root.delete(&format!("/users/delete_user/{}", ann.id)).await.expect(200);
}

#[tokio::test]
async fn the_password_of_an_administrator_is_asked_twice_at_a_terminal_and_not_shown() {
    let server = Server::start(Kind::Program).await;

    let (code, screen) = run_at_terminal(server.directory(), &CREATE_ROOT, &["correct horse", "correct house"]).await;
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("not the same"), "{screen}");

    let (code, screen) = run_at_terminal(server.directory(), &CREATE_ROOT, &["correct horse", "correct horse"]).await;
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("correct horse"), "{screen}");
    Person::log_in(&server, "root").await;
}

#[tokio::test]
async fn an_administrator_who_cannot_be_made_is_refused_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let password = [("CHAT_ADMIN_PASSWORD", "correct horse")];
    assert!(
        fails(directory, &CREATE_ROOT, &[("CHAT_ADMIN_PASSWORD", "short")]).await.contains("at least 8 characters")
    );
    let in_memory = [&CREATE_ROOT[..], &["--storage", "memory"]].concat();
    assert!(fails(directory, &in_memory, &password).await.contains("memory"));
    let (code, _, log) = said(run(directory, &CREATE_ROOT, &password, "").await);
    assert_eq!(code, Some(0), "{log}");
    assert!(fails(directory, &CREATE_ROOT, &password).await.contains("taken"));
    for wrong in [&["admin", "create"][..], &["admin", "create", "--username", "a b"], &["admin"]] {
        assert_eq!(run(directory, wrong, &password, "").await.status.code(), Some(2), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_check_tells_each_part_in_a_line_and_changes_nothing() {
    let empty = tempfile::tempdir().unwrap();
    let (code, out, _) = said(run(empty.path(), &["check"], &[], "").await);
    assert_eq!((code, out.lines().count()), (Some(0), 4), "{out}");
    assert!(out.contains("listens on 127.0.0.1:8000"), "{out}");
    assert!(files(empty.path()).is_empty());

    let server = Server::start_with_key_file().await;
    server.person("ann").await;
    let (code, out, _) = said(run(server.directory(), &["check"], &[], "").await);
    assert_eq!((code, out.matches(" ok ").count()), (Some(0), 4), "while the server runs: {out}");
    let server = server.restart().await;
    let directory = server.directory().join(".data");
    let before = files(&directory);
    for _ in 0..2 {
        let (code, out, _) = said(run(server.directory(), &["check"], &[], "").await);
        let parts: Vec<_> = out.lines().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!((code, parts), (Some(0), vec!["configuration", "database", "mail", "key"]), "{out}");
    }
    assert_eq!(files(&directory), before);
}

#[tokio::test]
async fn a_check_names_every_part_that_is_not_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (foreign, key) = (directory.path().join("foreign.db"), directory.path().join("key.pem"));
    std::fs::write(&foreign, "no database, but a text that is long enough to be taken for one".repeat(20)).unwrap();
    std::fs::write(&key, "no key").unwrap();
    let mail = format!("smtp://127.0.0.1:{}", free_port().await);
    let wrong = [
        ("configuration", ("CORS_ALLOW_ORIGIN", "chat.example.org")),
        ("configuration", ("PUBLIC_URL", "chat.example.org")),
        ("configuration", ("MAIL_FROM", "nobody")),
        ("database", ("DBPATH", foreign.to_str().unwrap())),
        ("database", ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")),
        ("mail", ("SMTP_URL", mail.as_str())),
        ("key", ("JWT_KEY", key.to_str().unwrap())),
        ("key", ("JWTSECRET", "")),
    ];
    let before = files(directory.path());
    for (part, variable) in wrong {
        let (code, out, _) = said(run(directory.path(), &["check"], &[variable], "").await);
        assert_eq!(code, Some(1), "{variable:?}: {out}");
        let told = out.lines().find(|line| line.starts_with(part)).unwrap();
        assert!(told.contains(" wrong "), "{variable:?}: {out}");
    }
    assert_eq!(files(directory.path()), before);
}

#[tokio::test]
async fn a_check_looks_into_postgres_and_asks_the_mail_server() {
    let database = Database::create_bare().await;
    let mail = MailServer::start(&[]).await;
    let directory = tempfile::tempdir().unwrap();
    let smtp = mail.url("smtp", "", "");
    let environment = [("DATABASE_URL", database.url()), ("SMTP_URL", &smtp), ("JWTSECRET", "only for tests")];
    for expected in ["is empty", "is empty"] {
        let (code, out, _) = said(run(directory.path(), &["check"], &environment, "").await);
        assert_eq!(code, Some(0), "{out}");
        assert!(out.contains(expected) && out.contains("takes mails"), "{out}");
    }
    Server::start_on(database.url()).await.kill().await;
    let (code, out, _) = said(run(directory.path(), &["check"], &environment, "").await);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("is in order") && !out.contains("is empty"), "{out}");
    assert!(mail.ends_silently().await);
}

#[tokio::test]
async fn a_reset_asks_first() {
    let server = Server::start(Kind::Program).await;
    server.person("ann").await;
    let unasked = fails(server.directory(), &["reset"], &[]).await;
    assert!(unasked.contains("--yes"), "{unasked}");
    let (code, screen) = run_at_terminal(server.directory(), &["reset"], &["no"]).await;
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("chat.db") && screen.contains("nothing was deleted"), "{screen}");
    Person::log_in(&server, "ann").await;

    let (code, screen) = run_at_terminal(server.directory(), &["reset"], &["y"]).await;

    assert_eq!(code, Some(0), "{screen}");
    let again = server.person("ann").await;
    assert_eq!(again.get("/users").await.expect(200)["users"], json!([]));
}

#[tokio::test]
async fn a_reset_leaves_nothing_and_makes_no_old_token_good_again() {
    let database = Database::create().await;
    for environment in [vec![], vec![("DATABASE_URL", database.url())]] {
        let directory = tempfile::tempdir().unwrap();
        let server = match environment.first() {
            None => Server::start_with(&["--db", directory.path().join("chat.db").to_str().unwrap()]).await,
            Some((_, url)) => Server::start_on(url).await,
        };
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        ann.send(group, "very secret words").await;
        let epoch = ann.socket().await.asks(json!({ "type": "sync" })).await["data"]["epoch"].clone();

        let mut environment = environment;
        environment.push(("DBPATH", "chat.db"));
        let (code, _, log) = said(run(directory.path(), &["reset", "--yes"], &environment, "").await);

        assert_eq!(code, Some(0), "{log}");
        let again = server.person("ann").await;
        assert!(again.id > group, "an id is never given again");
        Answer::to(server.request(Method::GET, "/users/me").bearer_auth(&bob.token)).await.refuses(401, "unauthorized");
        Answer::to(server.request(Method::GET, "/users/me").bearer_auth(&ann.token)).await.refuses(401, "unauthorized");
        assert_eq!(again.get("/conversations").await.expect(200)["conversations"], json!([]));
        let now = again.socket().await.asks(json!({ "type": "sync" })).await["data"]["epoch"].clone();
        assert_ne!(now, epoch, "clients fetch anew");
        for (path, ..) in files(directory.path()) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(17).any(|bytes| bytes == b"very secret words"), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn the_health_of_a_server_is_asked_for() {
    let server = Server::start(Kind::Program).await;
    let (addr, url) = (server.addr().to_string(), server.url("/"));
    let directory = tempfile::tempdir().unwrap();
    for (arguments, environment) in
        [(vec!["health", "--url", &url], vec![]), (vec!["health"], vec![("CHAT_ADDR", &*addr)])]
    {
        let (code, _, log) = said(run(directory.path(), &arguments, &environment, "").await);
        assert_eq!(code, Some(0), "{log}");
    }
    server.kill().await;
    assert!(fails(directory.path(), &["health", "--url", &url], &[]).await.contains("gives no answer"));
}

#[tokio::test]
async fn a_mock_fills_a_server_and_the_same_again_adds_nothing() {
    let server = Server::start(Kind::Program).await;
    let url = server.url("");
    let mock = |seed| {
        let numbers = ["--users", "6", "--groups", "3", "--messages", "40", "--password", Person::PASSWORD];
        [&["mock", "--url", &url, "--seed", seed][..], &numbers].concat()
    };
    let ann = server.person("ann").await;
    let mut filled = vec![];
    for seed in ["7", "7"] {
        let (is_done, log) = server.run(&mock(seed), &[]).await;
        assert!(is_done, "{log}");
        let users = ann.get("/users").await.expect(200)["users"].as_array().unwrap().clone();
        assert_eq!(users.len(), 6);
        let (mut ids, mut groups) = (vec![], vec![]);
        for user in &users {
            let username = user["username"].as_str().unwrap();
            assert!(user["fullname"].as_str().unwrap().contains(' ') && username.contains('.'), "{user}");
            let person = Person::log_in(&server, username).await;
            for conversation in person.get("/conversations").await.expect(200)["conversations"].as_array().unwrap() {
                if conversation["kind"] == "group" {
                    groups.push(conversation["id"].as_i64().unwrap());
                }
                let history = person.get(&format!("/conversations/{}/messages", conversation["id"])).await.expect(200);
                ids.extend(history["messages"].as_array().unwrap().iter().map(|said| said["id"].as_i64().unwrap()));
            }
        }
        for list in [&mut ids, &mut groups] {
            list.sort_unstable();
            list.dedup();
        }
        assert_eq!((ids.len(), groups.len()), (40, 3));
        filled.push((ids, groups));
    }
    assert_eq!(filled[0], filled[1]);
    let (is_done, log) = server.run(&mock("8"), &[]).await;
    assert!(is_done, "{log}");
    assert!(ann.get("/users").await.expect(200)["users"].as_array().unwrap().len() > 6);
}

#[tokio::test]
async fn a_mock_shows_how_far_it_is_at_a_terminal() {
    let server = Server::start(Kind::Program).await;
    let url = server.url("");
    let arguments = ["mock", "--url", &url, "--users", "2", "--groups", "1", "--messages", "3"];
    let (code, screen) = run_at_terminal(server.directory(), &arguments, &[]).await;
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("/6") && screen.contains('█'), "{screen}");
}

#[tokio::test]
async fn a_mock_finds_the_server_on_this_machine() {
    let server = Server::start(Kind::Program).await;
    let addr = server.addr().to_string();
    let (is_done, log) =
        server.run(&["mock", "--users", "2", "--groups", "1", "--messages", "3"], &[("CHAT_ADDR", &addr)]).await;
    assert!(is_done, "{log}");
    assert_eq!(server.person("ann").await.get("/users").await.expect(200)["users"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_mock_that_cannot_be_is_one_sentence() {
    let server = Server::start_with(&["--require-verification"]).await;
    let directory = server.directory();
    let url = format!("http://127.0.0.1:{}", free_port().await);
    assert!(fails(directory, &["mock", "--url", &url], &[]).await.contains("gives no answer"));
    assert!(fails(directory, &["mock", "--url", &server.url("")], &[]).await.contains("422"));
    assert!(fails(directory, &["mock", "--url", &server.url("/elsewhere")], &[]).await.contains("404"));
    for wrong in [["--users", "1"], ["--url", "chat.example.org"], ["--seed", "x"]] {
        let arguments = [&["mock"][..], &wrong].concat();
        assert_eq!(run(directory, &arguments, &[], "").await.status.code(), Some(2), "{wrong:?}");
    }
}
