//! The program on Postgres, when Postgres fails it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::postgres::{Cluster, Database, Fsync};
use chat_tests::{PATIENCE, Person, Proxy, Server, Socket, event};
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a request may take while Postgres is away: the wait of the batch before, and that of its own.
const ANSWER_LASTS_MAX: Duration = Duration::from_secs(25);

/// The same where Postgres does not say that it is away: as long as the longest batch may take, and then a wait for another
/// connection.
const ANSWER_OF_HUNG_LASTS_MAX: Duration = Duration::from_secs(50);

const SENDERS: usize = 8;

/// What one sender has been told: the place of each message by its nonce.
#[derive(Default)]
struct Told {
    places: HashMap<String, i64>,
    unavailable: usize,
    slowest: Duration,
}

/// Sends until told to stop, each message until it is acknowledged.
async fn send(person: Person, group: i64, counts: Arc<watch::Sender<usize>>, stop: watch::Receiver<bool>) -> Told {
    let mut told = Told::default();
    for n in 0.. {
        if *stop.borrow() {
            break;
        }
        let nonce = format!("{} {n}", person.username);
        let message = json!({ "content": nonce, "nonce": nonce });
        loop {
            let begun = Instant::now();
            let answer = person.post(&format!("/conversations/{group}/messages"), message.clone()).await;
            told.slowest = told.slowest.max(begun.elapsed());
            if answer.status == 503 {
                answer.refuses(503, "unavailable");
                told.unavailable += 1;
                continue;
            }
            assert!(answer.status.is_success(), "{answer:?}");
            told.places.insert(nonce, answer.body["seq"].as_i64().unwrap());
            break;
        }
        counts.send_modify(|count| *count += 1);
    }
    told
}

/// Waits until so many more messages are acknowledged.
async fn progress(counts: &watch::Sender<usize>, more: usize) {
    let aim = *counts.borrow() + more;
    timeout(PATIENCE, counts.subscribe().wait_for(|count| *count >= aim)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_death_of_postgres() {
    let cluster = Cluster::start(Fsync::On).await;
    cluster.execute("CREATE DATABASE chat").await;
    let server = Server::start_on(&cluster.url("chat")).await;
    let names: Vec<_> = (0..SENDERS).map(|n| format!("sender{n}")).collect();
    let people = join_all(names.iter().map(|name| server.person(name))).await;
    let group = people[0].group(&people[1..].iter().collect::<Vec<_>>()).await;
    let mut socket = people[0].socket().await;

    let (counts, stop) = (Arc::new(watch::Sender::new(0)), watch::Sender::new(false));
    let senders = people.iter().map(|person| send(person.clone(), group, Arc::clone(&counts), stop.subscribe()));
    let senders: Vec<_> = senders.map(tokio::spawn).collect();
    for round in 0..3 {
        progress(&counts, 100).await;

        cluster.kill();

        if round == 0 {
            // Long enough for somebody to be told so, over HTTP and over the socket.
            let begun = Instant::now();
            let away = json!({ "type": "send_message", "conversation_id": group, "content": "anyone?", "ref": "r" });
            socket.ask(away).await;
            let refused = loop {
                let frame = socket.hear().await;
                if frame["ref"] == "r" {
                    break frame;
                }
            };
            assert_eq!(refused["code"], "unavailable", "{refused}");
            assert!(begun.elapsed() < ANSWER_LASTS_MAX, "{:?}", begun.elapsed());
        }
        cluster.restart().await;
    }
    progress(&counts, 100).await;
    stop.send_replace(true);

    let told = join_all(senders).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();

    // The socket has stayed open, and hears what is sent now.
    let last = people[1].send(group, "still here?").await;
    let expected = event("send_message", &last);
    let hears = async { while socket.hear().await["data"]["id"] != expected["data"]["id"] {} };
    timeout(PATIENCE, hears).await.unwrap();

    let stored = events(&people[0], group).await;
    let places: Vec<_> = stored.keys().copied().collect();
    let nonces: Vec<_> = stored.values().filter_map(|message| message["nonce"].as_str()).collect();
    for told in &told {
        for (nonce, seq) in &told.places {
            assert_eq!(stored.get(seq).map(|message| &message["nonce"]), Some(&json!(nonce)), "lost at {seq}");
            assert_eq!(nonces.iter().filter(|other| *other == nonce).count(), 1, "{nonce} is there twice");
        }
        assert!(told.slowest < ANSWER_LASTS_MAX, "{:?}", told.slowest);
    }
    assert!(places.iter().copied().eq(1..=places.len() as i64), "a gap");
    assert!(told.iter().any(|told| told.unavailable > 0), "nobody was told that Postgres was away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_hangs_is_answered_for_and_sessions_outlive_it() {
    let database = Database::create().await;
    let proxy = Proxy::to(database.url()).await;
    let server = Server::start_on(&proxy.url()).await;
    let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
    let group = ann.group(&[&bob, &eve]).await;
    let mut socket = bob.socket().await;

    proxy.hang();
    let begun = Instant::now();
    // Whoever leaves may take all that was ever said along, which Postgres may need long for.
    let leave = format!("/groups/{group}/leave");
    let leaving = eve.post(&leave, json!({}));
    // More than there are connections, so that none is left that nobody has waited for in vain.
    let posts = (0..30).map(|n| {
        let (ann, path) = (ann.clone(), format!("/conversations/{group}/messages"));
        async move { ann.post(&path, json!({ "content": n.to_string() })).await }
    });
    let asked = json!({ "type": "send_message", "conversation_id": group, "content": "anyone?", "ref": "r" });
    let told = async {
        socket.ask(asked).await;
        loop {
            let frame = socket.hear().await;
            if frame["ref"] == "r" {
                break frame;
            }
        }
    };
    let (left, answers, told) = tokio::join!(leaving, join_all(posts), told);
    for answer in answers.into_iter().chain([left]) {
        answer.refuses(503, "unavailable");
    }
    assert_eq!(told["code"], "unavailable", "{told}");
    assert!(begun.elapsed() < ANSWER_OF_HUNG_LASTS_MAX, "{:?}", begun.elapsed());

    proxy.open();
    let expected = event("send_message", &ann.send(group, "still here?").await);
    let hears = async { while socket.hear().await["data"]["id"] != expected["data"]["id"] {} };
    timeout(PATIENCE, hears).await.unwrap();
}

/// Has Postgres refuse every change from now on, or take them again, without a connection lost.
async fn turn_read_only(cluster: &Cluster, is_read_only: bool) {
    cluster.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {is_read_only}")).await;
    cluster.execute("SELECT pg_reload_conf()").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_turns_read_only_is_read_from_and_written_to_again_once_it_can_be() {
    let cluster = Cluster::start(Fsync::On).await;
    cluster.execute("CREATE DATABASE chat").await;
    let server = Server::start_on(&cluster.url("chat")).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
    let before = ann.send(group, "before").await;
    assert_eq!(at_bob.hear().await, event("send_message", &before));
    at_ann.hear().await;

    turn_read_only(&cluster, true).await;
    let (path, message) = (format!("/conversations/{group}/messages"), json!({ "content": "while", "nonce": "n" }));
    let over_a_socket = json!({ "type": "send_message", "conversation_id": group, "content": "while", "nonce": "n" });
    ann.post(&path, message.clone()).await.refuses(503, "unavailable");
    assert_eq!(at_ann.refused(over_a_socket).await.0, "unavailable");
    assert_eq!(bob.get(&path).await.expect(200)["messages"], json!([before]));

    turn_read_only(&cluster, false).await;
    let stored = ann.post(&path, message).await.expect(201);
    assert_eq!(stored["seq"], 2);
    assert_eq!(at_bob.hear().await, event("send_message", &stored));
    assert_eq!(at_bob.heard().await, Vec::<Value>::new());
}

/// Everything that happened in a conversation by its place.
async fn events(person: &Person, group: i64) -> BTreeMap<i64, Value> {
    let (mut all, mut after) = (BTreeMap::new(), 0);
    loop {
        let page = person.get(&format!("/conversations/{group}/events?limit=100&after={after}")).await.expect(200);
        for event in page["events"].as_array().unwrap() {
            after = event["data"]["seq"].as_i64().unwrap();
            assert!(all.insert(after, event["data"].clone()).is_none(), "two events at {after}");
        }
        if page["next"].is_null() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_one_sentence_and_an_exit_code() {
    let database = Database::create_bare().await;
    let unknown = database.url().replace("/test_", "/unknown_");
    let newer = Database::create().await;
    let mut connection = PgConnection::connect(newer.url()).await.unwrap();
    let later = "INSERT INTO chat.chat_migrations VALUES (9999, 'later', now(), TRUE, '', 1)";
    sqlx::raw_sql(later).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let of_another = "mysql://ann:secret@localhost/chat";
    for (url, sentence) in [
        ("postgres://ann:secret@127.0.0.1:1/chat", "cannot open the database chat at 127.0.0.1:1: "),
        (&unknown, "cannot open the database unknown_"),
        (newer.url(), "was written by a newer version of this program"),
        (of_another, "the address of the database is not of the form postgres://"),
    ] {
        let (code, said) = Server::fails_on(url).await;
        assert_eq!(code, Some(1), "{said}");
        assert_eq!((said.lines().count(), said.matches(sentence).count()), (1, 1), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}
