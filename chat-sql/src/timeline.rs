//! Changes of conversations, step by step. The rule: a change is decided before anything is written for it, so that a refused
//! one leaves no trace; and the steps are the same on every database.

mod batch;
mod create;
mod delete_user;
mod events;
mod groups;
mod history;
mod members;
mod messages;
mod read_marks;
mod send;

pub use batch::store;
pub use delete_user::{EMPTY_MESSAGES, FIND_TRACES};
pub use events::{EVENTS_AFTER, events_after};
pub use history::{HISTORY_AFTER, HISTORY_BEFORE, HISTORY_LATEST, find_message, list_messages};
pub use members::SITUATION;
pub use read_marks::{Step, Wanted, standing};
pub use send::{End, Fact, Sending, Stored};

use crate::{Database, Done, Fields, sql};
use chat_core::{StorageError, UserId, Username};

const NO_CONVERSATION: StorageError = StorageError::NotFound("conversation");
const NO_MESSAGE: StorageError = StorageError::NotFound("message");
const NO_USER: StorageError = StorageError::NotFound("user");

/// The columns that [`fields::message`](crate::fields::message) reads, from `messages AS m` and `users AS sender`.
#[macro_export]
macro_rules! message_columns {
    () => {
        "m.id, m.conversation_id, m.seq, m.sender_id, sender.username, m.content, m.reply_id, m.nonce, m.sent_at, \
        m.edited_at, m.deleted_seq IS NOT NULL"
    };
}

/// A user who asks for something.
pub struct Actor {
    username: Username,
    is_admin: bool,
}

/// Finds a user who is not deleted.
///
/// # Errors
/// If the database fails.
pub async fn find_actor(database: &mut impl Database, user: UserId) -> Done<Option<Actor>> {
    let actor = "SELECT username, is_admin FROM main.users WHERE id = $1 AND deleted = FALSE";
    let decode = |row: &mut Fields<'_>| Ok(Actor { username: row.text(Username::from_stored)?, is_admin: row.flag()? });
    database.find(sql!(actor, user.get()), decode).await
}

/// Fails unless there is such a user.
///
/// # Errors
/// `NotFound` if there is none.
pub async fn check_user(database: &mut impl Database, user: UserId) -> Done<()> {
    find_actor(database, user).await?.map(|_| ()).ok_or(NO_USER.into())
}

/// The name of a user or of what is left of one.
async fn name_of(database: &mut impl Database, user: UserId) -> Done<Username> {
    let name = "SELECT username FROM main.users WHERE id = $1";
    database.fetch(sql!(name, user.get()), |row| row.text(Username::from_stored)).await
}
