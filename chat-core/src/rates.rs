//! How often one may ask. The rule: who asks seldom is served at once, whatever others do; who asks much waits in a line with
//! others who do, all of whom have a small share of the machine; who asks too much is refused.

mod budget;
mod throttle;

pub use budget::Budget;

use crate::limits::TURN_WAIT_MAX;
use crate::{Action, Clock, ConversationId, Error, UserId};
use std::sync::Arc;
use std::time::Duration;
use throttle::{Throttle, Turn};
use tokio::time::sleep;

/// So many times at once, and from then on once in every `every`; what is not used is saved up to the former.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How often at once; at least once.
    pub at_once: u32,
    /// How long it takes until there is one more.
    pub every: Duration,
}

impl Rate {
    /// `at_once`, and then one in every `every`.
    #[must_use]
    pub const fn new(at_once: u32, every: Duration) -> Self {
        Self { at_once, every }
    }
}

/// How often one user may do what costs the server or other people something, over whatever transport. Each user has a budget
/// of each kind on each node, and so has each conversation of [`deliveries`](Self::deliveries).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RateLimits {
    /// Messages sent, edited and deleted; see [`hearers`](Self::hearers).
    pub messages: Rate,
    /// Groups created, changed, joined, left and deleted, members brought in and removed, direct conversations begun, and
    /// contacts added.
    pub memberships: Rate,
    /// Showing that one types; see [`hearers`](Self::hearers).
    pub typing: Rate,
    /// Pages read of histories and other lists, snapshots and what was missed. What comes sooner waits for its turn, and is
    /// refused only if that is more than five seconds away.
    pub pages: Rate,
    /// Sessions opened. Whoever reads pages or opens sessions more often than six times and then once in five seconds takes turns
    /// with others who do, in an eighth of what the machine has; what would wait for more than five seconds is refused.
    pub sessions: Rate,
    /// Requests of any kind, those above among them.
    pub requests: Rate,
    /// Requests of sessions that were refused for one of these limits, before a session that goes on is closed. While more than a
    /// quarter of them is spent, the user's sessions rest for a quarter of a second after each request.
    pub refusals: Rate,
    /// Passwords tried for one account, right or wrong, from wherever.
    pub logins: Rate,
    /// Sessions of a node for each so many of which a message or typing counts once more than once: what it costs the server
    /// is to tell everyone. Whoever has done it when too little was left waits until that has come back.
    pub hearers: u32,
    /// Changes of one conversation that this node stores, read marks apart, counted once for each of its sessions that hear of
    /// it. Beyond it nothing is sent or edited there and nobody comes in; while less than half is left, nobody is shown typing.
    /// What those do who keep order goes on: deleting, putting out, changing roles, name and visibility.
    pub deliveries: Rate,
}

impl RateLimits {
    /// What no person and no well-behaved client notices.
    #[must_use]
    pub const fn for_people() -> Self {
        const fn rate(at_once: u32, every_millis: u64) -> Rate {
            Rate::new(at_once, Duration::from_millis(every_millis))
        }
        Self {
            messages: rate(120, 1_000),
            memberships: rate(60, 2_000),
            typing: rate(30, 2_000),
            pages: rate(60, 1_000),
            sessions: rate(20, 5_000),
            requests: rate(600, 100),
            refusals: rate(300, 1_000),
            logins: rate(100, 5_000),
            hearers: 100,
            deliveries: Rate::new(20_000, Duration::from_micros(500)),
        }
    }
}

/// Pages and sessions for which nobody stands in line: what somebody needs who comes and looks around.
const FREE: Rate = Rate::new(6, Duration::from_secs(5));

/// What is left to the users of an engine; without limits, everything.
pub(crate) struct Rates(Option<Budgets>);

/// The budgets of users, by the names of [`RateLimits`].
pub(crate) struct Budgets {
    pub(crate) messages: Budget<UserId>,
    pub(crate) memberships: Budget<UserId>,
    pub(crate) typing: Budget<UserId>,
    pub(crate) pages: Budget<UserId>,
    pub(crate) sessions: Budget<UserId>,
    pub(crate) requests: Budget<UserId>,
    pub(crate) refusals: Budget<UserId>,
    hearers: u32,
    deliveries: Budget<ConversationId>,
    free: Budget<UserId>,
    throttle: Throttle,
}

impl Rates {
    pub(crate) fn new(limits: Option<&RateLimits>, clock: &Arc<dyn Clock>) -> Self {
        let budget = |rate| Budget::new(rate, Arc::clone(clock));
        Self(limits.map(|limits| Budgets {
            messages: budget(limits.messages),
            memberships: budget(limits.memberships),
            typing: budget(limits.typing),
            pages: budget(limits.pages),
            sessions: budget(limits.sessions),
            requests: budget(limits.requests),
            refusals: budget(limits.refusals),
            hearers: limits.hearers.max(1),
            deliveries: Budget::new(limits.deliveries, Arc::clone(clock)),
            free: budget(FREE),
            throttle: Throttle::new(),
        }))
    }

    /// Takes one from a budget of a user.
    pub(crate) fn spend(&self, user: UserId, of: impl Fn(&Budgets) -> &Budget<UserId>) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |budgets| of(budgets).spend(&user))
    }

    /// Waits until it is a user's turn to read a page, which lasts until what this returns is dropped.
    pub(crate) async fn turn_to_read(&self, user: UserId) -> Result<Option<Turn<'_>>, Error> {
        let Some(budgets) = &self.0 else { return Ok(None) };
        let wait = budgets.pages.reserve(&user, TURN_WAIT_MAX)?;
        if !wait.is_zero() {
            sleep(wait).await;
        }
        budgets.turn(user, TURN_WAIT_MAX - wait).await
    }

    /// Waits until it is a user's turn to open a session, which lasts until what this returns is dropped.
    pub(crate) async fn turn_to_open(&self, user: UserId) -> Result<Option<Turn<'_>>, Error> {
        let Some(budgets) = &self.0 else { return Ok(None) };
        budgets.sessions.spend(&user)?;
        budgets.turn(user, TURN_WAIT_MAX).await
    }

    /// Whether a user has gone on for long after being refused.
    pub(crate) fn is_stubborn(&self, user: UserId) -> bool {
        let is_stubborn = |budgets: &Budgets| {
            let all = budgets.refusals.at_once();
            budgets.refusals.check(&user, all - all / 4).is_err()
        };
        self.0.as_ref().is_some_and(is_stubborn)
    }

    /// Takes what it costs that so many sessions heard of something in a conversation: one for each from its budget, and more
    /// than the one that was spent before from that of who did it.
    pub(crate) fn heard(&self, user: UserId, cost: Cost, conversation: ConversationId, hearers: usize) {
        let Some(budgets) = &self.0 else { return };
        let Some(budget) = budgets.of(cost) else { return };
        let hearers = u32::try_from(hearers).unwrap_or(u32::MAX);
        budgets.deliveries.owe(&conversation, hearers);
        let more = hearers / budgets.hearers;
        if more > 0 && cost != Cost::Membership {
            budget.owe(&user, more);
        }
    }

    /// Whether a conversation may be heard once more.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if it may not.
    pub(crate) fn check_deliveries(&self, conversation: ConversationId) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |budgets| budgets.deliveries.check(&conversation, 1))
    }

    /// Whether a conversation has been heard so little that there is room for what need not be heard.
    pub(crate) fn is_quiet(&self, conversation: ConversationId) -> bool {
        let is_quiet = |budgets: &Budgets| {
            let half = budgets.deliveries.at_once() / 2;
            budgets.deliveries.check(&conversation, half).is_ok()
        };
        self.0.as_ref().is_none_or(is_quiet)
    }

    /// Whether there are any limits.
    pub(crate) fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// Takes what something costs who asks for it.
    pub(crate) fn spend_on(&self, user: UserId, cost: Cost) -> Result<(), Error> {
        self.0.as_ref().and_then(|budgets| budgets.of(cost)).map_or(Ok(()), |budget| budget.spend(&user))
    }
}

impl Budgets {
    /// Waits in line, unless this user has not asked for much of late.
    async fn turn(&self, user: UserId, patience: Duration) -> Result<Option<Turn<'_>>, Error> {
        if self.free.spend(&user).is_ok() {
            return Ok(None);
        }
        self.throttle.turn(user, patience).await.map(Some)
    }

    fn of(&self, cost: Cost) -> Option<&Budget<UserId>> {
        match cost {
            Cost::Message => Some(&self.messages),
            Cost::Membership => Some(&self.memberships),
            Cost::Typing => Some(&self.typing),
            Cost::Nothing => None,
        }
    }
}

/// What is spent on something that others hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    Message,
    Membership,
    Typing,
    Nothing,
}

impl Cost {
    /// Read marks are requests and nothing more, and nobody is kept from deleting themselves.
    pub(crate) fn of(action: &Action) -> Self {
        match action {
            Action::Send { .. } | Action::Edit { .. } | Action::Delete { .. } => Self::Message,
            Action::MarkRead { .. } | Action::DeleteUser { .. } => Self::Nothing,
            Action::Create(_)
            | Action::Update { .. }
            | Action::AddMember { .. }
            | Action::RemoveMember { .. }
            | Action::DeleteConversation { .. } => Self::Membership,
        }
    }
}
