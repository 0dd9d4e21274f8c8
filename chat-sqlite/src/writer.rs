//! The one connection that writes. The rule: a transaction that is not committed or rolled back by word takes its connection
//! with it, so that an error or a dropped future leaves nothing behind, neither in the file nor in the next transaction.

use crate::Done;
use crate::open::connect;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use std::ops::{Deref, DerefMut};
use tokio::sync::{Mutex, MutexGuard};

#[derive(Debug)]
pub(crate) struct Writer {
    options: SqliteConnectOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Connected(SqliteConnection),
    Lost,
    Closed,
}

impl Writer {
    pub(crate) fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self { options, state: Mutex::new(State::Connected(connection)) }
    }

    /// Waits for its turn and begins a transaction that holds the right to write from the start.
    pub(crate) async fn begin(&self) -> Done<Transaction<'_>> {
        let mut transaction = self.acquire().await?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// Moves the write-ahead log into the file and cuts it.
    pub(crate) async fn checkpoint(&self) -> Done<()> {
        let mut connection = self.acquire().await?;
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await?;
        connection.give_back();
        if busy == 0 { Ok(()) } else { Err(sqlx::Error::Protocol("a reader is in the way".into()).into()) }
    }

    pub(crate) async fn close(&self) {
        let state = std::mem::replace(&mut *self.state.lock().await, State::Closed);
        if let State::Connected(connection) = state
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed properly");
        }
    }

    /// Takes the connection out of its place; whoever does not give it back leaves the place empty.
    async fn acquire(&self) -> Done<Transaction<'_>> {
        let mut place = self.state.lock().await;
        let connection = match std::mem::replace(&mut *place, State::Lost) {
            State::Connected(connection) => connection,
            State::Lost => connect(&self.options).await?,
            State::Closed => {
                *place = State::Closed;
                return Err(sqlx::Error::PoolClosed.into());
            }
        };
        Ok(Transaction { place, connection })
    }
}

/// A transaction with the right to write.
#[derive(Debug)]
pub(crate) struct Transaction<'w> {
    place: MutexGuard<'w, State>,
    connection: SqliteConnection,
}

impl Transaction<'_> {
    /// Makes all of it durable.
    pub(crate) async fn commit(mut self) -> Done<()> {
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        self.give_back();
        Ok(())
    }

    /// Undoes all of it. Dropping does so, too, at the price of a new connection.
    pub(crate) async fn roll_back(mut self) -> Done<()> {
        sqlx::query("ROLLBACK").execute(&mut self.connection).await?;
        self.give_back();
        Ok(())
    }

    fn give_back(self) {
        let Self { mut place, connection } = self;
        *place = State::Connected(connection);
    }
}

impl Deref for Transaction<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use crate::SqliteStorage;
    use chat_core::{StorageError, Timestamp, UserStorage};
    use sqlx::Connection;

    /// Ends the connection as an abandoned transaction does, and waits until it has ended.
    async fn lose_connection(writer: &super::Writer) {
        let super::Transaction { connection, place } = writer.acquire().await.unwrap();
        connection.close().await.unwrap();
        drop(place);
    }

    /// SQLite ends the transaction by itself when the disk is full; nothing may wait for it to be ended again.
    #[tokio::test]
    async fn a_full_disk_costs_the_transaction_and_nothing_more() {
        let directory = tempfile::tempdir().unwrap();
        let storage = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
        let mut transaction = storage.writer.begin().await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut *transaction).await.unwrap();
        let filling =
            "CREATE TABLE filling AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)
            SELECT i, 'words to fill a disk with' FROM n";
        let error = sqlx::query(filling).execute(&mut *transaction).await.unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");
        drop(transaction);

        storage.put_last_online(&[1.try_into().unwrap()], Timestamp(1)).await.unwrap();
        storage.close().await;
    }

    #[tokio::test]
    async fn a_file_that_is_gone_is_not_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (directory.path().join("chat.db"), directory.path().join("elsewhere.db"));
        let storage = SqliteStorage::open(&path).await.unwrap();
        lose_connection(&storage.writer).await;
        std::fs::rename(&path, &elsewhere).unwrap();

        let error = storage.put_last_online(&[], Timestamp(1)).await.unwrap_err();
        assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
        assert!(!path.exists());

        std::fs::rename(&elsewhere, &path).unwrap();
        storage.put_last_online(&[], Timestamp(1)).await.unwrap();
        storage.close().await;
    }

    #[tokio::test]
    async fn an_abandoned_transaction_is_undone() {
        let directory = tempfile::tempdir().unwrap();
        let storage = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
        let mut transaction = storage.writer.begin().await.unwrap();
        sqlx::query("UPDATE counters SET last_id = 100").execute(&mut *transaction).await.unwrap();
        drop(transaction);

        let mut transaction = storage.writer.begin().await.unwrap();
        let last_id: i64 =
            sqlx::query_scalar("SELECT last_id FROM counters").fetch_one(&mut *transaction).await.unwrap();
        assert_eq!(last_id, 0);
        transaction.roll_back().await.unwrap();
        storage.close().await;
    }
}
