//! Defects of the order: holes, places given twice, and readers who miss what comes late.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, Owners, gap, news, news_mut, place, said, said_mut};
use async_trait::async_trait;
use chat_core::{
    Action, Change, Conversation, ConversationId, ConversationStorage, Epoch, Event, EventKind, MemoryStorage, Message,
    MessageId, Page, Position, Seq, Timeline, Timestamp, UserId, Visibility,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<RefusalsTakePlaces>("a refused change takes a place", "a_refused_change_leaves_no_trace"),
        Case::of::<RivalsLeaveHoles>("changes at once leave holes", "appends_at_once_take_every_place_once"),
        Case::of::<RivalsShareAPlace>("changes at once get one place", "appends_at_once_take_every_place_once"),
        Case::of::<LateCommitsAreLost>(
            "a later place is read before an earlier one has committed",
            "nobody_reads_a_later_place_before_an_earlier_one",
        ),
        Case::of::<PlacesAreKnownEarly>(
            "the newest place is known before its event is there",
            "the_newest_place_is_never_ahead_of_the_events",
        ),
        Case::of::<PositionsAreEarly>(
            "positions are known before their events are there",
            "positions_are_never_ahead_of_the_events",
        ),
        Case::of::<PositionsOfManyMoments>("positions are read one after the other", "positions_are_all_of_one_moment"),
        Case::of::<ReadsLag>("events are read from a copy that lags behind", "what_is_returned_can_be_read_at_once"),
        Case::of::<EventsSkipDeletions>(
            "events leave out what concerns deleted messages",
            "a_deleted_message_loses_its_words_everywhere",
        ),
        Case::of::<EditsMoveMessages>(
            "an edit gives the message a new place",
            "an_edit_takes_a_place_and_the_message_keeps_its_own",
        ),
        Case::of::<EpochsPass>("every look shows another epoch", "the_epoch_stays_the_same"),
    ]
}

/// Places taken for nothing: the owner changes the visibility and changes it back, and nobody reads of it.
#[derive(Default)]
struct Holes {
    owners: Owners,
    hidden: Notes<(ConversationId, Option<Seq>)>,
}

impl Holes {
    async fn burn(&self, inner: &MemoryStorage, group: ConversationId) -> Stored<()> {
        let Some(owner) = self.owners.of(group) else { return Ok(()) };
        let Some(found) = inner.find_conversation(owner, group).await? else { return Ok(()) };
        let other = if found.visibility == Visibility::Public { Visibility::Private } else { Visibility::Public };
        let changes = [other, found.visibility].map(|visibility| Change {
            actor: owner,
            at: Timestamp(0),
            action: Action::Update { conversation: group, name: None, visibility: Some(visibility) },
        });
        news(&inner.append(&changes).await?).for_each(|event| self.hidden.put((group, event.seq), ()));
        Ok(())
    }

    fn hide(&self, mut page: Page<Event>) -> Page<Event> {
        page.items.retain(|event| !self.hidden.has(&(event.conversation, event.seq)));
        page
    }
}

#[derive(Default)]
struct RefusalsTakePlaces(Holes);

#[async_trait]
impl Defect for RefusalsTakePlaces {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let results = inner.append(batch).await?;
        self.0.owners.note(&results);
        for (change, _) in batch.iter().zip(&results).filter(|(_, result)| result.is_err()) {
            if let Some(group) = place(change) {
                self.0.burn(inner, group).await?;
            }
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
        Ok(self.0.hide(inner.events_after(conversation, after, limit).await?))
    }
}

#[derive(Default)]
struct RivalsLeaveHoles {
    holes: Holes,
    under_way: AtomicUsize,
}

#[async_trait]
impl Defect for RivalsLeaveHoles {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let rivals = self.under_way.fetch_add(1, Ordering::SeqCst);
        gap().await;
        let results = inner.append(batch).await?;
        self.holes.owners.note(&results);
        if let (true, Some(group)) = (rivals > 0, batch.iter().find_map(place)) {
            self.holes.burn(inner, group).await?;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        Ok(results)
    }

    async fn events_after(
        &self,
        inner: &MemoryStorage,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Stored<Page<Event>> {
        Ok(self.holes.hide(inner.events_after(conversation, after, limit).await?))
    }
}

/// Tells each the place after the newest that it saw.
#[derive(Default)]
struct RivalsShareAPlace;

#[async_trait]
impl Defect for RivalsShareAPlace {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut newest = HashMap::new();
        for (change, group) in batch.iter().filter_map(|change| Some((change, place(change)?))) {
            let found = inner.find_conversation(change.actor, group).await?;
            newest.extend(found.map(|found| (group, found.last_seq)));
        }
        gap().await;
        let mut results = inner.append(batch).await?;
        for event in news_mut(&mut results).filter(|event| event.seq.is_some()) {
            let Some(newest) = newest.get_mut(&event.conversation) else { continue };
            *newest = newest.next();
            event.seq = Some(*newest);
            if let EventKind::Sent(message) = &mut event.kind {
                message.seq = *newest;
            }
        }
        Ok(results)
    }
}

/// Every other commit takes its time, in which its places are taken and not to be seen.
#[derive(Default)]
struct LateCommitsAreLost {
    appends: AtomicUsize,
    uncommitted: Notes<(ConversationId, Option<Seq>)>,
}

#[async_trait]
impl Defect for LateCommitsAreLost {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let results = inner.append(batch).await?;
        let places: Vec<_> = news(&results).map(|event| (event.conversation, event.seq)).collect();
        places.iter().for_each(|place| self.uncommitted.put(*place, ()));
        if self.appends.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            gap().await;
        }
        self.uncommitted.with(|uncommitted| uncommitted.retain(|place, ()| !places.contains(place)));
        Ok(results)
    }

    async fn events_after(
        &self,
        inner: &MemoryStorage,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Stored<Page<Event>> {
        let mut page = inner.events_after(conversation, after, limit).await?;
        page.items.retain(|event| !self.uncommitted.has(&(conversation, event.seq)));
        Ok(page)
    }
}

/// Places that are given before their messages are stored.
#[derive(Default)]
struct Given(Notes<ConversationId, i64>);

impl Given {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let sends = batch.iter().filter(|change| matches!(change.action, Action::Send { .. }));
        let groups: Vec<_> = sends.filter_map(place).collect();
        self.count(&groups, 1);
        gap().await;
        let results = inner.append(batch).await;
        self.count(&groups, -1);
        results
    }

    fn count(&self, groups: &[ConversationId], step: i64) {
        self.0.with(|given| groups.iter().for_each(|group| *given.entry(*group).or_default() += step));
    }

    fn ahead(&self, group: ConversationId, newest: Seq) -> Seq {
        let given = self.0.find(&group).unwrap_or_default();
        Seq::try_from(newest.get() + given).unwrap()
    }
}

#[derive(Default)]
struct PlacesAreKnownEarly(Given);

#[async_trait]
impl Defect for PlacesAreKnownEarly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch).await
    }

    async fn find_conversation(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Stored<Option<Conversation>> {
        let found = inner.find_conversation(viewer, conversation).await?;
        Ok(found.map(|found| Conversation { last_seq: self.0.ahead(conversation, found.last_seq), ..found }))
    }
}

#[derive(Default)]
struct PositionsAreEarly(Given);

#[async_trait]
impl Defect for PositionsAreEarly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch).await
    }

    async fn list_positions(&self, inner: &MemoryStorage, viewer: UserId) -> Stored<Vec<Position>> {
        let mut positions = inner.list_positions(viewer).await?;
        for position in &mut positions {
            position.last_seq = self.0.ahead(position.conversation, position.last_seq);
        }
        Ok(positions)
    }
}

#[derive(Default)]
struct PositionsOfManyMoments;

#[async_trait]
impl Defect for PositionsOfManyMoments {
    async fn list_positions(&self, inner: &MemoryStorage, viewer: UserId) -> Stored<Vec<Position>> {
        let mut positions = vec![];
        for group in inner.list_memberships(viewer).await? {
            let now = inner.list_positions(viewer).await?;
            positions.extend(now.into_iter().find(|position| position.conversation == group));
            gap().await;
        }
        Ok(positions)
    }
}

/// The first who reads a conversation after an append does not see what it appended.
#[derive(Default)]
struct ReadsLag(Notes<ConversationId, Seq>);

#[async_trait]
impl Defect for ReadsLag {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let results = inner.append(batch).await?;
        news(&results).for_each(|event| event.seq.into_iter().for_each(|seq| self.0.put(event.conversation, seq)));
        Ok(results)
    }

    async fn events_after(
        &self,
        inner: &MemoryStorage,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Stored<Page<Event>> {
        let mut page = inner.events_after(conversation, after, limit).await?;
        let not_copied = self.0.take(&conversation);
        page.items.retain(|event| not_copied.is_none() || event.seq < not_copied);
        Ok(page)
    }
}

#[derive(Default)]
struct EventsSkipDeletions;

#[async_trait]
impl Defect for EventsSkipDeletions {
    async fn events_after(
        &self,
        inner: &MemoryStorage,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Stored<Page<Event>> {
        let mut page = inner.events_after(conversation, after, limit).await?;
        page.items.retain(|event| said(event).is_none_or(|message| !message.deleted));
        Ok(page)
    }
}

#[derive(Default)]
struct EditsMoveMessages(Notes<MessageId, Seq>);

#[async_trait]
impl Defect for EditsMoveMessages {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for event in news_mut(&mut results).filter(|event| matches!(event.kind, EventKind::Edited(_))) {
            if let (Some(seq), Some(message)) = (event.seq, said_mut(event)) {
                message.seq = seq;
                self.0.put(message.id, seq);
            }
        }
        Ok(results)
    }

    async fn find_message(&self, inner: &MemoryStorage, viewer: UserId, id: MessageId) -> Stored<Option<Message>> {
        let found = inner.find_message(viewer, id).await?;
        Ok(found.map(|message| Message { seq: self.0.find(&id).unwrap_or(message.seq), ..message }))
    }
}

#[derive(Default)]
struct EpochsPass(AtomicI64);

#[async_trait]
impl Defect for EpochsPass {
    async fn epoch(&self, _inner: &MemoryStorage) -> Stored<Epoch> {
        Ok(Epoch(self.0.fetch_add(1, Ordering::SeqCst).to_string()))
    }
}
