//! Verifying an address, and replacing a forgotten password.

use super::Operation;
use super::accounts::password;
use crate::respond::Done;
use chat_core::Email;
use chat_core::wire::shape::Shape;

fn about(summary: &'static str) -> Operation {
    Operation::new("accounts", summary).public().refuses([429])
}

fn address() -> Shape {
    Shape::object().with("email", Shape::of::<Email>())
}

fn coded() -> Shape {
    address().with("code", Shape::text("as it was mailed").annotated("example", "123456".into()))
}

fn later(operation: Operation) -> Operation {
    operation.body(address()).answers(202, "The same for every address", Shape::of::<Done>())
}

pub(crate) fn verify() -> Operation {
    about("Verify an address").body(coded()).answers(200, "It is verified", Shape::of::<Done>()).refuses([401])
}

pub(crate) fn resend_code() -> Operation {
    later(about("Ask for another code to verify an address"))
}

pub(crate) fn forgot_password() -> Operation {
    later(about("Ask for a code to replace a password"))
}

pub(crate) fn authorize() -> Operation {
    about("Try a code without spending it")
        .body(coded())
        .answers(200, "This code may reset the password", Shape::of::<Done>())
        .refuses([401])
}

pub(crate) fn reset_password() -> Operation {
    about("Replace a forgotten password")
        .about("Every login of the user ends.")
        .body(coded().with("password", password()))
        .answers(200, "The password is replaced", Shape::of::<Done>())
        .refuses([401])
}
