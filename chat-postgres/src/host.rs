//! Changes inside a transaction of the host. The rule: the transaction carries the change and the news of it together, so that
//! it is announced if, and only if, it is committed, whatever becomes of the process afterwards.

use crate::PgStorage;
use crate::link::PAYLOAD_BYTES_MAX;
use crate::locks::Locks;
use crate::statements::Transaction;
use chat_core::{Appended, Change, StorageError, link};
use chat_sql::timeline;
use sqlx::Postgres;

impl PgStorage {
    /// Stores a change in a transaction of the host, beside whatever else the host stores in it. Once it is committed, every
    /// node that has a [`PgLink`](crate::PgLink) announces it to its sessions, this one too, in order with all others; also if
    /// this process dies meanwhile. Rolled back, it has never been.
    ///
    /// * The transaction must be one on the database of this storage, as from [`pool`](Self::pool) or the host's own pool.
    /// * A change that is refused leaves no trace, and the transaction can go on. After
    ///   [`Unavailable`](StorageError::Unavailable), and after this future is dropped, it must be rolled back.
    /// * From here to its end, the transaction keeps everyone else from writing to the conversation. So this is best done
    ///   last, and with nothing slow behind it. Two transactions that change several conversations in different orders can
    ///   stand in each other's way; Postgres then ends one, and the host begins it anew, as it does after a serialization
    ///   failure at a higher isolation level.
    /// * Committing it takes its turn with other transactions that tell something: `NOTIFY` has one queue.
    ///
    /// # Errors
    /// As [`Timeline::append`](chat_core::Timeline::append).
    pub async fn append_in_tx(
        &self,
        transaction: &mut sqlx::Transaction<'_, Postgres>,
        change: &Change,
    ) -> Result<Appended, StorageError> {
        let appended = self.store_in(transaction, change).await?;
        for payload in link::payloads_of(&change.action, &appended, PAYLOAD_BYTES_MAX) {
            sqlx::query("SELECT pg_notify($1, $2)")
                .bind(self.channel())
                .bind(String::from_utf8_lossy(&payload).as_ref())
                .execute(&mut **transaction)
                .await
                .map_err(unavailable)?;
        }
        Ok(appended)
    }

    /// The connections of this storage, for transactions of the host.
    #[must_use]
    pub fn pool(&self) -> &sqlx::PgPool {
        &self.pool
    }

    async fn store_in(
        &self,
        transaction: &mut sqlx::Transaction<'_, Postgres>,
        change: &Change,
    ) -> Result<Appended, StorageError> {
        let batch = std::slice::from_ref(change);
        let locks = Locks::of(batch).sql();
        sqlx::raw_sql(self.schema.fill(&locks)).execute(&mut **transaction).await.map_err(unavailable)?;
        let mut open = Transaction { connection: transaction, schema: &self.schema };
        let results = timeline::store(&mut open, batch).await.map_err(StorageError::from)?;
        results.into_iter().next().unwrap_or(Err(StorageError::NotFound("change")))
    }
}

fn unavailable(error: sqlx::Error) -> StorageError {
    StorageError::Unavailable(error.into())
}
