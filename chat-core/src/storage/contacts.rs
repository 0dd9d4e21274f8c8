use crate::{StorageError, Timestamp, User, UserId};
use async_trait::async_trait;

/// Keeps who has whom as a contact. The relation is mutual. Deleted users are nobody's contacts.
#[async_trait]
pub trait ContactStorage: Send + Sync {
    /// Makes two users each other's contacts; `false` if they were already. `NotFound` if one of them does not exist,
    /// `Forbidden` if one of them has [`CONTACTS_MAX`](crate::limits::CONTACTS_MAX) contacts, or `user` does not
    /// [reach](crate::rules::reach) `contact`.
    async fn insert_contact(&self, user: UserId, contact: UserId, at: Timestamp) -> Result<bool, StorageError>;

    /// Ends it for both; `false` if they were no contacts.
    async fn remove_contact(&self, user: UserId, contact: UserId) -> Result<bool, StorageError>;

    /// Lists a user's contacts by username.
    async fn list_contacts(&self, user: UserId) -> Result<Vec<User>, StorageError>;
}
