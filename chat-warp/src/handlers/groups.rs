//! Groups and who is in them. A direct conversation is no group, though it is a conversation.

use crate::api::Api;
use crate::request::Request;
use crate::respond::{done, json, no_content, ok};
use crate::routes::Answer;
use chat_core::wire::{ConversationDetails, GroupListingView, MemberView, SummaryView};
use chat_core::{Conversation, ConversationId, Error, Identity, Kind, NewGroup, Role, Search, UserId, Visibility};
use http::StatusCode;
use serde::Serialize;

const NO_GROUP: Error = Error::NotFound("conversation");

/// A new group, its id by both of its names.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct NewGroupView {
    group_id: ConversationId,
    #[serde(flatten)]
    conversation: ConversationDetails<MemberView>,
}

pub(crate) async fn create(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let mut fields = request.fields().await?;
    let group = NewGroup {
        name: Some(fields.required("name")?),
        members: fields.optional("members")?.unwrap_or_default(),
        visibility: fields.optional("visibility")?.unwrap_or_default(),
    };
    let conversation = api.chat.create_group(&me, group).await?;
    Ok(json(StatusCode::CREATED, &NewGroupView { group_id: conversation.id(), conversation }))
}

/// Lists the caller's groups, or the public ones.
pub(crate) async fn list(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    match request.query("visibility") {
        Some("public") => list_public(api, &me, &request).await,
        Some(_) => Err(Error::invalid("visibility", "must be public, or absent for one's own groups")),
        None if request.query("search").is_some() => Err(Error::invalid("search", "needs visibility=public")),
        None => list_own(api, &me, &request).await,
    }
}

async fn list_public(api: &Api, me: &Identity, request: &Request) -> Answer {
    let search: Option<Search> = request.parsed("search")?;
    let page = api.chat.public_groups(me.user, search.as_ref(), request.after()?, request.limit()?).await?;
    Ok(ok(&page.map(GroupListingView::from).named("groups")))
}

async fn list_own(api: &Api, me: &Identity, request: &Request) -> Answer {
    let (before, limit) = (request.cursor("before")?, request.limit()?);
    let page = api.chat.conversations(me.user, Some(Kind::Group), before, limit).await?;
    Ok(ok(&page.map(SummaryView::from).named("groups")))
}

pub(crate) async fn find(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let group = request.named("id")?;
    match own_conversation(api, &me, group).await? {
        Some(Conversation { kind: Kind::Group, .. }) => Ok(ok(&api.chat.conversation(me.user, group).await?)),
        Some(_) => Err(NO_GROUP),
        None => Ok(ok(&GroupListingView::from(api.chat.public_group(group).await?))),
    }
}

pub(crate) async fn update(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let group = request.named("id")?;
    let mut fields = request.fields().await?;
    let name = fields.optional("name")?;
    let visibility: Option<Visibility> = fields.optional("visibility")?;
    api.chat.update_group(&me, group, name, visibility).await?;
    Ok(ok(&api.chat.conversation(me.user, group).await?))
}

pub(crate) async fn delete(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    api.chat.delete_group(&me, request.named("id")?).await?;
    Ok(no_content())
}

pub(crate) async fn join(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    api.chat.join(&me, request.named("id")?).await?;
    Ok(done("joined the group"))
}

pub(crate) async fn leave(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    api.chat.leave(&me, request.named("id")?).await?;
    Ok(done("left the group"))
}

/// Leaves the group that the body names.
pub(crate) async fn leave_named(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let group = request.fields().await?.required("group_id")?;
    api.chat.leave(&me, group).await?;
    Ok(done("left the group"))
}

pub(crate) async fn members(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let group = request.named("id")?;
    let (after, limit) = (request.cursor("after")?, request.limit()?);
    let found = own_conversation(api, &me, group).await?;
    found.filter(|conversation| conversation.kind == Kind::Group).ok_or(NO_GROUP)?;
    Ok(ok(&api.chat.members(me.user, group, after, limit).await?.named("members")))
}

/// Adds the user whom the body names; oneself, to join.
pub(crate) async fn add(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let mut fields = request.fields().await?;
    let (user, group): (UserId, ConversationId) = (fields.required("user_id")?, fields.required("group_id")?);
    api.chat.add_member(&me, group, user, None).await?;
    Ok(done("user added to the group"))
}

pub(crate) async fn put_member(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let (group, user): (ConversationId, UserId) = (request.named("id")?, request.named("user_id")?);
    let role: Option<Role> = request.fields().await?.optional("role")?;
    api.chat.add_member(&me, group, user, role).await?;
    Ok(done("user is a member of the group"))
}

pub(crate) async fn remove_member(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let (group, user): (ConversationId, UserId) = (request.named("id")?, request.named("user_id")?);
    api.chat.remove_member(&me, group, user).await?;
    Ok(no_content())
}

async fn own_conversation(api: &Api, me: &Identity, id: ConversationId) -> Result<Option<Conversation>, Error> {
    Ok(api.chat.storage().find_conversation(me.user, id).await?)
}
