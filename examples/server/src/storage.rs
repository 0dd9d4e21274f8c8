//! The storage that the configuration asks for.

use crate::Outcome;
use crate::arguments::{self, Place as Chosen, StorageKind};
use chat_core::{Link, MemoryStorage, Storage};
use chat_postgres::{OpenError, PgSettings, PgStorage, Place};
use chat_sqlite::{Durability, Found, SqliteSettings, SqliteStorage};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often the write-ahead log is cut, so that the words of deleted messages are in no file for longer than that.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(300);

/// An open storage.
pub(crate) enum OpenStorage {
    Memory(Arc<MemoryStorage>),
    Sqlite { storage: SqliteStorage, path: PathBuf, checkpoints: JoinHandle<()> },
    Postgres { storage: PgStorage, place: Place },
}

pub(crate) async fn open(chosen: &Chosen) -> Outcome<OpenStorage> {
    if let Some(url) = &chosen.database_url {
        return open_postgres(url).await.map_err(|error| error.to_string());
    }
    match chosen.storage {
        StorageKind::Memory => Ok(OpenStorage::Memory(Arc::default())),
        StorageKind::Sqlite => {
            let settings = SqliteSettings::new(&chosen.db).durability(chosen.durability.into());
            let storage = SqliteStorage::connect(settings).await.map_err(|error| error.to_string())?;
            let checkpoints = tokio::spawn(checkpoint(storage.clone()));
            Ok(OpenStorage::Sqlite { storage, path: chosen.db.clone(), checkpoints })
        }
    }
}

/// Opens what outlives this process, for a command that works on it.
pub(crate) async fn open_lasting(chosen: &Chosen) -> Outcome<OpenStorage> {
    match open(chosen).await? {
        OpenStorage::Memory(_) => {
            Err("what is in memory belongs to the server alone; choose a file or a database".into())
        }
        storage => Ok(storage),
    }
}

/// Whether the storage can be used as it is, in a sentence; changes nothing.
pub(crate) async fn check(chosen: &Chosen) -> Outcome<String> {
    if let Some(url) = &chosen.database_url {
        let settings = PgSettings::parse(url).map_err(|error| error.to_string())?;
        let found = settings.inspect().await.map_err(|error| error.to_string())?;
        return Ok(format!("postgres:{} {}", settings.place(), sentence(found)));
    }
    match chosen.storage {
        StorageKind::Memory => Ok("everything is kept in memory, and gone when the server stops".into()),
        StorageKind::Sqlite => {
            let found = SqliteSettings::new(&chosen.db).inspect().await.map_err(|error| error.to_string())?;
            Ok(format!("sqlite:{} {}", chosen.db.display(), sentence(found)))
        }
    }
}

fn sentence(found: Found) -> &'static str {
    match found {
        Found::Nothing => "is empty; the first start makes the tables",
        Found::Older => "is in order; the next start brings its tables up to date",
        Found::Current => "is in order",
    }
}

async fn open_postgres(url: &str) -> Result<OpenStorage, OpenError> {
    let settings = PgSettings::parse(url)?;
    let place = settings.place();
    Ok(OpenStorage::Postgres { storage: PgStorage::connect(settings).await?, place })
}

impl OpenStorage {
    /// The storage, for the engine.
    pub(crate) fn shared(&self) -> Arc<dyn Storage> {
        match self {
            Self::Memory(storage) => Arc::clone(storage) as _,
            Self::Sqlite { storage, .. } => Arc::new(storage.clone()),
            Self::Postgres { storage, .. } => Arc::new(storage.clone()),
        }
    }

    /// What connects this process to others on the same storage, if there can be any.
    pub(crate) async fn link(&self) -> Outcome<Option<Arc<dyn Link>>> {
        match self {
            Self::Memory(_) | Self::Sqlite { .. } => Ok(None),
            Self::Postgres { storage, .. } => {
                let link = storage.link().await.map_err(|error| error.to_string())?;
                Ok(Some(Arc::new(link)))
            }
        }
    }

    /// Forgets everything.
    pub(crate) async fn clear(&self) -> Outcome {
        let cleared = match self {
            Self::Memory(_) => Ok(()),
            Self::Sqlite { storage, .. } => storage.clear().await,
            Self::Postgres { storage, .. } => storage.clear().await,
        };
        cleared.map_err(|error| {
            tracing::debug!(?error, "the storage could not be emptied");
            format!("{self} could not be emptied; is a server using it?")
        })
    }

    pub(crate) async fn close(self) {
        match self {
            Self::Memory(_) => {}
            Self::Sqlite { storage, checkpoints, .. } => {
                checkpoints.abort();
                storage.close().await;
            }
            Self::Postgres { storage, .. } => storage.close().await,
        }
    }
}

async fn checkpoint(storage: SqliteStorage) {
    loop {
        tokio::time::sleep(CHECKPOINT_INTERVAL).await;
        if let Err(error) = storage.checkpoint().await {
            tracing::warn!(%error, "the write-ahead log could not be cut");
        }
    }
}

impl From<arguments::Durability> for Durability {
    fn from(durability: arguments::Durability) -> Self {
        match durability {
            arguments::Durability::Full => Self::Full,
            arguments::Durability::Normal => Self::Normal,
        }
    }
}

impl fmt::Display for OpenStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(_) => f.write_str("memory"),
            Self::Sqlite { path, .. } => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { place, .. } => write!(f, "postgres:{place}"),
        }
    }
}
