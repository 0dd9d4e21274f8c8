//! The time between being told to stop and stopping. The rule: all is served as before, but for the question whether the server
//! is ready: whoever spreads the load is to leave before the door closes.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// What `/readyz` is answered then, as the API answers it while the storage is away.
const PROBLEM: &str = r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the server is about to stop","code":"unavailable"}"#;

/// Whether the server is about to stop. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Drain(Arc<AtomicBool>);

impl Drain {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// What stands before the API: it says that the server is not ready, once it is not; whatever else is rejected.
    pub(crate) fn refusal(&self) -> BoxedFilter<(Response,)> {
        let drain = self.clone();
        let asked = warp::path!("readyz").and(warp::get().or(warp::head()).unify());
        asked
            .and_then(move || {
                let is_ready = !drain.0.load(Ordering::Relaxed);
                async move { if is_ready { Err(warp::reject::not_found()) } else { Ok(not_ready()) } }
            })
            .boxed()
    }
}

fn not_ready() -> Response {
    let mut response = Response::new(Bytes::from_static(PROBLEM.as_bytes()).into());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    response
}
