//! Passwords as people type them. The rule: one is never shown, logged or stored.

use crate::limits;
use std::fmt;

/// A password as typed, at most 1,024 bytes. How short a new one may be is for
/// [`AccountOptions`](super::AccountOptions) to say.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(super) fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

impl TryFrom<String> for Password {
    type Error = String;

    fn try_from(password: String) -> Result<Self, String> {
        if password.len() > limits::PASSWORD_BYTES_MAX {
            return Err(format!("must be at most {} bytes long", limits::PASSWORD_BYTES_MAX));
        }
        if password.contains('\0') {
            return Err("must not contain a NUL character".into());
        }
        Ok(Self(password))
    }
}

impl std::str::FromStr for Password {
    type Err = String;

    fn from_str(password: &str) -> Result<Self, String> {
        Self::try_from(password.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}
