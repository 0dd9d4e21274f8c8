//! The engine as a host sees it: everything a user can do, as a method.
//!
//! The rule: a method that changes a conversation goes through the append queue, so that whatever is announced is durable
//! and in order; a method that reads asks the storage at once.

pub(crate) mod announce;
mod append_queue;
mod blocks;
mod builder;
mod contacts;
mod conversations;
mod messages;
mod presence;
mod replay;
mod resume;
mod sessions;
mod typing;
mod users;

pub use builder::ChatBuilder;
pub use conversations::NewGroup;
pub use messages::Sent;
pub(crate) use resume::{LastSeen, Missed, Snapshot};
pub(crate) use sessions::OpenSession;

use crate::cluster::Cluster;
use crate::hub::{Deliveries, SessionHub};
use crate::rates::{Cost, Rates};
use crate::wire::Reference;
use crate::{
    Action, Appended, Authenticate, Change, Clock, Error, Identity, Limits, SessionId, Storage, UserId, metrics,
};
use ::metrics::gauge;
use append_queue::AppendQueue;
use presence::Presence;
use replay::Replays;
use sessions::OpenSessions;
use std::sync::Arc;
pub(crate) use typing::Typing;

/// The chat engine. Clones are the same engine; it stops when the last of them and of its sessions is dropped.
///
/// ```
/// use chat_core::{Chat, Draft, History, MemoryStorage};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chat = Chat::builder(Arc::new(MemoryStorage::new())).build();
/// let ann = chat.create_user("ann".parse()?).await?;
/// let bob = chat.create_user("bob".parse()?).await?;
///
/// let (tea, _) = chat.direct(ann.id, bob.id).await?;
/// chat.send(ann.id, tea.id, Draft::new("Tea at five?")?).await?;
///
/// let heard = chat.messages(bob.id, tea.id, History::Latest, 50).await?;
/// assert_eq!(heard.items[0].content, "Tea at five?");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

struct Inner {
    storage: Arc<dyn Storage>,
    hub: Arc<dyn SessionHub>,
    clock: Arc<dyn Clock>,
    identities: Option<Arc<dyn Authenticate>>,
    limits: Limits,
    rates: Arc<Rates>,
    appends: AppendQueue,
    typing: Arc<Typing>,
    replays: Replays,
    presence: Presence,
    sessions: OpenSessions,
    deliveries: Arc<Deliveries>,
    cluster: Option<Arc<Cluster>>,
    /// Ends the background tasks with the engine.
    _tasks: tokio::task::JoinSet<()>,
}

/// Who asks, and, if it is a session that asks, how it will know the answer.
#[derive(Clone, Debug)]
pub struct Caller {
    user: UserId,
    echo: Option<Echo>,
}

/// The session that gets its own event with its request's `ref` in it.
#[derive(Clone, Debug)]
pub(crate) struct Echo {
    user: UserId,
    session: SessionId,
    reference: Reference,
}

impl From<UserId> for Caller {
    fn from(user: UserId) -> Self {
        Self { user, echo: None }
    }
}

impl From<&Identity> for Caller {
    fn from(identity: &Identity) -> Self {
        identity.user.into()
    }
}

impl Caller {
    pub(crate) fn session(user: UserId, session: SessionId, reference: Option<Reference>) -> Self {
        Self { user, echo: reference.map(|reference| Echo { user, session, reference }) }
    }
}

impl Chat {
    /// An engine on this storage, with defaults that [`ChatBuilder`] can replace.
    #[must_use]
    pub fn builder(storage: Arc<dyn Storage>) -> ChatBuilder {
        ChatBuilder::new(storage)
    }

    /// The storage this engine works on.
    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.inner.storage
    }

    /// The hub this engine publishes to, which knows of the sessions of this node.
    #[must_use]
    pub fn hub(&self) -> &Arc<dyn SessionHub> {
        &self.inner.hub
    }

    /// The clock this engine goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// How many sessions are open.
    #[must_use]
    pub fn sessions_open(&self) -> usize {
        self.inner.sessions.count()
    }

    /// How many changes wait for the commit in flight.
    #[must_use]
    pub fn changes_waiting(&self) -> usize {
        self.inner.appends.waiting()
    }

    /// Counts one request of a user that a transport takes in any other way than by a [`Session`](crate::Session), which
    /// counts its own.
    ///
    /// # Errors
    /// [`Error::RateLimited`] for more than [`RateLimits::requests`](crate::RateLimits::requests) allow.
    pub fn count_request(&self, user: UserId) -> Result<(), Error> {
        self.inner.rates.spend(user, |left| &left.requests)
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.inner.rates
    }

    /// Sets the gauges of what is looked at rather than counted, for a recorder that is about to be read.
    pub fn measure(&self) {
        gauge!(metrics::SESSIONS_OPEN).set(self.sessions_open() as f64);
        gauge!(metrics::CHANGES_WAITING).set(self.changes_waiting() as f64);
        let outboxes = self.inner.hub.outbox_bytes();
        gauge!(metrics::OUTBOX_BYTES).set(outboxes.iter().sum::<usize>() as f64);
        gauge!(metrics::OUTBOX_FULLEST_BYTES).set(outboxes.into_iter().max().unwrap_or(0) as f64);
    }

    pub(crate) fn deliveries(&self) -> &Arc<Deliveries> {
        &self.inner.deliveries
    }

    /// The limits this engine keeps.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Stores a change that the caller and the conversation have budget for, and announces it, in order with all others.
    async fn change(&self, caller: Caller, action: Action) -> Result<Appended, Error> {
        self.spare(caller.user, &action).await?;
        self.inner.rates.spend_on(caller.user, Cost::of(&action))?;
        self.change_uncounted(caller, action).await
    }

    /// The same for a change that was counted as something else.
    async fn change_uncounted(&self, caller: Caller, action: Action) -> Result<Appended, Error> {
        let change = Change { actor: caller.user, at: self.inner.clock.now(), action };
        self.inner.appends.append(change, caller.echo).await
    }

    /// Refuses what adds to a conversation that has been heard too much of late. If the caller cannot see it, the storage says
    /// so in its own words.
    async fn spare(&self, user: UserId, action: &Action) -> Result<(), Error> {
        let Inner { rates, storage, .. } = &*self.inner;
        let conversation = match action {
            Action::Send { conversation, .. } | Action::AddMember { conversation, role: None, .. } => {
                Some(*conversation)
            }
            Action::Edit { message, .. } if rates.are_on() => {
                storage.find_message(user, *message).await?.map(|message| message.conversation)
            }
            // What those do who keep order.
            _ => None,
        };
        let Some(conversation) = conversation else { return Ok(()) };
        let Err(limited) = rates.check_deliveries(conversation) else { return Ok(()) };
        let is_joining = matches!(action, Action::AddMember { user: newcomer, .. } if *newcomer == user);
        let is_seen = storage.find_member(conversation, user).await?.is_some()
            || is_joining && storage.find_public_group(conversation).await?.is_some();
        if is_seen { Err(limited) } else { Ok(()) }
    }
}
