//! Emptying the database. The rule: nothing is deleted that nobody has said yes to.

use crate::Outcome;
use crate::arguments::Reset;
use crate::storage::{self, OpenStorage};
use std::io::{BufRead, IsTerminal, Write};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn ask_and_clear(wanted: &Reset) -> Outcome {
    storage::check(&wanted.place).await?;
    if !wanted.yes && !std::io::stdin().is_terminal() {
        return Err("nothing was deleted: there is no terminal to ask at, say --yes".into());
    }
    let storage = storage::open_lasting(&wanted.place).await?;
    let cleared = clear(wanted, &storage).await;
    storage.close().await;
    cleared
}

async fn clear(wanted: &Reset, storage: &OpenStorage) -> Outcome {
    if !wanted.yes && !is_meant(storage)? {
        return Err("nothing was deleted".into());
    }
    storage.clear().await?;
    tracing::info!(%storage, "everything is deleted");
    Ok(())
}

fn is_meant(storage: &OpenStorage) -> Outcome<bool> {
    let failed = |error| format!("nothing was deleted: {error}");
    let mut terminal = std::io::stderr();
    write!(
        terminal,
        "This deletes all users, conversations and messages in {storage}. The server must not run.\nDelete? [y/N] "
    )
    .and_then(|()| terminal.flush())
    .map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
