//! Checks of [`BlockStorage`](crate::BlockStorage), and of what a block means for [`Timeline::append`](crate::Timeline::append).

use super::support::*;
use crate::{Action, Blocked, ConversationId, EventKind, NewConversation, Role, Storage, UserId, limits};
use futures::{StreamExt, TryStreamExt};
use std::future::Future;
use std::sync::Arc;

pub async fn a_block_is_put_once(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for blocked in [Blocked::User(bob), Blocked::Strangers] {
        assert!(block(&*storage, ann, blocked).await);
        assert!(!block(&*storage, ann, blocked).await);
    }
    assert!(block(&*storage, bob, Blocked::User(ann)).await);
}

pub async fn a_block_ends_once(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for blocked in [Blocked::User(bob), Blocked::Strangers] {
        assert!(!storage.remove_block(ann, blocked).await.unwrap());
        block(&*storage, ann, blocked).await;
        assert!(!storage.remove_block(bob, Blocked::User(ann)).await.unwrap());
        assert!(storage.remove_block(ann, blocked).await.unwrap());
        assert!(!storage.remove_block(ann, blocked).await.unwrap());
    }
}

pub async fn whether_strangers_are_blocked_is_known(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    block(&*storage, ann, Blocked::User(bob)).await;
    assert!(!storage.blocks_strangers(ann).await.unwrap());
    block(&*storage, ann, Blocked::Strangers).await;
    assert!(storage.blocks_strangers(ann).await.unwrap());
    assert!(!storage.blocks_strangers(bob).await.unwrap());
    storage.remove_block(ann, Blocked::Strangers).await.unwrap();
    assert!(!storage.blocks_strangers(ann).await.unwrap());
}

pub async fn nobody_blocks_themselves(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    assert_refused!(storage.put_block(ann, Blocked::User(ann), NOW).await, Invalid { field: "user_id", .. });
    block(&*storage, ann, Blocked::Strangers).await;
    assert!(!storage.remove_block(ann, Blocked::User(ann)).await.unwrap());
    assert!(storage.blocks_strangers(ann).await.unwrap());
}

pub async fn both_of_a_block_must_exist(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    assert_refused!(storage.put_block(ann, Blocked::User(unknown()), NOW).await, NotFound("user"));
    assert_refused!(storage.put_block(unknown(), Blocked::User(ann), NOW).await, NotFound("user"));
    assert_refused!(storage.put_block(unknown(), Blocked::Strangers, NOW).await, NotFound("user"));
}

pub async fn blocked_users_are_listed_by_rising_id(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo, dora] = users(&*storage, ["ann", "bob", "cleo", "dora"]).await;
    for blocked in [dora, bob, cleo] {
        block(&*storage, ann, Blocked::User(blocked)).await;
    }
    block(&*storage, ann, Blocked::Strangers).await;
    storage.remove_block(ann, Blocked::User(cleo)).await.unwrap();
    assert_eq!(listed(&*storage, ann).await, [bob, dora]);
    assert!(listed(&*storage, bob).await.is_empty());
    assert!(listed(&*storage, unknown()).await.is_empty());
}

pub async fn pages_of_blocked_users_meet_without_gap_or_overlap(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let mut crowd = crowd(&*storage, 7).await;
    crowd.sort();
    for blocked in &crowd {
        block(&*storage, ann, Blocked::User(*blocked)).await;
    }
    let pages = pages(|after| {
        let storage = storage.clone();
        async move {
            let after = after.map(|after| UserId::try_from(after).unwrap());
            storage.list_blocked(ann, after, 3).await.unwrap()
        }
    });
    let pages = pages.await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(pages.concat().into_iter().map(|user| user.id).collect::<Vec<_>>(), crowd);
}

pub async fn nobody_blocks_more_users_than_allowed(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    block(&*storage, ann, Blocked::Strangers).await;
    let crowd = crowd(&*storage, limits::BLOCKS_MAX as usize).await;
    let blocks = futures::stream::iter(crowd.clone()).map(|user| storage.put_block(ann, Blocked::User(user), NOW));
    let put: Vec<bool> = blocks.buffer_unordered(32).try_collect().await.unwrap();
    assert!(put.into_iter().all(|put| put));
    assert_refused!(storage.put_block(ann, Blocked::User(bob), NOW).await, Forbidden(_));
    assert!(!storage.put_block(ann, Blocked::User(crowd[0]), NOW).await.unwrap());
    storage.remove_block(ann, Blocked::User(crowd[0])).await.unwrap();
    assert!(block(&*storage, ann, Blocked::User(bob)).await);
}

pub async fn a_block_ends_being_contacts_for_good(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    for contact in [bob, cleo] {
        storage.insert_contact(ann, contact, NOW).await.unwrap();
    }
    block(&*storage, ann, Blocked::User(bob)).await;
    block(&*storage, ann, Blocked::Strangers).await;
    for _ in 0..2 {
        assert_eq!(contacts(&*storage, ann).await, [cleo]);
        assert!(contacts(&*storage, bob).await.is_empty());
        storage.remove_block(ann, Blocked::User(bob)).await.unwrap();
    }
}

pub async fn a_user_is_closed_to_whom_they_block(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    block(&*storage, ann, Blocked::User(bob)).await;
    assert_eq!(closed_to(&*storage, bob, &[ann, bob, cleo]).await, [ann]);
    assert_eq!(closed_to(&*storage, bob, &[cleo]).await, []);
    assert_eq!(closed_to(&*storage, bob, &[]).await, []);
    for viewer in [ann, cleo, unknown()] {
        assert_eq!(closed_to(&*storage, viewer, &[ann, bob, cleo]).await, []);
    }
    storage.remove_block(ann, Blocked::User(bob)).await.unwrap();
    assert_eq!(closed_to(&*storage, bob, &[ann]).await, []);
}

pub async fn who_blocks_strangers_is_closed_to_all_but_contacts(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    block(&*storage, ann, Blocked::Strangers).await;
    storage.insert_contact(ann, bob, NOW).await.unwrap();
    assert_eq!(closed_to(&*storage, bob, &[ann, cleo]).await, []);
    assert_eq!(closed_to(&*storage, cleo, &[ann, bob]).await, [ann]);
    assert_eq!(closed_to(&*storage, ann, &[ann, bob, cleo]).await, []);
    storage.remove_contact(bob, ann).await.unwrap();
    assert_eq!(closed_to(&*storage, bob, &[ann]).await, [ann]);
}

pub async fn nobody_is_closed_to_an_administrator(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let boss = administrator(&*storage, "boss").await;
    let talk = direct(&*storage, ann, boss).await;
    block(&*storage, ann, Blocked::User(boss)).await;
    block(&*storage, ann, Blocked::Strangers).await;
    assert_eq!(closed_to(&*storage, boss, &[ann]).await, []);
    send(&*storage, boss, talk, "a word from those who run this").await;
    perform(&*storage, boss, creating("group", crate::Visibility::Private, &[ann])).await;
}

/// What someone to whom `ann` is closed tries, by what it is.
fn attempts(group: ConversationId, talk: ConversationId, ann: UserId) -> Vec<Action> {
    let named = |members: &[UserId]| creating("group", crate::Visibility::Private, members);
    vec![
        named(&[ann]),
        adding(group, ann),
        giving(group, ann, Role::Admin),
        giving(group, ann, Role::Owner),
        sending(talk, "hello"),
        sending_as(talk, "hello", "nonce"),
    ]
}

pub async fn who_is_closed_is_brought_in_and_written_to_by_nobody(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    for blocked in [Blocked::User(bob), Blocked::Strangers] {
        let (group, talk) = (group(&*storage, bob, &[]).await, direct(&*storage, ann, bob).await);
        block(&*storage, ann, blocked).await;
        let before = storage.list_memberships(ann).await.unwrap().len();
        for action in attempts(group, talk, ann) {
            assert_refused!(attempt(&*storage, bob, action).await, Forbidden(_));
        }
        let several = creating("group", crate::Visibility::Private, &[cleo, ann]);
        assert_refused!(attempt(&*storage, bob, several).await, Forbidden(_));
        assert_eq!(storage.list_memberships(ann).await.unwrap().len(), before);
        assert!(words(&*storage, ann, talk).await.is_empty());
        storage.remove_block(ann, blocked).await.unwrap();
    }
}

pub async fn with_whom_one_is_closed_to_no_conversation_begins(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    block(&*storage, ann, Blocked::User(bob)).await;
    assert_refused!(attempt(&*storage, bob, opening(ann)).await, Forbidden(_));
    assert_refused!(attempt(&*storage, ann, opening(bob)).await, Forbidden(_));
    perform(&*storage, cleo, opening(ann)).await;
    block(&*storage, ann, Blocked::Strangers).await;
    let dora = user(&*storage, "dora").await;
    assert_refused!(attempt(&*storage, dora, opening(ann)).await, Forbidden(_));
    perform(&*storage, ann, opening(dora)).await;
}

pub async fn who_is_closed_becomes_nobodys_contact(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    block(&*storage, ann, Blocked::User(bob)).await;
    assert_refused!(storage.insert_contact(bob, ann, NOW).await, Forbidden(_));
    assert_refused!(storage.insert_contact(ann, bob, NOW).await, Forbidden(_));
    block(&*storage, ann, Blocked::Strangers).await;
    assert_refused!(storage.insert_contact(cleo, ann, NOW).await, Forbidden(_));
    assert!(storage.insert_contact(ann, cleo, NOW).await.unwrap());
    assert!(!storage.insert_contact(cleo, ann, NOW).await.unwrap());
}

pub async fn a_block_is_answered_as_a_block_of_all_strangers(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let (group, talk) = (group(&*storage, bob, &[]).await, direct(&*storage, ann, bob).await);
    let mut told = vec![];
    for blocked in [Blocked::User(bob), Blocked::Strangers] {
        block(&*storage, ann, blocked).await;
        let mut answers = vec![storage.insert_contact(bob, ann, NOW).await.unwrap_err().to_string()];
        for action in attempts(group, talk, ann) {
            answers.push(attempt(&*storage, bob, action).await.unwrap_err().to_string());
        }
        storage.remove_block(ann, blocked).await.unwrap();
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
}

pub async fn whoever_blocks_does_not_turn_to_whom_they_block(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let (group, talk) = (group(&*storage, ann, &[]).await, direct(&*storage, ann, bob).await);
    block(&*storage, ann, Blocked::User(bob)).await;
    for action in attempts(group, talk, bob) {
        assert_refused!(attempt(&*storage, ann, action).await, Forbidden(_));
    }
}

pub async fn what_was_said_directly_is_edited_no_more_but_deleted(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let talk = direct(&*storage, ann, bob).await;
    let message = send(&*storage, bob, talk, "before").await.id;
    block(&*storage, ann, Blocked::User(bob)).await;
    assert_refused!(attempt(&*storage, bob, editing(message, "after")).await, Forbidden(_));
    assert_eq!(words(&*storage, ann, talk).await, ["before"]);
    perform(&*storage, bob, Action::Delete { message }).await;
    assert_eq!(words(&*storage, ann, talk).await, [""]);
}

pub async fn a_direct_conversation_stays_readable_to_whom_one_blocks(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let talk = direct(&*storage, ann, bob).await;
    let message = send(&*storage, ann, talk, "before").await;
    block(&*storage, ann, Blocked::User(bob)).await;
    let known = attempt(&*storage, bob, opening(ann)).await.unwrap();
    assert_eq!((place(&known), known.is_new), (talk, false));
    assert_eq!(history(&*storage, bob, talk).await, std::slice::from_ref(&message));
    perform(&*storage, bob, reading(&[message.id])).await;
    assert_eq!(unread(&*storage, bob, talk).await, 0);
}

pub async fn a_block_changes_nothing_in_groups(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, bob, &[ann]).await;
    block(&*storage, ann, Blocked::User(bob)).await;
    let message = send(&*storage, bob, group, "hello").await.id;
    perform(&*storage, bob, editing(message, "hello all")).await;
    send(&*storage, ann, group, "hello bob").await;
    perform(&*storage, bob, giving(group, ann, Role::Admin)).await;
    assert_eq!(words(&*storage, ann, group).await, ["hello all", "hello bob"]);
    let public = public_group(&*storage, ann, "open").await;
    perform(&*storage, bob, adding(public, bob)).await;
    send(&*storage, bob, public, "hello").await;
}

pub async fn a_nonce_of_before_a_block_is_answered(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let talk = direct(&*storage, ann, bob).await;
    let sent = message(&perform(&*storage, bob, sending_as(talk, "before", "nonce")).await);
    block(&*storage, ann, Blocked::User(bob)).await;
    let again = perform(&*storage, bob, sending_as(talk, "before", "nonce")).await;
    assert_eq!((message(&again), again.is_new), (sent, false));
}

pub async fn a_direct_conversation_is_apart_while_one_is_closed_to_the_other(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let (group, talk) = (group(&*storage, ann, &[bob]).await, direct(&*storage, ann, bob).await);
    assert!(!storage.is_apart(talk).await.unwrap());
    for (user, blocked) in [(ann, Blocked::User(bob)), (bob, Blocked::User(ann)), (bob, Blocked::Strangers)] {
        block(&*storage, user, blocked).await;
        assert!(storage.is_apart(talk).await.unwrap());
        assert!(!storage.is_apart(group).await.unwrap());
        storage.remove_block(user, blocked).await.unwrap();
        assert!(!storage.is_apart(talk).await.unwrap());
    }
    assert!(!storage.is_apart(unknown()).await.unwrap());
}

pub async fn read_marks_of_two_who_are_apart_are_private(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let talk = direct(&*storage, ann, bob).await;
    for (user, blocked) in [(ann, Blocked::User(bob)), (bob, Blocked::Strangers)] {
        let [first, second] = [send(&*storage, ann, talk, "a").await.id, send(&*storage, bob, talk, "b").await.id];
        block(&*storage, user, blocked).await;
        for (reader, message) in [(ann, second), (bob, first)] {
            assert!(is_private(&*storage, reader, message).await);
        }
        storage.remove_block(user, blocked).await.unwrap();
        let third = send(&*storage, ann, talk, "c").await.id;
        assert!(!is_private(&*storage, bob, third).await);
    }
}

pub async fn a_deleted_user_blocks_nobody_and_is_blocked_by_nobody(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    block(&*storage, ann, Blocked::User(bob)).await;
    block(&*storage, bob, Blocked::User(cleo)).await;
    block(&*storage, bob, Blocked::Strangers).await;
    perform(&*storage, bob, Action::DeleteUser { user: bob }).await;
    assert!(listed(&*storage, ann).await.is_empty());
    assert!(listed(&*storage, bob).await.is_empty());
    assert!(!storage.blocks_strangers(bob).await.unwrap());
    assert!(!storage.remove_block(ann, Blocked::User(bob)).await.unwrap());
    assert_eq!(closed_to(&*storage, cleo, &[bob]).await, []);
    assert_refused!(storage.put_block(ann, Blocked::User(bob), NOW).await, NotFound("user"));
    assert_refused!(storage.put_block(bob, Blocked::Strangers, NOW).await, NotFound("user"));
}

/// How often a race is run again.
const ROUNDS: usize = 10;

pub async fn nothing_is_said_once_a_block_is_answered(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let [ann, bob] = users(&*storage, [&format!("ann{round}"), &format!("bob{round}")]).await;
        let talk = direct(&*storage, ann, bob).await;
        let blocked = if round % 2 == 0 { Blocked::User(bob) } else { Blocked::Strangers };
        let said = rush(&storage, ann, blocked, bob, sending(talk, "hello"), move |storage| async move {
            words(&*storage, ann, talk).await.len()
        });
        assert_eq!(said.await, words(&*storage, ann, talk).await.len());
    }
}

pub async fn nobody_is_brought_in_once_a_block_is_answered(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let [ann, bob] = users(&*storage, [&format!("ann{round}"), &format!("bob{round}")]).await;
        let blocked = if round % 2 == 0 { Blocked::User(bob) } else { Blocked::Strangers };
        let inviting = creating("group", crate::Visibility::Private, &[ann]);
        let memberships = rush(&storage, ann, blocked, bob, inviting, move |storage| async move {
            storage.list_memberships(ann).await.unwrap().len()
        });
        assert_eq!(memberships.await, storage.list_memberships(ann).await.unwrap().len());
    }
}

pub async fn no_contact_is_made_beside_a_block(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let [ann, bob] = users(&*storage, [&format!("ann{round}"), &format!("bob{round}")]).await;
        let tasks = (0..4).map(|task| {
            let storage = storage.clone();
            async move {
                match task {
                    0 => drop(storage.put_block(ann, Blocked::User(bob), NOW).await.unwrap()),
                    _ => drop(storage.insert_contact(bob, ann, NOW).await),
                }
            }
        });
        at_once(tasks).await;
        assert!(contacts(&*storage, ann).await.is_empty() && contacts(&*storage, bob).await.is_empty());
    }
}

/// Lets `bob` ask for the same again and again while `ann` blocks, and returns what was there when the block was answered.
async fn rush<T, F>(
    storage: &Arc<dyn Storage>,
    ann: UserId,
    blocked: Blocked,
    bob: UserId,
    action: Action,
    look: impl Fn(Arc<dyn Storage>) -> F + Clone + Send + Sync + 'static,
) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send,
{
    let tasks = (0..6).map(|task| {
        let (storage, action, look) = (storage.clone(), action.clone(), look.clone());
        async move {
            if task == 3 {
                block(&*storage, ann, blocked).await;
                return Some(look(storage).await);
            }
            for _ in 0..4 {
                let _ = attempt(&*storage, bob, action.clone()).await;
            }
            None
        }
    });
    at_once(tasks).await.into_iter().flatten().next().unwrap()
}

async fn block(storage: &dyn Storage, user: UserId, blocked: Blocked) -> bool {
    storage.put_block(user, blocked, NOW).await.unwrap()
}

fn opening(other: UserId) -> Action {
    Action::Create(NewConversation::Direct(other))
}

/// Whether only the reader is told of their mark.
async fn is_private(storage: &dyn Storage, reader: UserId, message: crate::MessageId) -> bool {
    let marked = perform(storage, reader, reading(&[message])).await;
    matches!(marked.events[0].kind, EventKind::Read { is_private: true, .. })
}

async fn listed(storage: &dyn Storage, user: UserId) -> Vec<UserId> {
    let page = storage.list_blocked(user, None, ALL).await.unwrap();
    page.items.into_iter().map(|user| user.id).collect()
}

async fn contacts(storage: &dyn Storage, user: UserId) -> Vec<UserId> {
    storage.list_contacts(user).await.unwrap().into_iter().map(|contact| contact.id).collect()
}

async fn closed_to(storage: &dyn Storage, viewer: UserId, users: &[UserId]) -> Vec<UserId> {
    let mut closed = storage.find_closed(viewer, users).await.unwrap();
    closed.sort();
    closed
}
