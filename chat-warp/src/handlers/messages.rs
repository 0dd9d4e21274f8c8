//! Single messages.

use super::conversations::sent;
use crate::api::Api;
use crate::request::Request;
use crate::respond::{done, ok};
use crate::routes::Answer;
use chat_core::wire::{Fields, MessageView};
use chat_core::{Content, Draft, Error, Identity, MessageId, UserId};

/// Sends to a user or a group, whichever `receiver_id` names.
pub(crate) async fn send(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let mut fields = request.fields().await?;
    check_caller(&me, &mut fields, "sender_id")?;
    let receiver = fields.required("receiver_id")?;
    let draft = Draft::decode(&mut fields)?;
    let conversation = api.chat.conversation_with(&me, receiver).await?;
    Ok(sent(api.chat.send(&me, conversation, draft).await?))
}

pub(crate) async fn mark_read(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let mut fields = request.fields().await?;
    check_caller(&me, &mut fields, "user_id")?;
    api.chat.mark_read(&me, fields.required("message_ids")?).await?;
    Ok(done("marked as read"))
}

pub(crate) async fn find(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let message = api.chat.message(me.user, request.named("id")?).await?;
    Ok(ok(&MessageView::from(message)))
}

pub(crate) async fn edit(api: &Api, mut request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let message: MessageId = request.named("id")?;
    let content: Content = request.fields().await?.required("content")?;
    Ok(ok(&MessageView::from(api.chat.edit(&me, message, content).await?)))
}

pub(crate) async fn delete(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let message: MessageId = request.named("id")?;
    api.chat.delete(&me, message).await?;
    Ok(ok(&MessageView::from(api.chat.message(me.user, message).await?)))
}

/// Refuses a request that names someone else as the one who acts.
fn check_caller(me: &Identity, fields: &mut Fields, name: &'static str) -> Result<(), Error> {
    match fields.optional::<UserId>(name)? {
        Some(user) if user != me.user => Err(Error::Forbidden("nobody acts in the name of someone else")),
        _ => Ok(()),
    }
}
