//! Users. The rule: uniqueness is the database's to keep, by the keys that names and addresses are compared by.

use crate::PgStorage;
use crate::locks::Locks;
use async_trait::async_trait;
use chat_core::{
    Email, NewUser, Page, ProfileUpdate, Search, StorageError, Timestamp, User, UserId, UserKey, UserStorage, Username,
};
use chat_sql::{Database, Dialect, Failure, fields, users};
use futures::FutureExt;

#[async_trait]
impl UserStorage for PgStorage {
    async fn insert_user(&self, user: NewUser) -> Result<User, StorageError> {
        self.transact(Locks::none(), &user, |mut transaction, user| {
            async move { users::store(&mut transaction, user).await.map_err(taken) }.boxed()
        })
        .await
    }

    async fn find_user(&self, key: &UserKey) -> Result<Option<User>, StorageError> {
        Ok(self.alone().find(&users::find(key), fields::user).await?)
    }

    async fn find_users(&self, usernames: &[Username]) -> Result<Vec<User>, StorageError> {
        Ok(self.alone().list(&users::find_all(usernames), fields::user).await?)
    }

    async fn list_users(
        &self,
        search: Option<&Search>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<User>, StorageError> {
        let found = self.alone().list(&users::list(Dialect::Postgres, search, after, limit), fields::user).await?;
        Ok(Page::cut(found, limit, |user| user.id.get()))
    }

    async fn update_profile(&self, user: UserId, update: ProfileUpdate) -> Result<Option<User>, StorageError> {
        let Some(statement) = users::update_profile(user, update) else {
            return self.find_user(&UserKey::Id(user)).await;
        };
        Ok(self.alone().find(&statement, fields::user).await?)
    }

    async fn put_email(&self, user: UserId, email: Option<&Email>) -> Result<Option<User>, StorageError> {
        self.transact(Locks::users([user]), &(user, email), |mut transaction, (user, email)| {
            async move { users::replace_email(&mut transaction, *user, *email).await.map_err(taken) }.boxed()
        })
        .await
    }

    async fn put_last_online(&self, users: &[UserId], at: Timestamp) -> Result<(), StorageError> {
        let ids: Vec<i64> = users.iter().map(|user| user.get()).collect();
        self.transact(Locks::none(), &(ids, at), |mut transaction, (ids, at)| {
            let query = transaction.query(PUT_LAST_ONLINE).bind(ids).bind(at.0);
            async move { transaction.run(query).await }.boxed()
        })
        .await
    }
}

/// Locks the rows by rising id, as everything does.
const PUT_LAST_ONLINE: &str = "
    UPDATE main.users AS u SET last_online = $2
    FROM (SELECT id FROM main.users WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE) AS meant
    WHERE u.id = meant.id AND NOT u.deleted AND (u.last_online IS NULL OR u.last_online < $2)";

/// Tells which name is taken from the index that says so.
fn taken(failure: Failure) -> Failure {
    let Failure::Broken(sqlx::Error::Database(error)) = &failure else { return failure };
    let (field, message) = match error.constraint() {
        Some("users_by_username") => ("username", "this username is taken"),
        Some("users_by_email") => ("email", "this e-mail address is taken"),
        _ => return failure,
    };
    StorageError::Conflict { field, message }.into()
}
