//! Many nodes on one storage. The rule: the storage holds the truth and the link carries hints; a node announces only what it
//! has stored or read, in `seq` order, and a hint that is lost delays nothing for longer than a heartbeat.
//!
//! * [`lines`] puts what is announced on this node in order.
//! * [`outgoing`] is what the others are still to be told, [`notes`] how it is written.
//! * [`peers`] are the other nodes, and who is with them.
//! * [`repair`] finds what was missed.

mod lines;
mod notes;
mod outgoing;
mod peers;
mod repair;

use crate::chat::{Echo, Typing};
use crate::hub::{Audience, CloseReason, SessionEnd, SessionHub, Topic};
use crate::link::{Link, Received};
use crate::{
    Action, Appended, Change, Clock, ConversationId, Event, EventKind, Page, Seq, Storage, StorageError, UserId,
    Username, limits, wire,
};
use bytes::Bytes;
use futures::FutureExt;
pub(crate) use lines::Announced;
use lines::{Lines, Reading};
use notes::{Envelope, NodeId, Note, Origin, StoredName, Whose};
use outgoing::Outgoing;
use peers::{HEARTBEAT_INTERVAL, Peers, Turn};
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Conversations that are read at once.
const READERS: usize = 4;
/// Conversations that are caught up at once: most of that time they wait for a batch, and all for the same one. Were they no
/// more than those that are read, a busy storage would let four of them go on with each batch, and answers wait for minutes.
const CATCHING_UP: usize = 64;
/// How often to look for nodes that have fallen silent, and for reads that failed.
const TIDY_INTERVAL: Duration = Duration::from_millis(500);
/// How long events that were read wait for a batch of this node that is being stored, and may hold the same events with answers
/// in them. A batch waits longer only where a host keeps a conversation locked.
const BATCH_PATIENCE: Duration = Duration::from_secs(1);
/// How long the storage may take to answer: longer than one that is well, or knows that it is not, ever does. A read that never
/// ends would keep its conversation waiting for ever; it is given up, and done again.
const STORAGE_PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before a payload is broadcast again.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// How long a node that stops tries to tell the others.
const BYE_PATIENCE: Duration = Duration::from_secs(2);

/// This node among others.
pub(crate) struct Cluster {
    link: Arc<dyn Link>,
    storage: Arc<dyn Storage>,
    hub: Arc<dyn SessionHub>,
    clock: Arc<dyn Clock>,
    typing: Arc<Typing>,
    node: NodeId,
    lines: Arc<Lines>,
    outgoing: Outgoing,
    peers: Peers,
    lookups: mpsc::Sender<Lookup>,
    readers: Semaphore,
    /// Something may have been missed.
    doubt: Notify,
    batches: watch::Sender<Batches>,
    has_left: watch::Sender<bool>,
}

/// How many batches this node has begun to store, how many it has announced, and up to which nobody waits any more.
#[derive(Clone, Copy, Default)]
struct Batches {
    begun: u64,
    done: u64,
    given_up: u64,
}

/// A batch that is being stored.
pub(crate) struct Batch<'a>(&'a Cluster);

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.0.batches.send_modify(|batches| batches.done += 1);
    }
}

/// Something to be looked up before it can be told.
enum Lookup {
    /// A conversation that was created elsewhere, with these users of this node in it.
    Created { conversation: ConversationId, by: Username, users: Vec<UserId> },
    /// A user of this node was brought in elsewhere, and the event was passed over.
    Joined { conversation: ConversationId, seq: Seq, user: UserId },
}

/// The payloads that tell all nodes of a change that none of them has stored.
pub(crate) fn payloads_of(action: &Action, appended: &Appended, payload_bytes_max: usize) -> Vec<Bytes> {
    if !appended.is_new {
        return vec![];
    }
    let parts = notes::pack(Note::of(action, appended), payload_bytes_max);
    parts.into_iter().map(|notes| notes::encode(&Envelope { from: None, notes })).collect()
}

impl Cluster {
    /// Joins the others, with tasks that end with `tasks`.
    pub(crate) fn start(
        link: Arc<dyn Link>,
        (storage, hub, clock): (Arc<dyn Storage>, Arc<dyn SessionHub>, Arc<dyn Clock>),
        typing: Arc<Typing>,
        tasks: &mut JoinSet<()>,
    ) -> Arc<Self> {
        let (lookups, to_look_up) = mpsc::channel(limits::NODE_LOOKUPS_MAX);
        let cluster = Arc::new(Self {
            lines: Arc::new(Lines::new(Arc::clone(&hub))),
            link,
            storage,
            hub,
            clock,
            typing,
            node: NodeId::new(),
            outgoing: Outgoing::default(),
            peers: Peers::default(),
            lookups,
            readers: Semaphore::new(READERS),
            doubt: Notify::new(),
            batches: watch::Sender::default(),
            has_left: watch::Sender::new(false),
        });
        cluster.outgoing.hello();
        for _ in 0..CATCHING_UP {
            tasks.spawn(read_on(Arc::clone(&cluster)));
        }
        tasks.spawn(receive(Arc::clone(&cluster)));
        tasks.spawn(send(Arc::clone(&cluster)));
        tasks.spawn(look_up(Arc::clone(&cluster), to_look_up));
        tasks.spawn(tidy(Arc::clone(&cluster)));
        let repairing = Arc::clone(&cluster);
        tasks.spawn(async move { repair::run(&repairing).await });
        cluster
    }

    /// A batch of changes is being stored.
    pub(crate) fn begin_batch(&self) -> Batch<'_> {
        self.batches.send_modify(|batches| batches.begun += 1);
        Batch(self)
    }

    /// Announces here, and tells the others of, what one change of this node led to. If the answer in it has to wait for its
    /// turn, the session that asked is to wait for what this returns.
    pub(crate) fn announce(&self, action: &Action, appended: &Appended, echo: Option<&Echo>) -> Option<Announced> {
        let waits = self.lines.own(action, appended, echo);
        self.outgoing.tell(Note::of(action, appended));
        waits
    }

    /// It is not known whether a batch was stored: its commit may have been done all the same.
    pub(crate) fn doubt_batch(&self, changes: &[Change]) {
        let mut doubtful = vec![];
        for change in changes {
            match change.action {
                Action::Send { conversation, .. } | Action::Update { conversation, .. } => doubtful.push(conversation),
                Action::MarkRead { .. } => {}
                _ => {
                    self.doubt();
                    return self.outgoing.missed();
                }
            }
        }
        doubtful.iter().for_each(|conversation| self.lines.doubt(*conversation));
        self.outgoing.tell(vec![Note::Doubt(doubtful)]);
    }

    /// Lets a session that was opened hear the conversations of its user.
    pub(crate) async fn subscribe(&self, end: &SessionEnd) -> Result<(), StorageError> {
        let user = end.outbox().user();
        let bases = self.lines.bases();
        let conversations = self.storage.list_memberships(user).await?;
        let mut pins = self.lines.pin(conversations.clone());
        if pins.are_based(bases) {
            self.hub.subscribe(end, &conversations);
            return Ok(());
        }
        loop {
            let positions = self.storage.list_positions(user).await?;
            if pins.set_bases(&positions) {
                let conversations: Vec<_> = positions.iter().map(|position| position.conversation).collect();
                self.hub.subscribe(end, &conversations);
                return Ok(());
            }
        }
    }

    /// Tells the others that a member is typing, or has stopped.
    pub(crate) fn tell_typing(&self, conversation: ConversationId, user: UserId, username: &Username, is_typing: bool) {
        self.outgoing.typing(user, conversation, username, is_typing);
    }

    /// Closes sessions on the other nodes; a share is of those of this node.
    pub(crate) fn tell_close(&self, audience: Audience, reason: CloseReason) {
        let note = Whose::of(audience).map(|whose| Note::Close { whose, code: reason.code() });
        self.outgoing.tell(note.into_iter().collect());
    }

    /// Tells the others' sessions that a contact was deleted.
    pub(crate) fn tell_forgotten(&self, user: UserId, username: &Username, contacts: Vec<UserId>) {
        self.outgoing.tell(vec![Note::Forgotten { user, username: StoredName(username.clone()), contacts }]);
    }

    /// Tells the others who came to this node and who went.
    pub(crate) fn tell_moved(&self, users: &[UserId]) {
        self.outgoing.moved(users);
    }

    /// Which of these users are with another node.
    pub(crate) fn online_elsewhere(&self, users: &[UserId]) -> HashSet<UserId> {
        self.peers.online(users)
    }

    /// Waits until someone came or went elsewhere. For one waiter at a time.
    pub(crate) async fn presence_changed(&self) {
        self.peers.changed().await;
    }

    /// Names the users who came or went elsewhere since the last call, and whether they went because their node fell silent.
    pub(crate) fn take_presence_changes(&self) -> HashMap<UserId, bool> {
        self.peers.take_moved()
    }

    /// Tells the others all there is to tell, and takes leave.
    pub(crate) async fn leave(&self) {
        self.outgoing.bye();
        let mut has_left = self.has_left.subscribe();
        if timeout(BYE_PATIENCE, has_left.wait_for(|has_left| *has_left)).await.is_err() {
            tracing::warn!("the other nodes could not be told that this one stops");
        }
    }

    /// This node has missed something that the others told.
    fn missed(&self) {
        self.doubt();
        self.outgoing.hello();
    }

    /// Has everything compared with the storage.
    fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Takes what the link brings.
    fn hear(&self, payload: &[u8]) {
        let Envelope { from, notes } = match serde_json::from_slice(payload) {
            Ok(envelope) => envelope,
            // Of a newer version, perhaps, that knows more to tell.
            Err(error) => {
                tracing::warn!(%error, "another node cannot be understood");
                return self.doubt();
            }
        };
        if let Some(from) = from {
            if from.node == self.node {
                return;
            }
            match self.peers.hear(from) {
                Turn::Next => {}
                Turn::Old => return,
                Turn::Gap => self.missed(),
            }
        }
        notes.into_iter().for_each(|note| self.heed(from.map(|from| from.node), note));
    }

    fn heed(&self, node: Option<NodeId>, note: Note) {
        match (note, node) {
            (Note::Rung(rung), _) => rung.into_iter().for_each(|(place, seq)| self.lines.rung(place, seq)),
            (Note::Doubt(places), _) => places.into_iter().for_each(|place| self.lines.doubt(place)),
            (Note::Joined { conversation, seq, user }, _) => self.joined(conversation, seq, user),
            (Note::Created { conversation, by, members }, _) => self.created(conversation, by.0, &members),
            (Note::Left(left), _) => self.lines.left(&left.into()),
            (Note::Deleted { conversation, by }, _) => {
                let kind = EventKind::ConversationDeleted;
                self.lines.deleted(&Event { conversation, seq: None, by: by.0, kind });
            }
            (Note::Read { conversation, by, user, message, is_private }, _) => {
                if self.hub.hearers(conversation) > 0 {
                    let kind = EventKind::Read { user, message, is_private };
                    let event = Event { conversation, seq: None, by: by.0, kind };
                    crate::chat::announce::event(&*self.hub, &event, None, &Appended::now(vec![]));
                }
            }
            (Note::Typing { conversation, user, username, is_typing }, _) => {
                if self.hub.hearers(conversation) > 0 {
                    self.typing.hear(&*self.hub, conversation, (user, &username.0), is_typing);
                }
            }
            (Note::Close { whose, code }, _) => {
                if let Some(reason) = CloseReason::of_code(code) {
                    self.hub.close(whose.into(), reason);
                }
            }
            (Note::Forgotten { user, username, contacts }, _) => {
                let frame = wire::presence(user, &username.0, false);
                for contact in contacts {
                    self.hub.publish(Topic::User(contact), frame.clone().into());
                }
            }
            (Note::Missed, _) => self.doubt(),
            (Note::Hello, _) => self.outgoing.present(),
            (Note::Came(users), Some(node)) => self.peers.came(node, &users),
            (Note::Went(users), Some(node)) => self.peers.went(node, &users),
            (Note::Present { users, is_last }, Some(node)) => self.peers.present(node, users, is_last),
            (Note::Bye, Some(node)) => self.peers.bye(node),
            (Note::Came(_) | Note::Went(_) | Note::Present { .. } | Note::Bye, None) => {}
        }
    }

    fn joined(&self, conversation: ConversationId, seq: Seq, user: UserId) {
        let is_here = !self.hub.online(&[user]).is_empty();
        if is_here && self.lines.joined(conversation, seq, user) {
            self.ask(Lookup::Joined { conversation, seq, user });
        }
    }

    fn created(&self, conversation: ConversationId, by: Username, members: &[UserId]) {
        let users: Vec<_> = self.hub.online(members).into_iter().collect();
        if !users.is_empty() {
            self.ask(Lookup::Created { conversation, by, users });
        }
    }

    fn ask(&self, lookup: Lookup) {
        if self.lookups.try_send(lookup).is_err() {
            self.doubt();
        }
    }

    async fn answer(&self, lookup: Lookup) -> Result<(), StorageError> {
        match lookup {
            Lookup::Joined { conversation, seq, user } => {
                repair::settle(self, user, conversation, Some(seq), &repair::lagged()).await
            }
            Lookup::Created { conversation, by, users } => {
                // Each of them may have left meanwhile.
                for viewer in &users {
                    let Some(found) = self.storage.find_conversation(*viewer, conversation).await? else { continue };
                    let listed = limits::MEMBERS_LISTED_MAX;
                    let members = self.storage.list_members(*viewer, conversation, None, listed).await?;
                    let Some(members) = members else { continue };
                    // Whoever hears of it late hears all of it, unless that is too much.
                    let is_short = found.last_seq.get() <= i64::from(limits::RESUME_PAGE);
                    let base = if is_short { Seq::ZERO } else { found.last_seq };
                    let kind = EventKind::Created(found, members.items);
                    let frame = wire::announcement(&Event { conversation, seq: None, by, kind }, None);
                    for user in users {
                        repair::settle(self, user, conversation, Some(base), &frame).await?;
                    }
                    break;
                }
                Ok(())
            }
        }
    }

    /// Reads and announces what is missing of a conversation, unless that is being done.
    async fn catch_up(&self, conversation: ConversationId) {
        while let Some(reading) = self.lines.begin_reading(conversation) {
            let Some(page) = self.read(&reading).await else {
                tracing::warn!(%conversation, "what is new is read later");
                return self.lines.fail_reading(reading);
            };
            self.batch_under_way().await;
            self.lines.end_reading(reading, &page);
        }
    }

    /// Reads what comes next, when it is its turn; `None` if the storage does not answer in time.
    async fn read(&self, reading: &Reading) -> Option<Page<Event>> {
        let _turn = self.readers.acquire().await.ok()?;
        let read = self.storage.events_after(reading.conversation, reading.after, limits::RESUME_PAGE);
        // A storage that panics must not end the reading of all others.
        timeout(STORAGE_PATIENCE, AssertUnwindSafe(read).catch_unwind()).await.ok()?.ok()?.ok()
    }

    /// Waits until the batch that is being stored now is announced: it may hold what was just read.
    async fn batch_under_way(&self) {
        let mut batches = self.batches.subscribe();
        let begun = batches.borrow().begun;
        let announced = batches.wait_for(|batches| batches.done.max(batches.given_up) >= begun).map(drop);
        if timeout(BATCH_PATIENCE, announced).await.is_err() {
            self.batches.send_modify(|batches| batches.given_up = batches.given_up.max(begun));
        }
    }
}

async fn read_on(cluster: Arc<Cluster>) {
    loop {
        let conversation = cluster.lines.next().await;
        cluster.catch_up(conversation).await;
    }
}

async fn receive(cluster: Arc<Cluster>) {
    loop {
        match cluster.link.receive().await {
            Received::Payload(payload) => cluster.hear(&payload),
            Received::Gap => cluster.missed(),
        }
    }
}

/// Tells the others what there is to tell, and that this node is there.
async fn send(cluster: Arc<Cluster>) {
    let mut number = 0;
    loop {
        let notes = cluster.outgoing.take(&*cluster.hub);
        let is_last = notes.contains(&Note::Bye);
        let mut parts = notes::pack(notes, cluster.link.payload_bytes_max());
        if parts.is_empty() {
            parts.push(vec![]);
        }
        for notes in parts {
            number += 1;
            let from = Some(Origin { node: cluster.node, number });
            let payload = notes::encode(&Envelope { from, notes });
            // The same bytes again and again: the others drop what they have, and nothing is told out of turn.
            while let Err(error) = cluster.link.broadcast(payload.clone()).await {
                tracing::warn!(error = ?error, "the other nodes are told later");
                sleep(RETRY_INTERVAL).await;
            }
        }
        if is_last {
            cluster.has_left.send_replace(true);
            return;
        }
        let _ = timeout_at(Instant::now() + HEARTBEAT_INTERVAL, cluster.outgoing.called()).await;
    }
}

async fn look_up(cluster: Arc<Cluster>, mut lookups: mpsc::Receiver<Lookup>) {
    while let Some(lookup) = lookups.recv().await {
        let answered = timeout(STORAGE_PATIENCE, AssertUnwindSafe(cluster.answer(lookup)).catch_unwind()).await;
        if !matches!(answered, Ok(Ok(Ok(())))) {
            cluster.doubt();
        }
    }
}

async fn tidy(cluster: Arc<Cluster>) {
    let mut rounds = 0_u32;
    loop {
        sleep(TIDY_INTERVAL).await;
        rounds = rounds.wrapping_add(1);
        cluster.lines.tidy();
        if cluster.peers.lapse() {
            // Its last words may be missing: something it stored, and told nobody of.
            cluster.doubt();
        }
        // Asked again as rarely as a node is heard from.
        if rounds.is_multiple_of(4) && !cluster.peers.are_known() {
            cluster.outgoing.hello();
        }
    }
}
