//! Mailed codes. The rule: the user is locked by address, before anything is read about them.

use crate::PgStorage;
use crate::locks::Locks;
use async_trait::async_trait;
use chat_core::{CodeStorage, CodeTry, LoginId, NewCode, PasswordHash, StorageError, User};
use chat_sql::codes;
use futures::FutureExt;

#[async_trait]
impl CodeStorage for PgStorage {
    async fn put_code(&self, code: NewCode) -> Result<Option<User>, StorageError> {
        self.transact(Locks::none(), &code, |mut transaction, code| {
            async move { codes::give(&mut transaction, code).await }.boxed()
        })
        .await
    }

    async fn try_code(&self, code: &CodeTry) -> Result<Option<User>, StorageError> {
        self.transact(Locks::none(), code, |mut transaction, code| {
            async move { codes::judge(&mut transaction, code).await }.boxed()
        })
        .await
    }

    async fn spend_code(&self, code: &CodeTry) -> Result<Option<User>, StorageError> {
        self.transact(Locks::none(), code, |mut transaction, code| {
            async move { codes::spend(&mut transaction, code).await }.boxed()
        })
        .await
    }

    async fn spend_code_for_password(
        &self,
        code: &CodeTry,
        password: &PasswordHash,
    ) -> Result<Option<(User, Vec<LoginId>)>, StorageError> {
        self.transact(Locks::none(), &(code, password), |mut transaction, (code, password)| {
            async move { codes::spend_for_password(&mut transaction, code, password).await }.boxed()
        })
        .await
    }
}
