//! What was asked of a server and what it acknowledged, to be held against what it has in the end.

use crate::reducer::Conversation;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// The books of all clients of one server.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: HashMap<String, Sent>,
    changes: HashMap<i64, Vec<Change>>,
    marks: HashMap<(String, i64), Mark>,
}

#[derive(Debug)]
struct Sent {
    conversation: i64,
    sender: String,
    content: String,
    /// The id and the `seq` that it was acknowledged with.
    acknowledged: Option<(i64, i64)>,
}

/// An edit or, without content, a deletion.
#[derive(Debug)]
struct Change {
    content: Option<String>,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was never answered, so it may have been done or not.
    Unknown,
    Acknowledged,
    Refused,
}

#[derive(Debug, Default)]
struct Mark {
    asked: Option<i64>,
    acknowledged: Option<i64>,
}

/// Names one change of a message.
#[derive(Clone, Copy, Debug)]
pub struct ChangeId {
    message: i64,
    index: usize,
}

impl Ledger {
    /// A message will be sent, as often as it takes.
    pub fn send(&mut self, nonce: &str, conversation: i64, sender: &str, content: &str) {
        let (sender, content) = (sender.to_owned(), content.to_owned());
        self.sent.insert(nonce.to_owned(), Sent { conversation, sender, content, acknowledged: None });
    }

    /// A message was answered.
    pub fn acknowledge(&mut self, nonce: &str, message: &Value) {
        let place = (message["id"].as_i64().unwrap(), message["seq"].as_i64().unwrap());
        let before = self.sent.get_mut(nonce).unwrap().acknowledged.replace(place);
        assert!(before.is_none_or(|before| before == place), "{nonce} was acknowledged at {before:?} and at {place:?}");
    }

    /// A message is to be edited, or without content deleted.
    pub fn change(&mut self, message: i64, content: Option<String>) -> ChangeId {
        let changes = self.changes.entry(message).or_default();
        changes.push(Change { content, outcome: Outcome::Unknown });
        ChangeId { message, index: changes.len() - 1 }
    }

    /// A change was answered.
    pub fn changed(&mut self, change: ChangeId, is_done: bool) {
        let outcome = if is_done { Outcome::Acknowledged } else { Outcome::Refused };
        self.changes.get_mut(&change.message).unwrap()[change.index].outcome = outcome;
    }

    /// Someone has read a message and tells so.
    pub fn read(&mut self, reader: &str, conversation: i64, message: i64) {
        let mark = self.marks.entry((reader.to_owned(), conversation)).or_default();
        mark.asked = mark.asked.max(Some(message));
    }

    /// That they have read it was answered.
    pub fn have_read(&mut self, reader: &str, conversation: i64, message: i64) {
        let mark = self.marks.entry((reader.to_owned(), conversation)).or_default();
        mark.acknowledged = mark.acknowledged.max(Some(message));
    }

    /// How many messages were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.sent.values().filter(|sent| sent.acknowledged.is_some()).count()
    }

    /// Checks that each message is there once, as it was sent and changed, and no other.
    pub fn check_messages(&self, conversations: &BTreeMap<i64, Conversation>) {
        let mut found: HashMap<&str, &Value> = HashMap::new();
        for message in conversations.values().flat_map(|conversation| conversation.messages.values()) {
            let nonce = message["nonce"].as_str().unwrap();
            assert!(self.sent.contains_key(nonce), "nobody sent {message}");
            assert!(found.insert(nonce, message).is_none(), "twice: {message}");
        }
        for (nonce, sent) in &self.sent {
            let message = found.get(nonce.as_str()).unwrap_or_else(|| panic!("lost: {nonce} {sent:?}"));
            let place = (message["id"].as_i64().unwrap(), message["seq"].as_i64().unwrap());
            assert_eq!(sent.acknowledged, Some(place), "{nonce}");
            assert_eq!(message["conversation_id"], sent.conversation);
            assert_eq!(message["sender_username"], sent.sender);
            self.check_content(place.0, sent, message);
        }
    }

    /// What was acknowledged last holds; what was never answered may have been done as well.
    fn check_content(&self, id: i64, sent: &Sent, message: &Value) {
        let changes = self.changes.get(&id).map_or(&[][..], Vec::as_slice);
        let acknowledged = changes.iter().rfind(|change| change.outcome == Outcome::Acknowledged);
        let settled = acknowledged.map_or(Some(&sent.content), |change| change.content.as_ref());
        let open = changes.iter().filter(|change| change.outcome == Outcome::Unknown);
        let mut possible = open.map(|change| change.content.as_ref()).chain([settled]);
        let is_deleted = message["deleted"] == true;
        let is_as_possible = |content: Option<&String>| match content {
            Some(content) => !is_deleted && message["content"] == *content,
            None => is_deleted && message["content"] == "",
        };
        assert!(possible.any(is_as_possible), "{message} after {changes:?}");
        let was_deleted = |change: &Change| change.outcome == Outcome::Acknowledged && change.content.is_none();
        assert!(is_deleted || !changes.iter().any(was_deleted), "{message} after {changes:?}");
    }

    /// Checks that a read mark is no older than what was acknowledged, and no newer than what was asked.
    pub fn check_mark(&self, reader: &str, conversation: i64, mark: Option<i64>) {
        let Some(Mark { asked, acknowledged }) = self.marks.get(&(reader.to_owned(), conversation)) else { return };
        assert!(mark >= *acknowledged, "{reader} has read up to {acknowledged:?} in {conversation}, not {mark:?}");
        assert!(mark <= *asked, "{reader} has read up to {asked:?} in {conversation}, not {mark:?}");
    }
}
