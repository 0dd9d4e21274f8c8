//! Changes of a group and its members. The rule: [`rules`] decides, [`members`](super::members) carries out.

use super::events::{Entry, record};
use super::members::{carry_out, check_memberships, situation};
use super::{NO_USER, find_actor, name_of};
use crate::{Done, Transaction, sql};
use chat_core::{
    Appended, Conversation, ConversationId, ConversationName, Event, EventKind, Role, Search, Timestamp, UserId,
    Visibility, rules,
};

pub(super) async fn update(
    transaction: &mut impl Transaction,
    actor: UserId,
    id: ConversationId,
    name: Option<&ConversationName>,
    visibility: Option<Visibility>,
) -> Done<Appended> {
    let situation = situation(transaction, actor, id, None).await?;
    let updated = rules::update(&situation, name, visibility)?;
    let by = name_of(transaction, actor).await?;
    let event = |seq, name, visibility| Event { conversation: id, seq, by, kind: EventKind::Updated(name, visibility) };
    let Some((name, visibility)) = updated else {
        let Conversation { name, visibility, .. } = situation.conversation;
        return Ok(Appended::before(event(None, name, visibility)));
    };
    let update = "UPDATE main.conversations SET name = $2, name_key = $3, visibility = $4 WHERE id = $1";
    let name_key = Search::folded(name.as_str());
    transaction.execute(sql!(update, id.get(), name.as_str(), name_key, visibility.as_str())).await?;
    let seq = record(transaction, id, actor, Entry::Updated(&name, visibility)).await?;
    Ok(Appended::now(vec![event(Some(seq), name, visibility)]))
}

pub(super) async fn add_member(
    transaction: &mut impl Transaction,
    actor: UserId,
    id: ConversationId,
    (user, role): (UserId, Option<Role>),
    at: Timestamp,
) -> Done<Appended> {
    let situation = situation(transaction, actor, id, Some(user)).await?;
    let effects = rules::add_member(actor, role, &situation)?;
    let current = situation.target.ok_or(NO_USER)?.role;
    match current {
        Some(role) if effects.is_empty() => {
            let username = name_of(transaction, user).await?;
            let kind = EventKind::MemberAdded { user, username, role };
            let by = name_of(transaction, actor).await?;
            return Ok(Appended::before(Event { conversation: id, seq: None, by, kind }));
        }
        Some(_) => {}
        None => check_memberships(transaction, &[user]).await?,
    }
    Ok(Appended::now(carry_out(transaction, id, actor, &effects, at).await?))
}

pub(super) async fn remove_member(
    transaction: &mut impl Transaction,
    actor: UserId,
    id: ConversationId,
    user: UserId,
    at: Timestamp,
) -> Done<Appended> {
    let effects = rules::remove_member(actor, &situation(transaction, actor, id, Some(user)).await?)?;
    Ok(Appended::now(carry_out(transaction, id, actor, &effects, at).await?))
}

pub(super) async fn delete(
    transaction: &mut impl Transaction,
    actor: UserId,
    id: ConversationId,
    at: Timestamp,
) -> Done<Appended> {
    let situation = situation(transaction, actor, id, None).await?;
    let is_administrator = find_actor(transaction, actor).await?.is_some_and(|actor| actor.is_admin);
    let effects = rules::delete_conversation(&situation, is_administrator)?;
    Ok(Appended::now(carry_out(transaction, id, actor, &effects, at).await?))
}
