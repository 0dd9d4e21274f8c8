//! Registering, logging in and out. The rule: whoever ends a login here closes its sessions.

use crate::api::Api;
use crate::request::Request;
use crate::respond::{json, no_content, ok, with_cookie, without_cookie};
use crate::routes::Answer;
use chat_core::wire::{AccountView, Fields};
use chat_core::{
    Error, Fullname, Login, LoginId, Page, Password, Refreshed, Registration, Timestamp, TokenPair, UserKey, Username,
};
use http::StatusCode;
use serde::Serialize;

const WRONG_CREDENTIALS: Error = Error::Unauthorized("wrong username or password");
const REFRESH_REFUSED: Error = Error::Unauthorized("the login is not valid or has ended");

/// What someone who has logged in gets.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Tokens {
    access_token: String,
    refresh_token: String,
    token_type: &'static str,
    expires_in: u64,
    user: AccountView,
}

/// A login, as its user sees it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct LoginView {
    id: LoginId,
    created_at: Timestamp,
    refreshed_at: Timestamp,
    expires_at: Timestamp,
    is_current: bool,
}

pub(crate) async fn register(api: &Api, mut request: Request) -> Answer {
    let registration = register_from(api, &mut request).await?;
    let user = api.accounts()?.register(registration).await?;
    Ok(json(StatusCode::CREATED, &api.chat.account_view(user)))
}

pub(crate) async fn login(api: &Api, mut request: Request) -> Answer {
    let pair = log_in(api, &mut request).await?;
    logged_in(api, pair)
}

pub(crate) async fn guest(api: &Api, mut request: Request) -> Answer {
    api.addresses.spend(&request, |left| &left.registrations)?;
    let email = request.fields().await?.required("email")?;
    logged_in(api, api.accounts()?.log_in_guest(email).await?)
}

pub(crate) async fn refresh(api: &Api, mut request: Request) -> Answer {
    api.addresses.spend(&request, |left| &left.refreshes)?;
    let token: String = request.fields().await?.required("refresh_token")?;
    match api.accounts()?.refresh(&token).await? {
        Refreshed::Pair(pair) => logged_in(api, pair),
        Refreshed::Reused(login) => {
            api.close_sessions([login]);
            Err(REFRESH_REFUSED)
        }
    }
}

pub(crate) async fn logout(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    api.close_sessions(api.accounts()?.log_out(me).await?);
    without_cookie(no_content())
}

pub(crate) async fn logins(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let logins = api.accounts()?.logins(me.user).await?;
    let view = |login: Login| LoginView {
        id: login.id,
        created_at: login.created_at,
        refreshed_at: login.refreshed_at,
        expires_at: login.expires_at,
        is_current: Some(login.id) == me.login,
    };
    let page = Page { items: logins.into_iter().map(view).collect(), next: None };
    Ok(ok(&page.named("logins")))
}

pub(crate) async fn revoke(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let login: LoginId = request.named("id")?;
    api.close_sessions([api.accounts()?.revoke(me.user, login).await?]);
    Ok(no_content())
}

/// Logs in by `username` or `email`. A name that nobody can have is as wrong as one that nobody has.
pub(super) async fn log_in(api: &Api, request: &mut Request) -> Result<TokenPair, Error> {
    api.addresses.spend(request, |left| &left.logins)?;
    let mut fields = request.fields().await?;
    let username: Option<String> = fields.optional("username")?;
    let email: Option<String> = fields.optional("email")?;
    let password = password(&mut fields, "password")?;
    let name = username.as_ref().or(email.as_ref()).ok_or_else(|| required("username"))?;
    api.addresses.spend_on_login(request, name)?;
    let key = match &username {
        Some(username) => username.parse().map(UserKey::Username),
        None => name.parse().map(UserKey::Email),
    };
    api.accounts()?.log_in(key.map_err(|_| WRONG_CREDENTIALS)?, password).await
}

/// Someone who wants an account, if as many as that may come from their address, and ask for mails if it has to be one.
pub(super) async fn register_from(api: &Api, request: &mut Request) -> Result<Registration, Error> {
    api.addresses.spend(request, |left| &left.registrations)?;
    let registration = registration(&mut request.fields().await?)?;
    if registration.email.is_some() {
        api.addresses.spend(request, |left| &left.mails)?;
    }
    Ok(registration)
}

/// Someone who wants an account, from the fields of the request.
fn registration(fields: &mut Fields) -> Result<Registration, Error> {
    let username: Username = fields.required("username")?;
    let repeated: Option<String> = fields.optional("password2")?;
    let typed: String = fields.required("password")?;
    if repeated.is_some_and(|repeated| repeated != typed) {
        return Err(Error::invalid("password2", "must be the same as password"));
    }
    let password = Password::try_from(typed).map_err(|message| Error::invalid("password", message))?;
    Ok(Registration {
        fullname: fullname(fields)?,
        email: fields.optional("email")?,
        profile_picture: fields.optional("profile_picture")?,
        public_key: fields.optional("public_key")?,
        ..Registration::new(username, password)
    })
}

/// A password that must be there.
pub(super) fn password(fields: &mut Fields, name: &'static str) -> Result<Password, Error> {
    let typed: String = fields.required(name)?;
    Password::try_from(typed).map_err(|message| Error::invalid(name, message))
}

/// A field that must be there and is not.
pub(super) fn required(name: &'static str) -> Error {
    Error::invalid(name, "is required")
}

/// The full name, or the one that first and last name make.
fn fullname(fields: &mut Fields) -> Result<Option<Fullname>, Error> {
    if let Some(fullname) = fields.optional_of(&["full_name", "fullname"])? {
        return Ok(Some(fullname));
    }
    let names: [Option<String>; 2] = [fields.optional("first_name")?, fields.optional("last_name")?];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if name.trim().is_empty() {
        return Ok(None);
    }
    Fullname::try_from(name).map(Some).map_err(|message| Error::invalid("first_name", message))
}

fn logged_in(api: &Api, pair: TokenPair) -> Answer {
    let TokenPair { access_token, refresh_token, expires_in, user, .. } = pair;
    let user = api.chat.account_view(user);
    let tokens = Tokens { access_token, refresh_token, token_type: "bearer", expires_in, user };
    with_cookie(ok(&tokens), &tokens.access_token, expires_in)
}
