//! Contacts, kept with both users. The rule: whoever stands in one's set has one in theirs.

use super::{MemoryStorage, NO_USER};
use crate::{ContactStorage, StorageError, Timestamp, User, UserId, limits, rules};
use async_trait::async_trait;

#[async_trait]
impl ContactStorage for MemoryStorage {
    async fn insert_contact(&self, user: UserId, contact: UserId, _at: Timestamp) -> Result<bool, StorageError> {
        let mut state = self.state();
        for id in [user, contact] {
            if !state.users.contains_key(&id) {
                return Err(NO_USER);
            }
        }
        if state.users[&user].contacts.contains(&contact) {
            return Ok(false);
        }
        rules::reach(state.reach(user, contact))?;
        if [user, contact].iter().any(|id| state.users[id].contacts.len() as u64 >= limits::CONTACTS_MAX) {
            return Err(StorageError::Forbidden("one of the two has too many contacts"));
        }
        state.user_mut(user)?.contacts.insert(contact);
        state.user_mut(contact)?.contacts.insert(user);
        Ok(true)
    }

    async fn remove_contact(&self, user: UserId, contact: UserId) -> Result<bool, StorageError> {
        let mut state = self.state();
        let mut removed = false;
        for (id, other) in [(user, contact), (contact, user)] {
            removed |= state.users.get_mut(&id).is_some_and(|stored| stored.contacts.remove(&other));
        }
        Ok(removed)
    }

    async fn list_contacts(&self, user: UserId) -> Result<Vec<User>, StorageError> {
        let state = self.state();
        let contacts = state.users.get(&user).into_iter().flat_map(|stored| &stored.contacts);
        let mut contacts: Vec<_> = contacts.filter_map(|contact| state.user(*contact)).cloned().collect();
        contacts.sort_by_cached_key(|contact| contact.username.key());
        Ok(contacts)
    }
}
