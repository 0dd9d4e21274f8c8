//! Defects of mailed codes: codes that are good for more than they should be.

use crate::broken::{Case, Defect, Stored};
use crate::notes::gap;
use async_trait::async_trait;
use chat_core::{
    CodeStorage, CodeTry, LoginId, LoginStorage, MemoryStorage, PasswordHash, Timestamp, User,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<CodesAreGoodTwice>("a spent code is good again", "a_code_is_spent_once"),
        Case::of::<CodesAreJudgedTooEarly>(
            "a code is judged before it is spent",
            "of_two_who_spend_a_code_at_once_one_does",
        ),
        Case::of::<CodesLiveLong>("a code lives a second too long", "a_code_dies_at_the_second_it_expires"),
        Case::of::<TryingSpends>("a right try is the last", "trying_the_right_code_leaves_it_good"),
        Case::of::<ResetsKeepLogins>(
            "a reset leaves logins alive",
            "a_reset_replaces_the_password_and_revokes_all_logins",
        ),
    ]
}

#[derive(Default)]
struct CodesAreGoodTwice;

#[async_trait]
impl Defect for CodesAreGoodTwice {
    async fn spend_code(&self, inner: &MemoryStorage, code: &CodeTry) -> Stored<Option<User>> {
        inner.try_code(code).await
    }
}

#[derive(Default)]
struct CodesAreJudgedTooEarly;

#[async_trait]
impl Defect for CodesAreJudgedTooEarly {
    async fn spend_code_for_password(
        &self,
        inner: &MemoryStorage,
        code: &CodeTry,
        password: &PasswordHash,
    ) -> Stored<Option<(User, Vec<LoginId>)>> {
        let Some(user) = inner.try_code(code).await? else { return Ok(None) };
        gap().await;
        inner.spend_code(code).await?;
        let revoked = inner.put_password(user.id, password, None).await?;
        Ok(Some((user, revoked)))
    }
}

#[derive(Default)]
struct CodesLiveLong;

#[async_trait]
impl Defect for CodesLiveLong {
    async fn try_code(&self, inner: &MemoryStorage, code: &CodeTry) -> Stored<Option<User>> {
        inner.try_code(&CodeTry { at: Timestamp(code.at.0 - 1), ..code.clone() }).await
    }

    async fn spend_code(&self, inner: &MemoryStorage, code: &CodeTry) -> Stored<Option<User>> {
        inner.spend_code(&CodeTry { at: Timestamp(code.at.0 - 1), ..code.clone() }).await
    }
}

#[derive(Default)]
struct TryingSpends;

#[async_trait]
impl Defect for TryingSpends {
    async fn try_code(&self, inner: &MemoryStorage, code: &CodeTry) -> Stored<Option<User>> {
        inner.spend_code(code).await
    }
}

#[derive(Default)]
struct ResetsKeepLogins;

#[async_trait]
impl Defect for ResetsKeepLogins {
    async fn spend_code_for_password(
        &self,
        inner: &MemoryStorage,
        code: &CodeTry,
        password: &PasswordHash,
    ) -> Stored<Option<(User, Vec<LoginId>)>> {
        let Some(user) = inner.spend_code(code).await? else { return Ok(None) };
        let newest = inner.list_logins(user.id, code.at).await?.last().map(|login| login.id);
        let revoked = inner.put_password(user.id, password, newest).await?;
        Ok(Some((user, revoked)))
    }
}
