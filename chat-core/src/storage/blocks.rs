use crate::{ConversationId, Page, StorageError, Timestamp, User, UserId};
use async_trait::async_trait;

/// Whom a user can block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blocked {
    /// One user, who is no contact any more from then on.
    User(UserId),
    /// Everyone who is no contact.
    Strangers,
}

/// Keeps who is to be left alone by whom.
///
/// A user is *closed* to those they block by name, and, if they block strangers, to everyone who is no contact of theirs; but
/// to no administrator of the server. What that means is told by [`rules::reach`](crate::rules::reach), which
/// [`Timeline::append`](crate::Timeline::append) and [`insert_contact`](crate::ContactStorage::insert_contact) ask. Blocks of
/// a deleted user, and those that name one, are gone.
#[async_trait]
pub trait BlockStorage: Send + Sync {
    /// Blocks; `false` if that was so already. Two users of whom one blocks the other by name are no contacts any more. Once
    /// this returns, nothing that the block forbids is stored any more. `NotFound` if one of the two does not exist, `Invalid`
    /// for oneself, `Forbidden` if [`BLOCKS_MAX`](crate::limits::BLOCKS_MAX) users are blocked.
    async fn put_block(&self, user: UserId, blocked: Blocked, at: Timestamp) -> Result<bool, StorageError>;

    /// Ends it; `false` if there was no such block. Contacts that ended by the block stay ended.
    async fn remove_block(&self, user: UserId, blocked: Blocked) -> Result<bool, StorageError>;

    /// Lists whom a user blocks by name, by rising id, from the first above `after`, at most `limit`.
    async fn list_blocked(&self, user: UserId, after: Option<UserId>, limit: u32) -> Result<Page<User>, StorageError>;

    /// Whether a user blocks strangers.
    async fn blocks_strangers(&self, user: UserId) -> Result<bool, StorageError>;

    /// Finds those of `users` who are closed to `viewer`, in any order. Nobody is closed to themselves.
    async fn find_closed(&self, viewer: UserId, users: &[UserId]) -> Result<Vec<UserId>, StorageError>;

    /// Whether a conversation is the direct one of two of whom one is closed to the other.
    async fn is_apart(&self, conversation: ConversationId) -> Result<bool, StorageError>;
}
