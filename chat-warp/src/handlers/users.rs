//! People and their profiles.

use super::accounts;
use crate::api::Api;
use crate::request::Request;
use crate::respond::{done, ok, without_cookie};
use crate::routes::Answer;
use chat_core::wire::Fields;
use chat_core::{
    AccountUpdate, Email, Error, Identity, Password, ProfileUpdate, PublicKey, Search, UserId, UserKey, Username,
};
use serde::Serialize;

/// A user by name.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct FoundId {
    user_id: UserId,
    public_key: Option<PublicKey>,
}

/// A user by id.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct FoundName {
    username: Username,
}

pub(crate) async fn list(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let search: Option<Search> = request.parsed("search")?;
    let (after, limit) = (request.after()?, request.limit()?);
    Ok(ok(&api.chat.users(me.user, search.as_ref(), after, limit).await?.named("users")))
}

pub(crate) async fn find(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let user = api.chat.user(&UserKey::Id(request.named("id")?)).await?;
    Ok(ok(&api.chat.user_seen_by(me.user, user).await?))
}

pub(crate) async fn id(api: &Api, request: Request) -> Answer {
    api.identify(&request).await?;
    let username: Username = request.named("username")?;
    let user = api.chat.user(&UserKey::Username(username)).await?;
    Ok(ok(&FoundId { user_id: user.id, public_key: user.public_key }))
}

pub(crate) async fn username(api: &Api, request: Request) -> Answer {
    api.identify(&request).await?;
    let user = api.chat.user(&UserKey::Id(request.named("user_id")?)).await?;
    Ok(ok(&FoundName { username: user.username }))
}

pub(crate) async fn me(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let user = api.chat.user(&UserKey::Id(me.user)).await?;
    Ok(ok(&api.chat.account_view(user)))
}

pub(crate) async fn update(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let mut fields = request.fields().await?;
    let update = ProfileUpdate {
        fullname: fields.optional_of(&["full_name", "fullname"])?,
        profile_picture: fields.nullable("profile_picture")?,
        public_key: fields.nullable("public_key")?,
    };
    change_account(api, &request, &me, &mut fields).await?;
    let user = api.chat.update_profile(me.user, update).await?;
    Ok(ok(&api.chat.account_view(user)))
}

/// Changes what needs the old password, if the request asks for it. A new password ends every login but the one it came by.
async fn change_account(api: &Api, request: &Request, me: &Identity, fields: &mut Fields) -> Result<(), Error> {
    let password: Option<String> = fields.optional("password")?;
    let email: Option<Option<Email>> = fields.nullable("email")?;
    let field = match (&password, &email) {
        (None, None) => return Ok(()),
        (Some(_), _) => "password",
        (None, Some(_)) => "email",
    };
    let accounts = api.accounts().map_err(|_| Error::invalid(field, "is not kept here"))?;
    let password =
        password.map(Password::try_from).transpose().map_err(|message| Error::invalid("password", message))?;
    let old = accounts::password(fields, "old_password")?;
    if matches!(email, Some(Some(_))) {
        api.addresses.spend(request, |left| &left.mails)?;
    }
    let update = AccountUpdate { password, email };
    api.close_sessions(accounts.change(me.user, old, update, me.login).await?);
    Ok(())
}

pub(crate) async fn delete_me(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let user = api.chat.user(&UserKey::Id(me.user)).await?;
    api.chat.delete_user(&me, me.user).await?;
    without_cookie(ok(&api.chat.account_view(user)))
}

pub(crate) async fn delete(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let user: UserId = request.named("user_id")?;
    api.chat.delete_user(&me, user).await?;
    let response = done("user deleted");
    if user == me.user { without_cookie(response) } else { Ok(response) }
}

pub(crate) async fn set_typing(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let mut fields = request.fields().await?;
    let is_typing = fields.required("is_typing")?;
    let conversation = api.chat.conversation_with(&me, fields.required("typing_chat_id")?).await?;
    api.chat.set_typing(&me, conversation, is_typing).await?;
    Ok(done("typing status set"))
}
