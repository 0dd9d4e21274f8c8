//! Conversations, and what is said and happens in them.

use super::{Operation, groups, users};
use chat_core::wire::shape::Shape;
use chat_core::wire::{ConversationDetails, MemberView, MessageView, SummaryView, protocol};
use chat_core::{ConversationId, MessageId, UserId};

fn about(summary: &'static str) -> Operation {
    Operation::new("conversations", summary)
}

fn one(summary: &'static str) -> Operation {
    about(summary).path("id", Shape::of::<ConversationId>())
}

/// A message that is stored now, or was before under the same nonce.
pub(super) fn sends(operation: Operation) -> Operation {
    operation
        .answers(201, "The message", Shape::of::<MessageView>())
        .answers(200, "The message that has this nonce", Shape::of::<MessageView>())
        .refuses([404, 409])
}

pub(crate) fn list() -> Operation {
    about("List one's conversations").about("Newest activity first.").page("before", groups::cursor()).answers(
        200,
        "A page of conversations",
        Shape::page::<SummaryView>("conversations"),
    )
}

pub(crate) fn find() -> Operation {
    one("Read a conversation").answers(200, "The conversation", Shape::of::<ConversationDetails<MemberView>>())
}

pub(crate) fn direct() -> Operation {
    about("Find or create the conversation with someone")
        .path("user_id", Shape::of::<UserId>())
        .answers(201, "The new conversation", Shape::of::<ConversationDetails<MemberView>>())
        .answers(200, "The conversation that was there", Shape::of::<ConversationDetails<MemberView>>())
        .refuses([422])
}

pub(crate) fn messages() -> Operation {
    one("Read messages")
        .about("Newest first; with `after` oldest first. Only one of `before` and `after` may be there.")
        .query("before", "a message", Shape::of::<MessageId>())
        .page("after", users::after())
        .answers(200, "A page of messages", Shape::page::<MessageView>("messages"))
}

pub(crate) fn send() -> Operation {
    sends(one("Send a message").body(protocol::draft(Shape::object())))
}

pub(crate) fn events() -> Operation {
    one("Read what has happened")
        .about("Oldest first. Messages in events are as they are now.")
        .page("after", users::after())
        .answers(200, "A page of events", Shape::page_of("events", protocol::sequenced()))
}
