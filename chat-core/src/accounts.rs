//! Accounts: passwords, logins and tokens, for hosts that bring no users of their own. The rule: whoever revokes a login
//! is told so, and closes its sessions; accounts know nothing of sessions.

mod codes;
mod guests;
mod hashing;
mod keys;
mod mails;
mod options;
mod password;
mod pem;
mod recovery;
mod token;

pub use keys::{KeyError, TokenKeys};
pub use mails::{MailTemplate, MailTemplates};
pub use options::{AccountOptions, PasswordCost};
pub use password::Password;
pub use token::{Refreshed, TokenPair};

use crate::{
    Budget, Clock, Email, Error, Fullname, Identity, Login, LoginId, NewLogin, NewUser, PasswordHash, PictureUrl,
    PublicKey, Rotation, Storage, StorageError, User, UserId, UserKey, Username,
};
use hashing::Hashing;
use recovery::Post;
use std::sync::{Arc, PoisonError, RwLock};
use token::{Claims, RefreshToken};

const WRONG_CREDENTIALS: Error = Error::Unauthorized("wrong username or password");
const WRONG_PASSWORD: Error = Error::Forbidden("wrong password");
const NO_PASSWORD: Error = Error::Forbidden("guests have no password; by mail they can choose one");
const NO_USER: Error = Error::NotFound("user");
const NOT_LOGGED_IN: Error = Error::Unauthorized("the login is not valid or has ended");

/// Someone who wants an account.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The unique name.
    pub username: Username,
    /// The password to log in with.
    pub password: Password,
    /// The name as people write it; the username if there is none.
    pub fullname: Option<Fullname>,
    /// Where mail reaches them.
    pub email: Option<Email>,
    /// A picture to show beside the name.
    pub profile_picture: Option<PictureUrl>,
    /// A key for end-to-end encryption between clients.
    pub public_key: Option<PublicKey>,
}

impl Registration {
    /// With nothing but what is needed.
    #[must_use]
    pub fn new(username: Username, password: Password) -> Self {
        Self { username, password, fullname: None, email: None, profile_picture: None, public_key: None }
    }
}

/// What to change of an account; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountUpdate {
    /// The password to log in with.
    pub password: Option<Password>,
    /// Where mail reaches them; `Some(None)` means nowhere.
    pub email: Option<Option<Email>>,
}

/// Registers users and logs them in and out. Clones are the same accounts.
///
/// ```
/// use chat_core::{AccountOptions, Accounts, MemoryStorage, Registration, SystemClock, TokenKeys, UserKey};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = TokenKeys::hs256(b"32 random bytes that nobody knows")?;
/// let storage = Arc::new(MemoryStorage::new());
/// let accounts = Accounts::new(storage, Arc::new(SystemClock), keys, AccountOptions::default());
///
/// let registration = Registration::new("ada".parse()?, "correct horse".parse()?);
/// let ada = accounts.register(registration).await?;
///
/// let tokens = accounts.log_in(UserKey::Username("ada".parse()?), "correct horse".parse()?).await?;
/// let (identity, _) = accounts.authenticate(&tokens.access_token).await?;
/// assert_eq!(identity.user, ada.id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
    post: Option<Post>,
}

struct Inner {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    keys: RwLock<Arc<TokenKeys>>,
    hashing: Hashing,
    /// Passwords tried for each name, whether or not anyone has it.
    logins: Option<Budget<str>>,
    options: AccountOptions,
}

impl Accounts {
    /// Accounts kept in `storage`, whose access tokens `keys` sign. Methods that take a password need a tokio runtime.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>, keys: TokenKeys, options: AccountOptions) -> Self {
        let hashing = Hashing::new(&options);
        let keys = RwLock::new(Arc::new(keys));
        let logins = options.limits.rates.as_ref().map(|rates| Budget::new(rates.logins, Arc::clone(&clock)));
        Self { inner: Arc::new(Inner { storage, clock, keys, hashing, logins, options }), post: None }
    }

    /// The keys, to publish their public half or to keep them.
    #[must_use]
    pub fn keys(&self) -> Arc<TokenKeys> {
        Arc::clone(&self.inner.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs with other keys from now on. Tokens of the former ones are good only if these
    /// [know them](TokenKeys::with_former).
    pub fn replace_keys(&self, keys: TokenKeys) {
        *self.inner.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// How many times a password has been hashed, to make or to check a hash: a measure of load.
    #[must_use]
    pub fn password_hashes(&self) -> u64 {
        self.inner.hashing.computed()
    }

    /// Makes an account, and mails a code to verify its address, if it has one.
    ///
    /// # Errors
    /// `Invalid` for a password that is too short, or for no address where one is needed, `Conflict` for a username or address that is taken.
    pub async fn register(&self, registration: Registration) -> Result<User, Error> {
        self.inner.check_address(registration.email.as_ref())?;
        let user = self.inner.insert(registration, Rank::Ordinary).await?;
        if let Some(email) = &user.email {
            self.request_verification(email.clone());
        }
        Ok(user)
    }

    /// Makes the account of an administrator, who may delete users and groups of others. It is for whoever runs the server
    /// to ask, so no code is mailed, and no address is needed or has to be verified to log in.
    ///
    /// # Errors
    /// `Invalid` for a password that is too short, `Conflict` for a username or address that is taken.
    pub async fn register_administrator(&self, registration: Registration) -> Result<User, Error> {
        self.inner.insert(registration, Rank::Administrator).await
    }

    /// Begins a login for whoever knows the password.
    ///
    /// # Errors
    /// The same `Unauthorized` after the same work for a wrong password, an unknown user and one without a password;
    /// `RateLimited` if too many are waiting, or too many were tried for this name; with the right password, `Unverified` for who must verify their address first.
    pub async fn log_in(&self, key: UserKey, password: Password) -> Result<TokenPair, Error> {
        self.inner.count_login(&key)?;
        let user = self.inner.storage.find_user(&key).await?;
        let hash = match &user {
            Some(user) => self.inner.storage.find_password(user.id).await?,
            None => None,
        };
        let right = self.inner.hashing.verify(password, hash.as_ref()).await?;
        match user {
            Some(user) if right && self.inner.lacks_verification(&user) => Err(Error::Unverified),
            Some(user) if right => self.unless_replaced(hash, self.begin(user).await?).await,
            _ => Err(WRONG_CREDENTIALS),
        }
    }

    /// Spends a refresh token for a new pair of tokens of the same login.
    ///
    /// # Errors
    /// `Unauthorized` for a token that no living login knows.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Refreshed, Error> {
        let now = self.inner.clock.now();
        let successor = RefreshToken::new();
        let expires_at = now.plus(self.inner.options.refresh_life);
        let spent = token::hash(refresh_token);
        match self.inner.storage.rotate_login(&spent, &successor.hash(), now, expires_at).await? {
            Rotation::Rotated(login) => self.successor(login, successor).await.map(Refreshed::Pair),
            Rotation::Reused(login) => Ok(Refreshed::Reused(login.id)),
            Rotation::Unknown => Err(NOT_LOGGED_IN),
        }
    }

    /// Tells who an access token was given to, as long as it has not expired and its login is alive.
    ///
    /// # Errors
    /// The same `Unauthorized` for every other token.
    pub async fn authenticate(&self, token: &str) -> Result<(Identity, User), Error> {
        let now = self.inner.clock.now();
        let claims = self.keys().read(token).filter(|claims| now < claims.expires_at()).ok_or(NOT_LOGGED_IN)?;
        let login = claims.login().ok_or(NOT_LOGGED_IN)?;
        let (login, user) = self.inner.storage.find_login(login, now).await?.ok_or(NOT_LOGGED_IN)?;
        if claims.user() != Some(user.id) {
            return Err(NOT_LOGGED_IN);
        }
        let identity = Identity { user: user.id, login: Some(login.id), expires_at: Some(claims.expires_at()) };
        Ok((identity, user))
    }

    /// Revokes the login that someone came by, and returns it; `None` if they came by none, or it is revoked already.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn log_out(&self, identity: Identity) -> Result<Option<LoginId>, Error> {
        let Some(login) = identity.login else { return Ok(None) };
        let revoked = self.inner.storage.revoke_login(identity.user, login).await?;
        Ok(revoked.then_some(login))
    }

    /// Lists a user's living logins, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn logins(&self, user: UserId) -> Result<Vec<Login>, Error> {
        Ok(self.inner.storage.list_logins(user, self.inner.clock.now()).await?)
    }

    /// Revokes one of a user's logins, and returns it.
    ///
    /// # Errors
    /// `NotFound` if the user has no such login.
    pub async fn revoke(&self, user: UserId, login: LoginId) -> Result<LoginId, Error> {
        if self.inner.storage.revoke_login(user, login).await? { Ok(login) } else { Err(Error::NotFound("login")) }
    }

    /// Replaces a password, revokes every login of the user but `keep`, and returns those revoked.
    ///
    /// # Errors
    /// `Forbidden` if `old` is not the password and to guests, who have none, `Invalid` if `new` is too short, `RateLimited` if too many are waiting or were tried.
    pub async fn change_password(
        &self,
        user: UserId,
        old: Password,
        new: Password,
        keep: Option<LoginId>,
    ) -> Result<Vec<LoginId>, Error> {
        self.change(user, old, AccountUpdate { password: Some(new), email: None }, keep).await
    }

    /// Changes address and password of someone who knows the password: the address first, then the password as
    /// [`change_password`](Self::change_password) does. A code goes to the new address. Changing to the same address changes
    /// nothing.
    ///
    /// # Errors
    /// `Conflict` for an address that is taken, and all that [`change_password`](Self::change_password) refuses; nothing is
    /// changed then.
    pub async fn change(
        &self,
        user: UserId,
        old: Password,
        update: AccountUpdate,
        keep: Option<LoginId>,
    ) -> Result<Vec<LoginId>, Error> {
        let AccountUpdate { password, email } = update;
        password.as_ref().map_or(Ok(()), |password| self.inner.check_new(password))?;
        email.as_ref().map_or(Ok(()), |email| self.inner.check_address(email.as_ref()))?;
        self.inner.count_login(&UserKey::Id(user))?;
        let known = self.inner.storage.find_password(user).await?;
        if known.as_ref().is_some_and(guests::is_mark) {
            return Err(NO_PASSWORD);
        }
        if !self.inner.hashing.verify(old, known.as_ref()).await? {
            return Err(WRONG_PASSWORD);
        }
        let hash = match password {
            Some(password) => Some(self.inner.hashing.hash(password).await?),
            None => None,
        };
        if let Some(email) = email {
            self.change_email(user, email).await?;
        }
        match hash {
            Some(hash) => Ok(self.inner.storage.put_password(user, &hash, keep).await?),
            None => Ok(vec![]),
        }
    }

    async fn change_email(&self, user: UserId, email: Option<Email>) -> Result<(), Error> {
        let known = self.inner.storage.find_user(&UserKey::Id(user)).await?.ok_or(NO_USER)?;
        if known.email == email {
            return Ok(());
        }
        self.inner.storage.put_email(user, email.as_ref()).await?.ok_or(NO_USER)?;
        if let Some(email) = email {
            self.request_verification(email);
        }
        Ok(())
    }

    /// Begins a login for a user who has shown who they are.
    async fn begin(&self, user: User) -> Result<TokenPair, Error> {
        let at = self.inner.clock.now();
        let refresh = RefreshToken::new();
        let expires_at = at.plus(self.inner.options.refresh_life);
        let login = NewLogin { user: user.id, refresh: refresh.hash(), at, expires_at };
        match self.inner.storage.insert_login(login).await {
            Ok(login) => self.pair(user, &login, refresh),
            Err(StorageError::NotFound(_)) => Err(WRONG_CREDENTIALS),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a login back if its password was replaced while it was being checked: the replacement has revoked the logins
    /// there were, and this one was not there yet.
    async fn unless_replaced(&self, checked: Option<PasswordHash>, pair: TokenPair) -> Result<TokenPair, Error> {
        if self.inner.storage.find_password(pair.user.id).await? == checked {
            return Ok(pair);
        }
        self.inner.storage.revoke_login(pair.user.id, pair.login).await?;
        Err(WRONG_CREDENTIALS)
    }

    async fn successor(&self, login: Login, refresh: RefreshToken) -> Result<TokenPair, Error> {
        let found = self.inner.storage.find_login(login.id, self.inner.clock.now()).await?;
        let (login, user) = found.ok_or(NOT_LOGGED_IN)?;
        self.pair(user, &login, refresh)
    }

    fn pair(&self, user: User, login: &Login, refresh: RefreshToken) -> Result<TokenPair, Error> {
        let now = self.inner.clock.now();
        let expires_at = now.plus(self.inner.options.access_life).min(login.expires_at);
        let signed = self.keys().sign(&Claims::new(&user, login.id, now, expires_at));
        let access_token = signed.map_err(|error| {
            tracing::error!(%error, "an access token could not be signed");
            Error::Unavailable
        })?;
        let expires_in = expires_at.since(now).as_secs();
        Ok(TokenPair { access_token, refresh_token: refresh.into(), expires_in, user, login: login.id })
    }
}

/// What an account may do beyond its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Ordinary,
    Administrator,
}

impl Inner {
    /// Counts one password that is tried for a name, so that nobody guesses for long, from however many places.
    fn count_login(&self, key: &UserKey) -> Result<(), Error> {
        let Some(logins) = &self.logins else { return Ok(()) };
        // None of these is another: an id is a number and a space, a username has no `@`, an address has one.
        logins.spend(&match key {
            UserKey::Id(id) => format!("{id} "),
            UserKey::Username(name) => name.key(),
            UserKey::Email(email) => email.key(),
        })
    }

    async fn insert(&self, registration: Registration, rank: Rank) -> Result<User, Error> {
        let Registration { username, password, fullname, email, profile_picture, public_key } = registration;
        self.check_new(&password)?;
        let password = Some(self.hashing.hash(password).await?);
        // Every username is within the limits of a full name.
        let fullname = fullname.unwrap_or_else(|| Fullname::from_stored(username.to_string()));
        let (is_admin, created_at) = (rank == Rank::Administrator, self.clock.now());
        let user = NewUser { username, fullname, email, profile_picture, public_key, password, is_admin, created_at };
        Ok(self.storage.insert_user(user).await?)
    }

    fn lacks_verification(&self, user: &User) -> bool {
        self.options.require_verification && !user.email_verified && !user.is_admin
    }

    fn check_new(&self, password: &Password) -> Result<(), Error> {
        let min = self.options.password_chars_min;
        if password.chars() < min {
            return Err(Error::invalid("password", format!("must be at least {min} characters long")));
        }
        Ok(())
    }

    fn check_address(&self, email: Option<&Email>) -> Result<(), Error> {
        let is_missing = email.is_none() && self.options.require_verification;
        if is_missing { Err(Error::invalid("email", "is required")) } else { Ok(()) }
    }
}
