//! A storage in memory: for tests, for trying things out, and as the model that other storages are compared with. The
//! rule: one lock over one [`State`], taken once per call and never held across an await.

mod blocks;
mod codes;
mod contacts;
mod conversations;
mod logins;
mod memberships;
mod timeline;
mod users;

use crate::{
    Code, Conversation, ConversationId, Epoch, Login, LoginId, Message, MessageId, Nonce, PasswordHash, Purpose, Role,
    StorageError, Timestamp, TokenHash, User, UserId, Username,
};
use blocks::Blocks;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use timeline::Entry;

type Stored<T> = Result<T, StorageError>;

const NO_USER: StorageError = StorageError::NotFound("user");
const NO_CONVERSATION: StorageError = StorageError::NotFound("conversation");
const NO_MESSAGE: StorageError = StorageError::NotFound("message");

/// A [`Storage`](crate::Storage) that forgets everything when it is dropped.
///
/// ```
/// use chat_core::{MemoryStorage, Storage};
/// use std::sync::Arc;
///
/// let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
/// ```
#[derive(Debug)]
pub struct MemoryStorage {
    epoch: Epoch,
    state: Mutex<State>,
}

impl Default for MemoryStorage {
    fn default() -> Self {
        let epoch = u128::from_ne_bytes(crate::random::bytes());
        Self { epoch: Epoch(format!("{epoch:032x}")), state: Mutex::default() }
    }
}

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the lock. A panic under it leaves at worst one change half done, which is no reason to refuse all others.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that is kept. A deleted user is simply absent: [`State::name`] knows what their traces are called.
#[derive(Debug, Default)]
struct State {
    users: BTreeMap<UserId, StoredUser>,
    usernames: HashMap<String, UserId>,
    emails: HashMap<String, UserId>,
    logins: BTreeMap<LoginId, StoredLogin>,
    /// The current token of each login there is, and those that it remembers to have spent.
    tokens: HashMap<TokenHash, LoginId>,
    codes: HashMap<(UserId, Purpose), Code>,
    conversations: BTreeMap<ConversationId, StoredConversation>,
    /// Direct conversations by their members, the smaller id first.
    directs: HashMap<(UserId, UserId), ConversationId>,
    /// Where each message was sent.
    homes: HashMap<MessageId, ConversationId>,
    nonces: HashMap<(UserId, Nonce), MessageId>,
    ids: Sequence,
    message_ids: Sequence,
    login_ids: Sequence,
    joins: Sequence,
    activities: Sequence,
}

#[derive(Debug)]
struct StoredUser {
    user: User,
    password: Option<PasswordHash>,
    contacts: HashSet<UserId>,
    blocks: Blocks,
    conversations: BTreeSet<ConversationId>,
}

#[derive(Debug)]
struct StoredLogin {
    login: Login,
    refresh: TokenHash,
    /// The newest tokens it has spent, oldest first.
    spent: VecDeque<TokenHash>,
}

#[derive(Debug)]
struct StoredConversation {
    conversation: Conversation,
    /// Rises with every message sent anywhere; conversations are listed by it.
    activity: i64,
    members: BTreeMap<UserId, StoredMember>,
    /// The members by their [`StoredMember::join`].
    joins: BTreeMap<i64, UserId>,
    messages: BTreeMap<MessageId, Message>,
    /// What happened; the entry of `seq` stands at `seq - 1`.
    log: Vec<Entry>,
}

#[derive(Debug)]
struct StoredMember {
    role: Role,
    joined_at: Timestamp,
    /// Rises with every member who comes in anywhere.
    join: i64,
    read_up_to: Option<MessageId>,
}

/// Hands out 1, 2, 3 … and nothing twice.
#[derive(Debug, Default)]
struct Sequence(i64);

impl Sequence {
    fn draw(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }

    fn draw_id<T: TryFrom<i64, Error = &'static str>>(&mut self) -> T {
        T::try_from(self.draw()).expect("no process lives long enough to draw 2^53 ids")
    }
}

impl State {
    /// A user's name, or what is left of it.
    fn name(&self, user: UserId) -> Username {
        self.users.get(&user).map_or_else(|| Username::of_deleted(user), |stored| stored.user.username.clone())
    }

    fn user_mut(&mut self, user: UserId) -> Stored<&mut StoredUser> {
        self.users.get_mut(&user).ok_or(NO_USER)
    }

    fn conversation(&self, conversation: ConversationId) -> Stored<&StoredConversation> {
        self.conversations.get(&conversation).ok_or(NO_CONVERSATION)
    }

    fn conversation_mut(&mut self, conversation: ConversationId) -> Stored<&mut StoredConversation> {
        self.conversations.get_mut(&conversation).ok_or(NO_CONVERSATION)
    }

    /// A conversation as one of its members sees it.
    fn seen_by(&self, viewer: UserId, conversation: ConversationId) -> Option<&StoredConversation> {
        self.conversations.get(&conversation).filter(|stored| stored.members.contains_key(&viewer))
    }

    /// A message and the conversation it was sent to.
    fn message(&self, message: MessageId) -> Option<(&StoredConversation, &Message)> {
        let stored = self.conversations.get(self.homes.get(&message)?)?;
        Some((stored, stored.messages.get(&message)?))
    }
}
