//! The hub of one process. The rule of its locks: the registry before the topics; a publisher holds no lock while it
//! walks a topic.

use super::topics::Topics;
use crate::frame::{Frame, Publication};
use crate::hub::{Audience, CloseReason, Outbox, OutboxLimits, SessionEnd, SessionHub, Topic};
use crate::metrics::{DELIVERIES, PUBLICATIONS};
use crate::{ConversationId, Identity, SessionId, UserId};
use async_trait::async_trait;
use metrics::{Counter, counter};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Connects the sessions of one process. Clones are the same hub.
#[derive(Clone, Default)]
pub struct LocalHub {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sessions_opened: AtomicU64,
    registry: Mutex<Registry>,
    topics: Topics,
    presence: Mutex<HashSet<UserId>>,
    presence_moved: Notify,
    counted: Counted,
}

/// What is counted for each publication, not for each session: together they are what is hot here.
struct Counted {
    publications: Counter,
    deliveries: Counter,
}

impl Default for Counted {
    fn default() -> Self {
        Self { publications: counter!(PUBLICATIONS), deliveries: counter!(DELIVERIES) }
    }
}

type Registry = HashMap<UserId, Vec<Registered>>;

struct Registered {
    outbox: Arc<Outbox>,
    conversations: HashSet<ConversationId>,
    /// What the user left between `open` and `subscribe`; `None` from then on.
    left_while_opening: Option<HashSet<ConversationId>>,
}

impl LocalHub {
    /// A hub without sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl SessionHub for LocalHub {
    fn open(&self, identity: &Identity, limits: OutboxLimits) -> SessionEnd {
        let session = SessionId(self.shared.sessions_opened.fetch_add(1, Ordering::Relaxed));
        let outbox = Arc::new(Outbox::new(session, identity, limits));
        let registered = Registered {
            outbox: Arc::clone(&outbox),
            conversations: HashSet::new(),
            left_while_opening: Some(HashSet::new()),
        };
        let mut registry = self.shared.registry();
        registry.entry(identity.user).or_default().push(registered);
        self.shared.topics.add(Topic::User(identity.user), &outbox);
        if registry[&identity.user].len() == 1 {
            self.shared.note_presence(identity.user);
        }
        let registration = Registration { shared: Arc::clone(&self.shared), session, user: identity.user };
        SessionEnd::new(outbox, registration)
    }

    fn subscribe(&self, end: &SessionEnd, conversations: &[ConversationId]) {
        let mut registry = self.shared.registry();
        let sessions = registry.get_mut(&end.outbox().user()).into_iter().flatten();
        for registered in sessions.filter(|registered| registered.outbox.session() == end.outbox().session()) {
            let left = registered.left_while_opening.take().unwrap_or_default();
            for conversation in conversations.iter().filter(|conversation| !left.contains(conversation)) {
                registered.join(*conversation, &self.shared);
            }
        }
    }

    fn join(&self, user: UserId, conversation: ConversationId) -> bool {
        let mut registry = self.shared.registry();
        let mut is_new = false;
        for registered in registry.get_mut(&user).into_iter().flatten() {
            is_new |= registered.join(conversation, &self.shared);
        }
        is_new
    }

    fn leave(&self, user: UserId, conversation: ConversationId) {
        for registered in self.shared.registry().get_mut(&user).into_iter().flatten() {
            registered.leave(conversation, &self.shared);
        }
    }

    fn dissolve(&self, conversation: ConversationId) {
        for registered in self.shared.registry().values_mut().flatten() {
            registered.leave(conversation, &self.shared);
        }
    }

    fn publish(&self, topic: Topic, publication: Publication) {
        let subscribers = self.shared.topics.subscribers(topic);
        let Publication { frame, mut echo, except } = publication;
        let mut deliveries = 0;
        for outbox in subscribers.iter().flat_map(|parts| parts.iter()).flat_map(|part| part.iter()) {
            if except == Some(outbox.user()) {
                continue;
            }
            deliveries += 1;
            match echo.take_if(|(session, _)| *session == outbox.session()) {
                Some((_, echo)) => outbox.push(echo),
                None => outbox.push(frame.clone()),
            }
        }
        if let Some((session, echo)) = echo {
            self.shared.push_to(session, echo);
            deliveries += 1;
        }
        self.shared.counted.publications.increment(1);
        self.shared.counted.deliveries.increment(deliveries);
    }

    fn online(&self, users: &[UserId]) -> HashSet<UserId> {
        let registry = self.shared.registry();
        users.iter().copied().filter(|user| registry.contains_key(user)).collect()
    }

    fn identities(&self) -> Vec<Identity> {
        self.shared.registry().values().flatten().map(|registered| registered.outbox.identity()).collect()
    }

    fn hearers(&self, conversation: ConversationId) -> usize {
        self.shared.topics.count(Topic::Conversation(conversation))
    }

    fn heard_by(&self, user: UserId) -> Vec<HashSet<ConversationId>> {
        let registry = self.shared.registry();
        let sessions = registry.get(&user).into_iter().flatten();
        let subscribed = sessions.filter(|registered| registered.left_while_opening.is_none());
        subscribed.map(|registered| registered.conversations.clone()).collect()
    }

    fn outbox_bytes(&self) -> Vec<usize> {
        self.shared.registry().values().flatten().map(|registered| registered.outbox.bytes_waiting()).collect()
    }

    fn close(&self, audience: Audience, reason: CloseReason) {
        let registry = self.shared.registry();
        for Registered { outbox, .. } in registry.values().flatten() {
            let meant = match audience {
                Audience::Login(login) => outbox.identity().login == Some(login),
                Audience::User(user) => outbox.user() == user,
                Audience::Share { share, shares } => outbox.session().0 % shares == share,
            };
            if meant {
                outbox.close(reason);
            }
        }
    }

    async fn presence_changed(&self) {
        while self.shared.presence().is_empty() {
            self.shared.presence_moved.notified().await;
        }
    }

    fn take_presence_changes(&self) -> Vec<UserId> {
        std::mem::take(&mut *self.shared.presence()).into_iter().collect()
    }
}

impl Shared {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn presence(&self) -> MutexGuard<'_, HashSet<UserId>> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reaches a session that is not on the topic.
    fn push_to(&self, session: SessionId, frame: Frame) {
        let registry = self.registry();
        let sessions = registry.values().flatten().map(|registered| &registered.outbox);
        if let Some(outbox) = sessions.into_iter().find(|outbox| outbox.session() == session) {
            outbox.push(frame);
        }
    }

    fn note_presence(&self, user: UserId) {
        self.presence().insert(user);
        self.presence_moved.notify_one();
    }

    fn forget(&self, user: UserId, session: SessionId) {
        let mut registry = self.registry();
        let Some(sessions) = registry.get_mut(&user) else { return };
        if let Some(position) = sessions.iter().position(|registered| registered.outbox.session() == session) {
            let gone = sessions.swap_remove(position);
            self.topics.remove(Topic::User(user), &gone.outbox);
            for conversation in gone.conversations {
                self.topics.remove(Topic::Conversation(conversation), &gone.outbox);
            }
        }
        if sessions.is_empty() {
            registry.remove(&user);
            self.note_presence(user);
        }
    }
}

impl Registered {
    /// Whether it did not hear it before.
    fn join(&mut self, conversation: ConversationId, shared: &Shared) -> bool {
        if let Some(left) = &mut self.left_while_opening {
            left.remove(&conversation);
        }
        let is_new = self.conversations.insert(conversation);
        if is_new {
            shared.topics.add(Topic::Conversation(conversation), &self.outbox);
        }
        is_new
    }

    fn leave(&mut self, conversation: ConversationId, shared: &Shared) {
        if let Some(left) = &mut self.left_while_opening {
            left.insert(conversation);
        }
        if self.conversations.remove(&conversation) {
            shared.topics.remove(Topic::Conversation(conversation), &self.outbox);
        }
    }
}

/// Takes a session out of the hub when dropped.
struct Registration {
    shared: Arc<Shared>,
    session: SessionId,
    user: UserId,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.shared.forget(self.user, self.session);
    }
}
