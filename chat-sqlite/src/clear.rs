//! Forgetting everything. The rule: ids are not given again, so that no token of before is somebody's afterwards.

use crate::open::begin_epoch;
use crate::{Done, SqliteStorage};
use chat_core::StorageError;

/// Each table before those that its rows refer to.
const TABLES: [&str; 10] = [
    "DELETE FROM codes",
    "DELETE FROM spent_tokens",
    "DELETE FROM logins",
    "DELETE FROM contacts",
    "DELETE FROM blocks",
    "DELETE FROM events",
    "DELETE FROM messages",
    "DELETE FROM members",
    "DELETE FROM conversations",
    "DELETE FROM users",
];

impl SqliteStorage {
    /// Deletes all that is stored and begins a new epoch. An engine that works on this storage meanwhile would not tell its
    /// sessions: it is to be stopped first.
    ///
    /// # Errors
    /// [`Unavailable`](StorageError::Unavailable) if another process is in the way for too long, or the disk fails.
    pub async fn clear(&self) -> Result<(), StorageError> {
        self.delete_all().await?;
        self.checkpoint().await
    }

    async fn delete_all(&self) -> Done<()> {
        let mut transaction = self.writer.begin().await?;
        for delete in TABLES {
            sqlx::query(delete).execute(&mut *transaction).await?;
        }
        begin_epoch(&mut transaction).await?;
        transaction.commit().await
    }
}
