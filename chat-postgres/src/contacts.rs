//! Contacts. The rule: whether two may become contacts is decided inside the transaction that makes them so.

use crate::PgStorage;
use crate::locks::Locks;
use async_trait::async_trait;
use chat_core::{ContactStorage, StorageError, Timestamp, User, UserId};
use chat_sql::{Database, contacts, fields};
use futures::FutureExt;

#[async_trait]
impl ContactStorage for PgStorage {
    async fn insert_contact(&self, user: UserId, contact: UserId, at: Timestamp) -> Result<bool, StorageError> {
        self.transact(Locks::users([user, contact]), &(user, contact, at), |mut transaction, (user, contact, at)| {
            async move { contacts::connect(&mut transaction, *user, *contact, *at).await }.boxed()
        })
        .await
    }

    async fn remove_contact(&self, user: UserId, contact: UserId) -> Result<bool, StorageError> {
        self.transact(Locks::users([user, contact]), &(user, contact), |mut transaction, (user, contact)| {
            async move { Ok(transaction.execute(&contacts::remove(*user, *contact)).await? > 0) }.boxed()
        })
        .await
    }

    async fn list_contacts(&self, user: UserId) -> Result<Vec<User>, StorageError> {
        Ok(self.alone().list(&contacts::list(user), fields::user).await?)
    }
}
