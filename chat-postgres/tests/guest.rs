//! What is particular to a database that belongs to someone else: its pool, its schemas, its rights, and its state.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::testing::new_user;
use chat_core::{StorageError, Timestamp, UserId, UserKey, UserStorage};
use chat_postgres::{Found, OpenError, PgSettings, PgStorage, Schema};
use chat_tests::postgres::Database;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

async fn user(storage: &PgStorage, username: &str) -> UserId {
    storage.insert_user(new_user(username)).await.unwrap().id
}

async fn execute(database: &Database, sql: &str) {
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn schema(name: &str) -> Schema {
    name.parse().unwrap()
}

#[tokio::test]
async fn the_pool_of_the_host_is_shared_and_its_tables_are_left_alone() {
    let database = Database::create_bare().await;
    execute(&database, "CREATE TABLE users (name TEXT); CREATE TABLE _sqlx_migrations (of_the_host TEXT)").await;
    let pool = PgPool::connect(database.url()).await.unwrap();
    let storage = PgStorage::from_pool(pool.clone(), Schema::default()).await.unwrap();
    let ann = user(&storage, "ann").await;

    let of_the_host: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&pool).await.unwrap();
    let of_the_engine: i64 = sqlx::query_scalar("SELECT id FROM chat.users").fetch_one(&pool).await.unwrap();
    assert_eq!((of_the_host, of_the_engine), (0, ann.get()));
}

#[tokio::test]
async fn one_database_has_room_for_several() {
    let database = Database::create_bare().await;
    let settings = PgSettings::parse(database.url()).unwrap();
    let one = PgStorage::connect(settings.clone().schema(schema("one"))).await.unwrap();
    let other = PgStorage::connect(settings.schema(schema("user"))).await.unwrap();
    let ann = user(&one, "ann").await;
    assert!(other.find_user(&UserKey::Id(ann)).await.unwrap().is_none());
    assert_eq!(user(&other, "ann").await, ann);
}

#[tokio::test]
async fn a_role_without_rights_but_its_own_schema_is_enough() {
    let database = Database::create_bare().await;
    let role = database.url().rsplit('/').next().unwrap().split('?').next().unwrap().replace("test", "guest");
    execute(&database, &format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA chat AUTHORIZATION {role}")).await;
    let storage = PgStorage::open(&database.url().replace("postgres@", &format!("{role}@"))).await.unwrap();
    user(&storage, "ann").await;
    storage.close().await;
    execute(&database, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_set_up_one_schema() {
    let database = Database::create_bare().await;
    let nodes = (0..8).map(|_| {
        let url = database.url().to_owned();
        tokio::spawn(async move { PgStorage::open(&url).await })
    });
    for node in futures::future::join_all(nodes).await {
        node.unwrap().unwrap().close().await;
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = Database::create().await;
    let newer = "INSERT INTO chat.chat_migrations VALUES (9999, 'later', now(), TRUE, '', 1)";
    execute(&database, newer).await;
    let error = PgStorage::open(database.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { .. }), "{error:?}");
    assert!(error.to_string().contains("was written by a newer version of this program"), "{error}");
}

#[tokio::test]
async fn looking_at_a_database_tells_what_opening_would_find_and_changes_nothing() {
    let database = Database::create_bare().await;
    let settings = PgSettings::parse(database.url()).unwrap();
    for _ in 0..2 {
        assert_eq!(settings.inspect().await.unwrap(), Found::Nothing);
    }
    PgStorage::open(database.url()).await.unwrap().close().await;
    assert_eq!(settings.inspect().await.unwrap(), Found::Current);
    let last = "DELETE FROM chat.chat_migrations WHERE version = (SELECT max(version) FROM chat.chat_migrations)";
    execute(&database, last).await;
    assert_eq!(settings.inspect().await.unwrap(), Found::Older);
    execute(&database, "INSERT INTO chat.chat_migrations VALUES (9999, 'later', now(), TRUE, '', 1)").await;
    assert!(matches!(settings.inspect().await.unwrap_err(), OpenError::Newer { .. }));
}

#[tokio::test]
async fn a_schema_of_someone_else_is_refused_and_left_alone() {
    let database = Database::create_bare().await;
    execute(&database, "CREATE SCHEMA chat; CREATE TABLE chat.recipes (name TEXT)").await;
    let error = PgStorage::open(database.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    execute(&database, "DROP TABLE chat.recipes; DROP SCHEMA chat").await;
}

#[tokio::test]
async fn whatever_is_wrong_is_one_sentence_without_the_password() {
    let database = Database::create_bare().await;
    let nowhere = "postgres://ann:secret@127.0.0.1:1/chat";
    let unknown = database.url().replace("/test_", "/unknown_");
    for url in [nowhere, &unknown] {
        let error = PgStorage::open(url).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot open the database "), "{error}");
        assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
    }
    let error = PgStorage::open("mysql://localhost/chat").await.unwrap_err();
    assert!(matches!(error, OpenError::Address), "{error:?}");
}

#[tokio::test]
async fn what_the_host_prefers_does_not_matter() {
    let database = Database::create_bare().await;
    let pool = sqlx::postgres::PgPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move {
            let preferences = "SET search_path = pg_catalog; SET default_transaction_isolation = serializable;
                SET standard_conforming_strings = off; SET TimeZone = 'Asia/Tokyo'";
            sqlx::raw_sql(preferences).execute(connection).await.map(|_| ())
        })
    });
    let pool = pool.connect(database.url()).await.unwrap();
    let storage = PgStorage::from_pool(pool, Schema::default()).await.unwrap();
    let ann = user(&storage, "ann").await;
    storage.put_last_online(&[ann], Timestamp(5)).await.unwrap();
    let found = storage.find_user(&UserKey::Id(ann)).await.unwrap().unwrap();
    assert_eq!(found.last_online, Some(Timestamp(5)));
}

#[tokio::test]
async fn a_closed_storage_is_unavailable() {
    let database = Database::create().await;
    let storage = PgStorage::open(database.url()).await.unwrap();
    storage.close().await;
    let error = storage.find_user(&UserKey::Id(UserId::MIN)).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_closes_are_replaced_without_notice() {
    let database = Database::create().await;
    let storage = PgStorage::open(database.url()).await.unwrap();
    for round in 0..5 {
        let finds = (0..20).map(|_| storage.find_user(&UserKey::Id(UserId::MIN)));
        futures::future::try_join_all(finds).await.unwrap();
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        execute(&database, others).await;
        user(&storage, &format!("ann{round}")).await;
    }
}
