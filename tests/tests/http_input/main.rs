//! Bad input over HTTP: every route refuses it with the documented status, names the field, and stores nothing in part.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bodies;
mod fields;
mod heads;
mod routes;
mod scene;
mod targets;
mod values;
