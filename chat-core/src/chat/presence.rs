//! Who is there. The rule: presence is what the hub knows now, and what other nodes say of theirs; nothing stores "online", so
//! nothing can be left online, and contacts who could not be told are told later. Each node tells the contacts who are with it.

use super::Inner;
use crate::cluster::Cluster;
use crate::hub::{SessionHub, Topic};
use crate::{StorageError, User, UserId, UserKey, wire};
use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// When to try again to tell contacts, if the storage was away.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// What contacts have been told.
#[derive(Default)]
pub(super) struct Presence(Mutex<Told>);

#[derive(Default)]
struct Told {
    /// The users who are online, as far as their contacts know.
    online: HashSet<UserId>,
    /// Those of them who were at this node at some time since they came.
    here: HashSet<UserId>,
    /// The users whose contacts could not be told.
    owed: HashSet<UserId>,
}

/// Keeps contacts told, until the engine is dropped.
pub(super) async fn announce(hub: Arc<dyn SessionHub>, cluster: Option<Arc<Cluster>>, engine: Weak<Inner>) {
    let mut is_settled = true;
    loop {
        if is_settled {
            changed(&*hub, cluster.as_deref()).await;
        } else {
            // An error means that it is time to try again.
            let _ = timeout(RETRY_INTERVAL, changed(&*hub, cluster.as_deref())).await;
        }
        let Some(engine) = engine.upgrade() else { return };
        is_settled = engine.settle_presence().await;
    }
}

/// Waits until someone came or went, here or elsewhere.
async fn changed(hub: &dyn SessionHub, cluster: Option<&Cluster>) {
    match cluster {
        None => hub.presence_changed().await,
        Some(cluster) => tokio::select! {
            () = hub.presence_changed() => {}
            () = cluster.presence_changed() => {}
        },
    }
}

impl Inner {
    /// Which of these users are online, here or at another node.
    pub(super) fn online(&self, users: &[UserId]) -> HashSet<UserId> {
        let mut online = self.hub.online(users);
        if let Some(cluster) = &self.cluster {
            online.extend(cluster.online_elsewhere(users));
        }
        online
    }

    /// Tells contacts of users who came and went: one frame for a first session, one for the last, none for those between.
    /// Returns whether all who are to be told have been.
    pub(super) async fn settle_presence(&self) -> bool {
        let mut told = self.presence.0.lock().await;
        let mut moved = std::mem::take(&mut told.owed);
        let moved_here = self.hub.take_presence_changes();
        let moved_elsewhere = self.cluster.as_ref().map(|cluster| cluster.take_presence_changes()).unwrap_or_default();
        moved.extend(moved_here.iter().chain(moved_elsewhere.keys()));
        told.here.extend(self.hub.online(&moved_here));
        let moved: Vec<_> = moved.into_iter().collect();
        let online = self.online(&moved);
        let moved: Vec<_> =
            moved.into_iter().filter(|user| online.contains(user) != told.online.contains(user)).collect();
        // The node that a user was at stores it, unless it fell silent.
        let is_ours = |user: &UserId| told.here.contains(user) || moved_elsewhere.get(user) == Some(&true);
        self.note_last_online(&moved.iter().copied().filter(is_ours).collect::<Vec<_>>()).await;
        if let Some(cluster) = &self.cluster {
            cluster.tell_moved(&moved_here);
        }
        for user in moved {
            let is_online = online.contains(&user);
            if let Err(error) = self.tell_contacts(user, is_online).await {
                tracing::warn!(%error, %user, "contacts are told later who is online");
                told.owed.insert(user);
            } else if is_online {
                told.online.insert(user);
            } else {
                told.online.remove(&user);
                told.here.remove(&user);
            }
        }
        told.owed.is_empty()
    }

    /// Stores that users were there now, before anyone hears of it: whoever asks after hearing is told the new time. Those who
    /// come are noted too, so that a process that is killed remembers when they were last seen.
    async fn note_last_online(&self, moved: &[UserId]) {
        if moved.is_empty() {
            return;
        }
        if let Err(error) = self.storage.put_last_online(moved, self.clock.now()).await {
            tracing::warn!(%error, "it was not stored when users were last online");
        }
    }

    async fn tell_contacts(&self, user: UserId, is_online: bool) -> Result<(), StorageError> {
        let contacts = self.storage.list_contacts(user).await?;
        if contacts.is_empty() {
            return Ok(());
        }
        let Some(User { username, .. }) = self.storage.find_user(&UserKey::Id(user)).await? else { return Ok(()) };
        let frame = wire::presence(user, &username, is_online);
        for contact in contacts {
            self.hub.publish(Topic::User(contact.id), frame.clone().into());
        }
        Ok(())
    }
}
