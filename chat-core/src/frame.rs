//! Encoded events on their way to sessions. The rule: an event is encoded once, and all who receive it share the bytes.

use crate::hub::Topic;
use crate::{ConversationId, Seq, SessionId, UserId};
use bytes::Bytes;

/// One encoded JSON object, and how urgently it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The text of the frame: one JSON object in UTF-8.
    pub bytes: Bytes,
    /// Where it queues.
    pub lane: Lane,
}

impl Frame {
    /// What it is about; nothing if it is what one session asked for itself.
    pub(crate) fn topic(&self) -> Option<Topic> {
        match self.lane {
            Lane::Event(Some(Place { conversation, .. })) | Lane::Signal(SignalKey::Typing(_, conversation)) => {
                Some(Topic::Conversation(conversation))
            }
            Lane::Signal(SignalKey::Presence(user)) => Some(Topic::User(user)),
            Lane::Answer | Lane::Event(None) => None,
        }
    }
}

/// The queues of an outbox, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What a session asked for itself.
    Answer,
    /// What happens in conversations, in order; with its place, if it takes one.
    Event(Option<Place>),
    /// What is of interest only while it is new; a newer signal with the same key replaces an older one.
    Signal(SignalKey),
}

/// A place in the order of one conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The conversation.
    pub conversation: ConversationId,
    /// The place in its order.
    pub seq: Seq,
}

/// What a signal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignalKey {
    /// Whether this user is online.
    Presence(UserId),
    /// Whether this user is typing in this conversation.
    Typing(UserId, ConversationId),
}

/// A frame for everyone on a topic, with its exceptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// What everyone gets.
    pub frame: Frame,
    /// What the session that asked for it gets instead, in the same place: the same event with that request's `ref`.
    pub echo: Option<(SessionId, Frame)>,
    /// The user whose sessions get nothing.
    pub except: Option<UserId>,
}

impl From<Frame> for Publication {
    fn from(frame: Frame) -> Self {
        Self { frame, echo: None, except: None }
    }
}
