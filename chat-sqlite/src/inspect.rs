//! Looking at a file without changing it. The rule: not even a log appears beside it that was not there.

use crate::open::{OpenError, connect, refusal};
use crate::{SqliteSettings, migrate};
use chat_sql::found::Misfit;
use chat_sql::{Found, found};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

impl SqliteSettings {
    /// Tells what opening would find, and leaves it as it is.
    ///
    /// # Errors
    /// What opening would fail with.
    pub async fn inspect(&self) -> Result<Found, OpenError> {
        let path = &self.path;
        if !path.exists() {
            return Ok(Found::Nothing);
        }
        let unavailable = |error| refusal(error, path);
        // A file may be readable and still not be ours to write.
        OpenOptions::new().write(true).open(path).map_err(|error| unavailable(error.into()))?;
        let mut connection = connect(&options(path)).await.map_err(unavailable)?;
        if !migrate::is_ours_or_empty(&mut connection).await.map_err(unavailable)? {
            return Err(OpenError::Foreign { path: path.clone() });
        }
        let applied = applied(&mut connection).await.map_err(unavailable)?;
        let Some(applied) = applied else { return Ok(Found::Nothing) };
        found::compare(&migrate::MIGRATOR, &applied).map_err(|misfit| match misfit {
            Misfit::Newer => OpenError::Newer { path: path.clone() },
            Misfit::Altered => OpenError::Altered { path: path.clone() },
        })
    }
}

/// Where there is a log, someone writes to the file or was killed, and reading needs the log, too. Where there is none, nobody
/// writes, and SQLite would make one only to read.
fn options(path: &Path) -> SqliteConnectOptions {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    SqliteConnectOptions::new().filename(path).read_only(true).immutable(!log.exists()).disable_statement_logging()
}

/// The migrations that were carried out, if any ever was.
async fn applied(connection: &mut SqliteConnection) -> sqlx::Result<Option<Vec<(i64, Vec<u8>)>>> {
    let table = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')";
    if !sqlx::query_scalar::<_, bool>(table).fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations").fetch_all(connection).await.map(Some)
}
