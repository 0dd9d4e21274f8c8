//! The cases of the Autobahn WebSocket suite, by its numbers, stated for a server that answers requests instead of echoing.
//!
//! What there is a text that comes back is here a `ping` whose `ref` does; a binary message, and a text that is no JSON, are
//! refused by an answer. How long a case may take is left out. Where this server is stricter or sees something later than
//! the suite would like, the row says so.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod case;
mod closing;
mod framing;
mod sizes;
mod utf8;
