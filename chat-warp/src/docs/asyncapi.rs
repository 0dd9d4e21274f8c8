//! AsyncAPI 3.0 of both sockets, from the server's side: it receives requests and sends everything else.

use super::examples;
use chat_core::wire::protocol::{self, Documented};
use chat_core::wire::shape::Shape;
use chat_core::{Content, Username};
use serde_json::{Map, Value, json};

/// What the document is put together from.
#[derive(Default)]
struct Parts {
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
    operations: Map<String, Value>,
}

/// A channel's name, and the names of what travels on it.
struct Channel {
    name: &'static str,
    messages: Vec<String>,
}

const EVENTS: &str = "events";
const DIRECT: &str = "direct";

pub(super) fn document() -> Value {
    let mut parts = Parts::default();
    let channels = [parts.events(), parts.direct()];
    let messages = |channel: &Channel| -> Map<String, Value> {
        channel.messages.iter().map(|name| (name.clone(), reference(&format!("components/messages/{name}")))).collect()
    };
    parts.add_examples();
    let security = ["bearer", "cookie", "token"].map(|name| reference(&format!("components/securitySchemes/{name}")));
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chat events", "version": env!("CARGO_PKG_VERSION"),
            "description": "Text frames, each one JSON object. A change is answered by the event it causes, which all \
                members hear; only the answer on the asking socket carries the request's `ref`.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": { "default": {
            "host": "127.0.0.1:8000", "protocol": "ws",
            "security": security,
        } },
        "channels": {
            EVENTS: { "address": "/ws", "title": "The event socket", "messages": messages(&channels[0]) },
            DIRECT: {
                "address": "/ws/chat/{user_id}", "title": "The conversation with one other user",
                "parameters": { "user_id": { "description": "the other user's id" } },
                "messages": messages(&channels[1]),
            },
        },
        "operations": parts.operations,
        "components": {
            "messages": parts.messages, "schemas": parts.schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "cookie": { "type": "httpApiKey", "in": "cookie", "name": "login-token" },
                "token": { "type": "httpApiKey", "in": "query", "name": "token" },
            },
        },
    })
}

impl Parts {
    fn events(&mut self) -> Channel {
        let requests = protocol::requests();
        let mut channel = Channel { name: EVENTS, messages: vec![] };
        let kinds: Vec<_> = requests.iter().map(|request| request.kind).chain(["error"]).collect();
        self.message(&mut channel, "refusal", "A request was not done", protocol::failure(&kinds));
        for documented in requests {
            self.exchange(&mut channel, documented);
        }
        for Documented { kind, about, heard_by, success, .. } in protocol::pushes() {
            self.message(&mut channel, kind, about, success);
            self.sends(&channel, kind, &format!("Heard by {heard_by}"), &[kind]);
        }
        channel
    }

    /// A request, and the frame that tells of its success.
    fn exchange(&mut self, channel: &mut Channel, documented: Documented) {
        let Documented { kind, about, heard_by, request, success } = documented;
        let asked = format!("{kind}.request");
        self.message(channel, kind, about, success);
        if let Some(request) = request {
            self.message(channel, &asked, about, request);
            let reply = on_channel(channel, &[kind, "refusal"]);
            let mut operation = on_channel(channel, &[&asked]);
            operation["action"] = "receive".into();
            operation["summary"] = about.into();
            operation["reply"] = reply;
            self.operations.insert(asked, operation);
        }
        self.sends(channel, kind, &format!("Heard by {heard_by}"), &[kind]);
    }

    fn direct(&mut self) -> Channel {
        let mut channel = Channel { name: DIRECT, messages: vec![] };
        let said = Shape::object().with("message", Shape::of::<Content>());
        self.message(&mut channel, "chat.say", "Sends a message", said);
        let heard = Shape::object()
            .with("type", Shape::constant("chat.message"))
            .with("message", Shape::text("what was said").annotated("example", "Hello!".into()))
            .with("sender", Shape::of::<Username>());
        self.message(&mut channel, "chat.message", "A new message, one's own among them", heard);
        let refused = Shape::object().with("type", Shape::constant("error")).with("message", Shape::text("a sentence"));
        self.message(&mut channel, "chat.error", "A frame without a message, or one that is refused", refused);
        let mut operation = on_channel(&channel, &["chat.say"]);
        operation["action"] = "receive".into();
        operation["summary"] = "Sends a message".into();
        self.operations.insert("chat.say".into(), operation);
        self.sends(
            &channel,
            "chat.message",
            "New messages of this conversation, and refusals",
            &["chat.message", "chat.error"],
        );
        channel
    }

    fn message(&mut self, channel: &mut Channel, name: &str, about: &str, shape: Shape) {
        channel.messages.push(name.into());
        self.schemas.extend(shape.parts);
        let message = json!({ "name": name, "summary": about, "payload": shape.schema });
        self.messages.insert(name.into(), message);
    }

    fn sends(&mut self, channel: &Channel, name: &str, about: &str, messages: &[&str]) {
        let mut operation = on_channel(channel, messages);
        operation["action"] = "send".into();
        operation["summary"] = about.into();
        self.operations.insert(name.into(), operation);
    }

    fn add_examples(&mut self) {
        let schemas = Value::Object(self.schemas.clone());
        for message in self.messages.values_mut() {
            message["examples"] = json!([{ "payload": examples::of(&message["payload"], &schemas) }]);
        }
    }
}

fn on_channel(channel: &Channel, messages: &[&str]) -> Value {
    let name = channel.name;
    let messages = messages.iter().map(|message| reference(&format!("channels/{name}/messages/{message}")));
    json!({ "channel": reference(&format!("channels/{name}")), "messages": messages.collect::<Vec<_>>() })
}

fn reference(path: &str) -> Value {
    json!({ "$ref": format!("#/{path}") })
}
