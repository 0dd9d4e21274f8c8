//! What is left to whoever asks. The rule: a budget refills by the engine's clock, costs bounded memory however many ask, and
//! whoever it forgets begins anew, so that forgetting never turns anybody away.

use super::Rate;
use crate::limits::BUDGET_KEYS_MAX;
use crate::{Clock, Error, Timestamp};
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

/// The longest that a budget takes to be whole again; nanoseconds count up to 584 years, and some of these are added up.
const WHOLE_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

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
        let at_once = rate.at_once.max(1);
        let rate = Rate { at_once, every: rate.every.min(WHOLE_MAX / at_once) };
        let spent = Spent::default();
        let limiter = RateLimiter::new(quota(rate), spent.clone(), Elapsed::new(clock));
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
    pub(super) fn reserve(&self, key: &K, patience: Duration) -> Result<Duration, Error> {
        self.measure(key, |now, whole_again| {
            let after = whole_again + Nanos::from(self.rate.every);
            let wait = Duration::from(after.saturating_sub(now)).saturating_sub(self.whole());
            if wait > patience { Err(Error::RateLimited { retry_after: wait - patience }) } else { Ok((wait, after)) }
        })
    }

    /// Takes so many more from someone's budget, whether they are left or not. Nobody waits longer for the next one than the
    /// whole takes to come back, however much they owe.
    pub(super) fn owe(&self, key: &K, count: u32) {
        let debt = Nanos::from(self.rate.every.saturating_mul(count.min(self.rate.at_once)));
        let most = Nanos::from(self.whole().saturating_mul(2).saturating_sub(self.rate.every));
        let _ =
            self.measure::<()>(key, |now, whole_again| Ok(((), (whole_again + debt).min(now + most).max(whole_again))));
    }

    /// Whether so many are left in someone's budget, and at least one.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if they are not.
    pub(super) fn check(&self, key: &K, count: u32) -> Result<(), Error> {
        let now = clock::Clock::now(self.limiter.clock());
        let whole_again = self.spent.lock().known(self.names.hash_one(key)).unwrap_or(now);
        let spent = Duration::from(whole_again.saturating_sub(now));
        let wanted = self.rate.every.saturating_mul(count.max(1));
        let missing = spent.saturating_add(wanted).saturating_sub(self.whole());
        if missing.is_zero() { Ok(()) } else { Err(Error::RateLimited { retry_after: missing }) }
    }

    /// How many there are in a whole budget.
    pub(super) fn at_once(&self) -> u32 {
        self.rate.at_once
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

fn quota(rate: Rate) -> Quota {
    let at_once = NonZeroU32::new(rate.at_once).unwrap_or(NonZeroU32::MIN);
    // Without a time to wait there is nothing to count; a nanosecond is as good as none.
    let quota = Quota::with_period(rate.every.max(Duration::from_nanos(1)));
    quota.unwrap_or_else(|| Quota::per_second(at_once)).allow_burst(at_once)
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
        self.known(key)
    }

    fn known(&self, key: u64) -> Option<Nanos> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
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
            budget.check("ann", 4).unwrap();
        }
        assert_eq!(budget.check("ann", 6), Err(Error::RateLimited { retry_after: seconds(20) }));
        budget.owe("ann", 2);
        budget.check("ann", 2).unwrap();
        budget.owe("ann", 1);
        assert_eq!(budget.check("ann", 2), Err(Error::RateLimited { retry_after: seconds(10) }));
        budget.check("ann", 0).unwrap();
        budget.owe("ann", 3);
        assert_eq!(budget.check("ann", 0), Err(Error::RateLimited { retry_after: seconds(30) }));
        clock.advance(seconds(30));
        budget.check("ann", 0).unwrap();
    }

    #[test]
    fn what_comes_back_never_can_be_spent_and_owed_all_the_same() {
        let (budget, clock) = budget(Rate::new(2, Duration::MAX));
        clock.advance(seconds(1));
        budget.spend("ann").unwrap();
        budget.owe("ann", u32::MAX);
        clock.advance(seconds(1_000_000));
        assert!(budget.check("ann", u32::MAX).is_err());
        assert!(budget.reserve("ann", seconds(5)).is_err());
        assert!(budget.spend("ann").is_err());
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
