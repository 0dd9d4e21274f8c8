//! People and their profiles.

use super::Operation;
use super::accounts::password;
use crate::handlers::users::{FoundId, FoundName};
use crate::respond::Done;
use chat_core::wire::shape::Shape;
use chat_core::wire::{AccountView, UserView};
use chat_core::{Email, Fullname, PictureUrl, PublicKey, Search, UserId, Username};
use serde_json::json;

fn about(summary: &'static str) -> Operation {
    Operation::new("users", summary)
}

/// A place in a list by rising id, 0 before all of it.
pub(super) fn after() -> Shape {
    Shape::new(json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": (1_i64 << 53) - 1 }))
}

/// What is looked for; an empty one counts as absent.
pub(super) fn search() -> Shape {
    Shape::any_of([Shape::of::<Search>(), Shape::constant("")])
}

/// A user or a conversation, which share one sequence of ids.
pub(super) fn user_or_conversation() -> Shape {
    let user = Shape::of::<UserId>();
    Shape { schema: json!({ "anyOf": [user.schema], "description": "a user or a group" }), parts: user.parts }
}

pub(crate) fn list() -> Operation {
    about("List people")
        .about("Everyone but the caller, by rising id.")
        .query("search", "looked for in usernames and full names", search())
        .page("after", after())
        .answers(200, "A page of users", Shape::page::<UserView>("users"))
}

pub(crate) fn me() -> Operation {
    about("Read one's own profile").answers(200, "Oneself", Shape::of::<AccountView>())
}

pub(crate) fn update() -> Operation {
    let body = Shape::object()
        .maybe("fullname", Shape::of::<Fullname>())
        .maybe("full_name", Shape::of::<Fullname>())
        .maybe("profile_picture", Shape::of::<PictureUrl>().or_null())
        .maybe("public_key", Shape::of::<PublicKey>().or_null())
        .maybe("password", password())
        .maybe("email", Shape::of::<Email>().or_null())
        .maybe("old_password", password())
        .annotated("dependentRequired", json!({ "password": ["old_password"], "email": ["old_password"] }))
        .annotated("example", json!({ "fullname": "Ann Lee", "profile_picture": null }));
    about("Change one's profile")
        .about("`null` empties picture, key and address. Another password or address needs the old password; a new password \
            ends every other login.")
        .body(body)
        .answers(200, "Oneself", Shape::of::<AccountView>())
        .refuses([409, 429])
}

pub(crate) fn delete_me() -> Operation {
    about("Delete oneself").answers(200, "Who one was", Shape::of::<AccountView>()).sets_cookie()
}

pub(crate) fn find() -> Operation {
    about("Read a profile").path("id", Shape::of::<UserId>()).answers(200, "The user", Shape::of::<UserView>())
}

pub(crate) fn id() -> Operation {
    about("Find a user by name").path("username", Shape::of::<Username>()).answers(
        200,
        "Id and public key",
        Shape::of::<FoundId>(),
    )
}

pub(crate) fn username() -> Operation {
    about("Find a user's name").path("user_id", Shape::of::<UserId>()).answers(
        200,
        "The name",
        Shape::of::<FoundName>(),
    )
}

pub(crate) fn delete() -> Operation {
    about("Delete a user")
        .about("Oneself; an administrator deletes others, too.")
        .path("user_id", Shape::of::<UserId>())
        .answers(200, "The user is gone", Shape::of::<Done>())
}

pub(crate) fn set_typing() -> Operation {
    let body = Shape::object().with("is_typing", Shape::of::<bool>()).with("typing_chat_id", user_or_conversation());
    about("Show that one is typing").body(body).answers(200, "It is shown", Shape::of::<Done>()).refuses([404])
}
