//! A shop that stores each order and the message about it in one transaction: never one without the other. Whoever is
//! connected hears it at once, on whichever node, also if the shop dies right after the commit.
//!
//! `cargo run -p chat-examples --example orders -- postgres://user:password@host/database [customer] [orders]`
#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use chat_core::{
    Action, Change, Chat, ConversationId, Draft, Error, Outgoing, Session, User, UserId, UserKey, Username,
};
use chat_postgres::PgStorage;
use std::error::Error as StdError;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("which database?")?;
    let customer = arguments.next().unwrap_or_else(|| "ann".into()).parse()?;
    let orders: u64 = arguments.next().map_or(Ok(3), |orders| orders.parse())?;

    let storage = PgStorage::open(&url).await?;
    let link = Arc::new(storage.link().await?);
    let chat = Chat::builder(Arc::new(storage.clone())).link(link).build();
    let shop = user(&chat, "shop".parse()?).await?;
    let customer = user(&chat, customer).await?;
    let (conversation, _) = chat.direct(shop.id, customer.id).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY)").execute(storage.pool()).await?;

    // Anyone who is connected, to this process or to another.
    let mut session = chat.open_session(customer.id).await?;
    for _ in 0..orders {
        let id = order(&chat, &storage, shop.id, conversation.id).await?;
        println!("order {id} is stored");
        println!("{} hears {}", customer.username, hear_of(id, &mut session).await);
    }
    Ok(())
}

/// What a session hears of an order.
async fn hear_of(order: i64, session: &mut Session) -> String {
    loop {
        let Outgoing::Frames(frames) = session.next().await else { continue };
        let mut texts = frames.iter().map(|frame| String::from_utf8_lossy(frame));
        if let Some(text) = texts.find(|text| text.contains(&format!("order {order}."))) {
            return text.into_owned();
        }
    }
}

/// Stores an order and tells the customer.
async fn order(
    chat: &Chat,
    storage: &PgStorage,
    shop: UserId,
    conversation: ConversationId,
) -> Result<i64, Box<dyn StdError>> {
    let mut transaction = storage.pool().begin().await?;
    let insert = "INSERT INTO orders DEFAULT VALUES RETURNING id";
    let id: i64 = sqlx::query_scalar(insert).fetch_one(&mut *transaction).await?;
    let draft = Draft::new(format!("Thank you for order {id}."))?;
    let change = Change { actor: shop, at: chat.clock().now(), action: Action::Send { conversation, draft } };
    storage.append_in_tx(&mut transaction, &change).await?;
    transaction.commit().await?;
    Ok(id)
}

/// The user with this name, now or since before.
async fn user(chat: &Chat, username: Username) -> Result<User, Error> {
    match chat.user(&UserKey::Username(username.clone())).await {
        Err(Error::NotFound(_)) => chat.create_user(username).await,
        found => found,
    }
}
