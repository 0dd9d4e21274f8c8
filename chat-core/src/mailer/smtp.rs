//! Mails over SMTP. The rule: a password travels encrypted, and a mail too, unless the server is on this machine or the
//! configuration says otherwise in so many words.

mod connections;
mod server;

use super::{Mail, MailError, MailFormat, Mailer};
use async_trait::async_trait;
use connections::Connections;
use lettre::transport::smtp::response::Code;
use server::Server;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long one attempt may take, from connecting to the last answer.
const ATTEMPT_LASTS_MAX: Duration = Duration::from_secs(30);

/// Why mails cannot be sent this way: a sentence for whoever wrote the configuration, without what was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailSettingsError {
    /// Give another URL.
    #[error("the URL must be smtps://host or smtp://host, with user:password@ before the host if need be")]
    Url,
    /// Give one of the two values, or leave it out.
    #[error("in the URL, tls must be \"required\" or \"none\"")]
    TlsMode,
    /// Encrypt the connection.
    #[error("a password would travel in the clear: use smtps://, or leave out tls=none")]
    PasswordInTheClear,
    /// Give another certificate.
    #[error("the certificate must be in PEM form")]
    Certificate,
    /// Give another sender.
    #[error("the sender must be an address, as chat@example.org or Chat <chat@example.org>")]
    Sender,
}

/// Which server takes the mails. Its `Debug` form does not show the password.
#[derive(Clone)]
#[non_exhaustive]
pub struct SmtpSettings {
    /// `smtps://user:password@host:port` for TLS from the start (port 465 if none is named), `smtp://…` for STARTTLS (port
    /// 587), without which nothing is sent. `smtp://…?tls=none` encrypts nothing (port 25); so does `smtp://` to
    /// `localhost`, `127.0.0.1` or `[::1]` if it holds no password, unless it says `?tls=required`.
    pub url: String,
    /// A certificate authority in PEM form to trust besides the public ones.
    pub certificate: Option<Vec<u8>>,
    /// Idle connections that are kept for the next mails.
    pub idle_max: usize,
}

impl SmtpSettings {
    /// The server at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), certificate: None, idle_max: 4 }
    }
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings").field("idle_max", &self.idle_max).finish_non_exhaustive()
    }
}

/// Sends mails over SMTP (RFC 5321, RFC 6409), on connections that are kept for the next.
#[derive(Clone)]
pub struct SmtpMailer {
    connections: Arc<Connections>,
    format: MailFormat,
}

impl SmtpMailer {
    /// A mailer that connects when there is a mail. Sending needs a tokio runtime.
    ///
    /// # Errors
    /// [`MailSettingsError`] says what to write instead.
    pub fn new(settings: &SmtpSettings, format: MailFormat) -> Result<Self, MailSettingsError> {
        let server = Server::parse(&settings.url)?;
        let tls = server.tls(settings.certificate.as_deref())?;
        Ok(Self { connections: Arc::new(Connections::to(server, tls, settings.idle_max)), format })
    }

    /// Connects and logs in as for a mail, and sends none.
    ///
    /// # Errors
    /// `Unavailable`, with what is in the way as its source.
    pub async fn check(&self) -> Result<(), MailError> {
        match tokio::time::timeout(ATTEMPT_LASTS_MAX, self.connections.check()).await {
            Ok(checked) => checked.map_err(|error| MailError::Unavailable(error.into())),
            Err(elapsed) => Err(MailError::Unavailable(elapsed.into())),
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let message = self.format.message(&mail)?;
        // The connection of an attempt that is cut short is closed, so the server drops what it has of the mail.
        match tokio::time::timeout(ATTEMPT_LASTS_MAX, self.connections.send(&message)).await {
            Ok(sent) => sent.map_err(meaning),
            Err(elapsed) => Err(MailError::Unavailable(elapsed.into())),
        }
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("format", &self.format).finish_non_exhaustive()
    }
}

fn meaning(error: lettre::transport::smtp::Error) -> MailError {
    let is_about_the_mail = error.is_client() || (error.is_permanent() && !error.status().is_some_and(is_about_login));
    let error = Box::new(error);
    if is_about_the_mail { MailError::Refused(error) } else { MailError::Unavailable(error) }
}

/// 530, 534, 535 and 538 (RFC 4954, section 6): it is us whom the server does not take, and whoever runs it can change that.
fn is_about_login(code: Code) -> bool {
    ["530", "534", "535", "538"].contains(&code.to_string().as_str())
}
