//! Why a part of the work did not get done. The rule: a refusal concerns one change, a broken database all of them.

use chat_core::StorageError;

/// What became of one step.
pub type Done<T> = Result<T, Failure>;

/// Why a step was not done.
#[derive(Debug)]
pub enum Failure {
    /// The rules say no.
    Refused(StorageError),
    /// The database did not do as it was told.
    Broken(sqlx::Error),
}

impl From<StorageError> for Failure {
    fn from(refusal: StorageError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Broken(error) => Self::Unavailable(match trouble(&error) {
                Some(sentence) => Box::new(Trouble { sentence, source: error }),
                None => error.into(),
            }),
        }
    }
}

/// What whoever runs the server can do something about, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}: {source}")]
struct Trouble {
    sentence: &'static str,
    source: sqlx::Error,
}

const FULL: &str = "the disk is full";

/// Tells by the code: a primary result code of SQLite, <https://www.sqlite.org/rescode.html>, or an SQLSTATE of Postgres.
fn trouble(error: &sqlx::Error) -> Option<&'static str> {
    let code = error.as_database_error()?.code()?;
    if code == "53100" {
        return Some(FULL);
    }
    // Those of SQLite are shorter, even with the details in their upper bytes.
    match code.parse::<u32>().ok().filter(|_| code.len() < 5)? & 0xff {
        13 => Some(FULL),
        10 => Some("the disk cannot be read or written, or its files may not grow"),
        8 => Some("the database or its disk is read-only"),
        _ => None,
    }
}

/// Tells a refusal, which is a result, from a failure, which ends the whole transaction.
///
/// # Errors
/// The failure.
pub fn settle<T>(done: Done<T>) -> Done<Result<T, StorageError>> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        Err(broken) => Err(broken),
    }
}
