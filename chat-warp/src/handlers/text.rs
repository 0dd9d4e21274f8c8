//! The routes that answer in plain text.

use super::accounts;
use crate::api::Api;
use crate::request::Request;
use crate::respond::{text, with_cookie};
use crate::routes::Answer;
use chat_core::UserKey;
use http::StatusCode;

pub(crate) async fn ping(_: &Api, _: Request) -> Answer {
    Ok(text(StatusCode::OK, "pong"))
}

pub(crate) async fn register(api: &Api, mut request: Request) -> Answer {
    let mut registration = accounts::register_from(api, &mut request).await?;
    registration.fullname = Some(registration.fullname.ok_or_else(|| accounts::required("fullname"))?);
    api.accounts()?.register(registration).await?;
    Ok(text(StatusCode::CREATED, "registered"))
}

pub(crate) async fn login(api: &Api, mut request: Request) -> Answer {
    let pair = accounts::log_in(api, &mut request).await?;
    with_cookie(text(StatusCode::ACCEPTED, "login successful"), &pair.access_token, pair.expires_in)
}

pub(crate) async fn verify(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let user = api.chat.user(&UserKey::Id(me.user)).await?;
    Ok(text(StatusCode::OK, format!("Hello, {}", user.username)))
}
