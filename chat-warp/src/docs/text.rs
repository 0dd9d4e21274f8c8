//! What is answered in plain text.

use super::{Operation, accounts};
use chat_core::Fullname;
use chat_core::wire::shape::Shape;

const TAG: &str = "text";

pub(crate) fn ping() -> Operation {
    Operation::new(TAG, "Ask for a sign of life").always().says(200, "pong")
}

pub(crate) fn register() -> Operation {
    let names = Shape::object().with("fullname", Shape::of::<Fullname>());
    let mut registration = accounts::registration();
    registration.schema["required"] = serde_json::json!(["username", "password", "fullname"]);
    registration.schema["properties"]["fullname"] = names.schema["properties"]["fullname"].clone();
    Operation::new(TAG, "Register").public().body(registration).says(201, "registered").refuses([409, 429])
}

pub(crate) fn login() -> Operation {
    Operation::new(TAG, "Log in")
        .public()
        .body(accounts::credentials())
        .says(202, "login successful")
        .sets_cookie()
        .refuses([401, 403, 429])
}

pub(crate) fn verify() -> Operation {
    Operation::new(TAG, "Tell who one is").says(200, "Hello, ann")
}
