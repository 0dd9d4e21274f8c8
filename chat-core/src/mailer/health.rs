//! How mails fare, in a word. The rule: it is what the last try has shown; nobody is asked for it.

/// How mails fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailHealth {
    /// The last one was taken by the mail server, or none was sent yet.
    Ok,
    /// There is no mail server: mails reach nobody.
    Nowhere,
    /// So many wait that further ones are dropped.
    Full,
    /// The mail server was not available when last tried.
    Failing,
}

impl MailHealth {
    /// The stable name, for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Nowhere => "none",
            Self::Full => "full",
            Self::Failing => "failing",
        }
    }
}
