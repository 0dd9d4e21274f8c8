//! Missed events, read for many sessions at once. The rule: one read per conversation is in flight; whoever asks meanwhile
//! shares the next one. When a thousand sessions return after a restart, a conversation is read twice, not a thousand times.

use crate::metrics::RESUME_READ_SECONDS;
use crate::{ConversationId, Error, Seq, Storage, limits, wire};
use bytes::Bytes;
use futures::FutureExt;
use metrics::{Histogram, histogram};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Encoded events of one conversation in `seq` order, shared by all who asked.
#[derive(Clone, Default)]
struct Events {
    encoded: Arc<Vec<(Seq, Bytes)>>,
    /// The place up to which they are complete: above it, they would have been too many bytes.
    up_to: Seq,
}

/// The reads under way, each with those who wait for the next one.
#[derive(Clone)]
pub(super) struct Replays {
    storage: Arc<dyn Storage>,
    reading: Arc<Mutex<HashMap<ConversationId, Vec<Wanted>>>>,
    read_seconds: Histogram,
}

struct Wanted {
    after: Seq,
    up_to: Seq,
    done: oneshot::Sender<Result<Events, Error>>,
}

impl Replays {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, reading: Arc::default(), read_seconds: histogram!(RESUME_READ_SECONDS) }
    }

    /// The events of a conversation above `after`, up to and with `up_to`; `None` if they are more than
    /// [`limits::RESUME_BYTES_MAX`].
    pub(super) async fn events(
        &self,
        conversation: ConversationId,
        after: Seq,
        up_to: Seq,
    ) -> Result<Option<Vec<Bytes>>, Error> {
        let (done, events) = oneshot::channel();
        self.want(conversation, Wanted { after, up_to, done });
        let events = events.await.map_err(|_| Error::Unavailable)??;
        if events.up_to < up_to {
            return Ok(None);
        }
        let wanted = events.encoded.iter().filter(|(seq, _)| (after.next()..=up_to).contains(seq));
        Ok(Some(wanted.map(|(_, bytes)| bytes.clone()).collect()))
    }

    fn want(&self, conversation: ConversationId, wanted: Wanted) {
        let mut reading = self.reading();
        if let Some(waiting) = reading.get_mut(&conversation) {
            waiting.push(wanted);
            return;
        }
        reading.insert(conversation, vec![wanted]);
        // A task of its own: the session that asked first may go away before the others have their answer.
        tokio::spawn(self.clone().read(conversation));
    }

    async fn read(self, conversation: ConversationId) {
        while let Some(waiting) = self.next(conversation) {
            // A storage that panics must fail those who wait and not those who come after them.
            let events = AssertUnwindSafe(self.fetch(conversation, &waiting)).catch_unwind().await;
            let events = events.unwrap_or(Err(Error::Unavailable));
            for wanted in waiting {
                // Whoever has gone away needs no answer.
                let _ = wanted.done.send(events.clone());
            }
        }
    }

    /// Takes all who wait; if nobody does, the reading of this conversation ends.
    fn next(&self, conversation: ConversationId) -> Option<Vec<Wanted>> {
        let mut reading = self.reading();
        let waiting = std::mem::take(reading.get_mut(&conversation)?);
        if waiting.is_empty() {
            reading.remove(&conversation);
            return None;
        }
        Some(waiting)
    }

    /// Reads all that is wanted, page by page, as far as it is not too much.
    async fn fetch(&self, conversation: ConversationId, waiting: &[Wanted]) -> Result<Events, Error> {
        let mut read = waiting.iter().map(|wanted| wanted.after).min().unwrap_or_default();
        let wanted = waiting.iter().map(|wanted| wanted.up_to).max().unwrap_or_default();
        let (mut encoded, mut bytes) = (vec![], 0);
        while read < wanted && bytes <= limits::RESUME_BYTES_MAX {
            let begun = Instant::now();
            let page = self.storage.events_after(conversation, read, limits::RESUME_PAGE).await?;
            self.read_seconds.record(begun.elapsed());
            let events =
                page.items.iter().filter_map(|event| Some((event.seq?, wire::announcement(event, None).bytes)));
            let before = encoded.len();
            encoded.extend(events);
            let Some((last, _)) = encoded[before..].last() else { break };
            read = *last;
            bytes += encoded[before..].iter().map(|(_, event)| event.len()).sum::<usize>();
        }
        Ok(Events { encoded: Arc::new(encoded), up_to: read })
    }

    fn reading(&self) -> MutexGuard<'_, HashMap<ConversationId, Vec<Wanted>>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
