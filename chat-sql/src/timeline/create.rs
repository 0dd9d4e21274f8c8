//! Creating conversations. The rule: creation takes no place, so the first change after it has `seq` 1.

use super::members::check_memberships;
use super::{NO_USER, find_actor};
use crate::blocks::check_reach;
use crate::fields::{self, unreadable};
use crate::{Done, Transaction, sql};
use chat_core::{
    Appended, ConversationId, ConversationName, Event, EventKind, Kind, NewConversation, Role, Search, StorageError,
    Timestamp, UserId, Username, Visibility,
};

/// Who asks, and when.
struct Creation {
    actor: UserId,
    by: Username,
    at: Timestamp,
}

/// A conversation as it is to be stored, members checked.
struct Founding {
    kind: Kind,
    name: ConversationName,
    visibility: Visibility,
    members: Vec<(UserId, Role)>,
}

pub(super) async fn create(
    transaction: &mut impl Transaction,
    actor: UserId,
    new: &NewConversation,
    at: Timestamp,
) -> Done<Appended> {
    let by = find_actor(transaction, actor).await?.ok_or(NO_USER)?.username;
    let creation = Creation { actor, by, at };
    match new {
        NewConversation::Direct(other) => create_direct(transaction, creation, *other).await,
        NewConversation::Group { name, visibility, members } => {
            create_group(transaction, creation, name.as_ref(), *visibility, members).await
        }
    }
}

async fn create_direct(transaction: &mut impl Transaction, creation: Creation, other: UserId) -> Done<Appended> {
    if creation.actor == other {
        return Err(StorageError::Invalid { field: "user_id", message: "must be someone else" }.into());
    }
    let other_username = find_actor(transaction, other).await?.ok_or(NO_USER)?.username;
    if let Some(known) = find_direct(transaction, creation.actor, other).await? {
        return Ok(Appended::before(created(transaction, creation, known).await?));
    }
    check_reach(transaction, creation.actor, &[other]).await?;
    let founding = Founding {
        kind: Kind::Direct,
        name: ConversationName::of_members([&creation.by, &other_username]),
        visibility: Visibility::Private,
        members: vec![(creation.actor, Role::Member), (other, Role::Member)],
    };
    found(transaction, creation, &founding).await
}

async fn create_group(
    transaction: &mut impl Transaction,
    creation: Creation,
    name: Option<&ConversationName>,
    visibility: Visibility,
    named: &[UserId],
) -> Done<Appended> {
    let mut others = find_users(transaction, named).await?;
    others.retain(|(user, _)| *user != creation.actor);
    let ids: Vec<_> = others.iter().map(|(user, _)| *user).collect();
    check_reach(transaction, creation.actor, &ids).await?;
    let usernames = std::iter::once(&creation.by).chain(others.iter().map(|(_, username)| username));
    let founding = Founding {
        kind: Kind::Group,
        name: name.cloned().unwrap_or_else(|| ConversationName::of_members(usernames)),
        visibility,
        members: std::iter::once((creation.actor, Role::Owner))
            .chain(others.iter().map(|(user, _)| (*user, Role::Member)))
            .collect(),
    };
    found(transaction, creation, &founding).await
}

/// The users named, each once, in the order named; a refusal if one is none.
async fn find_users(transaction: &mut impl Transaction, named: &[UserId]) -> Done<Vec<(UserId, Username)>> {
    let users = transaction.name_all(named).await?;
    let users = users.into_iter().map(|(user, username)| Some((user, username?))).collect::<Option<Vec<_>>>();
    Ok(users.ok_or(StorageError::Invalid { field: "members", message: "must all be users" })?)
}

async fn find_direct(transaction: &mut impl Transaction, one: UserId, other: UserId) -> Done<Option<ConversationId>> {
    let direct = "SELECT id FROM main.conversations WHERE direct_low = $1 AND direct_high = $2";
    transaction.find(sql!(direct, one.min(other).get(), one.max(other).get()), |row| row.id()).await
}

async fn found(transaction: &mut impl Transaction, creation: Creation, founding: &Founding) -> Done<Appended> {
    let users: Vec<UserId> = founding.members.iter().map(|(user, _)| *user).collect();
    check_memberships(transaction, &users).await?;
    let id: ConversationId = transaction.draw_id().await?.try_into().map_err(unreadable)?;
    let pair = (founding.kind == Kind::Direct).then(|| (users.iter().min(), users.iter().max()));
    let (low, high) = pair.unwrap_or_default();
    let insert = "
        INSERT INTO main.conversations (id, kind, name, name_key, visibility, created_at, last_seq, member_count,
            activity, direct_low, direct_high)
        VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, $8, $9)";
    let activity = transaction.draw_activity().await?;
    let insert = sql!(
        insert,
        id.get(),
        founding.kind.as_str(),
        founding.name.as_str(),
        Search::folded(founding.name.as_str()),
        founding.visibility.as_str(),
        creation.at.0,
        activity,
        low.map(|user| user.get()),
        high.map(|user| user.get()),
    );
    transaction.execute(insert).await?;
    super::members::insert(transaction, id, &founding.members, creation.at).await?;
    Ok(Appended::now(vec![created(transaction, creation, id).await?]))
}

/// The creation as an event.
async fn created(transaction: &mut impl Transaction, creation: Creation, id: ConversationId) -> Done<Event> {
    let conversation = "SELECT id, kind, name, visibility, created_at, last_seq, member_count
        FROM main.conversations WHERE id = $1";
    let conversation = transaction.fetch(sql!(conversation, id.get()), fields::conversation).await?;
    let members = "
        SELECT members.user_id, users.username, members.role, members.joined_at
        FROM main.members AS members JOIN main.users AS users ON users.id = members.user_id
        WHERE members.conversation_id = $1 ORDER BY members.join_rank";
    let members = transaction.list(sql!(members, id.get()), fields::member).await?;
    let kind = EventKind::Created(conversation, members);
    Ok(Event { conversation: id, seq: None, by: creation.by, kind })
}
