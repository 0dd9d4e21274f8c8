//! Defects of users and contacts: names taken twice, profiles half forgotten, friendships of one.

use crate::broken::{Case, Defect, Stored};
use crate::notes::{Notes, gap};
use async_trait::async_trait;
use chat_core::{
    ContactStorage, MemoryStorage, NewUser, ProfileUpdate, StorageError, Timestamp, User, UserId, UserKey, UserStorage,
    Username,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<NamesHaveCase>("usernames are unique only to the case", "a_username_is_taken_whatever_its_case"),
        Case::of::<NamesAreAskedTooEarly>(
            "a username is looked up before it is stored",
            "of_users_with_one_name_at_once_one_is_stored",
        ),
        Case::of::<RefusedUsersKeepTheirNames>(
            "a user refused for their address has taken the name",
            "a_refused_user_leaves_no_trace",
        ),
        Case::of::<AdministratorsAreForgotten>(
            "an administrator is stored as a user like any other",
            "an_administrator_is_stored_as_one",
        ),
        Case::of::<UpdatesEmptyTheRest>(
            "an update of a profile empties what it leaves out",
            "what_a_profile_update_leaves_out_stays",
        ),
        Case::of::<UpdatesAreLost>("a profile is read, changed and written back", "profile_updates_at_once_all_stay"),
        Case::of::<LastOnlineMovesBack>("the last time online moves back", "the_last_time_online_never_moves_back"),
        Case::of::<LastOnlineIsComparedEarly>(
            "the last time online is compared before it is stored",
            "of_last_times_online_at_once_the_newest_stays",
        ),
        Case::of::<StrangersStopTheRest>(
            "an unknown user keeps the others from going offline",
            "users_who_are_unknown_go_offline_unnoticed",
        ),
        Case::of::<ContactsOfOne>("only who asked has the contact", "contacts_are_mutual"),
        Case::of::<ContactsWithoutEnd>("there may be any number of contacts", "nobody_has_more_contacts_than_allowed"),
    ]
}

/// Stores a user whose name is taken under another one, as if it were free.
async fn insert_twin(inner: &MemoryStorage, user: NewUser) -> Stored<User> {
    let asked = user.username.clone();
    let free = (0..).map(|n| Username::from_stored(format!("{asked}~{n}")));
    for username in free {
        match inner.insert_user(NewUser { username, ..user.clone() }).await {
            Err(StorageError::Conflict { field: "username", .. }) => {}
            result => return result.map(|stored| User { username: asked, ..stored }),
        }
    }
    unreachable!("one of the names is free")
}

#[derive(Default)]
struct NamesHaveCase;

#[async_trait]
impl Defect for NamesHaveCase {
    async fn insert_user(&self, inner: &MemoryStorage, user: NewUser) -> Stored<User> {
        match inner.find_user(&UserKey::Username(user.username.clone())).await? {
            Some(known) if known.username != user.username => insert_twin(inner, user).await,
            _ => inner.insert_user(user).await,
        }
    }
}

#[derive(Default)]
struct NamesAreAskedTooEarly;

#[async_trait]
impl Defect for NamesAreAskedTooEarly {
    async fn insert_user(&self, inner: &MemoryStorage, user: NewUser) -> Stored<User> {
        let was_free = inner.find_user(&UserKey::Username(user.username.clone())).await?.is_none();
        gap().await;
        match inner.insert_user(user.clone()).await {
            Err(StorageError::Conflict { field: "username", .. }) if was_free => insert_twin(inner, user).await,
            result => result,
        }
    }
}

#[derive(Default)]
struct RefusedUsersKeepTheirNames {
    taken: Notes<Username>,
}

#[async_trait]
impl Defect for RefusedUsersKeepTheirNames {
    async fn insert_user(&self, inner: &MemoryStorage, user: NewUser) -> Stored<User> {
        let username = user.username.clone();
        if self.taken.has(&username) {
            return Err(StorageError::Conflict { field: "username", message: "this username is taken" });
        }
        let result = inner.insert_user(user).await;
        if result.is_err() {
            self.taken.put(username, ());
        }
        result
    }
}

#[derive(Default)]
struct AdministratorsAreForgotten;

#[async_trait]
impl Defect for AdministratorsAreForgotten {
    async fn insert_user(&self, inner: &MemoryStorage, user: NewUser) -> Stored<User> {
        inner.insert_user(NewUser { is_admin: false, ..user }).await
    }
}

#[derive(Default)]
struct UpdatesEmptyTheRest;

#[async_trait]
impl Defect for UpdatesEmptyTheRest {
    async fn update_profile(&self, inner: &MemoryStorage, user: UserId, update: ProfileUpdate) -> Stored<Option<User>> {
        let public_key = update.public_key.or(Some(None));
        inner.update_profile(user, ProfileUpdate { public_key, ..update }).await
    }
}

#[derive(Default)]
struct UpdatesAreLost;

#[async_trait]
impl Defect for UpdatesAreLost {
    async fn update_profile(&self, inner: &MemoryStorage, user: UserId, update: ProfileUpdate) -> Stored<Option<User>> {
        let Some(read) = inner.find_user(&UserKey::Id(user)).await? else { return Ok(None) };
        gap().await;
        let whole = ProfileUpdate {
            fullname: update.fullname.or(Some(read.fullname)),
            profile_picture: update.profile_picture.or(Some(read.profile_picture)),
            public_key: update.public_key.or(Some(read.public_key)),
        };
        inner.update_profile(user, whole).await
    }
}

/// When users were last online, as a defect sees it.
#[derive(Default)]
struct LastOnline(Notes<UserId, Timestamp>);

impl LastOnline {
    async fn find_user(&self, inner: &MemoryStorage, key: &UserKey) -> Stored<Option<User>> {
        let found = inner.find_user(key).await?;
        Ok(found.map(|user| User { last_online: self.0.find(&user.id), ..user }))
    }
}

#[derive(Default)]
struct LastOnlineMovesBack(LastOnline);

#[async_trait]
impl Defect for LastOnlineMovesBack {
    async fn put_last_online(&self, _inner: &MemoryStorage, users: &[UserId], at: Timestamp) -> Stored<()> {
        users.iter().for_each(|user| self.0.0.put(*user, at));
        Ok(())
    }

    async fn find_user(&self, inner: &MemoryStorage, key: &UserKey) -> Stored<Option<User>> {
        self.0.find_user(inner, key).await
    }
}

#[derive(Default)]
struct LastOnlineIsComparedEarly(LastOnline);

#[async_trait]
impl Defect for LastOnlineIsComparedEarly {
    async fn put_last_online(&self, _inner: &MemoryStorage, users: &[UserId], at: Timestamp) -> Stored<()> {
        let was_earlier = |user: &&UserId| self.0.0.find(user).is_none_or(|known| known < at);
        let moved: Vec<_> = users.iter().filter(was_earlier).collect();
        gap().await;
        moved.into_iter().for_each(|user| self.0.0.put(*user, at));
        Ok(())
    }

    async fn find_user(&self, inner: &MemoryStorage, key: &UserKey) -> Stored<Option<User>> {
        self.0.find_user(inner, key).await
    }
}

#[derive(Default)]
struct StrangersStopTheRest;

#[async_trait]
impl Defect for StrangersStopTheRest {
    async fn put_last_online(&self, inner: &MemoryStorage, users: &[UserId], at: Timestamp) -> Stored<()> {
        for user in users {
            if inner.find_user(&UserKey::Id(*user)).await?.is_none() {
                return Ok(());
            }
        }
        inner.put_last_online(users, at).await
    }
}

#[derive(Default)]
struct ContactsOfOne {
    asked: Notes<(UserId, UserId)>,
}

#[async_trait]
impl Defect for ContactsOfOne {
    async fn insert_contact(
        &self,
        inner: &MemoryStorage,
        user: UserId,
        contact: UserId,
        at: Timestamp,
    ) -> Stored<bool> {
        self.asked.put((user, contact), ());
        inner.insert_contact(user, contact, at).await
    }

    async fn list_contacts(&self, inner: &MemoryStorage, user: UserId) -> Stored<Vec<User>> {
        let mut contacts = inner.list_contacts(user).await?;
        contacts.retain(|contact| self.asked.has(&(user, contact.id)));
        Ok(contacts)
    }
}

#[derive(Default)]
struct ContactsWithoutEnd;

#[async_trait]
impl Defect for ContactsWithoutEnd {
    async fn insert_contact(
        &self,
        inner: &MemoryStorage,
        user: UserId,
        contact: UserId,
        at: Timestamp,
    ) -> Stored<bool> {
        match inner.insert_contact(user, contact, at).await {
            Err(StorageError::Forbidden(_)) => Ok(true),
            result => result,
        }
    }
}
