//! How often one may ask. The rule: a [`Budget`] refills by the engine's clock, costs bounded memory however many ask, and
//! whoever it forgets begins anew, so that forgetting never turns anybody away.

use crate::limits::BUDGET_KEYS_MAX;
use crate::{Action, Clock, Error, Timestamp, UserId};
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
/// of each kind on each node.
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
            sessions: rate(60, 2_000),
            requests: rate(600, 100),
            refusals: rate(300, 1_000),
            logins: rate(100, 5_000),
            hearers: 100,
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

    /// Takes so many more from someone's budget, whether they are left or not, but never more than the whole of it.
    fn owe(&self, key: &K, count: u32) {
        let debt = Nanos::from(self.rate.every.saturating_mul(count.min(self.rate.at_once)));
        let now = clock::Clock::now(self.limiter.clock());
        let mut generations = self.spent.lock();
        let key = self.names.hash_one(key);
        let whole_again = generations.recall(key).map_or(now, |known| known.max(now));
        generations.keep(key, whole_again + debt);
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
    pub(crate) sessions: Budget<UserId>,
    pub(crate) requests: Budget<UserId>,
    pub(crate) refusals: Budget<UserId>,
    hearers: u32,
}

impl Rates {
    pub(crate) fn new(limits: Option<&RateLimits>, clock: &Arc<dyn Clock>) -> Self {
        let budget = |rate| Budget::new(rate, Arc::clone(clock));
        Self(limits.map(|limits| Budgets {
            messages: budget(limits.messages),
            memberships: budget(limits.memberships),
            typing: budget(limits.typing),
            sessions: budget(limits.sessions),
            requests: budget(limits.requests),
            refusals: budget(limits.refusals),
            hearers: limits.hearers.max(1),
        }))
    }

    /// Takes one from a budget of a user.
    pub(crate) fn spend(&self, user: UserId, of: impl Fn(&Budgets) -> &Budget<UserId>) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |budgets| of(budgets).spend(&user))
    }

    /// Takes what it costs beyond the one that was taken before that this many sessions heard of it.
    pub(crate) fn heard(&self, user: UserId, hearers: usize, of: impl Fn(&Budgets) -> &Budget<UserId>) {
        let Some(budgets) = &self.0 else { return };
        let more = u32::try_from(hearers).unwrap_or(u32::MAX) / budgets.hearers;
        if more > 0 {
            of(budgets).owe(&user, more);
        }
    }

    /// Takes what a change costs who asks for it. Read marks are requests and nothing more, and nobody is kept from deleting
    /// themselves.
    pub(crate) fn spend_on(&self, user: UserId, action: &Action) -> Result<(), Error> {
        match action {
            Action::Send { .. } | Action::Edit { .. } | Action::Delete { .. } => {
                self.spend(user, |left| &left.messages)
            }
            Action::MarkRead { .. } | Action::DeleteUser { .. } => Ok(()),
            Action::Create(_)
            | Action::Update { .. }
            | Action::AddMember { .. }
            | Action::RemoveMember { .. }
            | Action::DeleteConversation { .. } => self.spend(user, |left| &left.memberships),
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
        budget.owe("cyd", 2);
        budget.spend("cyd").unwrap();
        budget.spend("cyd").unwrap_err();
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
