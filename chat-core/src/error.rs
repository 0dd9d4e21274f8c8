//! What can go wrong, as the outside world learns it. The rule: a client sees a code and a sentence, never a source error.

use crate::StorageError;
use crate::limits::TROUBLE_REPEAT_INTERVAL;
use crate::metrics::STORAGE_UNAVAILABLE;
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Why the engine did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request cannot be read at all.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// The request does not show who it comes from, or not any more.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The caller sees it but may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The password is right, but the account waits for its address to be verified.
    #[error("the e-mail address is not verified yet")]
    Unverified,
    /// There is no such thing, or none that the caller can see.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It exists already.
    #[error("{field}: {message}")]
    Conflict {
        /// The field of the request that would have to differ.
        field: &'static str,
        /// A sentence.
        message: &'static str,
    },
    /// The request is longer than a request may be.
    #[error("the request is too large: {0} bytes at most")]
    TooLarge(usize),
    /// A field of the request is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, by its wire name.
        field: Cow<'static, str>,
        /// A sentence without its subject.
        message: Cow<'static, str>,
    },
    /// Too many requests of this kind.
    #[error("too many requests, try again later")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The user has as many sessions as one may have: [`Limits::sessions_per_user_max`](crate::Limits::sessions_per_user_max).
    #[error("too many sockets of this user are open: {0} at most")]
    TooManySessions(usize),
    /// Something the engine depends on is away; nothing was done.
    #[error("the service is not available, try again later")]
    Unavailable,
}

impl Error {
    /// A field that is wrong.
    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }

    /// The stable name of this kind of error, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Unverified => "unverified",
            Self::NotFound(_) => "not_found",
            Self::Conflict { .. } => "conflict",
            Self::TooLarge(_) => "too_large",
            Self::Invalid { .. } => "invalid",
            Self::RateLimited { .. } | Self::TooManySessions(_) => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound(what) => Self::NotFound(what),
            StorageError::Forbidden(sentence) => Self::Forbidden(sentence),
            StorageError::Conflict { field, message } => Self::Conflict { field, message },
            StorageError::Invalid { field, message } => Self::invalid(field, message),
            StorageError::Unavailable(source) => {
                metrics::counter!(STORAGE_UNAVAILABLE).increment(1);
                tell(&source.to_string());
                Self::Unavailable
            }
        }
    }
}

/// Logs why the storage is away: once in a while, since everything that everybody asks for may fail for the same reason.
fn tell(error: &str) {
    static TOLD: Mutex<Option<(Instant, String)>> = Mutex::new(None);
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.as_ref().is_some_and(|(at, told)| told == error && at.elapsed() < TROUBLE_REPEAT_INTERVAL) {
        return tracing::debug!(error, "the storage is still not available");
    }
    *told = Some((Instant::now(), error.to_owned()));
    drop(told);
    tracing::error!(error, "the storage is not available");
}
