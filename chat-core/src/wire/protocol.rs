//! The event protocol as documents tell it: one function for each request of `session/requests.rs`, of the same name.
//!
//! The rule: what is documented here is made from the types that are sent.

use super::data::{
    BlockChanged, BlockedUsers, ContactChanged, Contacts, ConversationDeleted, LoggedIn, MemberAdded, MemberRemoved,
    Messages, Presence, ReadMark, Renamed, Resumed, Synced, Typing,
};
use super::shape::Shape;
use super::{ContactView, ConversationDetails, MessageView, SummaryView, UserView};
use crate::{
    Content, ConversationId, ConversationName, Epoch, MessageId, Nonce, Role, Search, Seq, UserId, Username,
    Visibility, limits,
};
use serde_json::json;

/// One type of frame.
#[derive(Clone, Debug)]
pub struct Documented {
    /// The value of `type`.
    pub kind: &'static str,
    /// A sentence.
    pub about: &'static str,
    /// Who hears the frame of the server.
    pub heard_by: &'static str,
    /// The frame of the client; none for what is only pushed.
    pub request: Option<Shape>,
    /// The frame of the server that tells of success.
    pub success: Shape,
}

/// A request that has no name yet.
pub(crate) struct Draft {
    about: &'static str,
    heard_by: &'static str,
    fields: Shape,
    data: Shape,
}

impl Draft {
    pub(crate) fn of(self, kind: &'static str) -> Documented {
        let Self { about, heard_by, fields, data } = self;
        let mut frame = Shape::object().with("type", Shape::constant(kind));
        frame.parts = fields.parts;
        if let Some(properties) = fields.schema["properties"].as_object() {
            for (name, schema) in properties {
                frame.schema["properties"][name] = schema.clone();
            }
        }
        if let (Some(all), Some(required)) =
            (frame.schema["required"].as_array_mut(), fields.schema["required"].as_array())
        {
            all.extend(required.iter().cloned());
        }
        let request = Some(frame.maybe("ref", reference()));
        Documented { kind, about, heard_by, request, success: success(kind, data).member("ref", reference()) }
    }
}

/// Every request.
#[must_use]
pub fn requests() -> Vec<Documented> {
    crate::session::documented()
}

/// What comes without being asked for by a request of the same name.
#[must_use]
pub fn pushes() -> Vec<Documented> {
    let pushed =
        |kind, about, heard_by, data| Documented { kind, about, heard_by, request: None, success: success(kind, data) };
    vec![
        pushed("user_status", "A contact came or went", "online contacts", Shape::of::<Presence>()),
        pushed(
            "lagged",
            "Events were dropped, because this socket reads too slowly or its server missed them: resume",
            "this socket",
            Shape::new(json!({ "type": "null" })),
        ),
    ]
}

/// A refusal of requests of any of these types.
#[must_use]
pub fn failure(kinds: &[&str]) -> Shape {
    let code = json!({ "type": "string", "enum": CODES, "example": "forbidden" });
    Shape::object()
        .with("type", Shape::new(json!({ "type": "string", "enum": kinds })))
        .with("success", Shape::new(json!({ "type": "boolean", "const": false })))
        .with("error", Shape::text("a sentence"))
        .with("code", Shape::new(code))
        .member("ref", reference())
}

/// An event of a conversation that has a `seq`, as sockets carry it and a page of events lists it.
#[must_use]
pub fn sequenced() -> Shape {
    type Kind = (&'static str, fn() -> Draft);
    let kinds: &[Kind] = &[
        ("send_message", send_message),
        ("edit_message", edit_message),
        ("delete_message", delete_message),
        ("rename_conversation", rename_conversation),
        ("add_member", add_member),
        ("remove_member", remove_member),
        ("leave_conversation", leave_conversation),
    ];
    Shape::any_of(kinds.iter().map(|(kind, draft)| success(kind, draft().data))).named("Event")
}

/// The stable names of errors.
pub const CODES: &[&str] = &[
    "malformed",
    "unauthorized",
    "unverified",
    "forbidden",
    "not_found",
    "conflict",
    "too_large",
    "invalid",
    "rate_limited",
    "unavailable",
];

fn success(kind: &str, data: Shape) -> Shape {
    Shape::object()
        .with("type", Shape::constant(kind))
        .with("success", Shape::new(json!({ "type": "boolean", "const": true })))
        .with("data", data)
}

fn reference() -> Shape {
    Shape::new(json!({
        "description": "the client's own name for a request, which its answer carries back",
        "type": ["string", "integer"], "format": "int64", "example": 5,
    }))
}

const CALLER: &str = "the asking socket";
const MEMBERS: &str = "all members";

fn asks(about: &'static str, heard_by: &'static str, fields: Shape, data: Shape) -> Draft {
    Draft { about, heard_by, fields, data }
}

fn nothing() -> Shape {
    Shape::object()
}

fn conversation() -> Shape {
    nothing().with("conversation_id", Shape::of::<ConversationId>())
}

fn message() -> Shape {
    nothing().with("message_id", Shape::of::<MessageId>())
}

fn boolean() -> Shape {
    Shape::of::<bool>()
}

/// What a message is made of, over the socket and over HTTP.
#[must_use]
pub fn draft(fields: Shape) -> Shape {
    fields
        .with("content", Shape::of::<Content>())
        .maybe("reply_id", Shape::of::<MessageId>())
        .maybe("nonce", Shape::of::<Nonce>())
}

/// Usernames of those who are in a new conversation besides its creator.
#[must_use]
pub fn members_named() -> Shape {
    Shape::of::<Username>().list().annotated("maxItems", limits::MEMBERS_AT_CREATION_MAX.into())
}

pub(crate) fn own_user() -> Draft {
    asks("Who one is", CALLER, nothing(), Shape::of::<ContactView>())
}

pub(crate) fn ping() -> Draft {
    asks("Asks for a sign of life", CALLER, nothing(), Shape::constant("pong"))
}

pub(crate) fn log_in() -> Draft {
    let fields = nothing().with("token", Shape::text("a newer access token of the same user"));
    asks("Lets the socket live as long as this token", CALLER, fields, Shape::of::<LoggedIn>())
}

fn contact(about: &'static str) -> Draft {
    let fields = nothing().with("contact_username", Shape::of::<Username>());
    asks(about, CALLER, fields, Shape::of::<ContactChanged>())
}

pub(crate) fn add_contact() -> Draft {
    contact("Makes two users contacts of each other")
}

pub(crate) fn remove_contact() -> Draft {
    contact("Ends being contacts, for both users")
}

pub(crate) fn contacts() -> Draft {
    asks("Lists one's contacts", CALLER, nothing(), Shape::of::<Contacts>())
}

fn block(about: &'static str) -> Draft {
    let fields = nothing().with("username", Shape::of::<Username>());
    asks(about, CALLER, fields, Shape::of::<BlockChanged>())
}

pub(crate) fn block_user() -> Draft {
    block("Blocks someone, who is no contact any more and is told nothing")
}

pub(crate) fn unblock_user() -> Draft {
    block("Ends a block")
}

pub(crate) fn blocked() -> Draft {
    asks("Lists whom one blocks", CALLER, nothing(), Shape::of::<BlockedUsers>())
}

pub(crate) fn users() -> Draft {
    let fields = nothing().maybe("search", Shape::of::<Search>()).maybe("after", Shape::of::<UserId>());
    asks("Lists people to talk to", CALLER, fields, Shape::page::<UserView>("users"))
}

pub(crate) fn create_conversation() -> Draft {
    let fields = nothing()
        .with("members", members_named())
        .maybe("name", Shape::of::<ConversationName>())
        .maybe("visibility", Shape::of::<Visibility>());
    asks("Creates a group", MEMBERS, fields, Shape::of::<ConversationDetails<Username>>())
}

pub(crate) fn conversations() -> Draft {
    asks("Lists one's conversations, newest activity first", CALLER, nothing(), Shape::of::<SummaryView>().list())
}

pub(crate) fn conversation_info() -> Draft {
    let fields = nothing().with("id", Shape::of::<ConversationId>());
    asks("Reads one conversation", CALLER, fields, Shape::of::<ConversationDetails<Username>>())
}

pub(crate) fn send_message() -> Draft {
    asks(
        "Sends a message; the same nonce again stores nothing",
        MEMBERS,
        draft(conversation()),
        Shape::of::<MessageView>(),
    )
}

pub(crate) fn messages() -> Draft {
    let fields = conversation().maybe("before", Shape::of::<MessageId>());
    asks("Reads messages, newest first", CALLER, fields, Shape::of::<Messages>())
}

pub(crate) fn edit_message() -> Draft {
    let fields = message().with("content", Shape::of::<Content>());
    asks("Replaces what a message says", MEMBERS, fields, Shape::of::<MessageView>())
}

pub(crate) fn delete_message() -> Draft {
    asks("Empties a message, which keeps its place", MEMBERS, message(), Shape::of::<MessageView>())
}

pub(crate) fn rename_conversation() -> Draft {
    let fields = conversation().with("name", Shape::of::<ConversationName>());
    asks(
        "Gives a group another name; a change of visibility is told in the same way",
        MEMBERS,
        fields,
        Shape::of::<Renamed>(),
    )
}

pub(crate) fn add_member() -> Draft {
    let fields = conversation().with("username", Shape::of::<Username>()).maybe("role", Shape::of::<Role>());
    asks(
        "Brings someone in, or changes their role",
        "all members and who was added",
        fields,
        Shape::of::<MemberAdded>(),
    )
}

pub(crate) fn remove_member() -> Draft {
    let fields = conversation().with("username", Shape::of::<Username>());
    asks("Removes someone", "all members and who was removed", fields, Shape::of::<MemberRemoved>())
}

pub(crate) fn leave_conversation() -> Draft {
    asks("Leaves a group", "all members and who left", conversation(), Shape::of::<MemberRemoved>())
}

pub(crate) fn delete_conversation() -> Draft {
    asks("Deletes a group", "all who were members", conversation(), Shape::of::<ConversationDeleted>())
}

pub(crate) fn read() -> Draft {
    let fields = conversation().with("message_id", Shape::of::<MessageId>());
    asks("Moves one's read mark forward", MEMBERS, fields, Shape::of::<ReadMark>())
}

pub(crate) fn typing() -> Draft {
    let fields = conversation().with("is_typing", boolean());
    asks(
        "Shows that one is typing",
        "the other members; the asking socket, if it gave a `ref`",
        fields,
        Shape::of::<Typing>(),
    )
}

pub(crate) fn sync() -> Draft {
    asks("Lists all conversations, after which events follow without a gap", CALLER, nothing(), Shape::of::<Synced>())
}

pub(crate) fn resume() -> Draft {
    let seen = Shape::of::<Seq>();
    let conversations = Shape {
        schema: json!({
            "type": "object", "additionalProperties": seen.schema, "propertyNames": { "pattern": "^[1-9][0-9]{0,15}$" },
            "description": "the last `seq` seen of each conversation, by its id", "example": { "4": 3 },
        }),
        parts: seen.parts,
    };
    let fields = nothing().with("epoch", Shape::of::<Epoch>()).with("conversations", conversations);
    asks("Asks for what was missed, which comes before the answer", CALLER, fields, Shape::of::<Resumed>())
}
