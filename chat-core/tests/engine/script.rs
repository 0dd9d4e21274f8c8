//! Whatever strangers may send to an engine, as a script of bytes. The rule: nothing panics, every request with a `ref` is
//! answered exactly once, every frame is JSON, and who does not read costs bounded memory.
//!
//! Each line of a script is a step. `a` and `b` begin a text frame of ann (1) or bob (2), who wait until they may send the
//! next; after `A` and `B` they do not listen at all. `#` is a binary frame, `?` a pong, `.` a wait that is given up at once,
//! all of ann's; `-` is bob coming back. Anything else is a text frame of ann's. There is a group (4) of these two and of cyd
//! (3), who never reads.

use chat_core::{Chat, Incoming, Limits, MemoryStorage, NewGroup, Outgoing, Session, User};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of events that may wait for one session: so few that a script comes to it.
const OUTBOX_BYTES_MAX: usize = 4 * 1_024;
/// Bytes of the signals that may wait besides, and of the word that events were dropped: more than two users cause.
const SIGNAL_BYTES_MAX: usize = 4 * 1_024;
/// Longer than anything takes, in a time that only moves while everything waits.
const SETTLED: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(600);

/// Plays a script to its end.
pub(crate) fn play(script: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut stage = Stage::set().await;
        for line in script.split(|byte| *byte == b'\n') {
            stage.perform(line).await;
        }
        stage.end().await;
    });
}

struct Stage {
    chat: Chat,
    bob: User,
    at_ann: Player,
    at_bob: Player,
    at_cyd: Session,
}

impl Stage {
    async fn set() -> Self {
        let mut limits = Limits::default();
        limits.outbox_bytes_max = OUTBOX_BYTES_MAX;
        let chat = Chat::builder(Arc::new(MemoryStorage::new())).limits(limits).build();
        let ann = chat.create_user("ann".parse().unwrap()).await.unwrap();
        let bob = chat.create_user("bob".parse().unwrap()).await.unwrap();
        let cyd = chat.create_user("cyd".parse().unwrap()).await.unwrap();
        let members = vec![bob.username.clone(), cyd.username.clone()];
        chat.create_group(ann.id, NewGroup { members, ..NewGroup::default() }).await.unwrap();
        let at_ann = Player::new(chat.open_session(ann.id).await.unwrap());
        let at_bob = Player::new(chat.open_session(bob.id).await.unwrap());
        let at_cyd = chat.open_session(cyd.id).await.unwrap();
        Self { chat, bob, at_ann, at_bob, at_cyd }
    }

    async fn perform(&mut self, line: &[u8]) {
        match line {
            [b'a', text @ ..] => self.at_ann.ask_and_listen(text).await,
            [b'b', text @ ..] => self.at_bob.ask_and_listen(text).await,
            [b'A', text @ ..] => self.at_ann.ask(text).await,
            [b'B', text @ ..] => self.at_bob.ask(text).await,
            [b'#', ..] => self.at_ann.send(Incoming::Binary).await,
            [b'?', ..] => self.at_ann.session.receive(Incoming::Pong),
            [b'.', ..] => self.at_ann.give_up(),
            [b'-', ..] => self.at_bob = Player::new(self.chat.open_session(self.bob.id).await.unwrap()),
            text => self.at_ann.ask(text).await,
        }
    }

    async fn end(mut self) {
        // In turn, for what one asks the other hears.
        for _ in 0..2 {
            self.at_ann.settle().await;
            self.at_bob.settle().await;
        }
        self.at_ann.check();
        self.at_bob.check();
        if let Ok(Outgoing::Frames(frames)) = timeout(SETTLED, self.at_cyd.next()).await {
            let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
            assert!(bytes <= OUTBOX_BYTES_MAX + SIGNAL_BYTES_MAX, "{bytes} bytes waited");
        }
    }
}

/// One session, and what it asked.
struct Player {
    session: Session,
    /// The `ref` of each request that is not answered.
    unanswered: Vec<Value>,
    /// It has been told that events were dropped, answers perhaps among them.
    has_lagged: bool,
}

impl Player {
    fn new(session: Session) -> Self {
        Self { session, unanswered: vec![], has_lagged: false }
    }

    /// Sends what it will, as soon as it may.
    async fn send(&mut self, incoming: Incoming) {
        while !self.session.is_ready() {
            self.step(PATIENCE).await.expect("a request comes to an end");
        }
        self.session.receive(incoming);
    }

    async fn ask(&mut self, text: &[u8]) {
        self.send(Incoming::Text(text.to_vec().into())).await;
        self.unanswered.extend(reference(text));
    }

    async fn ask_and_listen(&mut self, text: &[u8]) {
        self.ask(text).await;
        self.settle().await;
    }

    /// Does what a transport would, until there is nothing more to do.
    async fn settle(&mut self) {
        while self.step(SETTLED).await.is_some() {}
    }

    async fn step(&mut self, patience: Duration) -> Option<()> {
        let outgoing = timeout(patience, self.session.next()).await.ok()?;
        self.take_in(outgoing);
        Some(())
    }

    /// Begins to wait, and gives up.
    fn give_up(&mut self) {
        let outgoing = futures::FutureExt::now_or_never(self.session.next());
        outgoing.into_iter().for_each(|outgoing| self.take_in(outgoing));
    }

    fn take_in(&mut self, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Frames(frames) => frames.iter().for_each(|frame| self.hear(frame)),
            Outgoing::Ping => self.session.receive(Incoming::Pong),
            Outgoing::Ready => {}
            Outgoing::Close(reason) => panic!("closed: {reason:?}"),
        }
    }

    fn hear(&mut self, frame: &[u8]) {
        let frame: Value = serde_json::from_slice(frame).expect("JSON");
        assert!(frame["type"].is_string() && frame["success"].is_boolean(), "{frame}");
        self.has_lagged |= frame["type"] == "lagged";
        if let Some(reference) = frame.get("ref") {
            let asked = self.unanswered.iter().position(|unanswered| unanswered == reference);
            self.unanswered.swap_remove(asked.unwrap_or_else(|| panic!("nobody asked, or not twice: {frame}")));
        }
    }

    fn check(&self) {
        assert!(self.has_lagged || self.unanswered.is_empty(), "no answer to {:?}", self.unanswered);
    }
}

/// The `ref` that the answer to this text carries.
fn reference(text: &[u8]) -> Option<Value> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(text) else { return None };
    fields.remove("ref").filter(|reference| reference.is_string() || reference.as_i64().is_some())
}
