//! Accounts over [`MemoryStorage`], with a clock that the tests move.

#![cfg(feature = "accounts")]
#![expect(clippy::unwrap_used, reason = "what fails to be set up fails the test")]

mod guests;
mod keys;
mod logins;
mod passwords;
mod recovery;
mod registrations;
mod tokens;

use chat_core::{
    AccountOptions, Accounts, Clock, Error, ManualClock, MemoryStorage, Password, PasswordCost, Refreshed,
    Registration, Timestamp, TokenKeys, TokenPair, User, UserKey,
};
use std::sync::Arc;
use std::time::Duration;

const PASSWORD: &str = "correct horse";

/// What every token that is not good is answered with.
const NOT_LOGGED_IN: Error = Error::Unauthorized("the login is not valid or has ended");

/// Accounts, and what they stand on.
struct Fixture {
    accounts: Accounts,
    storage: Arc<MemoryStorage>,
    clock: Arc<ManualClock>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(secret(), cheap())
    }

    fn with(keys: TokenKeys, options: AccountOptions) -> Self {
        let storage = Arc::new(MemoryStorage::new());
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000)));
        let accounts = Accounts::new(storage.clone(), clock.clone(), keys, options);
        Self { accounts, storage, clock }
    }

    /// Other accounts over the same storage and clock, as after a restart.
    fn again(&self, keys: TokenKeys, options: AccountOptions) -> Accounts {
        Accounts::new(self.storage.clone(), self.clock.clone(), keys, options)
    }

    async fn ada(&self) -> User {
        self.accounts.register(registration("ada")).await.unwrap()
    }

    async fn ada_logged_in(&self) -> TokenPair {
        self.ada().await;
        self.log_in("ada").await
    }

    async fn log_in(&self, username: &str) -> TokenPair {
        self.accounts.log_in(named(username), password(PASSWORD)).await.unwrap()
    }

    async fn refresh(&self, token: &str) -> TokenPair {
        match self.accounts.refresh(token).await.unwrap() {
            Refreshed::Pair(pair) => pair,
            Refreshed::Reused(login) => panic!("login {login} is revoked"),
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().0
    }
}

fn registration(username: &str) -> Registration {
    Registration::new(username.parse().unwrap(), password(PASSWORD))
}

fn password(password: &str) -> Password {
    password.parse().unwrap()
}

fn named(username: &str) -> UserKey {
    UserKey::Username(username.parse().unwrap())
}

fn secret() -> TokenKeys {
    TokenKeys::hs256(b"a secret for tests, long enough!").unwrap()
}

/// Passwords cost next to nothing.
fn cheap() -> AccountOptions {
    costing(8, 1)
}

fn costing(memory_kib: u32, passes: u32) -> AccountOptions {
    let mut options = AccountOptions::default();
    options.password_cost = PasswordCost::new(memory_kib, passes, 1).unwrap();
    options
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
