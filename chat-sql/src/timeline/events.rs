//! Events that take a place. The rule: a message is its own event of being sent; all others are rows of `events`, which name
//! what they are about but never hold its words.

use crate::fields::{self, Fields, unreadable};
use crate::{Database, Done, Transaction, message_columns, sql};
use chat_core::{
    ConversationId, ConversationName, Event, EventKind, Message, MessageId, Page, Role, Seq, StorageError, UserId,
    Username, Visibility,
};

/// What an event's row holds besides place and actor.
#[derive(Clone, Copy)]
pub(super) enum Entry<'a> {
    Edited(MessageId),
    Deleted(MessageId),
    Updated(&'a ConversationName, Visibility),
    MemberAdded(UserId, Role),
    MemberRemoved(UserId),
    UserDeleted(UserId),
}

impl Entry<'_> {
    fn kind(self) -> &'static str {
        match self {
            Self::Edited(_) => "edited",
            Self::Deleted(_) => "deleted",
            Self::Updated(..) => "updated",
            Self::MemberAdded(..) => "member_added",
            Self::MemberRemoved(_) => "member_removed",
            Self::UserDeleted(_) => "user_deleted",
        }
    }

    fn subject(self) -> Option<UserId> {
        match self {
            Self::MemberAdded(user, _) | Self::MemberRemoved(user) | Self::UserDeleted(user) => Some(user),
            _ => None,
        }
    }

    fn message(self) -> Option<MessageId> {
        if let Self::Edited(message) | Self::Deleted(message) = self { Some(message) } else { None }
    }
}

/// Gives what happened the next place of its conversation.
pub(super) async fn record(
    transaction: &mut impl Transaction,
    conversation: ConversationId,
    actor: UserId,
    entry: Entry<'_>,
) -> Done<Seq> {
    let next = "UPDATE main.conversations SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq";
    let seq: Seq = transaction.fetch(sql!(next, conversation.get()), |row| row.id()).await?;
    let (name, visibility) = match entry {
        Entry::Updated(name, visibility) => (Some(name.as_str()), Some(visibility.as_str())),
        _ => (None, None),
    };
    let role = if let Entry::MemberAdded(_, role) = entry { Some(role.as_str()) } else { None };
    let insert = "
        INSERT INTO main.events (conversation_id, seq, kind, actor_id, subject_id, message_id, name, visibility, role)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let insert = sql!(
        insert,
        conversation.get(),
        seq.get(),
        entry.kind(),
        actor.get(),
        entry.subject().map(UserId::get),
        entry.message().map(MessageId::get),
        name,
        visibility,
        role,
    );
    transaction.execute(insert).await?;
    Ok(seq)
}

/// The events of conversation `$1` after place `$2`, at most `$3` of each kind of row.
///
/// Both halves are cut by the same limit, so whatever the page needs is among them; one statement, so both are of one moment.
pub const EVENTS_AFTER: &str = concat!(
    "SELECT m.conversation_id, m.seq, 'sent', sender.username, NULL, NULL, NULL, NULL, NULL, ",
    message_columns!(),
    " FROM (SELECT * FROM main.messages WHERE conversation_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS m
    JOIN main.users AS sender ON sender.id = m.sender_id
    UNION ALL
    SELECT e.conversation_id, e.seq, e.kind, actor.username, e.subject_id, subject.username, e.name, e.visibility, e.role, ",
    message_columns!(),
    " FROM (SELECT * FROM main.events WHERE conversation_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS e
    JOIN main.users AS actor ON actor.id = e.actor_id
    LEFT JOIN main.users AS subject ON subject.id = e.subject_id
    LEFT JOIN main.messages AS m ON m.id = e.message_id
    LEFT JOIN main.users AS sender ON sender.id = m.sender_id"
);

/// Lists the events of a conversation after a place.
///
/// # Errors
/// If the database fails.
pub async fn events_after(
    database: &mut impl Database,
    conversation: ConversationId,
    after: Seq,
    limit: u32,
) -> Result<Page<Event>, StorageError> {
    let page = sql!(EVENTS_AFTER, conversation.get(), after.get(), i64::from(limit) + 1);
    let mut events = database.list(page, event).await?;
    events.sort_unstable_by_key(|event| event.seq);
    Ok(Page::cut(events, limit, |event| event.seq.unwrap_or_default().get()))
}

/// Finds by whom a message was deleted, and when in the order; `None` if it went with its author.
pub(super) async fn find_deletion(
    transaction: &mut impl Transaction,
    message: &Message,
) -> Done<Option<(Seq, Username)>> {
    let deletion = "
        SELECT e.seq, actor.username FROM main.messages AS m
        JOIN main.events AS e
            ON e.conversation_id = m.conversation_id AND e.seq = m.deleted_seq AND e.message_id = m.id
        JOIN main.users AS actor ON actor.id = e.actor_id
        WHERE m.id = $1";
    let decode = |row: &mut Fields<'_>| Ok((row.id()?, row.text(Username::from_stored)?));
    transaction.find(sql!(deletion, message.id.get()), decode).await
}

fn event(row: &mut Fields<'_>) -> sqlx::Result<Event> {
    let (conversation, seq) = (row.id()?, Some(row.id()?));
    let kind = row.string()?;
    let by = row.text(Username::from_stored)?;
    let about = About {
        subject: row.optional_id()?.zip(row.optional_text(Username::from_stored)?),
        name: row.optional_text(ConversationName::from_stored)?,
        visibility: row.optional_word(Visibility::from_stored)?,
        role: row.optional_word(Role::from_stored)?,
        message: fields::optional_message(row)?,
    };
    let kind = about.of_kind(kind).ok_or_else(|| unreadable("an event that this version does not know"))?;
    Ok(Event { conversation, seq, by, kind })
}

/// What an event is about; which of it is there depends on its kind.
struct About {
    subject: Option<(UserId, Username)>,
    name: Option<ConversationName>,
    visibility: Option<Visibility>,
    role: Option<Role>,
    message: Option<Message>,
}

impl About {
    fn of_kind(self, kind: &str) -> Option<EventKind> {
        Some(match kind {
            "sent" => EventKind::Sent(self.message?),
            "edited" => EventKind::Edited(self.message?),
            "deleted" => EventKind::Deleted(self.message?),
            "updated" => EventKind::Updated(self.name?, self.visibility?),
            "member_added" => {
                let (user, username) = self.subject?;
                EventKind::MemberAdded { user, username, role: self.role? }
            }
            "member_removed" | "user_deleted" => {
                let (user, username) = self.subject?;
                EventKind::MemberRemoved { user, username, messages_deleted: kind == "user_deleted" }
            }
            _ => return None,
        })
    }
}
