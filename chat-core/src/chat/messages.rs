//! Messages: sending, changing, reading.

use super::{Caller, Chat};
use crate::rates::Cost;
use crate::{
    Action, Appended, Content, ConversationId, Draft, Error, Event, EventKind, History, Message, MessageId, Page, Seq,
    UserId, UserKey, limits,
};

/// A message that was stored, now or before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The message.
    pub message: Message,
    /// Whether this call stored it; `false` if an earlier one with the same nonce did.
    pub is_new: bool,
}

impl Chat {
    /// Sends a message. When this returns it is durable, and on its way to every member.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller is a member, [`Error::Invalid`] for a reply to a message of elsewhere,
    /// [`Error::Conflict`] for a nonce that was used for another message, [`Error::Forbidden`] if the caller does not
    /// [reach](crate::rules::reach) the other one of a direct conversation.
    pub async fn send(
        &self,
        caller: impl Into<Caller>,
        conversation: ConversationId,
        draft: Draft,
    ) -> Result<Sent, Error> {
        let appended = self.change(caller.into(), Action::Send { conversation, draft }).await?;
        let is_new = appended.is_new;
        Ok(Sent { message: message(appended)?, is_new })
    }

    /// Replaces what a message says.
    ///
    /// # Errors
    /// As [`crate::rules::edit`] and, in a direct conversation, [`crate::rules::reach`].
    pub async fn edit(
        &self,
        caller: impl Into<Caller>,
        message_id: MessageId,
        content: Content,
    ) -> Result<Message, Error> {
        message(self.change(caller.into(), Action::Edit { message: message_id, content }).await?)
    }

    /// Removes what a message says; its place in the order stays. Doing so again changes nothing.
    ///
    /// # Errors
    /// As [`crate::rules::delete`].
    pub async fn delete(&self, caller: impl Into<Caller>, message: MessageId) -> Result<Appended, Error> {
        self.change(caller.into(), Action::Delete { message }).await
    }

    /// Moves the caller's read marks up to these messages; a mark never moves back.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller cannot see one of them, and then no mark moves; [`Error::Invalid`] naming
    /// `message_ids` for none or too many.
    pub async fn mark_read(&self, caller: impl Into<Caller>, messages: Vec<MessageId>) -> Result<Appended, Error> {
        if !(1..=limits::READ_MESSAGES_MAX).contains(&messages.len()) {
            return Err(Error::invalid("message_ids", format!("must be 1 to {} ids", limits::READ_MESSAGES_MAX)));
        }
        self.change(caller.into(), Action::MarkRead { messages }).await
    }

    /// Reads one message.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller is a member where it was sent.
    pub async fn message(&self, user: UserId, message: MessageId) -> Result<Message, Error> {
        self.inner.storage.find_message(user, message).await?.ok_or(Error::NotFound("message"))
    }

    /// Lists a conversation's messages, at most `limit`.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller is a member.
    pub async fn messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Result<Page<Message>, Error> {
        let _turn = self.inner.rates.turn_to_read(user).await?;
        let page = self.inner.storage.list_messages(user, conversation, history, limit).await?;
        page.ok_or(Error::NotFound("conversation"))
    }

    /// Lists what happened in a conversation after `seq`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller is a member.
    pub async fn events(
        &self,
        user: UserId,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Result<Page<Event>, Error> {
        let _turn = self.inner.rates.turn_to_read(user).await?;
        let page = self.inner.storage.events_after(conversation, after, limit).await?;
        // Asked after reading: whoever is a member now was allowed to see all that was read.
        self.membership(user, conversation).await?;
        Ok(page)
    }

    /// The conversation that an id means which may be a user's or a conversation's: with a user, the direct one, which is
    /// created if need be, which counts as a message.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is neither, or nothing the caller can see; [`Error::RateLimited`].
    pub async fn conversation_with(&self, caller: impl Into<Caller>, receiver: i64) -> Result<ConversationId, Error> {
        let caller = caller.into();
        let user = UserId::try_from(receiver).map_err(|_| Error::NotFound("receiver"))?;
        if self.inner.storage.find_user(&UserKey::Id(user)).await?.is_some() {
            self.inner.rates.spend_on(caller.user, Cost::Message)?;
            return self.direct_uncounted(caller, user).await;
        }
        let conversation = ConversationId::try_from(receiver).map_err(|_| Error::NotFound("receiver"))?;
        self.membership(caller.user, conversation).await.map_err(|error| match error {
            Error::NotFound(_) => Error::NotFound("receiver"),
            other => other,
        })?;
        Ok(conversation)
    }
}

fn message(appended: Appended) -> Result<Message, Error> {
    match appended.events.into_iter().next().map(|event| event.kind) {
        Some(EventKind::Sent(message) | EventKind::Edited(message) | EventKind::Deleted(message)) => Ok(message),
        _ => Err(Error::Unavailable),
    }
}
