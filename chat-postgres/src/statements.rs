//! Runs statements. The rule: every text gets its schema here.

use crate::PgStorage;
use crate::locks::ANSWER_LASTS_MAX;
use crate::schema::Schema;
use crate::writer::Open;
use async_trait::async_trait;
use chat_sql::{Database, Decode, Dialect, Done, Fields};
use sea_query::Values;
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{PgConnection, Postgres};
use std::borrow::Cow;

/// A connection on which a transaction is open.
pub(crate) struct Transaction<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) schema: &'c Schema,
}

/// Statements each on its own, on any connection; they read, or can be repeated without harm. A connection on which one was
/// given up is closed: the pool would ask whether it is alive, and wait for the answer without end.
pub(crate) struct Alone<'s>(pub(crate) &'s PgStorage);

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
                let mut open = Open::on(self.0).await?;
                let rows = query.fetch_all(open.connection()?).await?;
                open.release();
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
                let mut open = Open::on(self.0).await?;
                let touched = query.execute(open.connection()?).await?.rows_affected();
                open.release();
                Ok(touched)
            };
            match self.0.in_time(ANSWER_LASTS_MAX, touch).await {
                Err(error) if tries.again(&error).await => {}
                result => return Ok(result?),
            }
        }
    }
}
