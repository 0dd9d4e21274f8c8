//! One commit for each message, by the same storage on the same disk: what group commit is held against.

use crate::arguments::Arguments;
use crate::latencies::{Latencies, Quantiles};
use crate::{Outcome, stage};
use chat_core::{Action, Change, Chat, Clock, Draft, SystemClock, Timeline};
use chat_sqlite::SqliteStorage;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What committing one by one comes to.
pub(crate) struct Commits {
    pub(crate) per_second: f64,
    pub(crate) latencies: Quantiles,
}

/// Stores messages one after the other, each a pause after the last, with no server around.
pub(crate) fn one_by_one(arguments: &Arguments, messages: usize, pause: Duration) -> Outcome<Commits> {
    let directory = stage::directory(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let storage = SqliteStorage::open(directory.path().join("chat.db")).await?;
        let sender = Chat::builder(Arc::new(storage.clone())).build().create_user("ann".parse()?).await?.id;
        let conversation = stage::create(&storage, &[sender]).await?;
        let draft = Draft::new("x".repeat(arguments.size))?;
        let batch = [Change { actor: sender, at: SystemClock.now(), action: Action::Send { conversation, draft } }];
        let mut latencies = Latencies::default();
        let mut busy = Duration::ZERO;
        for _ in 0..messages {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let began = Instant::now();
            storage.append(&batch).await?.remove(0)?;
            latencies.add(began.elapsed());
            busy += began.elapsed();
        }
        storage.close().await;
        Ok(Commits { per_second: messages as f64 / busy.as_secs_f64(), latencies: (&mut latencies).into() })
    })
}
