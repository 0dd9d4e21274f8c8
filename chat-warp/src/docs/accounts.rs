//! Registering, logging in and out.

use super::Operation;
use crate::handlers::accounts::{LoginView, Tokens};
use chat_core::limits::PASSWORD_BYTES_MAX;
use chat_core::wire::AccountView;
use chat_core::wire::shape::Shape;
use chat_core::{Email, Fullname, LoginId, PictureUrl, PublicKey};
use serde_json::{Value, json};

const TAG: &str = "accounts";

/// A password as typed; how short a new one may be is for the host to say.
pub(super) fn password() -> Shape {
    Shape::new(json!({
        "type": "string", "format": "password", "maxLength": PASSWORD_BYTES_MAX, "pattern": r"^[^\u0000]*$",
        "example": "correct horse",
    }))
}

/// A name that nobody has yet.
fn username() -> Shape {
    Shape::new(json!({ "type": "string", "pattern": r"^[A-Za-z0-9_.\-]{1,64}$", "example": "ann" }))
}

fn name_part() -> Shape {
    let line = r"^[^\u0000-\u001f\u007f-\u009f]*$";
    Shape::new(json!({ "type": "string", "maxLength": 63, "pattern": line, "example": "Ann" }))
}

/// Someone who wants an account.
pub(super) fn registration() -> Shape {
    Shape::object()
        .with("username", username())
        .with("password", password())
        .maybe("password2", password().annotated("description", "must be the same as `password`".into()))
        .maybe("fullname", Shape::of::<Fullname>())
        .maybe("full_name", Shape::of::<Fullname>())
        .maybe("first_name", name_part())
        .maybe("last_name", name_part())
        .maybe("email", Shape::of::<Email>())
        .maybe("profile_picture", Shape::of::<PictureUrl>())
        .maybe("public_key", Shape::of::<PublicKey>())
}

/// Who logs in, by `username` or `email`.
pub(super) fn credentials() -> Shape {
    let named = |name: &str| -> Value { json!({ "required": [name], "properties": { name: { "type": "string" } } }) };
    Shape::object()
        .with("password", password())
        .maybe("username", Shape::new(json!({ "type": "string", "example": "ann" })))
        .maybe("email", Shape::new(json!({ "type": "string", "example": "ann@example.org" })))
        .annotated("anyOf", json!([named("username"), named("email")]))
}

pub(crate) fn register() -> Operation {
    Operation::new(TAG, "Register")
        .about("Mails a code if there is an `email`. Without a full name, first and last name or the username stand in for it.")
        .public()
        .body(registration())
        .answers(201, "The new user", Shape::of::<AccountView>())
        .refuses([409, 429])
}

pub(crate) fn login() -> Operation {
    Operation::new(TAG, "Log in")
        .public()
        .body(credentials())
        .answers(200, "Tokens, and the cookie", Shape::of::<Tokens>())
        .sets_cookie()
        .refuses([401, 403, 429])
}

pub(crate) fn guest() -> Operation {
    Operation::new(TAG, "Come in as a guest")
        .about("405 where no guests are let in. Whoever names a guest's address is that guest; a new address makes a new one.")
        .public()
        .body(Shape::object().with("email", Shape::of::<Email>()))
        .answers(200, "Tokens, and the cookie", Shape::of::<Tokens>())
        .sets_cookie()
        .refuses([405, 409, 429])
}

pub(crate) fn refresh() -> Operation {
    let token = Shape::text("as the last answer gave it; good once").annotated("example", "HglS1Fgq".into());
    Operation::new(TAG, "Get new tokens")
        .about("The old refresh token is spent. Using it again ends the login.")
        .public()
        .body(Shape::object().with("refresh_token", token))
        .answers(200, "Tokens, and the cookie", Shape::of::<Tokens>())
        .sets_cookie()
        .refuses([401, 429])
}

pub(crate) fn logout() -> Operation {
    Operation::new(TAG, "Log out").answers_nothing("The login has ended").sets_cookie()
}

pub(crate) fn logins() -> Operation {
    Operation::new(TAG, "List one's logins").answers(200, "All of them", Shape::page::<LoginView>("logins"))
}

pub(crate) fn revoke() -> Operation {
    Operation::new(TAG, "End a login").path("id", Shape::of::<LoginId>()).answers_nothing("The login has ended")
}
