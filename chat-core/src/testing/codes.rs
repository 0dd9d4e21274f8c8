//! Checks of [`CodeStorage`](crate::CodeStorage), and of changing the address that codes are mailed to.

use super::support::*;
use crate::{
    Action, CodeHash, CodeTry, Email, NewCode, NewLogin, NewUser, PasswordHash, Purpose, Storage, Timestamp, User,
    UserId, UserKey, limits,
};
use Purpose::{Reset, Verification};
use std::sync::Arc;
use std::time::Duration;

const QUARTER: Duration = Duration::from_secs(15 * 60);

pub async fn a_code_is_good_for_whom_it_was_kept(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    assert_eq!(put(&*storage, "ann", Reset, 1, NOW).await, Some(ann.clone()));
    assert_eq!(tried(&*storage, "ann", Reset, 1).await, Some(ann));
}

pub async fn an_address_is_looked_up_whatever_its_case(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    assert_eq!(put(&*storage, "ANN", Reset, 1, NOW).await, Some(ann.clone()));
    assert_eq!(tried(&*storage, "Ann", Reset, 1).await, Some(ann));
}

pub async fn nobody_gets_no_code(storage: Arc<dyn Storage>) {
    user(&*storage, "ann").await;
    assert_eq!(put(&*storage, "ann", Reset, 1, NOW).await, None);
    assert_eq!(tried(&*storage, "ann", Reset, 1).await, None);
    assert_eq!(spent(&*storage, "ann", Verification, 1).await, None);
    assert_eq!(reset(&*storage, "ann", 1, "new").await, None);
}

pub async fn a_code_is_good_for_its_purpose_only(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Verification, 1, NOW).await.unwrap();
    put(&*storage, "ann", Reset, 2, NOW).await.unwrap();
    assert_eq!(tried(&*storage, "ann", Reset, 1).await, None);
    assert_eq!(tried(&*storage, "ann", Verification, 2).await, None);
    assert!(tried(&*storage, "ann", Verification, 1).await.is_some());
    assert!(tried(&*storage, "ann", Reset, 2).await.is_some());
}

pub async fn a_code_is_good_for_its_user_only(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    mailed(&*storage, "bob").await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    assert_eq!(tried(&*storage, "bob", Reset, 1).await, None);
    assert_eq!(reset(&*storage, "bob", 1, "new").await, None);
}

pub async fn a_newer_code_kills_the_one_before(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    put(&*storage, "ann", Reset, 2, NOW).await.unwrap();
    assert_eq!(tried(&*storage, "ann", Reset, 1).await, None);
    assert!(tried(&*storage, "ann", Reset, 2).await.is_some());
}

pub async fn a_code_dies_at_the_second_it_expires(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    let end = NOW.plus(QUARTER);
    let last = Timestamp(end.0 - 1);
    assert!(storage.try_code(&CodeTry { at: last, ..code("ann", Reset, 1) }).await.unwrap().is_some());
    let late = CodeTry { at: end, ..code("ann", Reset, 1) };
    assert_eq!(storage.try_code(&late).await.unwrap(), None);
    assert_eq!(storage.spend_code(&late).await.unwrap(), None);
    assert_eq!(storage.spend_code_for_password(&late, &hash("new")).await.unwrap(), None);
}

pub async fn trying_the_right_code_leaves_it_good(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    for _ in 0..=limits::CODE_TRIES_MAX {
        assert!(tried(&*storage, "ann", Reset, 1).await.is_some());
    }
    assert!(reset(&*storage, "ann", 1, "new").await.is_some());
}

pub async fn a_code_survives_all_wrong_tries_but_the_last(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    for _ in 1..limits::CODE_TRIES_MAX {
        assert_eq!(tried(&*storage, "ann", Reset, 9).await, None);
    }
    assert!(tried(&*storage, "ann", Reset, 1).await.is_some());
}

pub async fn wrong_tries_of_every_kind_kill_a_code(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    for wrong in 0..limits::CODE_TRIES_MAX {
        match wrong % 3 {
            0 => assert_eq!(tried(&*storage, "ann", Reset, 9).await, None),
            1 => assert_eq!(spent(&*storage, "ann", Reset, 9).await, None),
            _ => assert_eq!(reset(&*storage, "ann", 9, "new").await, None),
        }
    }
    assert_eq!(tried(&*storage, "ann", Reset, 1).await, None);
    assert_eq!(spent(&*storage, "ann", Reset, 1).await, None);
    assert_eq!(reset(&*storage, "ann", 1, "new").await, None);
}

pub async fn wrong_tries_at_once_are_each_counted(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    for round in 0..limits::CODES_MAX {
        put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
        let wrong = (0..limits::CODE_TRIES_MAX).map(|_| {
            let storage = storage.clone();
            async move { tried(&*storage, "ann", Reset, 9).await }
        });
        at_once(wrong).await;
        assert_eq!(tried(&*storage, "ann", Reset, 1).await, None, "round {round}");
    }
}

pub async fn a_newer_code_has_tries_of_its_own(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    for _ in 0..limits::CODE_TRIES_MAX {
        tried(&*storage, "ann", Reset, 9).await;
    }
    put(&*storage, "ann", Reset, 2, NOW).await.unwrap();
    assert!(tried(&*storage, "ann", Reset, 2).await.is_some());
}

pub async fn a_spent_code_verifies_the_address(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    put(&*storage, "ann", Verification, 1, NOW).await.unwrap();
    let verified = User { email_verified: true, ..ann.clone() };
    assert_eq!(spent(&*storage, "ann", Verification, 1).await, Some(verified.clone()));
    assert_eq!(storage.find_user(&UserKey::Id(ann.id)).await.unwrap(), Some(verified));
}

pub async fn a_code_is_spent_once(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Verification, 1, NOW).await.unwrap();
    put(&*storage, "ann", Reset, 2, NOW).await.unwrap();
    spent(&*storage, "ann", Verification, 1).await.unwrap();
    reset(&*storage, "ann", 2, "new").await.unwrap();
    assert_eq!(spent(&*storage, "ann", Verification, 1).await, None);
    assert_eq!(tried(&*storage, "ann", Reset, 2).await, None);
    assert_eq!(reset(&*storage, "ann", 2, "newer").await, None);
    assert_eq!(password(&*storage, "ann").await, Some(hash("new")));
}

pub async fn of_two_who_spend_a_code_at_once_one_does(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    for _ in 0..limits::CODES_MAX {
        put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
        let resets = ["first", "second"].map(|new| {
            let storage = storage.clone();
            async move { reset(&*storage, "ann", 1, new).await.map(|_| new) }
        });
        let done: Vec<_> = at_once(resets).await.into_iter().flatten().collect();
        let [new] = done.as_slice() else { panic!("one of two, but {done:?}") };
        assert_eq!(password(&*storage, "ann").await, Some(hash(new)));
    }
}

pub async fn a_reset_replaces_the_password_and_revokes_all_logins(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    let bob = user(&*storage, "bob").await;
    let (first, second) = (login(&*storage, ann.id, 1).await, login(&*storage, ann.id, 2).await);
    login(&*storage, bob, 3).await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    let code = code("ann", Reset, 1);
    let (changed, mut revoked) = storage.spend_code_for_password(&code, &hash("new")).await.unwrap().unwrap();
    revoked.sort();
    assert_eq!(revoked, [first, second]);
    assert_eq!(changed, User { email_verified: true, ..ann.clone() });
    assert_eq!(password(&*storage, "ann").await, Some(hash("new")));
    assert!(storage.list_logins(ann.id, NOW).await.unwrap().is_empty());
    assert_eq!(storage.list_logins(bob, NOW).await.unwrap().len(), 1);
}

pub async fn a_wrong_reset_changes_nothing(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    storage.put_password(ann.id, &hash("old"), None).await.unwrap();
    login(&*storage, ann.id, 1).await;
    put(&*storage, "ann", Reset, 1, NOW).await.unwrap();
    assert_eq!(reset(&*storage, "ann", 9, "new").await, None);
    assert_eq!(password(&*storage, "ann").await, Some(hash("old")));
    assert_eq!(storage.list_logins(ann.id, NOW).await.unwrap().len(), 1);
    assert_eq!(storage.find_user(&UserKey::Id(ann.id)).await.unwrap(), Some(ann));
}

pub async fn a_verified_address_needs_no_code(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    put(&*storage, "ann", Verification, 1, NOW).await.unwrap();
    spent(&*storage, "ann", Verification, 1).await.unwrap();
    assert_eq!(put(&*storage, "ann", Verification, 2, NOW).await, None);
    assert_eq!(spent(&*storage, "ann", Verification, 2).await, None);
    assert!(put(&*storage, "ann", Reset, 3, NOW).await.is_some());
}

pub async fn codes_of_one_purpose_are_few_within_the_window(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    for n in 1..=limits::CODES_MAX as u8 {
        assert!(put(&*storage, "ann", Reset, n, NOW).await.is_some());
    }
    let end = NOW.plus(limits::CODES_WINDOW);
    let last = Timestamp(end.0 - 1);
    assert_eq!(put(&*storage, "ann", Reset, 100, last).await, None);
    assert!(tried(&*storage, "ann", Reset, limits::CODES_MAX as u8).await.is_some(), "the newest is still good");
    assert!(put(&*storage, "ann", Verification, 101, last).await.is_some());
    for n in 1..=limits::CODES_MAX as u8 {
        assert!(put(&*storage, "ann", Reset, n, end).await.is_some());
    }
    assert_eq!(put(&*storage, "ann", Reset, 102, end).await, None);
}

pub async fn codes_wanted_at_once_are_no_more_than_allowed(storage: Arc<dyn Storage>) {
    mailed(&*storage, "ann").await;
    let wanted = (0..limits::CODES_MAX as u8 * 2).map(|n| {
        let storage = storage.clone();
        async move { put(&*storage, "ann", Reset, n, NOW).await.map(|_| n) }
    });
    let given: Vec<_> = at_once(wanted).await.into_iter().flatten().collect();
    assert_eq!(given.len(), limits::CODES_MAX as usize);
    // A second time, the code would be wrong and so be counted.
    let mut good = 0;
    for n in given {
        good += usize::from(tried(&*storage, "ann", Reset, n).await.is_some());
    }
    assert_eq!(good, 1);
}

pub async fn an_address_is_changed_and_no_more_verified(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    put(&*storage, "ann", Verification, 1, NOW).await.unwrap();
    spent(&*storage, "ann", Verification, 1).await.unwrap();
    let changed = storage.put_email(ann.id, Some(&address("new"))).await.unwrap();
    assert_eq!(changed, Some(User { email: Some(address("new")), email_verified: false, ..ann.clone() }));
    assert_eq!(storage.find_user(&UserKey::Email(address("new"))).await.unwrap(), changed);
    assert_eq!(storage.find_user(&UserKey::Email(address("ann"))).await.unwrap(), None);
    mailed(&*storage, "ann2").await;
    storage.put_email(ann.id, Some(&address("NEW"))).await.unwrap().unwrap();
}

pub async fn an_address_can_be_given_up(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    let changed = storage.put_email(ann.id, None).await.unwrap();
    assert_eq!(changed, Some(User { email: None, ..ann }));
    let bob = user(&*storage, "bob").await;
    assert!(storage.put_email(bob, Some(&address("ann"))).await.unwrap().is_some());
}

pub async fn a_changed_address_must_be_free(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    mailed(&*storage, "bob").await;
    assert_refused!(storage.put_email(ann.id, Some(&address("BOB"))).await, Conflict { field: "email", .. });
    assert_eq!(storage.find_user(&UserKey::Id(ann.id)).await.unwrap(), Some(ann));
}

pub async fn of_two_who_want_an_address_one_gets_it(storage: Arc<dyn Storage>) {
    let people = users(&*storage, ["ann", "bob"]).await;
    let wanted = people.map(|person| {
        let storage = storage.clone();
        async move { storage.put_email(person, Some(&address("one"))).await.is_ok() }
    });
    assert_eq!(at_once(wanted).await.into_iter().filter(|done| *done).count(), 1);
}

pub async fn nobodys_address_is_not_changed(storage: Arc<dyn Storage>) {
    assert_eq!(storage.put_email(unknown(), Some(&address("ann"))).await.unwrap(), None);
    user(&*storage, "ann").await;
    assert_eq!(storage.find_user(&UserKey::Email(address("ann"))).await.unwrap(), None);
}

pub async fn a_code_dies_with_the_address(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    put(&*storage, "ann", Verification, 1, NOW).await.unwrap();
    put(&*storage, "ann", Reset, 2, NOW).await.unwrap();
    storage.put_email(ann.id, Some(&address("new"))).await.unwrap();
    for name in ["ann", "new"] {
        assert_eq!(spent(&*storage, name, Verification, 1).await, None);
        assert_eq!(reset(&*storage, name, 2, "new").await, None);
    }
    storage.put_email(ann.id, Some(&address("ann"))).await.unwrap();
    assert_eq!(reset(&*storage, "ann", 2, "new").await, None);
}

pub async fn a_changed_address_gives_no_more_codes(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    for n in 1..=limits::CODES_MAX as u8 {
        put(&*storage, "ann", Reset, n, NOW).await.unwrap();
    }
    storage.put_email(ann.id, Some(&address("new"))).await.unwrap();
    assert_eq!(put(&*storage, "new", Reset, 100, NOW).await, None);
}

pub async fn a_code_dies_with_its_user(storage: Arc<dyn Storage>) {
    let ann = mailed(&*storage, "ann").await;
    put(&*storage, "ann", Verification, 1, NOW).await.unwrap();
    put(&*storage, "ann", Reset, 2, NOW).await.unwrap();
    perform(&*storage, ann.id, Action::DeleteUser { user: ann.id }).await;
    assert_eq!(put(&*storage, "ann", Reset, 3, NOW).await, None);
    assert_eq!(spent(&*storage, "ann", Verification, 1).await, None);
    assert_eq!(reset(&*storage, "ann", 2, "new").await, None);
    assert_eq!(storage.put_email(ann.id, Some(&address("new"))).await.unwrap(), None);
    let successor = mailed(&*storage, "ann").await;
    assert_eq!(reset(&*storage, "ann", 2, "new").await, None);
    assert_ne!(successor.id, ann.id);
}

fn address(name: &str) -> Email {
    format!("{name}@example.org").parse().unwrap()
}

/// Someone whom mail reaches.
async fn mailed(storage: &dyn Storage, name: &str) -> User {
    storage.insert_user(NewUser { email: Some(address(name)), ..new_user(name) }).await.unwrap()
}

async fn login(storage: &dyn Storage, user: UserId, refresh: u8) -> crate::LoginId {
    let login = NewLogin { user, refresh: [refresh; 32], at: NOW, expires_at: NOW.plus(QUARTER) };
    storage.insert_login(login).await.unwrap().id
}

async fn password(storage: &dyn Storage, name: &str) -> Option<PasswordHash> {
    let user = storage.find_user(&UserKey::Email(address(name))).await.unwrap().unwrap();
    storage.find_password(user.id).await.unwrap()
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${text}"))
}

fn code_hash(n: u8) -> CodeHash {
    [n; 32]
}

fn code(name: &str, purpose: Purpose, n: u8) -> CodeTry {
    CodeTry { email: address(name), purpose, hash: code_hash(n), at: NOW }
}

async fn put(storage: &dyn Storage, name: &str, purpose: Purpose, n: u8, at: Timestamp) -> Option<User> {
    let new = NewCode { email: address(name), purpose, hash: code_hash(n), at, expires_at: at.plus(QUARTER) };
    storage.put_code(new).await.unwrap()
}

async fn tried(storage: &dyn Storage, name: &str, purpose: Purpose, n: u8) -> Option<User> {
    storage.try_code(&code(name, purpose, n)).await.unwrap()
}

async fn spent(storage: &dyn Storage, name: &str, purpose: Purpose, n: u8) -> Option<User> {
    storage.spend_code(&code(name, purpose, n)).await.unwrap()
}

async fn reset(storage: &dyn Storage, name: &str, n: u8, new: &str) -> Option<User> {
    let spent = storage.spend_code_for_password(&code(name, Reset, n), &hash(new)).await.unwrap();
    spent.map(|(user, _)| user)
}
