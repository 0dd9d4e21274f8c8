//! From a path to open connections. The rule: whatever is wrong with the file is one sentence that names it.

use crate::migrate;
use crate::writer::Writer;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two tries to open a file that another process is just setting up.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// Tries to open such a file: half a minute in all.
const TRIES_MAX: u32 = 1_500;
/// Bytes that the write-ahead log keeps when it starts anew.
const WAL_BYTES_MAX: &str = "67108864";
/// Pages of the write-ahead log at which it is moved to the file: often enough to keep it in the page cache.
const CHECKPOINT_PAGES: &str = "4000";
/// Cache of the writing connection in KiB, as SQLite wants it: negative.
const WRITER_CACHE: &str = "-8192";
/// Fewest readers unless others are asked for: one long read must not keep all others waiting.
const READERS_MIN: u32 = 2;
/// Most of them: the more there are for a core, the less of it is left to writing and announcing.
const READERS_MAX: u32 = 4;
/// Rows that may wait between SQLite's thread and ours: a page of any list fits, and what a batch asks, so neither waits for the other.
const ROWS_BUFFERED: usize = 1_024;

/// When a commit counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once it is flushed to the disk: an answered change survives a loss of power.
    #[default]
    Full,
    /// Once it is handed to the operating system: an answered change survives a crash of the program, but a loss of power
    /// may take the last ones. The file stays sound either way. As nobody can tell whether it did, every opening begins a
    /// new epoch, and clients fetch anew.
    Normal,
}

/// Where the file is and how it is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteSettings {
    /// The database file.
    pub path: PathBuf,
    /// When a commit counts as durable.
    pub durability: Durability,
    /// Connections that read at once.
    pub readers: u32,
}

impl SqliteSettings {
    /// Full durability, and a reader for each core, but two to four.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let readers = u32::try_from(cores).unwrap_or(READERS_MAX).clamp(READERS_MIN, READERS_MAX);
        Self { path: path.into(), durability: Durability::Full, readers }
    }

    /// The same with another idea of durability.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// The same with room for this many readers, at least one.
    #[must_use]
    pub fn readers(self, readers: u32) -> Self {
        Self { readers: readers.max(1), ..self }
    }
}

/// Why a database file could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its directory does not exist and cannot be made.
    #[error("cannot create the directory {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{} is not a chat database", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program has changed its tables.
    #[error("{} was written by a newer version of this program; use that version or newer", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// Its tables are not those that this program made.
    #[error("the tables of {} differ from those this program makes", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
    },
    /// The disk, the rights, or another process are in the way.
    #[error("cannot open the database {}: {}", path.display(), sentence(source))]
    Unavailable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
}

/// What SQLite says, without the layers around it.
fn sentence(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

pub(crate) async fn open(settings: &SqliteSettings) -> Result<(Writer, SqlitePool), OpenError> {
    create_directory(&settings.path)?;
    create_file(&settings.path);
    let options = writer_options(settings);
    let creating = options.clone().create_if_missing(true);
    let mut connection = connect(&creating).await.map_err(|source| refusal(source, &settings.path))?;
    migrate::migrate(&mut connection, &settings.path).await?;
    if settings.durability == Durability::Normal {
        begin_epoch(&mut connection).await.map_err(|source| refusal(source, &settings.path))?;
    }
    Ok((Writer::new(options, connection), readers(settings)))
}

/// Begins another history. Since the file was closed, power may have been lost and the last changes with it: their places may
/// be given again.
pub(crate) async fn begin_epoch(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("UPDATE counters SET epoch = lower(hex(randomblob(16)))").execute(connection).await?;
    Ok(())
}

fn create_directory(path: &Path) -> Result<(), OpenError> {
    let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(directory).map_err(|source| OpenError::Directory { path: directory.to_owned(), source })
}

/// Creates an empty file, which SQLite takes for a new database, readable by nobody else: it will hold what people tell each
/// other in private. SQLite gives the log the same mode. Whatever goes wrong here, SQLite will say.
fn create_file(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

/// Connects, and tries again while another connection sets up the file or closes it: SQLite does not wait for that lock.
pub(crate) async fn connect(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut tries = 1;
    loop {
        match options.connect().await {
            Err(error) if is(&error, BUSY) && tries < TRIES_MAX => tokio::time::sleep(RETRY_PAUSE).await,
            result => return result,
        }
        tries += 1;
    }
}

/// Says what an error of the database means for whoever opens it.
pub(crate) fn refusal(source: sqlx::Error, path: &Path) -> OpenError {
    let path = path.to_owned();
    if is(&source, NOT_A_DATABASE) { OpenError::Foreign { path } } else { OpenError::Unavailable { path, source } }
}

// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const NOT_A_DATABASE: i32 = 26;

fn is(error: &sqlx::Error, primary_code: i32) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == primary_code)
}

fn options(settings: &SqliteSettings) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&settings.path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .pragma("temp_store", "MEMORY")
        .row_buffer_size(ROWS_BUFFERED)
        .disable_statement_logging()
}

fn writer_options(settings: &SqliteSettings) -> SqliteConnectOptions {
    let synchronous = match settings.durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Normal => SqliteSynchronous::Normal,
    };
    options(settings)
        // A file that is gone when the connection has to be renewed is a fault to be told, not a reason to begin anew.
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", WAL_BYTES_MAX)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("cache_size", WRITER_CACHE)
        .thread_name(|_| "chat-sqlite-writer".into())
}

fn readers(settings: &SqliteSettings) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(settings.readers)
        .idle_timeout(None)
        .max_lifetime(None)
        // A reader is a thread of this process: it is there or the process is not.
        .test_before_acquire(false)
        .connect_lazy_with(options(settings).read_only(true).thread_name(|id| format!("chat-sqlite-reader-{id}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteStorage;

    async fn value(connection: &mut SqliteConnection, pragma: &'static str) -> String {
        let value: sqlx::sqlite::SqliteRow = sqlx::query(pragma).fetch_one(connection).await.unwrap();
        let text: sqlx::Result<String> = sqlx::Row::try_get(&value, 0);
        text.unwrap_or_else(|_| sqlx::Row::get::<i64, _>(&value, 0).to_string())
    }

    async fn open_with(durability: Durability) -> (tempfile::TempDir, SqliteStorage) {
        let directory = tempfile::tempdir().unwrap();
        let settings = SqliteSettings::new(directory.path().join("chat.db")).durability(durability);
        let storage = SqliteStorage::connect(settings).await.unwrap();
        (directory, storage)
    }

    #[tokio::test]
    async fn the_writer_is_set_up_for_safety() {
        let (_directory, storage) = open_with(Durability::Full).await;
        let mut connection = storage.writer.begin().await.unwrap();
        for (pragma, expected) in [
            ("PRAGMA journal_mode", "wal"),
            ("PRAGMA synchronous", "2"),
            ("PRAGMA foreign_keys", "1"),
            ("PRAGMA secure_delete", "1"),
            ("PRAGMA busy_timeout", "10000"),
            ("PRAGMA journal_size_limit", WAL_BYTES_MAX),
            ("PRAGMA wal_autocheckpoint", CHECKPOINT_PAGES),
            ("PRAGMA temp_store", "2"),
        ] {
            assert_eq!(value(&mut connection, pragma).await, expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn normal_durability_does_not_flush_every_commit() {
        let (_directory, storage) = open_with(Durability::Normal).await;
        let mut connection = storage.writer.begin().await.unwrap();
        assert_eq!(value(&mut connection, "PRAGMA synchronous").await, "1");
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let (_directory, storage) = open_with(Durability::Full).await;
        assert!(sqlx::query("DELETE FROM users").execute(&storage.readers).await.is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_new_file_and_its_log_are_readable_by_nobody_else() {
        use std::os::unix::fs::PermissionsExt;
        let (directory, _storage) = open_with(Durability::Full).await;
        for file in ["chat.db", "chat.db-wal"] {
            let mode = std::fs::metadata(directory.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }
}
