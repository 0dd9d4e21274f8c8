//! Passwords and logins. The rule: a token is spent inside the transaction that gives out its successor.

use crate::SqliteStorage;
use async_trait::async_trait;
use chat_core::{
    Login, LoginId, LoginStorage, NewLogin, PasswordHash, Rotation, StorageError, Timestamp, TokenHash, User, UserId,
};
use chat_sql::{Database, fields, logins, settle, users};

#[async_trait]
impl LoginStorage for SqliteStorage {
    async fn find_password(&self, user: UserId) -> Result<Option<PasswordHash>, StorageError> {
        let statement = users::find_password(user);
        let found = self.readers().find(&statement, |row| row.optional_text(PasswordHash::from_stored)).await?;
        Ok(found.flatten())
    }

    async fn put_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        keep: Option<LoginId>,
    ) -> Result<Vec<LoginId>, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let revoked = settle(logins::put_password(&mut transaction, user, password, keep).await)?;
        transaction.commit().await?;
        revoked
    }

    async fn insert_login(&self, login: NewLogin) -> Result<Login, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let inserted = settle(logins::begin(&mut transaction, &login).await)?;
        transaction.commit().await?;
        inserted
    }

    async fn find_login(&self, login: LoginId, now: Timestamp) -> Result<Option<(Login, User)>, StorageError> {
        Ok(self.readers().find(&logins::find(login, now), logins::with_user).await?)
    }

    async fn list_logins(&self, user: UserId, now: Timestamp) -> Result<Vec<Login>, StorageError> {
        Ok(self.readers().list(&logins::list(user, now), fields::login).await?)
    }

    async fn rotate_login(
        &self,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let rotation = logins::rotate(&mut transaction, (spent, successor), now, expires_at).await?;
        transaction.commit().await?;
        Ok(rotation)
    }

    async fn revoke_login(&self, user: UserId, login: LoginId) -> Result<bool, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let revoked = transaction.execute(&logins::revoke(user, login)).await?;
        transaction.commit().await?;
        Ok(revoked > 0)
    }
}
