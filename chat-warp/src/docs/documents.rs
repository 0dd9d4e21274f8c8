//! Documents about the documents.

use super::Operation;
use chat_core::wire::shape::Shape;
use serde_json::json;

fn about(summary: &'static str, media: &str, shape: Shape) -> Operation {
    Operation::new("operations", summary).always().answers_as(media, 200, "The document", shape)
}

fn document() -> Shape {
    Shape::new(json!({ "type": "object", "additionalProperties": true }))
}

pub(crate) fn openapi() -> Operation {
    about("Read this document", "application/json", document())
}

pub(crate) fn openapi_yaml() -> Operation {
    about("Read this document in YAML", "application/yaml", document())
}

pub(crate) fn asyncapi() -> Operation {
    about("Read what the sockets carry, as AsyncAPI 3.0", "application/yaml", document())
}
