//! `chat-server backup`: what it copies while everybody talks, and what clients make of a server that is started on it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Kind, PATIENCE, Person, Server, Socket, run, run_behind};
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::timeout;

const BACKUPS: usize = 4;
/// Messages that are acknowledged between one backup and the next, at least.
const BETWEEN: usize = 60;

/// Copies the data of a server that runs.
async fn back_up(server: &Server, to: &str) {
    let (is_made, log) = server.run(&["backup", to], &[]).await;
    assert!(is_made, "{log}");
}

/// Starts a server on a copy.
async fn restored(copy: &Path) -> Server {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("restored.db");
    std::fs::copy(copy, &path).unwrap();
    Server::start_in(directory, &["--db", path.to_str().unwrap()]).await
}

/// All messages of a conversation, oldest first.
async fn history(viewer: &Person, group: i64) -> Vec<Value> {
    let mut messages = vec![];
    let mut after = 0;
    loop {
        let page = viewer.get(&format!("/conversations/{group}/messages?after={after}&limit=100")).await.expect(200);
        let page = page["messages"].as_array().unwrap();
        let Some(last) = page.last() else { return messages };
        after = last["id"].as_i64().unwrap();
        messages.extend(page.clone());
    }
}

/// Sends one message after another into the groups by turns, and notes each that is acknowledged.
async fn talk(mut socket: Socket, groups: &[i64], acknowledged: &Mutex<Vec<Value>>, is_over: &AtomicBool) {
    let mut n = 0;
    while !is_over.load(Ordering::Relaxed) {
        let group = groups[n % groups.len()];
        let content = format!("word {n} of many");
        socket.ask(json!({ "type": "send_message", "conversation_id": group, "content": content, "ref": n })).await;
        let answer = loop {
            let frame = socket.hear_of("send_message").await;
            if frame["ref"] == n {
                break frame;
            }
        };
        acknowledged.lock().unwrap().push(answer["data"].clone());
        n += 1;
    }
}

/// Waits until so many messages are acknowledged.
async fn so_many(acknowledged: &Mutex<Vec<Value>>, count: usize) -> Vec<Value> {
    let waiting = async {
        loop {
            let known = acknowledged.lock().unwrap().clone();
            if known.len() >= count {
                return known;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap()
}

async fn check_integrity(copy: &Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(copy).read_only(true).immutable(true);
    let mut connection = options.connect().await.unwrap();
    let found: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    assert_eq!(found, "ok", "{}", copy.display());
    connection.close().await.unwrap();
}

#[tokio::test]
async fn backups_under_load_hold_all_that_was_acknowledged_before_and_have_no_gap() {
    let server = Server::start(Kind::Program).await;
    let people = server.people(["a", "b", "c", "d", "e", "f", "g", "h"]).await;
    let mut groups = vec![];
    for _ in 0..3 {
        groups.push(people[0].group(&people.each_ref()).await);
    }
    let sockets = Socket::of(people.each_ref()).await;
    let (acknowledged, is_over) = (Mutex::default(), AtomicBool::new(false));

    let talking = join_all(sockets.into_iter().map(|socket| talk(socket, &groups, &acknowledged, &is_over)));
    let copying = async {
        let mut before = vec![];
        for n in 0..BACKUPS {
            let known = so_many(&acknowledged, BETWEEN * (n + 1)).await;
            back_up(&server, &format!("copy-{n}.db")).await;
            before.push(known);
        }
        is_over.store(true, Ordering::Relaxed);
        before
    };
    let (_, before) = tokio::join!(talking, copying);

    for (n, before) in before.iter().enumerate() {
        let copy = server.directory().join(format!("copy-{n}.db"));
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        check_integrity(&copy).await;
        let restored = restored(&copy).await;
        let ann = Person::log_in(&restored, "a").await;
        let mut stored = vec![];
        for group in &groups {
            let messages = history(&ann, *group).await;
            let seqs: Vec<_> = messages.iter().map(|message| message["seq"].as_u64().unwrap()).collect();
            assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "group {group} in backup {n}");
            stored.extend(messages);
        }
        for message in before {
            assert!(stored.contains(message), "backup {n} lacks {message}");
        }
    }
}

#[tokio::test]
async fn whoever_resumes_from_what_came_after_the_backup_fetches_anew() {
    let server = Server::start(Kind::Program).await;
    let ann = server.person("ann").await;
    let group = ann.group(&[]).await;
    ann.send(group, "before the backup").await;
    back_up(&server, "copy.db").await;
    ann.send(group, "after the backup").await;
    let mut socket = ann.socket().await;
    let known = socket.asks(json!({ "type": "sync" })).await["data"].clone();
    assert_eq!(known["conversations"][0]["last_seq"], 2, "{known}");

    let restored = restored(&server.directory().join("copy.db")).await;
    let ann = Person::log_in(&restored, "ann").await;
    assert_eq!(ann.send(group, "another second one").await["seq"], 2);
    let mut socket = ann.socket().await;
    let seen = json!({ group.to_string(): 2 });
    socket.ask(json!({ "type": "resume", "epoch": known["epoch"], "conversations": seen })).await;

    let answer = socket.hear_of("resume").await;
    assert_ne!(answer["data"]["epoch"], known["epoch"]);
    assert_eq!(answer["data"]["conversations"][0]["reset"], true, "{answer}");
}

#[tokio::test]
async fn the_server_that_was_copied_keeps_its_history() {
    let server = Server::start(Kind::Program).await;
    let ann = server.person("ann").await;
    let group = ann.group(&[]).await;
    let mut socket = ann.socket().await;
    let epoch = socket.asks(json!({ "type": "sync" })).await["data"]["epoch"].clone();
    back_up(&server, "copy.db").await;
    ann.send(group, "goes on").await;
    socket.close().await;
    let mut socket = ann.socket().await;
    socket.ask(json!({ "type": "resume", "epoch": epoch, "conversations": { group.to_string(): 0 } })).await;
    assert_eq!(socket.hear_of("resume").await["data"]["conversations"][0]["reset"], false);
}

#[tokio::test]
async fn what_was_deleted_is_in_no_backup() {
    let server = Server::start(Kind::Program).await;
    let ann = server.person("ann").await;
    let group = ann.group(&[]).await;
    let word = "a word that nobody else ever said";
    let slip = ann.send(group, word).await["id"].clone();
    back_up(&server, "with.db").await;
    ann.delete(&format!("/messages/{slip}")).await.expect(200);
    back_up(&server, "without.db").await;
    let holds = |copy: &str| {
        let bytes = std::fs::read(server.directory().join(copy)).unwrap();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    assert!(holds("with.db") && !holds("without.db"));
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_is_refused_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let refusal = async |arguments: &[&str]| {
        let output = run(directory, &[&["backup", "copy.db"], arguments].concat(), &[], "").await;
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), log.lines().count()), (Some(1), 1), "{log}");
        log
    };
    assert!(refusal(&[]).await.contains("there is no chat database at .data/chat.db"));
    assert!(refusal(&["--database-url", "postgres://nobody@nowhere/nothing"]).await.contains("pg_dump"));
    assert!(refusal(&["--storage", "memory"]).await.contains("memory"));
    std::fs::write(directory.join("foreign.db"), "no database, but a text that is long enough".repeat(40)).unwrap();
    assert!(refusal(&["--db", "foreign.db"]).await.contains("foreign.db is not a chat database"));
    assert!(!directory.join("copy.db").exists());
    std::fs::write(directory.join("copy.db"), "mine").unwrap();
    let server = Server::start(Kind::Program).await;
    let db = server.directory().join(".data/chat.db");
    assert!(refusal(&["--db", db.to_str().unwrap()]).await.contains("copy.db is there already"));
    assert_eq!(std::fs::read(directory.join("copy.db")).unwrap(), b"mine");
}

/// The limit on files stands for a disk that has no room for the copy.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_backup_for_which_there_is_no_room_leaves_nothing_behind() {
    let server = Server::start(Kind::Program).await;
    server.person("ann").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.db");
    let before = ["prlimit", "--fsize=16384"].map(str::to_owned);

    let output = run_behind(&before, server.directory(), &["backup", copy.to_str().unwrap()], &[], "").await;

    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), log.lines().count()), (Some(1), 1), "{log}");
    assert!(log.contains("cannot make the backup"), "{log}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
