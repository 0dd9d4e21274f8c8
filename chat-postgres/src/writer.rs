//! Transactions. The rule: one that is not committed or rolled back by word takes its connection with it, so that an error or
//! a dropped future leaves nothing behind, neither in the database nor in the pool.

use crate::PgStorage;
use crate::failure::{Tries, Unfinished, is_lost};
use crate::locks::Locks;
use crate::statements::Transaction;
use chat_core::StorageError;
use chat_sql::{Done, Failure};
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};

/// What is done inside a transaction, with what it is about. It may be done again if the database undoes it.
pub(crate) type Work<A, T> = for<'t> fn(Transaction<'t>, &'t A) -> BoxFuture<'t, Done<T>>;

impl PgStorage {
    /// Does `work` in a transaction of its own, as often as it takes.
    pub(crate) async fn transact<A: Sync, T: Send>(
        &self,
        locks: Locks,
        about: &A,
        work: Work<A, T>,
    ) -> Result<T, StorageError> {
        Ok(self.persist(&locks, about, work).await?)
    }

    /// The same, telling whether it may have been done.
    pub(crate) async fn persist<A: Sync, T: Send>(
        &self,
        locks: &Locks,
        about: &A,
        work: Work<A, T>,
    ) -> Result<T, Unfinished<T>> {
        let mut tries = self.tries();
        loop {
            match self.attempt(locks, about, work).await {
                Err(Unfinished::Undone(error)) if tries.again(&error).await => {}
                result => return result,
            }
        }
    }

    pub(crate) fn tries(&self) -> Tries {
        Tries::for_at_most(self.patience)
    }

    async fn attempt<A: Sync, T: Send>(&self, locks: &Locks, about: &A, work: Work<A, T>) -> Result<T, Unfinished<T>> {
        let lasts_max = locks.lasts_max();
        let mut open = self.in_time(lasts_max, self.begin(locks)).await?;
        let transaction = Transaction { connection: open.connection()?, schema: &self.schema };
        match self.in_time(lasts_max, work(transaction, about)).await {
            Ok(value) => match self.in_time(lasts_max, open.commit()).await {
                Ok(()) => Ok(value),
                Err(error) if is_lost(&error) => Err(Unfinished::InDoubt(value, error)),
                Err(error) => Err(Unfinished::Undone(error)),
            },
            Err(failure) => {
                if let Failure::Refused(_) = failure {
                    self.in_time(lasts_max, open.roll_back()).await?;
                }
                Err(failure.into())
            }
        }
    }

    /// Begins a transaction and takes its locks, in one round trip.
    async fn begin(&self, locks: &Locks) -> sqlx::Result<Open> {
        // What is read after the locks must see what was committed before them, whatever the host's default is.
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED;\n{}{}", locks.bounds_sql(), locks.sql());
        let mut open = Open::on(self).await?;
        sqlx::raw_sql(self.schema.fill(&begin)).execute(open.connection()?).await?;
        Ok(open)
    }
}

/// A connection on which something is under way. Unless that ends well, nobody gets the connection after it.
struct Open(Option<PoolConnection<Postgres>>);

impl Open {
    async fn on(storage: &PgStorage) -> sqlx::Result<Self> {
        Ok(Self(Some(storage.pool.acquire().await?)))
    }

    fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.0.as_deref_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    async fn commit(self) -> sqlx::Result<()> {
        self.end("COMMIT").await
    }

    async fn roll_back(self) -> sqlx::Result<()> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, word: &'static str) -> sqlx::Result<()> {
        sqlx::raw_sql(word).execute(self.connection()?).await?;
        // Now others may have the connection.
        drop(self.0.take());
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.0 {
            connection.close_on_drop();
        }
    }
}
