//! Deleting a user. The rule: the row stays under the name that their traces carry, so that whatever names them still can.

use super::events::{Entry, record};
use super::members::{carry_out, remove, situation};
use super::{NO_USER, find_actor, name_of};
use crate::{Done, Transaction, sql};
use chat_core::rules::{self, Effect, Situation};
use chat_core::{
    Appended, Conversation, ConversationId, ConversationName, Event, EventKind, Kind, Search, Timestamp, UserId,
    Username,
};

pub(super) async fn delete_user(
    transaction: &mut impl Transaction,
    actor: UserId,
    user: UserId,
    at: Timestamp,
) -> Done<Appended> {
    let is_administrator = find_actor(transaction, actor).await?.is_some_and(|actor| actor.is_admin);
    rules::delete_user(actor, is_administrator, user)?;
    let username = find_actor(transaction, user).await?.ok_or(NO_USER)?.username;
    let conversations = transaction.list(sql!(FIND_TRACES, user.get()), |row| row.id()).await?;
    forget(transaction, user).await?;
    transaction.execute(sql!(EMPTY_MESSAGES, user.get())).await?;
    let mut events = vec![];
    for conversation in conversations {
        events.extend(depart(transaction, conversation, (user, &username), at).await?);
    }
    Ok(Appended::now(events))
}

/// The conversations that a user is in or wrote to.
pub const FIND_TRACES: &str = "
    SELECT conversation_id FROM main.members WHERE user_id = $1
    UNION SELECT conversation_id FROM main.messages WHERE sender_id = $1 ORDER BY 1";

/// Takes a user's messages their words. The place of the deletion is that of the event which is recorded next.
pub const EMPTY_MESSAGES: &str = "
    UPDATE main.messages SET content = '', deleted_seq =
        (SELECT last_seq + 1 FROM main.conversations AS c WHERE c.id = conversation_id)
    WHERE sender_id = $1 AND deleted_seq IS NULL";

/// Removes everything personal, and frees the name and the address.
async fn forget(transaction: &mut impl Transaction, user: UserId) -> Done<()> {
    let forget = "
        UPDATE main.users SET username = $2, username_key = $2, fullname = '', fullname_key = '', email = NULL,
            email_key = NULL, email_verified = FALSE, profile_picture = NULL, public_key = NULL, password = NULL,
            is_admin = FALSE, last_online = NULL, deleted = TRUE
        WHERE id = $1";
    transaction.execute(sql!(forget, user.get(), Username::of_deleted(user).as_str())).await?;
    transaction.execute(&crate::logins::revoke_all(user, None)).await?;
    transaction.execute(&crate::codes::remove_all(user)).await?;
    transaction.execute(&crate::blocks::remove_all(user)).await?;
    for contacts in crate::contacts::remove_all(user) {
        transaction.execute(&contacts).await?;
    }
    Ok(())
}

/// Takes the name of the user out of that of a conversation which is called after its members, and returns that of a group:
/// what a direct one is called then, everyone can tell.
async fn rename_without(
    transaction: &mut impl Transaction,
    situation: &Situation,
    (user, username): (UserId, &Username),
) -> Done<Option<ConversationName>> {
    let Conversation { id, kind, name, .. } = &situation.conversation;
    let new = match (kind, situation.heir) {
        (Kind::Direct, Some(other)) => {
            let other = name_of(transaction, other).await?;
            Some(ConversationName::of_members(&[other, Username::of_deleted(user)]))
        }
        _ => name.without(user, username),
    };
    if let Some(name) = &new {
        let rename = "UPDATE main.conversations SET name = $2, name_key = $3 WHERE id = $1";
        transaction.execute(sql!(rename, id.get(), name.as_str(), Search::folded(name.as_str()))).await?;
    }
    Ok(new.filter(|_| *kind == Kind::Group))
}

async fn depart(
    transaction: &mut impl Transaction,
    conversation: ConversationId,
    (user, username): (UserId, &Username),
    at: Timestamp,
) -> Done<Vec<Event>> {
    let situation = situation(transaction, user, conversation, Some(user)).await?;
    let mut consequences = vec![];
    if let Some(role) = situation.actor {
        remove(transaction, conversation, user).await?;
        consequences = rules::departure(&situation, user, role);
        consequences.retain(|effect| *effect != Effect::RemoveMember(user));
    }
    let renamed = rename_without(transaction, &situation, (user, username)).await?;
    let seq = record(transaction, conversation, user, Entry::UserDeleted(user)).await?;
    let by = name_of(transaction, user).await?;
    let kind = EventKind::MemberRemoved { user, username: by.clone(), messages_deleted: true };
    let mut events = vec![Event { conversation, seq: Some(seq), by: by.clone(), kind }];
    if let Some(name) = renamed {
        let visibility = situation.conversation.visibility;
        let seq = record(transaction, conversation, user, Entry::Updated(&name, visibility)).await?;
        events.push(Event { conversation, seq: Some(seq), by, kind: EventKind::Updated(name, visibility) });
    }
    events.extend(carry_out(transaction, conversation, user, &consequences, at).await?);
    Ok(events)
}
