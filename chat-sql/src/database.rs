//! What the shared steps ask of an adapter. The rule: SQL that both databases understand is written once, here or beside the
//! step that needs it; only what they say differently is a method of [`Transaction`].
//!
//! Portable SQL numbers its parameters `$1`, `$2` … and names a table with SQLite's word for the schema, as in
//! `main.users`; Postgres puts the name of its own schema in that place.

use crate::timeline::{Sending, Step, Stored, Wanted};
use crate::{Columns, Dialect, Done, Fields};
use async_trait::async_trait;
use chat_core::{ConversationId, Message, MessageId, Role, Seq, Timestamp, UserId, Username};
use sea_query::{
    DeleteStatement, InsertStatement, PostgresQueryBuilder, SelectStatement, SqliteQueryBuilder, UpdateStatement,
    Values,
};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::borrow::Cow;

/// Reads one row from left to right.
pub type Decode<T> = fn(&mut Fields<'_>) -> sqlx::Result<T>;

/// Runs statements, inside a transaction or each on its own.
#[async_trait]
pub trait Database: Send {
    /// Which of the two it is.
    const DIALECT: Dialect;
    /// A row as its driver hands it over.
    type Row: Columns + Send;

    /// Runs a statement and returns its rows.
    async fn rows(&mut self, sql: Cow<'static, str>, values: Values) -> Done<Vec<Self::Row>>;

    /// Runs a statement and returns how many rows it touched.
    async fn touch(&mut self, sql: Cow<'static, str>, values: Values) -> Done<u64>;

    /// Runs a statement and returns how many rows it touched.
    async fn execute<S: Statement>(&mut self, statement: S) -> Done<u64> {
        let (sql, values) = statement.build(Self::DIALECT);
        self.touch(sql, values).await
    }

    /// Runs a statement and decodes the row it returns, if any.
    async fn find<T: Send, S: Statement>(&mut self, statement: S, decode: Decode<T>) -> Done<Option<T>> {
        let (sql, values) = statement.build(Self::DIALECT);
        let rows = self.rows(sql, values).await?;
        Ok(rows.first().map(|row| decode(&mut Fields::of(row))).transpose()?)
    }

    /// Runs a statement that returns a row, and decodes it.
    async fn fetch<T: Send, S: Statement>(&mut self, statement: S, decode: Decode<T>) -> Done<T> {
        Ok(self.find(statement, decode).await?.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// Runs a statement and decodes the rows it returns.
    async fn list<T: Send, S: Statement>(&mut self, statement: S, decode: Decode<T>) -> Done<Vec<T>> {
        let (sql, values) = statement.build(Self::DIALECT);
        let rows = self.rows(sql, values).await?;
        Ok(rows.iter().map(|row| decode(&mut Fields::of(row))).collect::<sqlx::Result<_>>()?)
    }
}

/// An open transaction with the right to write: what the two databases say differently, since only one of them has arrays,
/// sequences and writers side by side.
#[async_trait]
pub trait Transaction: Database {
    /// Draws the next id of users and conversations.
    async fn draw_id(&mut self) -> Done<i64>;

    /// Draws the next place in the order of activity.
    async fn draw_activity(&mut self) -> Done<i64>;

    /// Finds the names of users who are not deleted, each once, in the order named.
    async fn name_all(&mut self, named: &[UserId]) -> Done<Vec<(UserId, Option<Username>)>>;

    /// How many conversations that one of these users is in who is in the most.
    async fn most_memberships(&mut self, users: &[UserId]) -> Done<i64>;

    /// Brings in newcomers in this order; all that was said before is read to them.
    async fn insert_members(
        &mut self,
        conversation: ConversationId,
        newcomers: &[(UserId, Role)],
        at: Timestamp,
    ) -> Done<()>;

    /// Reads what the rules need to know of each message to be sent, in their order.
    async fn facts(&mut self, sendings: &[Sending<'_>]) -> Done<Vec<crate::timeline::Fact>>;

    /// Finds messages by their ids, in any order.
    async fn messages(&mut self, ids: &[MessageId]) -> Done<Vec<Message>>;

    /// Stores new messages, and how far their conversations have come by them.
    async fn insert_messages(&mut self, stored: &Stored) -> Done<()>;

    /// Finds where messages stand that users say they have read, and where their marks stand now. Leaves out what the user
    /// does not see.
    async fn standings(&mut self, wanted: &[Wanted]) -> Done<Vec<(Wanted, Step)>>;

    /// Moves read marks.
    async fn move_marks(&mut self, marks: &[(UserId, ConversationId, MessageId, Seq)]) -> Done<()>;
}

/// Something that becomes SQL with its values bound.
pub trait Statement: Send {
    /// The text and the values.
    fn build(self, dialect: Dialect) -> (Cow<'static, str>, Values);
}

impl Statement for (&'static str, Values) {
    fn build(self, _: Dialect) -> (Cow<'static, str>, Values) {
        (self.0.into(), self.1)
    }
}

impl Statement for (String, Values) {
    fn build(self, _: Dialect) -> (Cow<'static, str>, Values) {
        (self.0.into(), self.1)
    }
}

macro_rules! statements {
    ($($statement:ident)+) => {$(
        impl Statement for &$statement {
            fn build(self, dialect: Dialect) -> (Cow<'static, str>, Values) {
                let (sql, values) = match dialect {
                    Dialect::Sqlite => $statement::build(self, SqliteQueryBuilder),
                    Dialect::Postgres => $statement::build(self, PostgresQueryBuilder),
                };
                (sql.into(), values)
            }
        }
    )+};
}

statements!(SelectStatement InsertStatement UpdateStatement DeleteStatement);

/// A text as sqlx takes it. Values are always bound, never part of it.
#[must_use]
pub fn text(sql: Cow<'static, str>) -> SqlStr {
    match sql {
        Cow::Borrowed(sql) => sql.into_sql_str(),
        Cow::Owned(sql) => AssertSqlSafe(sql).into_sql_str(),
    }
}

/// A portable statement with its values.
#[macro_export]
macro_rules! sql {
    ($text:expr $(, $value:expr)* $(,)?) => {
        ($text, sea_query::Values(vec![$(sea_query::Value::from($value)),*]))
    };
}
