//! Blocks: who is to be left alone by whom.

use crate::api::Api;
use crate::request::Request;
use crate::respond::{no_content, ok};
use crate::routes::Answer;
use chat_core::Blocked;

pub(crate) async fn list(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    let page = api.chat.blocked(me.user, request.after()?, request.limit()?).await?;
    let mut page = page.named("users");
    page["strangers"] = api.chat.blocks_strangers(me.user).await?.into();
    Ok(ok(&page))
}

pub(crate) async fn put(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    api.chat.block(me.user, Blocked::User(request.named("user_id")?)).await?;
    Ok(no_content())
}

pub(crate) async fn remove(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    api.chat.unblock(me.user, Blocked::User(request.named("user_id")?)).await?;
    Ok(no_content())
}

pub(crate) async fn put_strangers(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    api.chat.block(me.user, Blocked::Strangers).await?;
    Ok(no_content())
}

pub(crate) async fn remove_strangers(api: &Api, request: Request) -> Answer {
    let me = api.identify(&request).await?;
    api.chat.unblock(me.user, Blocked::Strangers).await?;
    Ok(no_content())
}
