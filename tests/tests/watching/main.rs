//! Watching over the program: what it tells of itself, to whom, and what is read from that.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod metrics;
mod ops;
mod readiness;
mod scene;
mod spans;
