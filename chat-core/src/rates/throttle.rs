//! The lines in which those wait who ask for much. The rule: turns in a line begin some times as far apart as they take, so that
//! all of them together have a small share of the machine, however many wait. What a turn takes is what the last ones took: nobody
//! waits for another's to end, which may be as late as its owner likes.

use crate::{Error, UserId};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How far apart turns begin, in times of what one takes: an eighth of a core is theirs.
const SHARE: u32 = 8;
/// The last turns of which the mean is taken.
const REMEMBERED: u32 = 16;
/// The least that a turn is believed to take: whoever leaves at once has not cost nothing.
const TAKES_MIN: Duration = Duration::from_millis(1);
/// The most: a turn that lasts longer waits for its client or for a storage that is away.
const TAKES_MAX: Duration = Duration::from_millis(100);

/// A line for each core, among which users are divided.
pub(super) struct Throttle(Vec<Line>);

#[derive(Debug)]
struct Line(Mutex<Turns>);

#[derive(Debug)]
struct Turns {
    /// When the next one may begin.
    next: Instant,
    /// How long one takes.
    take: Duration,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'t> {
    line: &'t Line,
    began: Instant,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self::with_lines(available_parallelism().map_or(1, usize::from))
    }

    fn with_lines(count: usize) -> Self {
        let line = || Line(Mutex::new(Turns { next: Instant::now(), take: TAKES_MIN }));
        Self((0..count).map(|_| line()).collect())
    }

    /// Waits for a user's turn.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if that takes longer than `patience`; then nobody waits for it.
    pub(super) async fn turn(&self, user: UserId, patience: Duration) -> Result<Turn<'_>, Error> {
        let line = &self.0[user.get().unsigned_abs() as usize % self.0.len()];
        let begins = line.turns().reserve(patience)?;
        sleep_until(begins).await;
        Ok(Turn { line, began: Instant::now() })
    }
}

impl Line {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turns {
    fn reserve(&mut self, patience: Duration) -> Result<Instant, Error> {
        let now = Instant::now();
        let begins = self.next.max(now);
        let wait = begins - now;
        if wait > patience {
            return Err(Error::RateLimited { retry_after: wait - patience });
        }
        self.next = begins + self.take * SHARE;
        Ok(begins)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let took = self.began.elapsed().clamp(TAKES_MIN, TAKES_MAX);
        let mut turns = self.line.turns();
        turns.take = (turns.take * (REMEMBERED - 1) + took) / REMEMBERED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use futures::poll;
    use std::pin::pin;
    use tokio::time::sleep;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn user(id: i64) -> UserId {
        UserId::try_from(id).unwrap()
    }

    async fn work(throttle: &Throttle, takes: Duration) -> Result<(), Error> {
        let _turn = throttle.turn(user(1), PATIENCE).await?;
        sleep(takes).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_work_they_have_an_eighth_of_the_time() {
        let throttle = Throttle::with_lines(1);
        let takes = Duration::from_millis(10);
        // Until it is known how long a turn takes.
        for _ in 0..200 {
            work(&throttle, takes).await.unwrap();
        }
        let begun = Instant::now();
        join_all((0..60).map(|_| work(&throttle, takes))).await.into_iter().collect::<Result<(), _>>().unwrap();
        let share = takes.as_secs_f64() * 60.0 / begun.elapsed().as_secs_f64();
        assert!((0.12..0.13).contains(&share), "{share}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_too_long_or_for_who_was_refused() {
        let throttle = Throttle::with_lines(1);
        let mut waiting = Box::pin(join_all((0..1_000).map(|_| throttle.turn(user(1), PATIENCE))));
        assert!(poll!(&mut waiting).is_pending());
        assert_eq!(waiting.await.iter().filter(|turn| turn.is_ok()).count(), 5_000 / 8 + 1);
        let begun = Instant::now();
        let refused = throttle.turn(user(1), Duration::ZERO).await.map(drop);
        assert_eq!(refused, Err(Error::RateLimited { retry_after: Duration::from_millis(8) }));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        work(&throttle, TAKES_MIN).await.unwrap();
    }

    /// A task that writes to a client who does not read does nothing else.
    #[tokio::test(start_paused = true)]
    async fn a_turn_that_nobody_takes_or_ends_keeps_nobody() {
        let throttle = Throttle::with_lines(1);
        let _held = throttle.turn(user(1), PATIENCE).await.unwrap();
        let waiting = pin!(throttle.turn(user(2), PATIENCE));
        assert!(poll!(waiting).is_pending());
        let begun = Instant::now();
        work(&throttle, TAKES_MIN).await.unwrap();
        assert_eq!(begun.elapsed().as_millis(), 8 + 8 + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn each_line_goes_on_by_itself() {
        let throttle = Throttle::with_lines(2);
        for id in [1, 2] {
            throttle.turn(user(id), Duration::ZERO).await.unwrap();
            throttle.turn(user(id), Duration::ZERO).await.unwrap_err();
        }
    }
}
