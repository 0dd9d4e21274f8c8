//! Sending messages, many at once. The rule: a run of messages costs the same few statements however long it is: one that
//! reads what the rules need to know of each, one that reads what was stored before (seldom), one that writes.

use super::NO_CONVERSATION;
use crate::{Done, Transaction};
use chat_core::rules::Reach;
use chat_core::{
    Action, Appended, Change, ConversationId, Draft, Event, EventKind, Message, MessageId, Nonce, Role, Seq,
    StorageError, Timestamp, UserId, Username, rules,
};
use std::collections::HashMap;

/// One message that someone asks to send.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// Who asks.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub conversation: ConversationId,
    /// What.
    pub draft: &'a Draft,
}

impl<'a> Sending<'a> {
    fn of(change: &'a Change) -> Option<Self> {
        let Action::Send { conversation, draft } = &change.action else { return None };
        Some(Self { actor: change.actor, at: change.at, conversation: *conversation, draft })
    }
}

pub(super) async fn store(
    transaction: &mut impl Transaction,
    run: &[Change],
) -> Done<Vec<Result<Appended, StorageError>>> {
    let sendings: Vec<_> = run.iter().filter_map(Sending::of).collect();
    let facts = transaction.facts(&sendings).await?;
    let known = read_known(transaction, &facts).await?;
    let mut plan = Plan { known, ..Plan::default() };
    let results = sendings.iter().zip(facts).map(|(sending, fact)| plan.add(*sending, fact)).collect();
    if !plan.stored.messages.is_empty() {
        transaction.insert_messages(&plan.stored).await?;
    }
    Ok(results)
}

/// What the rules need to know of one message, as it was before the run.
#[derive(Debug)]
pub struct Fact {
    /// The sender's role, if they are a member.
    pub role: Option<Role>,
    /// The sender's name, if they are a member.
    pub username: Option<Username>,
    /// How far the conversation has come, if the sender is a member.
    pub last_seq: Option<Seq>,
    /// The message that the sender has sent under the same nonce.
    pub known: Option<MessageId>,
    /// What stands between the sender and the other one of a direct conversation.
    pub reach: Reach,
    /// Whether the message it answers is in the same conversation.
    pub reply_found: bool,
    /// The id that it gets if it is stored; rises with each.
    pub id: MessageId,
    /// The activity that its conversation has then; rises with each.
    pub activity: i64,
}

/// The messages that were stored under one of the nonces before.
async fn read_known(transaction: &mut impl Transaction, facts: &[Fact]) -> Done<HashMap<MessageId, Message>> {
    let ids: Vec<_> = facts.iter().filter_map(|fact| fact.known).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let messages = transaction.messages(&ids).await?;
    Ok(messages.into_iter().map(|message| (message.id, message)).collect())
}

/// What a run of messages leaves behind.
#[derive(Debug, Default)]
pub struct Stored {
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// How far their conversations have come.
    pub ends: HashMap<ConversationId, End>,
}

/// How far a conversation has come.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The place of its newest message.
    pub seq: Seq,
    /// Its activity.
    pub activity: i64,
}

/// What a run comes to, message by message, before anything is written.
#[derive(Default)]
struct Plan<'a> {
    /// What was stored before under a nonce of the run.
    known: HashMap<MessageId, Message>,
    stored: Stored,
    /// Those of the new messages that have a nonce, by their index.
    nonces: HashMap<(UserId, &'a Nonce), usize>,
}

impl<'a> Plan<'a> {
    fn add(&mut self, sending: Sending<'a>, fact: Fact) -> Result<Appended, StorageError> {
        rules::send(fact.role)?;
        if let Some(known) = self.sent_before(sending, fact.known) {
            rules::replay(known, sending.conversation, sending.draft)?;
            return Ok(Appended::before(sent(known.clone())));
        }
        rules::reach(fact.reach)?;
        rules::reply(sending.draft, |message| fact.reply_found || self.holds(message, sending))?;
        let message = self.put(sending, fact)?;
        Ok(Appended::now(vec![sent(message)]))
    }

    fn sent_before(&self, sending: Sending<'_>, known: Option<MessageId>) -> Option<&Message> {
        let in_run = || Some(&self.stored.messages[*self.nonces.get(&(sending.actor, sending.draft.nonce.as_ref()?))?]);
        known.and_then(|id| self.known.get(&id)).or_else(in_run)
    }

    /// Whether the run itself has put `message` into the conversation.
    fn holds(&self, message: MessageId, sending: Sending<'_>) -> bool {
        self.stored.messages.iter().any(|new| new.id == message && new.conversation == sending.conversation)
    }

    fn put(&mut self, sending: Sending<'a>, fact: Fact) -> Result<Message, StorageError> {
        let (sender_username, last_seq) = fact.username.zip(fact.last_seq).ok_or(NO_CONVERSATION)?;
        let seq = self.stored.ends.get(&sending.conversation).map_or(last_seq, |end| end.seq).next();
        self.stored.ends.insert(sending.conversation, End { seq, activity: fact.activity });
        let message = Message {
            id: fact.id,
            conversation: sending.conversation,
            seq,
            sender: sending.actor,
            sender_username,
            content: sending.draft.content.as_str().to_owned(),
            reply_id: sending.draft.reply_id,
            nonce: sending.draft.nonce.clone(),
            sent_at: sending.at,
            edited_at: None,
            deleted: false,
        };
        if let Some(nonce) = &sending.draft.nonce {
            self.nonces.insert((sending.actor, nonce), self.stored.messages.len());
        }
        self.stored.messages.push(message.clone());
        Ok(message)
    }
}

fn sent(message: Message) -> Event {
    Event {
        conversation: message.conversation,
        seq: Some(message.seq),
        by: message.sender_username.clone(),
        kind: EventKind::Sent(message),
    }
}
