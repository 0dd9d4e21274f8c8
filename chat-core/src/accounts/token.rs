//! What the tokens say. The rule: an access token names its login and dies with it; a refresh token says nothing at all.

use crate::{LoginId, Timestamp, TokenHash, User, UserId, random};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The claims of an access token (RFC 7519, section 4.1).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    sub: String,
    username: String,
    exp: i64,
    iat: i64,
    jti: String,
}

impl Claims {
    /// Claims of `user`, who came by `login`, that no other token has.
    pub(super) fn new(user: &User, login: LoginId, now: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            sub: user.id.to_string(),
            username: user.username.to_string(),
            exp: expires_at.0,
            iat: now.0,
            jti: format!("{login}.{}", URL_SAFE_NO_PAD.encode(random::bytes::<16>())),
        }
    }

    pub(super) fn user(&self) -> Option<UserId> {
        self.sub.parse().ok()
    }

    pub(super) fn login(&self) -> Option<LoginId> {
        self.jti.split_once('.')?.0.parse().ok()
    }

    /// The first moment at which the token is no longer accepted.
    pub(super) fn expires_at(&self) -> Timestamp {
        Timestamp(self.exp)
    }
}

/// 32 random bytes in base64url, good for one refresh.
pub(super) struct RefreshToken(String);

impl RefreshToken {
    pub(super) fn new() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::bytes::<32>()))
    }

    pub(super) fn hash(&self) -> TokenHash {
        hash(&self.0)
    }
}

impl From<RefreshToken> for String {
    fn from(token: RefreshToken) -> String {
        token.0
    }
}

/// What is stored in place of a refresh token; it needs no salt, since nobody can guess 32 random bytes.
pub(super) fn hash(refresh_token: &str) -> TokenHash {
    Sha256::digest(refresh_token).into()
}

/// What someone who has logged in gets.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// The JWT that shows who a request comes from.
    pub access_token: String,
    /// The secret that buys the next pair, once.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Who has logged in.
    pub user: User,
    /// The login that both tokens belong to.
    pub login: LoginId,
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair").field("user", &self.user.id).field("login", &self.login).finish_non_exhaustive()
    }
}

/// What became of a refresh token that was a login's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is nearly always the large one, and is unpacked where it is returned"
)]
pub enum Refreshed {
    /// It was good and is spent now; this is its successor.
    Pair(TokenPair),
    /// It had been spent before, so someone has a copy. The login is revoked: close its sessions and answer as to a token
    /// that is not known.
    Reused(LoginId),
}
