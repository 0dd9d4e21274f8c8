//! Runs all checks against one storage, and tells which of them fail.
//!
//! The rule: each check has a storage and a task of its own, so that one that panics or hangs disturbs no other.

use crate::broken::Case;
use chat_core::Storage;
use chat_core::testing::{Check, storage_checks};
use futures::StreamExt;
use std::sync::{Arc, Once};
use std::time::Duration;
use std::{fmt, panic, thread};
use tokio::runtime::Builder;
use tokio::time::timeout;

/// How many checks run side by side.
const AT_ONCE: usize = 8;

/// The name of the threads that checks run on.
const THREAD: &str = "check";

/// A check that failed.
#[derive(Debug)]
pub(crate) struct Catch {
    pub(crate) check: &'static str,
    has_hung: bool,
}

impl fmt::Display for Catch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.has_hung { " (hangs)" } else { "" };
        write!(f, "{}{how}", self.check)
    }
}

/// Runs every check, each for at most `patience`.
pub(crate) fn catches(case: &Case, patience: Duration) -> Vec<Catch> {
    silence_panics();
    let runtime = Builder::new_multi_thread().worker_threads(4).thread_name(THREAD).enable_all().build().unwrap();
    let outcomes = storage_checks().into_iter().map(|check| outcome(check, (case.open)(), patience));
    let outcomes: Vec<_> = runtime.block_on(futures::stream::iter(outcomes).buffered(AT_ONCE).collect());
    runtime.shutdown_background();
    outcomes.into_iter().flatten().collect()
}

async fn outcome(check: Check<dyn Storage>, storage: Arc<dyn Storage>, patience: Duration) -> Option<Catch> {
    match tokio::spawn(timeout(patience, (check.run)(storage))).await {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some(Catch { check: check.name, has_hung: true }),
        Err(_) => Some(Catch { check: check.name, has_hung: false }),
    }
}

/// Hides the panics of checks: to fail is what they are here for.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() != Some(THREAD) {
                tell(panic);
            }
        }));
    });
}
