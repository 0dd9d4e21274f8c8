//! A host with users of its own: the engine knows them by name, the host's own tokens say who is asking, and no password
//! ever reaches the engine.
//!
//! `cargo run -p chat-examples --example own_users`, then
//! `curl 127.0.0.1:8002/conversations -H 'Authorization: Bearer ann-badge'`
#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use async_trait::async_trait;
use chat_core::{Authenticate, Chat, Draft, Identity, MemoryStorage, UserId};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

/// The host's staff: badge to user. A real host would ask its own database.
struct Badges(HashMap<String, UserId>);

#[async_trait]
impl Authenticate for Badges {
    async fn authenticate(&self, token: &str) -> Result<Identity, chat_core::Error> {
        let user = self.0.get(token).ok_or(chat_core::Error::Unauthorized("this badge is not known"))?;
        Ok(Identity::from(*user))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let chat = Chat::builder(Arc::new(MemoryStorage::new())).build();
    let mut badges = HashMap::new();
    for name in ["ann", "bob"] {
        let user = chat.create_user(name.parse()?).await?;
        badges.insert(format!("{name}-badge"), user.id);
    }
    let (ann, bob) = (badges["ann-badge"], badges["bob-badge"]);
    let (conversation, _) = chat.direct(ann, bob).await?;
    chat.send(bob, conversation.id, Draft::new("The printer is on fire.")?).await?;

    let routes = chat_warp::routes(chat, chat_warp::Options::with_identities(Arc::new(Badges(badges))));
    println!("try: curl 127.0.0.1:8002/conversations -H 'Authorization: Bearer ann-badge'");
    warp::serve(routes).run(([127, 0, 0, 1], 8002)).await;
    Ok(())
}
