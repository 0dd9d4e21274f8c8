//! Editing and deleting messages. The rule: the row is the only place that ever held the words.

use super::events::{Entry, find_deletion, record};
use super::{NO_MESSAGE, name_of};
use crate::blocks::optional_reach;
use crate::{Done, Fields, Transaction, fields, join_other, message_columns, reach, sql};
use chat_core::rules::Reach;
use chat_core::{Appended, Content, Event, EventKind, Message, MessageId, Role, Timestamp, UserId, rules};

pub(super) async fn edit(
    transaction: &mut impl Transaction,
    actor: UserId,
    id: MessageId,
    content: &Content,
    at: Timestamp,
) -> Done<Appended> {
    let (message, role, reach) = find(transaction, actor, id).await?.ok_or(NO_MESSAGE)?;
    rules::edit(actor, role, &message)?;
    rules::reach(reach)?;
    let conversation = message.conversation;
    let edit = "UPDATE main.messages SET content = $2, edited_at = $3 WHERE id = $1";
    transaction.execute(sql!(edit, id.get(), content.as_str(), at.0)).await?;
    let seq = record(transaction, conversation, actor, Entry::Edited(id)).await?;
    let by = message.sender_username.clone();
    let message = Message { content: content.as_str().to_owned(), edited_at: Some(at), ..message };
    Ok(Appended::now(vec![Event { conversation, seq: Some(seq), by, kind: EventKind::Edited(message) }]))
}

pub(super) async fn delete(transaction: &mut impl Transaction, actor: UserId, id: MessageId) -> Done<Appended> {
    let (message, role, _) = find(transaction, actor, id).await?.ok_or(NO_MESSAGE)?;
    rules::delete(actor, role, &message)?;
    if message.deleted {
        return deleted_before(transaction, message).await;
    }
    let conversation = message.conversation;
    let seq = record(transaction, conversation, actor, Entry::Deleted(id)).await?;
    let delete = "UPDATE main.messages SET content = '', deleted_seq = $2 WHERE id = $1";
    transaction.execute(sql!(delete, id.get(), seq.get())).await?;
    let by = name_of(transaction, actor).await?;
    let message = Message { content: String::new(), deleted: true, ..message };
    Ok(Appended::now(vec![Event { conversation, seq: Some(seq), by, kind: EventKind::Deleted(message) }]))
}

async fn deleted_before(transaction: &mut impl Transaction, message: Message) -> Done<Appended> {
    let (seq, by) = match find_deletion(transaction, &message).await? {
        Some((seq, by)) => (Some(seq), by),
        None => (None, message.sender_username.clone()),
    };
    Ok(Appended::before(Event { conversation: message.conversation, seq, by, kind: EventKind::Deleted(message) }))
}

/// A message, the actor's role where it was sent, and what stands between them and the other one if that is direct.
async fn find(
    transaction: &mut impl Transaction,
    actor: UserId,
    id: MessageId,
) -> Done<Option<(Message, Option<Role>, Reach)>> {
    let found = concat!(
        "SELECT members.role, ",
        reach!("$1", "other.id"),
        ", ",
        message_columns!(),
        " FROM main.messages AS m
        JOIN main.users AS sender ON sender.id = m.sender_id
        JOIN main.conversations AS c ON c.id = m.conversation_id
        LEFT JOIN main.members AS members ON members.conversation_id = m.conversation_id AND members.user_id = $1
        ",
        join_other!("$1"),
        " WHERE m.id = $2"
    );
    let decode = |row: &mut Fields<'_>| {
        let (role, reach) = (row.optional_word(Role::from_stored)?, optional_reach(row)?);
        Ok((fields::message(row)?, role, reach))
    };
    transaction.find(sql!(found, actor.get(), id.get()), decode).await
}
