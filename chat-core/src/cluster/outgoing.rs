//! What this node has yet to tell the others. The rule: what waits is merged, so that a link that is away for an hour costs
//! one payload and not an hour's; what does not merge is bounded, and above the bound the others are told to compare.

use super::notes::{Note, StoredName};
use crate::hub::SessionHub;
use crate::limits::NODE_NOTES_MAX;
use crate::{ConversationId, Seq, UserId, Username};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// All that waits.
#[derive(Default)]
pub(super) struct Outgoing {
    waiting: Mutex<Waiting>,
    called: Notify,
}

#[derive(Default)]
struct Waiting {
    notes: Vec<Note>,
    rung: BTreeMap<ConversationId, Seq>,
    typing: HashMap<(UserId, ConversationId), (Username, bool)>,
    moved: HashSet<UserId>,
    is_missed: bool,
    /// All who are here are to be told.
    is_asked: bool,
    is_hello: bool,
    is_bye: bool,
}

impl Outgoing {
    pub(super) fn tell(&self, notes: Vec<Note>) {
        let mut waiting = self.waiting();
        notes.into_iter().for_each(|note| waiting.add(note));
        drop(waiting);
        self.called.notify_one();
    }

    /// Shows that a member is typing or has stopped, if there is room: it is soon over.
    pub(super) fn typing(&self, user: UserId, conversation: ConversationId, username: &Username, is_typing: bool) {
        let mut waiting = self.waiting();
        if waiting.typing.len() < NODE_NOTES_MAX {
            waiting.typing.insert((user, conversation), (username.clone(), is_typing));
        }
        drop(waiting);
        self.called.notify_one();
    }

    /// Tells of users who came or went, as the hub has it when the others are told.
    pub(super) fn moved(&self, users: &[UserId]) {
        let mut waiting = self.waiting();
        waiting.moved.extend(users);
        if waiting.moved.len() > NODE_NOTES_MAX {
            (waiting.moved, waiting.is_asked) = (HashSet::new(), true);
        }
        drop(waiting);
        self.called.notify_one();
    }

    /// Tells of all who are here.
    pub(super) fn present(&self) {
        self.waiting().is_asked = true;
        self.called.notify_one();
    }

    /// Asks the others to tell of all who are with them.
    pub(super) fn hello(&self) {
        self.waiting().is_hello = true;
        self.called.notify_one();
    }

    /// Tells the others to compare.
    pub(super) fn missed(&self) {
        self.waiting().is_missed = true;
        self.called.notify_one();
    }

    /// Takes leave, once all else is told.
    pub(super) fn bye(&self) {
        self.waiting().is_bye = true;
        self.called.notify_one();
    }

    /// Waits until there may be something to tell.
    pub(super) async fn called(&self) {
        self.called.notified().await;
    }

    /// Takes all that waits. Who came and who went is for `hub` to say.
    pub(super) fn take(&self, hub: &dyn SessionHub) -> Vec<Note> {
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_notes(hub)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, note: Note) {
        match note {
            Note::Rung(rung) => {
                for (conversation, seq) in rung {
                    let newest = self.rung.entry(conversation).or_default();
                    *newest = seq.max(*newest);
                }
                if self.rung.len() > NODE_NOTES_MAX {
                    (self.rung, self.is_missed) = (BTreeMap::new(), true);
                }
            }
            _ if self.notes.len() >= NODE_NOTES_MAX => self.is_missed = true,
            other => self.notes.push(other),
        }
    }

    fn into_notes(self, hub: &dyn SessionHub) -> Vec<Note> {
        let mut notes = vec![];
        notes.extend(self.is_hello.then_some(Note::Hello));
        // Who comes in is told of before what they are to hear.
        notes.extend(self.notes);
        notes.push(Note::Rung(self.rung.into_iter().collect()));
        notes.extend(self.is_missed.then_some(Note::Missed));
        notes.extend(self.typing.into_iter().map(|((user, conversation), (username, is_typing))| Note::Typing {
            conversation,
            user,
            username: StoredName(username),
            is_typing,
        }));
        if self.is_asked {
            let users: HashSet<_> = hub.identities().iter().map(|identity| identity.user).collect();
            notes.push(Note::Present { users: users.into_iter().collect(), is_last: true });
        } else {
            let moved: Vec<_> = self.moved.into_iter().collect();
            let here = hub.online(&moved);
            let (came, went) = moved.into_iter().partition(|user| here.contains(user));
            notes.extend([Note::Came(came), Note::Went(went)]);
        }
        notes.extend(self.is_bye.then_some(Note::Bye));
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::LocalHub;
    use crate::{Identity, OutboxLimits};

    fn conversation(id: usize) -> ConversationId {
        i64::try_from(id).unwrap().try_into().unwrap()
    }

    fn seq(seq: i64) -> Seq {
        seq.try_into().unwrap()
    }

    #[test]
    fn only_how_far_a_conversation_has_come_is_told() {
        let outgoing = Outgoing::default();
        for place in [2, 5, 3] {
            outgoing.tell(vec![Note::Rung(vec![(conversation(1), seq(place))])]);
        }
        let told = outgoing.take(&LocalHub::new());
        assert!(told.contains(&Note::Rung(vec![(conversation(1), seq(5))])), "{told:?}");
        assert!(!told.contains(&Note::Missed));
    }

    #[test]
    fn when_more_happens_than_is_kept_the_others_are_told_to_compare() {
        let outgoing = Outgoing::default();
        for id in 1..=NODE_NOTES_MAX + 1 {
            outgoing.tell(vec![Note::Rung(vec![(conversation(id), seq(1))])]);
        }
        assert!(outgoing.take(&LocalHub::new()).contains(&Note::Missed));
        for id in 1..=NODE_NOTES_MAX + 1 {
            outgoing.tell(vec![Note::Joined { conversation: conversation(id), seq: seq(1), user: UserId::MIN }]);
        }
        let told = outgoing.take(&LocalHub::new());
        assert!(told.contains(&Note::Missed) && told.len() <= NODE_NOTES_MAX + 10);
    }

    #[test]
    fn who_came_and_went_is_told_as_it_is_now_or_else_all_who_are_here() {
        let (outgoing, hub) = (Outgoing::default(), LocalHub::new());
        let user = |id: usize| UserId::try_from(i64::try_from(id).unwrap()).unwrap();
        let limits = OutboxLimits { bytes_max: 1, signals_max: 1 };
        let _here = hub.open(&Identity::from(user(1)), limits);

        outgoing.moved(&[user(1), user(2)]);
        let told = outgoing.take(&hub);
        assert!(told.contains(&Note::Came(vec![user(1)])) && told.contains(&Note::Went(vec![user(2)])), "{told:?}");
        outgoing.moved(&(1..=NODE_NOTES_MAX + 1).map(user).collect::<Vec<_>>());
        assert!(outgoing.take(&hub).contains(&Note::Present { users: vec![user(1)], is_last: true }));
    }
}
