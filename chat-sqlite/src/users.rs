//! Users. The rule: uniqueness is the database's to keep, by the keys that names and addresses are compared by.

use crate::SqliteStorage;
use async_trait::async_trait;
use chat_core::{
    Email, NewUser, Page, ProfileUpdate, Search, StorageError, Timestamp, User, UserId, UserKey, UserStorage, Username,
};
use chat_sql::{Database, Dialect, Failure, fields, users};

/// Ids in one statement: SQLite takes 32,766 parameters (<https://www.sqlite.org/limits.html>, section 9).
const IDS_MAX: usize = 10_000;

#[async_trait]
impl UserStorage for SqliteStorage {
    async fn insert_user(&self, user: NewUser) -> Result<User, StorageError> {
        let mut transaction = self.writer.begin().await?;
        match users::store(&mut transaction, &user).await.map_err(taken) {
            Ok(user) => {
                transaction.commit().await?;
                Ok(user)
            }
            Err(failure) => {
                transaction.roll_back().await?;
                Err(failure.into())
            }
        }
    }

    async fn find_user(&self, key: &UserKey) -> Result<Option<User>, StorageError> {
        Ok(self.readers().find(&users::find(key), fields::user).await?)
    }

    async fn find_users(&self, usernames: &[Username]) -> Result<Vec<User>, StorageError> {
        Ok(self.readers().list(&users::find_all(usernames), fields::user).await?)
    }

    async fn list_users(
        &self,
        search: Option<&Search>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<User>, StorageError> {
        let found = self.readers().list(&users::list(Dialect::Sqlite, search, after, limit), fields::user).await?;
        Ok(Page::cut(found, limit, |user| user.id.get()))
    }

    async fn update_profile(&self, user: UserId, update: ProfileUpdate) -> Result<Option<User>, StorageError> {
        let Some(statement) = users::update_profile(user, update) else {
            return self.find_user(&UserKey::Id(user)).await;
        };
        let mut transaction = self.writer.begin().await?;
        let user = transaction.find(&statement, fields::user).await?;
        transaction.commit().await?;
        Ok(user)
    }

    async fn put_email(&self, user: UserId, email: Option<&Email>) -> Result<Option<User>, StorageError> {
        let mut transaction = self.writer.begin().await?;
        match users::replace_email(&mut transaction, user, email).await.map_err(taken) {
            Ok(user) => {
                transaction.commit().await?;
                Ok(user)
            }
            Err(failure) => {
                transaction.roll_back().await?;
                Err(failure.into())
            }
        }
    }

    async fn put_last_online(&self, users: &[UserId], at: Timestamp) -> Result<(), StorageError> {
        let mut transaction = self.writer.begin().await?;
        for users in users.chunks(IDS_MAX) {
            transaction.execute(&users::put_last_online(users, at)).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Tells which name is taken from the index that says so.
fn taken(failure: Failure) -> Failure {
    let Failure::Broken(sqlx::Error::Database(error)) = &failure else { return failure };
    let (field, message) = match error.message() {
        message if !error.is_unique_violation() || !message.contains("users.") => return failure,
        message if message.contains("users.email_key") => ("email", "this e-mail address is taken"),
        _ => ("username", "this username is taken"),
    };
    StorageError::Conflict { field, message }.into()
}
