//! Whether answers and frames are what the documents say.
//!
//! The rule: whatever a test receives passes through here, and a member, a status or a type that no document names fails it.

use jsonschema::Validator;
use percent_encoding::percent_decode_str;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

static DOCUMENTS: LazyLock<Documents> = LazyLock::new(Documents::read);

/// Where a browser finds pages, which no document describes.
const PAGES: [&str; 3] = ["/", "/web", "/schema/swagger-ui"];

struct Documents {
    operations: Vec<Operation>,
    problem: Validator,
    messages: HashMap<String, Validator>,
}

struct Operation {
    method: String,
    path: Vec<String>,
    answers: HashMap<u16, HashMap<String, Validator>>,
}

/// Checks an answer against the OpenAPI document.
#[track_caller]
pub(crate) fn check_answer(method: &Method, path: &str, status: StatusCode, content_type: &str, text: &str) {
    if *method == Method::OPTIONS
        || PAGES.iter().any(|page| path == *page || path.starts_with(&format!("{page}/")) && *page != "/")
    {
        return;
    }
    let wanted = if *method == Method::HEAD { "get" } else { &method.as_str().to_lowercase() };
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<_> = path.split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8_lossy()).collect();
    let at_path: Vec<_> = DOCUMENTS.operations.iter().filter(|operation| operation.fits(&segments)).collect();
    let first = at_path.first().map(|operation| &operation.path);
    let operation = at_path.iter().find(|operation| Some(&operation.path) == first && operation.method == wanted);
    let name = format!("{method} {path} {status}");
    let media = content_type.split(';').next().unwrap_or_default();
    let Some(operation) = operation else {
        let expected = if first.is_some() { 405 } else { 404 };
        assert_eq!(status, expected, "{name} is not documented");
        return check_problem(&name, media, text);
    };
    if status == StatusCode::SERVICE_UNAVAILABLE && !operation.answers.contains_key(&503) {
        // A server that is full says so whatever it is asked.
        return check_problem(&name, media, text);
    }
    let answer = operation.answers.get(&status.as_u16());
    let answer = answer.unwrap_or_else(|| panic!("{name} is not documented: {text}"));
    if *method == Method::HEAD || status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    if answer.is_empty() {
        return assert_eq!(text, "", "{name} is documented as empty");
    }
    let validator = answer.get(media).unwrap_or_else(|| panic!("{name} is not documented as {media}: {text}"));
    let body = match media {
        "application/yaml" => yaml_serde::from_str(text).unwrap(),
        media if media.ends_with("json") => parsed(&name, text),
        _ => text.into(),
    };
    check(&name, validator, &body);
}

/// Checks a frame of a server against the AsyncAPI document.
#[track_caller]
pub(crate) fn check_frame(text: &str) {
    let frame = parsed("a frame", text);
    let kind = frame["type"].as_str().unwrap_or_default();
    let name = match (frame["success"].as_bool(), kind) {
        (Some(true), kind) => kind,
        (Some(false), _) => "refusal",
        (None, "error") => "chat.error",
        (None, kind) => kind,
    };
    let validator = DOCUMENTS.messages.get(name).unwrap_or_else(|| panic!("{text} is not documented"));
    check(&format!("the frame {name}"), validator, &frame);
}

#[track_caller]
fn check_problem(name: &str, media: &str, text: &str) {
    if media == "application/problem+json" && !text.is_empty() {
        check(name, &DOCUMENTS.problem, &parsed(name, text));
    }
}

#[track_caller]
fn parsed(name: &str, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
}

#[track_caller]
fn check(name: &str, validator: &Validator, body: &Value) {
    let errors = errors(validator, body);
    assert!(errors.is_empty(), "{name} is not as documented: {errors:?}\n{body}");
}

/// What is wrong with a value of this schema; a member that the schema does not name is, too.
#[must_use]
pub fn violations(schema: &Value, schemas: &Value, value: &Value) -> Vec<String> {
    errors(&strict(schema, schemas), value)
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

impl Documents {
    fn read() -> Self {
        let openapi = chat_warp::openapi();
        let schemas = &openapi["components"]["schemas"];
        let paths = openapi["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| Operation::read(method, path, operation, schemas))
        });
        let mut operations: Vec<_> = all.collect();
        operations.sort_by_key(|operation| operation.path.iter().filter(|part| part.starts_with('{')).count());
        let asyncapi = chat_warp::asyncapi();
        let messages = asyncapi["components"]["messages"].as_object().unwrap().iter();
        let schemas = &asyncapi["components"]["schemas"];
        Self {
            operations,
            problem: strict(&openapi["components"]["schemas"]["Problem"], &openapi["components"]["schemas"]),
            messages: messages.map(|(name, message)| (name.clone(), strict(&message["payload"], schemas))).collect(),
        }
    }
}

impl Operation {
    fn read(method: &str, path: &str, operation: &Value, schemas: &Value) -> Self {
        let answers = operation["responses"].as_object().unwrap().iter();
        let answers = answers.map(|(status, answer)| {
            let contents = answer["content"].as_object().into_iter().flatten();
            let contents = contents.map(|(media, content)| (media.clone(), strict(&content["schema"], schemas)));
            (status.parse().unwrap(), contents.collect())
        });
        Self {
            method: method.to_owned(),
            path: path.trim_start_matches('/').split('/').map(str::to_owned).collect(),
            answers: answers.collect(),
        }
    }

    fn fits(&self, segments: &[Cow<str>]) -> bool {
        let fits =
            |(name, segment): (&String, &Cow<str>)| name.starts_with('{') && !segment.is_empty() || name == segment;
        self.path.len() == segments.len() && self.path.iter().zip(segments).all(fits)
    }
}

/// What accepts this schema and no member that it does not name.
fn strict(schema: &Value, schemas: &Value) -> Validator {
    jsonschema::validator_for(&closed(schema, schemas)).unwrap()
}

/// The schema without references, in which every object is closed.
fn closed(schema: &Value, schemas: &Value) -> Value {
    let mut closed = resolved(schema, schemas);
    let is_object = closed.get("properties").is_some() || closed.get("allOf").is_some();
    if is_object && closed.get("additionalProperties").is_none() {
        closed["unevaluatedProperties"] = json!(false);
    }
    closed
}

/// The schema without references, in which every object inside is closed, but not itself: it may be one part of several.
fn resolved(schema: &Value, schemas: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return resolved(&schemas[name], schemas);
    }
    let Some(members) = schema.as_object() else { return schema.clone() };
    let inside = |(keyword, value): (&String, &Value)| {
        let value = match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => properties
                .iter()
                .map(|(name, schema)| (name.clone(), closed(schema, schemas)))
                .collect::<Map<_, _>>()
                .into(),
            ("items" | "additionalProperties", schema) => closed(schema, schemas),
            ("anyOf" | "oneOf", Value::Array(all)) if schema["properties"].is_null() => {
                all.iter().map(|schema| closed(schema, schemas)).collect()
            }
            ("allOf", Value::Array(all)) => all.iter().map(|schema| resolved(schema, schemas)).collect(),
            (_, value) => value.clone(),
        };
        (keyword.clone(), value)
    };
    members.iter().map(inside).collect::<Map<_, _>>().into()
}
