//! Defects of blocks: asked too early, seen from the wrong side, told to those who are to learn nothing.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, append_one, gap, news_mut, outcomes};
use async_trait::async_trait;
use chat_core::{
    Action, BlockStorage, Blocked, Change, ContactStorage, ConversationStorage, EventKind, MemoryStorage, StorageError,
    Timeline, Timestamp, User, UserId, UserKey, UserStorage,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<AskedTooEarly>(
            "whether someone is blocked is asked before the transaction",
            "nothing_is_said_once_a_block_is_answered",
        ),
        Case::of::<EditsGoThrough>(
            "what was said before a block is edited into something else",
            "what_was_said_directly_is_edited_no_more_but_deleted",
        ),
        Case::of::<ContactsStay>("who is blocked stays a contact", "a_block_ends_being_contacts_for_good"),
        Case::of::<HalfABlock>("contacts end before the block is stored", "a_dropped_block_is_whole_or_none"),
        Case::of::<TellsWhy>("who is blocked is told so", "a_block_is_answered_as_a_block_of_all_strangers"),
        Case::of::<MarksAreTold>(
            "read marks reach who is blocked",
            "read_marks_of_two_who_are_apart_are_private",
        ),
        Case::of::<ClosedBothWays>(
            "who is blocked is closed to who blocks them, too",
            "a_user_is_closed_to_whom_they_block",
        ),
        Case::of::<AdministratorsAreKeptOut>(
            "an administrator is kept out like anybody",
            "nobody_is_closed_to_an_administrator",
        ),
    ]
}

/// Stores a change as if the other one of its direct conversation had not blocked its actor.
async fn append_unblocked(inner: &MemoryStorage, change: &Change) -> Stored<chat_core::Appended> {
    for summary in inner.list_conversations(change.actor, None, None, 100).await?.items {
        for member in inner.list_members(change.actor, summary.conversation.id, None, 100).await?.unwrap().items {
            inner.remove_block(member.user, Blocked::User(change.actor)).await?;
            inner.remove_block(member.user, Blocked::Strangers).await?;
        }
    }
    append_one(inner, change).await
}

async fn is_closed_to(inner: &MemoryStorage, actor: UserId) -> Stored<bool> {
    let all: Vec<_> = inner.list_users(None, None, 1_000).await?.items.iter().map(|user| user.id).collect();
    Ok(!inner.find_closed(actor, &all).await?.is_empty())
}

#[derive(Default)]
struct AskedTooEarly;

#[async_trait]
impl Defect for AskedTooEarly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut were_open = vec![];
        for change in batch {
            were_open.push(!is_closed_to(inner, change.actor).await?);
        }
        gap().await;
        let mut results = inner.append(batch).await?;
        for ((change, result), was_open) in outcomes(batch, &mut results).zip(were_open) {
            if let (Action::Send { .. }, true, Err(StorageError::Forbidden(_))) = (&change.action, was_open, &result) {
                *result = append_unblocked(inner, change).await;
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct EditsGoThrough;

#[async_trait]
impl Defect for EditsGoThrough {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, result) in outcomes(batch, &mut results) {
            if let (Action::Edit { .. }, Err(StorageError::Forbidden(_))) = (&change.action, &result) {
                *result = append_unblocked(inner, change).await;
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct ContactsStay {
    kept: Notes<UserId, User>,
}

#[async_trait]
impl Defect for ContactsStay {
    async fn put_block(&self, inner: &MemoryStorage, user: UserId, blocked: Blocked, at: Timestamp) -> Stored<bool> {
        if let Blocked::User(other) = blocked
            && let Some(contact) = inner.list_contacts(user).await?.into_iter().find(|contact| contact.id == other)
        {
            self.kept.put(user, contact);
        }
        inner.put_block(user, blocked, at).await
    }

    async fn list_contacts(&self, inner: &MemoryStorage, user: UserId) -> Stored<Vec<User>> {
        let mut contacts = inner.list_contacts(user).await?;
        contacts.extend(self.kept.find(&user));
        Ok(contacts)
    }
}

#[derive(Default)]
struct HalfABlock;

#[async_trait]
impl Defect for HalfABlock {
    async fn put_block(&self, inner: &MemoryStorage, user: UserId, blocked: Blocked, at: Timestamp) -> Stored<bool> {
        if let Blocked::User(other) = blocked {
            inner.remove_contact(user, other).await?;
        }
        gap().await;
        inner.put_block(user, blocked, at).await
    }
}

#[derive(Default)]
struct TellsWhy;

#[async_trait]
impl Defect for TellsWhy {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, result) in outcomes(batch, &mut results) {
            if let Err(StorageError::Forbidden(sentence)) = result
                && is_blocked_by_name(inner, change.actor).await?
            {
                *sentence = "you are blocked";
            }
        }
        Ok(results)
    }
}

async fn is_blocked_by_name(inner: &MemoryStorage, actor: UserId) -> Stored<bool> {
    for user in inner.list_users(None, None, 1_000).await?.items {
        let blocked = inner.list_blocked(user.id, None, 1_000).await?.items;
        if blocked.iter().any(|blocked| blocked.id == actor) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[derive(Default)]
struct MarksAreTold;

#[async_trait]
impl Defect for MarksAreTold {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for event in news_mut(&mut results) {
            if let EventKind::Read { is_private, .. } = &mut event.kind {
                *is_private = false;
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct ClosedBothWays;

#[async_trait]
impl Defect for ClosedBothWays {
    async fn find_closed(&self, inner: &MemoryStorage, viewer: UserId, users: &[UserId]) -> Stored<Vec<UserId>> {
        let mut closed = inner.find_closed(viewer, users).await?;
        for user in users {
            if !closed.contains(user) && !inner.find_closed(*user, &[viewer]).await?.is_empty() {
                closed.push(*user);
            }
        }
        Ok(closed)
    }
}

#[derive(Default)]
struct AdministratorsAreKeptOut;

#[async_trait]
impl Defect for AdministratorsAreKeptOut {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = vec![];
        for change in batch {
            let is_admin = inner.find_user(&UserKey::Id(change.actor)).await?.is_some_and(|actor| actor.is_admin);
            results.push(match is_admin && is_blocked_by_name(inner, change.actor).await? {
                true => Err(StorageError::Forbidden("only their contacts reach this user")),
                false => append_one(inner, change).await,
            });
        }
        Ok(results)
    }
}
