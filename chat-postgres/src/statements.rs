//! Runs statements. The rule: every text gets its schema here.

use crate::PgStorage;
use crate::locks::ANSWER_LASTS_MAX;
use crate::open::PATIENCE;
use crate::schema::Schema;
use crate::silence::Silence;
use async_trait::async_trait;
use chat_sql::{Database, Decode, Dialect, Done, Fields};
use sea_query::Values;
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Connection, PgConnection, Postgres};
use std::borrow::Cow;
use tokio::time::{Instant, timeout};

/// A connection on which a transaction is open.
pub(crate) struct Transaction<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) schema: &'c Schema,
}

/// Statements each on its own, on any connection; they read, or can be repeated without harm.
pub(crate) struct Alone<'s>(pub(crate) &'s PgStorage);

/// A connection lent to one statement. If that is given up, as when a client hangs up, the next one gets the connection once
/// the server has dealt with it: a new connection costs more than most statements. One that stays silent is closed.
struct Lent {
    connection: Option<PoolConnection<Postgres>>,
    since: Instant,
    silence: Silence,
}

impl Lent {
    async fn by(storage: &PgStorage) -> sqlx::Result<Self> {
        let connection = Some(storage.pool.acquire().await?);
        Ok(Self { connection, since: Instant::now(), silence: storage.silence.clone() })
    }

    fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !self.silence.is_over_for(self.since.elapsed()) {
            // The server has been silent since, and would be again.
            return connection.close_on_drop();
        }
        tokio::spawn(async move {
            if !matches!(timeout(PATIENCE, connection.ping()).await, Ok(Ok(()))) {
                connection.close_on_drop();
            }
        });
    }
}

#[async_trait]
impl Database for Transaction<'_> {
    const DIALECT: Dialect = Dialect::Postgres;
    type Row = PgRow;

    async fn rows(&mut self, sql: Cow<'static, str>, values: Values) -> Done<Vec<PgRow>> {
        let query = sqlx::query_with(self.schema.fill(&sql), SqlxValues(values));
        Ok(query.fetch_all(&mut *self.connection).await?)
    }

    async fn touch(&mut self, sql: Cow<'static, str>, values: Values) -> Done<u64> {
        let query = sqlx::query_with(self.schema.fill(&sql), SqlxValues(values));
        Ok(query.execute(&mut *self.connection).await?.rows_affected())
    }
}

/// With lists as arrays, which `chat_sql` does not know.
impl Transaction<'_> {
    pub(crate) fn query<'q>(&self, sql: &str) -> sqlx::query::Query<'q, Postgres, PgArguments> {
        sqlx::query(self.schema.fill(sql))
    }

    pub(crate) async fn run(&mut self, query: sqlx::query::Query<'_, Postgres, PgArguments>) -> Done<()> {
        query.execute(&mut *self.connection).await?;
        Ok(())
    }

    pub(crate) async fn read<T>(
        &mut self,
        query: sqlx::query::Query<'_, Postgres, PgArguments>,
        decode: Decode<T>,
    ) -> Done<Vec<T>> {
        let rows = query.fetch_all(&mut *self.connection).await?;
        Ok(rows.iter().map(|row| decode(&mut Fields::of(row))).collect::<sqlx::Result<_>>()?)
    }
}

#[async_trait]
impl Database for Alone<'_> {
    const DIALECT: Dialect = Dialect::Postgres;
    type Row = PgRow;

    async fn rows(&mut self, sql: Cow<'static, str>, values: Values) -> Done<Vec<PgRow>> {
        let sql = self.0.schema.fill(&sql);
        let mut tries = self.0.tries();
        loop {
            let query = sqlx::query_with(sql.clone(), SqlxValues(values.clone()));
            let read = async {
                let mut lent = Lent::by(self.0).await?;
                let rows = query.fetch_all(lent.connection()?).await?;
                lent.give_back();
                Ok(rows)
            };
            match self.0.in_time(ANSWER_LASTS_MAX, read).await {
                Err(error) if tries.again(&error).await => {}
                result => return Ok(result?),
            }
        }
    }

    async fn touch(&mut self, sql: Cow<'static, str>, values: Values) -> Done<u64> {
        let sql = self.0.schema.fill(&sql);
        let mut tries = self.0.tries();
        loop {
            let query = sqlx::query_with(sql.clone(), SqlxValues(values.clone()));
            let touch = async {
                let mut lent = Lent::by(self.0).await?;
                let touched = query.execute(lent.connection()?).await?.rows_affected();
                lent.give_back();
                Ok(touched)
            };
            match self.0.in_time(ANSWER_LASTS_MAX, touch).await {
                Err(error) if tries.again(&error).await => {}
                result => return Ok(result?),
            }
        }
    }
}
