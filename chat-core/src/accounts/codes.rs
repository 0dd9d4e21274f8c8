//! The codes that mails carry. The rule: one that is typed is six digits and dies of guessing, one that is clicked cannot be
//! guessed; neither is stored.

use crate::{CodeHash, CodeTry, Email, NewCode, Purpose, Timestamp, random};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How many codes of six digits there are.
const DIGITS: u32 = 1_000_000;

/// A code in clear, on its way into a mail.
pub(super) struct MailedCode(String);

impl MailedCode {
    pub(super) fn new(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Verification => Self(format!("{:06}", below_a_million())),
            Purpose::Reset => Self(URL_SAFE_NO_PAD.encode(random::bytes::<16>())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub(super) fn stored(&self, email: Email, purpose: Purpose, at: Timestamp, expires_at: Timestamp) -> NewCode {
        let hash = hash(&email, purpose, &self.0);
        NewCode { email, purpose, hash, at, expires_at }
    }
}

/// What someone says is the code, with the space around it that copying brings.
pub(super) fn typed(email: Email, purpose: Purpose, code: &str, at: Timestamp) -> CodeTry {
    let hash = hash(&email, purpose, code.trim());
    CodeTry { email, purpose, hash, at }
}

/// A hash that is good for one address and purpose only. Nobody can find a code of sixteen random bytes by it; six digits can
/// be found by who reads the storage, but show no more than that an address is theirs, and die within minutes.
fn hash(email: &Email, purpose: Purpose, code: &str) -> CodeHash {
    let mut hash = Sha256::new();
    for part in [purpose.as_str(), &email.key(), code] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A number of which all are equally likely.
fn below_a_million() -> u32 {
    let fair = u32::MAX - u32::MAX % DIGITS;
    loop {
        let number = u32::from_le_bytes(random::bytes());
        if number < fair {
            return number % DIGITS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn email(address: &str) -> Email {
        address.parse().unwrap()
    }

    #[test]
    fn a_code_to_type_is_six_digits() {
        for _ in 0..1_000 {
            let code = MailedCode::new(Purpose::Verification);
            assert!(code.0.len() == 6 && code.0.bytes().all(|byte| byte.is_ascii_digit()), "{}", code.0);
        }
    }

    #[test]
    fn a_code_to_click_is_never_the_same() {
        let codes: HashSet<_> = (0..1_000).map(|_| MailedCode::new(Purpose::Reset).0).collect();
        assert_eq!(codes.len(), 1_000);
    }

    #[test]
    fn a_hash_is_of_one_code_for_one_address_and_purpose() {
        let of = |address: &str, purpose, code: &str| typed(email(address), purpose, code, Timestamp(0)).hash;
        let hash = of("ann@example.org", Purpose::Reset, "123456");
        assert_eq!(of("Ann@Example.org", Purpose::Reset, " 123456\n"), hash);
        assert_ne!(of("ann@example.org", Purpose::Verification, "123456"), hash);
        assert_ne!(of("bob@example.org", Purpose::Reset, "123456"), hash);
        assert_ne!(of("ann@example.org", Purpose::Reset, "123457"), hash);
    }
}
