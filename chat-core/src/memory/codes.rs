//! Mailed codes. The rule: a code is looked up by the user who has the address now, so it dies with the address.

use super::{MemoryStorage, NO_USER, State};
use crate::{
    Code, CodeStorage, CodeTry, Email, LoginId, NewCode, PasswordHash, StorageError, Timestamp, Tried, User, UserId,
};
use async_trait::async_trait;

#[async_trait]
impl CodeStorage for MemoryStorage {
    async fn put_code(&self, code: NewCode) -> Result<Option<User>, StorageError> {
        Ok(self.state().put_code(&code))
    }

    async fn try_code(&self, code: &CodeTry) -> Result<Option<User>, StorageError> {
        let mut state = self.state();
        let found = state.try_code(code);
        Ok(found.and_then(|user| state.user(user).cloned()))
    }

    async fn spend_code(&self, code: &CodeTry) -> Result<Option<User>, StorageError> {
        let mut state = self.state();
        let Some(user) = state.try_code(code) else { return Ok(None) };
        state.spend_code(user, code).map(Some)
    }

    async fn spend_code_for_password(
        &self,
        code: &CodeTry,
        password: &PasswordHash,
    ) -> Result<Option<(User, Vec<LoginId>)>, StorageError> {
        let mut state = self.state();
        let Some(user) = state.try_code(code) else { return Ok(None) };
        state.user_mut(user)?.password = Some(password.clone());
        let revoked = state.revoke(|login| login.user == user);
        Ok(Some((state.spend_code(user, code)?, revoked)))
    }
}

impl State {
    fn put_code(&mut self, new: &NewCode) -> Option<User> {
        let user = self.user_at(&new.email)?.clone();
        let place = (user.id, new.purpose);
        let code = Code::after(self.codes.get(&place), new, &user)?;
        self.codes.insert(place, code);
        Some(user)
    }

    /// Whose code this is; a wrong one is counted.
    fn try_code(&mut self, code: &CodeTry) -> Option<UserId> {
        let user = self.user_at(&code.email)?.id;
        let known = self.codes.get_mut(&(user, code.purpose))?;
        match known.tried(&code.hash, code.at) {
            Tried::Right => Some(user),
            Tried::Wrong => {
                known.tries += 1;
                None
            }
            Tried::Dead => None,
        }
    }

    fn spend_code(&mut self, user: UserId, code: &CodeTry) -> Result<User, StorageError> {
        self.codes.remove(&(user, code.purpose));
        let stored = self.users.get_mut(&user).ok_or(NO_USER)?;
        stored.user.email_verified = true;
        Ok(stored.user.clone())
    }

    fn user_at(&self, email: &Email) -> Option<&User> {
        self.user(*self.emails.get(&email.key())?)
    }

    /// Kills every code of a user; how many were given out stays known.
    pub(super) fn expire_codes(&mut self, user: UserId) {
        for (_, code) in self.codes.iter_mut().filter(|((owner, _), _)| *owner == user) {
            code.expires_at = Timestamp(0);
        }
    }

    /// Forgets every code of a user.
    pub(super) fn forget_codes(&mut self, user: UserId) {
        self.codes.retain(|(owner, _), _| *owner != user);
    }
}
