//! Checked text. The rule: every string that enters the engine passes [`checked`], so no storage sees one it cannot keep.

/// What a text may be, measured in the unit its field is shown in.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Chars(usize),
    Bytes(usize),
}

/// Refuses text that is blank, too long, or holds a NUL (Postgres stores none, so no storage does).
pub(crate) fn checked(text: &str, max: Length) -> Result<(), String> {
    let (length, max, unit) = match max {
        Length::Chars(max) => (text.chars().count(), max, "characters"),
        Length::Bytes(max) => (text.len(), max, "bytes"),
    };
    if text.trim().is_empty() {
        return Err("must not be empty".into());
    }
    if length > max {
        return Err(format!("must be at most {max} {unit} long"));
    }
    if text.contains('\0') {
        return Err("must not contain a NUL character".into());
    }
    Ok(())
}

/// The text without space around it; refuses what [`checked`] refuses, and more than one line.
pub(crate) fn one_line(text: &str, chars_max: usize) -> Result<String, String> {
    checked(text, Length::Chars(chars_max))?;
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".into());
    }
    Ok(text.to_owned())
}

/// Declares a string that can only be built through its check.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes text that a storage kept, which was checked when it came in.
            #[must_use]
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let check: fn(String) -> Result<String, String> = $check;
                check(text).map(Self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_loses_the_space_around_it() {
        assert_eq!(one_line("  Ann  O'Neil\n", 16).unwrap(), "Ann  O'Neil");
    }

    #[test]
    fn more_than_a_line_is_refused() {
        for text in ["Ann\nO'Neil", "Ann\u{7}", "Ann\u{85}O'Neil"] {
            assert_eq!(one_line(text, 13).unwrap_err(), "must not contain control characters", "{text:?}");
        }
    }

    #[test]
    fn a_line_is_measured_in_characters_as_it_came() {
        assert!(one_line("Émilie", 6).is_ok());
        assert_eq!(one_line("Émilie ", 6).unwrap_err(), "must be at most 6 characters long");
        assert_eq!(one_line(" \n ", 6).unwrap_err(), "must not be empty");
    }
}
