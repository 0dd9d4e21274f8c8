//! Who is in a conversation: what the rules need to know of it, and what they lead to. The rule: `member_count` and the rows
//! of `members` change together, here only.

use super::events::{Entry, record};
use super::{NO_CONVERSATION, name_of};
use crate::blocks::optional_reach;
use crate::{Done, Fields, Transaction, fields, sql};
use chat_core::rules::{self, Effect, Situation, Target};
use chat_core::{ConversationId, Event, EventKind, Role, Timestamp, UserId};

/// What the rules need to know of conversation `$1`, actor `$2` and target `$3`.
pub const SITUATION: &str = concat!(
    "SELECT c.id, c.kind, c.name, c.visibility, c.created_at, c.last_seq, c.member_count,
        (SELECT role FROM main.members WHERE conversation_id = c.id AND user_id = $2),
        (SELECT id FROM main.users WHERE id = $3 AND deleted = FALSE),
        (SELECT role FROM main.members WHERE conversation_id = c.id AND user_id = $3),
        ",
    crate::reach!("$2", "$3"),
    ",
        (SELECT user_id FROM main.members WHERE conversation_id = c.id AND user_id IS DISTINCT FROM $3
            ORDER BY join_rank LIMIT 1)
    FROM main.conversations AS c WHERE c.id = $1"
);

/// Reads what the rules need to know.
pub(super) async fn situation(
    transaction: &mut impl Transaction,
    actor: UserId,
    conversation: ConversationId,
    target: Option<UserId>,
) -> Done<Situation> {
    let decode = |row: &mut Fields<'_>| {
        let (conversation, actor) = (fields::conversation(row)?, row.optional_word(Role::from_stored)?);
        let (user, role, reach) = (row.optional_id()?, row.optional_word(Role::from_stored)?, optional_reach(row)?);
        let target = user.map(|user| Target { user, role, reach });
        Ok(Situation { conversation, actor, target, heir: row.optional_id()? })
    };
    let values = sql!(SITUATION, conversation.get(), actor.get(), target.map(UserId::get));
    Ok(transaction.find(values, decode).await?.ok_or(NO_CONVERSATION)?)
}

/// Carries out what the rules led to, each with a place and an event of its own.
pub(super) async fn carry_out(
    transaction: &mut impl Transaction,
    conversation: ConversationId,
    actor: UserId,
    effects: &[Effect],
    at: Timestamp,
) -> Done<Vec<Event>> {
    let by = name_of(transaction, actor).await?;
    let mut events = Vec::with_capacity(effects.len());
    for effect in effects {
        let (entry, kind) = match *effect {
            Effect::PutMember(user, role) => {
                put(transaction, conversation, user, role, at).await?;
                let username = name_of(transaction, user).await?;
                (Some(Entry::MemberAdded(user, role)), EventKind::MemberAdded { user, username, role })
            }
            Effect::RemoveMember(user) => {
                remove(transaction, conversation, user).await?;
                let username = name_of(transaction, user).await?;
                let kind = EventKind::MemberRemoved { user, username, messages_deleted: false };
                (Some(Entry::MemberRemoved(user)), kind)
            }
            Effect::DeleteConversation => {
                delete_conversation(transaction, conversation).await?;
                (None, EventKind::ConversationDeleted)
            }
        };
        let seq = match entry {
            Some(entry) => Some(record(transaction, conversation, actor, entry).await?),
            None => None,
        };
        events.push(Event { conversation, seq, by: by.clone(), kind });
    }
    Ok(events)
}

/// Refuses if one of the users may not come into another conversation.
pub(super) async fn check_memberships(transaction: &mut impl Transaction, users: &[UserId]) -> Done<()> {
    let most = transaction.most_memberships(users).await?;
    Ok(rules::join(most.unsigned_abs())?)
}

/// Brings in newcomers in this order.
pub(super) async fn insert(
    transaction: &mut impl Transaction,
    conversation: ConversationId,
    newcomers: &[(UserId, Role)],
    at: Timestamp,
) -> Done<()> {
    transaction.insert_members(conversation, newcomers, at).await?;
    count(transaction, conversation, i64::try_from(newcomers.len()).unwrap_or(i64::MAX)).await
}

/// Gives a member a role, or brings in a newcomer with it.
async fn put(
    transaction: &mut impl Transaction,
    conversation: ConversationId,
    user: UserId,
    role: Role,
    at: Timestamp,
) -> Done<()> {
    let change = "UPDATE main.members SET role = $3 WHERE conversation_id = $1 AND user_id = $2";
    match transaction.execute(sql!(change, conversation.get(), user.get(), role.as_str())).await? {
        0 => insert(transaction, conversation, &[(user, role)], at).await,
        _ => Ok(()),
    }
}

pub(super) async fn remove(transaction: &mut impl Transaction, conversation: ConversationId, user: UserId) -> Done<()> {
    let remove = "DELETE FROM main.members WHERE conversation_id = $1 AND user_id = $2";
    transaction.execute(sql!(remove, conversation.get(), user.get())).await?;
    count(transaction, conversation, -1).await
}

async fn count(transaction: &mut impl Transaction, conversation: ConversationId, difference: i64) -> Done<()> {
    let count = "UPDATE main.conversations SET member_count = member_count + $2 WHERE id = $1";
    transaction.execute(sql!(count, conversation.get(), difference)).await?;
    Ok(())
}

async fn delete_conversation(transaction: &mut impl Transaction, conversation: ConversationId) -> Done<()> {
    for rows in [
        "DELETE FROM main.messages WHERE conversation_id = $1",
        "DELETE FROM main.events WHERE conversation_id = $1",
        "DELETE FROM main.members WHERE conversation_id = $1",
        "DELETE FROM main.conversations WHERE id = $1",
    ] {
        transaction.execute(sql!(rows, conversation.get())).await?;
    }
    Ok(())
}
