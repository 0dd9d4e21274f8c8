//! A client that keeps what it knows up to date by the rule of [`crate::reducer`], over a socket or inside this process.

use crate::reducer::{Conversation, Known, Meaning};
use crate::{PATIENCE, Person, Socket};
use chat_core::limits::PREVIEW_CHARS_MAX;
use chat_core::wire::{MessageView, SummaryView};
use chat_core::{Chat, History, Incoming, Outgoing, Session, UserId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

/// Entries of a list that are read at once, the most that a page holds.
const PAGE: u32 = 100;

/// Where frames come from.
enum Line {
    Socket(Box<Socket>),
    Session(Box<Session>, VecDeque<Value>),
}

/// Where everything else can be read.
#[derive(Clone)]
pub enum Source {
    /// A server.
    Http(Person),
    /// The engine.
    Engine(Chat, UserId),
}

/// What a client has been through.
#[derive(Debug, Default)]
pub struct Log {
    /// How often it heard each type of frame.
    pub heard: BTreeMap<String, usize>,
    /// Each conversation's events, as they were applied since it was fetched last: the first and the last `seq`.
    pub applied: BTreeMap<i64, Vec<(i64, i64)>>,
    /// Events that came again, for which there is no reason.
    pub repeats: usize,
    /// Events that came after an answer had told the same: what a server was about to store when it was killed, Postgres may
    /// store after its client has resumed at another server, which answers a repeated nonce before it has heard of the event.
    pub answered_before: usize,
    /// Events that something before was missing of, for which there is no reason.
    pub gaps: usize,
    /// Times that it was told to have been too slow.
    pub lagged: usize,
    /// Times that it asked to resume.
    pub resumes: usize,
    /// Conversations that it was told to fetch anew.
    pub resets: usize,
}

/// Someone who watches.
pub struct Client {
    /// What it knows.
    pub known: Known,
    /// What it has been through.
    pub log: Log,
    /// Where it reads what no frame tells.
    pub source: Source,
    me: String,
    line: Option<Line>,
    /// The conversations that it asked to resume, until it is answered.
    resuming: Option<BTreeSet<i64>>,
    /// How many requests had a `ref`.
    asked: u64,
    /// The events that answers told.
    answered: BTreeSet<(i64, i64)>,
    /// What is to be fetched.
    wanted: BTreeSet<i64>,
    /// Up to where events may come again, because what was fetched holds them.
    fetched: BTreeMap<i64, i64>,
}

impl Client {
    /// A client without a connection, that knows nothing.
    #[must_use]
    pub fn new(me: &str, source: Source) -> Self {
        Self {
            known: Known::nothing(me),
            log: Log::default(),
            source,
            me: me.to_owned(),
            line: None,
            resuming: None,
            asked: 0,
            answered: BTreeSet::new(),
            wanted: BTreeSet::new(),
            fetched: BTreeMap::new(),
        }
    }

    /// A client of a server, which knows all that there is.
    pub async fn online(person: &Person) -> Self {
        let mut client = Self::new(&person.username, Source::Http(person.clone()));
        client.connect(Box::new(person.socket().await)).await;
        client
    }

    /// A client of the engine, which knows all that there is.
    pub async fn inside(chat: &Chat, user: &chat_core::User) -> Self {
        let mut client = Self::new(user.username.as_str(), Source::Engine(chat.clone(), user.id));
        client.open_session().await;
        client
    }

    /// Begins to listen to a new socket, and catches up.
    pub async fn connect(&mut self, socket: Box<Socket>) -> bool {
        self.line = Some(Line::Socket(socket));
        self.catch_up().await
    }

    /// Opens a new session of the engine, and catches up.
    pub async fn open_session(&mut self) {
        let Source::Engine(chat, user) = &self.source else { panic!("not inside") };
        let session = chat.open_session(*user).await.unwrap();
        self.line = Some(Line::Session(Box::new(session), VecDeque::new()));
        assert!(self.catch_up().await);
    }

    /// Lets the connection go, without a word.
    pub fn disconnect(&mut self) {
        self.line = None;
        self.resuming = None;
    }

    /// Whether there is a connection, as far as it has noticed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.line.is_some()
    }

    /// Goes on at a server that was started again.
    pub fn move_to(&mut self, person: &Person) {
        self.disconnect();
        self.source = Source::Http(person.clone());
    }

    /// Lets the socket go in good order.
    pub async fn close(&mut self) {
        if let Some(Line::Socket(socket)) = self.line.take() {
            socket.close().await;
        }
        self.disconnect();
    }

    /// Sends a request, if the connection lives that long.
    pub async fn ask(&mut self, request: Value) -> bool {
        match &mut self.line {
            Some(Line::Socket(socket)) => socket.ask_if_alive(request).await,
            Some(Line::Session(session, frames)) => {
                while !session.is_ready() {
                    step(session, frames).await;
                }
                session.receive(Incoming::Text(request.to_string().into()));
                true
            }
            None => false,
        }
    }

    /// Sends a request and hears all until its answer.
    pub async fn asks(&mut self, mut request: Value) -> Value {
        self.asked += 1;
        request["ref"] = json!(self.asked);
        assert!(self.ask(request).await);
        loop {
            let frame = self.hear().await.unwrap();
            if frame["ref"] == self.asked {
                return frame;
            }
        }
    }

    /// Hears the next frame and does what it makes necessary; `None` once the connection is lost.
    pub async fn hear(&mut self) -> Option<Value> {
        let ready = self.prepare().await;
        let frame = if ready { self.frame().await } else { None };
        self.heard(frame).await
    }

    /// The same, if there is a frame until then. Only the wait for it ends then: what it makes necessary is done to its end, or
    /// a slow server would be asked for it again and again.
    ///
    /// # Errors
    /// There is none yet.
    pub async fn hear_until(&mut self, end: Instant) -> Result<Option<Value>, Elapsed> {
        let ready = self.prepare().await;
        let frame = if ready { timeout_at(end, self.frame()).await? } else { None };
        Ok(self.heard(frame).await)
    }

    /// Does what became necessary before; whether there is a connection to hear from.
    async fn prepare(&mut self) -> bool {
        self.fetch_wanted().await && self.is_connected()
    }

    /// Waits for the next frame. Cancelling it loses nothing.
    async fn frame(&mut self) -> Option<Value> {
        match self.line.as_mut()? {
            Line::Socket(socket) => socket.hear_if_alive().await,
            Line::Session(session, frames) => {
                while frames.is_empty() {
                    timeout(PATIENCE, step(session, frames)).await.unwrap();
                }
                frames.pop_front()
            }
        }
    }

    async fn heard(&mut self, frame: Option<Value>) -> Option<Value> {
        match &frame {
            Some(frame) => self.take_in(frame).await,
            None => self.disconnect(),
        }
        frame
    }

    /// Hears everything that was on its way until now, and what became necessary by it.
    pub async fn settle(&mut self) -> bool {
        loop {
            let resumes = self.log.resumes;
            // An answer may overtake events, but not those that were written before it was asked for twice.
            for mark in ["first mark", "second mark"] {
                if !self.ask(json!({ "type": "ping", "ref": mark })).await {
                    return false;
                }
            }
            loop {
                match self.hear().await {
                    Some(frame) if frame["ref"] == "second mark" => break,
                    Some(_) => {}
                    None => return false,
                }
            }
            if self.log.resumes == resumes && self.resuming.is_none() && self.wanted.is_empty() {
                return true;
            }
        }
    }

    /// What the server tells when it is asked for everything.
    pub async fn fresh(&self) -> Known {
        let mut known = Known::nothing(&self.me);
        known.epoch = self.known.epoch.clone();
        let summaries = self.source.summaries().await.unwrap();
        for (id, summary) in &summaries {
            let conversation = self.source.conversation(*id, summary).await.unwrap().unwrap();
            assert_eq!(summary["unread"], conversation.unread(&self.me), "{}: {summary}", self.me);
            let newest = conversation.messages.last_key_value().map_or(Value::Null, |(_, message)| preview(message));
            assert_eq!(summary["last_message"], newest, "{}", self.me);
            known.conversations.insert(*id, conversation);
        }
        known
    }

    /// Asks for everything, or for what was missed, and hears it.
    async fn catch_up(&mut self) -> bool {
        let kind = if self.known.epoch.is_null() { "sync" } else { "resume" };
        if kind == "resume" {
            self.resume().await;
        } else {
            self.ask(json!({ "type": "sync" })).await;
        }
        loop {
            match self.hear().await {
                Some(frame) if frame["type"] == kind => return self.fetch_wanted().await,
                Some(_) => {}
                None => return false,
            }
        }
    }

    /// Asks for what was missed, unless that was asked already.
    pub async fn resume(&mut self) {
        if self.resuming.is_none() && self.line.is_some() {
            self.resuming = Some(self.known.conversations.keys().copied().collect());
            self.log.resumes += 1;
            self.ask(self.known.resume()).await;
        }
    }

    async fn take_in(&mut self, frame: &Value) {
        let kind = frame["type"].as_str().unwrap();
        *self.log.heard.entry(kind.to_owned()).or_default() += 1;
        match kind {
            "sync" => self.begin(&frame["data"]),
            "resume" => self.resumed(&frame["data"]),
            "lagged" => {
                self.log.lagged += 1;
                self.resume().await;
            }
            _ => match self.known.apply(frame) {
                Meaning::Next(conversation, seq) => {
                    self.note(conversation, seq);
                    if frame.get("ref").is_some() {
                        self.answered.insert((conversation, seq));
                    }
                }
                Meaning::Old => {
                    let data = &frame["data"];
                    let fetched = self.fetched.get(&data["conversation_id"].as_i64().unwrap());
                    let is_expected = self.resuming.is_some() || frame.get("ref").is_some();
                    let is_fetched = fetched.is_some_and(|fetched| data["seq"].as_i64() <= Some(*fetched));
                    if !is_expected && !is_fetched {
                        let place = (data["conversation_id"].as_i64().unwrap(), data["seq"].as_i64().unwrap());
                        let is_answered = self.answered.contains(&place);
                        self.log.answered_before += usize::from(is_answered);
                        self.log.repeats += usize::from(!is_answered);
                    }
                }
                Meaning::Gap => {
                    let data = &frame["data"];
                    let is_known = self.known.conversations.contains_key(&data["conversation_id"].as_i64().unwrap());
                    let is_expected = self.resuming.is_some() || frame.get("ref").is_some() || !is_known;
                    self.log.gaps += usize::from(!is_expected);
                    self.resume().await;
                }
                Meaning::Fetch(conversation) => {
                    self.wanted.insert(conversation);
                }
                Meaning::Unordered => {}
            },
        }
    }

    fn begin(&mut self, data: &Value) {
        self.known.epoch = data["epoch"].clone();
        let conversations = data["conversations"].as_array().unwrap();
        self.wanted.extend(conversations.iter().map(|conversation| conversation["id"].as_i64().unwrap()));
    }

    fn resumed(&mut self, data: &Value) {
        let named = self.resuming.take().unwrap_or_default();
        self.known.epoch = data["epoch"].clone();
        for told in data["conversations"].as_array().unwrap() {
            let id = told["id"].as_i64().unwrap();
            if told["last_seq"].is_null() {
                self.known.conversations.remove(&id);
            } else if told["reset"] == true {
                self.log.resets += usize::from(named.contains(&id));
                self.wanted.insert(id);
            } else if let Some(conversation) = self.known.conversations.get_mut(&id) {
                // Unless it was fetched while the answer was on its way, and so is ahead of it.
                let is_ahead = self.fetched.get(&id).copied() > told["last_seq"].as_i64();
                assert!(
                    is_ahead || told["last_seq"] == conversation.last_seq,
                    "{} resumes all of {id}: {told}",
                    self.me
                );
                conversation.read_up_to = conversation.read_up_to.max(told["read_up_to"].as_i64());
            }
        }
    }

    /// Fetches what is to be fetched; whether the server was there to answer.
    async fn fetch_wanted(&mut self) -> bool {
        while let Some(id) = self.wanted.first().copied() {
            let Some(summaries) = self.source.summaries().await else { return false };
            let found = match summaries.get(&id) {
                Some(summary) => self.source.conversation(id, summary).await,
                None => Some(None),
            };
            let Some(found) = found else { return false };
            self.wanted.remove(&id);
            match found {
                Some(conversation) => {
                    self.fetched.insert(id, conversation.last_seq);
                    self.log.applied.entry(id).or_default().push((conversation.last_seq, conversation.last_seq));
                    self.known.conversations.insert(id, conversation);
                }
                None => {
                    self.known.conversations.remove(&id);
                }
            }
        }
        true
    }

    fn note(&mut self, conversation: i64, seq: i64) {
        let runs = self.log.applied.entry(conversation).or_default();
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == seq => *last = seq,
            _ => runs.push((seq - 1, seq)),
        }
    }
}

/// A message as a list shows it.
fn preview(message: &Value) -> Value {
    let content = message["content"].as_str().unwrap();
    let mut preview = message.clone();
    preview["content"] = json!(content.chars().take(PREVIEW_CHARS_MAX).collect::<String>());
    preview
}

/// Does the next thing that a transport would do, and answers pings.
async fn step(session: &mut Session, heard: &mut VecDeque<Value>) {
    match session.next().await {
        Outgoing::Frames(frames) => {
            heard.extend(frames.iter().map(|frame| serde_json::from_slice::<Value>(frame).unwrap()));
        }
        Outgoing::Ping => session.receive(Incoming::Pong),
        Outgoing::Ready => {}
        Outgoing::Close(reason) => panic!("closed: {reason:?}"),
    }
}

impl Source {
    /// Each of the user's conversations as it stands in their list; `None` if nobody answers.
    pub async fn summaries(&self) -> Option<BTreeMap<i64, Value>> {
        let listed = match self {
            Self::Http(person) => {
                let page = person.try_get(&format!("/conversations?limit={PAGE}")).await?.expect(200);
                assert_eq!(page["next"], Value::Null, "one page holds them all");
                page["conversations"].as_array().unwrap().clone()
            }
            Self::Engine(chat, user) => {
                let page = chat.conversations(*user, None, None, PAGE).await.unwrap();
                page.items.into_iter().map(|summary| json!(SummaryView::from(summary))).collect()
            }
        };
        Some(listed.into_iter().map(|summary| (summary["id"].as_i64().unwrap(), summary)).collect())
    }

    /// One conversation with all that was said in it, `Some(None)` if it is not the user's; `None` if nobody answers.
    pub async fn conversation(&self, id: i64, summary: &Value) -> Option<Option<Conversation>> {
        let Some(details) = self.details(id).await? else { return Some(None) };
        let mut messages = vec![];
        loop {
            let before = messages.last().map(|message: &Value| message["id"].as_i64().unwrap());
            let Some(page) = self.messages(id, before).await? else { return Some(None) };
            let is_last = page.len() < PAGE as usize;
            messages.extend(page);
            if is_last {
                return Some(Some(Conversation::fetched(&details, summary["read_up_to"].as_i64(), messages)));
            }
        }
    }

    async fn details(&self, id: i64) -> Option<Option<Value>> {
        match self {
            Self::Http(person) => {
                let answer = person.try_get(&format!("/conversations/{id}")).await?;
                Some((answer.status != 404).then(|| answer.expect(200)))
            }
            Self::Engine(chat, user) => {
                let found = chat.conversation(*user, id.try_into().unwrap()).await;
                Some(found.ok().map(|conversation| json!(conversation)))
            }
        }
    }

    async fn messages(&self, id: i64, before: Option<i64>) -> Option<Option<Vec<Value>>> {
        match self {
            Self::Http(person) => {
                let before = before.map_or_else(String::new, |before| format!("&before={before}"));
                let answer = person.try_get(&format!("/conversations/{id}/messages?limit={PAGE}{before}")).await?;
                if answer.status == 404 {
                    return Some(None);
                }
                Some(answer.expect(200)["messages"].as_array().cloned())
            }
            Self::Engine(chat, user) => {
                let history = before.map_or(History::Latest, |before| History::Before(before.try_into().unwrap()));
                let page = chat.messages(*user, id.try_into().unwrap(), history, PAGE).await;
                Some(
                    page.ok()
                        .map(|page| page.items.into_iter().map(|message| json!(MessageView::from(message))).collect()),
                )
            }
        }
    }
}
