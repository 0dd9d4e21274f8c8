//! Showing that an address is one's own, and replacing a forgotten password. The rule: whoever asks learns nothing about
//! whose address it is, neither from the answer nor from the time that it takes.

use super::codes::{self, MailedCode};
use super::{Accounts, Inner, MailTemplates, Password};
use crate::{Email, Error, LoginId, Mail, MailHealth, MailQueue, Purpose, User};
use std::sync::Arc;
use tokio::time::Instant;

const WRONG_CODE: Error = Error::Unauthorized("the code is wrong or has expired");

/// How codes reach people.
#[derive(Clone)]
pub(super) struct Post {
    queue: MailQueue,
    templates: Arc<MailTemplates>,
}

impl Accounts {
    /// The same accounts, which mail codes: to who registers with an address, who changes it, and who has forgotten the
    /// password. Without this, nothing is mailed, and no address is ever verified.
    #[must_use]
    pub fn with_mail(self, queue: MailQueue, templates: MailTemplates) -> Self {
        Self { post: Some(Post { queue, templates: Arc::new(templates) }), ..self }
    }

    /// How the mails fare that these accounts send.
    #[must_use]
    pub fn mail_health(&self) -> MailHealth {
        self.post.as_ref().map_or(MailHealth::Nowhere, |post| post.queue.health())
    }

    /// Mails a new code to an address, if it is someone's and not verified yet. Returns at once, whoever it is; who wants
    /// more than [`CODES_MAX`](crate::limits::CODES_MAX) of them gets none for a while.
    pub fn request_verification(&self, email: Email) {
        self.mail_code(email, Purpose::Verification);
    }

    /// Mails a link and a code to choose a new password, if the address is someone's. Returns at once, as
    /// [`request_verification`](Self::request_verification) does.
    pub fn request_reset(&self, email: Email) {
        self.mail_code(email, Purpose::Reset);
    }

    /// Spends a code, and marks the address to which it was mailed as verified.
    ///
    /// # Errors
    /// The same `Unauthorized` after the same time for a wrong, dead or spent code and for an address that nobody has.
    pub async fn verify_email(&self, email: Email, code: &str) -> Result<User, Error> {
        let code = codes::typed(email, Purpose::Verification, code, self.inner.clock.now());
        self.inner.known(self.inner.storage.spend_code(&code)).await
    }

    /// Tells whether a code may reset the password, and leaves it good for that.
    ///
    /// # Errors
    /// As for [`verify_email`](Self::verify_email).
    pub async fn check_reset(&self, email: Email, code: &str) -> Result<(), Error> {
        let code = codes::typed(email, Purpose::Reset, code, self.inner.clock.now());
        self.inner.known(self.inner.storage.try_code(&code)).await.map(drop)
    }

    /// Spends a code for a new password, revokes every login of the user, and returns those.
    ///
    /// # Errors
    /// `Invalid` for a password that is too short, which leaves the code good; `RateLimited` if too many are waiting; else as
    /// for [`verify_email`](Self::verify_email).
    pub async fn reset_password(&self, email: Email, code: &str, new: Password) -> Result<Vec<LoginId>, Error> {
        self.inner.check_new(&new)?;
        let code = codes::typed(email, Purpose::Reset, code, self.inner.clock.now());
        // Hashing is work that only the right code is worth.
        self.inner.known(self.inner.storage.try_code(&code)).await?;
        let new = self.inner.hashing.hash(new).await?;
        let (_, revoked) = self.inner.known(self.inner.storage.spend_code_for_password(&code, &new)).await?;
        Ok(revoked)
    }

    /// Has a code made and mailed in the background, where nobody sees whether there is anyone to mail it to.
    fn mail_code(&self, email: Email, purpose: Purpose) {
        let Some(post) = &self.post else { return };
        let (inner, templates) = (Arc::clone(&self.inner), Arc::clone(&post.templates));
        post.queue.write(async move { inner.coded_mail(email, purpose, &templates).await });
    }
}

impl Inner {
    async fn coded_mail(&self, email: Email, purpose: Purpose, templates: &MailTemplates) -> Option<Mail> {
        let (code, life, now) = (MailedCode::new(purpose), self.options.code_life, self.clock.now());
        match self.storage.put_code(code.stored(email, purpose, now, now.plus(life))).await {
            Ok(user) => {
                let user = user?;
                // The address as its owner wrote it, not as whoever asks does.
                Some(templates.write(user.email?, &user.username, purpose, &code, life))
            }
            Err(error) => {
                tracing::error!(error = %Error::from(error), "a code could not be kept, so none was mailed");
                None
            }
        }
    }

    /// Gives what trying a code has found, or the one refusal, not before the time that every refusal takes.
    async fn known<T>(&self, trying: impl Future<Output = Result<Option<T>, crate::StorageError>>) -> Result<T, Error> {
        let begun = Instant::now();
        if let Some(found) = trying.await? {
            return Ok(found);
        }
        tokio::time::sleep_until(begun + self.options.refusal_time).await;
        Err(WRONG_CODE)
    }
}
