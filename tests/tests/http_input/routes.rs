//! Every route that takes a body, with its fields, and how each says what is wrong.

use crate::fields::Field;
use crate::fields::Holds::{
    Bool, Content, Email, Fullname, Id, Ids, Key, Name, Nonce, Password, Receiver, Role, Text, Url, Username,
    Usernames, Visibility,
};
use chat_tests::Answer;
use reqwest::Method;
use serde_json::Value;

/// A route that takes a body.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) required: &'static [Field],
    pub(crate) optional: &'static [Field],
}

pub(crate) const fn route(
    method: Method,
    path: &'static str,
    required: &'static [Field],
    optional: &'static [Field],
) -> Route {
    Route { method, path, required, optional }
}

pub(crate) const POST: Method = Method::POST;
pub(crate) const PUT: Method = Method::PUT;
pub(crate) const PATCH: Method = Method::PATCH;

pub(crate) const CREDENTIALS: &[Field] = &[("username", Username), ("password", Password)];
pub(crate) const NAMES: &[Field] = &[("username", Text), ("email", Text)];
pub(crate) const PROFILE: &[Field] = &[
    ("full_name", Fullname),
    ("fullname", Fullname),
    ("profile_picture", Url),
    ("public_key", Key),
    ("password", Password),
];
pub(crate) const REGISTRATION: &[Field] = &[
    ("full_name", Fullname),
    ("fullname", Fullname),
    ("first_name", Text),
    ("last_name", Text),
    ("email", Email),
    ("profile_picture", Url),
    ("public_key", Key),
    ("password2", Text),
];
pub(crate) const GROUP: &[Field] = &[("members", Usernames), ("visibility", Visibility)];
pub(crate) const CHANGES: &[Field] = &[("name", Name), ("visibility", Visibility)];

/// Every route that takes a body, with the fields that must be there and those that may be. `{g}` is a group that ann
/// owns, `{b}` bob, who is in it, `{m}` her message there.
pub(crate) const ROUTES: &[Route] = &[
    route(POST, "/register", CREDENTIALS, REGISTRATION),
    route(POST, "/auth/login", &[("password", Text)], NAMES),
    route(POST, "/users/register", CREDENTIALS, REGISTRATION),
    route(POST, "/users/login", &[("password", Text)], NAMES),
    route(POST, "/users/token", &[("password", Text)], NAMES),
    route(POST, "/users/token/refresh", &[("refresh_token", Text)], &[]),
    route(PATCH, "/users/me", &[], PROFILE),
    route(POST, "/users/set_typing_status", &[("is_typing", Bool), ("typing_chat_id", Receiver)], &[]),
    route(POST, "/groups", &[("name", Name)], GROUP),
    route(POST, "/groups/create_group", &[("name", Name)], GROUP),
    route(PATCH, "/groups/{g}", &[], CHANGES),
    route(PUT, "/groups/{g}", &[], CHANGES),
    route(PUT, "/groups/{g}/members/{b}", &[], &[("role", Role)]),
    route(POST, "/groups/add_user_to_group", &[("user_id", Id), ("group_id", Id)], &[]),
    route(POST, "/groups/leave_group", &[("group_id", Id)], &[]),
    route(POST, "/conversations/{g}/messages", &[("content", Content)], &[("reply_id", Id), ("nonce", Nonce)]),
    route(
        POST,
        "/messages/send_message",
        &[("receiver_id", Receiver), ("content", Content)],
        &[("sender_id", Id), ("reply_id", Id), ("nonce", Nonce)],
    ),
    route(PATCH, "/messages/{m}", &[("content", Content)], &[]),
    route(PUT, "/messages/{m}", &[("content", Content)], &[]),
    route(PUT, "/messages/read", &[("message_ids", Ids)], &[("user_id", Id)]),
];

pub(crate) fn is_text(route: &Route) -> bool {
    ["/register", "/auth/login"].contains(&route.path)
}

/// Checks that a body was refused for what this field holds.
#[track_caller]
pub(crate) fn blames(route: &Route, answer: &Answer, field: &str, value: &Value) {
    let shown: String = value.to_string().chars().take(60).collect();
    let context = format!("{} {} {field}: {shown}\n{}", route.method, route.path, answer.text);
    // The full name has several spellings, and is named by the first that is there.
    let said = |name: &str| name == field || name == "first_name" && field == "last_name";
    if is_text(route) {
        assert_eq!(answer.status, 400, "{context}");
        assert!(answer.text.split_whitespace().next().is_some_and(said), "{context}");
    } else {
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (422, Some("invalid")), "{context}");
        assert!(answer.body["errors"][0]["field"].as_str().is_some_and(said), "{context}");
    }
}

#[track_caller]
pub(crate) fn refuses(route: &Route, answer: &Answer, status: u16, code: &str) {
    if is_text(route) {
        assert_eq!(answer.status, status, "{}: {}", route.path, answer.text);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    } else {
        answer.refuses(status, code);
    }
}
