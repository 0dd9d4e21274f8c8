//! Blocks. The rule: whether someone is closed to an actor is asked inside the transaction of what the actor does, under locks
//! that whoever blocks takes, too.

use crate::PgStorage;
use crate::locks::Locks;
use async_trait::async_trait;
use chat_core::{BlockStorage, Blocked, ConversationId, Page, StorageError, Timestamp, User, UserId};
use chat_sql::{Database, blocks};
use futures::FutureExt;

#[async_trait]
impl BlockStorage for PgStorage {
    async fn put_block(&self, user: UserId, blocked: Blocked, at: Timestamp) -> Result<bool, StorageError> {
        self.transact(Locks::block(user, blocked), &(user, blocked, at), |mut transaction, (user, blocked, at)| {
            async move { blocks::block(&mut transaction, *user, *blocked, *at).await }.boxed()
        })
        .await
    }

    async fn remove_block(&self, user: UserId, blocked: Blocked) -> Result<bool, StorageError> {
        let Some(remove) = blocks::remove(user, blocked) else { return Ok(false) };
        let users = match blocked {
            Blocked::User(other) => Locks::users([user, other]),
            Blocked::Strangers => Locks::users([user]),
        };
        self.transact(users, &remove, |mut transaction, remove| {
            async move { Ok(transaction.execute(remove).await? > 0) }.boxed()
        })
        .await
    }

    async fn list_blocked(&self, user: UserId, after: Option<UserId>, limit: u32) -> Result<Page<User>, StorageError> {
        blocks::page_of_blocked(&mut self.alone(), user, after, limit).await
    }

    async fn blocks_strangers(&self, user: UserId) -> Result<bool, StorageError> {
        Ok(blocks::blocks_strangers(&mut self.alone(), user).await?)
    }

    async fn find_closed(&self, viewer: UserId, users: &[UserId]) -> Result<Vec<UserId>, StorageError> {
        Ok(blocks::find_closed(&mut self.alone(), viewer, users).await?)
    }

    async fn is_apart(&self, conversation: ConversationId) -> Result<bool, StorageError> {
        Ok(blocks::is_apart(&mut self.alone(), conversation).await?)
    }
}
