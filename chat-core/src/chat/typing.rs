//! Who is typing. The rule: `typing` ends by itself, and a member is heard at most once in an interval; nothing is stored.

use super::{Caller, Chat, Inner};
use crate::frame::Publication;
use crate::hub::{SessionHub, Topic};
use crate::rates::Cost;
use crate::{ConversationId, Error, Limits, Member, UserId, Username, wire};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Shortest time between two looks for what has ended: each looks at everyone who is typing.
const EXPIRE_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) struct Typing {
    lasts: Duration,
    interval: Duration,
    places_max: usize,
    typists: Mutex<BTreeMap<(UserId, ConversationId), Typist>>,
    started: Notify,
}

struct Typist {
    username: Username,
    is_shown: bool,
    shown_at: Instant,
    until: Instant,
}

impl Chat {
    /// Shows the other members that the caller is typing, or has stopped. It ends by itself after
    /// [`Limits::typing_lasts`]; what comes sooner than [`Limits::typing_interval`] prolongs it unseen. In a direct conversation
    /// of two of whom one is closed to the other, nobody is shown anything; nor where so much is going on that less
    /// than half of [`RateLimits::deliveries`](crate::RateLimits::deliveries) is left.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller is no member, [`Error::RateLimited`] if they type beyond
    /// [`RateLimits::typing`](crate::RateLimits::typing).
    pub async fn set_typing(
        &self,
        caller: impl Into<Caller>,
        conversation: ConversationId,
        is_typing: bool,
    ) -> Result<Member, Error> {
        let user = caller.into().user;
        self.inner.rates.spend_on(user, Cost::Typing)?;
        let member = self.inner.storage.find_member(conversation, user).await?;
        let member = member.ok_or(Error::NotFound("conversation"))?;
        let Inner { rates, hub, .. } = &*self.inner;
        // Whatever is left of what may be heard is kept for messages.
        let is_too_much = is_typing && !rates.is_quiet(conversation);
        if is_too_much || self.inner.storage.is_apart(conversation).await? {
            return Ok(member);
        }
        if self.inner.typing.note(conversation, (user, &member.username), is_typing) {
            publish(&**hub, conversation, user, &member.username, is_typing);
            rates.heard(user, Cost::Typing, conversation, hub.hearers(conversation));
            if let Some(cluster) = &self.inner.cluster {
                cluster.tell_typing(conversation, user, &member.username, is_typing);
            }
        }
        Ok(member)
    }
}

impl Typing {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            lasts: limits.typing_lasts,
            interval: limits.typing_interval,
            places_max: limits.typing_places_max,
            typists: Mutex::default(),
            started: Notify::new(),
        }
    }

    /// Shows that someone is typing at another node, or has stopped. It ends here by itself as it does there.
    pub(crate) fn hear(
        &self,
        hub: &dyn SessionHub,
        conversation: ConversationId,
        (user, username): (UserId, &Username),
        is_typing: bool,
    ) {
        if self.note(conversation, (user, username), is_typing) {
            publish(hub, conversation, user, username, is_typing);
        }
    }

    /// Whether the others are to be told.
    fn note(&self, conversation: ConversationId, (user, username): (UserId, &Username), is_typing: bool) -> bool {
        let key = (user, conversation);
        let now = Instant::now();
        let mut typists = self.typists();
        if let Some(typist) = typists.get_mut(&key) {
            return typist.note(is_typing, now, self);
        }
        let own = typists.range((user, ConversationId::MIN)..).take_while(|((typist, _), _)| *typist == user);
        let elsewhere = own.count();
        if !is_typing || elsewhere >= self.places_max {
            return false;
        }
        let username = username.clone();
        typists.insert(key, Typist { username, is_shown: true, shown_at: now, until: now + self.lasts });
        self.started.notify_one();
        true
    }

    fn typists(&self) -> MutexGuard<'_, BTreeMap<(UserId, ConversationId), Typist>> {
        self.typists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first_end(&self) -> Option<Instant> {
        self.typists().values().map(|typist| typist.until).min()
    }

    fn take_ended(&self, by: Instant) -> Vec<((UserId, ConversationId), Typist)> {
        self.typists().extract_if(.., |_, typist| typist.until <= by).collect()
    }
}

impl Typist {
    /// Whether the others are to be told. One who has stopped is remembered until they may be shown again.
    fn note(&mut self, is_typing: bool, now: Instant, bounds: &Typing) -> bool {
        let next_show = self.shown_at + bounds.interval;
        if !is_typing {
            self.until = next_show;
            return std::mem::take(&mut self.is_shown);
        }
        let is_due = now >= next_show;
        if is_due {
            (self.is_shown, self.shown_at) = (true, now);
        }
        if self.is_shown {
            self.until = now + bounds.lasts;
        }
        is_due
    }
}

/// Ends what nobody ended.
pub(super) async fn expire(typing: Arc<Typing>, hub: Arc<dyn SessionHub>) {
    loop {
        let Some(end) = typing.first_end() else {
            typing.started.notified().await;
            continue;
        };
        let end = end.max(Instant::now() + EXPIRE_INTERVAL);
        sleep_until(end).await;
        for ((user, conversation), typist) in typing.take_ended(end) {
            if typist.is_shown {
                publish(&*hub, conversation, user, &typist.username, false);
            }
        }
    }
}

fn publish(hub: &dyn SessionHub, conversation: ConversationId, user: UserId, username: &Username, is_typing: bool) {
    let frame = wire::typing(user, username, conversation, is_typing);
    hub.publish(Topic::Conversation(conversation), Publication { except: Some(user), ..frame.into() });
}
