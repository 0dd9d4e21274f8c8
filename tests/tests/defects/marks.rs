//! Defects of read marks and of what is counted as unread.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, append_one, news, outcomes};
use async_trait::async_trait;
use chat_core::{
    Action, Change, ConversationId, ConversationStorage, EventKind, History, Kind, MemoryStorage, Message, MessageId,
    Page, Summary, Timeline, UserId,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<OwnMessagesAreUnread>("one's own messages are unread", "what_one_sends_oneself_is_not_unread"),
        Case::of::<DeletedMessagesAreUnread>("deleted messages are unread", "a_deleted_message_is_not_unread"),
        Case::of::<CountingNeverStops>(
            "counting of unread messages never stops",
            "counting_of_unread_messages_stops_at_its_limit",
        ),
        Case::of::<HistoryIsUnread>(
            "to a newcomer all of the history is unread",
            "to_a_newcomer_nothing_before_is_unread",
        ),
        Case::of::<MarksMoveBack>("a read mark moves back", "a_read_mark_never_moves_back"),
        Case::of::<VisibleMarksMove>(
            "the marks of visible messages move though another is hidden",
            "with_one_invisible_message_no_mark_moves",
        ),
    ]
}

/// Lists conversations with another count of what is unread: of the messages after the mark those that `counts` picks.
async fn recounted(
    inner: &MemoryStorage,
    (viewer, kind, before, limit): (UserId, Option<Kind>, Option<i64>, u32),
    counts: impl Fn(&Message, UserId) -> bool + Send,
) -> Stored<Page<Summary>> {
    let mut page = inner.list_conversations(viewer, kind, before, limit).await?;
    for summary in &mut page.items {
        let after_mark = summary.read_up_to.map_or(History::Oldest, History::After);
        let messages = inner.list_messages(viewer, summary.conversation.id, after_mark, u32::MAX - 1).await?;
        let unread = messages.iter().flat_map(|page| &page.items).filter(|message| counts(message, viewer)).count();
        summary.unread = u32::try_from(unread).unwrap();
    }
    Ok(page)
}

#[derive(Default)]
struct OwnMessagesAreUnread;

#[async_trait]
impl Defect for OwnMessagesAreUnread {
    async fn list_conversations(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<Page<Summary>> {
        recounted(inner, (viewer, kind, before, limit), |message, _| !message.deleted).await
    }
}

#[derive(Default)]
struct DeletedMessagesAreUnread;

#[async_trait]
impl Defect for DeletedMessagesAreUnread {
    async fn list_conversations(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<Page<Summary>> {
        recounted(inner, (viewer, kind, before, limit), |message, viewer| message.sender != viewer).await
    }
}

#[derive(Default)]
struct CountingNeverStops;

#[async_trait]
impl Defect for CountingNeverStops {
    async fn list_conversations(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<Page<Summary>> {
        let counts = |message: &Message, viewer| message.sender != viewer && !message.deleted;
        recounted(inner, (viewer, kind, before, limit), counts).await
    }
}

#[derive(Default)]
struct HistoryIsUnread {
    newcomers: Notes<(ConversationId, UserId), Option<MessageId>>,
}

#[async_trait]
impl Defect for HistoryIsUnread {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let results = inner.append(batch).await?;
        for event in news(&results) {
            if let EventKind::MemberAdded { user, .. } = event.kind {
                let positions = inner.list_positions(user).await?.into_iter();
                let here = positions.filter(|position| position.conversation == event.conversation);
                here.for_each(|position| self.newcomers.put((event.conversation, user), position.read_up_to));
            }
        }
        Ok(results)
    }

    async fn list_conversations(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<Page<Summary>> {
        let mut page = inner.list_conversations(viewer, kind, before, limit).await?;
        for summary in &mut page.items {
            if self.newcomers.find(&(summary.conversation.id, viewer)) == Some(summary.read_up_to) {
                summary.read_up_to = None;
            }
        }
        Ok(page)
    }
}

#[derive(Default)]
struct MarksMoveBack {
    marks: Notes<(ConversationId, UserId), MessageId>,
}

#[async_trait]
impl Defect for MarksMoveBack {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, result) in outcomes(batch, &mut results) {
            let (Action::MarkRead { messages }, Ok(appended)) = (&change.action, result) else { continue };
            for event in &mut appended.events {
                if let (EventKind::Read { user, message, .. }, [asked]) = (&mut event.kind, &messages[..]) {
                    *message = *asked;
                    self.marks.put((event.conversation, *user), *asked);
                }
            }
        }
        Ok(results)
    }

    async fn list_conversations(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<Page<Summary>> {
        let mut page = inner.list_conversations(viewer, kind, before, limit).await?;
        for summary in &mut page.items {
            summary.read_up_to = self.marks.find(&(summary.conversation.id, viewer)).or(summary.read_up_to);
        }
        Ok(page)
    }
}

#[derive(Default)]
struct VisibleMarksMove;

#[async_trait]
impl Defect for VisibleMarksMove {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, _) in outcomes(batch, &mut results).filter(|(_, result)| result.is_err()) {
            let Action::MarkRead { messages } = &change.action else { continue };
            for message in messages {
                let action = Action::MarkRead { messages: vec![*message] };
                append_one(inner, &Change { action, ..change.clone() }).await.ok();
            }
        }
        Ok(results)
    }
}
