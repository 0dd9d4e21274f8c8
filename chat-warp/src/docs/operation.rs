//! One operation of the OpenAPI document.

use super::{examples, problem};
use chat_core::limits::{PAGE_DEFAULT, PAGE_MAX};
use chat_core::wire::shape::Shape;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

type Parts = BTreeMap<String, Value>;

/// What a route takes and answers. It needs a login and may find the storage away, unless it says otherwise.
pub(crate) struct Operation {
    tag: &'static str,
    summary: &'static str,
    about: &'static str,
    access: Access,
    is_text: bool,
    parameters: Vec<Value>,
    body: Option<Shape>,
    answers: BTreeMap<u16, Value>,
    refusals: BTreeSet<u16>,
    /// What refusals tell beyond what all do, by status.
    telling: BTreeMap<u16, Value>,
    parts: Parts,
}

enum Access {
    Public,
    Login,
    Socket,
}

impl Operation {
    pub(super) fn new(tag: &'static str, summary: &'static str) -> Self {
        Self {
            tag,
            summary,
            about: "",
            access: Access::Login,
            is_text: false,
            parameters: vec![],
            body: None,
            answers: BTreeMap::new(),
            refusals: BTreeSet::from([401, 429, 503]),
            telling: BTreeMap::new(),
            parts: Parts::new(),
        }
    }

    /// More than the summary says.
    pub(super) fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// Whoever asks is answered.
    pub(super) fn public(mut self) -> Self {
        self.refusals.retain(|status| ![401, 429].contains(status));
        Self { access: Access::Public, ..self }
    }

    /// It needs nothing but the process.
    pub(super) fn always(mut self) -> Self {
        self.refusals.remove(&503);
        self.public()
    }

    /// The answer is a socket.
    pub(super) fn upgrades(mut self) -> Self {
        self.answers.insert(101, json!({ "description": "The connection is a WebSocket from here on" }));
        Self { access: Access::Socket, ..self }.refuses([400, 403, 426])
    }

    /// A part of the path. What cannot be one is not found.
    pub(super) fn path(self, name: &str, shape: Shape) -> Self {
        self.parameter(json!({ "name": name, "in": "path", "required": true }), shape).refuses([404])
    }

    pub(super) fn query(self, name: &str, about: &str, shape: Shape) -> Self {
        self.parameter(json!({ "name": name, "in": "query", "description": about }), shape).refuses([422])
    }

    /// A page, which goes on behind the cursor of this name.
    pub(super) fn page(self, cursor: &str, shape: Shape) -> Self {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT });
        self.query(cursor, "`next` of the page before", shape).query("limit", "entries at most", Shape::new(limit))
    }

    fn parameter(mut self, mut parameter: Value, shape: Shape) -> Self {
        parameter["schema"] = shape.schema;
        self.parameters.push(parameter);
        self.parts.extend(shape.parts);
        self
    }

    pub(super) fn body(mut self, shape: Shape) -> Self {
        self.parts.extend(shape.parts.clone());
        self.body = Some(shape);
        self.refuses([400, 413, 422])
    }

    pub(super) fn answers(self, status: u16, about: &str, shape: Shape) -> Self {
        self.answers_as("application/json", status, about, shape)
    }

    pub(super) fn answers_as(mut self, media: &str, status: u16, about: &str, shape: Shape) -> Self {
        self.parts.extend(shape.parts);
        let content = json!({ media: { "schema": shape.schema } });
        self.answers.insert(status, json!({ "description": about, "content": content }));
        self
    }

    /// Answers and refusals are one sentence of plain text.
    pub(super) fn says(self, status: u16, sentence: &str) -> Self {
        let sentence = Shape::new(json!({ "type": "string", "example": sentence }));
        Self { is_text: true, ..self.answers_as("text/plain", status, "Done", sentence) }
    }

    /// 204.
    pub(super) fn answers_nothing(mut self, about: &str) -> Self {
        self.answers.insert(204, json!({ "description": about }));
        self
    }

    /// The answers set the cookie, or take it away.
    pub(super) fn sets_cookie(mut self) -> Self {
        let cookie = json!({ "Set-Cookie": { "description": "`login-token`", "schema": { "type": "string" } } });
        self.answers.values_mut().for_each(|answer| answer["headers"] = cookie.clone());
        self
    }

    pub(super) fn refuses<const N: usize>(mut self, statuses: [u16; N]) -> Self {
        self.refusals.extend(statuses);
        self
    }

    /// A refusal whose problem has more members than others.
    pub(super) fn refuses_telling(mut self, status: u16, members: Shape) -> Self {
        self.telling.insert(status, members.schema);
        self.refuses([status])
    }

    /// The operation as it stands in the document, and the schemas that it names.
    pub(super) fn finish(mut self, method: &Method, path: &str) -> (Value, Parts) {
        if !method.is_safe() {
            // A page of a foreign origin.
            self.refusals.insert(403);
        }
        if self.is_text && self.refusals.remove(&422) {
            self.refusals.insert(400);
        }
        for status in &self.refusals {
            let mut refusal = refusal(*status, self.is_text);
            if let Some(members) = self.telling.remove(status) {
                add(&mut refusal["content"]["application/problem+json"], &members);
            }
            self.answers.insert(*status, refusal);
        }
        let id = format!("{method}_{path}").to_ascii_lowercase().replace(['/', '.'], "_").replace(['{', '}'], "");
        let mut operation = json!({
            "operationId": id, "tags": [self.tag], "summary": self.summary, "responses": self.answers,
            "security": match self.access {
                Access::Public => json!([]),
                Access::Login => json!([{ "bearer": [] }, { "cookie": [] }]),
                Access::Socket => json!([{ "bearer": [] }, { "cookie": [] }, { "token": [] }]),
            },
        });
        if !self.about.is_empty() {
            operation["description"] = self.about.into();
        }
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if let Some(body) = self.body {
            let is_required = body.schema["required"].is_array() || body.schema["anyOf"].is_array();
            operation["requestBody"] =
                json!({ "required": is_required, "content": { "application/json": { "schema": body.schema } } });
        }
        (operation, self.parts)
    }
}

/// Adds members to a problem and its example.
fn add(problem: &mut Value, members: &Value) {
    if let (Some(example), Value::Object(more)) =
        (problem["example"].as_object_mut(), examples::of(members, &json!({})))
    {
        example.extend(more);
    }
    problem["schema"] = json!({ "allOf": [problem["schema"].take(), members] });
}

fn refusal(status: u16, is_text: bool) -> Value {
    let (code, detail) = match status {
        400 => ("malformed", "expected a JSON object"),
        401 => ("unauthorized", "not logged in"),
        403 => ("forbidden", "this needs the role of an admin"),
        404 => ("not_found", "no such conversation"),
        405 => ("method_not_allowed", "this path does not know this method"),
        409 => ("conflict", "is taken"),
        413 => ("too_large", "the request is too large: 1048576 bytes at most"),
        422 => ("invalid", "content must not be empty"),
        426 => ("upgrade_required", "this path is for WebSockets of version 13"),
        429 => ("rate_limited", "too many requests, try again later"),
        _ => ("unavailable", "the service is not available, try again later"),
    };
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let mut example =
        json!({ "type": "about:blank", "title": title, "status": status, "detail": detail, "code": code });
    if matches!(status, 409 | 422) {
        example["errors"] = json!([{ "field": "content", "message": "must not be empty" }]);
    }
    let content = if is_text {
        json!({ "text/plain": { "schema": { "type": "string" }, "example": detail } })
    } else {
        json!({ "application/problem+json": { "schema": problem().schema, "example": example } })
    };
    let mut answer = json!({ "description": title, "content": content });
    let header = match status {
        401 => "WWW-Authenticate",
        426 => "Sec-WebSocket-Version",
        429 | 503 => "Retry-After",
        _ => return answer,
    };
    answer["headers"] = json!({ header: { "schema": { "type": "string" } } });
    answer
}
