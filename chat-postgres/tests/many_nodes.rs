//! Several nodes on one database: their batches never stand in each other's way for good, and never leave a gap.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::testing::new_user;
use chat_core::{
    Action, Change, ContactStorage, Content, ConversationId, ConversationStorage, Draft, Event, EventKind, History,
    MessageId, NewConversation, Role, Seq, Timeline, Timestamp, UserId, UserStorage, Visibility,
};
use chat_postgres::PgStorage;
use chat_tests::postgres::Database;
use fastrand::Rng;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const AT: Timestamp = Timestamp(1_700_000_000);
const NODES: usize = 4;
const WRITERS_OF_A_NODE: usize = 3;
const BATCHES: usize = 30;
const COMMON: usize = 6;

async fn user(storage: &PgStorage, username: &str) -> UserId {
    storage.insert_user(new_user(username)).await.unwrap().id
}

async fn group(storage: &PgStorage, owner: UserId, members: &[UserId]) -> ConversationId {
    let new = NewConversation::Group { name: None, visibility: Visibility::Public, members: members.to_vec() };
    let change = Change { actor: owner, at: AT, action: Action::Create(new) };
    storage.append(&[change]).await.unwrap().remove(0).unwrap().events[0].conversation
}

/// What all writers know of: they pick from it, and add to it what they learn.
struct World {
    users: Vec<UserId>,
    conversations: Mutex<Vec<ConversationId>>,
    messages: Mutex<Vec<MessageId>>,
}

impl World {
    fn user(&self, rng: &mut Rng) -> UserId {
        *rng.choice(&self.users).unwrap()
    }

    /// Mostly one of those that nearly everybody is in.
    fn conversation(&self, rng: &mut Rng) -> ConversationId {
        let known = self.conversations.lock().unwrap();
        let known = if rng.u32(0..4) > 0 { &known[..COMMON] } else { &known };
        *rng.choice(known).unwrap()
    }

    fn some_messages(&self, rng: &mut Rng, count: usize) -> Vec<MessageId> {
        let known = self.messages.lock().unwrap();
        (0..count).filter_map(|_| rng.choice(&*known).copied()).collect()
    }

    fn action(&self, rng: &mut Rng) -> Action {
        let conversation = self.conversation(rng);
        let message = self.some_messages(rng, 1).pop();
        match (rng.u32(0..100), message) {
            (0..50, _) | (65..90, None) => {
                let draft = Draft::new("hello").unwrap();
                // Few enough for many to meet, from other nodes and in other conversations.
                let nonce = rng.u32(0..400).to_string();
                let draft = if rng.bool() { draft.with_nonce(nonce.parse().unwrap()) } else { draft };
                Action::Send { conversation, draft }
            }
            (50..58, _) => Action::Create(NewConversation::Direct(self.user(rng))),
            (58..65, _) => {
                let members = (0..4).map(|_| self.user(rng)).collect();
                Action::Create(NewConversation::Group { name: None, visibility: Visibility::Public, members })
            }
            (65..80, Some(_)) => Action::MarkRead { messages: self.some_messages(rng, 5) },
            (80..85, Some(message)) => {
                Action::Edit { message, content: Content::try_from("edited".to_owned()).unwrap() }
            }
            (85..90, Some(message)) => Action::Delete { message },
            (90..95, _) => Action::AddMember { conversation, user: self.user(rng), role: Some(Role::Member) },
            (95..98, _) => Action::RemoveMember { conversation, user: self.user(rng) },
            (98.., _) if rng.u32(0..16) == 0 => Action::DeleteUser { user: self.user(rng) },
            _ => Action::Update { conversation, name: Some("tea".parse().unwrap()), visibility: None },
        }
    }

    fn batch(&self, rng: &mut Rng) -> Vec<Change> {
        let change = |rng: &mut Rng| {
            let action = self.action(rng);
            let actor = if let Action::DeleteUser { user } = action { user } else { self.user(rng) };
            Change { actor, at: AT, action }
        };
        (0..rng.usize(1..30)).map(|_| change(rng)).collect()
    }

    fn learn(&self, events: Vec<Event>) {
        for event in events {
            match event.kind {
                EventKind::Created(conversation, _) => self.conversations.lock().unwrap().push(conversation.id),
                EventKind::Sent(message) => self.messages.lock().unwrap().push(message.id),
                _ => {}
            }
        }
    }
}

async fn write(storage: PgStorage, world: Arc<World>, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    for _ in 0..BATCHES {
        let batch = world.batch(&mut rng);
        for appended in storage.append(&batch).await.unwrap().into_iter().flatten() {
            world.learn(appended.events);
        }
        let (one, other) = (world.user(&mut rng), world.user(&mut rng));
        match rng.u32(0..4) {
            // Refusals, as of deleted users, are as good as any answer.
            0 => drop(storage.insert_contact(one, other, AT).await),
            1 => drop(storage.remove_contact(one, other).await),
            2 => storage.put_last_online(&[one, other], Timestamp(AT.0 + rng.i64(0..100))).await.unwrap(),
            _ => {}
        }
    }
}

/// Reads the events of a conversation again and again, and fails if one comes later than the next.
async fn follow(storage: PgStorage, conversation: ConversationId) {
    let mut read = Seq::ZERO;
    loop {
        for event in storage.events_after(conversation, read, 50).await.unwrap().items {
            assert_eq!(event.seq, Some(read.next()), "the place after {read} comes next");
            read = read.next();
        }
        tokio::task::yield_now().await;
    }
}

async fn nodes(database: &Database) -> Vec<PgStorage> {
    let mut nodes = vec![];
    for _ in 0..NODES {
        nodes.push(PgStorage::open(database.url()).await.unwrap());
    }
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_several_nodes_never_wait_for_each_other_in_a_circle() {
    let database = Database::create().await;
    let nodes = nodes(&database).await;
    let mut users = vec![];
    for n in 0..24 {
        users.push(user(&nodes[0], &format!("user{n}")).await);
    }
    let mut conversations = vec![];
    for owner in &users[..COMMON] {
        conversations.push(group(&nodes[0], *owner, &users).await);
    }
    let followed = conversations[0];
    let world = Arc::new(World { users, conversations: Mutex::new(conversations), messages: Mutex::default() });

    let readers = nodes.iter().map(|node| tokio::spawn(follow(node.clone(), followed))).collect::<Vec<_>>();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let writers = (0..NODES * WRITERS_OF_A_NODE).map(|n| {
        let storage = nodes[n % NODES].clone();
        tokio::spawn(write(storage, world.clone(), seed.wrapping_add(n as u64)))
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for reader in readers {
        assert!(!reader.is_finished(), "a reader has failed");
        reader.abort();
    }

    let conversations: BTreeSet<_> = world.conversations.lock().unwrap().drain(..).collect();
    let mut count = 0;
    for conversation in conversations {
        let events = nodes[0].events_after(conversation, Seq::ZERO, 100_000).await.unwrap().items;
        let places = events.iter().map(|event| event.seq.unwrap().get());
        assert!(places.eq(1..=events.len() as i64), "a gap in {conversation}");
        count += events.len();
    }
    assert!(count > 1_000, "only {count} events");
    for node in nodes {
        node.close().await;
    }
    assert_eq!(database.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_deleted_on_several_nodes_leave_nothing_behind() {
    let database = Database::create().await;
    let nodes = nodes(&database).await;
    for round in 0..5 {
        let mut users = vec![];
        for n in 0..8 {
            users.push(user(&nodes[0], &format!("user{n}in{round}")).await);
        }
        for (position, one) in users.iter().enumerate() {
            for other in &users[position + 1..] {
                nodes[0].insert_contact(*one, *other, AT).await.unwrap();
            }
        }
        let staying = user(&nodes[0], &format!("staying{round}")).await;
        let group = group(&nodes[0], staying, &users).await;
        // Each is deleted while others bring them into more conversations, and while they write.
        let deeds = users.iter().enumerate().map(|(n, one)| {
            let (here, there, user) = (nodes[n % NODES].clone(), nodes[(n + 1) % NODES].clone(), *one);
            async move {
                let change = |actor, action| Change { actor, at: AT, action };
                let sending = || Action::Send { conversation: group, draft: Draft::new("hello").unwrap() };
                let deleting = [change(user, Action::DeleteUser { user })];
                let bringing = [
                    change(staying, Action::Create(NewConversation::Direct(user))),
                    change(user, sending()),
                    change(user, sending()),
                ];
                let (deleted, brought) = tokio::join!(here.append(&deleting), there.append(&bringing));
                deleted.unwrap().remove(0).unwrap();
                brought.unwrap();
            }
        });
        futures::future::join_all(deeds.map(tokio::spawn)).await.into_iter().for_each(Result::unwrap);

        for user in users {
            assert!(nodes[0].list_memberships(user).await.unwrap().is_empty(), "{user} is still in a conversation");
        }
        let history = nodes[0].list_messages(staying, group, History::Oldest, 1_000).await.unwrap().unwrap().items;
        assert!(history.iter().all(|message| message.deleted && message.content.is_empty()));
    }
    for node in nodes {
        node.close().await;
    }
    assert_eq!(database.deadlocks().await, 0);
}
