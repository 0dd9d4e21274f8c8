//! Guests: people who come with nothing but an address. The rule: whoever names a guest's address is that guest, and nobody
//! comes by way of a name into an account that has a password, or that a host authenticates itself.
//!
//! In the place of a hash, a guest has a mark that no password hashes to. A reset by mail replaces it, and with it the guest
//! has become an account like any other, of whoever reads the mail to that address.

use super::Accounts;
use super::token::TokenPair;
use crate::{Email, Error, Fullname, NewUser, PasswordHash, StorageError, User, UserKey, Username, limits, random};

/// Every hash begins with `$` (PHC string format).
const MARK: &str = "guest";
/// What a guest is called of whose address nothing can stand in a username.
const NAMELESS: &str = "guest";

const NO_GUESTS: Error = Error::NotFound("route");
const HAS_ACCOUNT: Error = Error::Conflict { field: "email", message: "this address has an account: log in to it" };
const NO_NAME: Error =
    Error::Conflict { field: "email", message: "too many have a name like this; choose another one" };

/// Whether this stands in the place of a hash for a guest.
pub(super) fn is_mark(hash: &PasswordHash) -> bool {
    hash.as_str() == MARK
}

impl Accounts {
    /// Whether guests are let in: if [`AccountOptions::guests`](super::AccountOptions::guests) says so, and nobody has to
    /// verify an address first.
    #[must_use]
    pub fn admits_guests(&self) -> bool {
        self.inner.options.guests && !self.inner.options.require_verification
    }

    /// Begins a login of the guest who has this address. One who is not there yet is made, under the name before the `@` or,
    /// if that is taken, under one like it. Guests stay when their logins end, and come back by the same address.
    ///
    /// # Errors
    /// `NotFound` if guests are not let in, `Conflict` for an address whose account is not a guest's, or if every name like
    /// it is taken.
    pub async fn log_in_guest(&self, email: Email) -> Result<TokenPair, Error> {
        if !self.admits_guests() {
            return Err(NO_GUESTS);
        }
        let guest = match self.find_by_address(&email).await? {
            Some(user) => user,
            None => self.new_guest(email).await?,
        };
        let known = self.inner.storage.find_password(guest.id).await?;
        if !known.as_ref().is_some_and(is_mark) {
            return Err(HAS_ACCOUNT);
        }
        self.unless_replaced(known, self.begin(guest).await?).await
    }

    async fn new_guest(&self, email: Email) -> Result<User, Error> {
        let created_at = self.inner.clock.now();
        for username in names(&email) {
            let guest = NewUser {
                fullname: Fullname::from_stored(username.to_string()),
                username,
                email: Some(email.clone()),
                profile_picture: None,
                public_key: None,
                password: Some(PasswordHash::from_stored(MARK.into())),
                is_admin: false,
                created_at,
            };
            match self.inner.storage.insert_user(guest).await {
                Err(StorageError::Conflict { field: "username", .. }) => {}
                // Someone has just come by this address.
                Err(StorageError::Conflict { .. }) => return self.find_by_address(&email).await?.ok_or(HAS_ACCOUNT),
                inserted => return Ok(inserted?),
            }
        }
        Err(NO_NAME)
    }

    async fn find_by_address(&self, email: &Email) -> Result<Option<User>, Error> {
        Ok(self.inner.storage.find_user(&UserKey::Email(email.clone())).await?)
    }
}

/// What a guest may be called: the part before the `@`, then the same with numbers that nobody can foresee.
fn names(email: &Email) -> impl Iterator<Item = Username> {
    let name = name(email);
    let numbered = format!("{name}-");
    let others = std::iter::repeat_with(move || {
        let number = u32::from_ne_bytes(random::bytes()) % 1_000_000;
        Username::from_stored(format!("{numbered}{number:06}"))
    });
    std::iter::once(Username::from_stored(name)).chain(others).take(limits::GUEST_NAMES_MAX)
}

/// What of the part before the `@` can stand in a username, with room for a number behind it.
fn name(email: &Email) -> String {
    let local = email.as_str().split('@').next().unwrap_or_default();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '-' };
    let room = limits::USERNAME_CHARS_MAX - "-000000".len();
    let name: String = local.chars().map(allowed).take(room).collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { NAMELESS.into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_gives_a_name_that_is_one() {
        let long = format!("{}@example.org", "a".repeat(100));
        for (address, expected) in [
            ("ann@example.org", "ann"),
            ("Ann.Lee@example.org", "Ann.Lee"),
            ("ann+chat@example.org", "ann-chat"),
            ("jörg@example.org", "j-rg"),
            ("李@example.org", NAMELESS),
            ("deleted~5@example.org", "deleted-5"),
            (&long, &"a".repeat(57)),
        ] {
            let names: Vec<_> = names(&address.parse().unwrap()).collect();
            assert_eq!(names[0].as_str(), expected);
            assert_eq!(names.len(), limits::GUEST_NAMES_MAX);
            for name in names {
                assert!(name.as_str().parse::<Username>().is_ok(), "{name}");
            }
        }
    }
}
