//! Contacts: who is told when someone comes and goes.

use super::Chat;
use crate::rates::Cost;
use crate::wire::UserView;
use crate::{Error, UserId, UserKey, Username};

impl Chat {
    /// Makes two users each other's contacts and returns the other; doing so again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown username, [`Error::Invalid`] for one's own, [`Error::Forbidden`] if the
    /// other cannot be [reached](crate::rules::reach), or one of the two has too many contacts, [`Error::RateLimited`].
    pub async fn add_contact(&self, user: UserId, contact: Username) -> Result<UserView, Error> {
        self.inner.rates.spend_on(user, Cost::Membership)?;
        let contact = self.user(&UserKey::Username(contact)).await?;
        if contact.id == user {
            return Err(Error::invalid("contact_username", "must be someone else"));
        }
        self.inner.storage.insert_contact(user, contact.id, self.inner.clock.now()).await?;
        self.user_seen_by(user, contact).await
    }

    /// Ends it for both and returns the other.
    ///
    /// # Errors
    /// [`Error::NotFound`] if they are no contacts.
    pub async fn remove_contact(&self, user: UserId, contact: Username) -> Result<UserView, Error> {
        let contact = self.user(&UserKey::Username(contact)).await.map_err(|_| Error::NotFound("contact"))?;
        if self.inner.storage.remove_contact(user, contact.id).await? {
            self.user_seen_by(user, contact).await
        } else {
            Err(Error::NotFound("contact"))
        }
    }

    /// Lists a user's contacts by username.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the storage is away.
    pub async fn contacts(&self, user: UserId) -> Result<Vec<UserView>, Error> {
        let _turn = self.inner.rates.turn_to_read(user).await?;
        self.users_seen_by(user, self.inner.storage.list_contacts(user).await?).await
    }
}
