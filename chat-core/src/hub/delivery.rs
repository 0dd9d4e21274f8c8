//! Writing what outboxes hold without waking their sessions. The rule: a session that is called is written to once, whatever
//! has been published to it by then; between a few sessions and the next, everything else gets its turn.
//!
//! A message to a thousand members is a thousand writes. Waking a thousand tasks for them costs as much again, and keeps the
//! next request waiting behind them all.

use super::Outbox;
use bytes::Bytes;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};

/// Sessions that are written to before anything else gets its turn.
const ROUND: usize = 64;

/// A connection that can be written to by others than its session's task.
pub trait TryWrite: Send + Sync {
    /// Writes what was left, then these text frames, as far as the connection takes them without waiting, and keeps the rest for
    /// whoever writes the next [`Outgoing::Frames`](crate::Outgoing::Frames). Returns whether nothing is left. Never called by
    /// two at once, nor before the rest of the last call was written.
    fn try_write(&self, frames: &[Bytes]) -> bool;
}

/// The tasks that write to sessions, each of its share of them.
pub(crate) struct Deliveries {
    /// Each holds a session at most once.
    shares: Vec<mpsc::UnboundedSender<Arc<Outbox>>>,
}

impl Deliveries {
    /// Starts as many tasks as can run at once.
    #[expect(clippy::disallowed_methods, reason = "a queue that holds each open session once is bounded by them")]
    pub(crate) fn start(tasks: &mut JoinSet<()>) -> Self {
        let shares = (0..available_parallelism().map_or(1, usize::from)).map(|_| {
            let (share, called) = mpsc::unbounded_channel();
            tasks.spawn(work(called));
            share
        });
        Self { shares: shares.collect() }
    }

    /// Has a session written to soon. If the engine is gone, so is whoever would notice.
    pub(super) fn call(&self, outbox: &Arc<Outbox>) {
        let share = outbox.session().0 % self.shares.len() as u64;
        let _ = self.shares[share as usize].send(Arc::clone(outbox));
    }
}

async fn work(mut called: mpsc::UnboundedReceiver<Arc<Outbox>>) {
    let mut outboxes = Vec::with_capacity(ROUND);
    let mut frames = vec![];
    while called.recv_many(&mut outboxes, ROUND).await > 0 {
        for outbox in outboxes.drain(..) {
            outbox.deliver(&mut frames);
        }
        yield_now().await;
    }
}
