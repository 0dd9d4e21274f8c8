//! What a transaction locks before it does anything. The rule: first users, then contacts, then blocks, then conversations, each by rising
//! id, and nothing is waited for afterwards; so no two transactions ever wait for each other, whatever they are about and
//! on whichever node.
//!
//! * A user is locked by whoever brings them into a conversation or deletes them, makes contacts, blocks or logins of theirs, or sends
//!   in their name under a nonce. So limits on what a user has are counted in peace, a nonce and a direct conversation are
//!   not stored twice, and the conversations of a user who is being deleted stay the same.
//! * A conversation is locked by whatever changes it, so `seq` is handed out to one transaction after the other, and what
//!   is read afterwards, under a new snapshot, holds until the end. Whoever blocks locks the direct conversations concerned:
//!   what was sent before is stored, and what comes after is refused.

use chat_core::{Action, Blocked, Change, NewConversation, UserId};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

/// How long the server may take to answer: longer than any batch takes, and any wait for another node's.
pub(crate) const ANSWER_LASTS_MAX: Duration = Duration::from_secs(30);
/// The same where all that was ever said in a conversation, or by a user, may have to go.
const DELETION_LASTS_MAX: Duration = Duration::from_secs(3_600);

/// How long a transaction may be left alone between two statements. A node that lives asks for the next at once; one that
/// vanished without a word, with its machine or its network, would keep its locks until the server gives up the connection,
/// which takes hours.
const PAUSE_LASTS_MAX: Duration = Duration::from_secs(10);

/// The rows that a transaction needs for itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locks {
    users: BTreeSet<i64>,
    deleted: BTreeSet<i64>,
    conversations: BTreeSet<i64>,
    /// Messages whose conversations are meant.
    messages: BTreeSet<i64>,
    /// Whose direct conversations are meant: those with one other, or all.
    directs: Option<(i64, Option<i64>)>,
    is_deletion: bool,
}

impl Locks {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn users(users: impl IntoIterator<Item = UserId>) -> Self {
        Self { users: users.into_iter().map(UserId::get).collect(), ..Self::default() }
    }

    /// What a block needs, and those who would go against it at the same time.
    pub(crate) fn block(user: UserId, blocked: Blocked) -> Self {
        let other = if let Blocked::User(other) = blocked { Some(other) } else { None };
        let directs = Some((user.get(), other.map(UserId::get)));
        Self { directs, ..Self::users(std::iter::once(user).chain(other)) }
    }

    pub(crate) fn of(batch: &[Change]) -> Self {
        let mut locks = Self::default();
        for change in batch {
            locks.add(change.actor, &change.action);
        }
        locks
    }

    fn add(&mut self, actor: UserId, action: &Action) {
        match action {
            Action::Create(new) => {
                self.users.insert(actor.get());
                match new {
                    NewConversation::Direct(other) => self.users.extend([other.get()]),
                    NewConversation::Group { members, .. } => self.users.extend(members.iter().map(|user| user.get())),
                }
            }
            Action::Send { conversation, draft } => {
                self.users.extend(draft.nonce.as_ref().map(|_| actor.get()));
                self.conversations.insert(conversation.get());
            }
            Action::Edit { message, .. } | Action::Delete { message } => self.messages.extend([message.get()]),
            Action::AddMember { conversation, user, .. } => {
                self.users.insert(user.get());
                self.conversations.insert(conversation.get());
            }
            Action::Update { conversation, .. } => self.conversations.extend([conversation.get()]),
            // The last one out deletes the conversation.
            Action::RemoveMember { conversation, .. } | Action::DeleteConversation { conversation } => {
                self.conversations.insert(conversation.get());
                self.is_deletion = true;
            }
            Action::MarkRead { messages } => self.messages.extend(messages.iter().map(|message| message.get())),
            Action::DeleteUser { user } => {
                // Whoever deletes another must not be deleted by that one meanwhile.
                self.users.extend([actor.get(), user.get()]);
                self.deleted.insert(user.get());
                self.is_deletion = true;
            }
        }
    }

    /// How long each part of the transaction may take.
    pub(crate) fn lasts_max(&self) -> Duration {
        if self.is_deletion { DELETION_LASTS_MAX } else { ANSWER_LASTS_MAX }
    }

    /// What the server ends by itself: what nobody waits for any more is not to go on waiting for locks, or keeping them.
    pub(crate) fn bounds_sql(&self) -> String {
        let (locks, pause) = (self.lasts_max().as_millis(), PAUSE_LASTS_MAX.as_millis());
        format!("SET LOCAL lock_timeout = {locks};\nSET LOCAL idle_in_transaction_session_timeout = {pause};\n")
    }

    /// One statement for each kind of row, each with a snapshot of its own. The numbers stand in the text, so that all of it
    /// is one message to the server.
    pub(crate) fn sql(&self) -> String {
        let mut sql = String::new();
        if !self.users.is_empty() {
            let users = array(&self.users);
            lock(&mut sql, &format!("main.users AS u WHERE id = ANY ({users}) ORDER BY id FOR NO KEY UPDATE"));
        }
        if !self.deleted.is_empty() {
            let deleted = array(&self.deleted);
            let others = format!("SELECT contact_id FROM main.contacts WHERE user_id = ANY ({deleted})");
            lock(
                &mut sql,
                &format!(
                    "main.contacts AS c WHERE user_id = ANY ({deleted})
                    OR (contact_id = ANY ({deleted}) AND user_id IN ({others}))
                    ORDER BY least(user_id, contact_id), greatest(user_id, contact_id), user_id FOR UPDATE"
                ),
            );
            let theirs = format!("user_id = ANY ({deleted}) OR blocked_id = ANY ({deleted})");
            lock(&mut sql, &format!("main.blocks AS b WHERE {theirs} ORDER BY user_id, blocked_id FOR UPDATE"));
        }
        if let Some(conversations) = self.conversations_sql() {
            lock(&mut sql, &format!("main.conversations AS c WHERE {conversations} ORDER BY id FOR UPDATE"));
        }
        sql
    }

    fn conversations_sql(&self) -> Option<String> {
        let conversations = array(&self.conversations);
        if let Some((user, other)) = self.directs {
            return Some(match other {
                Some(other) => format!("direct_low = {} AND direct_high = {}", user.min(other), user.max(other)),
                None => format!(
                    "direct_low IS NOT NULL AND id IN (SELECT conversation_id FROM main.members WHERE user_id = {user})"
                ),
            });
        }
        if self.messages.is_empty() && self.deleted.is_empty() {
            return (!self.conversations.is_empty()).then(|| format!("id = ANY ({conversations})"));
        }
        let (messages, deleted) = (array(&self.messages), array(&self.deleted));
        Some(format!(
            "id IN (SELECT unnest({conversations})
            UNION SELECT conversation_id FROM main.messages WHERE id = ANY ({messages})
            UNION SELECT conversation_id FROM main.members WHERE user_id = ANY ({deleted})
            UNION SELECT conversation_id FROM main.messages WHERE sender_id = ANY ({deleted}))"
        ))
    }
}

/// Locks rows and returns one.
fn lock(sql: &mut String, rows: &str) {
    let _ = writeln!(sql, "SELECT count(*) FROM (SELECT 1 FROM {rows}) AS locked;");
}

fn array(ids: &BTreeSet<i64>) -> String {
    let mut array = String::from("'{");
    for (position, id) in ids.iter().enumerate() {
        let _ = write!(array, "{}{id}", if position == 0 { "" } else { "," });
    }
    array + "}'::bigint[]"
}
