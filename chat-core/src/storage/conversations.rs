use crate::{
    Conversation, ConversationId, ConversationName, Kind, Member, Page, Position, Search, StorageError, Summary, UserId,
};
use async_trait::async_trait;

/// What strangers see of a public group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// The group.
    pub id: ConversationId,
    /// Its name.
    pub name: ConversationName,
    /// How many members it has.
    pub member_count: u64,
}

/// Reads conversations and memberships. They change by [`Timeline::append`](crate::Timeline::append) only.
#[async_trait]
pub trait ConversationStorage: Send + Sync {
    /// Finds a conversation that `viewer` is a member of.
    async fn find_conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Result<Option<Conversation>, StorageError>;

    /// Lists the conversations that `viewer` is a member of, only those of `kind` if given: the one with the newest message
    /// (or, without messages, the newest) first, from the one after the cursor `before`, at most `limit`.
    async fn list_conversations(
        &self,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<Summary>, StorageError>;

    /// Lists the ids of the conversations that a user is a member of, in any order.
    async fn list_memberships(&self, user: UserId) -> Result<Vec<ConversationId>, StorageError>;

    /// Lists how far each conversation has come that `viewer` is a member of, in any order, all as of one moment.
    async fn list_positions(&self, viewer: UserId) -> Result<Vec<Position>, StorageError>;

    /// Lists the members of a conversation that `viewer` is a member of, in the order they joined, from the one after the
    /// cursor `after`, at most `limit`. `None` to everyone else.
    async fn list_members(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Option<Page<Member>>, StorageError>;

    /// Finds one member.
    async fn find_member(&self, conversation: ConversationId, user: UserId) -> Result<Option<Member>, StorageError>;

    /// Finds a public group, as strangers see it.
    async fn find_public_group(&self, group: ConversationId) -> Result<Option<GroupListing>, StorageError>;

    /// Lists public groups by rising id, from the first above `after`, at most `limit`. With `search`, only those whose name
    /// contains the term, without regard to case and with every character taken literally.
    async fn list_public_groups(
        &self,
        search: Option<&Search>,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Page<GroupListing>, StorageError>;
}
