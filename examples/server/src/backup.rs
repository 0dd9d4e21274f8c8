//! Copying the data while a server uses it. The rule: a backup is there whole and for good, or there is none.

use crate::arguments::{Backup, StorageKind};
use crate::server::Signals;
use crate::{Outcome, disk};
use chat_sqlite::SqliteSettings;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn make(wanted: &Backup) -> Outcome {
    let place = &wanted.place;
    if place.database_url.is_some() {
        return Err("a Postgres database is backed up by its own program: pg_dump --format=custom --schema=chat".into());
    }
    if place.storage == StorageKind::Memory {
        return Err("what is in memory belongs to the server alone; it cannot be backed up".into());
    }
    disk::expect_limits();
    let settings = SqliteSettings::new(&place.db);
    let mut signals = Signals::listen();
    let copied = tokio::select! {
        copied = settings.back_up(&wanted.file) => copied.map_err(|error| error.to_string()),
        signal = signals.next() => Err(format!("stopped by {signal}; no backup was made")),
    };
    copied?;
    tracing::info!(file = %wanted.file.display(), "the backup is made");
    Ok(())
}
