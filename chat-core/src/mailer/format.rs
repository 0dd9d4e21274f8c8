//! Mails as the bytes that travel (RFC 5322, MIME). The rule: nothing but the mail library writes a header.

use super::smtp::MailSettingsError;
use super::{Mail, MailError};
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

/// Bytes of a line, without its end (RFC 5322, section 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// Writes mails out in full, from one sender: what an `.eml` file holds.
#[derive(Clone, Debug)]
pub struct MailFormat {
    from: Mailbox,
}

impl MailFormat {
    /// Mails of this sender, as `chat@example.org` or `Chat <chat@example.org>`.
    ///
    /// # Errors
    /// [`MailSettingsError::Sender`].
    pub fn new(from: &str) -> Result<Self, MailSettingsError> {
        Ok(Self { from: from.parse().map_err(|_| MailSettingsError::Sender)? })
    }

    /// The whole mail, its lines ended by CR LF.
    ///
    /// # Errors
    /// [`MailError::Refused`] if the address is none that mails can be sent to.
    pub fn bytes(&self, mail: &Mail) -> Result<Vec<u8>, MailError> {
        Ok(self.message(mail)?.formatted())
    }

    pub(super) fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let to = mail.to.as_str().parse().map_err(|error: lettre::address::AddressError| refused(error))?;
        let head = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(on_one_line(&mail.subject))
            .header(AutoSubmitted)
            .message_id(None);
        let text = part(ContentType::TEXT_PLAIN, &mail.text);
        match &mail.html {
            Some(html) => {
                let both = MultiPart::alternative().singlepart(text);
                head.multipart(both.singlepart(part(ContentType::TEXT_HTML, html)))
            }
            None => head.singlepart(text),
        }
        .map_err(refused)
    }
}

fn part(form: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(form).body(body(text))
}

/// Text that may travel as it is stays as it is, so that whoever opens an `.eml` file can follow the links in it; any other is
/// encoded.
fn body(text: &str) -> Body {
    let is_sendable = |line: &str| line.len() <= LINE_BYTES_MAX && line.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !text.split('\n').all(is_sendable) {
        return Body::new(text.to_owned());
    }
    Body::dangerous_pre_encoded(text.replace('\n', "\r\n").into_bytes(), ContentTransferEncoding::SevenBit)
}

fn refused(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> MailError {
    MailError::Refused(error.into())
}

fn on_one_line(subject: &str) -> String {
    subject.replace(char::is_control, " ")
}

/// Keeps the automatic answers of people who are away from coming back (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str) -> Mail {
        Mail { to: "ann@example.org".parse().unwrap(), subject: subject.into(), text: "words".into(), html: None }
    }

    fn head(from: &str, mail: &Mail) -> Vec<String> {
        let bytes = MailFormat::new(from).unwrap().bytes(mail).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_mail_says_whom_it_is_from_and_that_a_program_wrote_it() {
        let head = head("Chat <chat@example.org>", &mail("Tea"));
        for line in ["From: Chat <chat@example.org>", "To: ann@example.org", "Subject: Tea"] {
            assert!(head.iter().any(|header| header == line), "{head:?}");
        }
        assert!(head.iter().any(|header| header == "Auto-Submitted: auto-generated"), "{head:?}");
        assert!(head.iter().any(|header| header.starts_with("Message-ID: <")), "{head:?}");
    }

    #[test]
    fn a_subject_of_several_lines_makes_no_header() {
        let head = head("chat@example.org", &mail("Tea\r\nBcc: eve@example.org\r\n\r\nbody"));
        assert!(!head.iter().any(|header| header.starts_with("Bcc")), "{head:?}");
    }

    #[test]
    fn a_subject_in_any_script_is_ascii_on_its_way() {
        let head = head("chat@example.org", &mail("Zeit für Tee 🍵"));
        assert!(head.iter().all(|header| header.is_ascii()), "{head:?}");
    }

    #[test]
    fn both_forms_travel_together() {
        let mail = Mail { html: Some("<p>words</p>".into()), ..mail("Tea") };
        let bytes = MailFormat::new("chat@example.org").unwrap().bytes(&mail).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("multipart/alternative") && text.contains("text/plain") && text.contains("text/html"));
    }

    #[test]
    fn a_link_stays_whole_and_other_scripts_and_endless_lines_are_encoded() {
        let link = format!("https://chat.example.org/#verify?email=ann%40example.org&code={}", "1".repeat(100));
        for (text, is_whole) in [(link.clone(), true), (format!("ä {link}"), false), ("1".repeat(999), false)] {
            let bytes = MailFormat::new("chat@example.org").unwrap().bytes(&Mail { text: text.clone(), ..mail("Tea") });
            let sent = String::from_utf8(bytes.unwrap()).unwrap();
            assert!(sent.is_ascii() && sent.lines().all(|line| line.len() <= LINE_BYTES_MAX), "{sent}");
            assert_eq!(sent.contains(&text), is_whole, "{sent}");
        }
    }

    #[test]
    fn a_sender_who_is_none_is_refused() {
        for from in ["", "chat", "Chat <chat@example.org>\r\nBcc: eve@example.org"] {
            assert!(matches!(MailFormat::new(from), Err(MailSettingsError::Sender)), "{from:?}");
        }
    }
}
