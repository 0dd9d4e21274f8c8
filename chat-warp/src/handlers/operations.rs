//! For those who run the server.

use crate::api::Api;
use crate::errors::Problem;
use crate::limits::{JWKS_LIFE, READY_WAIT};
use crate::request::Request;
use crate::respond::ok;
use crate::routes::Answer;
use chat_core::Error;
use http::header::{self, HeaderValue};
use serde::Serialize;
use tokio::time::timeout;

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

/// What the server needs, each part in a word.
#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    storage: &'static str,
    mail: &'static str,
}

/// Whether the storage answers, too. Without mails a server is of use all the same: they keep nobody from being ready.
pub(crate) async fn readiness(api: &Api, _: Request) -> Answer {
    let mail = api.mail_health().word();
    let storage = timeout(READY_WAIT, api.chat.storage().list_users(None, None, 1)).await;
    match storage.map(|found| found.map_err(Error::from)) {
        Ok(Ok(_)) => Ok(ok(&Readiness { status: "ready", storage: "ok", mail })),
        _ => {
            let problem = Problem::from(&Error::Unavailable);
            Ok(problem.telling("storage", "away").telling("mail", mail).into_response())
        }
    }
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
