//! The bounds of this transport, each with its reason; those of what it carries stand in [`chat_core::limits`].

use chat_core::limits::BODY_BYTES_MAX;
use std::time::Duration;

/// Bytes of a body that are read, of which those above [`BODY_BYTES_MAX`] are dropped: a client that is cut off while it
/// writes may never see the answer that tells it why.
pub(crate) const BODY_BYTES_READ_MAX: usize = 4 * BODY_BYTES_MAX;
/// How long a body may take to arrive: a full one over a slow mobile link does.
pub(crate) const BODY_WAIT: Duration = Duration::from_secs(60);
/// How long the storage has to show that it answers: less than those who ask after a server wait for it.
pub(crate) const READY_WAIT: Duration = Duration::from_secs(3);
/// When to come back while the storage is away: a database restarts in seconds.
pub(crate) const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);
/// When to come back for a socket while a user has too many: two pings that nobody answers end those left behind.
pub(crate) const SESSIONS_RETRY: Duration = Duration::from_secs(30);
/// How long a browser may remember what a preflight has allowed; some ask again after this time anyway.
pub(crate) const PREFLIGHT_LIFE: Duration = Duration::from_secs(600);
/// How long others may keep the public key, which changes only when its owner replaces it.
pub(crate) const JWKS_LIFE: Duration = Duration::from_secs(300);

/// Bytes read from a socket at once, on the stack: nearly every frame of a client is shorter.
pub(crate) const READ_BYTES: usize = 4 * 1_024;
/// Bytes written to a socket at once: hundreds of events in one system call, and what a client who does not read holds up.
pub(crate) const WRITE_BYTES: usize = 32 * 1_024;
/// How long a client has to take note that its socket is being closed.
pub(crate) const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// Bytes read and dropped meanwhile: what was on its way when the close frame was sent.
pub(crate) const CLOSE_BYTES_MAX: usize = 1_024 * 1_024;
