//! Calls whose caller goes away.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::{UserId, UserKey, UserStorage};
use chat_postgres::{PgSettings, PgStorage};
use chat_tests::PATIENCE;
use chat_tests::postgres::Database;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// Connections but the asker's own, and how many of them wait for a lock.
const OTHERS: &str = "SELECT pid, coalesce(wait_event_type = 'Lock', FALSE) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";

async fn others(host: &mut PgConnection) -> Vec<(i32, bool)> {
    sqlx::query_as(OTHERS).fetch_all(host).await.unwrap()
}

#[tokio::test]
async fn a_read_that_is_given_up_leaves_its_connection_to_the_next() {
    let database = Database::create().await;
    let settings = PgSettings::parse(database.url()).unwrap().connections(1);
    let storage = PgStorage::connect(settings).await.unwrap();
    let mut host = PgConnection::connect(database.url()).await.unwrap();
    let key = UserKey::Id(UserId::MIN);
    storage.find_user(&key).await.unwrap();
    let before = others(&mut host).await;
    assert_eq!(before.len(), 1, "{before:?}");

    for _ in 0..10 {
        sqlx::raw_sql("BEGIN; LOCK TABLE chat.users IN ACCESS EXCLUSIVE MODE").execute(&mut host).await.unwrap();
        let blocked = async { while !others(&mut host).await.iter().any(|(_, waits)| *waits) {} };
        tokio::select! {
            found = storage.find_user(&key) => panic!("found in a locked table: {found:?}"),
            blocked = timeout(PATIENCE, blocked) => blocked.unwrap(),
        }
        sqlx::raw_sql("ROLLBACK").execute(&mut host).await.unwrap();
        assert_eq!(storage.find_user(&key).await.unwrap(), None);
    }

    assert_eq!(others(&mut host).await, before);
}
