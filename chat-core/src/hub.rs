//! Who is connected, and who hears what. The rule: a topic is a conversation or a user, so that nothing in a
//! publication grows with the members who are offline.

mod delivery;
mod local;
mod outbox;
mod topics;

pub(crate) use delivery::Deliveries;
pub use delivery::TryWrite;
pub use local::LocalHub;
pub use outbox::{Outbox, OutboxLimits, Pending};

use crate::frame::Publication;
use crate::{ConversationId, Identity, LoginId, UserId};
use async_trait::async_trait;
use std::collections::HashSet;
use std::sync::Arc;

/// Where frames are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// To the sessions of a conversation's members.
    Conversation(ConversationId),
    /// To the sessions of a user.
    User(UserId),
}

/// Whose sessions to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Those that came with this login.
    Login(LoginId),
    /// All of this user.
    User(UserId),
    /// One of `shares` about equal shares of all, counted from zero.
    Share {
        /// Which.
        share: u64,
        /// Of how many.
        shares: u64,
    },
}

/// Why the engine ends a session, with the WebSocket close code that tells a client what to do about it. What is wrong with
/// the frames themselves is the transport's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The server stops; come back after a random wait.
    GoingAway,
    /// The login has expired or was revoked; do not come back with it.
    LoginEnded,
    /// Two pings stayed without an answer.
    Unresponsive,
    /// It went on asking long after it was told that it asks too much; come back after a while.
    TooManyRequests,
}

impl CloseReason {
    /// What a close code stands for, if it is one of ours.
    pub(crate) fn of_code(code: u16) -> Option<Self> {
        [Self::GoingAway, Self::LoginEnded, Self::Unresponsive, Self::TooManyRequests]
            .into_iter()
            .find(|reason| reason.code() == code)
    }

    /// The close code (RFC 6455, section 7.4; from 4000 on our own).
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::LoginEnded => 4401,
            Self::Unresponsive => 4408,
            Self::TooManyRequests => 4429,
        }
    }

    /// The reason in a few words, below the 123 bytes that a close frame can hold.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::GoingAway => "the server is going away",
            Self::LoginEnded => "the login has ended",
            Self::Unresponsive => "no answer to two pings",
            Self::TooManyRequests => "too many requests after too many refusals",
        }
    }
}

/// Connects publishers with sessions. No method waits for a reader, and none fails.
#[async_trait]
pub trait SessionHub: Send + Sync {
    /// Opens a session, which from now on hears its user's topic, every [`join`](Self::join), and nothing else yet. It leaves
    /// the hub when the end is dropped, and in no other way.
    fn open(&self, identity: &Identity, limits: OutboxLimits) -> SessionEnd;

    /// Lets a session hear these conversations, which its user was found to be in after it was opened. A conversation that
    /// the user left since [`open`](Self::open) stays unheard. To be called once for each session.
    fn subscribe(&self, end: &SessionEnd, conversations: &[ConversationId]);

    /// Lets all sessions of a user hear a conversation; those that hear it already still hear it once. Returns whether there
    /// was one that did not.
    fn join(&self, user: UserId, conversation: ConversationId) -> bool;

    /// Lets no session of a user hear a conversation any more.
    fn leave(&self, user: UserId, conversation: ConversationId);

    /// Lets nobody hear a conversation any more.
    fn dissolve(&self, conversation: ConversationId);

    /// Puts a frame into the outbox of every session on a topic, and the echo into that of the session that asked, wherever it
    /// is. Frames of one caller arrive in the order published.
    fn publish(&self, topic: Topic, publication: Publication);

    /// Tells which of these users have an open session.
    fn online(&self, users: &[UserId]) -> HashSet<UserId>;

    /// Lists for whom sessions are open, one for each session.
    fn identities(&self) -> Vec<Identity>;

    /// How many sessions hear a conversation.
    fn hearers(&self, conversation: ConversationId) -> usize;

    /// Lists the conversations that a user's sessions hear, one set for each session that was
    /// [subscribed](Self::subscribe).
    fn heard_by(&self, user: UserId) -> Vec<HashSet<ConversationId>>;

    /// Lists how many bytes of conversation events wait to be written, one number for each session.
    fn outbox_bytes(&self) -> Vec<usize>;

    /// Closes sessions for a reason; what they are to be told already is written first, unless the login has ended.
    fn close(&self, audience: Audience, reason: CloseReason);

    /// Waits until [`take_presence_changes`](Self::take_presence_changes) has someone to name. For one waiter at a time.
    async fn presence_changed(&self);

    /// Names the users who came or went since the last call, each once; whether they are online is for
    /// [`online`](Self::online) to say.
    fn take_presence_changes(&self) -> Vec<UserId>;
}

/// A session's end of the hub: its outbox. Dropping it takes the session out of the hub.
pub struct SessionEnd {
    outbox: Arc<Outbox>,
    // Runs the hub's clean-up when dropped.
    _registration: Box<dyn Send + Sync>,
}

impl SessionEnd {
    /// The end of a session whose hub forgets it when `registration` is dropped.
    #[must_use]
    pub fn new(outbox: Arc<Outbox>, registration: impl Send + Sync + 'static) -> Self {
        Self { outbox, _registration: Box::new(registration) }
    }

    /// The queue of frames for this session.
    #[must_use]
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}

impl std::fmt::Debug for SessionEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SessionEnd").field(&self.outbox.session()).finish()
    }
}
