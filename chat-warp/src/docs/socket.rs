//! Opening sockets. What they carry stands in `asyncapi.rs`.

use super::Operation;
use chat_core::UserId;
use chat_core::wire::shape::Shape;

fn about(summary: &'static str) -> Operation {
    Operation::new("sockets", summary).about("What it carries is described by `/asyncapi.yaml`.").upgrades()
}

pub(crate) fn open() -> Operation {
    about("Open the event socket")
}

pub(crate) fn open_direct() -> Operation {
    about("Open the socket of the conversation with someone").path("user_id", Shape::of::<UserId>())
}
