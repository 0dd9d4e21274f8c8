//! Reading a request. The rule: every field is parsed into the type that checks it, and an error names the field.

use crate::{Draft, Error, limits};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The fields of one request, unknown ones ignored.
#[derive(Clone, Debug)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything else.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Error::Malformed("expected a JSON object".into())),
            Err(error) => Err(Error::Malformed(format!("expected a JSON object: {error}").into())),
        }
    }

    /// Takes a field that must be there; `null` counts as absent.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field.
    pub fn required<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Error> {
        self.optional(name)?.ok_or_else(|| Error::invalid(name, "is required"))
    }

    /// Takes a field that may be left out; `null` counts as absent.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field, if it is there but wrong.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Error> {
        Ok(self.nullable(name)?.flatten())
    }

    /// Takes a field that may be left out, and may be `null` to say "nothing": `Some(None)`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field, if it is there but wrong.
    pub fn nullable<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<Option<T>>, Error> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => match serde_json::from_value(value) {
                Ok(value) => Ok(Some(Some(value))),
                Err(error) => Err(Error::invalid(name, sentence(&error))),
            },
        }
    }

    /// Takes the first of several names of one field that is there.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field, if it is there but wrong.
    pub fn optional_of<T: DeserializeOwned>(&mut self, names: &[&'static str]) -> Result<Option<T>, Error> {
        for name in names {
            if let Some(value) = self.optional(name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// What is wrong with a field, cut short where it repeats what the client sent.
fn sentence(error: &serde_json::Error) -> String {
    error.to_string().chars().take(limits::SENTENCE_CHARS_MAX).collect()
}

impl Draft {
    /// Reads a draft from the fields `content`, `reply_id` and `nonce`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field that is wrong.
    pub fn decode(fields: &mut Fields) -> Result<Self, Error> {
        let content = fields.required("content")?;
        Ok(Self { content, reply_id: fields.optional("reply_id")?, nonce: fields.optional("nonce")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, MessageId};

    fn fields(json: &str) -> Fields {
        Fields::parse(json.as_bytes()).unwrap()
    }

    fn said<T>(result: Result<T, Error>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn a_wrong_field_is_named() {
        let mut request = fields(r#"{"content": 5, "message_id": 0, "reply_id": 9007199254740992, "name": null}"#);
        assert!(said(request.required::<Content>("content")).starts_with("content: invalid type"));
        assert!(said(request.required::<MessageId>("message_id")).starts_with("message_id: must be an id"));
        assert!(said(request.required::<MessageId>("reply_id")).starts_with("reply_id: must be an id"));
        assert_eq!(said(request.required::<String>("name")), "name: is required");
        assert_eq!(said(request.required::<String>("absent")), "absent: is required");
    }

    #[test]
    fn an_error_does_not_repeat_all_that_was_sent() {
        let mut request = fields(&format!(r#"{{"message_id": "{}"}}"#, "ä".repeat(10_000)));
        let said = said(request.required::<MessageId>("message_id"));
        assert!(said.starts_with("message_id: invalid type") && said.chars().count() < 300);
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        let deep = "[".repeat(100_000);
        for json in ["", "5", "[1]", "{", "nul", r#"{"a":1e999}"#, deep.as_str()] {
            assert!(
                matches!(Fields::parse(json.as_bytes()), Err(Error::Malformed(_))),
                "{}",
                &json[..json.len().min(9)]
            );
        }
        assert!(matches!(Fields::parse(b"{\"a\":\"\xff\"}"), Err(Error::Malformed(_))));
    }
}
