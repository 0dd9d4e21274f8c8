//! Single messages.

use super::{Operation, conversations, users};
use crate::respond::Done;
use chat_core::limits::READ_MESSAGES_MAX;
use chat_core::wire::shape::Shape;
use chat_core::wire::{MessageView, protocol};
use chat_core::{Content, MessageId, UserId};

fn about(summary: &'static str) -> Operation {
    Operation::new("conversations", summary)
}

fn one(summary: &'static str) -> Operation {
    about(summary).path("id", Shape::of::<MessageId>()).answers(200, "The message", Shape::of::<MessageView>())
}

pub(crate) fn send() -> Operation {
    let receiver = Shape::object()
        .with("receiver_id", users::user_or_conversation())
        .maybe("sender_id", Shape::of::<UserId>().annotated("description", "the caller".into()));
    conversations::sends(about("Send a message to a user or a group").body(protocol::draft(receiver)))
}

pub(crate) fn mark_read() -> Operation {
    let messages = Shape::of::<MessageId>().list().annotated("minItems", 1.into());
    let messages = messages.annotated("maxItems", READ_MESSAGES_MAX.into());
    let body = Shape::object()
        .with("message_ids", messages)
        .maybe("user_id", Shape::of::<UserId>().annotated("description", "the caller".into()));
    about("Mark messages as read")
        .about("The mark of each conversation moves forward to the newest of its messages here, never back.")
        .body(body)
        .answers(200, "They are read", Shape::of::<Done>())
        .refuses([404])
}

pub(crate) fn find() -> Operation {
    one("Read a message")
}

pub(crate) fn edit() -> Operation {
    one("Replace what a message says").body(Shape::object().with("content", Shape::of::<Content>())).refuses([409])
}

pub(crate) fn delete() -> Operation {
    one("Empty a message").about("It keeps its place.")
}
