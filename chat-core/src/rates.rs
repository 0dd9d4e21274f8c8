//! How often one may ask. The rule: a [`Budget`] refills by the engine's clock, costs bounded memory however many ask, and
//! whoever it forgets begins anew, so that forgetting never turns anybody away.

use crate::limits::{BUDGET_KEYS_MAX, PAGE_WAIT_MAX};
use crate::{Action, Clock, ConversationId, Error, Timestamp, UserId};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter, clock};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

    fn quota(self) -> Quota {
        let at_once = NonZeroU32::new(self.at_once).unwrap_or(NonZeroU32::MIN);
        // Without a time to wait there is nothing to count; a nanosecond is as good as none.
        let quota = Quota::with_period(self.every.max(Duration::from_nanos(1)));
        quota.unwrap_or_else(|| Quota::per_second(at_once)).allow_burst(at_once)
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
    /// Sessions opened.
    pub sessions: Rate,
    /// Requests of any kind, those above among them.
    pub requests: Rate,
    /// Requests of sessions that were refused for one of these limits, before a session that goes on is closed.
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

/// What is left to each user, name or address of a [`Rate`]; the least recently seen are forgotten above
/// [`BUDGET_KEYS_MAX`].
pub struct Budget<K: ?Sized> {
    limiter: RateLimiter<u64, Spent, Elapsed, NoOpMiddleware<Nanos>>,
    spent: Spent,
    rate: Rate,
    /// Keys are kept as hashes: of one size, and of no use to who reads the memory.
    names: RandomState,
    of: PhantomData<fn(&K)>,
}

impl<K: Hash + ?Sized> Budget<K> {
    /// Untouched budgets.
    #[must_use]
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let rate = Rate { at_once: rate.at_once.max(1), ..rate };
        let spent = Spent::default();
        let limiter = RateLimiter::new(rate.quota(), spent.clone(), Elapsed::new(clock));
        Self { limiter, spent, rate, names: RandomState::new(), of: PhantomData }
    }

    /// Takes one from someone's budget.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if nothing is left; that takes nothing.
    pub fn spend(&self, key: &K) -> Result<(), Error> {
        self.limiter.check_key(&self.names.hash_one(key)).map_err(|refused| {
            let now = clock::Clock::now(self.limiter.clock());
            Error::RateLimited { retry_after: refused.wait_time_from(now) }
        })
    }

    /// Takes one from someone's budget, or the next one that comes back, if that is within `patience`; how long it takes.
    fn reserve(&self, key: &K, patience: Duration) -> Result<Duration, Error> {
        self.measure(key, |now, whole_again| {
            let after = whole_again + Nanos::from(self.rate.every);
            let wait = Duration::from(after.saturating_sub(now)).saturating_sub(self.whole());
            if wait > patience { Err(Error::RateLimited { retry_after: wait - patience }) } else { Ok((wait, after)) }
        })
    }

    /// Takes so many more from someone's budget, whether they are left or not. Nobody waits longer for the next one than the
    /// whole takes to come back, however much they owe.
    fn owe(&self, key: &K, count: u32) {
        let debt = Nanos::from(self.rate.every.saturating_mul(count.min(self.rate.at_once)));
        let most = Nanos::from(self.whole().saturating_mul(2).saturating_sub(self.rate.every));
        let _ =
            self.measure::<()>(key, |now, whole_again| Ok(((), (whole_again + debt).min(now + most).max(whole_again))));
    }

    /// Whether this share of someone's budget is left, and at least one.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if it is not.
    fn check(&self, key: &K, share: f64) -> Result<(), Error> {
        self.measure(key, |now, whole_again| {
            let spent = Duration::from(whole_again.saturating_sub(now));
            let wanted = self.whole().mul_f64(share).max(self.rate.every);
            let missing = (spent + wanted).saturating_sub(self.whole());
            if missing.is_zero() { Ok(((), whole_again)) } else { Err(Error::RateLimited { retry_after: missing }) }
        })
    }

    /// How long it takes until an empty budget is whole again.
    fn whole(&self) -> Duration {
        self.rate.every.saturating_mul(self.rate.at_once)
    }

    /// Finds out something by the time that it is and the time when someone's budget is whole again, which it may put off.
    fn measure<T>(&self, key: &K, measure: impl Fn(Nanos, Nanos) -> Result<(T, Nanos), Error>) -> Result<T, Error> {
        let now = clock::Clock::now(self.limiter.clock());
        let measure = |known: Option<Nanos>| measure(now, known.map_or(now, |known| known.max(now)));
        self.spent.measure_and_replace(&self.names.hash_one(key), measure)
    }
}

impl<K: ?Sized> std::fmt::Debug for Budget<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget").finish_non_exhaustive()
    }
}

/// When the budget of each key is whole again.
#[derive(Clone, Default)]
struct Spent(Arc<Mutex<Generations>>);

impl Spent {
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those seen of late, and those seen before them, who are forgotten when the former are too many.
#[derive(Default)]
struct Generations {
    young: HashMap<u64, Nanos>,
    old: HashMap<u64, Nanos>,
}

impl StateStore for Spent {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut generations = self.lock();
        let known = generations.recall(*key);
        let (outcome, whole_again) = measure(known)?;
        generations.keep(*key, whole_again);
        Ok(outcome)
    }
}

impl Generations {
    /// Whoever asks is young again, so that asking without end is no way to be forgotten.
    fn recall(&mut self, key: u64) -> Option<Nanos> {
        if let Some(known) = self.old.remove(&key) {
            self.keep(key, known);
        }
        self.young.get(&key).copied().or_else(|| self.old.get(&key).copied())
    }

    fn keep(&mut self, key: u64, whole_again: Nanos) {
        self.young.insert(key, whole_again);
        if self.young.len() >= BUDGET_KEYS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

/// The engine's time since the budgets were made. It stands still when that clock is set back, where budgets would otherwise
/// stay empty until it has caught up.
struct Elapsed {
    clock: Arc<dyn Clock>,
    seen: Mutex<(Timestamp, Duration)>,
}

impl Elapsed {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let seen = Mutex::new((clock.now(), Duration::ZERO));
        Self { clock, seen }
    }
}

impl clock::Clock for Elapsed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, elapsed) = *seen;
        *seen = (now, elapsed.saturating_add(now.since(before)));
        Nanos::from(seen.1)
    }
}

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
        }))
    }

    /// Takes one from a budget of a user.
    pub(crate) fn spend(&self, user: UserId, of: impl Fn(&Budgets) -> &Budget<UserId>) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |budgets| of(budgets).spend(&user))
    }

    /// Waits until it is a user's turn to read a page.
    pub(crate) async fn turn_page(&self, user: UserId) -> Result<(), Error> {
        let Some(budgets) = &self.0 else { return Ok(()) };
        let wait = budgets.pages.reserve(&user, PAGE_WAIT_MAX)?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
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

    /// Whether this share of what a conversation may be heard is left.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if it is not.
    pub(crate) fn check_deliveries(&self, conversation: ConversationId, share: f64) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |budgets| budgets.deliveries.check(&conversation, share))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    fn budget(rate: Rate) -> (Budget<str>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000)));
        (Budget::new(rate, clock.clone()), clock)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_spent_comes_back_one_by_one_up_to_all() {
        let (budget, clock) = budget(Rate::new(3, seconds(10)));
        for _ in 0..3 {
            budget.spend("ann").unwrap();
        }
        assert_eq!(budget.spend("ann"), Err(Error::RateLimited { retry_after: seconds(10) }));
        clock.advance(seconds(9));
        assert_eq!(budget.spend("ann"), Err(Error::RateLimited { retry_after: seconds(1) }));
        clock.advance(seconds(1));
        budget.spend("ann").unwrap();
        budget.spend("ann").unwrap_err();
        clock.advance(seconds(1_000));
        assert_eq!((0..10).filter(|_| budget.spend("ann").is_ok()).count(), 3);
    }

    #[test]
    fn whoever_owes_waits_until_it_has_come_back_and_no_longer_than_for_the_whole() {
        let (budget, clock) = budget(Rate::new(3, seconds(10)));
        budget.spend("ann").unwrap();
        budget.owe("ann", 4_000);
        // Spent: one and a whole budget of three, of which no more than two may be missing for the next one.
        assert_eq!(budget.spend("ann"), Err(Error::RateLimited { retry_after: seconds(20) }));
        clock.advance(seconds(20));
        budget.spend("ann").unwrap();
        budget.spend("bob").unwrap();
        for _ in 0..100 {
            budget.owe("bob", 3);
        }
        assert_eq!(budget.spend("bob"), Err(Error::RateLimited { retry_after: seconds(30) }));
        budget.owe("cyd", 2);
        budget.spend("cyd").unwrap();
        budget.spend("cyd").unwrap_err();
    }

    #[test]
    fn whoever_has_patience_gets_what_comes_back_within_it() {
        let (budget, clock) = budget(Rate::new(2, seconds(10)));
        let reserve = || budget.reserve("ann", seconds(15));
        for _ in 0..2 {
            assert_eq!(reserve(), Ok(Duration::ZERO));
        }
        assert_eq!(reserve(), Ok(seconds(10)));
        // What was refused was not taken.
        for _ in 0..2 {
            assert_eq!(reserve(), Err(Error::RateLimited { retry_after: seconds(5) }));
        }
        clock.advance(seconds(5));
        assert_eq!(reserve(), Ok(seconds(15)));
        clock.advance(seconds(1_000));
        assert_eq!(reserve(), Ok(Duration::ZERO));
    }

    #[test]
    fn looking_at_what_is_left_takes_nothing() {
        let (budget, clock) = budget(Rate::new(4, seconds(10)));
        for _ in 0..10 {
            budget.check("ann", 1.0).unwrap();
        }
        budget.owe("ann", 2);
        budget.check("ann", 0.5).unwrap();
        budget.owe("ann", 1);
        assert_eq!(budget.check("ann", 0.5), Err(Error::RateLimited { retry_after: seconds(10) }));
        budget.check("ann", 0.0).unwrap();
        budget.owe("ann", 3);
        assert_eq!(budget.check("ann", 0.0), Err(Error::RateLimited { retry_after: seconds(30) }));
        clock.advance(seconds(30));
        budget.check("ann", 0.0).unwrap();
    }

    #[test]
    fn each_has_a_budget_of_their_own() {
        let (budget, _) = budget(Rate::new(1, seconds(10)));
        budget.spend("ann").unwrap();
        budget.spend("bob").unwrap();
        budget.spend("ann").unwrap_err();
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting_for_it_to_catch_up() {
        let clock = Arc::new(Movable(Mutex::new(Timestamp(1_000_000))));
        let budget = Budget::<str>::new(Rate::new(1, seconds(10)), clock.clone());
        budget.spend("ann").unwrap();
        for now in [0, 9] {
            *clock.0.lock().unwrap() = Timestamp(now);
            budget.spend("ann").unwrap_err();
        }
        *clock.0.lock().unwrap() = Timestamp(10);
        budget.spend("ann").unwrap();
    }

    #[derive(Debug)]
    struct Movable(Mutex<Timestamp>);

    impl Clock for Movable {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn however_many_ask_few_are_remembered_and_who_goes_on_asking_is() {
        let (budget, _) = budget(Rate::new(1, seconds(3_600)));
        budget.spend("greedy").unwrap();
        for stranger in 0..3 * BUDGET_KEYS_MAX {
            budget.spend(&stranger.to_string()).unwrap();
            if stranger % (BUDGET_KEYS_MAX / 4) == 0 {
                budget.spend("greedy").unwrap_err();
            }
        }
        // Someone new is served when all places are taken, and whoever was quiet begins anew.
        budget.spend("0").unwrap();
        let Generations { young, old } = &*budget.spent.lock();
        assert!(young.len() + old.len() <= BUDGET_KEYS_MAX, "{} {}", young.len(), old.len());
        assert!(young.capacity() + old.capacity() <= 4 * BUDGET_KEYS_MAX);
    }
}
