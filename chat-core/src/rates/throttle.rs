//! The line in which those wait who ask for much. The rule: one after the other, and after each a rest of some times what it took,
//! so that all of them together have a small share of the machine, however many wait; where nobody waits, nobody is kept.

use crate::limits::TURN_WAIT_MAX;
use crate::{Error, UserId};
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until, timeout};

/// The rest after a turn, in times of what it took: an eighth of a core is theirs.
const REST: u32 = 7;
/// The longest rest: whatever takes so long waits for something that a rest makes no faster.
const REST_MAX: Duration = Duration::from_millis(100);

/// A line for each core, among which users are divided.
pub(super) struct Throttle {
    /// When the next turn in each may begin.
    lines: Vec<Mutex<Instant>>,
}

/// A turn, until it is dropped.
pub(crate) struct Turn<'t> {
    next: MutexGuard<'t, Instant>,
    began: Instant,
}

impl Throttle {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { lines: (0..cores).map(|_| Mutex::new(Instant::now())).collect() }
    }

    /// Waits for a user's turn.
    ///
    /// # Errors
    /// [`Error::RateLimited`] after [`TURN_WAIT_MAX`].
    pub(super) async fn turn(&self, user: UserId) -> Result<Turn<'_>, Error> {
        let line = user.get().unsigned_abs() as usize % self.lines.len();
        let waiting = async {
            let next = self.lines[line].lock().await;
            sleep_until(*next).await;
            Turn { next, began: Instant::now() }
        };
        timeout(TURN_WAIT_MAX, waiting).await.map_err(|_| Error::RateLimited { retry_after: TURN_WAIT_MAX })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.next = Instant::now() + (self.began.elapsed() * REST).min(REST_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::poll;
    use std::pin::pin;
    use tokio::time::sleep;

    fn user(id: i64) -> UserId {
        UserId::try_from(id).unwrap()
    }

    fn throttle() -> Throttle {
        Throttle { lines: vec![Mutex::new(Instant::now())] }
    }

    /// Takes a turn for so long, and tells how long that had to wait.
    async fn work(throttle: &Throttle, millis: u64) -> u64 {
        let begun = Instant::now();
        let _turn = throttle.turn(user(1)).await.unwrap();
        let waited = begun.elapsed();
        sleep(Duration::from_millis(millis)).await;
        waited.as_millis().try_into().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_work_an_eighth_of_the_time() {
        let throttle = throttle();
        let waited = futures::join!(work(&throttle, 2), work(&throttle, 4), work(&throttle, 3_000), work(&throttle, 1));
        assert_eq!(waited, (0, 2 + 14, 16 + 4 + 28, 48 + 3_000 + 100));
        // Who comes when the rest is over does not wait.
        sleep(Duration::from_millis(7)).await;
        assert_eq!(work(&throttle, 1).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let throttle = throttle();
        let turn = throttle.turn(user(1)).await.unwrap();
        let begun = Instant::now();
        let refused = throttle.turn(user(2)).await.map(drop);
        assert_eq!(refused, Err(Error::RateLimited { retry_after: TURN_WAIT_MAX }));
        assert_eq!(begun.elapsed(), TURN_WAIT_MAX);
        drop(turn);
        sleep(REST_MAX).await;
        assert_eq!(work(&throttle, 1).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_lets_the_next_one_in() {
        let throttle = throttle();
        drop(throttle.turn(user(1)).await.unwrap());
        let turn = throttle.turn(user(1)).await.unwrap();
        {
            let waiting = pin!(throttle.turn(user(2)));
            assert!(poll!(waiting).is_pending());
            drop(turn);
        }
        assert_eq!(work(&throttle, 1).await, 0);
    }
}
