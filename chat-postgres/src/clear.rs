//! Forgetting everything. The rule: ids are not given again, so that no token of before is somebody's afterwards.

use crate::PgStorage;
use chat_core::StorageError;
use chat_sql::Done;

/// Sent as one text, it is one transaction.
const CLEAR: &str = "
    TRUNCATE main.codes, main.spent_tokens, main.logins, main.contacts, main.blocks, main.events, main.messages,
        main.members, main.conversations, main.users CONTINUE IDENTITY;
    UPDATE main.history SET epoch = replace(gen_random_uuid()::text, '-', '')";

impl PgStorage {
    /// Deletes all that is stored and begins a new epoch. Engines that work on this storage meanwhile would not tell their
    /// sessions: they are to be stopped first.
    ///
    /// # Errors
    /// [`Unavailable`](StorageError::Unavailable) if the database is away, or what others do is in the way.
    pub async fn clear(&self) -> Result<(), StorageError> {
        Ok(self.delete_all().await?)
    }

    async fn delete_all(&self) -> Done<()> {
        sqlx::raw_sql(self.schema.fill(CLEAR)).execute(&self.pool).await?;
        Ok(())
    }
}
