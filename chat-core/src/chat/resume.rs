//! Catching up. The rule: a client that applies of each conversation only the event after its last one, and asks to resume
//! when there is another, sees every event once and in order.
//!
//! Positions are read first, and no event above them is replayed: at that moment the user was a member, so whatever is
//! replayed was theirs to see. What comes after the positions is delivered live.

use super::Chat;
use crate::wire::{ResumedView, SummaryView};
use crate::{ConversationId, Epoch, Error, Position, Seq, UserId, limits};
use bytes::Bytes;
use std::collections::HashMap;

/// What a client was told last.
pub(crate) struct LastSeen {
    pub(crate) epoch: Epoch,
    pub(crate) conversations: HashMap<ConversationId, Seq>,
}

/// All of a user's conversations at one moment.
pub(crate) struct Snapshot {
    pub(crate) epoch: Epoch,
    pub(crate) conversations: Vec<SummaryView>,
    /// The place of the newest change in each.
    pub(crate) places: HashMap<ConversationId, Seq>,
}

/// What a client has missed.
pub(crate) struct Missed {
    /// The events, in order within each conversation.
    pub(crate) events: Vec<Bytes>,
    /// This history, by which the client resumes the next time.
    pub(crate) epoch: Epoch,
    pub(crate) conversations: Vec<ResumedView>,
    /// The place of the newest change in each.
    pub(crate) places: HashMap<ConversationId, Seq>,
}

impl Chat {
    /// All of a user's conversations. What changes from now on is an event.
    pub(crate) async fn snapshot(&self, user: UserId) -> Result<Snapshot, Error> {
        let epoch = self.inner.storage.epoch().await?;
        let every = u32::try_from(limits::MEMBERSHIPS_MAX).unwrap_or(u32::MAX);
        let summaries = self.inner.storage.list_conversations(user, None, None, every).await?.items;
        let places = summaries.iter().map(|summary| (summary.conversation.id, summary.conversation.last_seq));
        let places = places.collect();
        Ok(Snapshot { epoch, conversations: summaries.into_iter().map(SummaryView::from).collect(), places })
    }

    /// What a client has missed since it was told last, never in part: a conversation of which too much is missing is to be
    /// fetched anew.
    pub(crate) async fn missed(&self, user: UserId, seen: &LastSeen) -> Result<Missed, Error> {
        let epoch = self.inner.storage.epoch().await?;
        let is_same_history = epoch == seen.epoch;
        let positions = self.inner.storage.list_positions(user).await?;
        let places = positions.iter().map(|position| (position.conversation, position.last_seq)).collect();
        let mut missed = Missed { events: vec![], epoch, conversations: vec![], places };
        let mut bytes_left = limits::RESUME_BYTES_MAX;
        for position in positions {
            let last_seen = seen.conversations.get(&position.conversation).filter(|_| is_same_history);
            let gap = self.gap(&position, last_seen.copied(), bytes_left).await?;
            bytes_left -= gap.iter().flatten().map(Bytes::len).sum::<usize>();
            missed.conversations.push(ResumedView::of_member(position, gap.is_none()));
            missed.events.extend(gap.into_iter().flatten());
        }
        let left = seen.conversations.keys().filter(|conversation| !missed.places.contains_key(conversation));
        missed.conversations.extend(left.map(|conversation| ResumedView::of_stranger(*conversation)));
        Ok(missed)
    }

    /// The events between what a client has seen of a conversation and its position; `None` if they are not to be replayed.
    async fn gap(&self, position: &Position, seen: Option<Seq>, bytes_max: usize) -> Result<Option<Vec<Bytes>>, Error> {
        let Position { conversation, last_seq, .. } = *position;
        let Some(seen) = seen else { return Ok(None) };
        match last_seq.get() - seen.get() {
            0 => Ok(Some(vec![])),
            1..=limits::RESUME_EVENTS_MAX if bytes_max > 0 => {
                let events = self.inner.replays.events(conversation, seen, last_seq).await?;
                Ok(events.filter(|events| events.iter().map(Bytes::len).sum::<usize>() <= bytes_max))
            }
            _ => Ok(None),
        }
    }
}
