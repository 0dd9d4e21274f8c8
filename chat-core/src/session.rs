//! One live client, without its wire. The rule: a session does no input or output; a transport feeds it what it received,
//! writes what it is given, and reads the next request only when the last one is done. Sends may follow each other sooner:
//! they go into the append queue in their order, and come back in it.

mod requests;

#[cfg(feature = "openapi")]
pub(crate) use requests::documented;

use crate::chat::OpenSession;
use crate::frame::Frame;
use crate::hub::TryWrite;
use crate::hub::{CloseReason, OutboxLimits, Pending, SessionEnd};
use crate::limits::{SENDS_UNDER_WAY_MAX, STUBBORN_REST};
use crate::{Chat, Error, Identity};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use requests::{Answering, Asked};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::Span;

/// What a transport received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text frame.
    Text(Bytes),
    /// A binary frame, which no request is made of.
    Binary,
    /// The answer to a ping. A transport that has no pings reports one whenever it is asked to send one.
    Pong,
}

/// What a transport is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Write these text frames, best in one system call.
    Frames(Vec<Bytes>),
    /// Write a ping.
    Ping,
    /// A request is done, or the session has rested: see whether the next may be read.
    Ready,
    /// Close the connection.
    Close(CloseReason),
}

impl From<Pending> for Outgoing {
    fn from(pending: Pending) -> Self {
        match pending {
            Pending::Frames(frames) => Self::Frames(frames),
            Pending::Close(reason) => Self::Close(reason),
        }
    }
}

/// One live client of one user, from [`Chat::open_session`]. Dropping it is how it ends.
///
/// A transport is a loop around it:
///
/// ```
/// # use chat_core::{Incoming, Outgoing, Session};
/// # trait Wire { async fn read(&mut self) -> Option<Incoming>; async fn write(&mut self, frames: Vec<bytes::Bytes>); }
/// async fn run(mut session: Session, mut wire: impl Wire, mut writer: impl Wire) {
///     loop {
///         tokio::select! {
///             received = wire.read(), if session.is_ready() => match received {
///                 Some(incoming) => session.receive(incoming),
///                 None => break,
///             },
///             outgoing = session.next() => match outgoing {
///                 Outgoing::Frames(frames) => writer.write(frames).await,
///                 Outgoing::Ping => session.receive(Incoming::Pong),
///                 Outgoing::Ready => {}
///                 Outgoing::Close(_) => break,
///             },
///         }
///     }
/// }
/// ```
pub struct Session {
    chat: Chat,
    end: SessionEnd,
    _open: OpenSession,
    /// Sends that are under way, in their order.
    sends: FuturesOrdered<Answering>,
    /// Any other request. It begins when the sends before it are done, and is done before anything after it begins.
    request: Option<Answering>,
    timer: Pin<Box<Sleep>>,
    next_ping: Instant,
    pings_unanswered: u8,
    /// Until when no request is read; `None` once it is over.
    rests_until: Option<Instant>,
    span: Span,
}

impl Session {
    /// Pings that may stay without an answer.
    const PINGS_UNANSWERED_MAX: u8 = 2;

    pub(crate) async fn open(chat: Chat, open: OpenSession, identity: Identity) -> Result<Self, Error> {
        let limits = chat.limits();
        let bounds = OutboxLimits { bytes_max: limits.outbox_bytes_max, signals_max: limits.outbox_signals_max };
        let next_ping = Instant::now() + limits.ping_interval;
        // The hub first: what changes or is revoked from here on reaches this session all the same.
        let end = chat.hub().open(&identity, bounds);
        chat.check_alive(&identity).await?;
        chat.subscribe(&end).await?;
        let timer = Box::pin(sleep_until(next_ping));
        let (sends, request) = (FuturesOrdered::new(), None);
        // Below nothing: it outlives the request that opened it.
        let span = tracing::debug_span!(parent: None, "session", session = end.outbox().session().0, user = identity.user.get());
        let (pings_unanswered, rests_until) = (0, None);
        let mut session =
            Self { chat, end, _open: open, sends, request, timer, next_ping, pings_unanswered, rests_until, span };
        session.set_timer();
        Ok(session)
    }

    /// Whose session this is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.end.outbox().identity()
    }

    /// Whether the next request may be read.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.rests_until.is_none() && self.request.is_none() && self.sends.len() < SENDS_UNDER_WAY_MAX
    }

    /// Whether nothing that was received is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.request.is_none() && self.sends.is_empty()
    }

    /// Waits until a transport is to give up a write that the client does not take: it has not moved for as long as two pings
    /// may stay without an answer, or the login has ended meanwhile.
    pub async fn write_overdue(&mut self) {
        let patience = self.chat.limits().ping_interval * u32::from(Self::PINGS_UNANSWERED_MAX);
        let _ = tokio::time::timeout(patience, self.end.outbox().login_ended()).await;
    }

    /// Lets events be written without waking the task that drives this session: where there are many sessions, that is half
    /// of what an event costs. To be called once, before [`next`](Self::next).
    pub fn write_directly(&self, connection: Arc<dyn TryWrite>) {
        self.end.outbox().write_directly(connection, Arc::clone(self.chat.deliveries()));
    }

    /// Takes what the client sent, when [`is_ready`](Self::is_ready). A request begins with the following
    /// [`next`](Self::next); a request received while one is under way replaces it.
    pub fn receive(&mut self, incoming: Incoming) {
        self.pings_unanswered = 0;
        let asked = match incoming {
            Incoming::Text(text) => requests::read(self.context(), &text),
            Incoming::Binary => requests::refuse_binary(&self.context()),
            Incoming::Pong => return,
        };
        match asked {
            Asked::Send(send) => self.sends.push_back(send),
            Asked::Other(request) => self.request = Some(request),
        }
        if self.chat.rates().is_stubborn(self.end.outbox().user()) {
            self.rests_until = Some(Instant::now() + STUBBORN_REST);
            self.set_timer();
        }
    }

    /// Waits for the next thing to do. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Outgoing {
        loop {
            tokio::select! {
                pending = self.end.outbox().next() => return pending.into(),
                Some(answer) = self.sends.next() => return self.finish_send(answer),
                answer = finished(&mut self.request), if self.sends.is_empty() => return self.finish(answer),
                () = &mut self.timer => if let Some(due) = self.on_timer() { return due },
            }
        }
    }

    /// What waits is written before the next request begins: the answer may be among it, and a later one must not overtake it.
    fn finish(&mut self, answer: Option<Frame>) -> Outgoing {
        self.request = None;
        // It may have brought a new login.
        self.set_timer();
        answer.into_iter().for_each(|answer| self.end.outbox().push(answer));
        self.flush()
    }

    fn finish_send(&mut self, answer: Option<Frame>) -> Outgoing {
        answer.into_iter().for_each(|answer| self.end.outbox().push_in_turn(answer.bytes));
        self.flush()
    }

    fn flush(&mut self) -> Outgoing {
        self.end.outbox().try_next().map_or(Outgoing::Ready, Outgoing::from)
    }

    fn context(&self) -> requests::Context {
        let outbox = self.end.outbox();
        requests::Context {
            chat: self.chat.clone(),
            user: outbox.user(),
            outbox: outbox.clone(),
            session: self.span.clone(),
        }
    }

    fn on_timer(&mut self) -> Option<Outgoing> {
        if self.life_left().is_some_and(|left| left.is_zero()) {
            return Some(Outgoing::Close(CloseReason::LoginEnded));
        }
        let now = Instant::now();
        let rested = self.rests_until.take_if(|rest| *rest <= now).map(|_| Outgoing::Ready);
        let due = (self.next_ping <= now).then(|| self.ping(now));
        self.set_timer();
        due.or(rested)
    }

    /// Wakes the session for its next ping, when it has rested, or when its login ends.
    fn set_timer(&mut self) {
        let end = self.life_left().map(|left| Instant::now() + left);
        let first = [end, self.rests_until].into_iter().flatten().fold(self.next_ping, Instant::min);
        self.timer.as_mut().reset(first);
    }

    fn life_left(&self) -> Option<Duration> {
        Some(self.identity().expires_at?.since(self.chat.clock().now()))
    }

    fn ping(&mut self, now: Instant) -> Outgoing {
        if self.pings_unanswered >= Self::PINGS_UNANSWERED_MAX {
            return Outgoing::Close(CloseReason::Unresponsive);
        }
        self.pings_unanswered += 1;
        self.next_ping = now + self.chat.limits().ping_interval;
        Outgoing::Ping
    }
}

async fn finished(request: &mut Option<Answering>) -> Option<Frame> {
    match request {
        Some(request) => request.await,
        None => std::future::pending().await,
    }
}
