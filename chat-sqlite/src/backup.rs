//! Copying a file that is in use. The rule: the copy appears whole, under a name that nobody had, and as another history: what
//! clients know of the one it was taken from goes on after it, and none of that may be mixed with what follows the copy.

use crate::SqliteSettings;
use crate::open::{OpenError, begin_epoch, connect};
use chat_sql::Found;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// What is to be copied cannot be opened.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// There is nothing to copy.
    #[error("there is no chat database at {}", path.display())]
    Nothing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file has the name of the copy already.
    #[error("{} is there already, and backups overwrite nothing", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The disk or the rights are in the way.
    #[error("cannot make the backup {}: {}", path.display(), source)]
    Unavailable {
        /// The copy that was to be.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SqliteSettings {
    /// Copies the file as it is at one moment between two commits, while others read and write it, to a new file that only its
    /// owner may read. When this returns, the copy is on the disk. It begins a new epoch, so that clients of the server that it
    /// was taken from fetch anew from one that is started on it. Dropping the future leaves no file behind.
    ///
    /// # Errors
    /// A sentence for whoever wants a backup. There is none then.
    pub async fn back_up(&self, to: impl AsRef<Path>) -> Result<(), BackupError> {
        let to = to.as_ref();
        if self.inspect().await? == Found::Nothing {
            return Err(BackupError::Nothing { path: self.path.clone() });
        }
        // A name that is taken is known before the work; that nobody took it meanwhile, afterwards.
        if fs::symlink_metadata(to).is_ok() {
            return Err(BackupError::Exists { path: to.to_owned() });
        }
        let failed = |error: sqlx::Error| unavailable(to, error);
        let draft = Draft::create(to).map_err(|error| unavailable(to, error))?;
        self.copy(&draft.0).await.map_err(failed)?;
        forget_history(&draft.0).await.map_err(failed)?;
        draft.publish(to)
    }

    /// `VACUUM INTO` reads all in one transaction, so it needs no lock against the writer, which goes on; the backup interface
    /// of SQLite begins again whenever another connection has written, and under load never ends. And it writes what is stored
    /// and nothing else: no page of the copy holds what was deleted.
    async fn copy(&self, to: &Path) -> sqlx::Result<()> {
        let source = SqliteConnectOptions::new().filename(&self.path).disable_statement_logging();
        let mut source = connect(&source).await?;
        let copied = sqlx::query("VACUUM INTO $1").bind(to.to_string_lossy()).execute(&mut source).await;
        source.close().await?;
        copied.map(drop)
    }
}

/// Whoever resumes from the history of before is to fetch anew.
async fn forget_history(copy: &Path) -> sqlx::Result<()> {
    let mut copy = SqliteConnectOptions::new().filename(copy).disable_statement_logging().connect().await?;
    let begun = begin_epoch(&mut copy).await;
    copy.close().await?;
    begun
}

fn unavailable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BackupError {
    BackupError::Unavailable { path: path.to_owned(), source: source.into() }
}

/// A copy that is not done. It goes when it is dropped.
struct Draft(PathBuf);

impl Draft {
    /// SQLite copies into an empty file; this one is readable by nobody else.
    fn create(to: &Path) -> io::Result<Self> {
        let draft = PathBuf::from(format!("{}.{}.draft", to.display(), std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&draft)?;
        Ok(Self(draft))
    }

    /// Gives it its name, which a crash takes from it no more.
    fn publish(self, to: &Path) -> Result<(), BackupError> {
        let failed = |error| unavailable(to, error);
        File::open(&self.0).and_then(|file| file.sync_all()).map_err(failed)?;
        // A link never replaces another file, as renaming would.
        match fs::hard_link(&self.0, to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists { path: to.to_owned() });
            }
            linked => linked.map_err(failed)?,
        }
        let directory = to.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
        // What SQLite may have left if it was interrupted.
        let _ = fs::remove_file(format!("{}-journal", self.0.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteStorage;
    use chat_core::{Timeline, Timestamp, UserStorage};

    async fn storage(directory: &Path) -> (SqliteSettings, SqliteStorage) {
        let settings = SqliteSettings::new(directory.join("chat.db"));
        let storage = SqliteStorage::connect(settings.clone()).await.unwrap();
        (settings, storage)
    }

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_backup_is_another_history() {
        let directory = tempfile::tempdir().unwrap();
        let (settings, storage) = storage(directory.path()).await;
        let copy = directory.path().join("copy.db");

        settings.back_up(&copy).await.unwrap();

        let copied = SqliteStorage::open(&copy).await.unwrap();
        assert_ne!(copied.epoch().await.unwrap(), storage.epoch().await.unwrap());
    }

    /// A writer in the middle of a transaction neither waits nor is waited for.
    #[tokio::test]
    async fn a_backup_waits_for_no_writer() {
        let directory = tempfile::tempdir().unwrap();
        let (settings, storage) = storage(directory.path()).await;
        let mut transaction = storage.writer.begin().await.unwrap();
        sqlx::query("UPDATE counters SET last_id = 100").execute(&mut *transaction).await.unwrap();

        settings.back_up(directory.path().join("copy.db")).await.unwrap();

        transaction.commit().await.unwrap();
        let copied = SqliteStorage::open(directory.path().join("copy.db")).await.unwrap();
        let mut transaction = copied.writer.begin().await.unwrap();
        let last_id: i64 =
            sqlx::query_scalar("SELECT last_id FROM counters").fetch_one(&mut *transaction).await.unwrap();
        assert_eq!(last_id, 0, "what was not committed is not in it");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_backup_is_one_file_that_only_its_owner_may_read() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (settings, storage) = storage(directory.path()).await;
        storage.put_last_online(&[], Timestamp(1)).await.unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let copy = elsewhere.path().join("copy.db");

        settings.back_up(&copy).await.unwrap();

        assert_eq!(names(elsewhere.path()), ["copy.db"]);
        assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_backup_overwrites_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (settings, _storage) = storage(directory.path()).await;
        let taken = directory.path().join("taken.db");
        fs::write(&taken, "mine").unwrap();

        let error = settings.back_up(&taken).await.unwrap_err();

        assert!(matches!(error, BackupError::Exists { .. }), "{error}");
        let draft = Draft::create(&taken).unwrap();
        let error = draft.publish(&taken).unwrap_err();
        assert!(matches!(error, BackupError::Exists { .. }), "taken while it was made: {error}");
        assert_eq!(fs::read(&taken).unwrap(), b"mine");
        assert!(!names(directory.path()).iter().any(|name| name.ends_with("draft")), "{:?}", names(directory.path()));
    }

    #[tokio::test]
    async fn a_backup_that_fails_or_is_given_up_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let nothing = SqliteSettings::new(directory.path().join("nothing.db"));
        let error = nothing.back_up(directory.path().join("copy.db")).await.unwrap_err();
        assert!(matches!(error, BackupError::Nothing { .. }), "{error}");
        assert_eq!(names(directory.path()), Vec::<String>::new());

        let (settings, _storage) = storage(directory.path()).await;
        let elsewhere = tempfile::tempdir().unwrap();
        let error = settings.back_up(elsewhere.path().join("nowhere/copy.db")).await.unwrap_err();
        assert!(matches!(error, BackupError::Unavailable { .. }), "{error}");
        let copy = elsewhere.path().join("copy.db");
        drop(Draft::create(&copy).unwrap());
        assert_eq!(names(elsewhere.path()), Vec::<String>::new());
    }
}
