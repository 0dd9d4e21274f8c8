//! What strangers may send: whatever it is, the engine keeps the promises of `script.rs`.

use crate::script;
use chat_core::wire::Fields;
use chat_core::{
    ConversationName, Draft, Email, Error, Fullname, MessageId, PictureUrl, PublicKey, Role, Search, Seq, Username,
    Visibility,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const KINDS: &[&str] = &[
    "self",
    "ping",
    "add_contact",
    "remove_contact",
    "get_contacts",
    "get_users",
    "create_conversation",
    "get_conversations",
    "get_conversation_info",
    "rename_conversation",
    "delete_conversation",
    "add_member",
    "remove_member",
    "leave_conversation",
    "send_message",
    "get_messages",
    "edit_message",
    "delete_message",
    "read",
    "typing",
    "sync",
    "resume",
    "login",
    "unknown",
];
const FIELDS: &[&str] = &[
    "id",
    "conversation_id",
    "message_id",
    "reply_id",
    "before",
    "after",
    "content",
    "nonce",
    "name",
    "visibility",
    "members",
    "username",
    "contact_username",
    "role",
    "search",
    "epoch",
    "conversations",
    "is_typing",
    "token",
    "type",
];

/// What a field may hold, and much that none does.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => (1_i64..8).prop_map(Value::from),
        4 => select(&["ann", "bob", "cyd", "member", "admin", "owner", "public", "private", "hello"][..]).prop_map(Value::from),
        1 => Just(json!({ "4": 0 })),
        1 => Just(json!(["bob", "cyd"])),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => (0_usize..20_000).prop_map(|length| Value::from("x".repeat(length))),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

fn request() -> impl Strategy<Value = Value> {
    let fields = prop::collection::vec((select(FIELDS), value()), 0..5);
    let reference = prop_oneof![any::<i64>().prop_map(Value::from), any::<String>().prop_map(Value::from), value()];
    (select(KINDS), fields, prop::option::weighted(0.9, reference)).prop_map(|(kind, fields, reference)| {
        let mut request = json!({ "type": kind, "conversation_id": 4 });
        fields.into_iter().for_each(|(name, value)| request[name] = value);
        reference.into_iter().for_each(|reference| request["ref"] = reference);
        request
    })
}

/// A line of a script.
fn step() -> impl Strategy<Value = Vec<u8>> {
    let asked =
        (select(&b"aAbB"[..]), request()).prop_map(|(who, request)| [&[who], request.to_string().as_bytes()].concat());
    prop_oneof![
        8 => asked,
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => select(&b"#?.-"[..]).prop_map(|sign| vec![sign]),
    ]
}

/// Reads a field of every kind that there is.
fn decode(mut fields: Fields, name: &'static str) -> Vec<Error> {
    macro_rules! errors {
        ($($kind:ty),+) => { [$(fields.clone().optional::<$kind>(name).err()),+] };
    }
    let errors = errors![
        String,
        bool,
        i64,
        Vec<i64>,
        Vec<Username>,
        MessageId,
        Seq,
        Username,
        Fullname,
        Email,
        PictureUrl,
        PublicKey,
        ConversationName,
        Search,
        Role,
        Visibility
    ];
    errors.into_iter().flatten().chain(Draft::decode(&mut fields).err()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_is_answered_once(steps in prop::collection::vec(step(), 0..30)) {
        script::play(&steps.join(&b'\n'));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        match Fields::parse(&bytes) {
            Ok(_) => prop_assert!(serde_json::from_slice::<Value>(&bytes).unwrap().is_object()),
            Err(error) => prop_assert!(matches!(error, Error::Malformed(_))),
        }
    }

    #[test]
    fn any_field_is_read_or_named(name in select(FIELDS), value in value()) {
        let fields = Fields::parse(json!({ name: value }).to_string().as_bytes()).unwrap();
        for error in decode(fields, name) {
            prop_assert!(matches!(error, Error::Invalid { .. }), "{error}");
            prop_assert!(error.to_string().chars().count() < 300);
        }
    }
}

/// What `make fuzz` begins with.
#[test]
fn the_seeds_keep_the_promises() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/session");
    for seed in std::fs::read_dir(seeds).unwrap() {
        script::play(&std::fs::read(seed.unwrap().path()).unwrap());
    }
}
