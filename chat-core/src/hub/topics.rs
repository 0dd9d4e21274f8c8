//! Who hears which topic. The rule: a publisher walks a snapshot and holds no lock, so that a large topic keeps nobody from
//! joining or leaving, and whoever joins copies one small part of it at the most.

use crate::hub::{Outbox, Topic};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Sessions in one part of a topic: what joining or leaving copies if someone is publishing at that moment.
const PART_MAX: usize = 64;

/// The sessions on a topic at one moment.
pub(super) type Subscribers = Arc<Vec<Arc<Vec<Arc<Outbox>>>>>;

/// All topics that someone hears.
#[derive(Default)]
pub(super) struct Topics(RwLock<HashMap<Topic, Subscribers>>);

impl Topics {
    /// The sessions on a topic now.
    pub(super) fn subscribers(&self, topic: Topic) -> Option<Subscribers> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&topic).cloned()
    }

    /// How many sessions are on a topic now.
    pub(super) fn count(&self, topic: Topic) -> usize {
        let topics = self.0.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(&topic).map_or(0, |parts| parts.iter().map(|part| part.len()).sum())
    }

    /// Puts a session on a topic that it is not on.
    pub(super) fn add(&self, topic: Topic, outbox: &Arc<Outbox>) {
        let mut topics = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let parts = Arc::make_mut(topics.entry(topic).or_default());
        match parts.last_mut().filter(|part| part.len() < PART_MAX) {
            Some(part) => Arc::make_mut(part).push(Arc::clone(outbox)),
            None => parts.push(Arc::new(vec![Arc::clone(outbox)])),
        }
    }

    /// Takes a session off a topic, and forgets a topic that nobody is on.
    pub(super) fn remove(&self, topic: Topic, outbox: &Arc<Outbox>) {
        let mut topics = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(parts) = topics.get_mut(&topic) else { return };
        let parts = Arc::make_mut(parts);
        let is_it = |other: &Arc<Outbox>| Arc::ptr_eq(other, outbox);
        let found =
            parts.iter().enumerate().find_map(|(part, outboxes)| Some((part, outboxes.iter().position(is_it)?)));
        if let Some((part, position)) = found {
            Arc::make_mut(&mut parts[part]).swap_remove(position);
            if parts[part].is_empty() {
                parts.swap_remove(part);
            }
        }
        if parts.is_empty() {
            topics.remove(&topic);
        }
    }
}
