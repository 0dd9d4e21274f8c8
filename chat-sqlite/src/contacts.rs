//! Contacts. The rule: whether two may become contacts is decided inside the transaction that makes them so.

use crate::SqliteStorage;
use async_trait::async_trait;
use chat_core::{ContactStorage, StorageError, Timestamp, User, UserId};
use chat_sql::{Database, contacts, fields, settle};

#[async_trait]
impl ContactStorage for SqliteStorage {
    async fn insert_contact(&self, user: UserId, contact: UserId, at: Timestamp) -> Result<bool, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let inserted = settle(contacts::connect(&mut transaction, user, contact, at).await)?;
        transaction.commit().await?;
        inserted
    }

    async fn remove_contact(&self, user: UserId, contact: UserId) -> Result<bool, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let removed = transaction.execute(&contacts::remove(user, contact)).await?;
        transaction.commit().await?;
        Ok(removed > 0)
    }

    async fn list_contacts(&self, user: UserId) -> Result<Vec<User>, StorageError> {
        Ok(self.readers().list(&contacts::list(user), fields::user).await?)
    }
}
