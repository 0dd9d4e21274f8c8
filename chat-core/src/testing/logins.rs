//! Checks of [`LoginStorage`](crate::LoginStorage).

use super::support::*;
use crate::{
    Action, Login, LoginId, NewLogin, NewUser, PasswordHash, Rotation, Storage, Timestamp, TokenHash, UserId, limits,
};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

pub async fn a_password_given_at_registration_is_kept(storage: Arc<dyn Storage>) {
    let new = NewUser { password: Some(hash("first")), ..new_user("ann") };
    let ann = storage.insert_user(new).await.unwrap().id;
    assert_eq!(storage.find_password(ann).await.unwrap(), Some(hash("first")));
}

pub async fn a_user_may_have_no_password(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    assert_eq!(storage.find_password(ann).await.unwrap(), None);
}

pub async fn a_password_is_replaced(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    storage.put_password(ann, &hash("first"), None).await.unwrap();
    storage.put_password(ann, &hash("second"), None).await.unwrap();
    assert_eq!(storage.find_password(ann).await.unwrap(), Some(hash("second")));
}

pub async fn a_password_needs_a_user(storage: Arc<dyn Storage>) {
    assert_refused!(storage.put_password(unknown(), &hash("first"), None).await, NotFound("user"));
}

pub async fn a_login_begins_as_given(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    let expected = Login { id: login.id, user: ann, created_at: NOW, refreshed_at: NOW, expires_at: NOW.plus(HOUR) };
    assert_eq!(login, expected);
}

pub async fn a_login_needs_a_user(storage: Arc<dyn Storage>) {
    assert_refused!(storage.insert_login(new_login(unknown(), 1)).await, NotFound("user"));
}

pub async fn a_new_login_makes_the_expired_ones_forgotten(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let old = login(&*storage, ann, 1).await;
    let later = NOW.plus(2 * HOUR);
    let new = NewLogin { at: later, expires_at: later.plus(HOUR), ..new_login(ann, 2) };
    storage.insert_login(new).await.unwrap();
    assert_eq!(storage.find_login(old.id, NOW).await.unwrap(), None);
}

pub async fn a_new_login_leaves_the_living_ones(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let old = login(&*storage, ann, 1).await;
    login(&*storage, ann, 2).await;
    assert!(is_found(&*storage, &old).await);
}

pub async fn a_login_is_found_with_its_user(storage: Arc<dyn Storage>) {
    let ann = storage.insert_user(new_user("ann")).await.unwrap();
    let login = login(&*storage, ann.id, 1).await;
    assert_eq!(storage.find_login(login.id, NOW).await.unwrap(), Some((login, ann)));
}

pub async fn an_unknown_login_is_not_found(storage: Arc<dyn Storage>) {
    assert_eq!(storage.find_login(unknown(), NOW).await.unwrap(), None);
}

pub async fn a_login_ends_at_the_second_it_expires(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    let last = Timestamp(login.expires_at.0 - 1);
    assert!(storage.find_login(login.id, last).await.unwrap().is_some());
    assert!(storage.find_login(login.id, login.expires_at).await.unwrap().is_none());
}

pub async fn logins_are_listed_oldest_first(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let mut expected = vec![];
    for n in 0..3 {
        let new = NewLogin { at: NOW.plus(HOUR * n), expires_at: NOW.plus(HOUR * 9), ..new_login(ann, n as u8) };
        expected.push(storage.insert_login(new).await.unwrap());
    }
    rotate_at(&*storage, 0, 7, NOW.plus(HOUR * 3)).await;
    let listed = storage.list_logins(ann, NOW.plus(HOUR * 3)).await.unwrap();
    assert_eq!(ids(&listed), ids(&expected));
}

pub async fn only_living_logins_of_the_user_are_listed(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let long = NewLogin { expires_at: NOW.plus(2 * HOUR), ..new_login(ann, 1) };
    let long = storage.insert_login(long).await.unwrap();
    login(&*storage, ann, 2).await;
    login(&*storage, bob, 3).await;
    assert_eq!(storage.list_logins(ann, NOW.plus(HOUR)).await.unwrap(), [long]);
}

pub async fn a_refresh_extends_the_login(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let old = login(&*storage, ann, 1).await;
    let (now, end) = (NOW.plus(HOUR / 2), NOW.plus(3 * HOUR));
    let rotation = storage.rotate_login(&token(1), &token(2), now, end).await.unwrap();
    let expected = Login { refreshed_at: now, expires_at: end, ..old };
    assert_eq!(rotation, Rotation::Rotated(expected.clone()));
    let found = storage.find_login(expected.id, NOW.plus(2 * HOUR)).await.unwrap();
    assert_eq!(found.map(|(login, _)| login), Some(expected));
}

pub async fn the_successor_of_a_token_is_good_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    login(&*storage, ann, 1).await;
    rotate(&*storage, 1, 2).await;
    assert!(matches!(rotate(&*storage, 2, 3).await, Rotation::Rotated(_)));
    assert!(matches!(rotate(&*storage, 2, 4).await, Rotation::Reused(_)));
}

pub async fn a_spent_token_revokes_the_login(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    rotate(&*storage, 1, 2).await;
    let Rotation::Reused(reused) = rotate(&*storage, 1, 3).await else { panic!("a spent token was good") };
    assert_eq!(reused.id, login.id);
    assert!(!is_found(&*storage, &login).await);
    assert_eq!(rotate(&*storage, 2, 4).await, Rotation::Unknown);
}

pub async fn a_token_spent_long_ago_revokes_the_login_too(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    for n in 1..5 {
        rotate(&*storage, n, n + 1).await;
    }
    assert!(matches!(rotate(&*storage, 1, 9).await, Rotation::Reused(_)));
    assert!(!is_found(&*storage, &login).await);
}

pub async fn tokens_spent_too_long_ago_are_forgotten(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let remembered = u8::try_from(limits::SPENT_TOKENS_MAX).unwrap();
    let login = [login(&*storage, ann, 1).await, login(&*storage, bob, 200).await];
    rotate(&*storage, 200, 201).await;
    for n in 1..=remembered + 1 {
        rotate(&*storage, n, n + 1).await;
    }
    assert_eq!(rotate(&*storage, 1, 199).await, Rotation::Unknown);
    assert!(is_found(&*storage, &login[0]).await);
    assert!(matches!(rotate(&*storage, 2, 199).await, Rotation::Reused(_)));
    assert!(!is_found(&*storage, &login[0]).await);
    assert!(matches!(rotate(&*storage, 200, 202).await, Rotation::Reused(_)));
}

pub async fn a_spent_token_leaves_other_logins_alone(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    login(&*storage, ann, 1).await;
    let other = login(&*storage, ann, 10).await;
    rotate(&*storage, 1, 2).await;
    rotate(&*storage, 1, 3).await;
    assert!(is_found(&*storage, &other).await);
}

pub async fn an_unknown_token_is_unknown(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    assert_eq!(rotate(&*storage, 2, 3).await, Rotation::Unknown);
    assert!(is_found(&*storage, &login).await);
}

pub async fn the_token_of_an_expired_login_is_unknown(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    assert_eq!(rotate_at(&*storage, 1, 2, login.expires_at).await, Rotation::Unknown);
}

pub async fn the_token_of_a_revoked_login_is_unknown(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    storage.revoke_login(ann, login.id).await.unwrap();
    assert_eq!(rotate(&*storage, 1, 2).await, Rotation::Unknown);
}

pub async fn a_revoked_login_is_gone(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    assert!(storage.revoke_login(ann, login.id).await.unwrap());
    assert!(!is_found(&*storage, &login).await);
    assert!(storage.list_logins(ann, NOW).await.unwrap().is_empty());
}

pub async fn a_login_is_revoked_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let login = login(&*storage, ann, 1).await;
    assert!(storage.revoke_login(ann, login.id).await.unwrap());
    assert!(!storage.revoke_login(ann, login.id).await.unwrap());
}

pub async fn nobody_revokes_the_login_of_another(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let login = login(&*storage, ann, 1).await;
    assert!(!storage.revoke_login(bob, login.id).await.unwrap());
    assert!(is_found(&*storage, &login).await);
}

pub async fn a_new_password_revokes_all_logins_but_one(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let first = login(&*storage, ann, 1).await;
    let kept = login(&*storage, ann, 2).await;
    let third = login(&*storage, ann, 3).await;
    let other = login(&*storage, bob, 4).await;
    let mut revoked = storage.put_password(ann, &hash("new"), Some(kept.id)).await.unwrap();
    revoked.sort();
    assert_eq!(revoked, [first.id, third.id]);
    assert_eq!(storage.list_logins(ann, NOW).await.unwrap(), [kept]);
    assert!(is_found(&*storage, &other).await);
}

pub async fn a_new_password_revokes_all_logins(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    login(&*storage, ann, 1).await;
    login(&*storage, ann, 2).await;
    assert_eq!(storage.put_password(ann, &hash("new"), None).await.unwrap().len(), 2);
    assert!(storage.list_logins(ann, NOW).await.unwrap().is_empty());
}

pub async fn logins_and_password_of_a_deleted_user_are_gone(storage: Arc<dyn Storage>) {
    let ann = storage.insert_user(NewUser { password: Some(hash("first")), ..new_user("ann") }).await.unwrap().id;
    let login = login(&*storage, ann, 1).await;
    perform(&*storage, ann, Action::DeleteUser { user: ann }).await;
    assert_eq!(storage.find_password(ann).await.unwrap(), None);
    assert_refused!(storage.put_password(ann, &hash("second"), None).await, NotFound("user"));
    assert!(!is_found(&*storage, &login).await);
    assert!(storage.list_logins(ann, NOW).await.unwrap().is_empty());
    assert_eq!(rotate(&*storage, 1, 2).await, Rotation::Unknown);
    assert!(!storage.revoke_login(ann, login.id).await.unwrap());
    assert_refused!(storage.insert_login(new_login(ann, 5)).await, NotFound("user"));
}

pub async fn of_two_refreshes_at_once_one_is_reused(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for round in 0..10 {
        let first = round * 3;
        let login = login(&*storage, ann, first).await;
        let rotations = at_once([first + 1, first + 2].map(|successor| {
            let storage = storage.clone();
            async move { rotate(&*storage, first, successor).await }
        }));
        let rotations = rotations.await;
        assert_eq!(rotations.iter().filter(|rotation| matches!(rotation, Rotation::Rotated(_))).count(), 1);
        assert_eq!(rotations.iter().filter(|rotation| matches!(rotation, Rotation::Reused(_))).count(), 1);
        assert!(!is_found(&*storage, &login).await);
    }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${text}"))
}

fn token(n: u8) -> TokenHash {
    [n; 32]
}

fn new_login(user: UserId, refresh: u8) -> NewLogin {
    NewLogin { user, refresh: token(refresh), at: NOW, expires_at: NOW.plus(HOUR) }
}

/// A login of one hour from now.
async fn login(storage: &dyn Storage, user: UserId, refresh: u8) -> Login {
    storage.insert_login(new_login(user, refresh)).await.unwrap()
}

async fn rotate(storage: &dyn Storage, spent: u8, successor: u8) -> Rotation {
    rotate_at(storage, spent, successor, NOW).await
}

async fn rotate_at(storage: &dyn Storage, spent: u8, successor: u8, now: Timestamp) -> Rotation {
    storage.rotate_login(&token(spent), &token(successor), now, now.plus(HOUR)).await.unwrap()
}

async fn is_found(storage: &dyn Storage, login: &Login) -> bool {
    storage.find_login(login.id, NOW).await.unwrap().is_some()
}

fn ids(logins: &[Login]) -> Vec<LoginId> {
    logins.iter().map(|login| login.id).collect()
}
