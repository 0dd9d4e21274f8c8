//! People: names, addresses, profiles. The rule: a username never changes and is compared without regard to case.

use crate::text::{Length, checked, one_line, text};
use crate::{Timestamp, UserId, limits};

text!(
    /// A unique name: 1 to 64 ASCII letters, digits, `_`, `-` or `.`, kept as typed, compared by [`Username::key`].
    Username,
    |name| {
        checked(&name, Length::Chars(limits::USERNAME_CHARS_MAX))?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.chars().all(allowed) { Ok(name) } else { Err("must consist of letters, digits, '_', '-' and '.'".into()) }
    }
);

impl Username {
    /// The form by which two usernames are compared.
    #[must_use]
    pub fn key(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// The name a deleted user's traces carry; the tilde keeps it out of reach of [`Username`]'s own rule.
    #[must_use]
    pub fn of_deleted(user: UserId) -> Self {
        Self::from_stored(format!("deleted~{user}"))
    }
}

text!(
    /// A name as people write it: 1 to 128 characters on one line.
    Fullname,
    |name| one_line(&name, limits::FULLNAME_CHARS_MAX)
);

text!(
    /// An e-mail address, kept as typed, compared by [`Email::key`].
    Email,
    |address| {
        checked(&address, Length::Bytes(limits::EMAIL_BYTES_MAX))?;
        let plausible = address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.split('.').all(|label| !label.is_empty()) && !domain.contains('@')
        });
        let clean = !address.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';'));
        if plausible && clean { Ok(address) } else { Err("must be an e-mail address".into()) }
    }
);

impl Email {
    /// The form by which two addresses are compared.
    #[must_use]
    pub fn key(&self) -> String {
        self.as_str().to_lowercase()
    }
}

text!(
    /// The `http` or `https` URL of a picture, at most 2,048 bytes.
    PictureUrl,
    |url| {
        checked(&url, Length::Bytes(limits::URL_BYTES_MAX))?;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let plausible = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        let clean = !url.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>'));
        if plausible && clean { Ok(url) } else { Err("must be an http or https URL".into()) }
    }
);

text!(
    /// A public key for end-to-end encryption between clients, opaque to the engine, at most 8 KiB.
    PublicKey,
    |key| checked(&key, Length::Bytes(limits::PUBLIC_KEY_BYTES_MAX)).map(|()| key)
);

text!(
    /// A hashed password in PHC string format.
    PasswordHash,
    Ok
);

text!(
    /// What someone types to find people or groups: at most 128 characters, every one taken literally.
    Search,
    |term| checked(&term, Length::Chars(limits::SEARCH_CHARS_MAX)).map(|()| term)
);

impl Search {
    /// The form in which texts are searched: [`Search::folded`] of both sides is compared.
    #[must_use]
    pub fn key(&self) -> String {
        Self::folded(self.as_str().trim())
    }

    /// `text` without differences of case.
    #[must_use]
    pub fn folded(text: &str) -> String {
        text.to_lowercase()
    }
}

/// A user as stored. Whether they are online is the hub's to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Unique among users and conversations.
    pub id: UserId,
    /// The unique name.
    pub username: Username,
    /// The name as people write it.
    pub fullname: Fullname,
    /// Where mail reaches them; shown to themselves only.
    pub email: Option<Email>,
    /// Whether they have shown that the address is theirs.
    pub email_verified: bool,
    /// A picture to show beside the name.
    pub profile_picture: Option<PictureUrl>,
    /// A key for end-to-end encryption between clients.
    pub public_key: Option<PublicKey>,
    /// Whether they may delete users and groups of others.
    pub is_admin: bool,
    /// When their last session ended; `None` if they never had one.
    pub last_online: Option<Timestamp>,
    /// When they were created.
    pub created_at: Timestamp,
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The unique name.
    pub username: Username,
    /// The name as people write it.
    pub fullname: Fullname,
    /// Where mail reaches them.
    pub email: Option<Email>,
    /// A picture to show beside the name.
    pub profile_picture: Option<PictureUrl>,
    /// A key for end-to-end encryption between clients.
    pub public_key: Option<PublicKey>,
    /// The hashed password; `None` for users that a host authenticates itself.
    pub password: Option<PasswordHash>,
    /// Whether they may delete users and groups of others.
    pub is_admin: bool,
    /// When they are created.
    pub created_at: Timestamp,
}

/// What to change in a profile; `None` leaves a field as it is, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct ProfileUpdate {
    /// The name as people write it.
    pub fullname: Option<Fullname>,
    /// A picture to show beside the name.
    pub profile_picture: Option<Option<PictureUrl>>,
    /// A key for end-to-end encryption between clients.
    pub public_key: Option<Option<PublicKey>>,
}
