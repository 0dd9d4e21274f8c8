//! Finding out what was missed. The rule: whatever may have been missed is found by comparing with the storage; what cannot
//! be told any more as it happened, clients are told to fetch.

use super::Cluster;
use super::lines::Settled;
use crate::frame::{Frame, Lane};
use crate::hub::{Audience, CloseReason};
use crate::{ConversationId, Identity, Position, Seq, StorageError, UserId, wire};
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::timeout;

/// Users who are compared at once: few, so that those who work have their share of the storage.
const CONCURRENCY: usize = 4;
/// Shortest time between two comparisons, and until one that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long comparing one user may take, with all there is to read.
const PATIENCE: Duration = Duration::from_secs(60);

/// Compares whenever something may have been missed.
pub(super) async fn run(cluster: &Cluster) {
    loop {
        cluster.doubt.notified().await;
        // A storage that panics must not end all comparing.
        match AssertUnwindSafe(compare(cluster)).catch_unwind().await {
            Ok(Ok(())) => {}
            failed => {
                tracing::warn!(failed = ?failed.ok(), "what was missed is looked for later");
                cluster.doubt();
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Compares all that sessions of this node hear with what they should have heard.
async fn compare(cluster: &Cluster) -> Result<(), StorageError> {
    let identities = cluster.hub.identities();
    stream::iter(distinct(&identities))
        .map(|identity| in_time(put_out_if_ended(cluster, identity)))
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    let users: HashSet<_> = identities.iter().map(|identity| identity.user).collect();
    stream::iter(users)
        .map(|user| in_time(compare_user(cluster, user)))
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await
}

/// Gives up what the storage does not answer, so that it is done again.
async fn in_time(asking: impl Future<Output = Result<(), StorageError>>) -> Result<(), StorageError> {
    timeout(PATIENCE, asking).await.unwrap_or_else(|late| Err(StorageError::Unavailable(late.into())))
}

/// One identity for each login, and for each user who came by none.
fn distinct(identities: &[Identity]) -> Vec<Identity> {
    let distinct: HashMap<_, _> =
        identities.iter().map(|identity| ((identity.user, identity.login), *identity)).collect();
    distinct.into_values().collect()
}

/// Closes the sessions of a login or a user that has ended, which another node may have said in vain.
async fn put_out_if_ended(cluster: &Cluster, identity: Identity) -> Result<(), StorageError> {
    if !identity.is_alive(&*cluster.storage, cluster.clock.now()).await? {
        let audience = identity.login.map_or(Audience::User(identity.user), Audience::Login);
        cluster.hub.close(audience, CloseReason::LoginEnded);
    }
    Ok(())
}

/// Reads how far a user's conversations have come, and sets right which of them the user hears.
async fn compare_user(cluster: &Cluster, user: UserId) -> Result<(), StorageError> {
    let heard = cluster.hub.heard_by(user);
    let positions = cluster.storage.list_positions(user).await?;
    for Position { conversation, last_seq, .. } in &positions {
        cluster.lines.rung(*conversation, *last_seq);
        if heard.iter().any(|heard| !heard.contains(conversation)) {
            settle(cluster, user, *conversation, Some(*last_seq), &lagged()).await?;
        }
    }
    let own: HashSet<_> = positions.iter().map(|position| position.conversation).collect();
    let gone: HashSet<_> = heard.into_iter().flatten().filter(|conversation| !own.contains(conversation)).collect();
    for conversation in gone {
        // The departure is an event to be told, unless the conversation went with it.
        cluster.lines.doubt(conversation);
        cluster.catch_up(conversation).await;
        settle(cluster, user, conversation, None, &lagged()).await?;
    }
    Ok(())
}

/// Lets a user no longer hear a conversation of which they are no member; and lets a member hear it if there is a `base`, after
/// which it begins if nobody has heard it yet. If that is news to them, they get `frame`.
pub(super) async fn settle(
    cluster: &Cluster,
    user: UserId,
    conversation: ConversationId,
    base: Option<Seq>,
    frame: &Frame,
) -> Result<(), StorageError> {
    loop {
        let announced = cluster.lines.announced(conversation);
        let member = cluster.storage.find_member(conversation, user).await?;
        let settled = match (member, base) {
            (Some(_), None) => Settled::Done,
            (Some(_), Some(base)) => cluster.lines.let_in((user, conversation), announced, base, frame),
            (None, _) => cluster.lines.let_out((user, conversation), announced, frame),
        };
        if settled == Settled::Done {
            return Ok(());
        }
    }
}

/// What lets a client ask what it has missed.
pub(super) fn lagged() -> Frame {
    Frame { bytes: wire::lagged(), lane: Lane::Event(None) }
}
