//! Durable messages per second on one Postgres server with `fsync`: through the engine, and in transactions of one message
//! each, written as tersely as SQL allows. What counts is the ratio.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use chat_core::{Chat, ConversationId, Draft, NewGroup, Storage, UserId};
use chat_postgres::PgStorage;
use chat_tests::postgres::{Cluster, Fsync};
use futures::future::join_all;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CONVERSATIONS: usize = 1_000;
/// Connections of the transactions of one message: in each round the number that is quickest counts.
const CLIENTS: [usize; 3] = [16, 32, 64];
/// Messages on their way through the engine at once. It has the ten connections of every storage, and one at a time is busy
/// with a batch.
const SENDERS: usize = 2_048;
const LASTS: Duration = Duration::from_secs(3);
const ROUNDS: usize = 7;
const TEXT: &str =
    "The kettle is on, and the good cups are out; bring the biscuits, the ones with the seeds, and your brother too.";

const ONE_MESSAGE: &str = "
    WITH place AS (
        UPDATE chat.conversations SET last_seq = last_seq + 1 WHERE id = $1
            AND EXISTS (SELECT 1 FROM chat.members WHERE conversation_id = $1 AND user_id = $2)
        RETURNING last_seq
    )
    INSERT INTO chat.messages (id, conversation_id, seq, sender_id, content, sent_at)
    SELECT nextval('chat.message_ids'), $1, place.last_seq, $2, $3, 1 FROM place";

/// Does something over and over, in many tasks, and returns how often a second.
async fn rate<F, Doing>(tasks: usize, mut task: F) -> f64
where
    F: FnMut(usize) -> Doing,
    Doing: Future<Output = u64> + Send + 'static,
{
    let begun = Instant::now();
    let done = join_all((0..tasks).map(|n| tokio::spawn(task(n)))).await;
    let count: u64 = done.into_iter().map(Result::unwrap).sum();
    count as f64 / begun.elapsed().as_secs_f64()
}

async fn one_by_one(pool: &PgPool, clients: usize, sender: UserId, conversations: &Arc<Vec<ConversationId>>) -> f64 {
    let next = Arc::new(AtomicU64::new(0));
    rate(clients, |_| {
        let (pool, next, conversations) = (pool.clone(), Arc::clone(&next), Arc::clone(conversations));
        async move {
            let (begun, mut count) = (Instant::now(), 0);
            while begun.elapsed() < LASTS {
                let conversation = conversations[next.fetch_add(1, Ordering::Relaxed) as usize % CONVERSATIONS];
                let insert = sqlx::query(ONE_MESSAGE).bind(conversation.get()).bind(sender.get()).bind(TEXT);
                assert_eq!(insert.execute(&pool).await.unwrap().rows_affected(), 1);
                count += 1;
            }
            count
        }
    })
    .await
}

async fn through_the_engine(
    chat: &Chat,
    sender: UserId,
    conversations: &Arc<Vec<ConversationId>>,
    round: usize,
) -> f64 {
    rate(SENDERS, |n| {
        let (chat, conversations) = (chat.clone(), Arc::clone(conversations));
        async move {
            let (begun, mut count) = (Instant::now(), 0);
            while begun.elapsed() < LASTS {
                let nonce = format!("{round} {n} {count}").parse().unwrap();
                let draft = Draft::new(TEXT).unwrap().with_nonce(nonce);
                chat.send(sender, conversations[n % CONVERSATIONS], draft).await.unwrap();
                count += 1;
            }
            count
        }
    })
    .await
}

#[tokio::main]
async fn main() {
    let cluster = Cluster::start(Fsync::On).await;
    cluster.execute("CREATE DATABASE chat").await;
    let storage: Arc<dyn Storage> = Arc::new(PgStorage::open(&cluster.url("chat")).await.unwrap());
    let chat = Chat::builder(Arc::clone(&storage)).build();
    let sender = chat.create_user("ann".parse().unwrap()).await.unwrap().id;
    join_all((0..CONVERSATIONS).map(|_| chat.create_group(sender, NewGroup::default()))).await;
    let conversations = Arc::new(storage.list_memberships(sender).await.unwrap());
    let pool = PgPoolOptions::new().max_connections(64).connect(&cluster.url("chat")).await.unwrap();
    let mut ratios = vec![];
    println!("messages a second      one by one, over so many connections      through the engine");
    println!("load average{}", CLIENTS.map(|clients| format!("{clients:>12}")).concat());
    for round in 0..ROUNDS {
        let load = load_average();
        let mut single = [0.0; CLIENTS.len()];
        for (rate, clients) in single.iter_mut().zip(CLIENTS) {
            *rate = one_by_one(&pool, clients, sender, &conversations).await;
        }
        let engine = through_the_engine(&chat, sender, &conversations, round).await;
        let ratio = engine / single.into_iter().fold(0.0, f64::max);
        println!("{load:>12}{}{engine:>16.0}: {ratio:.1} times", single.map(|rate| format!("{rate:>12.0}")).concat());
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median: {:.1} times as many through the engine", ratios[ROUNDS / 2]);
}

/// Programs that wanted to run in the last minute, on average: more than there are cores, and the figures are low.
fn load_average() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
