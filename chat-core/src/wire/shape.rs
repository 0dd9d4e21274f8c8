//! Shapes of JSON, as the documents for programs tell them (JSON Schema 2020-12).
//!
//! The rule: a shape is made from the type that travels; what checks a text or a number stands here with its bounds.

use crate::{
    Content, ConversationId, ConversationName, Email, Epoch, Fullname, LoginId, MessageId, Nonce, PictureUrl,
    PublicKey, Search, Seq, Timestamp, UserId, Username, limits,
};
use serde_json::{Value, json};
use std::any::type_name;
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A schema, with those that it refers to by name.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The schema.
    pub schema: Value,
    /// What stands under `#/components/schemas`.
    pub parts: BTreeMap<String, Value>,
}

impl Shape {
    /// Any schema that refers to nothing.
    #[must_use]
    pub fn new(schema: Value) -> Self {
        Self { schema, parts: BTreeMap::new() }
    }

    /// The shape of a type, by its name if it has one of its own.
    #[must_use]
    pub fn of<T: ToSchema>() -> Self {
        if is_plain::<T>() {
            return Self::new(json!(T::schema()));
        }
        let name = named::<T>();
        let mut named = vec![(name.clone(), T::schema())];
        T::schemas(&mut named);
        let parts = named.into_iter().map(|(name, schema)| (name, complete(json!(schema)))).collect();
        Self { schema: json!({ "$ref": format!("#/components/schemas/{name}") }), parts }
    }

    /// One certain text.
    #[must_use]
    pub fn constant(text: &str) -> Self {
        Self::new(json!({ "type": "string", "const": text }))
    }

    /// A sentence or a name without bounds.
    #[must_use]
    pub fn text(description: &str) -> Self {
        Self::new(json!({ "type": "string", "description": description }))
    }

    /// An object to which members are added.
    #[must_use]
    pub fn object() -> Self {
        Self::new(json!({ "type": "object", "properties": {} }))
    }

    /// The object with a member that is always there.
    #[must_use]
    pub fn with(self, name: &str, member: Self) -> Self {
        let mut object = self.member(name, member);
        match object.schema["required"].as_array_mut() {
            Some(required) => required.push(name.into()),
            None => object.schema["required"] = json!([name]),
        }
        object
    }

    /// The object with a member that may be left out, as may its value: `null` counts as absent.
    #[must_use]
    pub fn maybe(self, name: &str, member: Self) -> Self {
        self.member(name, member.or_null())
    }

    /// The object with a member that, if it is there, has a value.
    #[must_use]
    pub fn member(mut self, name: &str, member: Self) -> Self {
        self.parts.extend(member.parts);
        self.schema["properties"][name] = member.schema;
        self
    }

    /// The same shape, or `null`.
    #[must_use]
    pub fn or_null(self) -> Self {
        Self { schema: json!({ "anyOf": [self.schema, { "type": "null" }] }), parts: self.parts }
    }

    /// A list of this shape.
    #[must_use]
    pub fn list(self) -> Self {
        Self { schema: json!({ "type": "array", "items": self.schema }), parts: self.parts }
    }

    /// One of several shapes.
    #[must_use]
    pub fn any_of(shapes: impl IntoIterator<Item = Self>) -> Self {
        let (schemas, parts): (Vec<_>, Vec<_>) = shapes.into_iter().map(|shape| (shape.schema, shape.parts)).unzip();
        Self { schema: json!({ "anyOf": schemas }), parts: parts.into_iter().flatten().collect() }
    }

    /// A page with its list under this name, as [`Page::named`](crate::Page::named) makes it.
    #[must_use]
    pub fn page<T: ToSchema>(name: &str) -> Self {
        Self::page_of(name, Self::of::<T>())
    }

    /// A page with a list of this shape under this name.
    #[must_use]
    pub fn page_of(name: &str, entry: Self) -> Self {
        let entries = entry.list().annotated("maxItems", limits::PAGE_MAX.into());
        let next =
            json!({ "type": ["integer", "null"], "description": "the cursor of the next page", "example": null });
        Self::object().with(name, entries).with("next", Self::new(next))
    }

    /// The same shape with one more keyword.
    #[must_use]
    pub fn annotated(mut self, keyword: &str, value: Value) -> Self {
        self.schema[keyword] = value;
        self
    }

    /// The same shape under a name of its own.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.parts.insert(name.into(), self.schema);
        self.schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        self
    }
}

/// Whether a type is one of the language, which has no name on the wire.
fn is_plain<T>() -> bool {
    let name = type_name::<T>();
    !name.contains("::") || name.starts_with("alloc::") || name.starts_with("core::")
}

/// The name of a type, and of what it holds if it may hold several things, as `utoipa` writes both.
fn named<T: ToSchema>() -> String {
    let held = type_name::<T>().split_once('<').and_then(|(_, held)| held.trim_end_matches('>').rsplit("::").next());
    // A lifetime is not part of a name.
    let held = held.filter(|held| !held.starts_with('\''));
    held.map_or_else(|| T::name().into_owned(), |held| format!("{}_{held}", T::name()))
}

/// Views always have all of their members.
fn complete(mut schema: Value) -> Value {
    if let Some(parts) = schema["allOf"].as_array_mut() {
        parts.iter_mut().for_each(|part| *part = complete(part.take()));
    }
    if let Some(properties) = schema["properties"].as_object() {
        schema["required"] = properties.keys().cloned().collect();
    }
    if schema["allOf"].is_null() {
        schema.as_object_mut().map(|schema| schema.remove("allOf"));
    }
    if schema["properties"].is_null() {
        schema.as_object_mut().map(|schema| schema.remove("properties"));
    }
    schema
}

/// Text that is not blank and holds no NUL.
const FILLED: &str = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";
/// The same on one line.
const LINE: &str =
    r"^\s*[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?\s*$";
/// Names of users, and of those who are gone.
const NAME: &str = r"^([A-Za-z0-9_.\-]{1,64}|deleted~[0-9]{1,16})$";
const ADDRESS: &str = r"^[^@\s\u0000-\u001f\u007f-\u009f<>,;]+@[^@.\s\u0000-\u001f\u007f-\u009f<>,;]+(\.[^@.\s\u0000-\u001f\u007f-\u009f<>,;]+)*$";
const URL: &str = r#"^https?://[^/\s"<>\u0000-\u001f\u007f-\u009f][^\s"<>\u0000-\u001f\u007f-\u009f]*$"#;
/// The last integer that JavaScript holds exactly.
const INTEGER_MAX: i64 = (1 << 53) - 1;

fn integer(minimum: i64, example: i64) -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": minimum, "maximum": INTEGER_MAX, "example": example })
}

fn text(length_max: usize, pattern: &str, example: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": length_max, "pattern": pattern, "example": example })
}

fn described(mut schema: Value, description: &str) -> RefOr<Schema> {
    schema["description"] = description.into();
    #[expect(clippy::expect_used, reason = "each of the few schemas below is made when a document is tested")]
    serde_json::from_value(schema).map(RefOr::T).expect("a schema")
}

macro_rules! shapes {
    ($($name:ident, $description:literal: $schema:expr;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                described($schema, $description)
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

shapes! {
    UserId, "A user": integer(1, 2);
    ConversationId, "A conversation or group": integer(1, 5);
    MessageId, "A message": integer(1, 7);
    LoginId, "A login": integer(1, 1);
    Seq, "A place in the order of a conversation": integer(0, 1);
    Timestamp, "Unix seconds": json!({ "type": "integer", "format": "int64", "example": 1_795_189_310 });
    Epoch, "The name of a history": json!({ "type": "string", "example": "b246c13c5d9c4a36a3f8d1c3f0a1b2c3" });
    Username, "A unique name; who is deleted is `deleted~` and the id": text(limits::USERNAME_CHARS_MAX, NAME, "ann");
    Fullname, "A name as people write it": text(limits::FULLNAME_CHARS_MAX, LINE, "Ann Lee");
    Email, "An e-mail address, in bytes": text(limits::EMAIL_BYTES_MAX, ADDRESS, "ann@example.org");
    PictureUrl, "The address of a picture, in bytes": text(limits::URL_BYTES_MAX, URL, "https://example.org/ann.png");
    PublicKey, "A key for encryption between clients, in bytes": text(limits::PUBLIC_KEY_BYTES_MAX, FILLED, "AAAAC3Nz");
    Search, "What is looked for, every character taken literally": text(limits::SEARCH_CHARS_MAX, FILLED, "an");
    ConversationName, "A name on one line": text(limits::CONVERSATION_NAME_CHARS_MAX, LINE, "Tea at five");
    Content, "What a message says, in bytes": text(limits::CONTENT_BYTES_MAX, FILLED, "Tea at five?");
    Nonce, "The sender's own name for a message, in bytes": text(limits::NONCE_BYTES_MAX, FILLED, "0b4a6f0e-3f5e-4d0f-9f5e");
}
