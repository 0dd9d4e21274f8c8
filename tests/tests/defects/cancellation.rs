//! Defects of futures that are dropped: what should be whole or not at all is left half done.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, append_one, gap};
use async_trait::async_trait;
use chat_core::{
    Change, ContactStorage, LoginId, LoginStorage, MemoryStorage, PasswordHash, Rotation, StorageError, Timeline,
    Timestamp, TokenHash, User, UserId, UserStorage,
};
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<OneByOne>(
            "each change of a batch has a transaction of its own",
            "a_dropped_append_leaves_all_of_the_batch_or_nothing",
        ),
        Case::of::<BusyForGood>("a dropped append is never rolled back", "a_dropped_append_leaves_the_storage_working"),
        Case::of::<HalfAContact>("contacts are stored one side after the other", "a_dropped_contact_is_mutual_or_none"),
        Case::of::<HalfAPassword>(
            "logins are revoked before the new password is stored",
            "a_dropped_new_password_is_whole_or_none",
        ),
        Case::of::<HalfARefresh>(
            "a token is spent before its successor is stored",
            "a_dropped_refresh_is_whole_or_none",
        ),
        Case::of::<HalfACrowd>("users go offline one after the other", "a_dropped_going_offline_is_of_all_or_of_none"),
    ]
}

#[derive(Default)]
struct OneByOne;

#[async_trait]
impl Defect for OneByOne {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = vec![];
        for change in batch {
            results.push(append_one(inner, change).await);
            tokio::task::yield_now().await;
        }
        Ok(results)
    }
}

#[derive(Default)]
struct BusyForGood {
    turn: tokio::sync::Mutex<()>,
    is_open: AtomicBool,
}

#[async_trait]
impl Defect for BusyForGood {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let _turn = self.turn.lock().await;
        if self.is_open.swap(true, Ordering::SeqCst) {
            return Err(StorageError::Unavailable("a transaction within a transaction".into()));
        }
        gap().await;
        let results = inner.append(batch).await;
        self.is_open.store(false, Ordering::SeqCst);
        results
    }
}

#[derive(Default)]
struct HalfAContact {
    missing: Notes<(UserId, UserId)>,
}

#[async_trait]
impl Defect for HalfAContact {
    async fn insert_contact(
        &self,
        inner: &MemoryStorage,
        user: UserId,
        contact: UserId,
        at: Timestamp,
    ) -> Stored<bool> {
        let is_new = inner.insert_contact(user, contact, at).await?;
        if is_new {
            self.missing.put((contact, user), ());
            gap().await;
            self.missing.take(&(contact, user));
        }
        Ok(is_new)
    }

    async fn list_contacts(&self, inner: &MemoryStorage, user: UserId) -> Stored<Vec<User>> {
        let mut contacts = inner.list_contacts(user).await?;
        contacts.retain(|contact| !self.missing.has(&(user, contact.id)));
        Ok(contacts)
    }
}

#[derive(Default)]
struct HalfAPassword;

#[async_trait]
impl Defect for HalfAPassword {
    async fn put_password(
        &self,
        inner: &MemoryStorage,
        user: UserId,
        password: &PasswordHash,
        keep: Option<LoginId>,
    ) -> Stored<Vec<LoginId>> {
        let mut revoked = vec![];
        for login in inner.list_logins(user, Timestamp(0)).await?.iter().filter(|login| Some(login.id) != keep) {
            inner.revoke_login(user, login.id).await?;
            revoked.push(login.id);
        }
        gap().await;
        inner.put_password(user, password, keep).await?;
        Ok(revoked)
    }
}

/// Spends the token for one that nobody has, then that one for the successor.
#[derive(Default)]
struct HalfARefresh;

#[async_trait]
impl Defect for HalfARefresh {
    async fn rotate_login(
        &self,
        inner: &MemoryStorage,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Stored<Rotation> {
        let nobodys = spent.map(|byte| !byte);
        let rotation = inner.rotate_login(spent, &nobodys, now, expires_at).await?;
        if matches!(rotation, Rotation::Rotated(_)) {
            gap().await;
            return inner.rotate_login(&nobodys, successor, now, expires_at).await;
        }
        Ok(rotation)
    }
}

#[derive(Default)]
struct HalfACrowd;

#[async_trait]
impl Defect for HalfACrowd {
    async fn put_last_online(&self, inner: &MemoryStorage, users: &[UserId], at: Timestamp) -> Stored<()> {
        for user in users {
            inner.put_last_online(&[*user], at).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
