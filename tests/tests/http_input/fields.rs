//! What a field may hold, and what it may not.

use chat_core::limits::{
    CONTENT_BYTES_MAX, CONVERSATION_NAME_CHARS_MAX, EMAIL_BYTES_MAX, FULLNAME_CHARS_MAX, MEMBERS_AT_CREATION_MAX,
    NONCE_BYTES_MAX, PASSWORD_BYTES_MAX, PUBLIC_KEY_BYTES_MAX, READ_MESSAGES_MAX, URL_BYTES_MAX, USERNAME_CHARS_MAX,
};
use serde_json::{Value, json};

/// A field and what it holds.
pub(crate) type Field = (&'static str, Holds);

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Holds {
    Username,
    Password,
    Fullname,
    Email,
    Url,
    Key,
    Name,
    Content,
    Nonce,
    /// Any string.
    Text,
    Id,
    /// The id of a user or a conversation, whose value is looked up whatever it is.
    Receiver,
    Bool,
    Visibility,
    Role,
    Usernames,
    Ids,
}

impl Holds {
    /// Values that no field of this kind takes.
    pub(crate) fn wrong(self) -> Vec<Value> {
        let listed = |values: Value| values.as_array().unwrap().clone();
        let not_text = || listed(json!([5, 1.5, true, [], {}, ["text"]]));
        let text = |max: usize| {
            let mut wrong = not_text();
            wrong.extend(listed(json!(["", " \t\n ", "a\u{0}b", "\u{0}", "x".repeat(max + 1)])));
            wrong
        };
        let also = |mut wrong: Vec<Value>, more: &[&str]| {
            wrong.extend(more.iter().map(|text| json!(text)));
            wrong
        };
        let not_integer = listed(json!(["1", 1.5, true, [1], { "id": 1 }, u64::MAX, 1e300]));
        match self {
            Self::Username => also(text(USERNAME_CHARS_MAX), &["a b", "änn", "a/b", "a@b", "deleted~1", "a\nb", "<b>"]),
            Self::Password => also(not_text(), &["", "xy", "a\u{0}b-long-enough", &"x".repeat(PASSWORD_BYTES_MAX + 1)]),
            Self::Fullname => also(text(FULLNAME_CHARS_MAX), &["two\nlines", "bell\u{7}"]),
            Self::Email => also(
                text(EMAIL_BYTES_MAX),
                &["ann", "@b.c", "ann@", "a@b..c", "a b@c.d", "a@b@c.d", "a@b.c,d@e.f", "a@b.c\n"],
            ),
            Self::Url => also(
                text(URL_BYTES_MAX),
                &["example.org", "ftp://a.b", "javascript:1", "https://", "https:///a", "https://a b", "https://a\"b"],
            ),
            Self::Key => text(PUBLIC_KEY_BYTES_MAX),
            Self::Name => also(text(CONVERSATION_NAME_CHARS_MAX), &["two\nlines"]),
            Self::Content => text(CONTENT_BYTES_MAX),
            Self::Nonce => text(NONCE_BYTES_MAX),
            Self::Text => not_text(),
            Self::Id => {
                let mut wrong = not_integer;
                wrong.extend(listed(json!([0, -1, 1_i64 << 53, i64::MAX, i64::MIN])));
                wrong
            }
            Self::Receiver => not_integer,
            Self::Bool => listed(json!(["true", 0, 1, [], {}])),
            Self::Visibility => listed(json!(["secret", "Public", "", 1, [], ["public"], { "public": null }])),
            Self::Role => listed(json!(["king", "Owner", "", 1, [], ["admin"], { "admin": null }])),
            Self::Usernames => {
                let mut wrong = listed(json!(["ann", 5, {}, [5], [null], ["a b"], [""], ["nobody"], [["ann"]]]));
                wrong.push(json!(vec!["ann"; MEMBERS_AT_CREATION_MAX + 1]));
                wrong
            }
            Self::Ids => {
                let mut wrong = listed(json!([
                    1,
                    "1",
                    {},
                    [],
                    ["1"],
                    [null],
                    [0],
                    [-1],
                    [1.5],
                    [9_007_199_254_740_992_i64],
                    [[1]]
                ]));
                wrong.push(json!(vec![1; READ_MESSAGES_MAX + 1]));
                wrong
            }
        }
    }
}
