//! Examples of requests and answers, put together from those that stand with texts and numbers.

use serde_json::{Map, Value, json};

/// Gives every body in the document an example.
pub(super) fn fill(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for operation in operations {
        let answers = operation["responses"].as_object().map(|answers| answers.keys().cloned().collect::<Vec<_>>());
        for status in answers.unwrap_or_default() {
            complete(operation["responses"].get_mut(&status), &schemas);
        }
        complete(operation.get_mut("requestBody"), &schemas);
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            parameter["example"] = of(&parameter["schema"], &schemas);
            if parameter["example"].is_null() {
                parameter.as_object_mut().map(|parameter| parameter.remove("example"));
            }
        }
    }
}

/// Gives each media type of a request or an answer an example, unless it has one.
fn complete(body: Option<&mut Value>, schemas: &Value) {
    let contents = body.and_then(|body| body.get_mut("content")).and_then(Value::as_object_mut);
    for content in contents.into_iter().flat_map(Map::values_mut) {
        if content.get("example").is_none() {
            content["example"] = of(&content["schema"], schemas);
        }
    }
}

/// An example of a schema.
pub(super) fn of(schema: &Value, schemas: &Value) -> Value {
    if let Some(example) = schema.get("example").or_else(|| schema.get("const")) {
        return example.clone();
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return of(&schemas[name], schemas);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let members = parts.iter().filter_map(|part| of(part, schemas).as_object().cloned()).flatten();
        return Value::Object(members.collect());
    }
    if let Some(properties) = schema["properties"].as_object() {
        return properties.iter().map(|(name, schema)| (name.clone(), of(schema, schemas))).collect();
    }
    for alternatives in ["anyOf", "oneOf"] {
        let found =
            schema[alternatives].as_array().and_then(|schemas| schemas.iter().find(|one| one["type"] != "null"));
        if let Some(schema) = found {
            return of(schema, schemas);
        }
    }
    match schema["type"].as_str() {
        Some("array") => json!([of(&schema["items"], schemas)]),
        Some("integer") => schema.get("default").or_else(|| schema.get("minimum")).cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => true.into(),
        Some("string") => "…".into(),
        Some("object") => json!({}),
        _ => Value::Null,
    }
}
