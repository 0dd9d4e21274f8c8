//! Mails that a server has written.

use chat_core::Mail;
use std::path::Path;

/// What arrived in a mailbox.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whom it went to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// All of it, in plain text and HTML.
    pub text: String,
}

impl Letter {
    /// The six digits in it.
    #[must_use]
    pub fn digits(&self) -> String {
        let words = self.text.split(|character: char| !character.is_ascii_alphanumeric());
        let mut found = words.filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()));
        found.next().expect("six digits").to_owned()
    }

    /// The code behind the link in it.
    #[must_use]
    pub fn code(&self) -> String {
        let (_, behind) = self.text.split_once("&code=").expect("a link with a code");
        behind.split(|character: char| character.is_whitespace() || character == '"').next().unwrap().to_owned()
    }
}

impl From<&Mail> for Letter {
    fn from(mail: &Mail) -> Self {
        let text = format!("{}\n{}", mail.text, mail.html.as_deref().unwrap_or_default());
        Self { to: mail.to.to_string(), subject: mail.subject.clone(), text }
    }
}

/// Every `.eml` file of a directory, oldest first.
pub(crate) fn read(directory: &Path) -> Vec<Letter> {
    let Ok(entries) = std::fs::read_dir(directory) else { return vec![] };
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "eml"));
    let mut files: Vec<_> = files.map(|path| (std::fs::metadata(&path).unwrap().modified().unwrap(), path)).collect();
    files.sort();
    files.into_iter().map(|(_, path)| parsed(&std::fs::read_to_string(path).unwrap())).collect()
}

/// Reads a mail in two forms.
fn parsed(mail: &str) -> Letter {
    let (head, body) = mail.split_once("\r\n\r\n").expect("a head and a body");
    let header = |name: &str| {
        let line = head.split("\r\n").find_map(|line| line.strip_prefix(name)).expect("a header");
        line.trim_start_matches(':').trim().to_owned()
    };
    let parts = body.split("Content-Transfer-Encoding: ").skip(1).map(decoded);
    Letter { to: header("To"), subject: header("Subject"), text: parts.collect() }
}

/// What stands behind the name of an encoding.
fn decoded(part: &str) -> String {
    let (encoding, text) = part.split_once("\r\n\r\n").expect("an encoding and a text");
    match encoding {
        "7bit" => text.to_owned(),
        "quoted-printable" => {
            let bytes = quoted_printable::decode(text, quoted_printable::ParseMode::Robust).unwrap();
            String::from_utf8(bytes).unwrap()
        }
        other => panic!("{other}"),
    }
}
