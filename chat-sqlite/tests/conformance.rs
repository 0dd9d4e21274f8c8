//! Every promise of the storage traits, kept by a file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::Storage;
use chat_sqlite::SqliteStorage;
use std::sync::Arc;
use tempfile::TempDir;

async fn open() -> (Arc<dyn Storage>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
    (Arc::new(storage), directory)
}

chat_core::storage_conformance!(open);
