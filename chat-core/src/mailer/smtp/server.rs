//! Reading the URL of a mail server. The rule: what is not said is the safe choice.

use super::MailSettingsError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// What a URL says.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) credentials: Option<Credentials>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    FromTheStart,
    StartTls,
    None,
}

impl Server {
    pub(super) fn parse(url: &str) -> Result<Self, MailSettingsError> {
        let url = Url::parse(url).map_err(|_| MailSettingsError::Url)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(MailSettingsError::Url)?;
        let credentials = credentials(&url)?;
        let encryption = encryption(&url, credentials.is_some())?;
        if encryption == Encryption::None && credentials.is_some() {
            return Err(MailSettingsError::PasswordInTheClear);
        }
        let usual = match encryption {
            Encryption::FromTheStart => 465,
            Encryption::StartTls => 587,
            Encryption::None => 25,
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: url.port().unwrap_or(usual), encryption, credentials })
    }

    /// What this server's certificate has to be signed by.
    pub(super) fn tls(&self, authority: Option<&[u8]>) -> Result<TlsParameters, MailSettingsError> {
        let mut parameters = TlsParameters::builder(self.host.clone());
        if let Some(pem) = authority {
            // A text without any certificate would pass for an empty list of them.
            let found = pem.windows(PEM_BEGIN.len()).any(|text| text == PEM_BEGIN).then_some(pem);
            let certificate = found.and_then(|pem| Certificate::from_pem(pem).ok());
            parameters = parameters.add_root_certificate(certificate.ok_or(MailSettingsError::Certificate)?);
        }
        parameters.build().map_err(|_| MailSettingsError::Certificate)
    }
}

fn encryption(url: &Url, has_password: bool) -> Result<Encryption, MailSettingsError> {
    let mode = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, mode)| mode);
    match (url.scheme(), mode.as_deref()) {
        ("smtps", None | Some("required")) => Ok(Encryption::FromTheStart),
        ("smtp", Some("required")) => Ok(Encryption::StartTls),
        ("smtp", Some("none")) => Ok(Encryption::None),
        ("smtp", None) if is_here(url) && !has_password => Ok(Encryption::None),
        ("smtp", None) => Ok(Encryption::StartTls),
        ("smtp" | "smtps", Some(_)) => Err(MailSettingsError::TlsMode),
        _ => Err(MailSettingsError::Url),
    }
}

/// Whether the server is on this machine.
fn is_here(url: &Url) -> bool {
    // The host of a scheme that the crate does not know comes as a domain, even if it is an address.
    let host = url.host_str().and_then(|host| Host::parse(host).ok());
    match host {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, MailSettingsError> {
    let Some(password) = url.password() else {
        return if url.username().is_empty() { Ok(None) } else { Err(MailSettingsError::Url) };
    };
    Ok(Some(Credentials::new(decoded(url.username())?, decoded(password)?)))
}

fn decoded(part: &str) -> Result<String, MailSettingsError> {
    let decoded = percent_decode_str(part).decode_utf8();
    decoded.map(Into::into).map_err(|_| MailSettingsError::Url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SmtpSettings;

    fn parsed(url: &str) -> Result<(u16, Encryption), MailSettingsError> {
        Server::parse(url).map(|server| (server.port, server.encryption))
    }

    #[test]
    fn mails_travel_encrypted_unless_told_otherwise() {
        for (url, expected) in [
            ("smtps://mail.example.org", (465, Encryption::FromTheStart)),
            ("smtps://u:p@mail.example.org:4650", (4_650, Encryption::FromTheStart)),
            ("smtp://mail.example.org", (587, Encryption::StartTls)),
            ("smtp://u:p@localhost", (587, Encryption::StartTls)),
            ("smtp://localhost:2525?tls=required", (2_525, Encryption::StartTls)),
            ("smtp://mail.example.org?tls=none", (25, Encryption::None)),
            ("smtp://localhost", (25, Encryption::None)),
            ("smtp://127.0.0.1:1025", (1_025, Encryption::None)),
            ("smtp://[::1]:1025", (1_025, Encryption::None)),
        ] {
            assert_eq!(parsed(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn a_password_never_travels_in_the_clear() {
        for url in ["smtp://u:p@mail.example.org?tls=none", "smtp://u:p@localhost?tls=none"] {
            assert_eq!(parsed(url), Err(MailSettingsError::PasswordInTheClear));
        }
    }

    #[test]
    fn a_wrong_url_is_told_without_repeating_it() {
        for url in ["", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://u@mail.example.org"] {
            assert_eq!(parsed(url), Err(MailSettingsError::Url), "{url}");
        }
        assert_eq!(parsed("smtp://mail.example.org?tls=maybe"), Err(MailSettingsError::TlsMode));
        let settings = SmtpSettings::new("smtps://u:secret@mail.example.org");
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn a_certificate_that_is_none_is_refused() {
        let server = Server::parse("smtps://localhost").unwrap();
        let broken = "-----BEGIN CERTIFICATE-----\nnone\n";
        for authority in ["", "none", broken] {
            assert_eq!(server.tls(Some(authority.as_bytes())).err(), Some(MailSettingsError::Certificate));
        }
        assert!(server.tls(None).is_ok());
    }
}
