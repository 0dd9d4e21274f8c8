//! Brings the tables up to date. The rule: all of it happens in one transaction that has the right to write from its start,
//! so that programs which start at once do it one after the other, and one that is killed has done nothing.

use crate::open::{OpenError, refusal};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!();

/// `application_id` of a file of ours, as the first migration sets it.
const APPLICATION_ID: i64 = 0x6368_6174;

pub(crate) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let unavailable = |error| refusal(error, path);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    if !is_ours_or_empty(&mut transaction).await.map_err(unavailable)? {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    MIGRATOR.run_direct(None, &mut *transaction, false).await.map_err(|error| meaning(error, path))?;
    transaction.commit().await.map_err(unavailable)
}

pub(crate) async fn is_ours_or_empty(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    let id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    let is_empty: bool =
        sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)").fetch_one(connection).await?;
    Ok(id == APPLICATION_ID || (id == 0 && is_empty))
}

fn meaning(error: MigrateError, path: &Path) -> OpenError {
    match error {
        MigrateError::VersionMissing(_) => OpenError::Newer { path: path.to_owned() },
        MigrateError::VersionMismatch(_) | MigrateError::Dirty(_) => OpenError::Altered { path: path.to_owned() },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => refusal(error, path),
        other => OpenError::Unavailable { path: path.to_owned(), source: sqlx::Error::Configuration(other.into()) },
    }
}
