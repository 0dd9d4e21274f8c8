//! What SQLite says in its own way. The rule: a list is one parameter, a JSON array, so that a statement costs the same few
//! calls however long the list is.

use crate::writer::Transaction;
use async_trait::async_trait;
use chat_core::{ConversationId, Message, MessageId, Nonce, Role, Seq, Timestamp, UserId, Username};
use chat_sql::blocks::optional_reach;
use chat_sql::fields::{self, Fields};
use chat_sql::timeline::{self, Fact, Sending, Step, Stored, Wanted};
use chat_sql::{Database, Done, closed, join_other, message_columns, reach, sql};
use serde::Serialize;

#[async_trait]
impl chat_sql::Transaction for Transaction<'_> {
    async fn draw_id(&mut self) -> Done<i64> {
        let draw = "UPDATE counters SET last_id = last_id + 1 RETURNING last_id";
        self.fetch(sql!(draw), |row| row.integer()).await
    }

    async fn draw_activity(&mut self) -> Done<i64> {
        draw_ranks(self, 1).await
    }

    async fn name_all(&mut self, named: &[UserId]) -> Done<Vec<(UserId, Option<Username>)>> {
        let names = "
            SELECT named.value, users.username FROM json_each($1) AS named
            LEFT JOIN users ON users.id = named.value AND users.deleted = 0
            GROUP BY named.value ORDER BY min(named.key)";
        let decode = |row: &mut Fields<'_>| Ok((row.id()?, row.optional_text(Username::from_stored)?));
        self.list(sql!(names, json(named)?), decode).await
    }

    async fn most_memberships(&mut self, users: &[UserId]) -> Done<i64> {
        let most = "
            SELECT coalesce(max((SELECT count(*) FROM members WHERE user_id = named.value)), 0)
            FROM json_each($1) AS named";
        self.fetch(sql!(most, json(users)?), |row| row.integer()).await
    }

    async fn insert_members(
        &mut self,
        conversation: ConversationId,
        newcomers: &[(UserId, Role)],
        at: Timestamp,
    ) -> Done<()> {
        let first_rank = draw_ranks(self, newcomers.len()).await?;
        let newcomers: Vec<_> = newcomers.iter().map(|(user, role)| (user, role.as_str())).collect();
        let insert = "
            INSERT INTO members (conversation_id, user_id, role, join_rank, joined_at, read_seq, read_message_id)
            SELECT $1, named.value ->> 0, named.value ->> 1, $3 + named.key, $4, coalesce(newest.seq, 0), newest.id
            FROM json_each($2) AS named
            LEFT JOIN (SELECT seq, id FROM messages WHERE conversation_id = $1 ORDER BY seq DESC LIMIT 1) AS newest";
        self.execute(sql!(insert, conversation.get(), json(&newcomers)?, first_rank, at.0)).await?;
        Ok(())
    }

    async fn facts(&mut self, sendings: &[Sending<'_>]) -> Done<Vec<Fact>> {
        let rows: Vec<_> =
            sendings.iter().map(|s| (s.actor, s.conversation, s.draft.nonce.as_ref(), s.draft.reply_id)).collect();
        self.list(sql!(FACTS, json(&rows)?), fact).await
    }

    async fn messages(&mut self, ids: &[MessageId]) -> Done<Vec<Message>> {
        let messages = concat!(
            "SELECT ",
            message_columns!(),
            " FROM json_each($1) AS named
            CROSS JOIN messages AS m ON m.id = named.value
            CROSS JOIN users AS sender ON sender.id = m.sender_id"
        );
        self.list(sql!(messages, json(ids)?), fields::message).await
    }

    async fn insert_messages(&mut self, stored: &Stored) -> Done<()> {
        let messages: Vec<_> = stored.messages.iter().map(Row::of).collect();
        let ends: Vec<_> = stored.ends.iter().map(|(id, end)| (id, end.seq.get(), end.activity)).collect();
        let last_message_id = stored.messages.last().map(|message| message.id.get());
        let last_rank = stored.ends.values().map(|end| end.activity).max();
        self.execute(sql!(WRITE, json(&messages)?, json(&ends)?, last_message_id, last_rank)).await?;
        Ok(())
    }

    async fn standings(&mut self, wanted: &[Wanted]) -> Done<Vec<(Wanted, Step)>> {
        self.list(sql!(STANDINGS, json(wanted)?), timeline::standing).await
    }

    async fn move_marks(&mut self, marks: &[(UserId, ConversationId, MessageId, Seq)]) -> Done<()> {
        let marks: Vec<_> = marks.iter().map(|(user, place, message, seq)| (user, place, message, seq.get())).collect();
        self.execute(sql!(MOVE_MARKS, json(&marks)?)).await?;
        Ok(())
    }
}

/// Draws `count` ranks of activity or joining, and returns the first.
async fn draw_ranks(transaction: &mut Transaction<'_>, count: usize) -> Done<i64> {
    let draw = "UPDATE counters SET last_rank = last_rank + $1 RETURNING last_rank - $1 + 1";
    transaction.fetch(sql!(draw, i64::try_from(count).unwrap_or(i64::MAX)), |row| row.integer()).await
}

/// One row for each message, in their order: nothing may come before the leftmost table of outer joins.
pub(crate) const FACTS: &str = concat!(
    "SELECT members.role, users.username, c.last_seq,
        (SELECT id FROM messages WHERE sender_id = sending.value ->> 0 AND nonce = sending.value ->> 2),
        ",
    reach!("members.user_id", "other.id"),
    ",
        EXISTS (SELECT 1 FROM messages
            WHERE id = sending.value ->> 3 AND conversation_id = sending.value ->> 1),
        (SELECT last_message_id FROM counters) + sending.key + 1, (SELECT last_rank FROM counters) + sending.key + 1
    FROM json_each($1) AS sending
    LEFT JOIN members ON members.conversation_id = sending.value ->> 1 AND members.user_id = sending.value ->> 0
    LEFT JOIN users ON users.id = members.user_id
    LEFT JOIN conversations AS c ON c.id = members.conversation_id
    ",
    join_other!("members.user_id")
);

fn fact(row: &mut Fields<'_>) -> sqlx::Result<Fact> {
    Ok(Fact {
        role: row.optional_word(Role::from_stored)?,
        username: row.optional_text(Username::from_stored)?,
        last_seq: row.optional_id()?,
        known: row.optional_id()?,
        reach: optional_reach(row)?,
        reply_found: row.flag()?,
        id: row.id()?,
        activity: row.integer()?,
    })
}

/// Three statements in one round trip to SQLite's thread; their parameters are numbered through.
const WRITE: &str = "
    INSERT INTO messages (id, conversation_id, seq, sender_id, content, reply_id, nonce, sent_at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
    FROM json_each(?);
    UPDATE conversations SET last_seq = ended.value ->> 1, activity = ended.value ->> 2
    FROM json_each(?) AS ended WHERE conversations.id = ended.value ->> 0;
    UPDATE counters SET last_message_id = ?, last_rank = ?";

/// A message as [`WRITE`] takes it: an array in the order of its columns.
#[derive(Serialize)]
struct Row<'a>(MessageId, ConversationId, i64, UserId, &'a str, Option<MessageId>, Option<&'a Nonce>, Timestamp);

impl<'a> Row<'a> {
    fn of(message: &'a Message) -> Self {
        Self(
            message.id,
            message.conversation,
            message.seq.get(),
            message.sender,
            &message.content,
            message.reply_id,
            message.nonce.as_ref(),
            message.sent_at,
        )
    }
}

pub(crate) const STANDINGS: &str = concat!(
    "SELECT named.value ->> 0, m.id, m.conversation_id, m.seq, users.username, members.read_message_id, members.read_seq,
        other.id IS NOT NULL AND (",
    closed!("other.id", "members.user_id"),
    " OR ",
    closed!("members.user_id", "other.id"),
    ")
    FROM json_each($1) AS named
    CROSS JOIN messages AS m ON m.id = named.value ->> 1
    CROSS JOIN members ON members.conversation_id = m.conversation_id AND members.user_id = named.value ->> 0
    CROSS JOIN users ON users.id = members.user_id
    CROSS JOIN conversations AS c ON c.id = m.conversation_id
    ",
    join_other!("members.user_id")
);

pub(crate) const MOVE_MARKS: &str = "
    UPDATE members SET read_message_id = mark.value ->> 2, read_seq = mark.value ->> 3
    FROM json_each($1) AS mark
    WHERE members.conversation_id = mark.value ->> 1 AND members.user_id = mark.value ->> 0";

fn json(value: &(impl Serialize + ?Sized)) -> Done<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()).into())
}
