//! A host stores its own rows and a message in one transaction: however it dies, never one without the other, and whoever is
//! connected to another process hears each message that is there.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::postgres::Database;
use chat_tests::{PATIENCE, Person, Server};
use fastrand::Rng;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const KILLS: usize = 25;

/// The example `orders`, built once.
fn orders() -> PathBuf {
    let built = std::process::Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--package", "chat-examples", "--example", "orders"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success(), "the example must build");
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().join("examples").join(format!("orders{}", std::env::consts::EXE_SUFFIX))
}

/// Starts the shop, and kills it a moment after it has stored so many orders.
async fn sell_and_die(program: &PathBuf, database: &Database, orders: usize, moment: Duration) {
    let mut shop: Child = Command::new(program)
        .args([database.url(), "ann", "1000000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shop.stdout.take().unwrap()).lines();
    let selling = async {
        let mut stored = 0;
        while stored < orders {
            let line = lines.next_line().await.unwrap().expect("the shop sells on");
            stored += usize::from(line.ends_with("is stored"));
        }
    };
    timeout(PATIENCE, selling).await.unwrap();
    sleep(moment).await;
    shop.kill().await.unwrap();
}

#[tokio::test]
async fn an_order_and_its_message_are_both_there_or_neither_however_the_shop_dies() {
    let program = orders();
    let database = Database::create().await;
    let server = Server::start_on(database.url()).await;
    let ann: Person = server.person("ann").await;
    let mut at_ann = ann.socket().await;
    let mut random = Rng::new();

    for _ in 0..KILLS {
        let moment = Duration::from_micros(random.u64(0..8_000));
        sell_and_die(&program, &database, random.usize(1..8), moment).await;
    }

    let pool = sqlx::PgPool::connect(database.url()).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    // What was on its way when the shop died comes to an end first.
    sqlx::query("LOCK TABLE orders IN SHARE MODE").execute(&mut *transaction).await.unwrap();
    let orders = sqlx::query_scalar("SELECT id FROM orders ORDER BY id").fetch_all(&mut *transaction).await;
    let orders: Vec<i64> = orders.unwrap();
    transaction.commit().await.unwrap();
    assert!(orders.len() >= KILLS);
    let mut heard = vec![];
    for seq in 1..=orders.len() {
        let message = at_ann.hear_of("send_message").await["data"].clone();
        assert_eq!(message["seq"], seq);
        heard.push(message["content"].as_str().unwrap().to_owned());
    }
    let expected: Vec<_> = orders.iter().map(|id| format!("Thank you for order {id}.")).collect();
    assert_eq!(heard, expected);
    let events = ann.get("/conversations").await.expect(200);
    assert_eq!(events["conversations"][0]["last_seq"], orders.len());
}
