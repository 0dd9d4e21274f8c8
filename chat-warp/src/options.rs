use crate::client::AddressLimits;
use crate::limits::BODY_WAIT;
use chat_core::{Accounts, Authenticate};
use std::sync::Arc;
use std::time::Duration;

/// What [`routes`](crate::routes) offer, and to whom.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    pub(crate) accounts: Option<Accounts>,
    pub(crate) identities: Arc<dyn Authenticate>,
    pub(crate) origins: Vec<String>,
    pub(crate) address_limits: Option<AddressLimits>,
    pub(crate) body_wait: Duration,
}

impl Options {
    /// Everything, with the users that these accounts keep.
    #[must_use]
    pub fn new(accounts: Accounts) -> Self {
        Self { accounts: Some(accounts.clone()), ..Self::with_identities(Arc::new(accounts)) }
    }

    /// Everything but registering, logging in and out, logins and passwords: for a host with users of its own, whose
    /// tokens these identities know.
    #[must_use]
    pub fn with_identities(identities: Arc<dyn Authenticate>) -> Self {
        Self {
            accounts: None,
            identities,
            origins: vec!["http://localhost:5173".into()],
            address_limits: None,
            body_wait: BODY_WAIT,
        }
    }

    /// Lets web pages of these origins (as `https://chat.example.org`) use the chat with their users' cookies, instead of
    /// those of `http://localhost:5173`. The server's own origin is always allowed.
    #[must_use]
    pub fn allowed_origins(self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let normal = |origin: String| origin.trim().trim_end_matches('/').to_ascii_lowercase();
        Self { origins: origins.into_iter().map(Into::into).map(normal).collect(), ..self }
    }

    /// Limits what comes from one address, of requests that have a [`ClientAddress`](crate::ClientAddress).
    #[must_use]
    pub fn address_limits(self, limits: AddressLimits) -> Self {
        Self { address_limits: Some(limits), ..self }
    }

    /// Lets the body of a request take this long to arrive, instead of a minute.
    #[must_use]
    pub fn body_wait(self, wait: Duration) -> Self {
        Self { body_wait: wait, ..self }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("accounts", &self.accounts.is_some())
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
