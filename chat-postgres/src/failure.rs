//! What an error says about the work it ended. The rule: what certainly was not done is tried again for a while, whatever
//! else went wrong; what may have been done is tried again only where that does no harm.

use chat_core::StorageError;
use chat_sql::Failure;
use std::time::Duration;
use tokio::time::Instant;

/// Pause before the second try; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(2);
/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Why a transaction did not end as it should.
#[derive(Debug)]
pub(crate) enum Unfinished<T> {
    /// The rules say no; nothing was done.
    Refused(StorageError),
    /// The database failed before it was told to commit; nothing was done.
    Undone(sqlx::Error),
    /// The connection was lost between the order to commit and the answer. The value holds if it was carried out.
    InDoubt(T, sqlx::Error),
}

impl<T> From<Failure> for Unfinished<T> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::Broken(error) => Self::Undone(error),
        }
    }
}

impl<T> From<sqlx::Error> for Unfinished<T> {
    fn from(error: sqlx::Error) -> Self {
        Self::Undone(error)
    }
}

impl<T> From<Unfinished<T>> for StorageError {
    fn from(unfinished: Unfinished<T>) -> Self {
        match unfinished {
            Unfinished::Refused(refusal) => refusal,
            Unfinished::Undone(error) | Unfinished::InDoubt(_, error) => Self::Unavailable(error.into()),
        }
    }
}

/// How long and how often to try.
#[derive(Debug)]
pub(crate) struct Tries {
    deadline: Instant,
    pause: Duration,
}

impl Tries {
    pub(crate) fn for_at_most(patience: Duration) -> Self {
        Self { deadline: Instant::now() + patience, pause: PAUSE }
    }

    /// Whether to try again after this error; if so, once a moment has passed.
    pub(crate) async fn again(&mut self, error: &sqlx::Error) -> bool {
        if !is_conflict(error) && !is_lost(error) || Instant::now() > self.deadline {
            return false;
        }
        tracing::debug!(%error, "trying again");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}

// Codes of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

/// Two transactions were in each other's way, and Postgres has undone this one.
fn is_conflict(error: &sqlx::Error) -> bool {
    const SERIALIZATION_FAILURE: &str = "40001";
    const DEADLOCK: &str = "40P01";
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    has_code(error, |code| [SERIALIZATION_FAILURE, DEADLOCK, LOCK_NOT_AVAILABLE].contains(&code))
}

/// The connection is gone, or leads to a server that is going, coming, or no longer the one that writes.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    const READ_ONLY: &str = "25006";
    const IDLE_IN_TRANSACTION: &str = "25P03";
    const TOO_MANY_CONNECTIONS: &str = "53300";
    let is_network = matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed);
    is_network
        || has_code(error, |code| {
            [READ_ONLY, IDLE_IN_TRANSACTION, TOO_MANY_CONNECTIONS].contains(&code)
                || code.starts_with("08")
                || code.starts_with("57P")
        })
}

fn has_code(error: &sqlx::Error, is_one: impl Fn(&str) -> bool) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| is_one(&code))
}
