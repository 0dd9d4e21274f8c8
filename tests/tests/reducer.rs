//! The law of the reducer: what members knew before, with the events since, is what they are told when they ask anew.
//!
//! It is shown for random talk inside the engine, where it is quick, and once over the program.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_core::{Chat, MemoryStorage, Visibility};
use chat_tests::client::Source;
use chat_tests::reducer::Conversation;
use chat_tests::{Client, Kind, Server};
use futures::future::join_all;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Few, so that they meet.
const PEOPLE: [&str; 4] = ["ann", "bob", "cyd", "dan"];

/// Everything that takes a place in a conversation, and what else changes what a member sees of it.
const EVENTS: [&str; 10] = [
    "create_conversation",
    "send_message",
    "edit_message",
    "delete_message",
    "rename_conversation",
    "add_member",
    "remove_member",
    "leave_conversation",
    "delete_conversation",
    "read",
];

/// What someone does; who, where and to what is picked among what they know.
#[derive(Clone, Debug)]
enum Deed {
    Send,
    Reply,
    Edit,
    Delete,
    Read,
    Create,
    Direct,
    Rename,
    Publish(bool),
    Add(Option<&'static str>),
    Join,
    Remove,
    Leave,
    DeleteGroup,
    DeleteUser,
    GoAway,
    ComeBack,
}

#[derive(Clone, Debug)]
struct Step {
    who: Index,
    whom: Index,
    conversation: Index,
    message: Index,
    deed: Deed,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        20 => Just(Deed::Send),
        3 => Just(Deed::Reply),
        8 => Just(Deed::Edit),
        6 => Just(Deed::Delete),
        8 => Just(Deed::Read),
        5 => Just(Deed::Create),
        2 => Just(Deed::Direct),
        3 => Just(Deed::Rename),
        3 => any::<bool>().prop_map(Deed::Publish),
        10 => prop_oneof![Just(None), Just(Some("member")), Just(Some("admin")), Just(Some("owner"))].prop_map(Deed::Add),
        5 => Just(Deed::Join),
        4 => Just(Deed::Remove),
        3 => Just(Deed::Leave),
        1 => Just(Deed::DeleteGroup),
        1 => Just(Deed::DeleteUser),
        5 => Just(Deed::GoAway),
        5 => Just(Deed::ComeBack),
    ]
}

fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>(), deed());
    let step =
        step.prop_map(|(who, whom, conversation, message, deed)| Step { who, whom, conversation, message, deed });
    prop::collection::vec(step, count)
}

/// One person with two clients: one that always listens, and one that comes and goes.
struct Watched {
    name: &'static str,
    steady: Client,
    restless: Client,
    is_away: bool,
}

struct World {
    server: Option<Server>,
    people: Vec<Watched>,
    groups: BTreeSet<i64>,
}

impl World {
    async fn inside() -> Self {
        let chat = Chat::builder(Arc::new(MemoryStorage::new())).build();
        let mut people = vec![];
        for name in PEOPLE {
            let user = chat.create_user(name.parse().unwrap()).await.unwrap();
            let (steady, restless) = (Client::inside(&chat, &user).await, Client::inside(&chat, &user).await);
            people.push(Watched { name, steady, restless, is_away: false });
        }
        Self { server: None, people, groups: BTreeSet::new() }
    }

    async fn program() -> Self {
        let server = Server::start(Kind::Program).await;
        let mut people = vec![];
        for name in PEOPLE {
            let person = server.person(name).await;
            let (steady, restless) = (Client::online(&person).await, Client::online(&person).await);
            people.push(Watched { name, steady, restless, is_away: false });
        }
        Self { server: Some(server), people, groups: BTreeSet::new() }
    }

    async fn perform(&mut self, step: &Step) {
        let who = step.who.index(self.people.len());
        let whom = PEOPLE[step.whom.index(PEOPLE.len())];
        let groups: Vec<_> = self.groups.iter().copied().collect();
        let actor = &mut self.people[who];
        let known: Vec<_> = actor.steady.known.conversations.keys().copied().collect();
        let conversation = pick(&step.conversation, &known);
        let message = conversation.and_then(|id| message(&actor.steady.known.conversations[&id], actor.name, step));
        let Some(request) =
            step.deed.request(conversation, message, pick(&step.conversation, &groups), actor.name, whom)
        else {
            return self.perform_otherwise(&step.deed, who, whom, conversation).await;
        };
        let answer = actor.steady.asks(request).await;
        if answer["type"] == "create_conversation" && answer["success"] == true {
            self.groups.insert(answer["data"]["id"].as_i64().unwrap());
        }
    }

    /// What is no request of a socket.
    async fn perform_otherwise(&mut self, deed: &Deed, who: usize, whom: &str, conversation: Option<i64>) {
        let whom = self.people.iter().find(|person| person.name == whom).map(|person| person.id());
        if matches!(deed, Deed::DeleteUser) && self.people.len() > 2 {
            return self.people.swap_remove(who).leave_for_good().await;
        }
        let actor = &mut self.people[who];
        match (deed, conversation, whom) {
            (Deed::Direct, _, Some(whom)) => actor.open_direct(whom).await,
            (Deed::Publish(is_public), Some(conversation), _) => actor.publish(conversation, *is_public).await,
            (Deed::GoAway, ..) => {
                actor.restless.disconnect();
                actor.is_away = true;
            }
            (Deed::ComeBack, ..) => actor.come_back().await,
            _ => {}
        }
    }

    /// Lets everyone hear what was done, so that whoever is new somewhere reads what is there before more happens.
    async fn settle(&mut self) {
        for person in &mut self.people {
            assert!(person.steady.settle().await);
        }
    }

    /// Checks the law for everyone who is left.
    async fn check(mut self) -> BTreeSet<String> {
        let mut heard = BTreeSet::new();
        for person in &mut self.people {
            person.come_back().await;
            for client in [&mut person.steady, &mut person.restless] {
                assert!(client.settle().await);
                assert_eq!(client.known, client.fresh().await);
                assert_eq!(
                    (client.log.gaps, client.log.repeats + client.log.answered_before, client.log.resets),
                    (0, 0, 0)
                );
                heard.extend(client.log.heard.keys().cloned());
            }
            assert_eq!(person.steady.log.resumes, 0);
        }
        drop(self.server);
        heard
    }
}

impl Deed {
    fn request(
        &self,
        conversation: Option<i64>,
        message: Option<i64>,
        group: Option<i64>,
        me: &str,
        whom: &str,
    ) -> Option<Value> {
        let in_one = |kind: &str| Some(json!({ "type": kind, "conversation_id": conversation? }));
        let with = |mut request: Value, name: &str, value: Value| {
            request[name] = value;
            request
        };
        Some(match self {
            Self::Send => with(in_one("send_message")?, "content", json!("words")),
            Self::Reply => with(with(in_one("send_message")?, "content", json!("words")), "reply_id", json!(message?)),
            Self::Edit => json!({ "type": "edit_message", "message_id": message?, "content": "other words" }),
            Self::Delete => json!({ "type": "delete_message", "message_id": message? }),
            Self::Read => with(in_one("read")?, "message_id", json!(message?)),
            Self::Create => {
                json!({ "type": "create_conversation", "members": if me == whom { vec![] } else { vec![whom] } })
            }
            Self::Rename => with(in_one("rename_conversation")?, "name", json!(whom)),
            Self::Add(role) => with(with(in_one("add_member")?, "username", json!(whom)), "role", json!(role)),
            Self::Join => json!({ "type": "add_member", "conversation_id": group?, "username": me }),
            Self::Remove => with(in_one("remove_member")?, "username", json!(whom)),
            Self::Leave => in_one("leave_conversation")?,
            Self::DeleteGroup => in_one("delete_conversation")?,
            _ => return None,
        })
    }
}

impl Watched {
    fn id(&self) -> i64 {
        match &self.steady.source {
            Source::Http(person) => person.id,
            Source::Engine(_, user) => user.get(),
        }
    }

    async fn open_direct(&mut self, whom: i64) {
        match &self.steady.source {
            Source::Http(person) => drop(person.put(&format!("/conversations/direct/{whom}"), json!({})).await),
            Source::Engine(chat, user) => drop(chat.direct(*user, whom.try_into().unwrap()).await),
        }
    }

    async fn publish(&mut self, conversation: i64, is_public: bool) {
        let visibility = if is_public { Visibility::Public } else { Visibility::Private };
        match &self.steady.source {
            Source::Http(person) => {
                drop(person.patch(&format!("/groups/{conversation}"), json!({ "visibility": visibility })).await);
            }
            Source::Engine(chat, user) => {
                drop(chat.update_group(*user, conversation.try_into().unwrap(), None, Some(visibility)).await);
            }
        }
    }

    async fn leave_for_good(self) {
        match &self.steady.source {
            Source::Http(person) => drop(person.delete("/users/me").await.expect(200)),
            Source::Engine(chat, user) => chat.delete_user(*user, *user).await.unwrap(),
        }
    }

    async fn come_back(&mut self) {
        if !std::mem::take(&mut self.is_away) {
            return;
        }
        match self.restless.source.clone() {
            Source::Http(person) => assert!(self.restless.connect(Box::new(person.socket().await)).await),
            Source::Engine(..) => self.restless.open_session().await,
        }
    }
}

fn pick(index: &Index, from: &[i64]) -> Option<i64> {
    (!from.is_empty()).then(|| from[index.index(from.len())])
}

/// A message of a conversation: to edit, one that may be edited.
fn message(conversation: &Conversation, me: &str, step: &Step) -> Option<i64> {
    let is_mine = |message: &Value| message["sender_username"] == *me && message["deleted"] == false;
    let may_be = |message: &Value| !matches!(step.deed, Deed::Edit) || is_mine(message);
    let messages = conversation.messages.iter().filter(|(_, message)| may_be(message));
    pick(&step.message, &messages.map(|(id, _)| *id).collect::<Vec<_>>())
}

async fn obey(mut world: World, steps: &[Step]) -> BTreeSet<String> {
    for step in steps {
        world.perform(step).await;
        world.settle().await;
    }
    world.check().await
}

fn sample(count: usize) -> Vec<Step> {
    steps(count).new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_known_with_the_events_since_is_what_is_told_anew(steps in steps(120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { obey(World::inside().await, &steps).await });
    }
}

#[tokio::test]
async fn the_law_holds_over_the_program_for_every_kind_of_event() {
    let heard = obey(World::program().await, &sample(600)).await;

    let missing: Vec<_> = EVENTS.iter().filter(|kind| !heard.contains(**kind)).collect();
    assert!(missing.is_empty(), "never heard: {missing:?}");
}

#[tokio::test]
async fn members_who_ask_anew_are_told_the_same_of_each_conversation() {
    let mut world = World::inside().await;
    for step in sample(300) {
        world.perform(&step).await;
        world.settle().await;
    }

    let told = join_all(world.people.iter().map(|person| person.steady.fresh())).await;

    for one in &told {
        for (id, conversation) in &one.conversations {
            for other in told.iter().filter_map(|other| other.conversations.get(id)) {
                let read_up_to = conversation.read_up_to;
                assert_eq!(*conversation, Conversation { read_up_to, ..other.clone() });
            }
        }
    }
}
