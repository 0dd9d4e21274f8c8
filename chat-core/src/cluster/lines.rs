//! How far each conversation has been announced on this node. The rule: an event is announced when all before it are, and
//! once; whether it was stored here or elsewhere, and in which order the nodes heard of it, makes no difference.
//!
//! A conversation that someone hears, or is about to hear, has a line. Its base is a position that was read from the storage,
//! and that no session which hears the conversation has looked beyond when it read its memberships: so no leave is skipped.

use crate::chat::{Echo, announce};
use crate::frame::Frame;
use crate::hub::{SessionHub, Topic};
use crate::{Action, Appended, ConversationId, Event, EventKind, Page, Position, Seq, UserId, limits};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// The lines of one node.
pub(super) struct Lines {
    hub: Arc<dyn SessionHub>,
    state: Mutex<State>,
    called: Notify,
}

#[derive(Default)]
struct State {
    lines: HashMap<ConversationId, Line>,
    /// Each line that is behind, once, until it has caught up.
    behind: VecDeque<ConversationId>,
    /// Lines that could not be read, and are to be tried again.
    failed: Vec<ConversationId>,
    bases: u64,
}

#[derive(Default)]
struct Line {
    base: Option<Base>,
    announced: Seq,
    /// The newest event known of.
    newest: Seq,
    /// To be read even though nothing is known to be missing.
    is_doubtful: bool,
    /// In `behind` or `failed`, or being read.
    is_called: bool,
    /// Sessions that are opening and count on it.
    pins: usize,
    /// Events of this node that wait for those before them and hold an answer.
    echoes: BTreeMap<Seq, Waiting>,
}

/// An event of this node that holds an answer.
struct Waiting {
    event: Event,
    echo: Echo,
    /// Dropped once it is announced, by which the session that asked goes on.
    _announced: oneshot::Sender<()>,
}

/// Ends when an event that waits for its turn was announced.
pub(crate) type Announced = oneshot::Receiver<()>;

#[derive(Clone, Copy)]
struct Base {
    seq: Seq,
    /// Counts bases.
    number: u64,
}

/// A read to be done for a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) conversation: ConversationId,
    pub(super) after: Seq,
    newest: Seq,
}

/// What became of setting a membership right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    Done,
    /// Events have been announced meanwhile: what was read may be out of date.
    Moved,
}

impl Line {
    fn is_behind(&self) -> bool {
        self.base.is_some() && (self.is_doubtful || self.newest > self.announced)
    }
}

impl State {
    /// Puts a line without a base where there is none.
    fn line(&mut self, conversation: ConversationId) -> &mut Line {
        self.lines.entry(conversation).or_default()
    }

    fn announced(&self, conversation: ConversationId) -> Option<Seq> {
        self.lines.get(&conversation).filter(|line| line.base.is_some()).map(|line| line.announced)
    }

    fn set_base(&mut self, conversation: ConversationId, seq: Seq) {
        self.bases += 1;
        let base = Base { seq, number: self.bases };
        let line = self.line(conversation);
        line.base = Some(base);
        line.announced = seq;
    }

    /// Queues a line that is behind, unless it is queued; whether it was.
    fn call(&mut self, conversation: ConversationId) -> bool {
        let Some(line) = self.lines.get_mut(&conversation) else { return false };
        if line.is_called || !line.is_behind() {
            return false;
        }
        line.is_called = true;
        self.behind.push_back(conversation);
        true
    }
}

impl Lines {
    pub(super) fn new(hub: Arc<dyn SessionHub>) -> Self {
        Self { hub, state: Mutex::default(), called: Notify::new() }
    }

    /// Takes what this node has stored: announces what is next, and lets the rest be read when its turn comes. If an answer is
    /// among that, the session that asked is to wait for it: a snapshot in between would hold the event without the answer.
    pub(super) fn own(&self, action: &Action, appended: &Appended, echo: Option<&Echo>) -> Option<Announced> {
        let mut state = self.state();
        let mut waits = None;
        for (position, event) in appended.events.iter().enumerate() {
            let echo = echo.filter(|_| position == 0);
            match event.seq {
                Some(seq) if !appended.dissolves(event.conversation) => {
                    waits = waits.or(self.own_event(&mut state, event, seq, echo));
                }
                _ => {
                    announce::event(&*self.hub, event, echo, appended);
                    self.unplaced(&mut state, event);
                }
            }
        }
        drop(state);
        announce::after_all(&*self.hub, action);
        waits
    }

    fn own_event(&self, state: &mut State, event: &Event, seq: Seq, echo: Option<&Echo>) -> Option<Announced> {
        let conversation = event.conversation;
        let line = state.lines.get_mut(&conversation);
        let Some(line) = line.filter(|line| line.base.is_some()) else {
            // Nobody hears it, but for those whom it brings in.
            announce::event(&*self.hub, event, echo, &Appended::now(vec![]));
            if self.hub.hearers(conversation) > 0 {
                self.begin(state, conversation, seq);
            } else if let Some(line) = state.lines.get_mut(&conversation) {
                line.newest = line.newest.max(seq);
            }
            return None;
        };
        line.newest = line.newest.max(seq);
        if seq == line.announced.next() {
            announce::event(&*self.hub, event, echo, &Appended::now(vec![]));
            line.announced = seq;
            return None;
        }
        let waits = match echo {
            Some(echo) if seq <= line.announced || line.echoes.len() >= limits::NODE_ECHOES_MAX => {
                announce::answer(&*self.hub, event, echo);
                None
            }
            Some(echo) => {
                let (announced, waits) = oneshot::channel();
                let waiting = Waiting { event: event.clone(), echo: echo.clone(), _announced: announced };
                line.echoes.insert(seq, waiting);
                Some(waits)
            }
            None => None,
        };
        self.call(state, conversation);
        waits
    }

    /// Keeps the lines up with an event that takes no place, after it was announced.
    fn unplaced(&self, state: &mut State, event: &Event) {
        let conversation = event.conversation;
        match event.kind {
            EventKind::Created(..) if state.announced(conversation).is_none() && self.hub.hearers(conversation) > 0 => {
                self.begin(state, conversation, Seq::ZERO);
            }
            EventKind::ConversationDeleted => self.end(state, conversation),
            _ => {}
        }
    }

    /// Begins a line for those who hear it from here on. What came between, nobody has told this node yet.
    fn begin(&self, state: &mut State, conversation: ConversationId, base: Seq) {
        state.set_base(conversation, base);
        state.line(conversation).is_doubtful = true;
        self.call(state, conversation);
    }

    /// Forgets a line, and answers those who wait for its events.
    fn end(&self, state: &mut State, conversation: ConversationId) {
        let Some(line) = state.lines.get_mut(&conversation) else { return };
        for waiting in std::mem::take(&mut line.echoes).into_values() {
            announce::answer(&*self.hub, &waiting.event, &waiting.echo);
        }
        // Sessions that are opening find out that it is gone.
        if line.pins == 0 && !line.is_called {
            state.lines.remove(&conversation);
        }
    }

    /// Another node has stored an event.
    pub(super) fn rung(&self, conversation: ConversationId, seq: Seq) {
        let mut state = self.state();
        // Without a line nobody here hears it, nor will before they have read how far it has come.
        let Some(line) = state.lines.get_mut(&conversation) else { return };
        line.newest = line.newest.max(seq);
        self.call(&mut state, conversation);
    }

    /// Another node has brought in a user who is here. Returns whether the event was passed over before anyone knew that it
    /// is for them, so that they have to be told otherwise.
    pub(super) fn joined(&self, conversation: ConversationId, seq: Seq, user: UserId) -> bool {
        let mut state = self.state();
        let line = state.line(conversation);
        line.newest = line.newest.max(seq);
        match line.base {
            Some(_) if line.announced >= seq => {
                drop(state);
                self.hub.heard_by(user).iter().any(|heard| !heard.contains(&conversation))
            }
            Some(_) => {
                self.call(&mut state, conversation);
                false
            }
            None => {
                let before = Seq::try_from(seq.get() - 1).unwrap_or_default();
                self.begin(&mut state, conversation, before);
                false
            }
        }
    }

    /// A conversation was deleted on another node.
    pub(super) fn deleted(&self, event: &Event) {
        let mut state = self.state();
        announce::event(&*self.hub, event, None, &Appended::now(vec![]));
        self.end(&mut state, event.conversation);
    }

    /// A member left on another node, and the conversation is gone with them.
    pub(super) fn left(&self, event: &Event) {
        let gone = Event { seq: None, kind: EventKind::ConversationDeleted, ..event.clone() };
        let _state = self.state();
        announce::event(&*self.hub, event, None, &Appended::now(vec![gone]));
    }

    /// How many bases there have been.
    pub(super) fn bases(&self) -> u64 {
        self.state().bases
    }

    /// Keeps the lines of these conversations, or begins them, until the pins are dropped.
    pub(super) fn pin(self: &Arc<Self>, conversations: Vec<ConversationId>) -> Pins {
        let mut state = self.state();
        for conversation in &conversations {
            state.line(*conversation).pins += 1;
        }
        drop(state);
        Pins { lines: Arc::clone(self), conversations }
    }

    /// The next line that is to be read.
    pub(super) async fn next(&self) -> ConversationId {
        loop {
            let mut called = pin!(self.called.notified());
            // In line before looking: of two calls in between, each must reach a reader.
            called.as_mut().enable();
            if let Some(conversation) = self.state().behind.pop_front() {
                return conversation;
            }
            called.await;
        }
    }

    /// What is to be read for a line, if it is behind.
    pub(super) fn begin_reading(&self, conversation: ConversationId) -> Option<Reading> {
        let mut state = self.state();
        let line = state.lines.get_mut(&conversation)?;
        if !line.is_behind() {
            line.is_called = false;
            return None;
        }
        line.is_doubtful = false;
        Some(Reading { conversation, after: line.announced, newest: line.newest })
    }

    /// Announces what was read, as far as it has not been meanwhile.
    pub(super) fn end_reading(&self, reading: Reading, page: &Page<Event>) {
        let mut state = self.state();
        let Some(line) = state.lines.get_mut(&reading.conversation) else { return };
        if let Some(first) = page.items.first().and_then(|event| event.seq)
            && first > reading.after.next()
        {
            tracing::error!(conversation = %reading.conversation, "the storage has a gap");
            // Whatever it breaks, it must not keep this node reading for ever.
            line.announced = line.announced.max(Seq::try_from(first.get() - 1).unwrap_or_default());
        }
        for event in &page.items {
            if event.seq == Some(line.announced.next()) {
                let waiting = line.echoes.remove(&line.announced.next());
                let echo = waiting.as_ref().map(|waiting| &waiting.echo);
                announce::event(&*self.hub, event, echo, &Appended::now(vec![]));
                line.announced = line.announced.next();
            }
        }
        line.newest = line.newest.max(line.announced);
        line.is_doubtful |= page.next.is_some();
        if page.items.is_empty() && line.newest == reading.newest {
            // It is gone, and the note that says so is on its way.
            line.newest = line.announced;
            for waiting in std::mem::take(&mut line.echoes).into_values() {
                announce::answer(&*self.hub, &waiting.event, &waiting.echo);
            }
        }
    }

    /// Lets a line that could not be read be read later.
    pub(super) fn fail_reading(&self, reading: Reading) {
        let mut state = self.state();
        if let Some(line) = state.lines.get_mut(&reading.conversation) {
            (line.is_doubtful, line.is_called) = (true, true);
            state.failed.push(reading.conversation);
        }
    }

    /// Reads again what could not be read, and forgets the lines that nobody hears.
    pub(super) fn tidy(&self) {
        let mut state = self.state();
        let failed = std::mem::take(&mut state.failed);
        for conversation in failed {
            state.behind.push_back(conversation);
            self.called.notify_one();
        }
        state.lines.retain(|conversation, line| line.pins > 0 || line.is_called || self.hub.hearers(*conversation) > 0);
    }

    /// How far a conversation has been announced, if someone hears it.
    pub(super) fn announced(&self, conversation: ConversationId) -> Option<Seq> {
        self.state().announced(conversation)
    }

    /// Has a conversation read, if someone hears it: there may be something new.
    pub(super) fn doubt(&self, conversation: ConversationId) {
        let mut state = self.state();
        if let Some(line) = state.lines.get_mut(&conversation) {
            line.is_doubtful = true;
            self.call(&mut state, conversation);
        }
    }

    /// Lets a user hear a conversation of which they were found to be a member after it had been announced up to `announced`;
    /// one that nobody hears begins after `base`. If that is news to them, they get `frame`.
    pub(super) fn let_in(
        &self,
        (user, conversation): (UserId, ConversationId),
        announced: Option<Seq>,
        base: Seq,
        frame: &Frame,
    ) -> Settled {
        let mut state = self.state();
        if state.announced(conversation) != announced {
            return Settled::Moved;
        }
        if announced.is_none() {
            self.begin(&mut state, conversation, base);
        }
        if self.hub.join(user, conversation) {
            self.hub.publish(Topic::User(user), frame.clone().into());
        }
        Settled::Done
    }

    /// Lets a user no longer hear a conversation of which they were found to be no member after it had been announced up to
    /// `announced`. If that is news to them, they get `frame`.
    pub(super) fn let_out(
        &self,
        (user, conversation): (UserId, ConversationId),
        announced: Option<Seq>,
        frame: &Frame,
    ) -> Settled {
        let state = self.state();
        if state.announced(conversation) != announced {
            return Settled::Moved;
        }
        let was_heard = self.hub.heard_by(user).iter().any(|heard| heard.contains(&conversation));
        self.hub.leave(user, conversation);
        if was_heard {
            self.hub.publish(Topic::User(user), frame.clone().into());
        }
        Settled::Done
    }

    fn call(&self, state: &mut State, conversation: ConversationId) {
        if state.call(conversation) {
            self.called.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lines that an opening session counts on.
pub(super) struct Pins {
    lines: Arc<Lines>,
    conversations: Vec<ConversationId>,
}

impl Pins {
    /// Whether all lines had their base when there were this many bases.
    pub(super) fn are_based(&self, bases: u64) -> bool {
        let state = self.lines.state();
        let based = |conversation| state.lines.get(conversation)?.base;
        self.conversations.iter().all(|conversation| based(conversation).is_some_and(|base| base.number <= bases))
    }

    /// Gives lines that have none the base that was read with a user's memberships. Fails if another session has read a later
    /// one meanwhile, between which and this one the user may have left.
    pub(super) fn set_bases(&mut self, positions: &[Position]) -> bool {
        let mut state = self.lines.state();
        let pinned: HashSet<_> = self.conversations.iter().copied().collect();
        let mut are_sound = true;
        for Position { conversation, last_seq, .. } in positions {
            match state.line(*conversation).base {
                Some(base) => are_sound &= base.seq <= *last_seq,
                None => {
                    state.set_base(*conversation, *last_seq);
                    // A line that was not there during the read has not heard of what came after it.
                    state.line(*conversation).is_doubtful = !pinned.contains(conversation);
                }
            }
            state.line(*conversation).pins += 1;
            self.conversations.push(*conversation);
            self.lines.call(&mut state, *conversation);
        }
        are_sound
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let mut state = self.lines.state();
        for conversation in &self.conversations {
            if let Some(line) = state.lines.get_mut(conversation) {
                line.pins -= 1;
                if line.pins == 0 && line.base.is_none() {
                    state.lines.remove(conversation);
                }
            }
        }
    }
}
