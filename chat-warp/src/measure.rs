//! What is measured of requests. The rule: a route goes by its template and a method by its name if we know it, so that
//! nothing a client makes up becomes a label.

use ::metrics::{counter, histogram};
use chat_core::metrics::{self, HTTP_REQUEST_SECONDS, HTTP_REQUESTS};
use http::Method;
use std::time::Duration;
use warp::reply::Response;

/// The code of the refusal that an answer is.
#[derive(Clone, Copy)]
pub(crate) struct Code(pub(crate) &'static str);

/// The route of a path that leads nowhere.
const NO_ROUTE: &str = "none";

/// Counts an answer, and how long it took.
pub(crate) fn answered(method: &Method, route: Option<&'static str>, response: &Response, took: Duration) {
    let (method, route) = (name(method), route.unwrap_or(NO_ROUTE));
    let status = response.status().as_u16().to_string();
    counter!(HTTP_REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    histogram!(HTTP_REQUEST_SECONDS, "method" => method, "route" => route).record(took);
    if let Some(Code(code)) = response.extensions().get() {
        metrics::refused("http", code);
    }
}

fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
