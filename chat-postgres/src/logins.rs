//! Passwords and logins. The rule: a token is spent inside the transaction that gives out its successor.

use crate::PgStorage;
use crate::locks::Locks;
use async_trait::async_trait;
use chat_core::{
    Login, LoginId, LoginStorage, NewLogin, PasswordHash, Rotation, StorageError, Timestamp, TokenHash, User, UserId,
};
use chat_sql::{Database, fields, logins, users};
use futures::FutureExt;

#[async_trait]
impl LoginStorage for PgStorage {
    async fn find_password(&self, user: UserId) -> Result<Option<PasswordHash>, StorageError> {
        let statement = users::find_password(user);
        let found = self.alone().find(&statement, |row| row.optional_text(PasswordHash::from_stored)).await?;
        Ok(found.flatten())
    }

    async fn put_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        keep: Option<LoginId>,
    ) -> Result<Vec<LoginId>, StorageError> {
        self.transact(Locks::users([user]), &(user, password, keep), |mut transaction, (user, password, keep)| {
            async move { logins::put_password(&mut transaction, *user, password, *keep).await }.boxed()
        })
        .await
    }

    async fn insert_login(&self, login: NewLogin) -> Result<Login, StorageError> {
        self.transact(Locks::users([login.user]), &login, |mut transaction, login| {
            async move { logins::begin(&mut transaction, login).await }.boxed()
        })
        .await
    }

    async fn find_login(&self, login: LoginId, now: Timestamp) -> Result<Option<(Login, User)>, StorageError> {
        Ok(self.alone().find(&logins::find(login, now), logins::with_user).await?)
    }

    async fn list_logins(&self, user: UserId, now: Timestamp) -> Result<Vec<Login>, StorageError> {
        Ok(self.alone().list(&logins::list(user, now), fields::login).await?)
    }

    async fn rotate_login(
        &self,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, StorageError> {
        let about = (spent, successor, now, expires_at);
        self.transact(Locks::none(), &about, |mut transaction, (spent, successor, now, expires_at)| {
            async move { logins::rotate(&mut transaction, (spent, successor), *now, *expires_at).await }.boxed()
        })
        .await
    }

    async fn revoke_login(&self, user: UserId, login: LoginId) -> Result<bool, StorageError> {
        self.transact(Locks::none(), &(user, login), |mut transaction, (user, login)| {
            async move { Ok(transaction.execute(&logins::revoke(*user, *login)).await? > 0) }.boxed()
        })
        .await
    }
}
