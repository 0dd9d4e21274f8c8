//! Disks that are full or may not be written to: whoever sends is told, whoever reads reads on, nothing acknowledged is lost and
//! nothing is stored in part, and all goes on by itself when there is room again.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::disk::{fill, limit_files, seen_by, with_own_mounts};
use chat_tests::{PATIENCE, Person, Server, Socket, run_behind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::time::timeout;

/// Requests that are made while there is no room.
const REFUSALS: usize = 100;

/// A server whose disk can be filled.
struct Cramped {
    server: Server,
    /// Where its data is, as it can be reached from here.
    data: PathBuf,
    is_mounted: bool,
}

impl Cramped {
    /// On a small disk of its own, or where the system does not allow that, with a limit on the size of its files.
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let mount = format!("mount -t tmpfs -o size=8m tmpfs {}", data.display());
        let Some(before) = with_own_mounts(&mount) else { return Self::start_limited().await };
        let server = Server::start_behind(&before, directory, &["--db", "data/chat.db"]).await;
        let data = seen_by(server.pid(), &data);
        Self { server, data, is_mounted: true }
    }

    /// With a limit on the size of its files, which works everywhere.
    async fn start_limited() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let server = Server::start_in(directory, &["--db", "data/chat.db"]).await;
        Self { server, data, is_mounted: false }
    }

    /// Lets no file grow any more.
    fn fill(&self) {
        if self.is_mounted {
            let _ = fill(&self.data);
        } else {
            let log = self.data.join("chat.db-wal").metadata().unwrap().len();
            limit_files(self.server.pid(), Some(log));
        }
    }

    /// Makes room again.
    fn free(&self) {
        if self.is_mounted {
            std::fs::remove_file(self.data.join("filler")).unwrap();
        } else {
            limit_files(self.server.pid(), None);
        }
    }
}

fn message(group: i64, nonce: &str) -> Value {
    json!({ "type": "send_message", "conversation_id": group, "content": nonce.repeat(40), "nonce": nonce, "ref": nonce })
}

/// Sends a message and returns whether it was acknowledged; all else that may come of it is that the service is unavailable.
async fn is_acknowledged(socket: &mut Socket, group: i64, nonce: &str) -> bool {
    socket.ask(message(group, nonce)).await;
    let answer = loop {
        let frame = socket.hear_of("send_message").await;
        if frame["ref"] == nonce {
            break frame;
        }
    };
    assert!(answer["success"] == true || answer["code"] == "unavailable", "{answer}");
    answer["success"] == true
}

/// The nonces of all messages of a conversation, in order.
async fn stored(viewer: &Person, group: i64) -> Vec<String> {
    let mut nonces = vec![];
    let mut after = 0;
    loop {
        let page = viewer.get(&format!("/conversations/{group}/messages?after={after}&limit=100")).await.expect(200);
        for message in page["messages"].as_array().unwrap() {
            assert_eq!(message["seq"], nonces.len() + 1, "a gap");
            let nonce = message["nonce"].as_str().unwrap();
            assert_eq!(message["content"], nonce.repeat(40));
            nonces.push(nonce.to_owned());
            after = message["id"].as_i64().unwrap();
        }
        if page["messages"].as_array().unwrap().is_empty() {
            return nonces;
        }
    }
}

async fn senders_are_told_and_all_goes_on_when_there_is_room(cramped: &Cramped) {
    let server = &cramped.server;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
    let (mut acknowledged, mut refused) = (vec![], vec![]);
    for n in 0..20 {
        let nonce = format!("early {n}");
        assert!(is_acknowledged(&mut at_ann, group, &nonce).await);
        acknowledged.push(nonce);
    }

    cramped.fill();
    for n in 0.. {
        let nonce = format!("crowded {n}");
        match is_acknowledged(&mut at_ann, group, &nonce).await {
            true => acknowledged.push(nonce),
            false => refused.push(nonce),
        }
        if refused.len() == REFUSALS {
            break;
        }
    }
    let path = format!("/conversations/{group}/messages");
    ann.post(&path, json!({ "content": "by HTTP", "nonce": "by HTTP" })).await.refuses(503, "unavailable");

    // Whoever reads reads on, on sockets that were open and on new ones.
    assert_eq!(stored(&bob, group).await, acknowledged);
    server.get("/readyz").await.expect(200);
    assert_eq!(bob.socket().await.asks(json!({ "type": "ping" })).await["data"], "pong");
    for nonce in &acknowledged {
        assert_eq!(at_bob.hear_of("send_message").await["data"]["nonce"], *nonce);
    }
    let complaints = server.log().matches("the storage is not available").count();
    assert!(complaints > 0 && complaints * 10 <= REFUSALS, "{complaints} lines: {}", server.log());

    cramped.free();
    // What was refused is sent again, as clients do.
    let again = async {
        for nonce in &refused {
            while !is_acknowledged(&mut at_ann, group, nonce).await {}
        }
    };
    timeout(PATIENCE, again).await.unwrap();
    acknowledged.extend(refused);
    for nonce in &acknowledged[stored_before(&acknowledged)..] {
        assert_eq!(at_bob.hear_of("send_message").await["data"]["nonce"], *nonce);
    }
    let found = stored(&bob, group).await;
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len(), "twice");
    assert_eq!(found, acknowledged);
}

/// How many were acknowledged before there was room again: all but the last, which were refused first.
fn stored_before(acknowledged: &[String]) -> usize {
    acknowledged.len() - REFUSALS
}

#[tokio::test]
async fn on_a_full_disk_senders_are_told_and_all_goes_on_when_there_is_room() {
    let cramped = Cramped::start().await;
    senders_are_told_and_all_goes_on_when_there_is_room(&cramped).await;
    if cramped.is_mounted {
        assert!(cramped.server.log().contains("the disk is full"), "{}", cramped.server.log());
    }
}

#[tokio::test]
async fn at_a_limit_of_file_sizes_senders_are_told_and_all_goes_on_without_it() {
    let cramped = Cramped::start_limited().await;
    senders_are_told_and_all_goes_on_when_there_is_room(&cramped).await;
    assert!(cramped.server.log().contains("its files may not grow"), "{}", cramped.server.log());
}

#[tokio::test]
async fn what_was_acknowledged_on_a_full_disk_outlives_a_crash() {
    let cramped = Cramped::start_limited().await;
    let ann = cramped.server.person("ann").await;
    let group = ann.group(&[]).await;
    let mut socket = ann.socket().await;
    let mut acknowledged = vec![];
    for n in 0..20 {
        let nonce = format!("word {n}");
        assert!(is_acknowledged(&mut socket, group, &nonce).await);
        acknowledged.push(nonce);
    }
    cramped.fill();
    while is_acknowledged(&mut socket, group, &format!("crowded {}", acknowledged.len())).await {
        acknowledged.push(format!("crowded {}", acknowledged.len()));
    }

    let server = cramped.server.crash().await;

    let mut found = stored(&Person::log_in(&server, "ann").await, group).await;
    // One that was refused may be in the log of a process that was killed; it was refused with "unavailable", not with "no".
    found.truncate(acknowledged.len());
    assert_eq!(found, acknowledged);
}

/// Whole mails in a directory, and files that are none.
fn mails(directory: &Path) -> (usize, usize) {
    let names =
        std::fs::read_dir(directory).map(|names| names.map(|name| name.unwrap().file_name()).collect::<Vec<_>>());
    let names = names.unwrap_or_default();
    let whole = names.iter().filter(|name| name.to_str().unwrap().ends_with(".eml")).count();
    (whole, names.len() - whole)
}

#[tokio::test]
async fn a_mail_for_which_there_is_no_room_is_written_when_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let post = directory.path().join("post");
    std::fs::create_dir(&post).unwrap();
    let mount = format!("mount -t tmpfs -o size=64k tmpfs {}", post.display());
    // Without mounts there is no way to fill the place of mails alone; a directory that may not be made is like it.
    let before = with_own_mounts(&mount);
    let server = match &before {
        Some(before) => Server::start_behind(before, directory, &["--mail-dir", "post/mails"]).await,
        None => Server::start_in(directory, &["--mail-dir", "post/mails"]).await,
    };
    let post = if before.is_some() { seen_by(server.pid(), &post) } else { post };
    let in_the_way = if before.is_some() {
        // The directory takes no room, the mail does.
        std::fs::create_dir(post.join("mails")).unwrap();
        fill(&post)
    } else {
        std::fs::write(post.join("mails"), "").unwrap();
        post.join("mails")
    };
    let account = json!({ "username": "ann", "password": "correct horse", "email": "ann@example.org" });

    server.post("/users/register", account).await.expect(201);
    server.logs("a mail could not be sent yet", 1).await;
    assert_eq!(mails(&post.join("mails")), (0, 0), "nothing half written");
    std::fs::remove_file(in_the_way).unwrap();

    let written = async {
        while mails(&post.join("mails")) != (1, 0) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, written).await.unwrap();
}

/// Starts the program where it cannot write; what it says in one line before it ends.
async fn refusal(before: &[String], directory: &Path) -> String {
    let arguments = ["--addr", "127.0.0.1:0", "--db", "data/chat.db"];
    let output = run_behind(before, directory, &arguments, &[("JWTSECRET", "only for tests")], "").await;
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), log.matches("ERROR").count()), (Some(1), 1), "{log}");
    assert!(log.lines().last().unwrap().contains("ERROR"), "{log}");
    log
}

#[tokio::test]
async fn a_server_that_cannot_write_its_data_does_not_start_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mount = format!("mount --bind {0} {0}; mount -o remount,bind,ro {0}", data.display());
    // A limit on files is the next best to a disk that cannot be written.
    let none = || ["prlimit", "--fsize=0"].map(str::to_owned).to_vec();
    let read_only = with_own_mounts(&mount).unwrap_or_else(none);

    let log = refusal(&read_only, directory.path()).await;
    assert!(log.contains("cannot open the database data/chat.db"), "{log}");

    // With data of before, too.
    let server = Server::start_in(directory, &["--db", "data/chat.db"]).await;
    server.person("ann").await;
    let directory = server.directory().to_owned();
    let kept = tempfile::tempdir().unwrap();
    std::fs::create_dir(kept.path().join("data")).unwrap();
    let (is_made, log) =
        server.run(&["backup", kept.path().join("data/chat.db").to_str().unwrap(), "--db", "data/chat.db"], &[]).await;
    assert!(is_made, "{log} in {}", directory.display());
    let mount = mount.replace(data.to_str().unwrap(), kept.path().join("data").to_str().unwrap());
    let read_only = with_own_mounts(&mount).unwrap_or_else(none);
    let log = refusal(&read_only, kept.path()).await;
    assert!(log.contains("data/chat.db"), "{log}");
}

#[tokio::test]
async fn a_server_on_a_disk_that_is_full_already_does_not_start_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let full =
        format!("mount -t tmpfs -o size=32k tmpfs {0}; cat /dev/zero > {0}/filler 2>/dev/null || true", data.display());
    let before = with_own_mounts(&full).unwrap_or_else(|| ["prlimit", "--fsize=4096"].map(str::to_owned).to_vec());
    let log = refusal(&before, directory.path()).await;
    assert!(log.contains("data/chat.db"), "{log}");
}
