//! A storage whose appends can be held up and failed, to see what happens meanwhile.

use crate::{
    Appended, BlockStorage, Blocked, Change, CodeStorage, CodeTry, ContactStorage, Conversation, ConversationId,
    ConversationStorage, Email, Epoch, Event, GroupListing, History, Kind, Login, LoginId, LoginStorage, Member,
    Message, MessageId, NewCode, NewLogin, NewUser, Page, PasswordHash, Position, ProfileUpdate, Rotation, Search, Seq,
    Storage, StorageError, Summary, Timeline, Timestamp, TokenHash, User, UserId, UserKey, UserStorage, Username,
};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Another storage, with a hand on its appends.
pub struct HeldStorage {
    inner: Arc<dyn Storage>,
    /// How many more appends may go on.
    passes: watch::Sender<usize>,
    waiting: watch::Sender<usize>,
    next: Mutex<Option<Fate>>,
    batches: Mutex<Vec<usize>>,
    reads_held: watch::Sender<bool>,
    calls: Mutex<HashMap<&'static str, usize>>,
    failures: Mutex<HashMap<&'static str, usize>>,
}

/// What becomes of the next append.
#[derive(Clone, Copy)]
enum Fate {
    Fails,
    Panics,
}

impl HeldStorage {
    /// Lets everything through, until told otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        let (passes, waiting) = (watch::Sender::new(usize::MAX), watch::Sender::new(0));
        let reads_held = watch::Sender::new(false);
        let (next, batches, calls) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { inner, passes, waiting, next, batches, reads_held, calls, failures: Mutex::default() }
    }

    /// Holds every append from now on, before anything is stored.
    pub fn hold(&self) {
        self.passes.send_replace(0);
    }

    /// Lets appends go on.
    pub fn release(&self) {
        self.passes.send_replace(usize::MAX);
    }

    /// Lets one append go on, and holds those after it.
    pub fn release_one(&self) {
        self.passes.send_replace(1);
    }

    /// Holds every read of events from now on.
    pub fn hold_reads(&self) {
        self.reads_held.send_replace(true);
    }

    /// Lets reads of events go on.
    pub fn release_reads(&self) {
        self.reads_held.send_replace(false);
    }

    /// How many times a method was called so far.
    #[must_use]
    pub fn calls(&self, method: &str) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(method).copied().unwrap_or(0)
    }

    /// Lets a method fail the next times it is called, as if the storage were away.
    pub fn fail(&self, method: &'static str, times: usize) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).insert(method, times);
    }

    fn called(&self, method: &'static str) -> Result<(), StorageError> {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(method).or_default() += 1;
        match self.failures.lock().unwrap_or_else(PoisonError::into_inner).get_mut(method) {
            Some(times) if *times > 0 => {
                *times -= 1;
                Err(StorageError::Unavailable("told to fail".into()))
            }
            _ => Ok(()),
        }
    }

    /// Lets the next append fail as if the storage were away.
    pub fn fail_next(&self) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Fate::Fails);
    }

    /// Lets the next append panic.
    pub fn panic_next(&self) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Fate::Panics);
    }

    /// Waits until an append is held.
    pub async fn waited_for(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }

    /// The sizes of all batches so far.
    #[must_use]
    pub fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Passes methods on to the storage inside.
macro_rules! pass_on {
    ($storage:ident { $(fn $method:ident($($name:ident: $type:ty),*) -> $result:ty;)+ }) => {
        #[async_trait]
        impl $storage for HeldStorage {
            $(async fn $method(&self, $($name: $type),*) -> Result<$result, StorageError> {
                self.called(stringify!($method))?;
                self.inner.$method($($name),*).await
            })+
        }
    };
}

pass_on!(UserStorage {
    fn insert_user(user: NewUser) -> User;
    fn find_user(key: &UserKey) -> Option<User>;
    fn find_users(usernames: &[Username]) -> Vec<User>;
    fn list_users(search: Option<&Search>, after: Option<UserId>, limit: u32) -> Page<User>;
    fn update_profile(user: UserId, update: ProfileUpdate) -> Option<User>;
    fn put_email(user: UserId, email: Option<&Email>) -> Option<User>;
    fn put_last_online(users: &[UserId], at: Timestamp) -> ();
});

pass_on!(LoginStorage {
    fn find_password(user: UserId) -> Option<PasswordHash>;
    fn put_password(user: UserId, password: &PasswordHash, keep: Option<LoginId>) -> Vec<LoginId>;
    fn insert_login(login: NewLogin) -> Login;
    fn find_login(login: LoginId, now: Timestamp) -> Option<(Login, User)>;
    fn list_logins(user: UserId, now: Timestamp) -> Vec<Login>;
    fn rotate_login(spent: &TokenHash, successor: &TokenHash, now: Timestamp, expires_at: Timestamp) -> Rotation;
    fn revoke_login(user: UserId, login: LoginId) -> bool;
});

pass_on!(CodeStorage {
    fn put_code(code: NewCode) -> Option<User>;
    fn try_code(code: &CodeTry) -> Option<User>;
    fn spend_code(code: &CodeTry) -> Option<User>;
    fn spend_code_for_password(code: &CodeTry, password: &PasswordHash) -> Option<(User, Vec<LoginId>)>;
});

pass_on!(ContactStorage {
    fn insert_contact(user: UserId, contact: UserId, at: Timestamp) -> bool;
    fn remove_contact(user: UserId, contact: UserId) -> bool;
    fn list_contacts(user: UserId) -> Vec<User>;
});

pass_on!(BlockStorage {
    fn put_block(user: UserId, blocked: Blocked, at: Timestamp) -> bool;
    fn remove_block(user: UserId, blocked: Blocked) -> bool;
    fn list_blocked(user: UserId, after: Option<UserId>, limit: u32) -> Page<User>;
    fn blocks_strangers(user: UserId) -> bool;
    fn find_closed(viewer: UserId, users: &[UserId]) -> Vec<UserId>;
    fn is_apart(conversation: ConversationId) -> bool;
});

pass_on!(ConversationStorage {
    fn find_conversation(viewer: UserId, conversation: ConversationId) -> Option<Conversation>;
    fn list_conversations(viewer: UserId, kind: Option<Kind>, before: Option<i64>, limit: u32) -> Page<Summary>;
    fn list_memberships(user: UserId) -> Vec<ConversationId>;
    fn list_positions(viewer: UserId) -> Vec<Position>;
    fn list_members(viewer: UserId, conversation: ConversationId, after: Option<i64>, limit: u32) -> Option<Page<Member>>;
    fn find_member(conversation: ConversationId, user: UserId) -> Option<Member>;
    fn find_public_group(group: ConversationId) -> Option<GroupListing>;
    fn list_public_groups(search: Option<&Search>, after: Option<ConversationId>, limit: u32) -> Page<GroupListing>;
});

#[async_trait]
impl Timeline for HeldStorage {
    #[expect(clippy::panic, reason = "to panic is what it was told")]
    async fn append(&self, batch: &[Change]) -> Result<Vec<Result<Appended, StorageError>>, StorageError> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(batch.len());
        self.waiting.send_modify(|waiting| *waiting += 1);
        let _ = self.passes.subscribe().wait_for(|passes| *passes > 0).await;
        self.passes.send_modify(|passes| *passes -= usize::from(*passes < usize::MAX));
        self.waiting.send_modify(|waiting| *waiting -= 1);
        match self.next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Fate::Fails) => return Err(StorageError::Unavailable("told to fail".into())),
            Some(Fate::Panics) => panic!("told to panic"),
            None => {}
        }
        self.inner.append(batch).await
    }

    async fn epoch(&self) -> Result<Epoch, StorageError> {
        self.inner.epoch().await
    }

    async fn events_after(
        &self,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Result<Page<Event>, StorageError> {
        self.called("events_after")?;
        let _ = self.reads_held.subscribe().wait_for(|is_held| !is_held).await;
        self.inner.events_after(conversation, after, limit).await
    }

    async fn find_message(&self, viewer: UserId, message: MessageId) -> Result<Option<Message>, StorageError> {
        self.inner.find_message(viewer, message).await
    }

    async fn list_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Result<Option<Page<Message>>, StorageError> {
        self.inner.list_messages(viewer, conversation, history, limit).await
    }
}
