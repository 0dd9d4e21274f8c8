//! The other nodes, and who is with them. The rule: a node is there as long as it is heard from; one that falls silent takes
//! all who were with it along.

use super::notes::{NodeId, Origin};
use crate::UserId;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How often a node is heard from at least.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);
/// How long a node is taken to be there after it was heard from: two heartbeats may be lost, and those who were with a node that
/// is killed are offline within ten seconds, though the others are busy.
const LEASE: Duration = Duration::from_secs(7);

/// What is known of the other nodes.
#[derive(Default)]
pub(super) struct Peers {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    nodes: HashMap<NodeId, Peer>,
    /// Users who came or went elsewhere since this was asked last; with them, whether their node fell silent.
    moved: HashMap<UserId, bool>,
}

struct Peer {
    number: u64,
    until: Instant,
    users: HashSet<UserId>,
    /// The list that it is telling.
    telling: Option<HashSet<UserId>>,
    /// Whether `users` is all of them.
    is_known: bool,
}

/// How a payload follows those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the next.
    Next,
    /// It has come before.
    Old,
    /// Some before it are missing.
    Gap,
}

impl Peers {
    /// Notes that a node was heard from.
    pub(super) fn hear(&self, from: Origin) -> Turn {
        let mut state = self.state();
        let until = Instant::now() + LEASE;
        let Some(peer) = state.nodes.get_mut(&from.node) else {
            // With the first that a node tells, it is only just there, and nobody with it.
            let is_first = from.number == 1;
            let peer = Peer { number: from.number, until, users: HashSet::new(), telling: None, is_known: is_first };
            state.nodes.insert(from.node, peer);
            return if is_first { Turn::Next } else { Turn::Gap };
        };
        peer.until = until;
        if from.number <= peer.number {
            return Turn::Old;
        }
        let is_next = from.number == peer.number + 1;
        peer.number = from.number;
        if !is_next {
            (peer.is_known, peer.telling) = (false, None);
        }
        if is_next { Turn::Next } else { Turn::Gap }
    }

    pub(super) fn came(&self, node: NodeId, users: &[UserId]) {
        let mut state = self.state();
        let Some(peer) = state.nodes.get_mut(&node) else { return };
        peer.telling.iter_mut().for_each(|telling| telling.extend(users));
        let new: Vec<_> = users.iter().copied().filter(|user| peer.users.insert(*user)).collect();
        self.moved(state, new, false);
    }

    pub(super) fn went(&self, node: NodeId, users: &[UserId]) {
        let mut state = self.state();
        let Some(peer) = state.nodes.get_mut(&node) else { return };
        if let Some(telling) = &mut peer.telling {
            telling.retain(|user| !users.contains(user));
        }
        let gone: Vec<_> = users.iter().copied().filter(|user| peer.users.remove(user)).collect();
        self.moved(state, gone, false);
    }

    /// Takes a part of the list of all who are with a node.
    pub(super) fn present(&self, node: NodeId, users: Vec<UserId>, is_last: bool) {
        let mut state = self.state();
        let Some(peer) = state.nodes.get_mut(&node) else { return };
        peer.telling.get_or_insert_default().extend(users);
        if !is_last {
            return;
        }
        let told = peer.telling.take().unwrap_or_default();
        let differing: Vec<_> = told.symmetric_difference(&peer.users).copied().collect();
        (peer.users, peer.is_known) = (told, true);
        self.moved(state, differing, false);
    }

    /// A node has taken leave.
    pub(super) fn bye(&self, node: NodeId) {
        let mut state = self.state();
        let gone = state.nodes.remove(&node).map(|peer| peer.users).unwrap_or_default();
        self.moved(state, gone, false);
    }

    /// Forgets the nodes that have fallen silent; whether there were any.
    pub(super) fn lapse(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let silent: Vec<_> = state.nodes.extract_if(|_, peer| peer.until <= now).collect();
        let is_any = !silent.is_empty();
        let gone: Vec<_> = silent.into_iter().flat_map(|(_, peer)| peer.users).collect();
        self.moved(state, gone, true);
        is_any
    }

    /// Whether it is known of all nodes who is with them.
    pub(super) fn are_known(&self) -> bool {
        self.state().nodes.values().all(|peer| peer.is_known)
    }

    /// Which of these users are with another node.
    pub(super) fn online(&self, users: &[UserId]) -> HashSet<UserId> {
        let state = self.state();
        let is_there = |user: &UserId| state.nodes.values().any(|peer| peer.users.contains(user));
        users.iter().copied().filter(is_there).collect()
    }

    /// Waits until [`take_moved`](Self::take_moved) has someone to name. For one waiter at a time.
    pub(super) async fn changed(&self) {
        while self.state().moved.is_empty() {
            self.changed.notified().await;
        }
    }

    /// Names the users who came or went since the last call, and whether they went because their node fell silent.
    pub(super) fn take_moved(&self) -> HashMap<UserId, bool> {
        std::mem::take(&mut self.state().moved)
    }

    fn moved(&self, mut state: MutexGuard<'_, State>, users: impl IntoIterator<Item = UserId>, is_silent: bool) {
        for user in users {
            *state.moved.entry(user).or_default() |= is_silent;
        }
        drop(state);
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
