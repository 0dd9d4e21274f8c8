//! What connects the nodes of one engine. The rule: a link carries texts that it does not read, and owes nobody their
//! arrival; whoever misses some finds out, and compares with the storage.

use crate::{Action, Appended};
use async_trait::async_trait;
use bytes::Bytes;

/// What a node hears from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// What one of them broadcast.
    Payload(Bytes),
    /// Something may have been missed, as when a connection was lost and made again.
    Gap,
}

/// Why a payload was not broadcast, as far as the link knows. The engine broadcasts the same bytes again, later; whoever has
/// them already drops them.
#[derive(Debug, thiserror::Error)]
#[error("the link is not available")]
pub struct LinkError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl LinkError {
    /// The link is away, for this reason.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}

/// Connects the nodes that share one storage. Payloads are texts in UTF-8 without NUL, neither empty nor longer than allowed.
/// They arrive whole and at most once, and those of one node in the order in which it broadcast them. A node may hear its own.
///
/// Losing a payload is allowed, even unnoticed: the engine numbers what it sends. `NOTIFY`, a NATS subject and a Redis
/// channel are all enough.
#[async_trait]
pub trait Link: Send + Sync {
    /// How long a payload may be: at least 1,024 bytes, and always the same.
    fn payload_bytes_max(&self) -> usize;

    /// Broadcasts a payload to all other nodes. Never called by two at once. If the future is dropped, the payload may have
    /// been broadcast or not.
    async fn broadcast(&self, payload: Bytes) -> Result<(), LinkError>;

    /// Waits for the next payload since the link was made, or for a gap among them. For one receiver at a time; cancelling it
    /// loses nothing. A link that lost its connection makes it again here, however long that takes.
    async fn receive(&self) -> Received;
}

/// The payloads that tell all nodes of a change which a host stored in a transaction of its own: for a storage that offers
/// this, and can broadcast from inside the transaction what arrives only once that is committed.
#[must_use]
pub fn payloads_of(action: &Action, appended: &Appended, payload_bytes_max: usize) -> Vec<Bytes> {
    crate::cluster::payloads_of(action, appended, payload_bytes_max)
}
