//! The engine over the in-memory storage: sessions, order, group commit, presence, typing.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod appends;
mod client;
mod cluster;
mod delivery;
mod hostile;
mod outbox;
mod presence;
mod rates;
mod resume;
mod script;
mod sessions;
mod typing;
