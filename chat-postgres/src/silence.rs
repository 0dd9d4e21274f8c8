//! Servers that fall silent, as when one is replaced and its old connections lead nowhere. The rule: whatever is asked of a
//! server is given up in time, and no connection from before that is used again: each would cost as long a wait.

use crate::PgStorage;
use crate::locks::ANSWER_LASTS_MAX;
use crate::open::PATIENCE;
use sqlx::{ConnectOptions, Connection};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// When something was given up last. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Silence(Arc<Mutex<Option<Instant>>>);

impl Silence {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of this age was made after it.
    pub(crate) fn is_over_for(&self, age: Duration) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_none_or(|since| age < since.elapsed())
    }
}

impl PgStorage {
    /// Ends what a server does not answer, as when it is cut off: nothing else would tell. What may take longer than any answer
    /// goes on only while the server is found alive.
    pub(crate) async fn in_time<T, E: From<sqlx::Error>>(
        &self,
        lasts_max: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let (begun, mut work) = (Instant::now(), pin!(work));
        loop {
            match timeout(ANSWER_LASTS_MAX, &mut work).await {
                Ok(result) => return result,
                Err(_) if begun.elapsed() < lasts_max && self.is_alive().await => {}
                Err(elapsed) => {
                    self.silence.note();
                    return Err(sqlx::Error::Io(elapsed.into()).into());
                }
            }
        }
    }

    /// Whether the server lets anyone in, and answers.
    async fn is_alive(&self) -> bool {
        let asked = async { self.pool.connect_options().connect().await?.ping().await };
        matches!(timeout(PATIENCE, asked).await, Ok(Ok(())))
    }
}
