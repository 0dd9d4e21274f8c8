//! Users and their profiles.

use super::{Caller, Chat};
use crate::hub::Topic;
use crate::wire::{AccountView, UserView};
use crate::{Action, Error, Fullname, NewUser, Page, ProfileUpdate, Search, User, UserId, UserKey, Username, wire};
use std::collections::HashSet;

impl Chat {
    /// Creates a user whom the host authenticates itself: no password, the username for a full name.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the username is taken.
    pub async fn create_user(&self, username: Username) -> Result<User, Error> {
        let user = NewUser {
            fullname: Fullname::from_stored(username.to_string()),
            username,
            email: None,
            profile_picture: None,
            public_key: None,
            password: None,
            is_admin: false,
            created_at: self.inner.clock.now(),
        };
        Ok(self.inner.storage.insert_user(user).await?)
    }

    /// Finds a user.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn user(&self, key: &UserKey) -> Result<User, Error> {
        self.inner.storage.find_user(key).await?.ok_or(Error::NotFound("user"))
    }

    /// Lists the users whom `viewer` could talk to, which is everyone else, by rising id, at most `limit`; see
    /// [`crate::UserStorage::list_users`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the storage is away.
    pub async fn users(
        &self,
        viewer: UserId,
        search: Option<&Search>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<UserView>, Error> {
        let _turn = self.inner.rates.turn_to_read(viewer).await?;
        // One more than asked for, in whose place the viewer may stand.
        let page = self.inner.storage.list_users(search, after, limit + 1).await?;
        let page = others(page, viewer, limit);
        Ok(Page { items: self.users_seen_by(viewer, page.items).await?, next: page.next })
    }

    /// Changes the caller's profile.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller is no user any more.
    pub async fn update_profile(&self, user: UserId, update: ProfileUpdate) -> Result<User, Error> {
        self.inner.storage.update_profile(user, update).await?.ok_or(Error::NotFound("user"))
    }

    /// Deletes a user with all they said and closes their sessions.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless it is the caller or the caller is an administrator.
    pub async fn delete_user(&self, caller: impl Into<Caller>, user: UserId) -> Result<(), Error> {
        let found = self.inner.storage.find_user(&UserKey::Id(user)).await?;
        let contacts = self.inner.storage.list_contacts(user).await?;
        self.change(caller.into(), Action::DeleteUser { user }).await?;
        // Nobody will know any more whose contacts they were.
        if let Some(User { username, .. }) = found {
            let frame = wire::presence(user, &username, false);
            for contact in &contacts {
                self.inner.hub.publish(Topic::User(contact.id), frame.clone().into());
            }
            if let Some(cluster) = &self.inner.cluster {
                let contacts = contacts.iter().map(|contact| contact.id).collect();
                cluster.tell_forgotten(user, &username, contacts);
            }
        }
        Ok(())
    }

    /// A user as they are now, to those to whom they are not closed.
    #[must_use]
    pub fn user_view(&self, user: User) -> UserView {
        let is_online = !self.inner.online(&[user.id]).is_empty();
        UserView::new(user, is_online, self.inner.clock.now())
    }

    /// A user as `viewer` sees them now. Those who are closed to the viewer look as if they had never been online.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the storage is away.
    pub async fn user_seen_by(&self, viewer: UserId, user: User) -> Result<UserView, Error> {
        let mut views = self.users_seen_by(viewer, vec![user]).await?;
        views.pop().ok_or(Error::NotFound("user"))
    }

    /// A user as they see themselves now.
    #[must_use]
    pub fn account_view(&self, user: User) -> AccountView {
        AccountView::new(user.email.clone(), user.email_verified, self.user_view(user))
    }

    pub(super) async fn users_seen_by(&self, viewer: UserId, users: Vec<User>) -> Result<Vec<UserView>, Error> {
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let closed: HashSet<_> = self.inner.storage.find_closed(viewer, &ids).await?.into_iter().collect();
        let online = self.inner.online(&ids);
        let now = self.inner.clock.now();
        let view = |mut user: User| {
            let is_closed = closed.contains(&user.id);
            user.last_online = user.last_online.filter(|_| !is_closed);
            let is_online = !is_closed && online.contains(&user.id);
            UserView::new(user, is_online, now)
        };
        Ok(users.into_iter().map(view).collect())
    }
}

fn others(mut page: Page<User>, viewer: UserId, limit: u32) -> Page<User> {
    page.items.retain(|user| user.id != viewer);
    if page.items.len() > limit as usize {
        return Page::cut(page.items, limit, |user| user.id.get());
    }
    page
}
