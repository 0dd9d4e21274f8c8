//! What the checks share: small deeds that are expected to succeed. The rule: no promise is checked here.

use crate::{
    Action, Appended, Change, ConversationId, Draft, Event, History, Message, MessageId, NewConversation, NewUser,
    Nonce, Page, Role, Search, Seq, Storage, StorageError, Summary, Timestamp, UserId, Username, Visibility,
};
use futures::StreamExt;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Barrier;

/// The moment at which everything happens whose time does not matter.
pub(super) const NOW: Timestamp = Timestamp(1_700_000_000);

/// More than any check but those of the limits stores.
pub(super) const ALL: u32 = 1_000;

/// Changes in one batch when there are very many.
const BATCH: usize = 500;

/// Fails unless the result is this [`StorageError`].
macro_rules! assert_refused {
    ($result:expr, $($refusal:tt)+) => {{
        let result = $result;
        assert!(
            matches!(result, Err($crate::StorageError::$($refusal)+)),
            "expected {}, got {result:?}",
            stringify!($($refusal)+)
        );
    }};
}
pub(super) use assert_refused;

pub(super) fn username(name: &str) -> Username {
    name.parse().unwrap()
}

pub(super) fn nonce(text: &str) -> Nonce {
    text.parse().unwrap()
}

pub(super) fn search(term: &str) -> Search {
    term.parse().unwrap()
}

pub(super) fn draft(content: &str) -> Draft {
    Draft::new(content).unwrap()
}

/// A user with a name and nothing else.
#[must_use]
pub fn new_user(name: &str) -> NewUser {
    NewUser {
        username: username(name),
        fullname: name.parse().unwrap(),
        email: None,
        profile_picture: None,
        public_key: None,
        password: None,
        is_admin: false,
        created_at: NOW,
    }
}

pub(super) async fn user(storage: &dyn Storage, name: &str) -> UserId {
    storage.insert_user(new_user(name)).await.unwrap().id
}

/// A user who may delete users and groups of others.
pub(super) async fn administrator(storage: &dyn Storage, name: &str) -> UserId {
    storage.insert_user(NewUser { is_admin: true, ..new_user(name) }).await.unwrap().id
}

pub(super) async fn users<const N: usize>(storage: &dyn Storage, names: [&str; N]) -> [UserId; N] {
    let mut ids = vec![];
    for name in names {
        ids.push(user(storage, name).await);
    }
    ids.try_into().unwrap()
}

/// Many users, in any order.
pub(super) async fn crowd(storage: &dyn Storage, count: usize) -> Vec<UserId> {
    let inserts = (0..count).map(|n| async move { user(storage, &format!("crowd{n}")).await });
    futures::stream::iter(inserts).buffer_unordered(32).collect().await
}

/// An id that nobody and nothing has.
pub(super) fn unknown<Id: TryFrom<i64, Error = &'static str>>() -> Id {
    Id::try_from(987_654_321).unwrap()
}

/// What `actor` asks for, now.
pub(super) fn by(actor: UserId, action: Action) -> Change {
    Change { actor, at: NOW, action }
}

/// Asks for one change.
pub(super) async fn attempt(storage: &dyn Storage, actor: UserId, action: Action) -> Result<Appended, StorageError> {
    let mut results = storage.append(&[by(actor, action)]).await?;
    assert_eq!(results.len(), 1, "one change has one result");
    results.remove(0)
}

/// Carries out one change.
pub(super) async fn perform(storage: &dyn Storage, actor: UserId, action: Action) -> Appended {
    attempt(storage, actor, action).await.unwrap()
}

/// Carries out any number of changes.
pub(super) async fn perform_all(storage: &dyn Storage, changes: &[Change]) {
    for batch in changes.chunks(BATCH) {
        let results = storage.append(batch).await.unwrap();
        assert!(results.iter().all(Result::is_ok), "all changes are allowed");
    }
}

pub(super) fn creating(name: &str, visibility: Visibility, members: &[UserId]) -> Action {
    let name = Some(name.parse().unwrap());
    Action::Create(NewConversation::Group { name, visibility, members: members.to_vec() })
}

pub(super) fn sending(conversation: ConversationId, content: &str) -> Action {
    Action::Send { conversation, draft: draft(content) }
}

pub(super) fn sending_as(conversation: ConversationId, content: &str, name: &str) -> Action {
    Action::Send { conversation, draft: draft(content).with_nonce(nonce(name)) }
}

pub(super) fn editing(message: MessageId, content: &str) -> Action {
    Action::Edit { message, content: content.to_owned().try_into().unwrap() }
}

pub(super) fn renaming(conversation: ConversationId, name: &str) -> Action {
    Action::Update { conversation, name: Some(name.parse().unwrap()), visibility: None }
}

pub(super) fn adding(conversation: ConversationId, user: UserId) -> Action {
    Action::AddMember { conversation, user, role: None }
}

pub(super) fn giving(conversation: ConversationId, user: UserId, role: Role) -> Action {
    Action::AddMember { conversation, user, role: Some(role) }
}

pub(super) fn removing(conversation: ConversationId, user: UserId) -> Action {
    Action::RemoveMember { conversation, user }
}

pub(super) fn reading(messages: &[MessageId]) -> Action {
    Action::MarkRead { messages: messages.to_vec() }
}

/// A private group of `owner` and `members`.
pub(super) async fn group(storage: &dyn Storage, owner: UserId, members: &[UserId]) -> ConversationId {
    place(&perform(storage, owner, creating("group", Visibility::Private, members)).await)
}

/// A group that anyone may join.
pub(super) async fn public_group(storage: &dyn Storage, owner: UserId, name: &str) -> ConversationId {
    place(&perform(storage, owner, creating(name, Visibility::Public, &[])).await)
}

pub(super) async fn direct(storage: &dyn Storage, one: UserId, other: UserId) -> ConversationId {
    place(&perform(storage, one, Action::Create(NewConversation::Direct(other))).await)
}

/// Where it happened.
pub(super) fn place(appended: &Appended) -> ConversationId {
    appended.events[0].conversation
}

pub(super) async fn send(
    storage: &dyn Storage,
    sender: UserId,
    conversation: ConversationId,
    content: &str,
) -> Message {
    message(&perform(storage, sender, sending(conversation, content)).await)
}

/// Sends `count` messages, whatever they say.
pub(super) async fn chatter(storage: &dyn Storage, sender: UserId, conversation: ConversationId, count: usize) {
    let changes: Vec<_> = (0..count).map(|n| by(sender, sending(conversation, &format!("message {n}")))).collect();
    perform_all(storage, &changes).await;
}

/// The message in the first event.
pub(super) fn message(appended: &Appended) -> Message {
    said(&appended.events[0]).unwrap_or_else(|| panic!("no message in {appended:?}")).clone()
}

/// The message in an event, if it is about one.
pub(super) fn said(event: &Event) -> Option<&Message> {
    match &event.kind {
        crate::EventKind::Sent(message) | crate::EventKind::Edited(message) | crate::EventKind::Deleted(message) => {
            Some(message)
        }
        _ => None,
    }
}

pub(super) async fn events(storage: &dyn Storage, conversation: ConversationId) -> Vec<Event> {
    storage.events_after(conversation, Seq::ZERO, ALL).await.unwrap().items
}

/// The places of events; zero for those that have none.
pub(super) fn places(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.seq.map_or(0, Seq::get)).collect()
}

/// The messages that `viewer` sees, oldest first.
pub(super) async fn history(storage: &dyn Storage, viewer: UserId, conversation: ConversationId) -> Vec<Message> {
    let page = storage.list_messages(viewer, conversation, History::Latest, ALL).await.unwrap();
    let mut messages = page.expect("the viewer is a member").items;
    messages.reverse();
    messages
}

/// What the messages that `viewer` sees say, oldest first.
pub(super) async fn words(storage: &dyn Storage, viewer: UserId, conversation: ConversationId) -> Vec<String> {
    history(storage, viewer, conversation).await.into_iter().map(|message| message.content).collect()
}

/// A conversation as it stands in a member's list.
pub(super) async fn summary(storage: &dyn Storage, viewer: UserId, conversation: ConversationId) -> Summary {
    let listed = storage.list_conversations(viewer, None, None, ALL).await.unwrap().items;
    listed.into_iter().find(|summary| summary.conversation.id == conversation).expect("the viewer is a member")
}

pub(super) async fn unread(storage: &dyn Storage, viewer: UserId, conversation: ConversationId) -> u32 {
    summary(storage, viewer, conversation).await.unread
}

pub(super) async fn role(storage: &dyn Storage, conversation: ConversationId, user: UserId) -> Option<Role> {
    storage.find_member(conversation, user).await.unwrap().map(|member| member.role)
}

/// The usernames and roles of the members that `viewer` sees.
pub(super) async fn members(
    storage: &dyn Storage,
    viewer: UserId,
    conversation: ConversationId,
) -> Vec<(String, Role)> {
    let page = storage.list_members(viewer, conversation, None, ALL).await.unwrap();
    let members = page.expect("the viewer is a member").items;
    members.into_iter().map(|member| (member.username.to_string(), member.role)).collect()
}

/// Follows the cursors from the first page to the last.
pub(super) async fn pages<T, F>(mut page_at: impl FnMut(Option<i64>) -> F) -> Vec<Vec<T>>
where
    F: Future<Output = Page<T>>,
{
    let mut pages = vec![];
    let mut cursor = None;
    loop {
        let page = page_at(cursor).await;
        assert!(page.next.is_none() || page.next != cursor, "the cursor moves on");
        pages.push(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return pages;
        }
    }
}

/// Runs all tasks side by side, none before all are there, and returns what they return in their order.
pub(super) async fn at_once<F>(tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().collect();
    let start = Arc::new(Barrier::new(tasks.len()));
    let running: Vec<_> = tasks.into_iter().map(|task| tokio::spawn(run_after(start.clone(), task))).collect();
    let mut outcomes = vec![];
    for task in running {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

async fn run_after<F: Future>(start: Arc<Barrier>, task: F) -> F::Output {
    start.wait().await;
    task.await
}

/// Carries out changes one after the other, each in its own call.
pub(super) fn one_by_one(
    storage: &Arc<dyn Storage>,
    actor: UserId,
    actions: Vec<Action>,
) -> impl Future<Output = Vec<Appended>> + Send + use<> {
    let storage = storage.clone();
    async move {
        let mut appended = vec![];
        for action in actions {
            appended.push(perform(&*storage, actor, action).await);
        }
        appended
    }
}
