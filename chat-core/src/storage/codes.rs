use crate::{Email, LoginId, PasswordHash, StorageError, Timestamp, User, limits};
use async_trait::async_trait;

/// The SHA-256 of a mailed code, its purpose and its address: what is stored in its place.
pub type CodeHash = [u8; 32];

/// What a mailed code is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Showing that the address is one's own.
    Verification,
    /// Replacing a forgotten password.
    Reset,
}

impl Purpose {
    /// The word by which it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Reset => "reset",
        }
    }
}

/// A code to keep.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// The address that it is mailed to.
    pub email: Email,
    /// What it is good for.
    pub purpose: Purpose,
    /// Its hash.
    pub hash: CodeHash,
    /// When it is made.
    pub at: Timestamp,
    /// The first second at which it is dead.
    pub expires_at: Timestamp,
}

/// Someone's attempt to use a code.
#[derive(Clone, Debug)]
pub struct CodeTry {
    /// The address that they say it was mailed to.
    pub email: Email,
    /// What they want to use it for.
    pub purpose: Purpose,
    /// The hash of what they say it is.
    pub hash: CodeHash,
    /// When they try.
    pub at: Timestamp,
}

/// Keeps the codes that are mailed to users: for each user and purpose the newest, as a hash. Users are found by their
/// address, whatever its case. The codes of a deleted user are gone.
#[async_trait]
pub trait CodeStorage: Send + Sync {
    /// Keeps a code in place of the earlier one of the same user and purpose, which is dead from then on, and returns the
    /// user. `None`, and nothing is kept, if nobody has the address, if the code would verify an address that is verified
    /// already, or if the user was given [`CODES_MAX`](limits::CODES_MAX) codes of this purpose within
    /// [`CODES_WINDOW`](limits::CODES_WINDOW); of many at once no more than so many are kept.
    async fn put_code(&self, code: NewCode) -> Result<Option<User>, StorageError>;

    /// Tells whether this is the code, and leaves it good for use. `None` if it is not, if it is dead, or if there is none.
    /// A wrong try is counted, each of many at once; after [`CODE_TRIES_MAX`](limits::CODE_TRIES_MAX) of them the code is
    /// dead.
    async fn try_code(&self, code: &CodeTry) -> Result<Option<User>, StorageError>;

    /// Spends a code and marks the address as verified, both or neither; returns the user as they are now. `None` as for
    /// [`try_code`](Self::try_code), which counts the tries; of two at once with the same code one gets the user.
    async fn spend_code(&self, code: &CodeTry) -> Result<Option<User>, StorageError>;

    /// Spends a code, replaces the user's hashed password, revokes every login of theirs, and marks the address as verified,
    /// since the code came by it; all or nothing. Returns the user as they are now and the logins it revoked. `None` as for
    /// [`try_code`](Self::try_code); of two at once with the same code one gets the user.
    async fn spend_code_for_password(
        &self,
        code: &CodeTry,
        password: &PasswordHash,
    ) -> Result<Option<(User, Vec<LoginId>)>, StorageError>;
}

/// A code as it is kept. Its methods are the rules of codes, for storages to apply to what they have read and locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its hash.
    pub hash: CodeHash,
    /// Wrong tries so far.
    pub tries: u32,
    /// The first second at which it is dead.
    pub expires_at: Timestamp,
    /// How many were given out since `given_since`, itself among them.
    pub given: u32,
    /// When the first of those was given out.
    pub given_since: Timestamp,
}

/// What a try comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the code.
    Right,
    /// It is not, which the storage has to count.
    Wrong,
    /// The code is dead, so that nothing can be learned by trying.
    Dead,
}

impl Code {
    /// The code that takes the place of `known`; `None` if `user` may have no more for now.
    #[must_use]
    pub fn after(known: Option<&Self>, new: &NewCode, user: &User) -> Option<Self> {
        if new.purpose == Purpose::Verification && user.email_verified {
            return None;
        }
        let recent = known.filter(|known| new.at < known.given_since.plus(limits::CODES_WINDOW));
        let (given, given_since) = recent.map_or((0, new.at), |known| (known.given, known.given_since));
        (given < limits::CODES_MAX).then_some(Self {
            hash: new.hash,
            tries: 0,
            expires_at: new.expires_at,
            given: given + 1,
            given_since,
        })
    }

    /// What it means to try `hash` now.
    #[must_use]
    pub fn tried(&self, hash: &CodeHash, now: Timestamp) -> Tried {
        if self.tries >= limits::CODE_TRIES_MAX || now >= self.expires_at {
            Tried::Dead
        } else if self.hash == *hash {
            Tried::Right
        } else {
            Tried::Wrong
        }
    }
}
