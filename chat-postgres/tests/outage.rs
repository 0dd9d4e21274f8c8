//! A server that goes away and comes back.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::{NewUser, StorageError, Timestamp, User, UserId, UserKey, UserStorage};
use chat_postgres::PgStorage;
use chat_tests::postgres::{Cluster, Fsync};
use std::time::{Duration, Instant};

/// How long a call may take while there is no server.
const ANSWER_LASTS_MAX: Duration = Duration::from_secs(12);

async fn insert(storage: &PgStorage, username: &str) -> Result<User, StorageError> {
    let user = NewUser {
        username: username.parse().unwrap(),
        fullname: username.parse().unwrap(),
        email: None,
        profile_picture: None,
        public_key: None,
        password: None,
        is_admin: false,
        created_at: Timestamp(1),
    };
    storage.insert_user(user).await
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
