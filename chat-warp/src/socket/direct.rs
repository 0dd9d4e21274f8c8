//! The direct socket: one conversation of two, in words of its own.
//!
//! The rule: it is an ordinary session, translated. The client knows no `seq`, so the client's rule (`docs/API.md`, chapter 6)
//! is kept for it here: events come in order and once, and what was missed is asked for.

use bytes::Bytes;
use chat_core::wire::Fields;
use chat_core::{Chat, ConversationId, Error, Identity, Incoming, Outgoing, Session, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

/// One end of a conversation of two.
pub(super) struct Direct {
    conversation: ConversationId,
    epoch: String,
    last: i64,
    state: State,
}

/// How far the client is behind what has happened.
enum State {
    Following,
    /// Something was missed, and nobody has asked for it yet.
    Behind,
    Asking,
    /// What was missed cannot be had: the client is to come back.
    Lost,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    success: bool,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Resumed {
    epoch: String,
    conversations: Vec<Position>,
}

#[derive(Deserialize)]
struct Position {
    id: ConversationId,
    last_seq: Option<i64>,
    reset: bool,
}

impl Direct {
    /// Begins to follow the conversation with someone, as of now.
    ///
    /// # Errors
    /// `NotFound` for an unknown user, `Malformed` for oneself, `Unavailable` if the session ends meanwhile.
    pub(super) async fn begin(
        chat: &Chat,
        identity: &Identity,
        session: &mut Session,
        other: UserId,
    ) -> Result<Self, Error> {
        if identity.user == other {
            return Err(Error::Malformed("a direct socket leads to someone else".into()));
        }
        let conversation = chat.direct(identity, other).await?.0.id;
        let mut direct = Self { conversation, epoch: String::new(), last: 0, state: State::Behind };
        direct.ask(session);
        while matches!(direct.state, State::Asking) {
            match session.next().await {
                Outgoing::Frames(frames) => drop(direct.translate(&frames)),
                Outgoing::Ping | Outgoing::Ready => {}
                Outgoing::Close(_) => return Err(Error::Unavailable),
            }
        }
        if direct.is_lost() { Err(Error::Unavailable) } else { Ok(direct) }
    }

    /// Whether the client is to come back.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }

    /// Asks for what was missed, if anything was.
    pub(super) fn catch_up(&mut self, session: &mut Session) {
        if matches!(self.state, State::Behind) && session.is_ready() {
            self.ask(session);
        }
    }

    fn ask(&mut self, session: &mut Session) {
        let seen = json!({ self.conversation.to_string(): self.last });
        let request = json!({ "type": "resume", "epoch": self.epoch, "conversations": seen });
        session.receive(Incoming::Text(request.to_string().into()));
        self.state = State::Asking;
    }

    /// What the client says, as a session takes it; or how to answer that it says nothing.
    pub(super) fn request(&self, text: &[u8]) -> Result<Bytes, Bytes> {
        let content: Result<String, Error> = Fields::parse(text).and_then(|mut fields| fields.required("message"));
        match content {
            Ok(content) => {
                let send = json!({ "type": "send_message", "conversation_id": self.conversation, "content": content });
                Ok(send.to_string().into())
            }
            Err(error) => Err(refusal(&error.to_string())),
        }
    }

    /// What the client is to hear of a session's frames.
    pub(super) fn translate(&mut self, frames: &[Bytes]) -> Vec<Bytes> {
        // What the engine encodes is what this decodes.
        let frames = frames.iter().filter_map(|frame| serde_json::from_slice(frame).ok());
        frames.filter_map(|frame| self.hear(frame)).collect()
    }

    fn hear(&mut self, frame: Frame) -> Option<Bytes> {
        match (frame.kind.as_str(), frame.success) {
            ("resume", true) => self.resume(frame.data),
            ("resume", false) => self.state = State::Lost,
            ("lagged", _) => self.fall_behind(),
            (_, false) => return Some(refusal(&frame.error)),
            (kind, true) if self.is_next(&frame.data) && kind == "send_message" => return message(&frame.data),
            _ => {}
        }
        None
    }

    /// Whether an event of this conversation comes next.
    fn is_next(&mut self, event: &Value) -> bool {
        let Some(seq) = event["seq"].as_i64().filter(|_| event["conversation_id"] == json!(self.conversation)) else {
            return false;
        };
        if seq > self.last + 1 {
            self.fall_behind();
        }
        let is_next = seq == self.last + 1;
        self.last += i64::from(is_next);
        is_next
    }

    fn fall_behind(&mut self) {
        if matches!(self.state, State::Following) {
            self.state = State::Behind;
        }
    }

    fn resume(&mut self, answer: Value) {
        let is_first = self.epoch.is_empty();
        let position = serde_json::from_value(answer).ok().and_then(|resumed: Resumed| {
            self.epoch = resumed.epoch;
            resumed.conversations.into_iter().find(|position| position.id == self.conversation)
        });
        self.state = match position {
            Some(Position { last_seq: Some(last), reset, .. }) if is_first || !reset => {
                self.last = last;
                State::Following
            }
            _ => State::Lost,
        };
    }
}

fn message(message: &Value) -> Option<Bytes> {
    let said = json!({ "type": "chat.message", "message": message["content"], "sender": message["sender_username"] });
    (message["deleted"] != true).then(|| said.to_string().into())
}

fn refusal(sentence: &str) -> Bytes {
    json!({ "type": "error", "message": sentence }).to_string().into()
}
