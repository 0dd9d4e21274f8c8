//! A commit of which nobody knows whether it was carried out, because the connection broke in the middle of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::{
    Action, Appended, Change, Chat, ConversationId, Draft, Event, EventKind, Message, NewGroup, Outgoing, Seq, Storage,
    StorageError, Timeline, Timestamp, UserId,
};
use chat_postgres::{PgSettings, PgStorage};
use chat_tests::postgres::Database;
use chat_tests::{Cut, PATIENCE, Proxy};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a call may take while nobody gets through.
const ANSWER_LASTS_MAX: Duration = Duration::from_secs(20);

/// A storage behind a proxy, with one group in it.
struct Scene {
    proxy: Proxy,
    storage: PgStorage,
    chat: Chat,
    ann: UserId,
    group: ConversationId,
    database: Database,
}

impl Scene {
    async fn new() -> Self {
        let database = Database::create().await;
        let proxy = Proxy::to(database.url()).await;
        // With one connection, so that none is left when it is cut.
        let settings = PgSettings::parse(&proxy.url()).unwrap().connections(1);
        let storage = PgStorage::connect(settings).await.unwrap();
        let chat = Chat::builder(Arc::new(storage.clone()) as Arc<dyn Storage>).build();
        let ann = chat.create_user("ann".parse().unwrap()).await.unwrap().id;
        let group = chat.create_group(ann, NewGroup::default()).await.unwrap().id();
        Self { proxy, storage, chat, ann, group, database }
    }

    fn say(&self, content: &str, nonce: Option<&str>) -> Change {
        let draft = nonce.into_iter().fold(draft(content), |draft, nonce| draft.with_nonce(nonce.parse().unwrap()));
        let action = Action::Send { conversation: self.group, draft };
        Change { actor: self.ann, at: Timestamp(1), action }
    }

    async fn append(&self, batch: &[Change]) -> Vec<Result<Appended, StorageError>> {
        let results = self.storage.append(batch).await.unwrap();
        assert!(!self.proxy.is_cut_to_come(), "no commit was cut");
        results
    }

    /// What was said, in order.
    async fn contents(&self) -> Vec<String> {
        let page = self.storage.events_after(self.group, Seq::ZERO, 100).await.unwrap();
        page.items.into_iter().map(|event| sent(event).content).collect()
    }
}

fn draft(content: &str) -> Draft {
    Draft::new(content).unwrap()
}

fn sent(event: Event) -> Message {
    match event.kind {
        EventKind::Sent(message) => message,
        other => panic!("{other:?}"),
    }
}

fn message(result: &Result<Appended, StorageError>) -> (Message, bool) {
    let appended = result.as_ref().unwrap();
    (sent(appended.events[0].clone()), appended.is_new)
}

#[tokio::test]
async fn a_message_with_a_nonce_is_stored_once_though_the_answer_to_its_commit_is_lost() {
    let scene = Scene::new().await;
    let batch = [scene.say("one", Some("1")), scene.say("two", None), scene.say("three", Some("3"))];

    scene.proxy.cut_next_commit(Cut::Answer);
    let results = scene.append(&batch).await;

    assert_eq!(scene.contents().await, ["one", "two", "three"]);
    assert!(matches!(results[1], Err(StorageError::Unavailable(_))), "{:?}", results[1]);
    for (result, change) in [(&results[0], &batch[0]), (&results[2], &batch[2])] {
        let (stored, is_new) = message(result);
        // Nobody was told before, so it is news.
        assert!(is_new);
        let again = scene.storage.append(std::slice::from_ref(change)).await.unwrap();
        assert_eq!(message(&again[0]), (stored, false));
    }
    assert_eq!(scene.contents().await, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_message_with_a_nonce_is_stored_though_the_order_to_commit_is_lost() {
    let scene = Scene::new().await;
    let batch = [scene.say("one", Some("1")), scene.say("two", None), scene.say("three", Some("3"))];

    scene.proxy.cut_next_commit(Cut::Order);
    let results = scene.append(&batch).await;

    assert!(message(&results[0]).1 && message(&results[2]).1);
    assert!(matches!(results[1], Err(StorageError::Unavailable(_))), "{:?}", results[1]);
    assert_eq!(scene.contents().await, ["one", "three"]);
}

#[tokio::test]
async fn while_nobody_can_ask_a_commit_in_doubt_is_unavailable_and_a_repeat_finds_it() {
    for (cut, is_known) in [(Cut::Answer, true), (Cut::Order, false)] {
        let scene = Scene::new().await;
        let batch = [scene.say("one", Some("1"))];

        scene.proxy.close();
        scene.proxy.cut_next_commit(cut);
        let begun = Instant::now();
        let result = scene.storage.append(&batch).await;
        assert!(matches!(result, Err(StorageError::Unavailable(_))), "{result:?}");
        assert!(begun.elapsed() < ANSWER_LASTS_MAX, "{:?}", begun.elapsed());
        assert!(!scene.proxy.is_cut_to_come(), "no commit was cut");
        scene.proxy.open();

        let again = scene.storage.append(&batch).await.unwrap();
        assert_eq!(message(&again[0]).1, !is_known, "{cut:?}");
        assert_eq!(scene.contents().await, ["one"]);
    }
}

#[tokio::test]
async fn sessions_hear_a_message_once_whatever_became_of_the_answer_to_its_commit() {
    let scene = Scene::new().await;
    let mut session = scene.chat.open_session(scene.ann).await.unwrap();
    for (n, cut) in [Cut::Answer, Cut::Order].into_iter().enumerate() {
        scene.proxy.cut_next_commit(cut);
        let draft = draft(&n.to_string()).with_nonce(n.to_string().parse().unwrap());
        scene.chat.send(scene.ann, scene.group, draft).await.unwrap();
        assert!(!scene.proxy.is_cut_to_come(), "no commit was cut");
    }
    scene.chat.send(scene.ann, scene.group, draft("last")).await.unwrap();

    let mut heard: Vec<String> = vec![];
    while heard.last().is_none_or(|last| last != "last") {
        if let Outgoing::Frames(frames) = timeout(PATIENCE, session.next()).await.unwrap() {
            let frames = frames.iter().map(|frame| serde_json::from_slice::<Value>(frame).unwrap());
            heard.extend(frames.filter_map(|frame| Some(frame["data"]["content"].as_str()?.to_owned())));
        }
    }
    assert_eq!(heard, ["0", "1", "last"]);
}

#[tokio::test]
async fn a_node_that_vanishes_in_mid_transaction_does_not_keep_its_locks() {
    let scene = Scene::new().await;
    let (batch, later) = ([scene.say("one", Some("1"))], [scene.say("two", Some("2"))]);
    let other = PgStorage::open(scene.database.url()).await.unwrap();

    scene.proxy.cut_next_commit(Cut::Word);
    let of_the_other = async {
        while scene.proxy.is_cut_to_come() {
            tokio::task::yield_now().await;
        }
        other.append(&later).await
    };
    let stored = tokio::select! {
        answered = scene.storage.append(&batch) => panic!("nobody is there to answer: {answered:?}"),
        stored = of_the_other => stored.unwrap(),
    };

    assert!(message(&stored[0]).1);
    assert_eq!(scene.contents().await, ["two"]);
}
