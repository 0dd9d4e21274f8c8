//! How a refusal is told: problem details (RFC 9457), or one sentence of plain text. The rule: what a client learns is the
//! engine's code and sentence, never a source error.

use crate::limits::{SESSIONS_RETRY, UNAVAILABLE_RETRY};
use crate::measure::Code;
use crate::respond;
use chat_core::Error;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use warp::reply::Response;

/// What an unknown path is answered with.
pub(crate) const NO_ROUTE: Error = Error::NotFound("route");

/// A problem as one sentence, a wrong field as a malformed request.
pub(crate) fn plain(problem: Problem) -> Response {
    let status = match problem.status {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    let mut response = respond::text(status, problem.detail);
    response.headers_mut().extend(problem.headers);
    response.extensions_mut().insert(Code(problem.code));
    response
}

/// Why a request was not done.
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<Box<FieldProblem>>,
    parts: BTreeMap<&'static str, &'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong with one field of a request.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct FieldProblem {
    field: String,
    message: String,
}

/// The members of problem details, with `code` and `errors` as extensions.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Problem))]
pub(crate) struct Details<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<FieldProblem>))]
    errors: Option<[&'a FieldProblem; 1]>,
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    parts: &'a BTreeMap<&'static str, &'static str>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, parts: BTreeMap::new(), headers: vec![] }
    }

    /// The path is known, and these are its methods.
    pub(crate) fn method_not_allowed(methods: HeaderValue) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not know this method")
            .with(header::ALLOW, methods)
    }

    /// Only a WebSocket of the one version that there is (RFC 6455) may be opened here.
    pub(crate) fn upgrade_required() -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "this path is for WebSockets of version 13")
            .with(header::UPGRADE, HeaderValue::from_static("websocket"))
            .with(header::CONNECTION, HeaderValue::from_static("upgrade"))
            .with(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
    }

    /// A handler panicked.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong")
    }

    /// The request cannot be read.
    pub(crate) fn malformed(sentence: &'static str) -> Self {
        Self::from(&Error::Malformed(sentence.into()))
    }

    /// Tells how a part of the server is, in a member of its own.
    pub(crate) fn telling(mut self, part: &'static str, word: &'static str) -> Self {
        self.parts.insert(part, word);
        self
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    fn naming(self, field: &str, message: &str) -> Self {
        Self { field: Some(Box::new(FieldProblem { field: field.into(), message: message.into() })), ..self }
    }

    pub(crate) fn into_response(self) -> Response {
        let details = Details {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: self.field.as_deref().map(|field| [field]),
            parts: &self.parts,
        };
        let body = respond::encoded(&details);
        let mut response = respond::typed(self.status, HeaderValue::from_static("application/problem+json"), body);
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(Code(self.code));
        response
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let problem = Self::new(status(error), error.code(), error.to_string());
        match error {
            Error::Unauthorized(_) => problem.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Error::Conflict { field, message } => Self { detail: (*message).into(), ..problem.naming(field, message) },
            Error::Invalid { field, message } => {
                Self { detail: format!("{field} {message}"), ..problem.naming(field, message) }
            }
            Error::RateLimited { retry_after } => problem.retry_after(*retry_after),
            Error::TooManySessions(_) => problem.retry_after(SESSIONS_RETRY),
            Error::Unavailable => problem.retry_after(UNAVAILABLE_RETRY),
            _ => problem,
        }
    }
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::Malformed(_) => StatusCode::BAD_REQUEST,
        Error::Unauthorized(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) | Error::Unverified => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Conflict { .. } => StatusCode::CONFLICT,
        Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Error::RateLimited { .. } | Error::TooManySessions(_) => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        // A kind that is newer than this transport.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
