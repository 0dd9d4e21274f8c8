use crate::{Email, NewUser, Page, ProfileUpdate, Search, StorageError, Timestamp, User, UserId, Username};
use async_trait::async_trait;

/// By what a user can be found.
#[derive(Clone, Debug)]
pub enum UserKey {
    /// The id.
    Id(UserId),
    /// The username, whatever its case.
    Username(Username),
    /// The e-mail address, whatever its case.
    Email(Email),
}

/// Keeps users. Deleting one is a [`Change`](crate::Change), since it changes conversations. A deleted user is found by no
/// method of this trait, and their username and address are free again.
#[async_trait]
pub trait UserStorage: Send + Sync {
    /// Stores a user under a new id, which no user or conversation has or had. A username or e-mail address that differs
    /// from another user's only by case, or not at all, is a `Conflict` naming the field; of two at once one is stored.
    async fn insert_user(&self, user: NewUser) -> Result<User, StorageError>;

    /// Finds a user.
    async fn find_user(&self, key: &UserKey) -> Result<Option<User>, StorageError>;

    /// Finds the users with these names, whatever their case, in any order; names that nobody has are left out.
    async fn find_users(&self, usernames: &[Username]) -> Result<Vec<User>, StorageError>;

    /// Lists users by rising id, from the first above `after`, at most `limit`. With `search`, only those whose username or
    /// full name contains the term, without regard to case and with every character taken literally.
    async fn list_users(
        &self,
        search: Option<&Search>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<User>, StorageError>;

    /// Changes a profile and returns the user as they are now; fields that `update` leaves out stay. `None` if there is no
    /// such user.
    async fn update_profile(&self, user: UserId, update: ProfileUpdate) -> Result<Option<User>, StorageError>;

    /// Changes where mail reaches a user, or that nothing does, and returns the user as they are now. The address is not
    /// verified then, and every code mailed to the former one is dead, though still counted. An address that differs from another user's only by
    /// case, or not at all, is a `Conflict`, and nothing changes; of two users who want it at once one gets it. `None` if
    /// there is no such user.
    async fn put_email(&self, user: UserId, email: Option<&Email>) -> Result<Option<User>, StorageError>;

    /// Notes that these users were online until `at`; an earlier time than the one known changes nothing, and ids that
    /// nobody has are ignored. They may be any number, as when a node goes down, and are stored in one transaction.
    async fn put_last_online(&self, users: &[UserId], at: Timestamp) -> Result<(), StorageError>;
}
