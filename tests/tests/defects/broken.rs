//! A storage with one defect. The rule: a defect overrides the methods it breaks; all others are those of the memory
//! storage inside.

use async_trait::async_trait;
use chat_core::{
    Appended, BlockStorage, Blocked, Change, CodeStorage, CodeTry, ContactStorage, Conversation, ConversationId,
    ConversationStorage, Email, Epoch, Event, GroupListing, History, Kind, Login, LoginId, LoginStorage, Member,
    MemoryStorage, Message, MessageId, NewCode, NewLogin, NewUser, Page, PasswordHash, Position, ProfileUpdate,
    Rotation, Search, Seq, Storage, StorageError, Summary, Timeline, Timestamp, TokenHash, User, UserId, UserKey,
    UserStorage, Username,
};
use std::sync::Arc;

pub(crate) type Stored<T> = Result<T, StorageError>;

/// What an append returns.
pub(crate) type Results = Vec<Stored<Appended>>;

/// One deliberately broken storage.
pub(crate) struct Case {
    /// What is wrong with it.
    pub(crate) wrong: &'static str,
    /// The check that must notice, whatever others do.
    pub(crate) promise: &'static str,
    /// Makes an empty one.
    pub(crate) open: fn() -> Arc<dyn Storage>,
}

impl Case {
    pub(crate) fn of<D: Defect>(wrong: &'static str, promise: &'static str) -> Self {
        Self { wrong, promise, open: || Arc::new(Broken::<D>::default()) }
    }
}

/// A memory storage behind a defect.
#[derive(Default)]
struct Broken<D> {
    inner: MemoryStorage,
    defect: D,
}

/// Declares [`Defect`] with every method of a storage, and calls it from [`Broken`].
macro_rules! methods {
    ($($storage:ident { $(fn $method:ident($($name:ident: $type:ty),*) -> $result:ty;)+ })+) => {
        /// What is wrong with a storage: each method is done as `inner` does it, unless it is done otherwise here.
        #[async_trait]
        pub(crate) trait Defect: Default + Send + Sync + 'static {
            $($(async fn $method(&self, inner: &MemoryStorage, $($name: $type),*) -> Stored<$result> {
                inner.$method($($name),*).await
            })+)+
        }

        $(#[async_trait]
        impl<D: Defect> $storage for Broken<D> {
            $(async fn $method(&self, $($name: $type),*) -> Stored<$result> {
                self.defect.$method(&self.inner, $($name),*).await
            })+
        })+
    };
}

methods! {
    UserStorage {
        fn insert_user(user: NewUser) -> User;
        fn find_user(key: &UserKey) -> Option<User>;
        fn find_users(usernames: &[Username]) -> Vec<User>;
        fn list_users(search: Option<&Search>, after: Option<UserId>, limit: u32) -> Page<User>;
        fn update_profile(user: UserId, update: ProfileUpdate) -> Option<User>;
        fn put_email(user: UserId, email: Option<&Email>) -> Option<User>;
        fn put_last_online(users: &[UserId], at: Timestamp) -> ();
    }
    LoginStorage {
        fn find_password(user: UserId) -> Option<PasswordHash>;
        fn put_password(user: UserId, password: &PasswordHash, keep: Option<LoginId>) -> Vec<LoginId>;
        fn insert_login(login: NewLogin) -> Login;
        fn find_login(login: LoginId, now: Timestamp) -> Option<(Login, User)>;
        fn list_logins(user: UserId, now: Timestamp) -> Vec<Login>;
        fn rotate_login(spent: &TokenHash, successor: &TokenHash, now: Timestamp, expires_at: Timestamp) -> Rotation;
        fn revoke_login(user: UserId, login: LoginId) -> bool;
    }
    CodeStorage {
        fn put_code(code: NewCode) -> Option<User>;
        fn try_code(code: &CodeTry) -> Option<User>;
        fn spend_code(code: &CodeTry) -> Option<User>;
        fn spend_code_for_password(code: &CodeTry, password: &PasswordHash) -> Option<(User, Vec<LoginId>)>;
    }
    ContactStorage {
        fn insert_contact(user: UserId, contact: UserId, at: Timestamp) -> bool;
        fn remove_contact(user: UserId, contact: UserId) -> bool;
        fn list_contacts(user: UserId) -> Vec<User>;
    }
    BlockStorage {
        fn put_block(user: UserId, blocked: Blocked, at: Timestamp) -> bool;
        fn remove_block(user: UserId, blocked: Blocked) -> bool;
        fn list_blocked(user: UserId, after: Option<UserId>, limit: u32) -> Page<User>;
        fn blocks_strangers(user: UserId) -> bool;
        fn find_closed(viewer: UserId, users: &[UserId]) -> Vec<UserId>;
        fn is_apart(conversation: ConversationId) -> bool;
    }
    ConversationStorage {
        fn find_conversation(viewer: UserId, conversation: ConversationId) -> Option<Conversation>;
        fn list_conversations(viewer: UserId, kind: Option<Kind>, before: Option<i64>, limit: u32) -> Page<Summary>;
        fn list_memberships(user: UserId) -> Vec<ConversationId>;
        fn list_positions(viewer: UserId) -> Vec<Position>;
        fn list_members(
            viewer: UserId,
            conversation: ConversationId,
            after: Option<i64>,
            limit: u32
        ) -> Option<Page<Member>>;
        fn find_member(conversation: ConversationId, user: UserId) -> Option<Member>;
        fn find_public_group(group: ConversationId) -> Option<GroupListing>;
        fn list_public_groups(
            search: Option<&Search>,
            after: Option<ConversationId>,
            limit: u32
        ) -> Page<GroupListing>;
    }
    Timeline {
        fn append(batch: &[Change]) -> Results;
        fn epoch() -> Epoch;
        fn events_after(conversation: ConversationId, after: Seq, limit: u32) -> Page<Event>;
        fn find_message(viewer: UserId, message: MessageId) -> Option<Message>;
        fn list_messages(
            viewer: UserId,
            conversation: ConversationId,
            history: History,
            limit: u32
        ) -> Option<Page<Message>>;
    }
}
