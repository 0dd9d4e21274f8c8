//! What Postgres says in its own way. The rule: a list is one array for each column, so that a statement costs one round trip
//! however long the list is.

use crate::statements::Transaction;
use async_trait::async_trait;
use chat_core::{ConversationId, Message, MessageId, Role, Seq, Timestamp, UserId, Username};
use chat_sql::blocks::optional_reach;
use chat_sql::fields::{self, Fields};
use chat_sql::timeline::{self, Fact, Sending, Step, Stored, Wanted};
use chat_sql::{Database, Done, closed, join_other, message_columns, reach, sql};

#[async_trait]
impl chat_sql::Transaction for Transaction<'_> {
    async fn draw_id(&mut self) -> Done<i64> {
        self.fetch(sql!("SELECT nextval('main.ids')"), |row| row.integer()).await
    }

    async fn draw_activity(&mut self) -> Done<i64> {
        self.fetch(sql!("SELECT nextval('main.message_ids')"), |row| row.integer()).await
    }

    async fn name_all(&mut self, named: &[UserId]) -> Done<Vec<(UserId, Option<Username>)>> {
        let names = "
            SELECT named.id, users.username FROM unnest($1::bigint[]) WITH ORDINALITY AS named (id, position)
            LEFT JOIN main.users AS users ON users.id = named.id AND NOT users.deleted
            GROUP BY named.id, users.username ORDER BY min(named.position)";
        let query = self.query(names).bind(numbers(named));
        self.read(query, |row| Ok((row.id()?, row.optional_text(Username::from_stored)?))).await
    }

    async fn most_memberships(&mut self, users: &[UserId]) -> Done<i64> {
        let most = "
            SELECT coalesce(max((SELECT count(*) FROM main.members WHERE user_id = named.id)), 0)
            FROM unnest($1::bigint[]) AS named (id)";
        let query = self.query(most).bind(numbers(users));
        Ok(self.read(query, |row| row.integer()).await?.pop().unwrap_or_default())
    }

    async fn insert_members(
        &mut self,
        conversation: ConversationId,
        newcomers: &[(UserId, Role)],
        at: Timestamp,
    ) -> Done<()> {
        let insert = "
            INSERT INTO main.members (conversation_id, user_id, role, join_rank, joined_at, read_seq, read_message_id)
            SELECT $1, named.user_id, named.role, nextval('main.join_ranks'), $4, coalesce(newest.seq, 0), newest.id
            FROM unnest($2::bigint[], $3::text[]) WITH ORDINALITY AS named (user_id, role, position)
            LEFT JOIN (SELECT seq, id FROM main.messages WHERE conversation_id = $1 ORDER BY seq DESC LIMIT 1) AS newest
                ON TRUE
            ORDER BY named.position";
        let (users, roles): (Vec<_>, Vec<_>) = newcomers.iter().map(|(user, role)| (user.get(), role.as_str())).unzip();
        let query = self.query(insert).bind(conversation.get()).bind(users).bind(roles).bind(at.0);
        self.run(query).await
    }

    async fn facts(&mut self, sendings: &[Sending<'_>]) -> Done<Vec<Fact>> {
        let query = self
            .query(FACTS)
            .bind(sendings.iter().map(|sending| sending.actor.get()).collect::<Vec<_>>())
            .bind(sendings.iter().map(|sending| sending.conversation.get()).collect::<Vec<_>>())
            .bind(sendings.iter().map(|sending| sending.draft.nonce.as_ref().map(|n| n.as_str())).collect::<Vec<_>>())
            .bind(sendings.iter().map(|sending| sending.draft.reply_id.map(MessageId::get)).collect::<Vec<_>>());
        self.read(query, fact).await
    }

    async fn messages(&mut self, ids: &[MessageId]) -> Done<Vec<Message>> {
        let messages = concat!(
            "SELECT ",
            message_columns!(),
            " FROM main.messages AS m JOIN main.users AS sender ON sender.id = m.sender_id WHERE m.id = ANY ($1)"
        );
        let query = self.query(messages).bind(numbers(ids));
        self.read(query, fields::message).await
    }

    async fn insert_messages(&mut self, stored: &Stored) -> Done<()> {
        let Stored { messages, ends } = stored;
        let query = self
            .query(WRITE)
            .bind(messages.iter().map(|message| message.id.get()).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.conversation.get()).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.seq.get()).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.sender.get()).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.reply_id.map(MessageId::get)).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.nonce.as_ref().map(|n| n.as_str())).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.sent_at.0).collect::<Vec<_>>())
            .bind(ends.keys().map(|conversation| conversation.get()).collect::<Vec<_>>())
            .bind(ends.values().map(|end| end.seq.get()).collect::<Vec<_>>())
            .bind(ends.values().map(|end| end.activity).collect::<Vec<_>>());
        self.run(query).await
    }

    async fn standings(&mut self, wanted: &[Wanted]) -> Done<Vec<(Wanted, Step)>> {
        let (users, messages): (Vec<_>, Vec<_>) =
            wanted.iter().map(|(user, message)| (user.get(), message.get())).unzip();
        let query = self.query(STANDINGS).bind(users).bind(messages);
        self.read(query, timeline::standing).await
    }

    async fn move_marks(&mut self, marks: &[(UserId, ConversationId, MessageId, Seq)]) -> Done<()> {
        let query = self
            .query(MOVE_MARKS)
            .bind(marks.iter().map(|(user, ..)| user.get()).collect::<Vec<_>>())
            .bind(marks.iter().map(|(_, conversation, ..)| conversation.get()).collect::<Vec<_>>())
            .bind(marks.iter().map(|(_, _, message, _)| message.get()).collect::<Vec<_>>())
            .bind(marks.iter().map(|(.., seq)| seq.get()).collect::<Vec<_>>());
        self.run(query).await
    }
}

/// One row for each message, in their order. Ids are drawn under the locks of all conversations of the batch, so that in each
/// of them they rise with `seq`; the functions of a sorted list of columns are called in its order.
pub(crate) const FACTS: &str = concat!(
    "SELECT members.role, users.username, c.last_seq,
        (SELECT id FROM main.messages WHERE sender_id = sending.actor AND nonce = sending.nonce),
        ",
    reach!("members.user_id", "other.id"),
    ",
        EXISTS (SELECT 1 FROM main.messages WHERE id = sending.reply AND conversation_id = sending.conversation),
        nextval('main.message_ids')
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])
        WITH ORDINALITY AS sending (actor, conversation, nonce, reply, position)
    LEFT JOIN main.members AS members
        ON members.conversation_id = sending.conversation AND members.user_id = sending.actor
    LEFT JOIN main.users AS users ON users.id = members.user_id
    LEFT JOIN main.conversations AS c ON c.id = members.conversation_id
    ",
    join_other!("members.user_id"),
    " ORDER BY sending.position"
);

fn fact(row: &mut Fields<'_>) -> sqlx::Result<Fact> {
    let role = row.optional_word(Role::from_stored)?;
    let username = row.optional_text(Username::from_stored)?;
    let (last_seq, known) = (row.optional_id()?, row.optional_id()?);
    let (reach, reply_found) = (optional_reach(row)?, row.flag()?);
    let id: MessageId = row.id()?;
    Ok(Fact { role, username, last_seq, known, reach, reply_found, id, activity: id.get() })
}

/// One statement, whatever it is that is sent, and where.
pub(crate) const WRITE: &str = "
    WITH stored AS (
        INSERT INTO main.messages (id, conversation_id, seq, sender_id, content, reply_id, nonce, sent_at)
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[],
            $7::text[], $8::bigint[])
    )
    UPDATE main.conversations AS c SET last_seq = ended.seq, activity = ended.activity
    FROM unnest($9::bigint[], $10::bigint[], $11::bigint[]) AS ended (id, seq, activity) WHERE c.id = ended.id";

/// `LATERAL`, so that one member is looked up and never all of a group.
pub(crate) const STANDINGS: &str = concat!(
    "SELECT named.actor, m.id, m.conversation_id, m.seq, users.username, members.read_message_id, members.read_seq,
        other.id IS NOT NULL AND (",
    closed!("other.id", "named.actor"),
    " OR ",
    closed!("named.actor", "other.id"),
    ")
    FROM unnest($1::bigint[], $2::bigint[]) AS named (actor, message)
    JOIN main.messages AS m ON m.id = named.message
    JOIN LATERAL (
        SELECT read_message_id, read_seq FROM main.members
        WHERE conversation_id = m.conversation_id AND user_id = named.actor LIMIT 1
    ) AS members ON TRUE
    JOIN main.users AS users ON users.id = named.actor
    JOIN main.conversations AS c ON c.id = m.conversation_id
    ",
    join_other!("named.actor")
);

pub(crate) const MOVE_MARKS: &str = "
    UPDATE main.members AS members SET read_message_id = mark.message, read_seq = mark.seq
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS mark (reader, conversation, message, seq)
    WHERE members.conversation_id = mark.conversation AND members.user_id = mark.reader";

fn numbers<Id: Copy + Into<i64>>(ids: &[Id]) -> Vec<i64> {
    ids.iter().map(|id| (*id).into()).collect()
}
