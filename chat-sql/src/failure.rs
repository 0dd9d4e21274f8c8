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
            Failure::Broken(error) => Self::Unavailable(error.into()),
        }
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
