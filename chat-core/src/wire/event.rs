//! Frames from the server: events, answers and failures.

use crate::frame::{Frame, Lane, Place, SignalKey};
use crate::wire::data::{ConversationDeleted, MemberAdded, MemberRemoved, Presence, ReadMark, Renamed, Typing};
use crate::wire::{ConversationDetails, MessageView};
use crate::{ConversationId, Error, Event, EventKind, Seq, UserId, Username};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A client's own name for a request, carried back by the answer: a string or an integer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a string or an integer")]
pub enum Reference {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
}

#[derive(Serialize)]
struct Success<'a, T> {
    r#type: &'a str,
    success: bool,
    data: T,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Reference>,
}

#[derive(Serialize)]
struct Failure<'a> {
    r#type: &'a str,
    success: bool,
    error: String,
    code: &'a str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Reference>,
}

/// What a request asked for.
pub(crate) fn answer(kind: &str, data: impl Serialize, reference: Option<&Reference>) -> Frame {
    Frame { bytes: encode(&Success { r#type: kind, success: true, data, reference }), lane: Lane::Answer }
}

/// Why a request was not done.
pub(crate) fn failure(kind: &str, error: &Error, reference: Option<&Reference>) -> Frame {
    let failure = Failure { r#type: kind, success: false, error: error.to_string(), code: error.code(), reference };
    Frame { bytes: encode(&failure), lane: Lane::Answer }
}

/// A conversation's event for everyone who hears it.
pub(crate) fn announcement(event: &Event, reference: Option<&Reference>) -> Frame {
    let (kind, data) = described(event);
    let lane = Lane::Event(place(event));
    Frame { bytes: encode(&Success { r#type: kind, success: true, data, reference }), lane }
}

/// Where an event stands among those of its conversation: its creation is before all of them, a read mark anywhere.
fn place(event: &Event) -> Option<Place> {
    let conversation = event.conversation;
    let seq = match event.kind {
        EventKind::Created(..) => Some(Seq::ZERO),
        _ => event.seq,
    };
    seq.map(|seq| Place { conversation, seq })
}

/// A conversation's event as a JSON object, the same as its frame.
#[must_use]
pub fn event_object(event: &Event) -> Value {
    let (kind, data) = described(event);
    json!({ "type": kind, "success": true, "data": data })
}

/// Whether a contact is online.
pub(crate) fn presence(user: UserId, username: &Username, is_online: bool) -> Frame {
    let data = Presence { username: username.clone(), is_online };
    let bytes = encode(&Success { r#type: "user_status", success: true, data, reference: None });
    Frame { bytes, lane: Lane::Signal(SignalKey::Presence(user)) }
}

/// Whether a member is typing.
pub(crate) fn typing(user: UserId, username: &Username, conversation: ConversationId, is_typing: bool) -> Frame {
    let data = typing_data(username, conversation, is_typing);
    let bytes = encode(&Success { r#type: "typing", success: true, data, reference: None });
    Frame { bytes, lane: Lane::Signal(SignalKey::Typing(user, conversation)) }
}

/// The data of a `typing` frame.
pub(crate) fn typing_data(username: &Username, conversation: ConversationId, is_typing: bool) -> Typing {
    Typing { conversation_id: conversation, username: username.clone(), is_typing }
}

/// What stands in the place of conversation events that a slow reader lost.
pub(crate) fn lagged() -> Bytes {
    Bytes::from_static(br#"{"type":"lagged","success":true,"data":null}"#)
}

/// The data of an event.
#[derive(Serialize)]
#[serde(untagged)]
enum EventData {
    Message(Box<MessageView>),
    Created(Box<ConversationDetails<Username>>),
    Renamed(Renamed),
    MemberAdded(MemberAdded),
    MemberRemoved(MemberRemoved),
    Deleted(ConversationDeleted),
    Read(ReadMark),
}

fn described(event: &Event) -> (&'static str, EventData) {
    let Event { conversation, seq, by, kind } = event;
    let (conversation_id, seq, by) = (*conversation, *seq, by.clone());
    match kind {
        EventKind::Sent(message) => ("send_message", EventData::Message(Box::new(message.clone().into()))),
        EventKind::Edited(message) => {
            ("edit_message", EventData::Message(Box::new(MessageView::at(seq, message.clone()))))
        }
        EventKind::Deleted(message) => {
            ("delete_message", EventData::Message(Box::new(MessageView::at(seq, message.clone()))))
        }
        EventKind::Created(conversation, members) => {
            let names = members.iter().map(|member| member.username.clone()).collect();
            ("create_conversation", EventData::Created(Box::new(ConversationDetails::new(conversation.clone(), names))))
        }
        EventKind::Updated(name, visibility) => {
            let (name, visibility) = (name.clone(), *visibility);
            ("rename_conversation", EventData::Renamed(Renamed { conversation_id, seq, name, visibility, by }))
        }
        EventKind::MemberAdded { user, username, role } => {
            let (user_id, username, role) = (*user, username.clone(), *role);
            ("add_member", EventData::MemberAdded(MemberAdded { conversation_id, seq, user_id, username, role, by }))
        }
        EventKind::MemberRemoved { user, username, messages_deleted } => {
            let kind = if *username == by { "leave_conversation" } else { "remove_member" };
            let (user_id, username, messages_deleted) = (*user, username.clone(), *messages_deleted);
            let removed = MemberRemoved { conversation_id, seq, user_id, username, by, messages_deleted };
            (kind, EventData::MemberRemoved(removed))
        }
        EventKind::ConversationDeleted => {
            ("delete_conversation", EventData::Deleted(ConversationDeleted { conversation_id, by }))
        }
        EventKind::Read { user, message, .. } => {
            ("read", EventData::Read(ReadMark { conversation_id, user_id: *user, username: by, message_id: *message }))
        }
    }
}

fn encode(frame: &impl Serialize) -> Bytes {
    #[expect(
        clippy::expect_used,
        reason = "frames hold strings, integers and maps with string keys, which JSON can always hold"
    )]
    serde_json::to_vec(frame).expect("a frame is JSON").into()
}
