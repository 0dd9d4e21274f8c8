//! Checks of what is left when a future is dropped half way.

use super::support::*;
use crate::{
    Action, ConversationId, Event, History, NewLogin, NewUser, PasswordHash, Rotation, Storage, StorageError,
    Timestamp, UserId, UserKey, Visibility,
};
use std::future::Future;
use std::sync::Arc;

/// Points at which a future is dropped, as numbers of turns that other tasks have had.
const DROP_POINTS: [usize; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 1_024, 4_096, 16_384];

const LATER: Timestamp = Timestamp(NOW.0 + 3_600);

pub async fn a_dropped_append_leaves_all_of_the_batch_or_nothing(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for (round, point) in DROP_POINTS.into_iter().enumerate() {
        let batch: Vec<_> = (0..5).map(|n| by(ann, sending(group, &format!("{round}, {n}")))).collect();
        drop_after(point, storage.append(&batch)).await;
        for (round, count) in kept_of_each_round(&*storage, ann, group).await.into_iter().enumerate() {
            assert!(count == 0 || count == 5, "{count} of the 5 messages of round {round} are there");
        }
    }
    assert_no_gap(&events(&*storage, group).await);
}

pub async fn a_dropped_append_leaves_the_storage_working(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for point in DROP_POINTS {
        drop_after(point, storage.append(&[by(ann, sending(group, "dropped"))])).await;
    }
    let drops = DROP_POINTS.into_iter().cycle().take(64).map(|point| {
        let storage = storage.clone();
        async move {
            drop_after(point, storage.append(&[by(ann, sending(group, "dropped"))])).await;
        }
    });
    at_once(drops).await;
    let kept = send(&*storage, ann, group, "kept").await;
    let events = events(&*storage, group).await;
    assert_no_gap(&events);
    assert_eq!(events.last().and_then(said), Some(&kept));
}

pub async fn a_dropped_creation_leaves_a_whole_group_or_none(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    for point in DROP_POINTS {
        let creation = by(ann, creating("group", Visibility::Private, &[bob, cleo]));
        drop_after(point, storage.append(&[creation])).await;
    }
    send_through(&*storage, ann).await;
    for summary in storage.list_conversations(bob, None, None, ALL).await.unwrap().items {
        let group = summary.conversation.id;
        assert_eq!(members(&*storage, ann, group).await.len(), 3);
    }
    let groups_of = |user| {
        let storage = storage.clone();
        async move { storage.list_memberships(user).await.unwrap().len() }
    };
    assert_eq!(groups_of(bob).await, groups_of(cleo).await);
}

pub async fn a_dropped_deletion_of_a_user_is_whole_or_none(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for (round, point) in DROP_POINTS.into_iter().enumerate() {
        let bob = user(&*storage, &format!("bob{round}")).await;
        let group = group(&*storage, ann, &[bob]).await;
        chatter(&*storage, bob, group, 3).await;
        drop_after(point, storage.append(&[by(bob, Action::DeleteUser { user: bob })])).await;
        let before = words(&*storage, ann, group).await;
        let found = storage.find_user(&UserKey::Id(bob)).await.unwrap();
        let after = words(&*storage, ann, group).await;
        match found {
            Some(_) => assert!(before.iter().all(|words| !words.is_empty())),
            None => assert!(after.iter().all(String::is_empty)),
        }
    }
}

pub async fn a_dropped_registration_is_whole_or_none(storage: Arc<dyn Storage>) {
    for (round, point) in DROP_POINTS.into_iter().enumerate() {
        let name = format!("ann{round}");
        drop_after(point, storage.insert_user(new_user(&name))).await;
        match storage.insert_user(new_user(&name)).await {
            Ok(_) => {}
            Err(StorageError::Conflict { field: "username", .. }) => {}
            Err(error) => panic!("the name is neither free nor taken: {error}"),
        }
        assert!(storage.find_user(&UserKey::Username(username(&name))).await.unwrap().is_some());
    }
}

pub async fn a_dropped_going_offline_is_of_all_or_of_none(storage: Arc<dyn Storage>) {
    let crowd = crowd(&*storage, 5).await;
    for (round, point) in (1..).zip(DROP_POINTS) {
        let now = Timestamp(round);
        drop_after(point, storage.put_last_online(&crowd, now)).await;
        let users = storage.list_users(None, None, ALL).await.unwrap().items;
        let gone = users.iter().filter(|user| user.last_online == Some(now)).count();
        assert!(gone == 0 || gone == 5, "{gone} of the 5 went offline");
    }
}

pub async fn a_dropped_contact_is_mutual_or_none(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for (round, point) in DROP_POINTS.into_iter().enumerate() {
        let bob = user(&*storage, &format!("bob{round}")).await;
        drop_after(point, storage.insert_contact(ann, bob, NOW)).await;
        let before = has_contact(&*storage, ann, bob).await;
        let other_side = has_contact(&*storage, bob, ann).await;
        let after = has_contact(&*storage, ann, bob).await;
        assert!(before <= other_side && other_side <= after, "only one of the two has the contact");
    }
}

pub async fn a_dropped_block_is_whole_or_none(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for (round, point) in DROP_POINTS.into_iter().enumerate() {
        let bob = user(&*storage, &format!("bob{round}")).await;
        storage.insert_contact(ann, bob, NOW).await.unwrap();
        drop_after(point, storage.put_block(ann, crate::Blocked::User(bob), NOW)).await;
        // It may be under way: whoever comes after it finds it done.
        storage.put_block(bob, crate::Blocked::Strangers, NOW).await.unwrap();
        let is_blocked = !storage.find_closed(bob, &[ann]).await.unwrap().is_empty();
        assert_eq!(has_contact(&*storage, ann, bob).await, !is_blocked, "a block beside a contact, or neither");
    }
}

pub async fn a_dropped_new_password_is_whole_or_none(storage: Arc<dyn Storage>) {
    let [first, second] = ["first", "second"].map(|text| PasswordHash::from_stored(text.into()));
    for (round, point) in (0..).zip(DROP_POINTS) {
        let new = NewUser { password: Some(first.clone()), ..new_user(&format!("ann{round}")) };
        let ann = storage.insert_user(new).await.unwrap().id;
        storage.insert_login(login(ann, round)).await.unwrap();
        drop_after(point, storage.put_password(ann, &second, None)).await;
        let before = storage.list_logins(ann, NOW).await.unwrap();
        let password = storage.find_password(ann).await.unwrap();
        let after = storage.list_logins(ann, NOW).await.unwrap();
        match password == Some(second.clone()) {
            true => assert!(after.is_empty(), "the password is new, the login is alive"),
            false => assert_eq!(before.len(), 1, "the login is gone, the password is old"),
        }
    }
}

pub async fn a_dropped_refresh_is_whole_or_none(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for (round, point) in (0..).zip(DROP_POINTS) {
        let [spent, successor, next] = [round, 100 + round, 200 + round].map(|n| [n; 32]);
        storage.insert_login(login(ann, round)).await.unwrap();
        drop_after(point, storage.rotate_login(&spent, &successor, NOW, LATER)).await;
        send_through(&*storage, ann).await;
        if storage.rotate_login(&successor, &next, NOW, LATER).await.unwrap() == Rotation::Unknown {
            let rotation = storage.rotate_login(&spent, &next, NOW, LATER).await.unwrap();
            assert!(matches!(rotation, Rotation::Rotated(_)), "neither the token nor its successor is good");
        }
    }
}

/// Lets a future run while other tasks have this many turns, and drops it where it stands then.
async fn drop_after<F: Future>(turns: usize, future: F) {
    let others = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = future => {}
        () = others => {}
    }
}

/// How many messages of each round are there, read in one page.
async fn kept_of_each_round(storage: &dyn Storage, viewer: UserId, conversation: ConversationId) -> Vec<usize> {
    let page = storage.list_messages(viewer, conversation, History::Latest, ALL).await.unwrap().unwrap();
    let belongs = |round: usize, content: &str| content.starts_with(&format!("{round}, "));
    let kept = |round| page.items.iter().filter(|message| belongs(round, &message.content)).count();
    (0..DROP_POINTS.len()).map(kept).collect()
}

fn assert_no_gap(events: &[Event]) {
    assert_eq!(places(events), (1..=events.len() as i64).collect::<Vec<_>>());
}

/// A change that waits for whatever is still under way.
async fn send_through(storage: &dyn Storage, user: UserId) {
    let group = group(storage, user, &[]).await;
    send(storage, user, group, "hello").await;
}

fn login(user: UserId, refresh: u8) -> NewLogin {
    NewLogin { user, refresh: [refresh; 32], at: NOW, expires_at: LATER }
}

async fn has_contact(storage: &dyn Storage, user: UserId, contact: UserId) -> bool {
    storage.list_contacts(user).await.unwrap().iter().any(|known| known.id == contact)
}
