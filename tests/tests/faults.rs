//! Fifty clients talk at random while their sockets break, they stall, and the server is killed in the middle of it all; or
//! one of three servers on one Postgres database, between which the clients move. In the end a ledger shows that nothing
//! acknowledged is lost, nothing is there twice, and everyone knows the same.
//!
//! `FAULT_SEED` sets the seed. With `FAULT_SECONDS` round follows round, each on a new server and with the next seed, until
//! so much time is over; `make soak` is that.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::client::Source;
use chat_tests::ledger::{ChangeId, Ledger};
use chat_tests::postgres::Database;
use chat_tests::reducer::Conversation;
use chat_tests::{Client, Kind, PATIENCE, Person, Server};
use fastrand::Rng;
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const CLIENTS: usize = 50;
const GROUPS: usize = 5;
/// So often is the server killed in one round.
const KILLS: usize = 20;
/// Of so many ends of the server, one is in good order.
const STOPS_OF: usize = 8;
/// Requests of one client that wait for their answers at once.
const WAITING_MAX: usize = 4;
/// Changes go to messages among so many of one's newest.
const RECENT: usize = 20;

/// What all clients share.
struct Shared {
    ledger: Mutex<Ledger>,
    /// Where the servers are, and whether the end has come.
    stage: watch::Sender<(Vec<String>, bool)>,
    /// How many answers there were to messages.
    answered: watch::Sender<usize>,
    /// How many messages wait for their answer.
    in_flight: AtomicUsize,
    repeated: AtomicUsize,
    survived: AtomicUsize,
    /// What each client is doing, for whoever waits for it in vain.
    doings: Mutex<BTreeMap<String, &'static str>>,
}

/// A request that waits for its answer.
#[derive(Debug)]
enum Asked {
    Send(String),
    Change(ChangeId),
    Read(i64, i64),
    Other,
}

/// A message that is sent until it is acknowledged.
struct Unacknowledged {
    conversation: i64,
    content: String,
    /// Whether it was sent before.
    is_repeated: bool,
    /// Whether it was heard of before it was acknowledged.
    is_heard: bool,
}

struct Actor {
    person: Person,
    client: Client,
    random: Rng,
    shared: Arc<Shared>,
    /// The group that the client owns.
    owned: Option<i64>,
    /// The group that people leave and join.
    lobby: i64,
    drafts: BTreeMap<String, Unacknowledged>,
    waiting: HashMap<u64, Asked>,
    requests: u64,
}

impl Actor {
    /// Talks until the end has come and all that was sent is acknowledged.
    async fn live(mut self) -> Self {
        let mut over = None;
        while !self.is_done() {
            if self.is_over() {
                let since = over.get_or_insert_with(Instant::now);
                let (name, server) = (&self.person.username, self.person.socket_url(""));
                let (waiting, drafts) = (&self.waiting, self.drafts.keys());
                assert!(
                    since.elapsed() < PATIENCE / 2,
                    "{name} at {server} still waits for {waiting:?}, with {drafts:?} to send, after {:?}",
                    self.client.log.lagged
                );
            }
            if self.client.is_connected() {
                self.does("hears");
                self.hear_for_a_while().await;
                self.does("acts");
                self.act().await;
            } else {
                self.does("comes back");
                self.come_back().await;
            }
        }
        self.does("is done");
        self
    }

    fn does(&self, doing: &'static str) {
        self.shared.doings.lock().unwrap().insert(self.person.username.clone(), doing);
    }

    fn is_over(&self) -> bool {
        self.shared.stage.borrow().1
    }

    fn is_done(&self) -> bool {
        self.is_over() && self.client.is_connected() && self.drafts.is_empty() && self.waiting.is_empty()
    }

    async fn come_back(&mut self) {
        self.forget_waiting();
        self.pause(1..100).await;
        let servers = self.shared.stage.borrow().0.clone();
        self.person = self.person.at(&self.random.choice(servers).unwrap());
        self.client.move_to(&self.person);
        if let Some(socket) = self.person.try_socket().await {
            self.client.connect(Box::new(socket)).await;
        }
    }

    fn forget_waiting(&mut self) {
        for asked in std::mem::take(&mut self.waiting).into_values() {
            if let Asked::Send(_) = asked {
                self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    async fn hear_for_a_while(&mut self) {
        let end = tokio::time::Instant::now() + Duration::from_millis(self.random.u64(5..120));
        while let Ok(Some(frame)) = self.client.hear_until(end).await {
            self.note(&frame);
        }
    }

    fn note(&mut self, frame: &Value) {
        let data = &frame["data"];
        if frame["type"] == "lagged" {
            // Answers may be among what was dropped: what has none is sent again.
            return self.forget_waiting();
        }
        let Some(asked) = frame["ref"].as_u64().and_then(|reference| self.waiting.remove(&reference)) else {
            let draft = data["nonce"].as_str().and_then(|nonce| self.drafts.get_mut(nonce));
            if let Some(draft) = draft {
                draft.is_heard = true;
            }
            return;
        };
        let is_done = frame["success"] == true;
        match asked {
            Asked::Send(nonce) => {
                self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
                if is_done {
                    self.acknowledge(&nonce, data);
                } else {
                    assert_eq!(frame["code"], "unavailable", "{frame}");
                }
            }
            Asked::Change(change) => self.ledger(|ledger| ledger.changed(change, is_done)),
            Asked::Read(conversation, message) if is_done => {
                let name = &self.person.username;
                self.ledger(|ledger| ledger.have_read(name, conversation, message));
            }
            Asked::Read(..) | Asked::Other => {}
        }
    }

    fn acknowledge(&mut self, nonce: &str, message: &Value) {
        self.ledger(|ledger| ledger.acknowledge(nonce, message));
        let draft = self.drafts.remove(nonce).unwrap();
        self.shared.survived.fetch_add(usize::from(draft.is_repeated && draft.is_heard), Ordering::Relaxed);
        self.shared.answered.send_modify(|answered| *answered += 1);
    }

    async fn act(&mut self) {
        if self.waiting.len() >= WAITING_MAX || !self.client.is_connected() {
            return;
        }
        if self.is_over() || self.random.bool() {
            let is_idle =
                |nonce: &String| !self.waiting.values().any(|asked| matches!(asked, Asked::Send(n) if n == nonce));
            if let Some(nonce) = self.drafts.keys().find(|nonce| is_idle(nonce)).cloned() {
                return self.send(nonce).await;
            }
        }
        if self.is_over() {
            return;
        }
        match self.random.u32(0..100) {
            0..50 => {
                for _ in 0..self.random.usize(1..=WAITING_MAX) {
                    self.draft().await;
                }
            }
            50..62 => self.change().await,
            62..80 => self.read().await,
            80..82 => self.rename().await,
            82..86 => self.cross_the_lobby().await,
            86..90 => self.client.resume().await,
            90..94 => self.pause(100..900).await,
            94..97 => self.client.disconnect(),
            _ => self.client.close().await,
        }
    }

    async fn draft(&mut self) {
        let Some(conversation) = self.any_conversation() else { return };
        // What a server was about to store when it was killed, Postgres may store after its clients have resumed elsewhere: a
        // departure from the lobby, too.
        if conversation == self.lobby && self.shared.stage.borrow().0.len() > 1 {
            return;
        }
        let nonce = format!("{}-{}", self.person.username, self.requests);
        let content = format!("{nonce}{}", " word".repeat(self.random.usize(0..200)));
        self.ledger(|ledger| ledger.send(&nonce, conversation, &self.person.username, &content));
        let draft = Unacknowledged { conversation, content, is_repeated: false, is_heard: false };
        self.drafts.insert(nonce.clone(), draft);
        self.send(nonce).await;
    }

    /// Sends a message, for the first time or again.
    async fn send(&mut self, nonce: String) {
        self.does("sends");
        let draft = self.drafts.get_mut(&nonce).unwrap();
        let is_repeated = std::mem::replace(&mut draft.is_repeated, true);
        self.shared.repeated.fetch_add(usize::from(is_repeated), Ordering::Relaxed);
        let Unacknowledged { conversation, content, .. } = draft;
        let mut request = json!({ "content": content, "nonce": nonce });
        self.shared.in_flight.fetch_add(1, Ordering::Relaxed);
        if self.random.u8(0..5) > 0 {
            request["type"] = json!("send_message");
            request["conversation_id"] = json!(conversation);
            return self.ask(request, Asked::Send(nonce)).await;
        }
        let answer = self.person.try_post(&format!("/conversations/{conversation}/messages"), request).await;
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        match answer {
            Some(answer) if answer.status.is_success() => self.acknowledge(&nonce, &answer.body),
            Some(answer) => assert_eq!(answer.status, 503, "{}", answer.text),
            None => {}
        }
    }

    async fn change(&mut self) {
        let Some(conversation) = self.any_conversation() else { return };
        let messages = self.client.known.conversations[&conversation].messages.iter().rev();
        let is_mine = |message: &Value| message["sender_id"] == self.person.id && message["deleted"] == false;
        let mine: Vec<_> = messages.filter(|(_, message)| is_mine(message)).map(|(id, _)| *id).take(RECENT).collect();
        let Some(message) = self.random.choice(mine) else { return };
        let content = (self.random.u8(0..3) > 0).then(|| format!("edit {}", self.requests));
        let change = self.ledger(|ledger| ledger.change(message, content.clone()));
        let request = match content {
            Some(content) => json!({ "type": "edit_message", "message_id": message, "content": content }),
            None => json!({ "type": "delete_message", "message_id": message }),
        };
        self.ask(request, Asked::Change(change)).await;
    }

    async fn read(&mut self) {
        let Some(conversation) = self.any_conversation() else { return };
        let messages = self.client.known.conversations[&conversation].messages.keys().rev().take(RECENT);
        let Some(message) = self.random.choice(messages.copied().collect::<Vec<_>>()) else { return };
        self.ledger(|ledger| ledger.read(&self.person.username, conversation, message));
        let request = json!({ "type": "read", "conversation_id": conversation, "message_id": message });
        self.ask(request, Asked::Read(conversation, message)).await;
    }

    async fn rename(&mut self) {
        let Some(conversation) = self.owned else { return };
        let name = format!("name {}", self.requests);
        let request = json!({ "type": "rename_conversation", "conversation_id": conversation, "name": name });
        self.ask(request, Asked::Other).await;
    }

    /// Leaves the lobby, or joins it again.
    async fn cross_the_lobby(&mut self) {
        if self.drafts.values().any(|draft| draft.conversation == self.lobby) {
            return;
        }
        let is_inside = self.client.known.conversations.contains_key(&self.lobby);
        let kind = if is_inside { "leave_conversation" } else { "add_member" };
        let request = json!({ "type": kind, "conversation_id": self.lobby, "username": self.person.username });
        self.ask(request, Asked::Other).await;
        // Nothing more is asked of a place that one is leaving.
        while self.client.is_connected() && !self.waiting.is_empty() {
            self.hear_for_a_while().await;
        }
    }

    async fn ask(&mut self, mut request: Value, asked: Asked) {
        self.requests += 1;
        request["ref"] = json!(self.requests);
        self.waiting.insert(self.requests, asked);
        if !self.client.ask(request).await {
            self.client.disconnect();
        }
    }

    fn any_conversation(&mut self) -> Option<i64> {
        self.requests += 1;
        self.random.choice(self.client.known.conversations.keys().copied().collect::<Vec<_>>())
    }

    async fn pause(&mut self, milliseconds: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.random.u64(milliseconds))).await;
    }

    fn ledger<T>(&self, write: impl FnOnce(&mut Ledger) -> T) -> T {
        write(&mut self.shared.ledger.lock().unwrap())
    }

    /// Hears all there is, on another socket if this one broke without notice.
    async fn settle(&mut self) {
        loop {
            self.does("settles");
            while !self.client.settle().await {
                self.does("comes back");
                self.come_back().await;
            }
            // What was said at another server may still be on its way.
            self.does("compares");
            if self.is_level().await {
                return self.does("is level");
            }
            self.hear_for_a_while().await;
        }
    }

    /// Whether there is nothing more to be heard.
    async fn is_level(&self) -> bool {
        let told = self.client.source.summaries().await.unwrap();
        let known = &self.client.known.conversations;
        let is_level = |(id, known): (&i64, &Conversation)| {
            told.get(id).is_some_and(|told| {
                told["last_seq"] == known.last_seq && told["read_up_to"].as_i64() == known.read_up_to
            })
        };
        known.len() == told.len() && known.iter().all(is_level)
    }

    /// Checks what this client knows, and what the server tells it, against what all know.
    async fn check(&self, all: &BTreeMap<i64, Conversation>) {
        let name = &self.person.username;
        let told = self.client.source.summaries().await.unwrap();
        let known = &self.client.known.conversations;
        assert_eq!(known.keys().collect::<Vec<_>>(), told.keys().collect::<Vec<_>>(), "{name}");
        for (id, conversation) in known {
            let read_up_to = conversation.read_up_to;
            assert_eq!(*conversation, Conversation { read_up_to, ..all[id].clone() }, "{name} in {id}");
            assert_eq!(told[id]["read_up_to"].as_i64(), read_up_to, "{name} in {id}");
            assert_eq!(told[id]["unread"], conversation.unread(name), "{name} in {id}");
            if *id != self.lobby {
                let applied = &self.client.log.applied[id];
                assert_eq!(*applied, [(0, conversation.last_seq)], "{name} applies each event of {id} once");
                self.ledger(|ledger| ledger.check_mark(name, *id, read_up_to));
            }
        }
        let log = &self.client.log;
        assert_eq!((log.gaps, log.repeats, log.resets), (0, 0, 0), "{name}");
        let is_alone = self.shared.stage.borrow().0.len() == 1;
        assert!(!is_alone || log.answered_before == 0, "{name} hears its answers again");
    }
}

/// Who is in which conversation: everyone in two groups, in two direct ones, and in the lobby.
async fn conversations(people: &[Person]) -> (i64, Vec<i64>) {
    let lobby = people[0].group(&people[1..].iter().collect::<Vec<_>>()).await;
    people[0].patch(&format!("/groups/{lobby}"), json!({ "visibility": "public" })).await.expect(200);
    let mut groups = vec![];
    for group in 0..GROUPS {
        let is_in = |place: &usize| *place != group && (place % GROUPS == group || (place + 1) % GROUPS == group);
        let others: Vec<_> = (0..CLIENTS).filter(is_in).map(|place| &people[place]).collect();
        groups.push(people[group].group(&others).await);
    }
    for (place, person) in people.iter().enumerate() {
        let next = people[(place + 1) % people.len()].id;
        person.put(&format!("/conversations/direct/{next}"), json!({})).await.expect(201);
    }
    (lobby, groups)
}

/// Kills one server or another again and again while messages are on their way.
async fn break_things(ground: &Ground, servers: &mut Vec<Server>, shared: &Shared, random: &mut Rng) -> Broken {
    let mut broken = Broken::default();
    let mut answered = shared.answered.subscribe();
    while broken.kills < KILLS {
        let goal = *answered.borrow() + random.usize(20..200);
        let answers = answered.wait_for(|answered| *answered >= goal);
        ground.wait("more answers", servers, shared, answers).await.unwrap();
        // Away from the answers, which come together after each commit.
        sleep(Duration::from_micros(random.u64(0..20_000))).await;
        let server = servers.swap_remove(random.usize(..servers.len()));
        let server = if random.usize(0..STOPS_OF) == 0 {
            broken.stops += 1;
            server.restart().await
        } else {
            broken.kills += 1;
            broken.interrupted += shared.in_flight.load(Ordering::Relaxed);
            server.crash().await
        };
        servers.push(server);
        shared.stage.send_modify(|stage| stage.0 = addresses(servers));
    }
    broken
}

/// What the servers live on.
struct Ground(Option<Database>);

impl Ground {
    /// Waits for what must come; if it does not, tells who does what instead.
    async fn wait<T>(&self, what: &str, servers: &[Server], shared: &Shared, coming: impl Future<Output = T>) -> T {
        match timeout(PATIENCE, coming).await {
            Ok(come) => come,
            Err(_) => self.give_up(what, servers, shared).await,
        }
    }

    /// Ends the test with what everyone does instead.
    async fn give_up(&self, what: &str, servers: &[Server], shared: &Shared) -> ! {
        let doings = shared.doings.lock().unwrap().clone();
        let words: String = servers.iter().map(Server::last_words).collect();
        let activity = match &self.0 {
            Some(database) => database.activity().await,
            None => String::new(),
        };
        panic!("waited in vain for {what}\n{doings:?}\n{words}\n{activity}");
    }
}

fn addresses(servers: &[Server]) -> Vec<String> {
    servers.iter().map(|server| server.url("")).collect()
}

#[derive(Default)]
struct Broken {
    kills: usize,
    stops: usize,
    /// Messages on their way when the server was killed.
    interrupted: usize,
}

/// What the server has of everything, read as one of those who see it.
async fn all(actors: &[Actor]) -> BTreeMap<i64, Conversation> {
    let mut all = BTreeMap::new();
    for actor in actors {
        let source = Source::Http(actor.person.clone());
        for (id, summary) in source.summaries().await.unwrap() {
            if let std::collections::btree_map::Entry::Vacant(entry) = all.entry(id) {
                let conversation = source.conversation(id, &summary).await.unwrap().unwrap();
                check_events(&actor.person, id, conversation.last_seq).await;
                entry.insert(conversation);
            }
        }
    }
    all
}

/// Checks that the places of a conversation are taken without a gap.
async fn check_events(person: &Person, conversation: i64, last_seq: i64) {
    let mut after = 0;
    while after < last_seq {
        let page =
            person.get(&format!("/conversations/{conversation}/events?limit=100&after={after}")).await.expect(200);
        for event in page["events"].as_array().unwrap() {
            after += 1;
            assert_eq!(event["data"]["seq"], after, "in {conversation}");
        }
        assert_eq!(page["next"].is_null(), after == last_seq, "{conversation} ends at {after} of {last_seq}");
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_out_of_order_whatever_breaks() {
    round_after_round(async || (Ground(None), vec![Server::start(Kind::Program).await])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_out_of_order_whichever_of_three_servers_breaks() {
    let nodes = async || {
        let (database, servers) = Server::nodes().await;
        (Ground(Some(database)), Vec::from(servers))
    };
    round_after_round(nodes).await;
}

/// Each round has servers of its own.
#[expect(clippy::explicit_write, reason = "the macro for it is captured by the test runner")]
async fn round_after_round(start: impl AsyncFn() -> (Ground, Vec<Server>)) {
    let end = Instant::now() + Duration::from_secs(setting("FAULT_SECONDS", 0));
    let mut seed = setting("FAULT_SEED", 1);
    loop {
        // Past what the test prints, which is shown only if it fails.
        writeln!(std::io::stderr(), "faults: seed {seed}").unwrap();
        let (ground, servers) = start().await;
        let summary = round(seed, &ground, servers).await;
        writeln!(std::io::stderr(), "{summary}").unwrap();
        if Instant::now() >= end {
            return;
        }
        seed += 1;
    }
}

/// Talks and breaks, checks everything, and returns a summary.
async fn round(seed: u64, ground: &Ground, mut servers: Vec<Server>) -> String {
    let mut random = Rng::with_seed(seed);
    let begun = Instant::now();

    let names: Vec<_> = (0..CLIENTS).map(|place| format!("client{place}")).collect();
    let people = join_all(names.iter().map(|name| servers[0].person(name))).await;
    let (lobby, groups) = conversations(&people).await;
    let shared = Arc::new(Shared {
        ledger: Mutex::default(),
        stage: watch::Sender::new((addresses(&servers), false)),
        answered: watch::Sender::new(0),
        in_flight: AtomicUsize::new(0),
        repeated: AtomicUsize::new(0),
        survived: AtomicUsize::new(0),
        doings: Mutex::default(),
    });
    let actors = people.into_iter().enumerate().map(|(place, person)| Actor {
        client: Client::new(&person.username, Source::Http(person.clone())),
        person,
        random: Rng::with_seed(random.u64(..)),
        shared: Arc::clone(&shared),
        owned: groups.get(place).copied(),
        lobby,
        drafts: BTreeMap::new(),
        waiting: HashMap::new(),
        requests: 0,
    });
    let mut actors: Vec<_> = actors.collect();
    let connected = join_all(actors.iter_mut().map(connected));
    let connected = ground.wait("all to connect", &servers, &shared, connected).await;
    assert!(connected.into_iter().all(|is_connected| is_connected));
    let lives: Vec<_> = actors.into_iter().map(|actor| tokio::spawn(actor.live())).collect();

    let broken = break_things(ground, &mut servers, &shared, &mut random).await;
    shared.stage.send_modify(|stage| stage.1 = true);
    let mut actors = vec![];
    for life in lives {
        match ground.wait("the end of a life", &servers, &shared, life).await {
            Ok(actor) => actors.push(actor),
            Err(_) => ground.give_up("the end of a life", &servers, &shared).await,
        }
    }
    let settling = join_all(actors.iter_mut().map(Actor::settle));
    ground.wait("all to know the same", &servers, &shared, settling).await;

    let all = all(&actors).await;
    shared.ledger.lock().unwrap().check_messages(&all);
    for actor in &actors {
        actor.check(&all).await;
    }
    assert!(broken.interrupted > 0, "the server was never killed while a message was on its way");
    if let Some(database) = &ground.0 {
        assert_eq!(database.deadlocks().await, 0);
    }
    drop(servers);
    summary(seed, begun, &actors, &all, &shared, &broken)
}

async fn connected(actor: &mut Actor) -> bool {
    let servers = actor.shared.stage.borrow().0.clone();
    actor.person = actor.person.at(&actor.random.choice(servers).unwrap());
    actor.client.move_to(&actor.person);
    let socket = actor.person.socket().await;
    actor.client.connect(Box::new(socket)).await
}

fn summary(
    seed: u64,
    begun: Instant,
    actors: &[Actor],
    all: &BTreeMap<i64, Conversation>,
    shared: &Shared,
    broken: &Broken,
) -> String {
    let sum = |count: fn(&Actor) -> usize| actors.iter().map(count).sum::<usize>();
    let events: i64 = all.values().map(|conversation| conversation.last_seq).sum();
    let applied = sum(|actor| {
        let runs = actor.client.log.applied.values().flatten();
        runs.map(|(first, last)| usize::try_from(last - first).unwrap()).sum()
    });
    let kinds: BTreeSet<_> = actors.iter().flat_map(|actor| actor.client.log.heard.keys()).collect();
    format!(
        "faults: seed {seed}, {CLIENTS} clients, {} s: {} kills with {} sends in flight, {} restarts, {} resumes, {} lagged; \
         {} messages acknowledged ({} sends repeated, {} had survived), {events} events of {} types, {applied} applied; \
         0 lost, 0 doubled, 0 out of order, all states equal",
        begun.elapsed().as_secs(),
        broken.kills,
        broken.interrupted,
        broken.stops,
        sum(|actor| actor.client.log.resumes),
        sum(|actor| actor.client.log.lagged),
        shared.ledger.lock().unwrap().acknowledged(),
        shared.repeated.load(Ordering::Relaxed),
        shared.survived.load(Ordering::Relaxed),
        kinds.len(),
    )
}
