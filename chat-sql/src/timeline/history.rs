//! Reads of messages. The rule: ids and `seq` rise together inside a conversation, and the index is by `seq`; so a message id
//! is turned into a place first, and any page costs one probe of the index.

use crate::{Database, Done, fields, message_columns, sql};
use chat_core::{ConversationId, History, Message, MessageId, Page, StorageError, UserId};

/// The place of the last message of conversation `$1` with an id below `$4`, as a common table `bound (seq)`; zero if none.
///
/// It halves the range in which that place may be until nothing is left of it, so that it also answers for the id of a
/// message from elsewhere, in as many probes of the index as the number of places has binary digits.
macro_rules! bound {
    () => {
        "WITH RECURSIVE search (low, span) AS (
            SELECT CAST(0 AS BIGINT), last_seq FROM main.conversations WHERE id = $1
            UNION ALL
            SELECT
                CASE WHEN $4 > (SELECT id FROM main.messages WHERE conversation_id = $1 AND seq >= low + (span + 1) / 2
                    ORDER BY seq LIMIT 1) THEN low + (span + 1) / 2 ELSE low END,
                span / 2
            FROM search WHERE span > 0
        ),
        bound (seq) AS (SELECT low FROM search WHERE span = 0) "
    };
}

/// What every page selects, and that viewer `$2` is a member.
macro_rules! seen_messages {
    () => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM main.messages AS m JOIN main.users AS sender ON sender.id = m.sender_id
            WHERE m.conversation_id = $1
                AND EXISTS (SELECT 1 FROM main.members WHERE conversation_id = $1 AND user_id = $2) "
        )
    };
}

/// The newest messages of conversation `$1` that viewer `$2` sees, at most `$3`.
pub const HISTORY_LATEST: &str = concat!(seen_messages!(), "ORDER BY m.seq DESC LIMIT $3");
/// Those before message `$4`.
pub const HISTORY_BEFORE: &str =
    concat!(bound!(), seen_messages!(), "AND m.seq <= (SELECT seq FROM bound) ORDER BY m.seq DESC LIMIT $3");
/// Those from message `$4` on.
pub const HISTORY_AFTER: &str =
    concat!(bound!(), seen_messages!(), "AND m.seq > (SELECT seq FROM bound) ORDER BY m.seq LIMIT $3");

/// Lists a page of messages; `None` unless the viewer is a member.
///
/// # Errors
/// If the database fails.
pub async fn list_messages(
    database: &mut impl Database,
    viewer: UserId,
    conversation: ConversationId,
    history: History,
    limit: u32,
) -> Result<Option<Page<Message>>, StorageError> {
    let (here, viewer_id, size) = (conversation.get(), viewer.get(), i64::from(limit) + 1);
    let from = |sql, message: i64| sql!(sql, here, viewer_id, size, message);
    let page = match history {
        History::Latest => sql!(HISTORY_LATEST, here, viewer_id, size),
        History::Before(message) => from(HISTORY_BEFORE, message.get()),
        History::Oldest => from(HISTORY_AFTER, 0),
        History::After(message) => from(HISTORY_AFTER, message.get() + 1),
    };
    let found = database.list(page, fields::message).await?;
    if found.is_empty() && !is_member(database, viewer, conversation).await? {
        return Ok(None);
    }
    Ok(Some(Page::cut(found, limit, |message| message.id.get())))
}

async fn is_member(database: &mut impl Database, viewer: UserId, conversation: ConversationId) -> Done<bool> {
    let member = "SELECT user_id FROM main.members WHERE conversation_id = $1 AND user_id = $2";
    Ok(database.find(sql!(member, conversation.get(), viewer.get()), |row| row.integer()).await?.is_some())
}

/// Finds a message in a conversation that the viewer is a member of.
///
/// # Errors
/// If the database fails.
pub async fn find_message(
    database: &mut impl Database,
    viewer: UserId,
    message: MessageId,
) -> Result<Option<Message>, StorageError> {
    let found = concat!(
        "SELECT ",
        message_columns!(),
        " FROM main.messages AS m
        JOIN main.members AS members ON members.conversation_id = m.conversation_id AND members.user_id = $1
        JOIN main.users AS sender ON sender.id = m.sender_id
        WHERE m.id = $2"
    );
    Ok(database.find(sql!(found, viewer.get(), message.get()), fields::message).await?)
}
