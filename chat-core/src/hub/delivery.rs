//! Writing what outboxes hold without waking their sessions. The rule: a session that is called is written to at once, whatever
//! has been published to it by then; topics take turns, so that what is said to two waits for a few of the thousands that hear
//! something else, and not for all of them; between a few sessions and the next, everything else gets its turn.
//!
//! A message to a thousand members is a thousand writes. Waking a thousand tasks for them costs as much again, and keeps the
//! next request waiting behind them all.

use super::{Outbox, Topic};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};

/// Sessions that are written to before anything else gets its turn.
const ROUND: usize = 64;
/// Called sessions that are put into their turns before some are written to.
const CALLED_AT_ONCE: usize = 1_024;
/// Sessions of one topic that are written to before another topic gets its turn.
const TURN: usize = 16;

/// A connection that can be written to by others than its session's task.
pub trait TryWrite: Send + Sync {
    /// Writes what was left, then these text frames, as far as the connection takes them without waiting, and keeps the rest for
    /// whoever writes the next [`Outgoing::Frames`](crate::Outgoing::Frames). Returns whether nothing is left. Never called by
    /// two at once, nor before the rest of the last call was written.
    fn try_write(&self, frames: &[Bytes]) -> bool;
}

/// The tasks that write to sessions, each of its share of them.
pub(crate) struct Deliveries {
    /// Each holds a session at most twice.
    shares: Vec<mpsc::UnboundedSender<Called>>,
}

/// A session, and the topic that it was called for.
type Called = (Topic, Arc<Outbox>);

impl Deliveries {
    /// Starts as many tasks as can run at once.
    #[expect(clippy::disallowed_methods, reason = "a queue that holds each open session twice is bounded by them")]
    pub(crate) fn start(tasks: &mut JoinSet<()>) -> Self {
        let shares = (0..available_parallelism().map_or(1, usize::from)).map(|_| {
            let (share, called) = mpsc::unbounded_channel();
            tasks.spawn(work(called));
            share
        });
        Self { shares: shares.collect() }
    }

    /// Has a session written to soon. If the engine is gone, so is whoever would notice.
    pub(super) fn call(&self, outbox: &Arc<Outbox>, topic: Topic) {
        let share = outbox.session().0 % self.shares.len() as u64;
        let _ = self.shares[share as usize].send((topic, Arc::clone(outbox)));
    }
}

async fn work(mut called: mpsc::UnboundedReceiver<Called>) {
    let (mut arrived, mut turns, mut frames) = (vec![], Turns::default(), vec![]);
    loop {
        if (turns.is_empty() || !called.is_empty()) && called.recv_many(&mut arrived, CALLED_AT_ONCE).await == 0 {
            return;
        }
        turns.extend(arrived.drain(..));
        turns.take(ROUND, |outbox| outbox.deliver(&mut frames));
        yield_now().await;
    }
}

/// The sessions that were called, by topic.
#[derive(Default)]
struct Turns {
    sessions: HashMap<Topic, VecDeque<Arc<Outbox>>>,
    /// The topics of these sessions, the next one first.
    topics: VecDeque<Topic>,
}

impl Turns {
    fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    fn extend(&mut self, called: impl Iterator<Item = Called>) {
        for (topic, outbox) in called {
            let sessions = self.sessions.entry(topic).or_default();
            if sessions.is_empty() {
                self.topics.push_back(topic);
            }
            sessions.push_back(outbox);
        }
    }

    /// Takes so many sessions, a few from each topic in turn.
    fn take(&mut self, mut count: usize, mut each: impl FnMut(Arc<Outbox>)) {
        while count > 0
            && let Some(topic) = self.topics.pop_front()
            && let Some(sessions) = self.sessions.get_mut(&topic)
        {
            let turn = sessions.len().min(TURN).min(count);
            count -= turn;
            sessions.drain(..turn).for_each(&mut each);
            if sessions.is_empty() {
                self.sessions.remove(&topic);
            } else {
                self.topics.push_back(topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::OutboxLimits;
    use crate::{ConversationId, Identity, SessionId, UserId};

    /// A session, called for a conversation.
    fn called(conversation: i64, session: u64) -> Called {
        let identity = Identity::from(UserId::try_from(1).unwrap());
        let limits = OutboxLimits { bytes_max: 1, signals_max: 1 };
        let topic = Topic::Conversation(ConversationId::try_from(conversation).unwrap());
        (topic, Arc::new(Outbox::new(SessionId(session), &identity, limits)))
    }

    fn take(turns: &mut Turns, count: usize) -> Vec<u64> {
        let mut taken = vec![];
        turns.take(count, |outbox| taken.push(outbox.session().0));
        taken
    }

    #[test]
    fn topics_take_turns_and_each_keeps_its_order() {
        let mut turns = Turns::default();
        turns.extend((0..40).map(|session| called(1, session)).chain([called(2, 100), called(3, 200)]));
        turns.extend([called(2, 101)].into_iter());
        let expected: Vec<_> = (0..16).chain([100, 101, 200]).chain(16..20).collect();
        assert_eq!(take(&mut turns, 23), expected);
        turns.extend([called(2, 102)].into_iter());
        let expected: Vec<_> = (20..36).chain([102]).chain(36..40).collect();
        assert_eq!(take(&mut turns, 64), expected);
        assert!(turns.is_empty() && turns.sessions.is_empty());
    }
}
