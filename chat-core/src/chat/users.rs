//! Users and their profiles.

use super::{Caller, Chat};
use crate::hub::Topic;
use crate::wire::{AccountView, UserView};
use crate::{Action, Error, Fullname, NewUser, Page, ProfileUpdate, Search, User, UserId, UserKey, Username, wire};

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
        // One more than asked for, in whose place the viewer may stand.
        let page = self.inner.storage.list_users(search, after, limit + 1).await?;
        let page = others(page, viewer, limit);
        Ok(Page { items: self.user_views(page.items), next: page.next })
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

    /// A user as everyone sees them now.
    #[must_use]
    pub fn user_view(&self, user: User) -> UserView {
        let is_online = !self.inner.online(&[user.id]).is_empty();
        UserView::new(user, is_online, self.inner.clock.now())
    }

    /// A user as they see themselves now.
    #[must_use]
    pub fn account_view(&self, user: User) -> AccountView {
        AccountView::new(user.email.clone(), user.email_verified, self.user_view(user))
    }

    pub(super) fn user_views(&self, users: Vec<User>) -> Vec<UserView> {
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let online = self.inner.online(&ids);
        let now = self.inner.clock.now();
        let view = |user: User| {
            let is_online = online.contains(&user.id);
            UserView::new(user, is_online, now)
        };
        users.into_iter().map(view).collect()
    }
}

fn others(mut page: Page<User>, viewer: UserId, limit: u32) -> Page<User> {
    page.items.retain(|user| user.id != viewer);
    if page.items.len() > limit as usize {
        return Page::cut(page.items, limit, |user| user.id.get());
    }
    page
}
