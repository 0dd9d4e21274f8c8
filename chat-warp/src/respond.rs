//! Shapes of answers.

use chat_core::Error;
use http::StatusCode;
use http::header::{self, HeaderValue};
use serde::Serialize;
use warp::reply::Response;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    typed(status, JSON, encoded(body))
}

/// 200 in JSON.
pub(crate) fn ok(body: &impl Serialize) -> Response {
    json(StatusCode::OK, body)
}

/// That something is done, or will be.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Done<'a> {
    message: &'a str,
}

/// 200 with nothing to say but that it is done.
pub(crate) fn done(sentence: &str) -> Response {
    ok(&Done { message: sentence })
}

/// 202 for what is done later, if at all.
pub(crate) fn accepted(sentence: &str) -> Response {
    json(StatusCode::ACCEPTED, &Done { message: sentence })
}

/// 204.
pub(crate) fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// An answer in plain text.
pub(crate) fn text(status: StatusCode, sentence: impl Into<String>) -> Response {
    typed(status, TEXT, sentence.into().into_bytes())
}

/// An answer of any type.
pub(crate) fn typed(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The body of an answer in JSON.
pub(crate) fn encoded(body: &impl Serialize) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "answers hold strings, numbers and maps with string keys, which JSON can always hold"
    )]
    serde_json::to_vec(body).expect("an answer is JSON")
}

/// Adds the cookie that shows who a browser's user is, for as long as the token lives.
pub(crate) fn with_cookie(mut response: Response, token: &str, seconds: u64) -> Result<Response, Error> {
    let cookie = format!("login-token={token}; HttpOnly; Max-Age={seconds}; Path=/; SameSite=Lax; Secure");
    let cookie = HeaderValue::try_from(cookie).map_err(|_| Error::Unavailable)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Makes the browser forget that cookie.
pub(crate) fn without_cookie(response: Response) -> Result<Response, Error> {
    with_cookie(response, "", 0)
}
