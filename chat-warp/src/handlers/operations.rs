//! For those who run the server.

use crate::api::Api;
use crate::limits::JWKS_LIFE;
use crate::request::Request;
use crate::respond::ok;
use crate::routes::Answer;
use http::header::{self, HeaderValue};
use serde::Serialize;

/// How the server is.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Status {
    status: &'static str,
}

/// Whether the process answers.
pub(crate) async fn health(_: &Api, _: Request) -> Answer {
    Ok(ok(&Status { status: "ok" }))
}

/// Whether the storage answers, too.
pub(crate) async fn readiness(api: &Api, _: Request) -> Answer {
    api.chat.storage().list_users(None, None, 1).await?;
    Ok(ok(&Status { status: "ready" }))
}

/// The public key of the tokens (RFC 7517).
pub(crate) async fn jwks(api: &Api, _: Request) -> Answer {
    let mut response = ok(&api.accounts()?.keys().jwks());
    let life = format!("public, max-age={}", JWKS_LIFE.as_secs());
    // A number of seconds is always good for a header.
    let life = HeaderValue::try_from(life).unwrap_or_else(|_| HeaderValue::from_static("no-cache"));
    response.headers_mut().insert(header::CACHE_CONTROL, life);
    Ok(response)
}
