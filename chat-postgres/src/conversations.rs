//! Reads of conversations and memberships. The rule: what only members may see is read through their membership, in one
//! statement, so that nobody sees it a moment after they left.

use crate::PgStorage;
use async_trait::async_trait;
use chat_core::{
    Conversation, ConversationId, ConversationStorage, GroupListing, Kind, Member, Page, Position, Search,
    StorageError, Summary, UserId,
};
use chat_sql::{Database, Dialect, conversations, fields};

#[async_trait]
impl ConversationStorage for PgStorage {
    async fn find_conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Result<Option<Conversation>, StorageError> {
        Ok(self.alone().find(&conversations::find(viewer, conversation), fields::conversation).await?)
    }

    async fn list_conversations(
        &self,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<Summary>, StorageError> {
        conversations::list_conversations(&mut self.alone(), viewer, kind, before, limit).await
    }

    async fn list_memberships(&self, user: UserId) -> Result<Vec<ConversationId>, StorageError> {
        Ok(self.alone().list(&conversations::list_memberships(user), |row| row.id()).await?)
    }

    async fn list_positions(&self, viewer: UserId) -> Result<Vec<Position>, StorageError> {
        conversations::list_positions(&mut self.alone(), viewer).await
    }

    async fn list_members(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Option<Page<Member>>, StorageError> {
        conversations::page_of_members(&mut self.alone(), viewer, conversation, after, limit).await
    }

    async fn find_member(&self, conversation: ConversationId, user: UserId) -> Result<Option<Member>, StorageError> {
        Ok(self.alone().find(&conversations::find_member(conversation, user), fields::member).await?)
    }

    async fn find_public_group(&self, group: ConversationId) -> Result<Option<GroupListing>, StorageError> {
        Ok(self.alone().find(&conversations::find_public_group(group), fields::listing).await?)
    }

    async fn list_public_groups(
        &self,
        search: Option<&Search>,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Page<GroupListing>, StorageError> {
        let statement = conversations::list_public_groups(Dialect::Postgres, search, after, limit);
        let found = self.alone().list(&statement, fields::listing).await?;
        Ok(Page::cut(found, limit, |group| group.id.get()))
    }
}
