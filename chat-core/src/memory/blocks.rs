//! Blocks, kept with whoever blocks. The rule: a block by name and being contacts exclude each other.

use super::{MemoryStorage, NO_USER, State, StoredConversation};
use crate::rules::Reach;
use crate::{BlockStorage, Blocked, ConversationId, Kind, Page, StorageError, Timestamp, User, UserId, limits};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::ops::Bound;

/// Whom a user blocks.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) users: BTreeSet<UserId>,
    strangers: bool,
}

#[async_trait]
impl BlockStorage for MemoryStorage {
    async fn put_block(&self, user: UserId, blocked: Blocked, _at: Timestamp) -> Result<bool, StorageError> {
        let mut state = self.state();
        let blocks = &mut state.user_mut(user)?.blocks;
        let Blocked::User(other) = blocked else { return Ok(!std::mem::replace(&mut blocks.strangers, true)) };
        if user == other {
            return Err(StorageError::Invalid { field: "user_id", message: "must be someone else" });
        }
        if !state.users.contains_key(&other) {
            return Err(NO_USER);
        }
        let blocks = &mut state.user_mut(user)?.blocks;
        if blocks.users.contains(&other) {
            return Ok(false);
        }
        if blocks.users.len() as u64 >= limits::BLOCKS_MAX {
            return Err(StorageError::Forbidden("too many users are blocked"));
        }
        blocks.users.insert(other);
        state.user_mut(user)?.contacts.remove(&other);
        state.user_mut(other)?.contacts.remove(&user);
        Ok(true)
    }

    async fn remove_block(&self, user: UserId, blocked: Blocked) -> Result<bool, StorageError> {
        let mut state = self.state();
        let Some(stored) = state.users.get_mut(&user) else { return Ok(false) };
        Ok(match blocked {
            Blocked::User(other) => stored.blocks.users.remove(&other),
            Blocked::Strangers => std::mem::take(&mut stored.blocks.strangers),
        })
    }

    async fn list_blocked(&self, user: UserId, after: Option<UserId>, limit: u32) -> Result<Page<User>, StorageError> {
        let state = self.state();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let blocks = state.users.get(&user).map(|stored| &stored.blocks);
        let blocked = blocks.into_iter().flat_map(|blocks| blocks.users.range((start, Bound::Unbounded)));
        let found = blocked.filter_map(|blocked| state.user(*blocked)).take(limit as usize + 1);
        Ok(Page::cut(found.cloned().collect(), limit, |user| user.id.get()))
    }

    async fn blocks_strangers(&self, user: UserId) -> Result<bool, StorageError> {
        Ok(self.state().users.get(&user).is_some_and(|stored| stored.blocks.strangers))
    }

    async fn find_closed(&self, viewer: UserId, users: &[UserId]) -> Result<Vec<UserId>, StorageError> {
        let state = self.state();
        Ok(users.iter().copied().filter(|user| state.is_closed(*user, viewer)).collect())
    }

    async fn is_apart(&self, conversation: ConversationId) -> Result<bool, StorageError> {
        let state = self.state();
        Ok(state.conversation(conversation).is_ok_and(|stored| state.is_split(stored)))
    }
}

impl State {
    /// What stands between an actor and a user whom they turn to.
    pub(super) fn reach(&self, actor: UserId, user: UserId) -> Reach {
        if self.users.get(&actor).is_some_and(|stored| stored.blocks.users.contains(&user)) {
            return Reach::Blocked;
        }
        if self.is_closed(user, actor) { Reach::Closed } else { Reach::Open }
    }

    /// What stands between a member of a direct conversation and the other one; nothing in groups.
    pub(super) fn reach_in(&self, stored: &StoredConversation, actor: UserId) -> Reach {
        let mut others = stored.members.keys().filter(|member| **member != actor);
        match others.next() {
            Some(other) if stored.conversation.kind == Kind::Direct => self.reach(actor, *other),
            _ => Reach::Open,
        }
    }

    /// Whether one of the two of a direct conversation is closed to the other.
    pub(super) fn is_split(&self, stored: &StoredConversation) -> bool {
        let mut members = stored.members.keys();
        match (stored.conversation.kind, members.next(), members.next()) {
            (Kind::Direct, Some(one), Some(other)) => self.is_closed(*one, *other) || self.is_closed(*other, *one),
            _ => false,
        }
    }

    fn is_closed(&self, user: UserId, viewer: UserId) -> bool {
        if user == viewer || self.user(viewer).is_some_and(|viewer| viewer.is_admin) {
            return false;
        }
        self.users.get(&user).is_some_and(|stored| {
            let is_stranger = !stored.contacts.contains(&viewer);
            stored.blocks.users.contains(&viewer) || stored.blocks.strangers && is_stranger
        })
    }
}
