//! When the disk takes no more. The rule: it is an error of whoever writes, and never the end of the process.

use tokio::signal::unix::{SignalKind, signal};

/// Makes a write beyond the limit of file sizes (`ulimit -f`) fail as one to a full disk does; by default the system would end
/// the process for it (setrlimit(2)).
pub(crate) fn expect_limits() {
    // A handler stays for good, whether or not anybody listens.
    if let Err(error) = signal(SignalKind::from_raw(libc::SIGXFSZ)) {
        tracing::warn!(%error, "a limit of file sizes would end the server");
    }
}
