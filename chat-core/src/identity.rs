//! Who is asking. The rule: the engine believes the [`Identity`] it is given; showing that it is true is the business of
//! whoever implements [`Authenticate`].

use crate::{Error, LoginId, Storage, StorageError, Timestamp, UserId, UserKey};
use async_trait::async_trait;

/// Who a request comes from, once it has shown so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The login by which they came, if the engine's accounts are in use.
    pub login: Option<LoginId>,
    /// When that ends; `None` if it does not end by itself.
    pub expires_at: Option<Timestamp>,
}

impl From<UserId> for Identity {
    fn from(user: UserId) -> Self {
        Self { user, login: None, expires_at: None }
    }
}

impl Identity {
    /// Whether the user still exists and the login has not ended.
    pub(crate) async fn is_alive(&self, storage: &dyn Storage, now: Timestamp) -> Result<bool, StorageError> {
        Ok(match self.login {
            Some(login) => storage.find_login(login, now).await?.is_some(),
            None => storage.find_user(&UserKey::Id(self.user)).await?.is_some(),
        })
    }
}

/// Tells who holds a token: [`Accounts`](crate::Accounts) do, and so can a host that has users of its own.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// Whose token this is. A token that is forged, expired or revoked is [`Error::Unauthorized`].
    async fn authenticate(&self, token: &str) -> Result<Identity, Error>;
}

#[cfg(feature = "accounts")]
#[async_trait]
impl Authenticate for crate::Accounts {
    async fn authenticate(&self, token: &str) -> Result<Identity, Error> {
        Ok(crate::Accounts::authenticate(self, token).await?.0)
    }
}
