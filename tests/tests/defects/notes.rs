//! What defects are made of: notes of what went by, gaps in which others get in between, and small looks into batches.

use crate::broken::{Results, Stored};
use chat_core::{
    Action, Appended, Change, ConversationId, Event, EventKind, MemoryStorage, Message, Nonce, Role, Timeline, UserId,
};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The time between two statements that belong into one transaction, as long as a database in the network would take.
pub(crate) async fn gap() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// What a defect remembers beside the storage.
pub(crate) struct Notes<K, V = ()>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Notes<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Notes<K, V> {
    pub(crate) fn put(&self, key: K, value: V) {
        self.with(|notes| notes.insert(key, value));
    }

    pub(crate) fn find(&self, key: &K) -> Option<V> {
        self.with(|notes| notes.get(key).cloned())
    }

    pub(crate) fn take(&self, key: &K) -> Option<V> {
        self.with(|notes| notes.remove(key))
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.with(|notes| notes.contains_key(key))
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut HashMap<K, V>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Who owns each group: those through whom a defect does what others may not.
#[derive(Default)]
pub(crate) struct Owners(Notes<ConversationId, UserId>);

impl Owners {
    pub(crate) fn note(&self, results: &Results) {
        for event in news(results) {
            if let EventKind::Created(conversation, members) = &event.kind {
                let owner = members.iter().find(|member| member.role == Role::Owner);
                owner.inspect(|owner| self.0.put(conversation.id, owner.user));
            }
        }
    }

    pub(crate) fn of(&self, group: ConversationId) -> Option<UserId> {
        self.0.find(&group)
    }
}

/// Carries out one change.
pub(crate) async fn append_one(inner: &MemoryStorage, change: &Change) -> Stored<Appended> {
    inner.append(std::slice::from_ref(change)).await?.remove(0)
}

/// Everything that is to be announced.
pub(crate) fn news(results: &Results) -> impl Iterator<Item = &Event> {
    results.iter().flatten().filter(|appended| appended.is_new).flat_map(|appended| &appended.events)
}

/// The same, to be falsified.
pub(crate) fn news_mut(results: &mut Results) -> impl Iterator<Item = &mut Event> {
    results.iter_mut().flatten().filter(|appended| appended.is_new).flat_map(|appended| &mut appended.events)
}

/// The changes of a batch, each with what became of it.
pub(crate) fn outcomes<'a>(
    batch: &'a [Change],
    results: &'a mut Results,
) -> impl Iterator<Item = (&'a Change, &'a mut Stored<Appended>)> {
    batch.iter().zip(results)
}

/// The message that an event is about.
pub(crate) fn said(event: &Event) -> Option<&Message> {
    match &event.kind {
        EventKind::Sent(message) | EventKind::Edited(message) | EventKind::Deleted(message) => Some(message),
        _ => None,
    }
}

/// The same, to be falsified.
pub(crate) fn said_mut(event: &mut Event) -> Option<&mut Message> {
    match &mut event.kind {
        EventKind::Sent(message) | EventKind::Edited(message) | EventKind::Deleted(message) => Some(message),
        _ => None,
    }
}

/// The conversation that a change names.
pub(crate) fn place(change: &Change) -> Option<ConversationId> {
    match &change.action {
        Action::Send { conversation, .. }
        | Action::Update { conversation, .. }
        | Action::AddMember { conversation, .. }
        | Action::RemoveMember { conversation, .. }
        | Action::DeleteConversation { conversation } => Some(*conversation),
        _ => None,
    }
}

/// The nonce of a message to be sent, with its sender.
pub(crate) fn nonce(change: &Change) -> Option<(UserId, Nonce)> {
    match &change.action {
        Action::Send { draft, .. } => Some((change.actor, draft.nonce.clone()?)),
        _ => None,
    }
}

/// The same change under another nonce, or none.
pub(crate) fn with_nonce(change: &Change, nonce: Option<Nonce>) -> Change {
    let mut change = change.clone();
    if let Action::Send { draft, .. } = &mut change.action {
        draft.nonce = nonce;
    }
    change
}
