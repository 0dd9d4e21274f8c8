//! How mails leave this server. The rule: without a mail server each mail is a file, and the log tells where, not what it
//! says.

use crate::Outcome;
use crate::arguments::{self, Serve};
use crate::files;
use crate::target::reachable;
use async_trait::async_trait;
use chat_core::{
    Limits, Mail, MailError, MailFormat, MailQueue, MailTemplates, Mailer, SmtpMailer, SmtpSettings, random,
};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::{Host, Url};

/// What accounts need to send mails.
pub(crate) struct Post {
    pub(crate) queue: MailQueue,
    pub(crate) templates: MailTemplates,
}

/// The mailer that the configuration asks for, behind a queue.
pub(crate) fn open(serve: &Serve, address: SocketAddr, limits: &Limits) -> Outcome<Post> {
    let mail = &serve.mail;
    let public_url = public_url(mail, serve.tls.scheme(), address)?;
    let format = format(mail, &public_url)?;
    let mailer: Arc<dyn Mailer> = match &mail.smtp_url {
        Some(url) => Arc::new(smtp(mail, url, limits, format)?),
        None => {
            tracing::info!(directory = %mail.mail_dir.display(), "mails are kept as files; set SMTP_URL to send them");
            Arc::new(FileMailer { directory: mail.mail_dir.clone(), format })
        }
    };
    Ok(Post { queue: MailQueue::new(mailer, limits), templates: MailTemplates::new(public_url.as_str()) })
}

/// Whether mails can leave, in a sentence; sends none.
pub(crate) async fn check(serve: &Serve) -> Outcome<String> {
    let mail = &serve.mail;
    let format = format(mail, &public_url(mail, serve.tls.scheme(), serve.addr)?)?;
    let Some(url) = &mail.smtp_url else {
        let directory = &mail.mail_dir;
        return match fs::metadata(directory) {
            Ok(metadata) if !metadata.is_dir() => Err(format!("MAIL_DIR {} is no directory", directory.display())),
            _ => Ok(format!("mails become files in {}; set SMTP_URL to send them", directory.display())),
        };
    };
    let checked = smtp(mail, url, &Limits::default(), format)?.check().await;
    checked.map(|()| "the mail server takes mails".into()).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("the mail server of SMTP_URL takes no mails: {}", cause.unwrap_or_else(|| error.to_string()))
    })
}

/// Whether the addresses in mails make sense, in a sentence.
pub(crate) fn check_addresses(serve: &Serve) -> Outcome<String> {
    let url = public_url(&serve.mail, serve.tls.scheme(), serve.addr)?;
    format(&serve.mail, &url)?;
    Ok(format!("mails are from {} and lead to {url}", sender(&serve.mail, &url)))
}

fn format(mail: &arguments::Mail, public_url: &Url) -> Outcome<MailFormat> {
    MailFormat::new(&sender(mail, public_url)).map_err(|error| format!("MAIL_FROM cannot be used: {error}"))
}

fn smtp(mail: &arguments::Mail, url: &str, limits: &Limits, format: MailFormat) -> Outcome<SmtpMailer> {
    let mut settings = SmtpSettings::new(url);
    settings.idle_max = limits.mail_sends_max;
    if let Some(path) = &mail.smtp_ca {
        let read = fs::read(path);
        settings.certificate =
            Some(read.map_err(|error| format!("the certificate file {} cannot be read: {error}", path.display()))?);
    }
    SmtpMailer::new(&settings, format).map_err(|error| format!("SMTP_URL cannot be used: {error}"))
}

fn public_url(mail: &arguments::Mail, scheme: &str, address: SocketAddr) -> Outcome<Url> {
    let text = mail.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", reachable(address)));
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let plain = url.filter(|url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty());
    plain.ok_or_else(|| "PUBLIC_URL must be an http or https URL, as https://chat.example.org".to_owned())
}

fn sender(mail: &arguments::Mail, public_url: &Url) -> String {
    let host = match public_url.host() {
        Some(Host::Domain(domain)) => domain,
        _ => "localhost",
    };
    mail.mail_from.clone().unwrap_or_else(|| format!("Chat <no-reply@{host}>"))
}

/// Writes each mail to a file of its own, which only the owner of the server may read.
struct FileMailer {
    directory: PathBuf,
    format: MailFormat,
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let bytes = self.format.bytes(&mail)?;
        let path = self.directory.join(format!("{:032x}.eml", u128::from_ne_bytes(random::bytes())));
        let written = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || write(&path, &bytes)).await
        };
        match written {
            Ok(Ok(())) => {
                tracing::info!(to = %mail.to, path = %path.display(), "a mail was written");
                Ok(())
            }
            Ok(Err(error)) => Err(MailError::Unavailable(error.into())),
            Err(error) => Err(MailError::Unavailable(error.into())),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    files::make_directory_of(path)?;
    files::put_whole(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(public_url: Option<&str>) -> arguments::Mail {
        arguments::Mail {
            smtp_url: None,
            smtp_ca: None,
            mail_from: None,
            mail_dir: PathBuf::new(),
            public_url: public_url.map(str::to_owned),
        }
    }

    #[test]
    fn links_lead_to_the_server_itself_unless_told_otherwise() {
        let address: SocketAddr = "0.0.0.0:8000".parse().unwrap();
        assert_eq!(public_url(&mail(None), "http", address).unwrap().as_str(), "http://127.0.0.1:8000/");
        assert_eq!(public_url(&mail(None), "https", address).unwrap().as_str(), "https://127.0.0.1:8000/");
        let configured = mail(Some("https://chat.example.org/talk"));
        assert_eq!(public_url(&configured, "http", address).unwrap().as_str(), "https://chat.example.org/talk");
    }

    #[test]
    fn a_public_url_that_is_none_is_refused() {
        let address: SocketAddr = "127.0.0.1:8000".parse().unwrap();
        for wrong in ["", "chat.example.org", "ftp://example.org", "https://example.org/?a=b", "javascript:alert(1)"] {
            assert!(public_url(&mail(Some(wrong)), "http", address).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mails_are_from_the_host_of_the_public_url() {
        for (url, from) in [
            ("https://chat.example.org", "Chat <no-reply@chat.example.org>"),
            ("http://127.0.0.1:8000", "Chat <no-reply@localhost>"),
        ] {
            assert_eq!(sender(&mail(None), &Url::parse(url).unwrap()), from);
        }
    }
}
