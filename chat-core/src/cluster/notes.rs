//! What nodes tell each other. The rule: a note names what happened, and whoever cares reads it from the storage; only what
//! no storage keeps, or keeps no more, travels whole.

use crate::{
    Action, Appended, Audience, CloseReason, ConversationId, Event, EventKind, LoginId, MessageId, Seq, UserId,
    Username,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Bytes around the notes of a payload: the node's name, the number, and the keys.
const ENVELOPE_BYTES: usize = 100;
/// Bytes of one entry in a list of notes: two numbers of 2^53, brackets and commas.
const ENTRY_BYTES: usize = 36;

/// Names one run of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct NodeId(u64);

impl NodeId {
    /// A name that no other node has.
    pub(super) fn new() -> Self {
        // JSON readers built on doubles hold 53 bits; with a thousand nodes two are alike once in ten billion times.
        Self(u64::from_ne_bytes(crate::random::bytes()) >> 11)
    }
}

/// Which of a node's payloads this is, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) node: NodeId,
    pub(super) number: u64,
}

/// One payload. Without an origin it comes out of the transaction of a host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Envelope {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<Origin>,
    pub(super) notes: Vec<Note>,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Note {
    /// These conversations have come this far.
    Rung(Vec<(ConversationId, Seq)>),
    /// It is not known whether something was stored in these conversations.
    Doubt(Vec<ConversationId>),
    /// This change brought a user in.
    Joined { conversation: ConversationId, seq: Seq, user: UserId },
    /// A conversation was created, with these members among others.
    Created { conversation: ConversationId, by: StoredName, members: Vec<UserId> },
    /// Someone left a conversation that is gone with them.
    Left(Left),
    /// A conversation is gone.
    Deleted { conversation: ConversationId, by: StoredName },
    /// A member has read up to a message, of which only they are told if it is private.
    Read {
        conversation: ConversationId,
        by: StoredName,
        user: UserId,
        message: MessageId,
        /// Nodes of an older version leave it out.
        #[serde(default)]
        is_private: bool,
    },
    /// A member is typing, or has stopped.
    Typing { conversation: ConversationId, user: UserId, username: StoredName, is_typing: bool },
    /// These sessions are to be closed.
    Close { whose: Whose, code: u16 },
    /// A user was deleted, and these were their contacts among others.
    Forgotten { user: UserId, username: StoredName, contacts: Vec<UserId> },
    /// These users came to this node.
    Came(Vec<UserId>),
    /// These users went from this node.
    Went(Vec<UserId>),
    /// A part of all who are at this node; the last part ends the list.
    Present { users: Vec<UserId>, is_last: bool },
    /// Everyone is to tell who is with them.
    Hello,
    /// There was more to tell than is kept: compare with the storage.
    Missed,
    /// This node stops; nobody is there any more.
    Bye,
}

/// A member's departure, in full: with its conversation the storage has forgotten it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Left {
    conversation: ConversationId,
    seq: Seq,
    by: StoredName,
    user: UserId,
    username: StoredName,
    messages_deleted: bool,
}

/// A username as it is stored, that of a deleted user among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub(super) struct StoredName(pub(super) Username);

impl From<String> for StoredName {
    fn from(name: String) -> Self {
        Self(Username::from_stored(name))
    }
}

/// Whose sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Whose {
    Login(LoginId),
    User(UserId),
}

impl Whose {
    /// `None` for a share, which is counted among the sessions of one node.
    pub(super) fn of(audience: Audience) -> Option<Self> {
        match audience {
            Audience::Login(login) => Some(Self::Login(login)),
            Audience::User(user) => Some(Self::User(user)),
            Audience::Share { .. } => None,
        }
    }
}

impl From<Whose> for Audience {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Login(login) => Self::Login(login),
            Whose::User(user) => Self::User(user),
        }
    }
}

impl From<Left> for Event {
    fn from(left: Left) -> Self {
        let Left { conversation, seq, by, user, username, messages_deleted } = left;
        let kind = EventKind::MemberRemoved { user, username: username.0, messages_deleted };
        Self { conversation, seq: Some(seq), by: by.0, kind }
    }
}

impl Note {
    /// What is to be told of a stored change.
    pub(super) fn of(action: &Action, appended: &Appended) -> Vec<Self> {
        let mut notes: Vec<_> = appended.events.iter().flat_map(|event| Self::of_event(event, appended)).collect();
        if let Action::DeleteUser { user } = action {
            notes.push(Self::Close { whose: Whose::User(*user), code: CloseReason::LoginEnded.code() });
        }
        notes
    }

    fn of_event(event: &Event, appended: &Appended) -> Vec<Self> {
        let Event { conversation, by, .. } = event;
        let (conversation, by) = (*conversation, StoredName(by.clone()));
        let rung = event.seq.map(|seq| Self::Rung(vec![(conversation, seq)]));
        let note = match (&event.kind, event.seq) {
            (EventKind::Created(_, members), _) => {
                let members = members.iter().map(|member| member.user).collect();
                Some(Self::Created { conversation, by, members })
            }
            (EventKind::MemberAdded { user, .. }, Some(seq)) => Some(Self::Joined { conversation, seq, user: *user }),
            (EventKind::MemberRemoved { user, username, messages_deleted }, Some(seq))
                if appended.dissolves(conversation) =>
            {
                let (user, username, messages_deleted) = (*user, StoredName(username.clone()), *messages_deleted);
                Some(Self::Left(Left { conversation, seq, by, user, username, messages_deleted }))
            }
            (EventKind::ConversationDeleted, _) => Some(Self::Deleted { conversation, by }),
            (EventKind::Read { user, message, is_private }, _) => {
                let (user, message, is_private) = (*user, *message, *is_private);
                Some(Self::Read { conversation, by, user, message, is_private })
            }
            _ => None,
        };
        note.into_iter().chain(rung).collect()
    }

    /// The note as several, none with a list longer than a payload can hold.
    fn split(self, entries_max: usize) -> Vec<Self> {
        match self {
            Self::Rung(rung) => rung.chunks(entries_max).map(|part| Self::Rung(part.to_vec())).collect(),
            Self::Doubt(doubtful) => doubtful.chunks(entries_max).map(|part| Self::Doubt(part.to_vec())).collect(),
            Self::Came(users) => users.chunks(entries_max).map(|part| Self::Came(part.to_vec())).collect(),
            Self::Went(users) => users.chunks(entries_max).map(|part| Self::Went(part.to_vec())).collect(),
            Self::Created { conversation, by, members } => {
                let part = |part: &[UserId]| Self::Created { conversation, by: by.clone(), members: part.to_vec() };
                members.chunks(entries_max).map(part).collect()
            }
            Self::Forgotten { user, username, contacts } => {
                let part =
                    |part: &[UserId]| Self::Forgotten { user, username: username.clone(), contacts: part.to_vec() };
                contacts.chunks(entries_max).map(part).collect()
            }
            Self::Present { users, is_last } => {
                let mut parts: Vec<_> = users.chunks(entries_max).map(<[_]>::to_vec).collect();
                let last = parts.pop().unwrap_or_default();
                let parts = parts.into_iter().map(|users| Self::Present { users, is_last: false });
                parts.chain([Self::Present { users: last, is_last }]).collect()
            }
            other => vec![other],
        }
    }
}

/// Puts notes together so that each part fits into a payload.
pub(super) fn pack(notes: Vec<Note>, payload_bytes_max: usize) -> Vec<Vec<Note>> {
    let room = payload_bytes_max.saturating_sub(ENVELOPE_BYTES);
    // What a list's note holds besides the list: a conversation and a name of 64 characters.
    let entries_max = (room.saturating_sub(200) / ENTRY_BYTES).max(1);
    let mut parts: Vec<Vec<Note>> = vec![];
    let mut left = 0;
    for note in notes.into_iter().flat_map(|note| note.split(entries_max)) {
        let bytes = encode(&note).len() + 1;
        match parts.last_mut().filter(|_| bytes <= left) {
            Some(part) => part.push(note),
            None => {
                parts.push(vec![note]);
                left = room;
            }
        }
        left = left.saturating_sub(bytes);
    }
    parts
}

/// Encodes a payload or a part of one.
pub(super) fn encode(notes: &impl Serialize) -> Bytes {
    #[expect(clippy::expect_used, reason = "notes hold strings, integers and lists, which JSON can always hold")]
    serde_json::to_vec(notes).expect("a note is JSON").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(count: i64) -> Vec<UserId> {
        ((1 << 53) - count..1 << 53).map(|id| id.try_into().unwrap()).collect()
    }

    #[test]
    fn every_part_fits_into_a_payload_and_nothing_is_left_out() {
        let by = StoredName::from(format!("deleted~{}", "9".repeat(56)));
        let rung = (1..2_000).map(|n| (((1 << 53) - n).try_into().unwrap(), ((1 << 53) - 1).try_into().unwrap()));
        let notes = vec![
            Note::Hello,
            Note::Created { conversation: ConversationId::MIN, by: by.clone(), members: users(1_000) },
            Note::Rung(rung.collect()),
            Note::Forgotten { user: UserId::MIN, username: by, contacts: users(500) },
            Note::Present { users: users(3_000), is_last: true },
        ];
        for bytes_max in [1_024, 7_999] {
            let parts = pack(notes.clone(), bytes_max);
            for notes in &parts {
                let from = Some(Origin { node: NodeId(u64::MAX >> 11), number: u64::MAX });
                assert!(encode(&Envelope { from, notes: notes.clone() }).len() <= bytes_max);
            }
            let all: Vec<_> = parts.into_iter().flatten().collect();
            let rung = all.iter().map(|note| if let Note::Rung(rung) = note { rung.len() } else { 0 });
            assert_eq!(rung.sum::<usize>(), 1_999);
            let last = all.iter().filter(|note| matches!(note, Note::Present { is_last: true, .. }));
            assert_eq!(last.count(), 1);
        }
    }

    #[test]
    fn a_note_reads_as_it_was_written() {
        let text = r#"{"from":{"node":7,"number":1},"notes":[{"rung":[[4,2],[5,1]]},"hello",{"close":{"whose":{"login":9},"code":4401}},{"typing":{"conversation":4,"user":2,"username":"ann","is_typing":true}}]}"#;
        let envelope: Envelope = serde_json::from_str(text).unwrap();
        assert_eq!(encode(&envelope), text);
    }
}
