//! Blocks: who is to be left alone by whom. The rule: whoever is blocked is told nothing, neither now nor when they try.

use super::Chat;
use crate::wire::UserView;
use crate::{Blocked, Error, Page, UserId};

impl Chat {
    /// Blocks a user, or all strangers; doing so again changes nothing. See [`crate::BlockStorage`] for what it means.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown user, [`Error::Invalid`] for oneself, [`Error::Forbidden`] if too many are blocked.
    pub async fn block(&self, user: UserId, blocked: Blocked) -> Result<(), Error> {
        self.inner.storage.put_block(user, blocked, self.inner.clock.now()).await?;
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there was no such block.
    pub async fn unblock(&self, user: UserId, blocked: Blocked) -> Result<(), Error> {
        if self.inner.storage.remove_block(user, blocked).await? { Ok(()) } else { Err(Error::NotFound("block")) }
    }

    /// Lists whom a user blocks by name, by rising id, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the storage is away.
    pub async fn blocked(&self, user: UserId, after: Option<UserId>, limit: u32) -> Result<Page<UserView>, Error> {
        let _turn = self.inner.rates.turn_to_read(user).await?;
        let page = self.inner.storage.list_blocked(user, after, limit).await?;
        Ok(Page { items: self.users_seen_by(user, page.items).await?, next: page.next })
    }

    /// Whether a user blocks strangers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the storage is away.
    pub async fn blocks_strangers(&self, user: UserId) -> Result<bool, Error> {
        Ok(self.inner.storage.blocks_strangers(user).await?)
    }
}
