//! Documents for programs: OpenAPI 3.1 of the routes, AsyncAPI 3.0 of the sockets.
//!
//! The rule: a route is documented by the function of its handler's name, in the module here of the same name; without one
//! the table in `routes.rs` does not compile. Shapes come from the types that travel.

pub(crate) mod accounts;
mod asyncapi;
pub(crate) mod blocks;
pub(crate) mod conversations;
pub(crate) mod documents;
mod examples;
pub(crate) mod groups;
pub(crate) mod messages;
mod operation;
pub(crate) mod operations;
pub(crate) mod recovery;
pub(crate) mod socket;
pub(crate) mod text;
pub(crate) mod users;

pub(crate) use operation::Operation;

use crate::errors::Details;
use crate::routes::{self, Offer, Route};
use chat_core::wire::protocol::CODES;
use chat_core::wire::shape::Shape;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The documents as they are served.
pub(crate) struct Documents {
    pub(crate) openapi: String,
    pub(crate) openapi_yaml: String,
    pub(crate) asyncapi: String,
}

impl Documents {
    pub(crate) fn of(routes: &[&'static Route]) -> Self {
        let openapi = document(routes);
        Self { openapi: openapi.to_string(), openapi_yaml: yaml(&openapi), asyncapi: yaml(&asyncapi()) }
    }
}

/// The OpenAPI document of all routes, as `/openapi.json` serves it where the engine keeps the accounts and lets guests in.
#[must_use]
pub fn openapi() -> Value {
    document(&routes::mounted(Offer::Guests))
}

/// The AsyncAPI document of both sockets, as `/asyncapi.yaml` serves it.
#[must_use]
pub fn asyncapi() -> Value {
    asyncapi::document()
}

fn yaml(document: &Value) -> String {
    #[expect(clippy::expect_used, reason = "a document is a JSON value, which YAML can always hold")]
    yaml_serde::to_string(document).expect("a document is YAML")
}

const ABOUT: &str = "Conversations over HTTP; live events come over the sockets, which `/asyncapi.yaml` describes.\n\n\
    Members of requests that are not named here are ignored, and `null` counts as absent, except where a field says that it \
    empties something. A slash at the end of a path makes no difference.";

fn document(routes: &[&'static Route]) -> Value {
    let mut paths = json!({});
    let mut schemas = problem().parts;
    for route in routes {
        let (operation, parts) = (route.documented)().finish(&route.method, route.path);
        paths[format!("/{}", route.path)][route.method.as_str().to_ascii_lowercase()] = operation;
        schemas.extend(parts);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chat", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": SECURITY.iter().map(|(name, scheme)| (*name, scheme())).collect::<BTreeMap<_, _>>() },
        "tags": TAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect::<Vec<_>>(),
    });
    examples::fill(&mut document);
    document
}

/// What a refusal looks like.
fn problem() -> Shape {
    let mut problem = Shape::of::<Details>();
    if let Some(schema) = problem.parts.get_mut("Problem") {
        let codes = CODES.iter().chain(&["method_not_allowed", "upgrade_required", "internal"]);
        schema["properties"]["code"]["enum"] = codes.copied().collect();
        if let Some(required) = schema["required"].as_array_mut() {
            required.retain(|name| name != "errors");
        }
    }
    problem
}

const TAGS: [(&str, &str); 7] = [
    ("accounts", "Registering, logging in and out, codes by mail"),
    ("users", "People and their profiles"),
    ("groups", "Groups and who is in them"),
    ("conversations", "Conversations, and what is said and happens in them"),
    ("sockets", "Live events"),
    ("text", "Answered in plain text"),
    ("operations", "For those who run the server, and for programs"),
];

type Scheme = (&'static str, fn() -> Value);
/// How a request shows who it comes from.
const SECURITY: [Scheme; 3] = [
    ("bearer", || json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" })),
    ("cookie", || json!({ "type": "apiKey", "in": "cookie", "name": "login-token" })),
    ("token", || json!({ "type": "apiKey", "in": "query", "name": "token", "description": "sockets only" })),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn operations(document: &Value) -> Vec<(String, &Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        let methods = paths.flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
        });
        methods.collect()
    }

    #[test]
    fn what_is_mounted_and_what_is_documented_are_the_same() {
        for offer in [Offer::Chat, Offer::Accounts, Offer::Guests] {
            let routes = routes::mounted(offer);
            let document = document(&routes);
            let mounted: BTreeSet<String> = routes
                .iter()
                .map(|route| format!("{} /{}", route.method.as_str().to_lowercase(), route.path))
                .collect();
            let documented: BTreeSet<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
            assert_eq!(mounted, documented);
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_an_answer_and_says_who_may_ask() {
        let document = openapi();
        let operations = operations(&document);
        let names: BTreeSet<_> =
            operations.iter().map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(names.len(), operations.len());
        for (name, operation) in operations {
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.as_str() < "400"), "{name}");
            assert!(operation["security"].is_array() && operation["summary"].is_string(), "{name}");
            assert!(operation["security"] == json!([]) || answers.contains_key("401"), "{name}");
        }
    }

    #[test]
    fn every_path_parameter_is_described() {
        for (name, operation) in operations(&openapi()) {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let described: BTreeSet<_> = parameters
                .filter(|one| one["in"] == "path")
                .map(|one| one["name"].as_str().unwrap().to_owned())
                .collect();
            let parts = name.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            assert_eq!(described, parts.map(str::to_owned).collect(), "{name}");
        }
    }
}
