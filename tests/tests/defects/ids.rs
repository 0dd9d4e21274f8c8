//! The defect of ids: users and conversations draw theirs from two sequences, so that one id names both.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::said_mut;
use async_trait::async_trait;
use chat_core::{
    Action, Change, Conversation, ConversationId, ConversationStorage, Event, EventKind, GroupListing, History, Kind,
    Member, MemoryStorage, Message, MessageId, Page, Position, Search, Seq, Summary, Timeline, UserId,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![Case::of::<TwoSequences>(
        "ids of users and conversations come from two sequences",
        "an_id_names_one_user_or_one_conversation",
    )]
}

/// Shows each conversation under the id before its own, which somebody else has.
#[derive(Default)]
struct TwoSequences;

fn shown(own: ConversationId) -> ConversationId {
    ConversationId::try_from(own.get() - 1).unwrap()
}

fn own(shown: ConversationId) -> ConversationId {
    ConversationId::try_from(shown.get() + 1).unwrap()
}

fn shown_conversation(found: Conversation) -> Conversation {
    Conversation { id: shown(found.id), ..found }
}

fn shown_message(message: Message) -> Message {
    Message { conversation: shown(message.conversation), ..message }
}

fn shown_group(group: GroupListing) -> GroupListing {
    GroupListing { id: shown(group.id), ..group }
}

fn shown_event(mut event: Event) -> Event {
    event.conversation = shown(event.conversation);
    if let EventKind::Created(conversation, _) = &mut event.kind {
        conversation.id = shown(conversation.id);
    }
    if let Some(message) = said_mut(&mut event) {
        message.conversation = shown(message.conversation);
    }
    event
}

fn own_change(mut change: Change) -> Change {
    if let Action::Send { conversation, .. }
    | Action::Update { conversation, .. }
    | Action::AddMember { conversation, .. }
    | Action::RemoveMember { conversation, .. }
    | Action::DeleteConversation { conversation } = &mut change.action
    {
        *conversation = own(*conversation);
    }
    change
}

#[async_trait]
impl Defect for TwoSequences {
    async fn find_conversation(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Stored<Option<Conversation>> {
        Ok(inner.find_conversation(viewer, own(conversation)).await?.map(shown_conversation))
    }

    async fn list_conversations(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<Page<Summary>> {
        Ok(inner.list_conversations(viewer, kind, before, limit).await?.map(|summary| Summary {
            conversation: shown_conversation(summary.conversation),
            last_message: summary.last_message.map(shown_message),
            ..summary
        }))
    }

    async fn list_memberships(&self, inner: &MemoryStorage, user: UserId) -> Stored<Vec<ConversationId>> {
        Ok(inner.list_memberships(user).await?.into_iter().map(shown).collect())
    }

    async fn list_positions(&self, inner: &MemoryStorage, viewer: UserId) -> Stored<Vec<Position>> {
        let positions = inner.list_positions(viewer).await?.into_iter();
        Ok(positions.map(|position| Position { conversation: shown(position.conversation), ..position }).collect())
    }

    async fn list_members(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
        after: Option<i64>,
        limit: u32,
    ) -> Stored<Option<Page<Member>>> {
        inner.list_members(viewer, own(conversation), after, limit).await
    }

    async fn find_member(&self, inner: &MemoryStorage, group: ConversationId, user: UserId) -> Stored<Option<Member>> {
        inner.find_member(own(group), user).await
    }

    async fn find_public_group(&self, inner: &MemoryStorage, group: ConversationId) -> Stored<Option<GroupListing>> {
        Ok(inner.find_public_group(own(group)).await?.map(shown_group))
    }

    async fn list_public_groups(
        &self,
        inner: &MemoryStorage,
        search: Option<&Search>,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Stored<Page<GroupListing>> {
        let page = inner.list_public_groups(search, after.map(own), limit).await?.map(shown_group);
        Ok(Page { next: page.next.map(|next| next - 1), ..page })
    }

    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let batch: Vec<_> = batch.iter().cloned().map(own_change).collect();
        let mut results = inner.append(&batch).await?;
        for appended in results.iter_mut().flatten() {
            appended.events = std::mem::take(&mut appended.events).into_iter().map(shown_event).collect();
        }
        Ok(results)
    }

    async fn events_after(
        &self,
        inner: &MemoryStorage,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Stored<Page<Event>> {
        Ok(inner.events_after(own(conversation), after, limit).await?.map(shown_event))
    }

    async fn find_message(&self, inner: &MemoryStorage, viewer: UserId, id: MessageId) -> Stored<Option<Message>> {
        Ok(inner.find_message(viewer, id).await?.map(shown_message))
    }

    async fn list_messages(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Stored<Option<Page<Message>>> {
        let page = inner.list_messages(viewer, own(conversation), history, limit).await?;
        Ok(page.map(|page| page.map(shown_message)))
    }
}
