//! Defects of logins: tokens that are good twice, and logins that outlive their end.

use crate::broken::{Case, Defect, Stored};
use crate::notes::{Notes, gap};
use async_trait::async_trait;
use chat_core::{
    Login, LoginId, LoginStorage, MemoryStorage, NewLogin, Rotation, Timestamp, TokenHash, User, UserId, UserKey,
    UserStorage,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<TokensAreGoodTwice>("a refresh token is good twice", "a_spent_token_revokes_the_login"),
        Case::of::<TokensAreReadTooEarly>(
            "a refresh token is looked up before it is spent",
            "of_two_refreshes_at_once_one_is_reused",
        ),
        Case::of::<ReuseGoesUnpunished>("a spent token is merely unknown", "a_spent_token_revokes_the_login"),
        Case::of::<OnlyTheLastTokenIsKnown>(
            "only the last spent token is remembered",
            "a_token_spent_long_ago_revokes_the_login_too",
        ),
        Case::of::<RevokedLoginsLive>("a revoked login is still good", "a_revoked_login_is_gone"),
        Case::of::<LoginsEndLate>("a login lives a second too long", "a_login_ends_at_the_second_it_expires"),
        Case::of::<AnyoneRevokes>("anyone revokes any login", "nobody_revokes_the_login_of_another"),
    ]
}

/// By which token each spent one was followed.
#[derive(Default)]
struct Chain(Notes<TokenHash, TokenHash>);

impl Chain {
    /// The token that is good in place of this one.
    fn newest(&self, mut token: TokenHash) -> TokenHash {
        while let Some(successor) = self.0.find(&token) {
            token = successor;
        }
        token
    }

    /// Spends `token` in place of `spent`.
    async fn rotate(
        &self,
        inner: &MemoryStorage,
        token: TokenHash,
        successor: &TokenHash,
        (now, expires_at): (Timestamp, Timestamp),
    ) -> Stored<Rotation> {
        let rotation = inner.rotate_login(&token, successor, now, expires_at).await?;
        if matches!(rotation, Rotation::Rotated(_)) {
            self.0.put(token, *successor);
        }
        Ok(rotation)
    }
}

#[derive(Default)]
struct TokensAreGoodTwice(Chain);

#[async_trait]
impl Defect for TokensAreGoodTwice {
    async fn rotate_login(
        &self,
        inner: &MemoryStorage,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Stored<Rotation> {
        self.0.rotate(inner, self.0.newest(*spent), successor, (now, expires_at)).await
    }
}

#[derive(Default)]
struct TokensAreReadTooEarly(Chain);

#[async_trait]
impl Defect for TokensAreReadTooEarly {
    async fn rotate_login(
        &self,
        inner: &MemoryStorage,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Stored<Rotation> {
        let was_good = !self.0.0.has(spent);
        gap().await;
        let token = if was_good { self.0.newest(*spent) } else { *spent };
        self.0.rotate(inner, token, successor, (now, expires_at)).await
    }
}

#[derive(Default)]
struct ReuseGoesUnpunished(Chain);

#[async_trait]
impl Defect for ReuseGoesUnpunished {
    async fn rotate_login(
        &self,
        inner: &MemoryStorage,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Stored<Rotation> {
        if self.0.0.has(spent) {
            return Ok(Rotation::Unknown);
        }
        self.0.rotate(inner, *spent, successor, (now, expires_at)).await
    }
}

#[derive(Default)]
struct OnlyTheLastTokenIsKnown(Chain);

#[async_trait]
impl Defect for OnlyTheLastTokenIsKnown {
    async fn rotate_login(
        &self,
        inner: &MemoryStorage,
        spent: &TokenHash,
        successor: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Stored<Rotation> {
        if self.0.0.find(spent).is_some_and(|followed| self.0.0.has(&followed)) {
            return Ok(Rotation::Unknown);
        }
        self.0.rotate(inner, *spent, successor, (now, expires_at)).await
    }
}

#[derive(Default)]
struct RevokedLoginsLive {
    begun: Notes<LoginId, (Login, User)>,
}

#[async_trait]
impl Defect for RevokedLoginsLive {
    async fn insert_login(&self, inner: &MemoryStorage, login: NewLogin) -> Stored<Login> {
        let login = inner.insert_login(login).await?;
        let user = inner.find_user(&UserKey::Id(login.user)).await?;
        user.into_iter().for_each(|user| self.begun.put(login.id, (login.clone(), user)));
        Ok(login)
    }

    async fn find_login(&self, inner: &MemoryStorage, login: LoginId, now: Timestamp) -> Stored<Option<(Login, User)>> {
        let found = inner.find_login(login, now).await?;
        Ok(found.or_else(|| self.begun.find(&login).filter(|(login, _)| now < login.expires_at)))
    }
}

#[derive(Default)]
struct LoginsEndLate;

#[async_trait]
impl Defect for LoginsEndLate {
    async fn find_login(&self, inner: &MemoryStorage, login: LoginId, now: Timestamp) -> Stored<Option<(Login, User)>> {
        inner.find_login(login, Timestamp(now.0 - 1)).await
    }
}

#[derive(Default)]
struct AnyoneRevokes;

#[async_trait]
impl Defect for AnyoneRevokes {
    async fn revoke_login(&self, inner: &MemoryStorage, _user: UserId, login: LoginId) -> Stored<bool> {
        match inner.find_login(login, Timestamp(0)).await? {
            Some((login, _)) => inner.revoke_login(login.user, login.id).await,
            None => Ok(false),
        }
    }
}
