//! What the two SQL adapters share: table names, everyday statements, and the order of the steps of each change. The rule:
//! what both databases understand is written once, here; each adapter writes the hot statements (append, unread counts,
//! history) by hand in its own dialect. No driver is named here.

pub mod blocks;
pub mod codes;
pub mod contacts;
pub mod conversations;
mod database;
mod failure;
pub mod fields;
pub mod found;
pub mod logins;
mod reads;
pub mod tables;
pub mod timeline;
pub mod users;

pub use database::{Database, Decode, Statement, Transaction, text};
pub use failure::{Done, Failure, settle};
pub use fields::{Columns, Fields};
pub use found::Found;

use sea_query::{Expr, ExprTrait, Func};

/// What the two databases call differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// Postgres.
    Postgres,
}

impl Dialect {
    /// Whether `text` holds `term`, every character of which is taken literally.
    fn contains(self, text: impl Into<Expr>, term: &str) -> Expr {
        let position = match self {
            Self::Sqlite => "instr",
            Self::Postgres => "strpos",
        };
        Func::cust(position).arg(text).arg(term).gt(0)
    }
}

/// One more than `limit`, so that [`Page::cut`](chat_core::Page::cut) learns whether there is more.
#[must_use]
pub fn one_more(limit: u32) -> u64 {
    u64::from(limit) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use chat_core::Search;
    use sea_query::{PostgresQueryBuilder, SqliteQueryBuilder};

    #[test]
    fn a_search_binds_its_folded_term_in_both_dialects() {
        let term = Search::try_from("Ä_%".to_owned()).unwrap();
        let (sqlite, values) = users::list(Dialect::Sqlite, Some(&term), None, 10).build(SqliteQueryBuilder);
        assert!(sqlite.contains(r#"instr("users"."username_key", ?) > ?"#), "{sqlite}");
        assert!(values.0.contains(&"ä_%".into()), "{values:?}");
        let (postgres, _) = users::list(Dialect::Postgres, Some(&term), None, 10).build(PostgresQueryBuilder);
        assert!(postgres.contains(r#"strpos("users"."username_key", $2) > $3"#), "{postgres}");
    }

    #[test]
    fn a_page_asks_for_one_more_than_it_holds() {
        let (_, values) = users::list(Dialect::Sqlite, None, None, 10).build(SqliteQueryBuilder);
        assert_eq!(values.0.last(), Some(&11_u64.into()));
    }
}
