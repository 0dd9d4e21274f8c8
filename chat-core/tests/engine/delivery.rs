//! Writing to connections without waking their sessions.

use crate::client::{chat, group, users};
use bytes::Bytes;
use chat_core::{
    Audience, Chat, CloseReason, ConversationId, Draft, Limits, MemoryStorage, Outgoing, Session, TryWrite, User,
};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A connection that takes a number of frames.
#[derive(Default)]
struct Connection {
    room: Mutex<usize>,
    taken: Mutex<Vec<Bytes>>,
    left: Mutex<Vec<Bytes>>,
    written: Notify,
}

impl Connection {
    fn with_room(room: usize) -> Arc<Self> {
        Arc::new(Self { room: Mutex::new(room), ..Self::default() })
    }

    /// Writes what was left, and more, however long it takes.
    fn write(&self, frames: &[Bytes]) {
        let left = std::mem::take(&mut *self.left.lock().unwrap());
        self.taken.lock().unwrap().extend(left.into_iter().chain(frames.iter().cloned()));
    }

    /// What was said to the client so far.
    fn heard(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let frames = taken.iter().map(|frame| serde_json::from_slice::<Value>(frame).unwrap());
        frames.map(|frame| frame["data"]["content"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn until_heard(&self, count: usize) -> Vec<String> {
        while self.taken.lock().unwrap().len() < count {
            self.written.notified().await;
        }
        self.heard()
    }
}

impl TryWrite for Connection {
    fn try_write(&self, frames: &[Bytes]) -> bool {
        let mut room = self.room.lock().unwrap();
        assert!(self.left.lock().unwrap().is_empty(), "what was left comes first");
        let (now, later) = frames.split_at(frames.len().min(*room));
        *room -= now.len();
        self.taken.lock().unwrap().extend(now.iter().cloned());
        *self.left.lock().unwrap() = later.to_vec();
        self.written.notify_one();
        later.is_empty()
    }
}

async fn listening(room: usize) -> (Chat, User, ConversationId, Session, Arc<Connection>) {
    let chat = chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let session = chat.open_session(ann.id).await.unwrap();
    let connection = Connection::with_room(room);
    session.write_directly(connection.clone());
    (chat, ann, conversation, session, connection)
}

async fn say(chat: &Chat, ann: &User, conversation: ConversationId, contents: &[&str]) {
    for content in contents {
        chat.send(ann.id, conversation, Draft::new(*content).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn events_are_written_while_the_session_sleeps() {
    let (chat, ann, conversation, _session, connection) = listening(10).await;

    say(&chat, &ann, conversation, &["one", "two"]).await;

    assert_eq!(connection.until_heard(2).await, ["one", "two"]);
}

#[tokio::test]
async fn what_a_connection_does_not_take_is_left_to_the_session() {
    let (chat, ann, conversation, mut session, connection) = listening(1).await;

    say(&chat, &ann, conversation, &["one", "two", "three"]).await;
    while connection.heard() != ["one", "two", "three"] {
        let Outgoing::Frames(frames) = session.next().await else { panic!("nothing to write") };
        connection.write(&frames);
    }
}

#[tokio::test]
async fn nothing_is_written_directly_while_the_session_writes() {
    let (chat, ann, conversation, mut session, connection) = listening(0).await;

    say(&chat, &ann, conversation, &["one"]).await;
    let Outgoing::Frames(frames) = session.next().await else { panic!("nothing to write") };
    *connection.room.lock().unwrap() = 10;
    say(&chat, &ann, conversation, &["two"]).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(connection.heard().is_empty());
    connection.write(&frames);

    let Outgoing::Frames(frames) = session.next().await else { panic!("nothing to write") };
    connection.write(&frames);
    assert_eq!(connection.heard(), ["one", "two"]);
}

#[tokio::test]
async fn a_closed_session_writes_what_waits_and_then_ends() {
    let (chat, ann, conversation, mut session, connection) = listening(0).await;

    say(&chat, &ann, conversation, &["one"]).await;
    chat.close_sessions(Audience::User(ann.id), CloseReason::GoingAway);
    loop {
        match session.next().await {
            Outgoing::Frames(frames) => connection.write(&frames),
            other => break assert_eq!(other, Outgoing::Close(CloseReason::GoingAway)),
        }
    }
    assert_eq!(connection.heard(), ["one"]);
}

/// A connection that notes when it is written to.
struct Noting {
    session: usize,
    order: Arc<Mutex<Vec<usize>>>,
}

impl TryWrite for Noting {
    fn try_write(&self, _: &[Bytes]) -> bool {
        self.order.lock().unwrap().push(self.session);
        true
    }
}

#[tokio::test]
async fn what_few_hear_does_not_wait_for_the_many_who_hear_something_else() {
    let tasks = std::thread::available_parallelism().unwrap().get();
    let crowd = 400 * tasks;
    let mut limits = Limits::default();
    limits.sessions_per_user_max = crowd;
    let chat = Chat::builder(Arc::new(MemoryStorage::new())).limits(limits).build();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let crowded = group(&chat, &[ann.clone(), bob.clone()]).await;
    let quiet = group(&chat, std::slice::from_ref(&bob)).await;
    let order = Arc::new(Mutex::new(vec![]));
    let mut sessions = vec![];
    // Bob, who hears both, comes last.
    for number in 0..=crowd {
        let user = if number < crowd { &ann } else { &bob };
        let session = chat.open_session(user.id).await.unwrap();
        session.write_directly(Arc::new(Noting { session: number, order: Arc::clone(&order) }));
        sessions.push(session);
    }

    let messages = [(&ann, crowded), (&bob, quiet)];
    futures::future::join_all(messages.map(|(user, group)| say(&chat, user, group, &["hi"]))).await;
    while order.lock().unwrap().len() <= crowd {
        tokio::task::yield_now().await;
    }

    // Each task has its share of the sessions, four hundred of the crowd.
    let order = order.lock().unwrap();
    let mut of_one_task = order.iter().filter(|session| **session % tasks == crowd % tasks);
    let before = of_one_task.position(|session| *session == crowd).unwrap();
    assert!(before <= 64, "{before}");
}

#[tokio::test]
async fn a_connection_that_panics_ends_its_own_session_and_no_other() {
    struct Broken;
    impl TryWrite for Broken {
        fn try_write(&self, _: &[Bytes]) -> bool {
            panic!("on purpose");
        }
    }
    let (chat, ann, conversation, mut session, connection) = listening(10).await;
    let mut broken = chat.open_session(ann.id).await.unwrap();
    broken.write_directly(Arc::new(Broken));

    say(&chat, &ann, conversation, &["one", "two"]).await;

    assert_eq!(connection.until_heard(2).await, ["one", "two"]);
    assert_eq!(broken.next().await, Outgoing::Close(CloseReason::GoingAway));
    drop(connection);
    assert!(futures::FutureExt::now_or_never(session.next()).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_frame_is_written_once_and_in_order_whoever_writes_it() {
    let (chat, ann, conversation, mut session, connection) = listening(0).await;
    let others: Vec<_> = (0..4)
        .map(|other| {
            let (chat, ann) = (chat.clone(), ann.clone());
            tokio::spawn(async move {
                for n in 0..500 {
                    say(&chat, &ann, conversation, &[&format!("{other} {n}")]).await;
                }
            })
        })
        .collect();
    let writing = tokio::spawn({
        let connection = Arc::clone(&connection);
        async move {
            while connection.heard().len() < 2_000 {
                *connection.room.lock().unwrap() += 7;
                let Outgoing::Frames(frames) = session.next().await else { panic!("nothing to write") };
                tokio::task::yield_now().await;
                connection.write(&frames);
            }
        }
    });
    for other in others {
        other.await.unwrap();
    }
    // Wakes the session until it has seen that all is written.
    while !writing.is_finished() {
        *connection.room.lock().unwrap() = 0;
        say(&chat, &ann, conversation, &["last"]).await;
    }
    writing.await.unwrap();

    let heard = connection.heard();
    for other in 0..4 {
        let own = heard.iter().filter_map(|content| content.strip_prefix(&format!("{other} ")));
        assert_eq!(own.map(|n| n.parse::<usize>().unwrap()).collect::<Vec<_>>(), (0..500).collect::<Vec<_>>());
    }
}
