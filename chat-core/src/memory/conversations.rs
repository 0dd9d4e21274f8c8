//! What members and strangers see of conversations. Nothing here changes anything.

use super::{MemoryStorage, State, StoredConversation, StoredMember};
use crate::{
    Conversation, ConversationId, ConversationStorage, GroupListing, Kind, Member, Message, MessageId, Page, Position,
    Search, StorageError, Summary, UserId, Visibility, limits,
};
use async_trait::async_trait;
use std::ops::Bound;

#[async_trait]
impl ConversationStorage for MemoryStorage {
    async fn find_conversation(
        &self,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Result<Option<Conversation>, StorageError> {
        Ok(self.state().seen_by(viewer, conversation).map(|stored| stored.conversation.clone()))
    }

    async fn list_conversations(
        &self,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<Summary>, StorageError> {
        let state = self.state();
        let mut listed: Vec<_> = state.conversations_of(viewer).collect();
        listed.retain(|stored| kind.is_none_or(|kind| stored.conversation.kind == kind));
        listed.retain(|stored| before.is_none_or(|before| stored.activity < before));
        listed.sort_by_key(|stored| std::cmp::Reverse(stored.activity));
        let page = Page::cut(listed, limit, |stored| stored.activity);
        Ok(page.map(|stored| state.summary(stored, viewer)))
    }

    async fn list_memberships(&self, user: UserId) -> Result<Vec<ConversationId>, StorageError> {
        Ok(self.state().conversations_of(user).map(|stored| stored.conversation.id).collect())
    }

    async fn list_positions(&self, viewer: UserId) -> Result<Vec<Position>, StorageError> {
        let state = self.state();
        let position = |stored: &StoredConversation| Position {
            conversation: stored.conversation.id,
            last_seq: stored.conversation.last_seq,
            unread: stored.unread(viewer),
            read_up_to: stored.read_up_to(viewer),
        };
        Ok(state.conversations_of(viewer).map(position).collect())
    }

    async fn list_members(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Option<Page<Member>>, StorageError> {
        let state = self.state();
        let Some(stored) = state.seen_by(viewer, conversation) else { return Ok(None) };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let joins = stored.joins.range((start, Bound::Unbounded)).take(limit as usize + 1);
        let page = Page::cut(joins.collect(), limit, |(join, _)| **join);
        Ok(Some(page.map(|(_, user)| state.member(*user, &stored.members[user]))))
    }

    async fn find_member(&self, conversation: ConversationId, user: UserId) -> Result<Option<Member>, StorageError> {
        let state = self.state();
        let found = state.conversations.get(&conversation).and_then(|stored| stored.members.get(&user));
        Ok(found.map(|member| state.member(user, member)))
    }

    async fn find_public_group(&self, group: ConversationId) -> Result<Option<GroupListing>, StorageError> {
        Ok(self.state().conversations.get(&group).and_then(listing))
    }

    async fn list_public_groups(
        &self,
        search: Option<&Search>,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Page<GroupListing>, StorageError> {
        let state = self.state();
        let key = search.map(Search::key);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let listings = state.conversations.range((start, Bound::Unbounded)).filter_map(|(_, stored)| listing(stored));
        let found =
            listings.filter(|group| key.as_deref().is_none_or(|key| Search::folded(group.name.as_str()).contains(key)));
        Ok(Page::cut(found.take(limit as usize + 1).collect(), limit, |group| group.id.get()))
    }
}

impl State {
    fn conversations_of(&self, user: UserId) -> impl Iterator<Item = &StoredConversation> {
        let ids = self.users.get(&user).into_iter().flat_map(|stored| &stored.conversations);
        ids.filter_map(|id| self.conversations.get(id))
    }

    pub(super) fn member(&self, user: UserId, member: &StoredMember) -> Member {
        Member { user, username: self.name(user), role: member.role, joined_at: member.joined_at }
    }

    fn summary(&self, stored: &StoredConversation, viewer: UserId) -> Summary {
        let first = stored.joins.values().take(limits::MEMBERS_LISTED_IN_PAGE_MAX as usize);
        Summary {
            conversation: stored.conversation.clone(),
            members: first.map(|user| self.name(*user)).collect(),
            unread: stored.unread(viewer),
            last_message: stored.messages.values().next_back().cloned(),
            read_up_to: stored.read_up_to(viewer),
        }
    }
}

impl StoredConversation {
    fn read_up_to(&self, viewer: UserId) -> Option<MessageId> {
        self.members.get(&viewer).and_then(|member| member.read_up_to)
    }

    fn unread(&self, viewer: UserId) -> u32 {
        let after_mark = (self.read_up_to(viewer).map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let unread = self.messages.range(after_mark).filter(|(_, message)| counts(message, viewer));
        unread.take(limits::UNREAD_MAX as usize).fold(0, |count, _| count + 1)
    }
}

/// Whether a message after the mark is unread to `viewer`.
fn counts(message: &Message, viewer: UserId) -> bool {
    message.sender != viewer && !message.deleted
}

fn listing(stored: &StoredConversation) -> Option<GroupListing> {
    let Conversation { id, kind, name, visibility, member_count, .. } = &stored.conversation;
    let public = *kind == Kind::Group && *visibility == Visibility::Public;
    public.then(|| GroupListing { id: *id, name: name.clone(), member_count: *member_count })
}
