//! The heart: what happens in conversations, in order. The rule: a batch is one transaction, and what it does in which order
//! is told by [`chat_sql::timeline`].

use crate::SqliteStorage;
use async_trait::async_trait;
use chat_core::{
    Appended, Change, ConversationId, Epoch, Event, History, Message, MessageId, Page, Seq, StorageError, Timeline,
    UserId,
};
use chat_sql::{Database, sql, timeline};

#[async_trait]
impl Timeline for SqliteStorage {
    async fn append(&self, batch: &[Change]) -> Result<Vec<Result<Appended, StorageError>>, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let results = timeline::store(&mut transaction, batch).await?;
        transaction.commit().await?;
        Ok(results)
    }

    async fn epoch(&self) -> Result<Epoch, StorageError> {
        let epoch = self.readers().fetch(sql!("SELECT epoch FROM counters"), |row| row.text(Epoch)).await;
        Ok(epoch?)
    }

    async fn events_after(
        &self,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Result<Page<Event>, StorageError> {
        timeline::events_after(&mut self.readers(), conversation, after, limit).await
    }

    async fn find_message(&self, viewer: UserId, message: MessageId) -> Result<Option<Message>, StorageError> {
        timeline::find_message(&mut self.readers(), viewer, message).await
    }

    async fn list_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Result<Option<Page<Message>>, StorageError> {
        timeline::list_messages(&mut self.readers(), viewer, conversation, history, limit).await
    }
}
