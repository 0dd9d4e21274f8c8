use crate::{LoginId, PasswordHash, StorageError, Timestamp, User, UserId};
use async_trait::async_trait;

/// The SHA-256 of a refresh token: what is stored in its place.
pub type TokenHash = [u8; 32];

/// One login of a user, alive until it is revoked or expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Its id.
    pub id: LoginId,
    /// Whose it is.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub refreshed_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
}

/// A login to begin.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Whose it is.
    pub user: UserId,
    /// The hash of its refresh token.
    pub refresh: TokenHash,
    /// When it begins.
    pub at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
}

/// What became of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was the login's current one and is spent now.
    Rotated(Login),
    /// It had been spent before: someone copied it. The login is revoked now.
    Reused(Login),
    /// No living login knows it.
    Unknown,
}

/// Keeps passwords and logins. A revoked or expired login, or one of a deleted user, is found by no method of this trait.
#[async_trait]
pub trait LoginStorage: Send + Sync {
    /// Finds a user's hashed password; `None` for a user who has none.
    async fn find_password(&self, user: UserId) -> Result<Option<PasswordHash>, StorageError>;

    /// Replaces a user's hashed password and revokes every login of theirs but `keep`, both or neither; returns the logins it
    /// revoked. `NotFound` if there is no such user.
    async fn put_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        keep: Option<LoginId>,
    ) -> Result<Vec<LoginId>, StorageError>;

    /// Begins a login; `NotFound` if there is no such user. The user's expired logins are forgotten.
    async fn insert_login(&self, login: NewLogin) -> Result<Login, StorageError>;

    /// Finds a login that is alive at `now`, and its user.
    async fn find_login(&self, login: LoginId, now: Timestamp) -> Result<Option<(Login, User)>, StorageError>;

    /// Lists a user's logins that are alive at `now`, oldest first.
    async fn list_logins(&self, user: UserId, now: Timestamp) -> Result<Vec<Login>, StorageError>;

    /// Spends a refresh token for its successor and extends the login to `expires_at`. Of two at once with the same token
    /// one is `Rotated`, the other `Reused`. A token spent before revokes the login, if it is among the newest
    /// [`SPENT_TOKENS_MAX`](crate::limits::SPENT_TOKENS_MAX) that the login has spent; an older one is `Unknown` and
    /// revokes nothing.
    async fn rotate_login(
        &self,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, StorageError>;

    /// Revokes one login of a user; `false` if the user has no such login.
    async fn revoke_login(&self, user: UserId, login: LoginId) -> Result<bool, StorageError>;
}
