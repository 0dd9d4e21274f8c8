//! Group commit. The rule: one batch is in flight; whatever arrives meanwhile is the next one. Commits are what costs, so
//! under load many changes share one, and an idle engine adds no wait at all.
//!
//! The queue's task owns a batch from the moment it is taken: a caller that goes away changes nothing.

use super::Echo;
use super::announce::Announcer;
use crate::cluster::Announced;
use crate::{Appended, Change, Error, Limits, Storage, StorageError};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub(super) struct AppendQueue {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    task: tokio::sync::Mutex<JoinHandle<()>>,
}

/// What became of a change, and what its answer waits for.
type Stored = Result<(Appended, Option<Announced>), Error>;

/// One change on its way, and where its result goes.
struct Job {
    change: Change,
    echo: Option<Echo>,
    done: oneshot::Sender<Stored>,
}

impl AppendQueue {
    pub(super) fn start(storage: Arc<dyn Storage>, announcer: Announcer, limits: &Limits) -> Self {
        let (jobs, queue) = mpsc::channel(limits.append_queue_max);
        let task = tokio::spawn(work(queue, storage, announcer, limits.append_batch_max));
        Self { jobs: Mutex::new(Some(jobs)), task: tokio::sync::Mutex::new(task) }
    }

    /// Stores a change in the next batch. When this returns, the change is durable and announced, or refused.
    pub(super) async fn append(&self, change: Change, echo: Option<Echo>) -> Result<Appended, Error> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Unavailable)?;
        let (done, result) = oneshot::channel();
        jobs.send(Job { change, echo, done }).await.map_err(|_| Error::Unavailable)?;
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

async fn work(mut queue: mpsc::Receiver<Job>, storage: Arc<dyn Storage>, announcer: Announcer, batch_max: usize) {
    let mut jobs = Vec::new();
    while queue.recv_many(&mut jobs, batch_max).await > 0 {
        commit(std::mem::take(&mut jobs), &*storage, &announcer).await;
    }
}

async fn commit(jobs: Vec<Job>, storage: &dyn Storage, announcer: &Announcer) {
    let _batch = announcer.cluster.as_ref().map(|cluster| cluster.begin_batch());
    let (changes, callers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.change, (job.echo, job.done))).unzip();
    // A storage that panics must fail this batch and not the queue.
    let outcome = AssertUnwindSafe(storage.append(&changes)).catch_unwind().await;
    match outcome.unwrap_or_else(|_| Err(StorageError::Unavailable("the storage panicked".into()))) {
        Ok(results) => {
            for ((change, (echo, done)), result) in changes.iter().zip(callers).zip(results) {
                if let (Err(StorageError::Unavailable(_)), Some(cluster)) = (&result, &announcer.cluster) {
                    cluster.doubt_batch(std::slice::from_ref(change));
                }
                let stored = result.map(|appended| {
                    let waits = announcer.announce(&change.action, &appended, echo.as_ref());
                    (appended, waits)
                });
                // The caller may be gone; what it asked for is done all the same.
                let _ = done.send(stored.map_err(Error::from));
            }
        }
        Err(error) => {
            if let Some(cluster) = &announcer.cluster {
                cluster.doubt_batch(&changes);
            }
            let error = Error::from(error);
            for (_, done) in callers {
                let _ = done.send(Err(error.clone()));
            }
        }
    }
}
