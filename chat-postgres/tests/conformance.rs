//! Every promise of the storage traits, kept by Postgres.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::Storage;
use chat_postgres::PgStorage;
use chat_tests::postgres::Database;
use std::sync::Arc;

async fn open() -> (Arc<dyn Storage>, Database) {
    let database = Database::create().await;
    let storage = PgStorage::open(database.url()).await.unwrap();
    (Arc::new(storage), database)
}

chat_core::storage_conformance!(open);
