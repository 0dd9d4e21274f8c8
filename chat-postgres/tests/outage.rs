//! A server that goes away and comes back.

use chat_core::testing::new_user;
use chat_core::{StorageError, User, UserId, UserKey, UserStorage};
use chat_postgres::PgStorage;
use chat_tests::Proxy;
use chat_tests::postgres::{Cluster, Database, Fsync};
use std::time::{Duration, Instant};

/// How long a call may take while there is no server.
const ANSWER_LASTS_MAX: Duration = Duration::from_secs(12);

async fn insert(storage: &PgStorage, username: &str) -> Result<User, StorageError> {
    storage.insert_user(new_user(username)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_calls_end_soon_and_afterwards_they_work() {
    let cluster = Cluster::start(Fsync::On).await;
    let storage = PgStorage::open(&cluster.url("postgres")).await.unwrap();
    // All connections are open when the server goes.
    let key = UserKey::Id(UserId::MIN);
    let finds = (0..40).map(|_| storage.find_user(&key));
    futures::future::try_join_all(finds).await.unwrap();
    let ann = insert(&storage, "ann").await.unwrap();

    cluster.kill();
    let (begun, key) = (Instant::now(), UserKey::Id(ann.id));
    let (written, read) = tokio::join!(insert(&storage, "bob"), storage.find_user(&key));
    assert!(matches!(written, Err(StorageError::Unavailable(_))), "{written:?}");
    assert!(matches!(read, Err(StorageError::Unavailable(_))), "{read:?}");
    assert!(begun.elapsed() < ANSWER_LASTS_MAX, "{:?}", begun.elapsed());

    cluster.restart().await;
    assert_eq!(storage.find_user(&UserKey::Id(ann.id)).await.unwrap(), Some(ann));
    insert(&storage, "bob").await.unwrap();
}

/// How long a call may take that meets a server which does not say that it is gone.
const SILENCE_LASTS_MAX: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_server_that_vanishes_without_a_word_no_connection_is_used_again() {
    let database = Database::create().await;
    let proxy = Proxy::to(database.url()).await;
    let storage = PgStorage::open(&proxy.url()).await.unwrap();
    let ann = insert(&storage, "ann").await.unwrap();
    let key = UserKey::Id(ann.id);
    // All connections are open when the server goes.
    let finds = (0..40).map(|_| storage.find_user(&key));
    futures::future::try_join_all(finds).await.unwrap();

    proxy.strand();
    let begun = Instant::now();
    // On every connection something is under way.
    let finds = futures::future::join_all((0..9).map(|_| storage.find_user(&key)));
    let (written, found) = tokio::join!(insert(&storage, "bob"), finds);
    assert!(matches!(written, Err(StorageError::Unavailable(_))), "{written:?}");
    for found in found {
        assert!(matches!(found, Err(StorageError::Unavailable(_))), "{found:?}");
    }
    // Each of the other connections would cost a wait as long as the first.
    for _ in 0..20 {
        assert_eq!(storage.find_user(&key).await.unwrap().as_ref(), Some(&ann));
    }
    insert(&storage, "bob").await.unwrap();
    assert!(begun.elapsed() < SILENCE_LASTS_MAX, "{:?}", begun.elapsed());
}
