use crate::{Appended, Change, ConversationId, Event, Message, MessageId, Page, Seq, StorageError, UserId};
use async_trait::async_trait;

/// Which part of a conversation's messages to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// The newest, newest first.
    Latest,
    /// Those before this message, newest first.
    Before(MessageId),
    /// The oldest, oldest first.
    Oldest,
    /// Those after this message, oldest first.
    After(MessageId),
}

/// The name of one history: a `seq` means the same only within it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub String);

/// Keeps what happens in conversations, in order: the heart of a storage.
///
/// Rights are those of [`crate::rules`], asked inside the transaction that stores the change.
#[async_trait]
pub trait Timeline: Send + Sync {
    /// Stores a batch of changes in one transaction, in the order given, and returns one result for each in the same order.
    ///
    /// * A change that is refused leaves no trace and does not touch the others; an `Err` of the whole means that none of
    ///   them is stored.
    /// * What is returned is durable.
    /// * Each event that takes a place gets the next `seq` of its conversation: 1, 2, 3 … without a gap, also when batches
    ///   run side by side. Nobody ever reads a later `seq` before an earlier one.
    /// * Dropping the future leaves all of the batch stored, or none of it.
    /// * A message whose `nonce` its sender has used is not stored again: the result holds the stored one, as it is now, and
    ///   is not new. With another conversation, content or `reply_id` it is a `Conflict` naming `nonce`; of an edited or
    ///   deleted message the first words are gone, so its content is not compared. This holds inside one batch, too, and
    ///   between batches at once. Whoever is no member any more gets `NotFound` all the same.
    /// * A `reply_id` that is no message of the same conversation is `Invalid`.
    /// * A deleted message loses its content everywhere, at once; deleting it again is not new.
    /// * A direct conversation exists once for each pair of users, whoever asks first, and creating it again is not new; with
    ///   oneself it is `Invalid`, with nobody `NotFound`. A group's members that do not exist are `Invalid`; one named twice
    ///   counts once.
    /// * A new member's read mark is the newest message; nothing before it is unread to them.
    /// * A read mark never moves back; marking what is read already is not new. If one of the messages is not visible to the
    ///   actor, it is `NotFound` and no mark moves. The result holds one event for each conversation named.
    /// * Deleting a user removes their profile, logins, contacts, blocks and memberships, and empties their messages; each
    ///   conversation they were in or wrote to gets one `MemberRemoved` event. Their name in it is
    ///   [`Username::of_deleted`](crate::Username::of_deleted) from then on, also in the names of their direct
    ///   conversations and of groups that are called after their members.
    /// * Whom the actor does not [reach](crate::rules::reach) is brought into no conversation by them, and in the direct one of
    ///   the two the actor sends and edits nothing: `Forbidden`. A nonce that was stored before is answered all the same.
    /// * A read mark in a direct conversation of two of whom one is closed to the other is private.
    /// * Nobody is in more than [`MEMBERSHIPS_MAX`](crate::limits::MEMBERSHIPS_MAX) conversations; one more is `Forbidden`.
    async fn append(&self, batch: &[Change]) -> Result<Vec<Result<Appended, StorageError>>, StorageError>;

    /// Names this history: the same for as long as nothing that was acknowledged is lost, also when the storage is opened
    /// again; different for every other storage, and for this one once it was emptied or may have lost something.
    async fn epoch(&self) -> Result<Epoch, StorageError>;

    /// Lists the events of a conversation with a `seq` above `after`, oldest first, at most `limit`, with messages as they
    /// are now. Empty if there are none or no such conversation. Who may read them is the caller's to check, **after**
    /// reading, so that a page can serve many readers.
    async fn events_after(
        &self,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Result<Page<Event>, StorageError>;

    /// Finds a message in a conversation that `viewer` is a member of.
    async fn find_message(&self, viewer: UserId, message: MessageId) -> Result<Option<Message>, StorageError>;

    /// Lists messages of a conversation that `viewer` is a member of, at most `limit`, deleted ones among them without their
    /// content. `None` to everyone else.
    async fn list_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Result<Option<Page<Message>>, StorageError>;
}
