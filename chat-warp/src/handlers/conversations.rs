//! Conversations, and what is said and happens in them.

use crate::api::Api;
use crate::request::Request;
use crate::respond::{json, ok};
use crate::routes::Answer;
use chat_core::wire::{MessageView, SummaryView, event_object};
use chat_core::{Draft, Error, History, MessageId, Sent, Seq, UserId};
use http::StatusCode;

pub(crate) async fn list(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let page = api.chat.conversations(me.user, None, request.cursor("before")?, request.limit()?).await?;
    Ok(ok(&page.map(SummaryView::from).named("conversations")))
}

pub(crate) async fn find(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    Ok(ok(&api.chat.conversation(me.user, request.named("id")?).await?))
}

pub(crate) async fn direct(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let other: UserId = request.named("user_id")?;
    let (conversation, is_new) = api.chat.direct(&me, other).await?;
    let conversation = api.chat.conversation(me.user, conversation.id).await?;
    Ok(json(created_if(is_new), &conversation))
}

pub(crate) async fn messages(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let (conversation, history, limit) = (request.named("id")?, history(&request)?, request.limit()?);
    let page = api.chat.messages(me.user, conversation, history, limit).await?;
    Ok(ok(&page.map(MessageView::from).named("messages")))
}

fn history(request: &Request) -> Result<History, Error> {
    let before: Option<MessageId> = request.parsed("before")?;
    match (before, request.query("after")) {
        (None, None) => Ok(History::Latest),
        (Some(before), None) => Ok(History::Before(before)),
        (None, Some(_)) => Ok(request.after()?.map_or(History::Oldest, History::After)),
        (Some(_), Some(_)) => Err(Error::invalid("after", "must not stand beside before")),
    }
}

pub(crate) async fn send(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let conversation = request.named("id")?;
    let draft = Draft::decode(&mut request.fields().await?)?;
    Ok(sent(api.chat.send(&me, conversation, draft).await?))
}

/// A message that was stored now, or before under the same nonce.
pub(super) fn sent(sent: Sent) -> warp::reply::Response {
    json(created_if(sent.is_new), &MessageView::from(sent.message))
}

pub(crate) async fn events(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let conversation = request.named("id")?;
    let after = request.cursor("after")?.map_or(Ok(Seq::ZERO), Seq::try_from);
    let after = after.map_err(|message| Error::invalid("after", message))?;
    let page = api.chat.events(me.user, conversation, after, request.limit()?).await?;
    Ok(ok(&page.map(|event| event_object(&event)).named("events")))
}

fn created_if(is_new: bool) -> StatusCode {
    if is_new { StatusCode::CREATED } else { StatusCode::OK }
}
