//! Blocks. The rule: whether someone is closed to an actor is asked inside the transaction of what the actor does.

use crate::SqliteStorage;
use async_trait::async_trait;
use chat_core::{BlockStorage, Blocked, ConversationId, Page, StorageError, Timestamp, User, UserId};
use chat_sql::{Database, blocks, settle};

#[async_trait]
impl BlockStorage for SqliteStorage {
    async fn put_block(&self, user: UserId, blocked: Blocked, at: Timestamp) -> Result<bool, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let put = settle(blocks::block(&mut transaction, user, blocked, at).await)?;
        transaction.commit().await?;
        put
    }

    async fn remove_block(&self, user: UserId, blocked: Blocked) -> Result<bool, StorageError> {
        let Some(remove) = blocks::remove(user, blocked) else { return Ok(false) };
        let mut transaction = self.writer.begin().await?;
        let removed = transaction.execute(&remove).await?;
        transaction.commit().await?;
        Ok(removed > 0)
    }

    async fn list_blocked(&self, user: UserId, after: Option<UserId>, limit: u32) -> Result<Page<User>, StorageError> {
        blocks::page_of_blocked(&mut self.readers(), user, after, limit).await
    }

    async fn blocks_strangers(&self, user: UserId) -> Result<bool, StorageError> {
        Ok(blocks::blocks_strangers(&mut self.readers(), user).await?)
    }

    async fn find_closed(&self, viewer: UserId, users: &[UserId]) -> Result<Vec<UserId>, StorageError> {
        Ok(blocks::find_closed(&mut self.readers(), viewer, users).await?)
    }

    async fn is_apart(&self, conversation: ConversationId) -> Result<bool, StorageError> {
        Ok(blocks::is_apart(&mut self.readers(), conversation).await?)
    }
}
