//! What the engine asks of a mail system. The rule: whoever calls it has time; nothing a client waits for does.

#[cfg(feature = "smtp")]
mod format;
mod health;
mod queue;
#[cfg(feature = "smtp")]
mod smtp;

#[cfg(feature = "smtp")]
pub use format::MailFormat;
pub use health::MailHealth;
pub use queue::MailQueue;
#[cfg(feature = "smtp")]
pub use smtp::{MailSettingsError, SmtpMailer, SmtpSettings};

use crate::Email;
use async_trait::async_trait;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mail to one person. Its `Debug` form shows no word of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whom it goes to.
    pub to: Email,
    /// One line.
    pub subject: String,
    /// The mail as plain text.
    pub text: String,
    /// The same as HTML, for those who prefer it.
    pub html: Option<String>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("to", &self.to).finish_non_exhaustive()
    }
}

/// Why a mail was not sent; the variant says what the caller should do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// Give up: this mail will be accepted at no time.
    #[error("the mail was refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Try again later.
    #[error("the mail system is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over to the system that delivers it. Once this returns `Ok`, the mail is that system's to keep, whole and
    /// as given; after an `Err` it is not sent. Dropping the future hands over the whole mail or none.
    async fn send(&self, mail: Mail) -> Result<(), MailError>;

    /// Whether mails reach people this way; one that only keeps them says no.
    fn is_delivering(&self) -> bool {
        true
    }
}

/// Keeps the newest mails instead of sending them: for tests, and for servers that nobody outside uses.
#[derive(Debug, Default)]
pub struct MemoryMailer(Mutex<Vec<Mail>>);

impl MemoryMailer {
    /// Mails kept; older ones are dropped.
    const MAILS_MAX: usize = 1_000;

    /// The mails kept so far, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Mail> {
        self.mails().clone()
    }

    fn mails(&self) -> MutexGuard<'_, Vec<Mail>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let mut mails = self.mails();
        if mails.len() == Self::MAILS_MAX {
            mails.remove(0);
        }
        mails.push(mail);
        Ok(())
    }

    fn is_delivering(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_mails_are_kept_as_given() {
        let mailer = MemoryMailer::default();
        let mail = |n: usize| Mail {
            to: "ann@example.org".parse().unwrap(),
            subject: n.to_string(),
            text: "hello".into(),
            html: None,
        };
        for n in 0..=MemoryMailer::MAILS_MAX {
            mailer.send(mail(n)).await.unwrap();
        }
        assert_eq!(mailer.sent().len(), MemoryMailer::MAILS_MAX);
        assert_eq!(mailer.sent().last(), Some(&mail(MemoryMailer::MAILS_MAX)));
    }
}
