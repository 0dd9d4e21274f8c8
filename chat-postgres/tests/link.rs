//! The link over the database, and what a host stores in a transaction of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::{
    Action, Change, Chat, ConversationId, Draft, Incoming, Link, Outgoing, Received, Session, StorageError, Timestamp,
    User,
};
use chat_postgres::{PgLink, PgSettings, PgStorage};
use chat_tests::postgres::Database;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

async fn execute(database: &Database, sql: &str) {
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn link(database: &Database) -> PgLink {
    PgStorage::open(database.url()).await.unwrap().link().await.unwrap()
}

async fn received(link: &PgLink) -> Received {
    timeout(PATIENCE, link.receive()).await.unwrap()
}

struct Network(Database);

#[async_trait]
impl chat_core::testing::Network for Network {
    async fn link(&self) -> Arc<dyn Link> {
        Arc::new(link(&self.0).await)
    }
}

async fn open() -> (Arc<dyn chat_core::testing::Network>, ()) {
    (Arc::new(Network(Database::create().await)), ())
}

chat_core::link_conformance!(open);

fn payload(text: impl Into<String>) -> Received {
    Received::Payload(text.into().into())
}

#[tokio::test]
async fn nodes_of_another_schema_hear_nothing() {
    let database = Database::create().await;
    let elsewhere = PgSettings::parse(database.url()).unwrap().schema("elsewhere".parse().unwrap());
    let elsewhere = PgStorage::connect(elsewhere).await.unwrap().link().await.unwrap();
    let here = link(&database).await;

    here.broadcast("here".into()).await.unwrap();
    elsewhere.broadcast("elsewhere".into()).await.unwrap();

    assert_eq!(received(&elsewhere).await, payload("elsewhere"));
    assert_eq!(received(&here).await, payload("here"));
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_told_as_a_gap() {
    let database = Database::create().await;
    let (one, other) = (link(&database).await, link(&database).await);
    one.broadcast("before".into()).await.unwrap();
    assert_eq!(received(&other).await, payload("before"));

    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    execute(&database, others).await;
    assert_eq!(received(&other).await, Received::Gap);
    let mut failures = 0;
    while one.broadcast(Bytes::from_static(b"after")).await.is_err() {
        failures += 1;
        assert!(failures < 3, "a lost connection is replaced");
    }

    assert_eq!(received(&other).await, payload("after"));
}

/// An engine that is a node, and the session of one user at it.
struct Node {
    chat: Chat,
    storage: PgStorage,
}

struct Listener {
    session: Session,
    frames: VecDeque<Value>,
}

impl Node {
    async fn start(database: &Database) -> Self {
        let storage = PgStorage::open(database.url()).await.unwrap();
        let link = Arc::new(storage.link().await.unwrap());
        Self { chat: Chat::builder(Arc::new(storage.clone())).link(link).build(), storage }
    }

    async fn listen(&self, user: &User) -> Listener {
        Listener { session: self.chat.open_session(user.id).await.unwrap(), frames: VecDeque::new() }
    }
}

impl Listener {
    async fn hear(&mut self) -> Value {
        while self.frames.is_empty() {
            match timeout(PATIENCE, self.session.next()).await.unwrap() {
                Outgoing::Frames(frames) => {
                    self.frames.extend(frames.iter().map(|frame| serde_json::from_slice::<Value>(frame).unwrap()));
                }
                Outgoing::Ping => self.session.receive(Incoming::Pong),
                Outgoing::Ready => {}
                Outgoing::Close(reason) => panic!("closed: {reason:?}"),
            }
        }
        self.frames.pop_front().unwrap()
    }

    async fn hear_content(&mut self) -> String {
        self.hear().await["data"]["content"].as_str().unwrap().to_owned()
    }
}

fn say(sender: &User, conversation: ConversationId, content: &str) -> Change {
    let action = Action::Send { conversation, draft: Draft::new(content).unwrap() };
    Change { actor: sender.id, at: Timestamp(1), action }
}

async fn shop(node: &Node) -> (User, User, ConversationId) {
    let shop = node.chat.create_user("shop".parse().unwrap()).await.unwrap();
    let ann = node.chat.create_user("ann".parse().unwrap()).await.unwrap();
    let (conversation, _) = node.chat.direct(shop.id, ann.id).await.unwrap();
    (shop, ann, conversation.id)
}

#[tokio::test]
async fn a_message_in_a_transaction_of_the_host_is_heard_everywhere_once_it_is_committed() {
    let database = Database::create().await;
    execute(&database, "CREATE TABLE orders (id bigint PRIMARY KEY)").await;
    let (here, there) = (Node::start(&database).await, Node::start(&database).await);
    let (shop, ann, conversation) = shop(&here).await;
    let mut listeners = [here.listen(&ann).await, there.listen(&ann).await];

    for (id, is_committed) in [(1, true), (2, false), (3, true)] {
        let mut transaction = here.storage.pool().begin().await.unwrap();
        sqlx::query("INSERT INTO orders VALUES ($1)").bind(id).execute(&mut *transaction).await.unwrap();
        let change = say(&shop, conversation, &format!("order {id}"));
        here.storage.append_in_tx(&mut transaction, &change).await.unwrap();
        if is_committed {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
    }

    for listener in &mut listeners {
        assert_eq!(listener.hear_content().await, "order 1");
        assert_eq!(listener.hear_content().await, "order 3");
    }
    let orders: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM orders ORDER BY id").fetch_all(here.storage.pool()).await.unwrap();
    assert_eq!(orders, [1, 3]);
}

#[tokio::test]
async fn a_refused_change_lets_the_transaction_go_on() {
    let database = Database::create().await;
    let node = Node::start(&database).await;
    let (shop, ann, conversation) = shop(&node).await;
    let eve = node.chat.create_user("eve".parse().unwrap()).await.unwrap();
    let mut at_ann = node.listen(&ann).await;

    let mut transaction = node.storage.pool().begin().await.unwrap();
    let refused = node.storage.append_in_tx(&mut transaction, &say(&eve, conversation, "hi")).await;
    assert!(matches!(refused, Err(StorageError::NotFound(_))), "{refused:?}");
    node.storage.append_in_tx(&mut transaction, &say(&shop, conversation, "hello")).await.unwrap();
    transaction.commit().await.unwrap();

    let heard = at_ann.hear().await;
    assert_eq!((&heard["data"]["content"], &heard["data"]["seq"]), (&json!("hello"), &json!(1)));
}

#[tokio::test]
async fn messages_of_hosts_and_of_sessions_are_heard_in_one_order() {
    const EACH: i64 = 60;
    let database = Database::create().await;
    let nodes = [Node::start(&database).await, Node::start(&database).await];
    let (shop, ann, conversation) = shop(&nodes[0]).await;
    let mut listeners = [nodes[0].listen(&ann).await, nodes[1].listen(&ann).await];
    let hosts = nodes.iter().map(|node| {
        let (storage, change) = (node.storage.clone(), say(&shop, conversation, "from the host"));
        tokio::spawn(async move {
            for _ in 0..EACH {
                let mut transaction = storage.pool().begin().await.unwrap();
                storage.append_in_tx(&mut transaction, &change).await.unwrap();
                transaction.commit().await.unwrap();
            }
        })
    });
    let senders = nodes.iter().map(|node| {
        let (chat, ann) = (node.chat.clone(), ann.clone());
        tokio::spawn(async move {
            for _ in 0..EACH {
                chat.send(ann.id, conversation, Draft::new("from a session").unwrap()).await.unwrap();
            }
        })
    });
    for task in hosts.collect::<Vec<_>>().into_iter().chain(senders.collect::<Vec<_>>()) {
        task.await.unwrap();
    }

    for listener in &mut listeners {
        for seq in 1..=4 * EACH {
            assert_eq!(listener.hear().await["data"]["seq"], seq);
        }
    }
}
