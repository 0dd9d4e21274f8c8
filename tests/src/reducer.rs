//! What a client knows, and how each frame changes it. The rule, which every client keeps:
//!
//! * Of each conversation keep the last `seq`. An event with the next one is applied, one with an old one dropped.
//! * One beyond the next shows a gap, and `lagged` tells of one: ask to `resume`, once, and until the answer drop whatever
//!   does not fit. The missed events come as ordinary frames before it.
//! * On a new socket `resume` first, or `sync` if there was none before.
//! * A conversation with `reset`, or a new one, is fetched anew: first the conversation, whose `last_seq` is the place to go
//!   on from, then what it holds. What has happened in between comes as events, and applying those to what shows them
//!   already changes nothing.

use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// One conversation, as one of its members sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// `kind` and `created_at`, which never change.
    pub fixed: (Value, Value),
    /// Its name.
    pub name: Value,
    /// Whether strangers may join.
    pub visibility: Value,
    /// The name and role of each member.
    pub members: BTreeMap<i64, (Value, Value)>,
    /// Its messages by id, whole.
    pub messages: BTreeMap<i64, Value>,
    /// The place of the newest change.
    pub last_seq: i64,
    /// The newest message that this member has marked as read.
    pub read_up_to: Option<i64>,
}

/// All that one user knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The name of the server's history.
    pub epoch: Value,
    /// The user's conversations.
    pub conversations: BTreeMap<i64, Conversation>,
    me: String,
}

/// What a frame means to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It was the next event of its conversation, with this `seq`, and is applied.
    Next(i64, i64),
    /// It is known already, and dropped.
    Old,
    /// Something before it is missing, so it is dropped.
    Gap,
    /// The conversation is to be fetched anew.
    Fetch(i64),
    /// It takes no place in any order; whatever it says is applied.
    Unordered,
}

impl Known {
    /// Nothing, before the first `sync`.
    #[must_use]
    pub fn nothing(me: &str) -> Self {
        Self { epoch: Value::Null, conversations: BTreeMap::new(), me: me.to_owned() }
    }

    /// A `resume` of what is known.
    #[must_use]
    pub fn resume(&self) -> Value {
        let seen = self.conversations.iter().map(|(id, conversation)| (id.to_string(), conversation.last_seq));
        let seen: HashMap<_, _> = seen.collect();
        json!({ "type": "resume", "epoch": self.epoch, "conversations": seen })
    }

    /// Takes in one frame.
    pub fn apply(&mut self, frame: &Value) -> Meaning {
        let data = &frame["data"];
        if frame["success"] != true {
            return Meaning::Unordered;
        }
        match frame["type"].as_str().unwrap() {
            // It names its members, but does not tell their roles.
            "create_conversation" => self.unless_known(id(&data["id"])),
            "delete_conversation" => {
                self.conversations.remove(&id(&data["conversation_id"]));
                Meaning::Unordered
            }
            "read" => {
                self.read(data);
                Meaning::Unordered
            }
            kind @ ("send_message"
            | "edit_message"
            | "delete_message"
            | "rename_conversation"
            | "add_member"
            | "remove_member"
            | "leave_conversation") => self.in_order(kind, data),
            _ => Meaning::Unordered,
        }
    }

    fn unless_known(&self, conversation: i64) -> Meaning {
        if self.conversations.contains_key(&conversation) { Meaning::Unordered } else { Meaning::Fetch(conversation) }
    }

    fn read(&mut self, data: &Value) {
        if data["username"] == *self.me
            && let Some(conversation) = self.conversations.get_mut(&id(&data["conversation_id"]))
        {
            conversation.read_up_to = conversation.read_up_to.max(data["message_id"].as_i64());
        }
    }

    fn in_order(&mut self, kind: &str, data: &Value) -> Meaning {
        let conversation_id = id(&data["conversation_id"]);
        // A change that changed nothing is answered, but took no place.
        let Some(seq) = data["seq"].as_i64() else { return Meaning::Unordered };
        let Some(conversation) = self.conversations.get_mut(&conversation_id) else {
            let is_welcome = kind == "add_member" && data["username"] == *self.me;
            return if is_welcome { Meaning::Fetch(conversation_id) } else { Meaning::Gap };
        };
        if seq <= conversation.last_seq {
            return Meaning::Old;
        }
        if seq > conversation.last_seq + 1 {
            return Meaning::Gap;
        }
        conversation.last_seq = seq;
        conversation.change(kind, data);
        if matches!(kind, "remove_member" | "leave_conversation") && data["username"] == *self.me {
            self.conversations.remove(&conversation_id);
        }
        Meaning::Next(conversation_id, seq)
    }
}

impl Conversation {
    /// From what the server tells of it when asked: itself, and its messages.
    #[must_use]
    pub fn fetched(details: &Value, read_up_to: Option<i64>, messages: Vec<Value>) -> Self {
        let members = details["members"].as_array().unwrap().iter();
        let named = |member: &Value| (id(&member["id"]), (member["username"].clone(), member["role"].clone()));
        Self {
            fixed: (details["kind"].clone(), details["created_at"].clone()),
            name: details["name"].clone(),
            visibility: details["visibility"].clone(),
            members: members.map(named).collect(),
            messages: messages.into_iter().map(|message| (id(&message["id"]), message)).collect(),
            last_seq: id(&details["last_seq"]),
            read_up_to,
        }
    }

    fn change(&mut self, kind: &str, data: &Value) {
        match kind {
            "send_message" => self.put(data.clone()),
            "edit_message" | "delete_message" => {
                // The event's place is not that of the message.
                let place = self.messages[&id(&data["id"])]["seq"].clone();
                let mut message = data.clone();
                message["seq"] = place;
                self.put(message);
            }
            "rename_conversation" => {
                self.name = data["name"].clone();
                self.visibility = data["visibility"].clone();
            }
            "add_member" => {
                self.members.insert(id(&data["user_id"]), (data["username"].clone(), data["role"].clone()));
            }
            _ => {
                self.members.remove(&id(&data["user_id"]));
                if data["messages_deleted"] == true {
                    self.forget(data);
                }
            }
        }
    }

    /// Takes a deleted user's words and name from what they left.
    fn forget(&mut self, deleted: &Value) {
        for message in self.messages.values_mut().filter(|message| message["sender_id"] == deleted["user_id"]) {
            message["content"] = json!("");
            message["deleted"] = json!(true);
            message["sender_username"] = deleted["username"].clone();
        }
        // A direct conversation is called by the names of its two members.
        if self.fixed.0 == "direct"
            && let Some((other, _)) = self.members.values().next()
        {
            self.name = json!(format!("{}, {}", other.as_str().unwrap(), deleted["username"].as_str().unwrap()));
        }
    }

    fn put(&mut self, message: Value) {
        self.messages.insert(id(&message["id"]), message);
    }

    /// How many messages are unread to `me`, by definition: after the read mark, by others, not deleted.
    #[must_use]
    pub fn unread(&self, me: &str) -> usize {
        let counts = |(message, content): &(&i64, &Value)| {
            Some(**message) > self.read_up_to && content["sender_username"] != *me && content["deleted"] == false
        };
        self.messages.iter().filter(counts).count()
    }
}

fn id(value: &Value) -> i64 {
    value.as_i64().unwrap()
}
