//! What the engine asks of a database. The rule: each sentence on a trait method is a promise, and
//! `chat_core::testing` (feature `testing`) holds a check of it.
//!
//! Absence is `Option`. Pages are ordered as each method says. No method leaves anything half done, whether it fails or
//! its future is dropped.

mod blocks;
mod codes;
mod contacts;
mod conversations;
mod logins;
mod timeline;
mod users;

pub use blocks::{BlockStorage, Blocked};
pub use codes::{Code, CodeHash, CodeStorage, CodeTry, NewCode, Purpose, Tried};
pub use contacts::ContactStorage;
pub use conversations::{ConversationStorage, GroupListing};
pub use logins::{Login, LoginStorage, NewLogin, Rotation, TokenHash};
pub use timeline::{Epoch, History, Timeline};
pub use users::{UserKey, UserStorage};

/// Everything the engine keeps.
pub trait Storage:
    UserStorage + LoginStorage + CodeStorage + ContactStorage + BlockStorage + ConversationStorage + Timeline
{
}

impl<S> Storage for S where
    S: UserStorage + LoginStorage + CodeStorage + ContactStorage + BlockStorage + ConversationStorage + Timeline
{
}

/// One part of a longer list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries of this part.
    pub items: Vec<T>,
    /// The cursor of the next part; `None` at the end.
    pub next: Option<i64>,
}

impl<T> Page<T> {
    /// Cuts `items`, of which one more than `limit` were asked for, and points at the rest by the cursor of the last one kept.
    #[must_use]
    pub fn cut(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> i64) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }

    /// The same page of other things.
    #[must_use]
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}

/// Why a storage did not do what it was asked; the variant says what the caller should do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Tell the user that there is no such thing, or none they can see.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Tell the user that they see it but may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Tell the user that it exists already, and which field to change.
    #[error("{message}")]
    Conflict {
        /// The field of the request, by its wire name.
        field: &'static str,
        /// A sentence.
        message: &'static str,
    },
    /// Tell the user which field is wrong.
    #[error("{field} {message}")]
    Invalid {
        /// The field of the request, by its wire name.
        field: &'static str,
        /// A sentence without its subject.
        message: &'static str,
    },
    /// Try again later; nothing was done.
    #[error("the storage is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
