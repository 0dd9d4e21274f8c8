//! Defects of how conversations come to be.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, append_one, gap, news, outcomes};
use async_trait::async_trait;
use chat_core::{
    Action, Change, EventKind, Kind, MemoryStorage, NewConversation, StorageError, Timeline, UserId, UserKey,
    UserStorage, Visibility,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<DirectsAreAskedTooEarly>(
            "a direct conversation is looked up before it is created",
            "a_direct_conversation_created_at_once_exists_once",
        ),
        Case::of::<DirectsHaveADirection>(
            "a direct conversation exists once for each who asks",
            "a_direct_conversation_exists_once_whoever_asks",
        ),
        Case::of::<UnknownMembersAreLeftOut>(
            "members of a new group who do not exist are left out",
            "members_of_a_new_group_must_exist",
        ),
        Case::of::<RepliesGoAnywhere>(
            "a reply may name a message of another conversation",
            "a_reply_names_a_message_of_the_same_conversation",
        ),
    ]
}

/// Asks for a group that looks like another direct conversation.
fn twin(change: &Change, other: UserId) -> Change {
    let group = NewConversation::Group { name: None, visibility: Visibility::Private, members: vec![other] };
    Change { action: Action::Create(group), ..change.clone() }
}

/// With whom a change asks for a direct conversation.
fn other(change: &Change) -> Option<UserId> {
    match &change.action {
        Action::Create(NewConversation::Direct(other)) => Some(*other),
        _ => None,
    }
}

#[derive(Default)]
struct DirectsAreAskedTooEarly {
    known: Notes<[UserId; 2]>,
}

impl DirectsAreAskedTooEarly {
    fn is_known(&self, change: &Change) -> bool {
        other(change).is_some_and(|other| self.known.has(&[change.actor.min(other), change.actor.max(other)]))
    }

    fn note(&self, results: &Results) {
        for event in news(results) {
            if let EventKind::Created(conversation, members) = &event.kind
                && let (Kind::Direct, [one, other]) = (conversation.kind, &members[..])
            {
                self.known.put([one.user.min(other.user), one.user.max(other.user)], ());
            }
        }
    }
}

#[async_trait]
impl Defect for DirectsAreAskedTooEarly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let were_known: Vec<_> = batch.iter().map(|change| self.is_known(change)).collect();
        gap().await;
        let mut changes = batch.to_vec();
        for (change, was_known) in changes.iter_mut().zip(were_known) {
            if let (false, true, Some(other)) = (was_known, self.is_known(change), other(change)) {
                *change = twin(change, other);
            }
        }
        let results = inner.append(&changes).await?;
        self.note(&results);
        Ok(results)
    }
}

#[derive(Default)]
struct DirectsHaveADirection {
    asked: Notes<(UserId, UserId)>,
}

#[async_trait]
impl Defect for DirectsHaveADirection {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut changes = batch.to_vec();
        for change in &mut changes {
            let Some(other) = other(change) else { continue };
            if self.asked.has(&(other, change.actor)) && !self.asked.has(&(change.actor, other)) {
                *change = twin(change, other);
            }
            self.asked.put((change.actor, other), ());
        }
        inner.append(&changes).await
    }
}

#[derive(Default)]
struct UnknownMembersAreLeftOut;

#[async_trait]
impl Defect for UnknownMembersAreLeftOut {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut changes = batch.to_vec();
        for change in &mut changes {
            let Action::Create(NewConversation::Group { members, .. }) = &mut change.action else { continue };
            for user in std::mem::take(members) {
                members.extend(inner.find_user(&UserKey::Id(user)).await?.map(|user| user.id));
            }
        }
        inner.append(&changes).await
    }
}

#[derive(Default)]
struct RepliesGoAnywhere;

#[async_trait]
impl Defect for RepliesGoAnywhere {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, result) in outcomes(batch, &mut results) {
            let mut change = change.clone();
            if let (Action::Send { draft, .. }, Err(StorageError::Invalid { field: "reply_id", .. })) =
                (&mut change.action, &result)
            {
                draft.reply_id = None;
                *result = append_one(inner, &change).await;
            }
        }
        Ok(results)
    }
}
