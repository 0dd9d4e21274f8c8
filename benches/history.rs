//! Reading out of conversations of ten thousand, a million and ten million messages, on Postgres and on SQLite: pages of a
//! hundred, and how many are unread. What counts is that a column does not grow from row to row.
//!
//! `cargo bench -p chat-benches --bench history -- 10000 100000` takes other sizes; ten million take minutes to make.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use chat_core::limits::UNREAD_MAX;
use chat_core::{Chat, ConversationId, History, MessageId, NewGroup, Storage, User, UserId};
use chat_postgres::PgStorage;
use chat_sqlite::SqliteStorage;
use chat_tests::postgres::{Cluster, Fsync};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SIZES: [i64; 3] = [10_000, 1_000_000, 10_000_000];
const PAGE: u32 = 100;
/// Unread messages of whoever comes back after an hour.
const UNREAD: i64 = 100;
const ROUNDS: usize = 5;
/// Of each kind of read, in each round and for each size.
const READS: usize = 60;

/// What is read, as the table calls it.
const KINDS: [&str; 5] = ["newest 100", "100 before any", "oldest 100", "100 unread", "all unread"];

/// A conversation of so many messages.
struct Place {
    size: i64,
    conversation: ConversationId,
    /// Who has read all but the last.
    reader: UserId,
    /// Who was never there.
    absent: UserId,
    first_id: i64,
}

/// Makes the conversations, without a message, and the members to ask as. Each is in one conversation alone.
async fn places(storage: &Arc<dyn Storage>, sizes: &[i64]) -> Vec<(Place, User)> {
    let chat = Chat::builder(Arc::clone(storage)).build();
    let mut places = vec![];
    let mut first_id = 1_000;
    for (n, size) in sizes.iter().copied().enumerate() {
        let [sender, reader, absent] = ["sender", "reader", "absent"].map(|name| format!("{name}{n}"));
        let sender = chat.create_user(sender.parse().unwrap()).await.unwrap();
        let reader = chat.create_user(reader.parse().unwrap()).await.unwrap().id;
        let absent = chat.create_user(absent.parse().unwrap()).await.unwrap().id;
        let members = ["reader", "absent"].map(|name| format!("{name}{n}").parse().unwrap()).to_vec();
        let group = NewGroup { members, ..NewGroup::default() };
        let conversation = chat.create_group(sender.id, group).await.unwrap().id();
        places.push((Place { size, conversation, reader, absent, first_id }, sender));
        first_id += size;
    }
    places
}

/// The statements that fill a conversation; `numbers` is a table of one column `n` from 1 to its size.
fn filling(schema: &str, numbers: &str, place: &Place, sender: &User) -> [String; 3] {
    let Place { size, conversation, reader, first_id, .. } = place;
    let read = size - UNREAD;
    [
        format!(
            "INSERT INTO {schema}.messages (id, conversation_id, seq, sender_id, content, sent_at)
            SELECT {first_id} + n - 1, {conversation}, n, {}, 'message ' || n, 1 FROM {numbers}",
            sender.id
        ),
        format!("UPDATE {schema}.conversations SET last_seq = {size} WHERE id = {conversation}"),
        format!(
            "UPDATE {schema}.members SET read_seq = {read}, read_message_id = {first_id} + {read} - 1
            WHERE conversation_id = {conversation} AND user_id = {reader}"
        ),
    ]
}

async fn on_postgres(sizes: &[i64], cluster: &Cluster) -> (Arc<dyn Storage>, Vec<Place>) {
    cluster.execute("CREATE DATABASE chat").await;
    let storage: Arc<dyn Storage> = Arc::new(PgStorage::open(&cluster.url("chat")).await.unwrap());
    let mut connection = PgConnection::connect(&cluster.url("chat")).await.unwrap();
    let places = places(&storage, sizes).await;
    for (place, sender) in &places {
        let numbers = format!("generate_series(1, {}) AS n", place.size);
        for sql in filling("chat", &numbers, place, sender) {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
    }
    // As autovacuum does before long; until then, unread counts look at the rows, too.
    for sql in ["VACUUM ANALYZE", "CHECKPOINT"] {
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }
    (storage, places.into_iter().map(|(place, _)| place).collect())
}

async fn on_sqlite(sizes: &[i64], path: &Path) -> (Arc<dyn Storage>, Vec<Place>) {
    let storage: Arc<dyn Storage> = Arc::new(SqliteStorage::open(path).await.unwrap());
    let places = places(&storage, sizes).await;
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    for (place, sender) in &places {
        let numbers = format!(
            "(WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {})
            SELECT n FROM counted)",
            place.size
        );
        for sql in filling("main", &numbers, place, sender) {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
    }
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    (storage, places.into_iter().map(|(place, _)| place).collect())
}

/// Reads one thing, and checks that it is what was asked for.
async fn read(storage: &dyn Storage, place: &Place, kind: usize) {
    let page = async |history| {
        let page = storage.list_messages(place.reader, place.conversation, history, PAGE).await.unwrap().unwrap();
        assert_eq!(page.items.len(), PAGE as usize);
    };
    let unread = async |viewer, expected: i64| {
        let positions = storage.list_positions(viewer).await.unwrap();
        assert_eq!((positions.len(), i64::from(positions[0].unread)), (1, expected));
    };
    match kind {
        0 => page(History::Latest).await,
        1 => {
            let any = place.first_id + fastrand::i64(i64::from(PAGE)..place.size);
            page(History::Before(MessageId::try_from(any).unwrap())).await;
        }
        2 => page(History::Oldest).await,
        3 => unread(place.reader, UNREAD).await,
        _ => unread(place.absent, place.size.min(UNREAD_MAX.into())).await,
    }
}

/// The times of each kind of read for each size, taken in turns.
async fn measure(storage: &dyn Storage, places: &[Place]) -> Vec<[Vec<Duration>; KINDS.len()]> {
    let mut times = vec![[const { Vec::new() }; KINDS.len()]; places.len()];
    // The first round fills the caches.
    for round in 0..=ROUNDS {
        for (place, times) in places.iter().zip(&mut times) {
            for (kind, times) in times.iter_mut().enumerate() {
                for _ in 0..READS {
                    let begun = Instant::now();
                    read(storage, place, kind).await;
                    if round > 0 {
                        times.push(begun.elapsed());
                    }
                }
            }
        }
    }
    times
}

fn print(name: &str, places: &[Place], times: Vec<[Vec<Duration>; KINDS.len()]>) {
    println!("\n{name:<12}{}", KINDS.map(|kind| format!("{kind:>18}")).concat());
    for (place, times) in places.iter().zip(times) {
        let cells = times.map(|mut times| {
            times.sort_unstable();
            let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
            format!("{:>9.2} ({:>6.2})", at(50), at(95))
        });
        println!("{:>12}{}", place.size, cells.concat());
    }
}

#[tokio::main]
async fn main() {
    let given: Vec<i64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    println!("milliseconds, median (and 95 of 100), of {} reads each", ROUNDS * READS);

    let cluster = Cluster::start(Fsync::On).await;
    let (storage, places) = on_postgres(&sizes, &cluster).await;
    print("Postgres", &places, measure(&*storage, &places).await);
    drop(cluster);

    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (storage, places) = on_sqlite(&sizes, &directory.path().join("chat.db")).await;
    print("SQLite", &places, measure(&*storage, &places).await);
}
