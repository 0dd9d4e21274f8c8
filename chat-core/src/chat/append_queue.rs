//! Group commit. The rule: one batch is in flight; whatever arrives meanwhile is the next one. Commits are what costs, so
//! under load many changes share one, and an idle engine adds no wait at all. While the storage works on a batch, the one
//! before is announced, so that under load neither waits for the other.
//!
//! The queue's task owns a batch from the moment it is taken: a caller that goes away changes nothing.

use super::Echo;
use super::announce::Announcer;
use crate::cluster::{self, Announced};
use crate::metrics::{APPEND_BATCH, APPEND_SECONDS, COMMIT_SECONDS};
use crate::{Appended, Change, Error, Limits, Storage, StorageError};
use futures::FutureExt;
use futures::future::join;
use metrics::{Histogram, histogram};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;
use tracing::{Instrument, Level, Span};

/// Changes announced before the storage may go on with the next batch: a fraction of what the batch takes it.
const ANNOUNCED_AT_ONCE: usize = 16;

pub(super) struct AppendQueue {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    task: tokio::sync::Mutex<JoinHandle<()>>,
    append_seconds: Histogram,
}

/// What became of a change, and what its answer waits for.
type Stored = Result<(Appended, Option<Announced>), Error>;

/// One change on its way, and where its result goes.
struct Job {
    change: Change,
    echo: Option<Echo>,
    done: oneshot::Sender<Stored>,
    /// The request that asks, if the log is to tell of it.
    request: Span,
}

/// Who waits for the result of a change.
struct Caller {
    echo: Option<Echo>,
    done: oneshot::Sender<Stored>,
    request: Span,
}

/// What commits the batches.
struct Committer {
    storage: Arc<dyn Storage>,
    announcer: Announcer,
    batch_changes: Histogram,
    commit_seconds: Histogram,
}

/// A batch that the storage has dealt with, and that nobody knows of yet.
struct Committed<'c> {
    number: u64,
    changes: Vec<Change>,
    callers: Vec<Caller>,
    outcome: Result<Vec<Result<Appended, StorageError>>, StorageError>,
    /// What reads for other nodes waits until this is announced.
    _under_way: Option<cluster::Batch<'c>>,
}

impl AppendQueue {
    pub(super) fn start(storage: Arc<dyn Storage>, announcer: Announcer, limits: &Limits) -> Self {
        let (jobs, queue) = mpsc::channel(limits.append_queue_max);
        let (batch_changes, commit_seconds) = (histogram!(APPEND_BATCH), histogram!(COMMIT_SECONDS));
        let committer = Committer { storage, announcer, batch_changes, commit_seconds };
        let task = tokio::spawn(committer.work(queue, limits.append_batch_max));
        let (jobs, task) = (Mutex::new(Some(jobs)), tokio::sync::Mutex::new(task));
        Self { jobs, task, append_seconds: histogram!(APPEND_SECONDS) }
    }

    /// Stores a change in the next batch. When this returns, the change is durable and announced, or refused.
    pub(super) async fn append(&self, change: Change, echo: Option<Echo>) -> Result<Appended, Error> {
        let begun = Instant::now();
        let appended = self.stored(change, echo).await;
        self.append_seconds.record(begun.elapsed());
        appended
    }

    async fn stored(&self, change: Change, echo: Option<Echo>) -> Result<Appended, Error> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Unavailable)?;
        let (done, result) = oneshot::channel();
        let request = if tracing::enabled!(Level::DEBUG) { Span::current() } else { Span::none() };
        jobs.send(Job { change, echo, done, request }).await.map_err(|_| Error::Unavailable)?;
        drop(jobs);
        let (appended, waits) = result.await.map_err(|_| Error::Unavailable)??;
        if let Some(waits) = waits {
            // An error means that it was announced, too.
            let _ = waits.await;
        }
        Ok(appended)
    }

    /// How many changes wait for a batch.
    pub(super) fn waiting(&self) -> usize {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().map_or(0, |jobs| jobs.max_capacity() - jobs.capacity())
    }

    /// Takes no more changes and waits for those taken.
    pub(super) async fn stop(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut task = self.task.lock().await;
        if !task.is_finished() {
            let _ = (&mut *task).await;
        }
    }
}

impl Committer {
    async fn work(self, mut queue: mpsc::Receiver<Job>, batch_max: usize) {
        let (mut number, mut before) = (0, None);
        loop {
            let taken = take(&mut queue, batch_max);
            // Those of the batch before wait for no newcomer.
            let jobs = if before.is_none() { taken.await } else { taken.now_or_never().unwrap_or_default() };
            let before_it = before.take();
            if !jobs.is_empty() {
                number += 1;
                let (committed, ()) = join(self.commit(number, jobs), self.announce(before_it)).await;
                before = Some(committed);
            } else if before_it.is_some() {
                self.announce(before_it).await;
            } else {
                return;
            }
        }
    }

    async fn commit(&self, number: u64, jobs: Vec<Job>) -> Committed<'_> {
        let under_way = self.announcer.cluster.as_ref().map(|cluster| cluster.begin_batch());
        let (changes, callers): (Vec<_>, Vec<_>) = jobs
            .into_iter()
            .map(|Job { change, echo, done, request }| (change, Caller { echo, done, request }))
            .unzip();
        let batch = tracing::debug_span!("batch", batch = number, size = changes.len());
        let begun = Instant::now();
        // A storage that panics must fail this batch and not the queue.
        let outcome = AssertUnwindSafe(self.storage.append(&changes)).catch_unwind().instrument(batch).await;
        self.commit_seconds.record(begun.elapsed());
        self.batch_changes.record(changes.len() as f64);
        let outcome = outcome.unwrap_or_else(|_| Err(StorageError::Unavailable("the storage panicked".into())));
        Committed { number, changes, callers, outcome, _under_way: under_way }
    }

    /// Announces a batch in its order, and tells its callers, giving way to the storage now and then.
    async fn announce(&self, committed: Option<Committed<'_>>) {
        let Some(Committed { number, changes, callers, outcome, _under_way }) = committed else { return };
        match outcome {
            Ok(results) => {
                for (place, ((change, caller), result)) in changes.iter().zip(callers).zip(results).enumerate() {
                    if place > 0 && place % ANNOUNCED_AT_ONCE == 0 {
                        yield_now().await;
                    }
                    let Caller { echo, done, request } = caller;
                    let stored = request.in_scope(|| self.announce_one(number, change, result, echo.as_ref()));
                    // The caller may be gone; what it asked for is done all the same.
                    let _ = done.send(stored);
                }
            }
            Err(error) => {
                if let Some(cluster) = &self.announcer.cluster {
                    cluster.doubt_batch(&changes);
                }
                let error = Error::from(error);
                for caller in callers {
                    let _ = caller.done.send(Err(error.clone()));
                }
            }
        }
    }

    fn announce_one(
        &self,
        batch: u64,
        change: &Change,
        result: Result<Appended, StorageError>,
        echo: Option<&Echo>,
    ) -> Stored {
        tracing::debug!(batch, is_stored = result.is_ok(), "a change has been through its batch");
        if let (Err(StorageError::Unavailable(_)), Some(cluster)) = (&result, &self.announcer.cluster) {
            cluster.doubt_batch(std::slice::from_ref(change));
        }
        let appended = result?;
        let waits = self.announcer.announce(change, &appended, echo);
        Ok((appended, waits))
    }
}

/// The next changes, as many as wait; none if there will be no more.
async fn take(queue: &mut mpsc::Receiver<Job>, batch_max: usize) -> Vec<Job> {
    let mut jobs = Vec::new();
    queue.recv_many(&mut jobs, batch_max).await;
    jobs
}
