//! Looking at a database without changing it. The rule: it is one transaction that may only read.

use crate::migrate::{self, Content, TABLE};
use crate::open::{OpenError, PATIENCE};
use crate::{PgSettings, Schema};
use chat_sql::found::Misfit;
use chat_sql::{Found, found};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

impl PgSettings {
    /// Tells what opening would find, and leaves it as it is.
    ///
    /// # Errors
    /// What opening would fail with.
    pub async fn inspect(&self) -> Result<Found, OpenError> {
        let place = self.place();
        let unavailable = |source| place.refusal(source);
        let server = self.server.clone().disable_statement_logging();
        let mut connection = match tokio::time::timeout(PATIENCE, server.connect()).await {
            Ok(connection) => connection.map_err(unavailable)?,
            Err(_) => return Err(unavailable(sqlx::Error::PoolTimedOut)),
        };
        let mut transaction = connection.begin_with("BEGIN READ ONLY").await.map_err(unavailable)?;
        if migrate::encoding(&mut transaction).await.map_err(unavailable)? != "UTF8" {
            return Err(OpenError::Encoding { place });
        }
        match migrate::content(&mut transaction, &self.schema).await.map_err(unavailable)? {
            Content::Missing | Content::Empty => Ok(Found::Nothing),
            Content::Foreign => Err(OpenError::Foreign { place, schema: self.schema.name().to_owned() }),
            Content::Ours => {
                let applied = applied(&mut transaction, &self.schema).await.map_err(unavailable)?;
                found::compare(&migrate::MIGRATOR, &applied).map_err(|misfit| match misfit {
                    Misfit::Newer => OpenError::Newer { place },
                    Misfit::Altered => OpenError::Altered { place },
                })
            }
        }
    }
}

async fn applied(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    let applied = format!("SELECT version, checksum FROM \"{}\".{TABLE}", schema.name());
    sqlx::query_as(AssertSqlSafe(applied)).fetch_all(connection).await
}
