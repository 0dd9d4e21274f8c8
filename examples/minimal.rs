//! The engine in memory: two users, two sessions, one message.
//!
//! `cargo run -p chat-examples --example minimal`
#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use chat_core::{Chat, Draft, Incoming, MemoryStorage, Outgoing, Session};
use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let chat = Chat::builder(Arc::new(MemoryStorage::new())).build();
    let ann = chat.create_user("ann".parse()?).await?;
    let bob = chat.create_user("bob".parse()?).await?;
    let (conversation, _) = chat.direct(ann.id, bob.id).await?;

    let mut at_ann = chat.open_session(ann.id).await?;
    let mut at_bob = chat.open_session(bob.id).await?;

    // A host may call the engine's methods …
    chat.send(ann.id, conversation.id, Draft::new("Tea at five?")?).await?;
    println!("ann hears {}", next_text(&mut at_ann).await);
    println!("bob hears {}", next_text(&mut at_bob).await);

    // … and a client may ask by its session, in JSON.
    let request = serde_json::json!({ "type": "send_message", "conversation_id": conversation.id, "content": "Yes!" });
    at_bob.receive(Incoming::Text(request.to_string().into()));
    println!("bob hears {}", next_text(&mut at_bob).await);
    println!("ann hears {}", next_text(&mut at_ann).await);
    Ok(())
}

/// The next frames of a session, as the text a transport would write.
async fn next_text(session: &mut Session) -> String {
    loop {
        if let Outgoing::Frames(frames) = session.next().await {
            return frames.iter().map(|frame| String::from_utf8_lossy(frame)).collect::<Vec<_>>().join("\n");
        }
    }
}
