//! Storage for the chat engine in one SQLite file. The rule: one connection writes, a few others read, and a change is
//! answered only once it is on the disk.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use chat_core::Storage;
//! use chat_sqlite::SqliteStorage;
//! use std::sync::Arc;
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("chat.db");
//! let storage = SqliteStorage::open(path).await?;
//! let for_the_engine: Arc<dyn Storage> = Arc::new(storage.clone());
//! storage.close().await;
//! # Ok::<_, chat_sqlite::OpenError>(()) }).unwrap();
//! ```
//!
//! # What is on the disk
//!
//! `chat.db` and, while it is open, `chat.db-wal` and `chat.db-shm`. With [`Durability::Full`] a commit is written and
//! flushed to the write-ahead log before it is answered.
//!
//! The words of an edited or deleted message are overwritten, not only released (`secure_delete`). In the write-ahead log
//! older copies of a page outlive that until the log is cut: by [`SqliteStorage::checkpoint`], by
//! [`SqliteStorage::close`], or in part whenever SQLite starts the log anew. Whoever promises deletion within a time calls
//! `checkpoint` that often.

mod backup;
mod blocks;
mod clear;
mod codes;
mod contacts;
mod conversations;
mod inspect;
mod logins;
mod migrate;
mod open;
#[cfg(test)]
mod plans;
mod statements;
mod timeline;
mod transaction;
mod users;
mod writer;

pub use backup::BackupError;
pub use chat_sql::Found;
pub use open::{Durability, OpenError, SqliteSettings};

use chat_sql::Done;
use sqlx::SqlitePool;
use statements::Readers;
use std::path::PathBuf;
use std::sync::Arc;
use writer::Writer;

/// A [`Storage`](chat_core::Storage) in one file. Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteStorage {
    writer: Arc<Writer>,
    readers: SqlitePool,
}

impl SqliteStorage {
    /// Opens the file with the default settings, and creates it and its directory if they do not exist.
    ///
    /// # Errors
    /// A sentence for whoever started the program.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::connect(SqliteSettings::new(path)).await
    }

    /// Opens the file, and creates it and its directory if they do not exist.
    ///
    /// # Errors
    /// A sentence for whoever started the program.
    pub async fn connect(settings: SqliteSettings) -> Result<Self, OpenError> {
        let (writer, readers) = open::open(&settings).await?;
        Ok(Self { writer: Arc::new(writer), readers })
    }

    /// Moves all that is stored from the write-ahead log to the file and cuts the log, so that nothing deleted is left in it.
    ///
    /// # Errors
    /// [`Unavailable`](chat_core::StorageError::Unavailable) if a reader is in the way for too long, or the disk fails.
    pub async fn checkpoint(&self) -> Result<(), chat_core::StorageError> {
        Ok(self.writer.checkpoint().await?)
    }

    fn readers(&self) -> Readers<'_> {
        Readers(&self.readers)
    }

    /// Waits for what is under way and closes the file, leaving no write-ahead log behind. Whatever is asked of the storage
    /// or a clone of it afterwards is `Unavailable`.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
