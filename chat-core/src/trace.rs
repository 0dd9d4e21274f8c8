//! How log lines find together. The rule: a span holds numbers, kinds and sizes, never a name, a word or a token; and none is
//! made unless somebody listens to it, at the level `debug`.
//!
//! ```text
//! session{session, user} > request{request, type, ref} > announcement{conversation, seq}
//!                                                  batch{batch, size}
//! ```
//!
//! A batch carries many requests and is below none of them; each of them notes in which one it was stored.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number for a request, which no other request to this process has, by whatever transport.
#[must_use]
pub fn request_number() -> u64 {
    static REQUESTS: AtomicU64 = AtomicU64::new(1);
    REQUESTS.fetch_add(1, Ordering::Relaxed)
}
