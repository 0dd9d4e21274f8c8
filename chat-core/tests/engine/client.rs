//! A client of the engine without a wire.

use chat_core::testing::HeldStorage;
use chat_core::{Chat, Incoming, MemoryStorage, NewGroup, Outgoing, Session, User};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn chat() -> Chat {
    Chat::builder(Arc::new(MemoryStorage::new())).build()
}

/// Users with these names.
pub(crate) async fn users<const N: usize>(chat: &Chat, names: [&str; N]) -> [User; N] {
    let mut users = Vec::new();
    for name in names {
        users.push(chat.create_user(name.parse().unwrap()).await.unwrap());
    }
    users.try_into().unwrap()
}

/// A group of users, of whom the first is the owner.
pub(crate) async fn group(chat: &Chat, users: &[User]) -> chat_core::ConversationId {
    let members = users[1..].iter().map(|user| user.username.clone()).collect();
    let group = NewGroup { members, ..NewGroup::default() };
    chat.create_group(users[0].id, group).await.unwrap();
    chat.storage().list_memberships(users[0].id).await.unwrap().into_iter().max().unwrap()
}

pub(crate) struct Client {
    pub(crate) session: Session,
    frames: VecDeque<Value>,
}

impl Client {
    pub(crate) async fn open(chat: &Chat, user: &User) -> Self {
        Self::of(chat.open_session(user.id).await.unwrap())
    }

    pub(crate) fn of(session: Session) -> Self {
        Self { session, frames: VecDeque::new() }
    }

    /// Begins a request, once the last one is done.
    pub(crate) async fn ask(&mut self, request: &Value) {
        while !self.session.is_ready() {
            self.step().await;
        }
        self.session.receive(Incoming::Text(request.to_string().into()));
    }

    /// The next frame.
    pub(crate) async fn hear(&mut self) -> Value {
        let hearing = async {
            while self.frames.is_empty() {
                self.step().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(600), hearing).await.expect("a frame in time");
        self.frames.pop_front().unwrap()
    }

    /// Does the next thing that a transport would do, and answers pings.
    async fn step(&mut self) {
        match self.session.next().await {
            Outgoing::Frames(frames) => {
                self.frames.extend(frames.iter().map(|frame| serde_json::from_slice::<Value>(frame).unwrap()));
            }
            Outgoing::Ping => self.session.receive(Incoming::Pong),
            Outgoing::Ready => {}
            Outgoing::Close(reason) => panic!("closed: {reason:?}"),
        }
    }

    /// Lets requests begin, until the first of them is being stored.
    pub(crate) async fn waits(&mut self, storage: &HeldStorage) {
        tokio::select! {
            () = self.step() => panic!("answered before it was stored"),
            () = storage.waited_for() => {}
        }
    }

    /// The answer to a request.
    pub(crate) async fn asks(&mut self, request: Value) -> Value {
        self.ask(&request).await;
        self.hear().await
    }

    /// Everything heard until now, by asking for a pong behind it.
    pub(crate) async fn heard(&mut self) -> Vec<Value> {
        self.ask(&json!({ "type": "ping", "ref": "mark" })).await;
        let mut heard = Vec::new();
        let mut is_marked = false;
        // An answer overtakes events, so what waits behind it is taken as well.
        while !is_marked || !self.frames.is_empty() {
            let frame = self.hear().await;
            if frame["ref"] == "mark" { is_marked = true } else { heard.push(frame) }
        }
        heard
    }
}
