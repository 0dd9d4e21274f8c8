//! Checks of [`ContactStorage`](crate::ContactStorage).

use super::support::*;
use crate::{Action, Storage, StorageError, UserId, limits};
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

pub async fn contacts_are_mutual(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    assert!(befriend(&*storage, ann, bob).await.unwrap());
    assert_eq!(contacts(&*storage, ann).await, ["bob"]);
    assert_eq!(contacts(&*storage, bob).await, ["ann"]);
}

pub async fn contacts_are_whole_users(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let bob = storage.insert_user(new_user("bob")).await.unwrap();
    befriend(&*storage, ann, bob.id).await.unwrap();
    assert_eq!(storage.list_contacts(ann).await.unwrap(), [bob]);
}

pub async fn contacts_are_made_once(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    befriend(&*storage, ann, bob).await.unwrap();
    assert!(!befriend(&*storage, ann, bob).await.unwrap());
    assert!(!befriend(&*storage, bob, ann).await.unwrap());
    assert_eq!(contacts(&*storage, ann).await, ["bob"]);
}

pub async fn both_contacts_must_exist(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    assert_refused!(befriend(&*storage, ann, unknown()).await, NotFound("user"));
    assert_refused!(befriend(&*storage, unknown(), ann).await, NotFound("user"));
}

pub async fn contacts_end_for_both(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    befriend(&*storage, ann, bob).await.unwrap();
    befriend(&*storage, ann, cleo).await.unwrap();
    assert!(storage.remove_contact(bob, ann).await.unwrap());
    assert_eq!(contacts(&*storage, ann).await, ["cleo"]);
    assert!(contacts(&*storage, bob).await.is_empty());
}

pub async fn contacts_end_once(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    assert!(!storage.remove_contact(ann, bob).await.unwrap());
    befriend(&*storage, ann, bob).await.unwrap();
    assert!(storage.remove_contact(ann, bob).await.unwrap());
    assert!(!storage.remove_contact(ann, bob).await.unwrap());
    assert!(!storage.remove_contact(bob, ann).await.unwrap());
}

pub async fn contacts_are_listed_by_username(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for name in ["Dora", "cleo", "b_b", "B-b", "bab", "Zoe", "b2"] {
        let contact = user(&*storage, name).await;
        befriend(&*storage, ann, contact).await.unwrap();
    }
    assert_eq!(contacts(&*storage, ann).await, ["B-b", "b2", "b_b", "bab", "cleo", "Dora", "Zoe"]);
}

pub async fn a_deleted_user_is_nobodys_contact(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    befriend(&*storage, ann, bob).await.unwrap();
    perform(&*storage, bob, Action::DeleteUser { user: bob }).await;
    assert!(contacts(&*storage, ann).await.is_empty());
    assert!(contacts(&*storage, bob).await.is_empty());
    assert_refused!(befriend(&*storage, ann, bob).await, NotFound("user"));
    assert!(!storage.remove_contact(ann, bob).await.unwrap());
}

pub async fn nobody_has_more_contacts_than_allowed(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let crowd = crowd(&*storage, limits::CONTACTS_MAX as usize).await;
    let friendships = futures::stream::iter(crowd.clone()).map(|contact| befriend(&*storage, ann, contact));
    let made: Vec<bool> = friendships.buffer_unordered(32).try_collect().await.unwrap();
    assert!(made.into_iter().all(|made| made));
    assert_refused!(befriend(&*storage, ann, bob).await, Forbidden(_));
    assert_refused!(befriend(&*storage, bob, ann).await, Forbidden(_));
    assert!(!befriend(&*storage, ann, crowd[0]).await.unwrap());
    assert!(contacts(&*storage, bob).await.is_empty());
}

pub async fn contacts_made_from_both_sides_at_once_are_made_once(storage: Arc<dyn Storage>) {
    for round in 0..10 {
        let [ann, bob] = users(&*storage, [&format!("ann{round}"), &format!("bob{round}")]).await;
        let made = at_once([(ann, bob), (bob, ann)].map(|(user, contact)| {
            let storage = storage.clone();
            async move { befriend(&*storage, user, contact).await.unwrap() }
        }));
        assert_eq!(made.await.into_iter().filter(|made| *made).count(), 1);
    }
}

async fn befriend(storage: &dyn Storage, user: UserId, contact: UserId) -> Result<bool, StorageError> {
    storage.insert_contact(user, contact, NOW).await
}

async fn contacts(storage: &dyn Storage, user: UserId) -> Vec<String> {
    storage.list_contacts(user).await.unwrap().into_iter().map(|contact| contact.username.to_string()).collect()
}
