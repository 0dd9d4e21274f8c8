//! A link between engines of one process, whose payloads can be lost and held up.

use super::links::Network;
use crate::link::{Link, LinkError, Received};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// Payloads that wait for a node. Above it, they are lost and a gap is told.
const WAITING_MAX: usize = 1_024;

/// What connects the engines of one process.
#[derive(Clone, Default)]
pub struct MemoryNetwork {
    inboxes: Arc<Mutex<Vec<Arc<Inbox>>>>,
    payload_bytes_max: Option<usize>,
}

/// One node's end of a [`MemoryNetwork`].
pub struct MemoryLink {
    network: MemoryNetwork,
    inbox: Arc<Inbox>,
    is_cut: watch::Sender<bool>,
}

#[derive(Default)]
struct Inbox {
    state: Mutex<Waiting>,
    came: Notify,
}

#[derive(Default)]
struct Waiting {
    payloads: VecDeque<Received>,
    is_held: bool,
    is_deaf: bool,
    broadcasts: usize,
    failures: usize,
}

impl MemoryNetwork {
    /// A network without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose payloads are at most this long.
    #[must_use]
    pub fn with_payload_bytes_max(bytes_max: usize) -> Self {
        Self { payload_bytes_max: Some(bytes_max), ..Self::default() }
    }

    /// The end for one more node.
    #[must_use]
    pub fn link(&self) -> Arc<MemoryLink> {
        let inbox = Arc::<Inbox>::default();
        self.inboxes().push(Arc::clone(&inbox));
        Arc::new(MemoryLink { network: self.clone(), inbox, is_cut: watch::Sender::new(false) })
    }

    /// Brings a payload to every node, as a host's transaction would.
    pub fn announce(&self, payload: &Bytes) {
        self.inboxes().iter().for_each(|inbox| inbox.put(payload));
    }

    fn inboxes(&self) -> MutexGuard<'_, Vec<Arc<Inbox>>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Network for MemoryNetwork {
    async fn link(&self) -> Arc<dyn Link> {
        self.link()
    }
}

impl MemoryLink {
    /// Loses whatever the others broadcast from now on, and tells nobody.
    pub fn deafen(&self) {
        self.inbox.state().is_deaf = true;
    }

    /// Brings what the others broadcast from now on, and says nothing of what was lost.
    pub fn hear_again(&self) {
        self.inbox.state().is_deaf = false;
    }

    /// Says that something may have been lost.
    pub fn gap(&self) {
        self.inbox.state().payloads.push_back(Received::Gap);
        self.inbox.came.notify_one();
    }

    /// Holds up what the others broadcast.
    pub fn hold(&self) {
        self.inbox.state().is_held = true;
    }

    /// Brings what was held up.
    pub fn release(&self) {
        self.inbox.state().is_held = false;
        self.inbox.came.notify_one();
    }

    /// Lets the next broadcasts fail, though they arrive.
    pub fn fail(&self, times: usize) {
        self.inbox.state().failures = times;
    }

    /// How many payloads this node has broadcast.
    #[must_use]
    pub fn broadcasts(&self) -> usize {
        self.inbox.state().broadcasts
    }

    /// Cuts the node off for good, as when its process is killed: nothing leaves it, nothing comes.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
        self.deafen();
    }
}

impl Inbox {
    fn put(&self, payload: &Bytes) {
        let mut waiting = self.state();
        if waiting.is_deaf {
            return;
        }
        if waiting.payloads.len() < WAITING_MAX {
            waiting.payloads.push_back(Received::Payload(payload.clone()));
        } else {
            waiting.payloads.clear();
            waiting.payloads.push_back(Received::Gap);
        }
        drop(waiting);
        self.came.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Link for MemoryLink {
    fn payload_bytes_max(&self) -> usize {
        self.network.payload_bytes_max.unwrap_or(7_999)
    }

    async fn broadcast(&self, payload: Bytes) -> Result<(), LinkError> {
        assert!(payload.len() <= self.payload_bytes_max(), "a payload is too long");
        if *self.is_cut.borrow() {
            return std::future::pending().await;
        }
        for inbox in self.network.inboxes().iter().filter(|inbox| !Arc::ptr_eq(inbox, &self.inbox)) {
            inbox.put(&payload);
        }
        let mut own = self.inbox.state();
        own.broadcasts += 1;
        if own.failures > 0 {
            own.failures -= 1;
            return Err(LinkError::new("told to fail"));
        }
        Ok(())
    }

    async fn receive(&self) -> Received {
        loop {
            let came = self.inbox.came.notified();
            {
                let mut waiting = self.inbox.state();
                if !waiting.is_held
                    && let Some(received) = waiting.payloads.pop_front()
                {
                    return received;
                }
            }
            came.await;
        }
    }
}
