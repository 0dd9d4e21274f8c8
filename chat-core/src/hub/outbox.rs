//! A session's bounded queue. The rule: pushing never waits; a reader who is too slow loses conversation events, is told so
//! once by a `lagged` frame in their place, and costs nobody else anything.
//!
//! What waits is taken whole and written whole before more is taken: by a [`delivery`](super::delivery) while the connection
//! takes all at once, else by the session.

use super::delivery::{Deliveries, TryWrite};
use crate::frame::{Frame, Lane, Place, SignalKey};
use crate::hub::{CloseReason, Topic};
use crate::metrics::LAGGED;
use crate::{ConversationId, Identity, Seq, SessionId, UserId, wire};
use bytes::Bytes;
use std::collections::HashMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};

/// Deliveries that one session may be called for at once.
const CALLS_MAX: u8 = 2;

/// The bounds of an outbox.
#[derive(Clone, Copy, Debug)]
pub struct OutboxLimits {
    /// Bytes of conversation events.
    pub bytes_max: usize,
    /// Number of signals, above which only those of presence are taken.
    pub signals_max: usize,
}

/// What is to be written next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// These frames, in this order, behind what a [`TryWrite`] has left; none if there is only that.
    Frames(Vec<Bytes>),
    /// Nothing more: the session ends.
    Close(CloseReason),
}

/// The frames that wait for one session, in three lanes.
pub struct Outbox {
    session: SessionId,
    user: UserId,
    limits: OutboxLimits,
    state: Mutex<State>,
    direct: OnceLock<Direct>,
    identity: Mutex<Identity>,
}

/// How frames reach the connection without the session.
struct Direct {
    connection: Arc<dyn TryWrite>,
    deliveries: Arc<Deliveries>,
}

#[derive(Default)]
struct State {
    lanes: Lanes,
    closing: Option<CloseReason>,
    writer: Writer,
    /// The deliveries on their way, and what the last of them was called for.
    called: (u8, Option<Topic>),
    /// The connection has not taken all that a delivery wrote.
    is_cut: bool,
    reader: Option<Waker>,
}

/// Who writes what was taken last.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Nobody,
    Delivery,
    /// Until it asks for more.
    Session,
}

#[derive(Default)]
struct Lanes {
    answers: Vec<Bytes>,
    events: Vec<(Option<Place>, Bytes)>,
    event_bytes: usize,
    /// Events wait while a snapshot is taken that may already hold them.
    is_held: bool,
    /// Where the last snapshot stood; what it holds does not come again.
    seen: HashMap<ConversationId, Seq>,
    signals: HashMap<SignalKey, Bytes>,
    lagged: bool,
}

impl Outbox {
    /// An empty outbox for a session.
    #[must_use]
    pub fn new(session: SessionId, identity: &Identity, limits: OutboxLimits) -> Self {
        let (user, identity) = (identity.user, Mutex::new(*identity));
        Self { session, user, limits, state: Mutex::default(), direct: OnceLock::new(), identity }
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The session's user.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Whom the session is for, and until when.
    #[must_use]
    pub fn identity(&self) -> Identity {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the session live as long as another login of its user.
    pub(crate) fn log_in(&self, identity: Identity) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// Whether the session ends once it has written what waits.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.state().closing.is_some()
    }

    /// Bytes of conversation events that wait to be taken.
    #[must_use]
    pub fn bytes_waiting(&self) -> usize {
        let state = self.state();
        state.lanes.events.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Queues a frame. After [`close`](Self::close) it is dropped.
    pub fn push(self: &Arc<Self>, frame: Frame) {
        let topic = frame.topic().unwrap_or(Topic::User(self.user));
        let mut state = self.state();
        if state.closing.is_none() {
            state.lanes.push(frame, self.limits);
            self.call(state, topic);
        }
    }

    /// Queues an answer behind the events that wait, since they may hold the answer to an earlier request.
    pub(crate) fn push_in_turn(self: &Arc<Self>, answer: Bytes) {
        let mut state = self.state();
        if state.closing.is_none() {
            state.lanes.put_events_first();
            state.lanes.answers.push(answer);
            self.call(state, Topic::User(self.user));
        }
    }

    /// Ends the session: what waits is written first, unless the login has ended. The first reason stands.
    pub fn close(&self, reason: CloseReason) {
        let mut state = self.state();
        if state.closing.is_none() {
            if reason == CloseReason::LoginEnded {
                state.lanes = Lanes::default();
            }
            state.closing = Some(reason);
        }
        wake(state);
    }

    /// Lets frames be written without waking the session.
    pub(crate) fn write_directly(&self, connection: Arc<dyn TryWrite>, deliveries: Arc<Deliveries>) {
        let _ = self.direct.set(Direct { connection, deliveries });
    }

    /// Lets conversation events wait, bounded as ever, until what this returns is released or dropped. Those that wait already
    /// were first, and so go before the snapshot: answers to earlier requests may be among them.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        let mut state = self.state();
        state.lanes.put_events_first();
        state.lanes.is_held = true;
        drop(state);
        Hold { outbox: Some(Arc::clone(self)) }
    }

    /// Waits for something to write and takes all of it; what was taken before has been written. For one reader; cancelling it
    /// loses nothing.
    pub async fn next(&self) -> Pending {
        poll_fn(|cx| {
            let mut state = self.state();
            state.take().map_or_else(
                || {
                    state.reader = Some(cx.waker().clone());
                    Poll::Pending
                },
                Poll::Ready,
            )
        })
        .await
    }

    /// Takes what [`next`](Self::next) would, if it would not wait.
    pub(crate) fn try_next(&self) -> Option<Pending> {
        self.state().take()
    }

    /// Waits until the login of the session has ended; for the one reader, while it does not wait for [`next`](Self::next).
    pub(crate) async fn login_ended(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.closing == Some(CloseReason::LoginEnded) {
                return Poll::Ready(());
            }
            state.reader = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Writes what waits; wakes the session for what the connection does not take at once. `frames` is room to work in.
    pub(super) fn deliver(self: &Arc<Self>, frames: &mut Vec<Bytes>) {
        let Some(direct) = self.direct.get() else { return };
        let mut state = self.state();
        state.called.0 = state.called.0.saturating_sub(1);
        if state.writer != Writer::Nobody || !state.lanes.take(frames) {
            return;
        }
        state.writer = Writer::Delivery;
        drop(state);
        let written = catch_unwind(AssertUnwindSafe(|| direct.connection.try_write(frames)));
        frames.clear();
        let mut state = self.state();
        state.writer = Writer::Nobody;
        match written {
            Ok(is_all) => state.is_cut = !is_all,
            // Nobody knows what was written; the client comes back and catches up.
            Err(_) => state.closing = state.closing.or(Some(CloseReason::GoingAway)),
        }
        if state.is_cut || state.closing.is_some() {
            wake(state);
        } else if !state.lanes.is_empty() {
            self.call(state, Topic::User(self.user));
        }
    }

    /// Has what waits written, in the turn of what it is about, unless whoever writes now will find it.
    fn call(self: &Arc<Self>, mut state: MutexGuard<'_, State>, topic: Topic) {
        match self.direct.get().filter(|_| !state.is_cut && state.closing.is_none()) {
            None => wake(state),
            Some(direct) if state.writer == Writer::Nobody && state.may_call(topic) => {
                state.called = (state.called.0 + 1, Some(topic));
                drop(state);
                direct.deliveries.call(self, topic);
            }
            Some(_) => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Outbox").field(&self.session).finish()
    }
}

/// Wakes the session, once nobody holds its outbox.
fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    reader.into_iter().for_each(Waker::wake);
}

/// Holds back the conversation events of a session while a snapshot is taken.
pub(crate) struct Hold {
    outbox: Option<Arc<Outbox>>,
}

impl Hold {
    /// Queues the snapshot, and behind it the events that it does not hold; `seen` is where it stands.
    pub(crate) fn release(mut self, snapshot: Vec<Bytes>, seen: HashMap<ConversationId, Seq>) {
        if let Some(outbox) = self.outbox.take() {
            let mut state = outbox.state();
            state.lanes.release(snapshot, seen);
            outbox.call(state, Topic::User(outbox.user));
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(outbox) = self.outbox.take() {
            let mut state = outbox.state();
            state.lanes.is_held = false;
            outbox.call(state, Topic::User(outbox.user));
        }
    }
}

impl State {
    /// Whether a delivery is called: the first, and a second for another topic, whose turn may come sooner.
    fn may_call(&self, topic: Topic) -> bool {
        match self.called {
            (0, _) => true,
            (count, of) => count < CALLS_MAX && of != Some(topic),
        }
    }

    /// What the session is to write next.
    fn take(&mut self) -> Option<Pending> {
        if self.writer == Writer::Delivery {
            return None;
        }
        let mut frames = vec![];
        let is_more = self.lanes.take(&mut frames);
        if std::mem::take(&mut self.is_cut) || is_more {
            self.writer = Writer::Session;
            return Some(Pending::Frames(frames));
        }
        self.writer = Writer::Nobody;
        self.closing.map(Pending::Close)
    }
}

impl Lanes {
    fn push(&mut self, frame: Frame, limits: OutboxLimits) {
        match frame.lane {
            Lane::Answer => self.answers.push(frame.bytes),
            Lane::Event(place) => self.push_event(place, frame.bytes, limits.bytes_max),
            Lane::Signal(key) => self.push_signal(key, frame.bytes, limits.signals_max),
        }
    }

    fn push_event(&mut self, place: Option<Place>, bytes: Bytes, bytes_max: usize) {
        if self.lagged || place.is_some_and(|place| self.is_seen(place)) {
            return;
        }
        self.event_bytes += bytes.len();
        if self.event_bytes > bytes_max {
            self.events = Vec::new();
            self.lagged = true;
            metrics::counter!(LAGGED).increment(1);
        } else {
            self.events.push((place, bytes));
        }
    }

    /// Whether the last snapshot holds this event. The first event after the snapshot ends the need to ask.
    fn is_seen(&mut self, place: Place) -> bool {
        if self.seen.is_empty() {
            return false;
        }
        let is_seen = self.seen.get(&place.conversation).is_some_and(|seen| place.seq <= *seen);
        if !is_seen {
            self.seen.remove(&place.conversation);
        }
        is_seen
    }

    fn release(&mut self, answers: Vec<Bytes>, seen: HashMap<ConversationId, Seq>) {
        self.is_held = false;
        self.answers.extend(answers);
        self.seen = seen;
        let mut events = std::mem::take(&mut self.events);
        events.retain(|(place, _)| !place.is_some_and(|place| self.is_seen(place)));
        self.events = events;
    }

    fn push_signal(&mut self, key: SignalKey, bytes: Bytes, signals_max: usize) {
        let has_room = self.signals.len() < signals_max || matches!(key, SignalKey::Presence(_));
        if has_room || self.signals.contains_key(&key) {
            self.signals.insert(key, bytes);
        }
    }

    /// Lets the events that wait go before every answer to come.
    fn put_events_first(&mut self) {
        let events = self.take_events();
        self.answers.extend(events);
    }

    fn take_events(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        self.event_bytes = 0;
        let lagged = std::mem::take(&mut self.lagged).then(wire::lagged);
        std::mem::take(&mut self.events).into_iter().map(|(_, bytes)| bytes).chain(lagged)
    }

    /// Whether nothing may be taken now.
    fn is_empty(&self) -> bool {
        let has_events = !self.is_held && (self.lagged || !self.events.is_empty());
        self.answers.is_empty() && self.signals.is_empty() && !has_events
    }

    /// Moves all that may be taken now to where it is written from, most urgent first; whether there was any.
    fn take(&mut self, frames: &mut Vec<Bytes>) -> bool {
        if self.is_empty() {
            return false;
        }
        frames.append(&mut self.answers);
        if !self.is_held {
            frames.extend(self.take_events());
        }
        if !self.signals.is_empty() {
            frames.extend(std::mem::take(&mut self.signals).into_values());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox() -> Arc<Outbox> {
        let identity = Identity::from(crate::UserId::try_from(1).unwrap());
        Arc::new(Outbox::new(SessionId(1), &identity, OutboxLimits { bytes_max: 100, signals_max: 1 }))
    }

    fn event(seq: i64, text: &'static str) -> Frame {
        let place = Place { conversation: 7.try_into().unwrap(), seq: seq.try_into().unwrap() };
        Frame { bytes: text.into(), lane: Lane::Event(Some(place)) }
    }

    async fn next(outbox: &Outbox) -> Vec<Bytes> {
        let Pending::Frames(frames) = outbox.next().await else { panic!("closed") };
        frames
    }

    #[tokio::test]
    async fn what_a_snapshot_holds_does_not_come_behind_it() {
        let outbox = outbox();
        let hold = outbox.hold();
        outbox.push(event(1, "held"));
        hold.release(vec!["snapshot".into()], [(7.try_into().unwrap(), 2.try_into().unwrap())].into());
        for (seq, text) in [(2, "late"), (3, "new")] {
            outbox.push(event(seq, text));
        }
        assert_eq!(next(&outbox).await, ["snapshot", "new"]);
    }

    /// It may be the answer to the request before, though the snapshot holds it as well.
    #[tokio::test]
    async fn what_waits_when_a_snapshot_begins_goes_before_it() {
        let outbox = outbox();
        outbox.push(event(1, "answer"));
        let hold = outbox.hold();
        hold.release(vec!["snapshot".into()], [(7.try_into().unwrap(), 1.try_into().unwrap())].into());
        assert_eq!(next(&outbox).await, ["answer", "snapshot"]);
    }

    #[tokio::test]
    async fn a_snapshot_that_is_given_up_lets_events_go_on() {
        let outbox = outbox();
        let hold = outbox.hold();
        outbox.push(event(1, "event"));
        drop(hold);
        assert_eq!(next(&outbox).await, ["event"]);
    }
}
