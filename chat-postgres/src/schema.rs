//! Where the tables are. The rule: every statement names the schema, so that nothing depends on a search path, which belongs
//! to the host.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Bytes in a name that Postgres does not cut (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>, 4.1.1).
const NAME_BYTES_MAX: usize = 63;

/// The name of a schema: lower-case ASCII letters, digits and `_`, not beginning with a digit, at most 63.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    name: String,
    prefix: String,
}

impl Schema {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts the schema into the place that `chat_sql` and the migrations keep for it.
    pub(crate) fn fill(&self, sql: &str) -> SqlStr {
        let filled = sql.replace("\"main\".", &self.prefix).replace("main.", &self.prefix);
        AssertSqlSafe(filled).into_sql_str()
    }
}

impl Default for Schema {
    /// `chat`.
    fn default() -> Self {
        Self { name: "chat".into(), prefix: "\"chat\".".into() }
    }
}

impl std::str::FromStr for Schema {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts_well = name.starts_with(|c: char| !c.is_ascii_digit());
        if !starts_well || !name.chars().all(is_allowed) || name.len() > NAME_BYTES_MAX {
            return Err("a schema's name consists of at most 63 lower-case letters, digits and '_'".into());
        }
        Ok(Self { name: name.into(), prefix: format!("\"{name}\".") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_takes_its_place_in_both_kinds_of_text() {
        let schema: Schema = "user".parse().unwrap();
        assert_eq!(schema.fill("SELECT users.id FROM main.users").as_str(), r#"SELECT users.id FROM "user".users"#);
        assert_eq!(schema.fill(r#"SELECT * FROM "main"."users""#).as_str(), r#"SELECT * FROM "user"."users""#);
        assert_eq!(schema.fill("nextval('main.ids')").as_str(), r#"nextval('"user".ids')"#);
    }

    #[test]
    fn a_name_that_would_need_quoting_of_its_own_is_refused() {
        for name in ["", "1st", "Chat", "a-b", "a\"b", "a'b", &"a".repeat(64)] {
            assert!(name.parse::<Schema>().is_err(), "{name:?}");
        }
        assert!("chat_2".parse::<Schema>().is_ok());
    }
}
