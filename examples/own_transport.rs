//! A transport of one's own: newline-delimited JSON over TCP, as `nc 127.0.0.1 8001` speaks it. The first line names the
//! user (a real host would ask for proof), every other line is a request, every line back is a frame.
//!
//! `cargo run -p chat-examples --example own_transport`
#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use bytes::{BufMut, Bytes, BytesMut};
use chat_core::{Chat, Incoming, MemoryStorage, Outgoing, UserKey, Username, limits};
use futures::StreamExt;
use std::error::Error;
use std::io;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};

use tokio_util::codec::{FramedRead, LinesCodec};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let chat = Chat::builder(Arc::new(MemoryStorage::new())).build();
    let listener = TcpListener::bind(("127.0.0.1", 8001)).await?;
    println!("listening on {}; try: nc 127.0.0.1 8001", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let chat = chat.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(chat, stream).await {
                println!("a client went away: {error}");
            }
        });
    }
}

/// Serves one client until one of the two ends it.
async fn converse(chat: Chat, stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = FramedRead::new(reader, LinesCodec::new_with_max_length(limits::FRAME_BYTES_MAX));
    let Some(name) = lines.next().await.transpose()? else { return Ok(()) };
    let mut session = chat.open_session(user_named(&chat, name.parse()?).await?).await?;
    loop {
        tokio::select! {
            line = lines.next(), if session.is_ready() => match line.transpose()? {
                Some(line) => session.receive(Incoming::Text(Bytes::from(line))),
                None => return Ok(()),
            },
            outgoing = session.next() => match outgoing {
                Outgoing::Frames(frames) => {
                    tokio::select! {
                        written = write_lines(&mut writer, &frames) => written?,
                        () = session.write_overdue() => return Ok(()),
                    }
                }
                // TCP notices by itself when the other side is gone.
                Outgoing::Ping => session.receive(Incoming::Pong),
                Outgoing::Ready => {}
                Outgoing::Close(_) => return Ok(()),
            },
        }
    }
}

/// Finds a user, or makes one.
async fn user_named(chat: &Chat, name: Username) -> Result<chat_core::UserId, chat_core::Error> {
    match chat.user(&UserKey::Username(name.clone())).await {
        Ok(user) => Ok(user.id),
        Err(chat_core::Error::NotFound(_)) => Ok(chat.create_user(name).await?.id),
        Err(error) => Err(error),
    }
}

async fn write_lines(writer: &mut OwnedWriteHalf, frames: &[Bytes]) -> io::Result<()> {
    let mut lines = BytesMut::with_capacity(frames.iter().map(|frame| frame.len() + 1).sum());
    for frame in frames {
        lines.put_slice(frame);
        lines.put_u8(b'\n');
    }
    writer.write_all(&lines).await
}
