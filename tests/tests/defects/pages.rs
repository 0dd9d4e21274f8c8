//! Defects of pages and searches: borders off by one, filters after the cut, terms taken for patterns.

use crate::broken::{Case, Defect, Stored};
use async_trait::async_trait;
use chat_core::{
    ConversationId, ConversationStorage, Event, History, Kind, MemoryStorage, Message, MessageId, Page, Search, Seq,
    Summary, Timeline, User, UserId, UserStorage,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<BeforeIncludesItself>("messages before one include it", "older_messages_come_newest_first"),
        Case::of::<FullPagesPromiseMore>("a full last page promises another", "history_ends_exactly_at_its_borders"),
        Case::of::<AfterIncludesItself>("events after a place include it", "events_begin_after_the_place_asked_for"),
        Case::of::<CursorsSkipOne>(
            "the cursor of events points one too far",
            "pages_of_events_meet_without_gap_or_overlap",
        ),
        Case::of::<KindsAfterTheCut>(
            "conversations are picked by kind after the page is cut",
            "pages_of_one_kind_are_full",
        ),
        Case::of::<SearchAfterTheCut>("users are searched after the page is cut", "a_search_for_users_is_paged_too"),
        Case::of::<TermsArePatterns>(
            "a search takes % for anything",
            "a_search_for_users_takes_every_character_literally",
        ),
        Case::of::<OnlyAsciiHasCase>(
            "a search knows the case of ASCII only",
            "a_search_for_users_ignores_case_in_any_script",
        ),
    ]
}

#[derive(Default)]
struct BeforeIncludesItself;

#[async_trait]
impl Defect for BeforeIncludesItself {
    async fn list_messages(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Stored<Option<Page<Message>>> {
        let history = match history {
            History::Before(id) => History::Before(MessageId::try_from(id.get() + 1).unwrap()),
            other => other,
        };
        inner.list_messages(viewer, conversation, history, limit).await
    }
}

#[derive(Default)]
struct FullPagesPromiseMore;

#[async_trait]
impl Defect for FullPagesPromiseMore {
    async fn list_messages(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Stored<Option<Page<Message>>> {
        let page = inner.list_messages(viewer, conversation, history, limit).await?;
        Ok(page.map(|Page { items, .. }| {
            let last = items.last().filter(|_| items.len() == limit as usize);
            Page { next: last.map(|message| message.id.get()), items }
        }))
    }
}

#[derive(Default)]
struct AfterIncludesItself;

#[async_trait]
impl Defect for AfterIncludesItself {
    async fn events_after(
        &self,
        inner: &MemoryStorage,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Stored<Page<Event>> {
        let after = Seq::try_from(after.get() - 1).unwrap_or(Seq::ZERO);
        inner.events_after(conversation, after, limit).await
    }
}

#[derive(Default)]
struct CursorsSkipOne;

#[async_trait]
impl Defect for CursorsSkipOne {
    async fn events_after(
        &self,
        inner: &MemoryStorage,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Stored<Page<Event>> {
        let Page { items, next } = inner.events_after(conversation, after, limit).await?;
        Ok(Page { items, next: next.map(|next| next + 1) })
    }
}

#[derive(Default)]
struct KindsAfterTheCut;

#[async_trait]
impl Defect for KindsAfterTheCut {
    async fn list_conversations(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<Page<Summary>> {
        let mut page = inner.list_conversations(viewer, None, before, limit).await?;
        page.items.retain(|summary| kind.is_none_or(|kind| summary.conversation.kind == kind));
        Ok(page)
    }
}

#[derive(Default)]
struct SearchAfterTheCut;

#[async_trait]
impl Defect for SearchAfterTheCut {
    async fn list_users(
        &self,
        inner: &MemoryStorage,
        search: Option<&Search>,
        after: Option<UserId>,
        limit: u32,
    ) -> Stored<Page<User>> {
        let found = inner.list_users(search, None, u32::MAX).await?.items;
        let mut page = inner.list_users(None, after, limit).await?;
        page.items.retain(|user| found.contains(user));
        Ok(page)
    }
}

#[derive(Default)]
struct TermsArePatterns;

#[async_trait]
impl Defect for TermsArePatterns {
    async fn list_users(
        &self,
        inner: &MemoryStorage,
        search: Option<&Search>,
        after: Option<UserId>,
        limit: u32,
    ) -> Stored<Page<User>> {
        let search = search.filter(|search| search.as_str() != "%");
        inner.list_users(search, after, limit).await
    }
}

#[derive(Default)]
struct OnlyAsciiHasCase;

#[async_trait]
impl Defect for OnlyAsciiHasCase {
    async fn list_users(
        &self,
        inner: &MemoryStorage,
        search: Option<&Search>,
        after: Option<UserId>,
        limit: u32,
    ) -> Stored<Page<User>> {
        let mut page = inner.list_users(search, after, limit).await?;
        let term = search.map_or(String::new(), |search| search.as_str().to_ascii_lowercase());
        let contains = |text: &str| text.to_ascii_lowercase().contains(&term);
        page.items.retain(|user| contains(user.username.as_str()) || contains(user.fullname.as_str()));
        Ok(page)
    }
}
