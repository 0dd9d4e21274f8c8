//! Runs statements. The rule: what reads goes to the readers, what writes to the writer's transaction.

use crate::writer::Transaction;
use async_trait::async_trait;
use chat_sql::{Database, Dialect, Done, text};
use sea_query::Values;
use sea_query_sqlx::SqlxValues;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;
use std::borrow::Cow;

/// The connections that read, each statement on its own.
pub(crate) struct Readers<'r>(pub(crate) &'r SqlitePool);

#[async_trait]
impl Database for Readers<'_> {
    const DIALECT: Dialect = Dialect::Sqlite;
    type Row = SqliteRow;

    async fn rows(&mut self, sql: Cow<'static, str>, values: Values) -> Done<Vec<SqliteRow>> {
        Ok(sqlx::query_with(text(sql), SqlxValues(values)).fetch_all(self.0).await?)
    }

    async fn touch(&mut self, sql: Cow<'static, str>, values: Values) -> Done<u64> {
        Ok(sqlx::query_with(text(sql), SqlxValues(values)).execute(self.0).await?.rows_affected())
    }
}

#[async_trait]
impl Database for Transaction<'_> {
    const DIALECT: Dialect = Dialect::Sqlite;
    type Row = SqliteRow;

    async fn rows(&mut self, sql: Cow<'static, str>, values: Values) -> Done<Vec<SqliteRow>> {
        Ok(sqlx::query_with(text(sql), SqlxValues(values)).fetch_all(&mut **self).await?)
    }

    async fn touch(&mut self, sql: Cow<'static, str>, values: Values) -> Done<u64> {
        Ok(sqlx::query_with(text(sql), SqlxValues(values)).execute(&mut **self).await?.rows_affected())
    }
}
