//! Mailed codes. The rule: each is judged in a transaction that has the right to write from its start.

use crate::SqliteStorage;
use async_trait::async_trait;
use chat_core::{CodeStorage, CodeTry, LoginId, NewCode, PasswordHash, StorageError, User};
use chat_sql::codes;

#[async_trait]
impl CodeStorage for SqliteStorage {
    async fn put_code(&self, code: NewCode) -> Result<Option<User>, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let user = codes::give(&mut transaction, &code).await?;
        transaction.commit().await?;
        Ok(user)
    }

    async fn try_code(&self, code: &CodeTry) -> Result<Option<User>, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let user = codes::judge(&mut transaction, code).await?;
        transaction.commit().await?;
        Ok(user)
    }

    async fn spend_code(&self, code: &CodeTry) -> Result<Option<User>, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let user = codes::spend(&mut transaction, code).await?;
        transaction.commit().await?;
        Ok(user)
    }

    async fn spend_code_for_password(
        &self,
        code: &CodeTry,
        password: &PasswordHash,
    ) -> Result<Option<(User, Vec<LoginId>)>, StorageError> {
        let mut transaction = self.writer.begin().await?;
        let spent = codes::spend_for_password(&mut transaction, code, password).await?;
        transaction.commit().await?;
        Ok(spent)
    }
}
