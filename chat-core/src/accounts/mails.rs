//! What the mails of accounts say. The rule: a mail names the account of the address it goes to, and nothing that a stranger
//! could have put into it but that account's username.

use super::codes::MailedCode;
use crate::{Email, Mail, Purpose, Username};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

/// All but what RFC 3986, section 2.3, calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One mail, with places to fill in: `{username}`; `{code}`; `{link}`, which leads to the web client with the address and the
/// code; `{minutes}`, how long the code lives; `{site}`, where the web client is. In HTML, what is filled in is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTemplate {
    /// One line. Inboxes show it to whoever looks over the shoulder: it should not hold the code.
    pub subject: String,
    /// The mail as plain text.
    pub text: String,
    /// The same as HTML; without it, the mail is plain text only.
    pub html: Option<String>,
}

/// What the mails of accounts say, in words that a host can replace.
///
/// ```
/// use chat_core::MailTemplates;
///
/// let mut templates = MailTemplates::new("https://chat.example.org");
/// templates.verification.subject = "Willkommen".to_owned();
/// templates.verification.text = "Hallo {username}, dein Code ist {code}.".to_owned();
/// templates.verification.html = None;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MailTemplates {
    /// Where the web client is, without a slash at the end. Links go to `#verify` and `#reset_password` of it, each with
    /// `?email=…&code=…` behind: what stands behind `#` stays in the browser, and in no log of a server.
    pub public_url: String,
    /// To someone who has registered, or has changed their address.
    pub verification: MailTemplate,
    /// To someone who has forgotten the password.
    pub reset: MailTemplate,
}

impl MailTemplates {
    /// Mails in English, with links to the web client at this URL.
    #[must_use]
    pub fn new(public_url: impl Into<String>) -> Self {
        let public_url = public_url.into().trim_end_matches('/').to_owned();
        let verification = MailTemplate {
            subject: "Your verification code".into(),
            text: include_str!("mails/verification.txt").into(),
            html: Some(include_str!("mails/verification.html").into()),
        };
        let reset = MailTemplate {
            subject: "Reset your password".into(),
            text: include_str!("mails/reset.txt").into(),
            html: Some(include_str!("mails/reset.html").into()),
        };
        Self { public_url, verification, reset }
    }

    /// The mail that carries a code.
    pub(super) fn write(
        &self,
        to: Email,
        username: &Username,
        purpose: Purpose,
        code: &MailedCode,
        life: Duration,
    ) -> Mail {
        let (template, page) = match purpose {
            Purpose::Verification => (&self.verification, "verify"),
            Purpose::Reset => (&self.reset, "reset_password"),
        };
        let encoded = |text| utf8_percent_encode(text, RESERVED);
        let link =
            format!("{}/#{page}?email={}&code={}", self.public_url, encoded(to.as_str()), encoded(code.as_str()));
        let minutes = (life.as_secs() / 60).to_string();
        let places = [
            ("{username}", username.as_str()),
            ("{code}", code.as_str()),
            ("{link}", &link),
            ("{minutes}", &minutes),
            ("{site}", &self.public_url),
        ];
        Mail {
            to,
            subject: filled(&template.subject, &places, str::to_owned),
            text: filled(&template.text, &places, str::to_owned),
            html: template.html.as_ref().map(|html| filled(html, &places, escaped)),
        }
    }
}

/// Fills in each place once: what is filled in is not looked at again.
fn filled(template: &str, places: &[(&str, &str)], written: fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        match places.iter().find(|(name, _)| from.starts_with(name)) {
            Some((name, value)) => {
                filled.push_str(&written(value));
                rest = &from[name.len()..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled + rest
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(purpose: Purpose, address: &str) -> (Mail, MailedCode) {
        let templates = MailTemplates::new("https://chat.example.org/");
        let (to, username) = (address.parse().unwrap(), "ann".parse().unwrap());
        let code = MailedCode::new(purpose);
        (templates.write(to, &username, purpose, &code, Duration::from_secs(900)), code)
    }

    #[test]
    fn both_forms_hold_the_code_the_link_and_the_name() {
        for (purpose, page) in [(Purpose::Verification, "verify"), (Purpose::Reset, "reset_password")] {
            let (mail, code) = written(purpose, "ann+chat@example.org");
            let address = "ann%2Bchat%40example.org";
            let link = format!("https://chat.example.org/#{page}?email={address}&code={}", code.as_str());
            let html = mail.html.unwrap();
            assert!(mail.text.contains(&link), "{}", mail.text);
            assert!(html.contains(&escaped(&link)), "{html}");
            for form in [&mail.text, &html] {
                assert!(form.contains("ann") && form.contains("15 minutes"), "{form}");
                assert!(!form.contains('{') && !form.contains('}'), "{form}");
            }
            assert!(!mail.subject.contains(code.as_str()));
        }
    }

    #[test]
    fn what_is_filled_in_is_escaped_in_html() {
        let (mail, _) = written(Purpose::Reset, "a\"onclick='x'&@example.org");
        let html = mail.html.unwrap();
        assert!(!html.contains("onclick='x'"), "{html}");
        assert_eq!(escaped("<a href=\"b\">'&"), "&lt;a href=&quot;b&quot;&gt;&#39;&amp;");
    }

    #[test]
    fn what_is_filled_in_is_no_place_again() {
        let places = [("{username}", "{code}"), ("{code}", "123456")];
        assert_eq!(filled("{username} {code} {other} {", &places, str::to_owned), "{code} 123456 {other} {");
    }
}
