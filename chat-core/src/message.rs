//! Messages, and drafts of them. The rule: a [`Draft`] is valid by construction, so nobody further in checks its text.

use crate::text::{Length, checked, text};
use crate::{ConversationId, MessageId, Seq, Timestamp, UserId, Username, limits};

text!(
    /// What a message says: 1 byte to 16 KiB, kept as typed.
    Content,
    |content| checked(&content, Length::Bytes(limits::CONTENT_BYTES_MAX)).map(|()| content)
);

text!(
    /// A client's own name for something it asks to be stored, unique per sender: repeating it stores nothing twice.
    Nonce,
    |nonce| checked(&nonce, Length::Bytes(limits::NONCE_BYTES_MAX)).map(|()| nonce)
);

/// A message that someone asks to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What it says.
    pub content: Content,
    /// The message it answers, in the same conversation.
    pub reply_id: Option<MessageId>,
    /// The sender's own name for it.
    pub nonce: Option<Nonce>,
}

impl Draft {
    /// A draft that says `content`.
    ///
    /// # Errors
    /// What is wrong with the text, as a sentence without its subject.
    ///
    /// ```
    /// use chat_core::Draft;
    /// assert!(Draft::new("hello").is_ok());
    /// assert!(Draft::new("  ").is_err());
    /// ```
    pub fn new(content: impl Into<String>) -> Result<Self, String> {
        Ok(Self::from(Content::try_from(content.into())?))
    }

    /// The same draft as an answer to `message`.
    #[must_use]
    pub fn reply_to(self, message: MessageId) -> Self {
        Self { reply_id: Some(message), ..self }
    }

    /// The same draft under the sender's own name for it.
    #[must_use]
    pub fn with_nonce(self, nonce: Nonce) -> Self {
        Self { nonce: Some(nonce), ..self }
    }
}

impl From<Content> for Draft {
    fn from(content: Content) -> Self {
        Self { content, reply_id: None, nonce: None }
    }
}

/// A message as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Grows with `seq` inside a conversation.
    pub id: MessageId,
    /// Where it was sent.
    pub conversation: ConversationId,
    /// Its place in the order of the conversation.
    pub seq: Seq,
    /// Who sent it.
    pub sender: UserId,
    /// Their name.
    pub sender_username: Username,
    /// What it says; empty once deleted.
    pub content: String,
    /// The message it answers.
    pub reply_id: Option<MessageId>,
    /// The sender's own name for it.
    pub nonce: Option<Nonce>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Whether its words are gone.
    pub deleted: bool,
}
