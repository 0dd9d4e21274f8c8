//! Users by id, and two indexes by the keys that names and addresses are compared by.

use super::{MemoryStorage, State, StoredUser};
use crate::{
    Email, NewUser, Page, ProfileUpdate, Search, StorageError, Timestamp, User, UserId, UserKey, UserStorage, Username,
};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::ops::Bound;

const ADDRESS_TAKEN: StorageError = StorageError::Conflict { field: "email", message: "this e-mail address is taken" };

#[async_trait]
impl UserStorage for MemoryStorage {
    async fn insert_user(&self, user: NewUser) -> Result<User, StorageError> {
        self.state().insert_user(user)
    }

    async fn find_user(&self, key: &UserKey) -> Result<Option<User>, StorageError> {
        let state = self.state();
        let id = match key {
            UserKey::Id(id) => Some(*id),
            UserKey::Username(username) => state.usernames.get(&username.key()).copied(),
            UserKey::Email(email) => state.emails.get(&email.key()).copied(),
        };
        Ok(id.and_then(|id| state.user(id)).cloned())
    }

    async fn find_users(&self, usernames: &[Username]) -> Result<Vec<User>, StorageError> {
        let state = self.state();
        let ids: BTreeSet<_> =
            usernames.iter().filter_map(|username| state.usernames.get(&username.key()).copied()).collect();
        Ok(ids.into_iter().filter_map(|id| state.user(id)).cloned().collect())
    }

    async fn list_users(
        &self,
        search: Option<&Search>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<User>, StorageError> {
        let state = self.state();
        let key = search.map(Search::key);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let users = state.users.range((start, Bound::Unbounded)).map(|(_, stored)| &stored.user);
        let found = users.filter(|user| key.as_deref().is_none_or(|key| matches(user, key)));
        Ok(Page::cut(found.take(limit as usize + 1).cloned().collect(), limit, |user| user.id.get()))
    }

    async fn update_profile(&self, user: UserId, update: ProfileUpdate) -> Result<Option<User>, StorageError> {
        let mut state = self.state();
        Ok(state.users.get_mut(&user).map(|stored| {
            apply(&mut stored.user, update);
            stored.user.clone()
        }))
    }

    async fn put_email(&self, user: UserId, email: Option<&Email>) -> Result<Option<User>, StorageError> {
        self.state().put_email(user, email)
    }

    async fn put_last_online(&self, users: &[UserId], at: Timestamp) -> Result<(), StorageError> {
        let mut state = self.state();
        for user in users {
            if let Some(stored) = state.users.get_mut(user) {
                stored.user.last_online = stored.user.last_online.max(Some(at));
            }
        }
        Ok(())
    }
}

impl State {
    pub(super) fn user(&self, user: UserId) -> Option<&User> {
        self.users.get(&user).map(|stored| &stored.user)
    }

    fn insert_user(&mut self, new: NewUser) -> Result<User, StorageError> {
        if self.usernames.contains_key(&new.username.key()) {
            return Err(StorageError::Conflict { field: "username", message: "this username is taken" });
        }
        let email = new.email.as_ref().map(Email::key);
        if email.as_ref().is_some_and(|email| self.emails.contains_key(email)) {
            return Err(ADDRESS_TAKEN);
        }
        let id = self.ids.draw_id();
        self.usernames.insert(new.username.key(), id);
        self.emails.extend(email.map(|email| (email, id)));
        let password = new.password.clone();
        let user = stored(id, new);
        let entry = StoredUser {
            user: user.clone(),
            password,
            contacts: Default::default(),
            blocks: Default::default(),
            conversations: Default::default(),
        };
        self.users.insert(id, entry);
        Ok(user)
    }

    fn put_email(&mut self, user: UserId, email: Option<&Email>) -> Result<Option<User>, StorageError> {
        let key = email.map(Email::key);
        if key.as_ref().and_then(|key| self.emails.get(key)).is_some_and(|owner| *owner != user) {
            return Err(ADDRESS_TAKEN);
        }
        let Some(stored) = self.users.get_mut(&user) else { return Ok(None) };
        let former = std::mem::replace(&mut stored.user.email, email.cloned());
        stored.user.email_verified = false;
        let changed = stored.user.clone();
        if let Some(former) = former {
            self.emails.remove(&former.key());
        }
        self.emails.extend(key.map(|key| (key, user)));
        self.expire_codes(user);
        Ok(Some(changed))
    }

    /// Forgets who a user is; what they wrote and where is for the caller to see to.
    pub(super) fn forget_user(&mut self, user: UserId) -> Option<StoredUser> {
        let stored = self.users.remove(&user)?;
        self.usernames.remove(&stored.user.username.key());
        if let Some(email) = &stored.user.email {
            self.emails.remove(&email.key());
        }
        self.revoke(|login| login.user == user);
        self.forget_codes(user);
        for contact in &stored.contacts {
            if let Some(other) = self.users.get_mut(contact) {
                other.contacts.remove(&user);
            }
        }
        for other in self.users.values_mut() {
            other.blocks.users.remove(&user);
        }
        Some(stored)
    }
}

fn stored(id: UserId, new: NewUser) -> User {
    User {
        id,
        username: new.username,
        fullname: new.fullname,
        email: new.email,
        email_verified: false,
        profile_picture: new.profile_picture,
        public_key: new.public_key,
        is_admin: new.is_admin,
        last_online: None,
        created_at: new.created_at,
    }
}

fn matches(user: &User, key: &str) -> bool {
    Search::folded(user.username.as_str()).contains(key) || Search::folded(user.fullname.as_str()).contains(key)
}

fn apply(user: &mut User, update: ProfileUpdate) {
    if let Some(fullname) = update.fullname {
        user.fullname = fullname;
    }
    if let Some(profile_picture) = update.profile_picture {
        user.profile_picture = profile_picture;
    }
    if let Some(public_key) = update.public_key {
        user.public_key = public_key;
    }
}
