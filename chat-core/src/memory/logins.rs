//! Logins and their tokens. The rule: revoked logins are not kept, nor is any token of theirs.

use super::{MemoryStorage, NO_USER, State, StoredLogin};
use crate::{
    Login, LoginId, LoginStorage, NewLogin, PasswordHash, Rotation, StorageError, Timestamp, TokenHash, User, UserId,
    limits,
};
use async_trait::async_trait;
use std::collections::VecDeque;

#[async_trait]
impl LoginStorage for MemoryStorage {
    async fn find_password(&self, user: UserId) -> Result<Option<PasswordHash>, StorageError> {
        Ok(self.state().users.get(&user).and_then(|stored| stored.password.clone()))
    }

    async fn put_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        keep: Option<LoginId>,
    ) -> Result<Vec<LoginId>, StorageError> {
        let mut state = self.state();
        state.user_mut(user)?.password = Some(password.clone());
        Ok(state.revoke(|known| known.user == user && Some(known.id) != keep))
    }

    async fn insert_login(&self, login: NewLogin) -> Result<Login, StorageError> {
        self.state().insert_login(&login)
    }

    async fn find_login(&self, login: LoginId, now: Timestamp) -> Result<Option<(Login, User)>, StorageError> {
        let state = self.state();
        let found = state.logins.get(&login).map(|stored| &stored.login).filter(|login| is_alive(login, now));
        Ok(found.and_then(|login| Some((login.clone(), state.user(login.user)?.clone()))))
    }

    async fn list_logins(&self, user: UserId, now: Timestamp) -> Result<Vec<Login>, StorageError> {
        let state = self.state();
        let logins = state.logins.values().map(|stored| &stored.login);
        Ok(logins.filter(|login| login.user == user && is_alive(login, now)).cloned().collect())
    }

    async fn rotate_login(
        &self,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, StorageError> {
        Ok(self.state().rotate_login(spent, successor, now, expires_at))
    }

    async fn revoke_login(&self, user: UserId, login: LoginId) -> Result<bool, StorageError> {
        Ok(!self.state().revoke(|known| known.user == user && known.id == login).is_empty())
    }
}

impl State {
    fn insert_login(&mut self, new: &NewLogin) -> Result<Login, StorageError> {
        if !self.users.contains_key(&new.user) {
            return Err(NO_USER);
        }
        self.revoke(|known| known.user == new.user && !is_alive(known, new.at));
        let id = self.login_ids.draw_id();
        let login = Login { id, user: new.user, created_at: new.at, refreshed_at: new.at, expires_at: new.expires_at };
        self.tokens.insert(new.refresh, id);
        self.logins.insert(id, StoredLogin { login: login.clone(), refresh: new.refresh, spent: VecDeque::new() });
        Ok(login)
    }

    fn rotate_login(
        &mut self,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Rotation {
        let Some(id) = self.tokens.get(spent).copied() else { return Rotation::Unknown };
        let Some(stored) = self.logins.get_mut(&id).filter(|stored| is_alive(&stored.login, now)) else {
            return Rotation::Unknown;
        };
        if stored.refresh != *spent {
            let login = stored.login.clone();
            self.revoke(|known| known.id == id);
            return Rotation::Reused(login);
        }
        stored.refresh = *successor;
        let is_full = stored.spent.len() >= limits::SPENT_TOKENS_MAX as usize;
        let forgotten = if is_full { stored.spent.pop_front() } else { None };
        stored.spent.push_back(*spent);
        stored.login.refreshed_at = now;
        stored.login.expires_at = expires_at;
        let login = stored.login.clone();
        self.tokens.insert(*successor, id);
        if let Some(token) = forgotten {
            self.tokens.remove(&token);
        }
        Rotation::Rotated(login)
    }

    /// Forgets the logins that `chosen` picks, and every token of theirs.
    pub(super) fn revoke(&mut self, chosen: impl Fn(&Login) -> bool) -> Vec<LoginId> {
        let revoked: Vec<_> = self.logins.extract_if(.., |_, stored| chosen(&stored.login)).map(|(id, _)| id).collect();
        if !revoked.is_empty() {
            self.tokens.retain(|_, login| !revoked.contains(login));
        }
        revoked
    }
}

/// A login ends at the second it expires.
fn is_alive(login: &Login, now: Timestamp) -> bool {
    now < login.expires_at
}
