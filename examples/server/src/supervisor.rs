//! Telling systemd how the server is (sd_notify(3)). The rule: where nobody listens nothing is told, and that nobody can be told
//! stops nothing.

use crate::tls::Tls;
use sd_notify::NotifyState;
use std::env;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::interval;

/// What is done for whoever looks after the process; it ends when it is dropped.
pub(crate) struct Supervised {
    _tasks: JoinSet<()>,
}

/// Tells that the server is ready; from here on answers SIGHUP and, if that was asked for, tells again and again that it lives.
pub(crate) fn ready(tls: Option<Arc<Tls>>) -> Supervised {
    let mut tasks = JoinSet::new();
    // Elsewhere a SIGHUP that has nothing to do means what it usually does: the terminal was closed.
    if tls.is_some() || is_there() {
        match signal(SignalKind::hangup()) {
            Ok(hangups) => drop(tasks.spawn(reload(hangups, tls))),
            Err(error) => tracing::warn!(%error, "cannot listen for SIGHUP"),
        }
    }
    if let Some(patience) = sd_notify::watchdog_enabled() {
        tasks.spawn(live(patience / 2));
    }
    tell(&[NotifyState::Ready]);
    Supervised { _tasks: tasks }
}

/// Tells that the server has begun to stop.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

async fn reload(mut hangups: Signal, tls: Option<Arc<Tls>>) {
    while hangups.recv().await.is_some() {
        let since = NotifyState::monotonic_usec_now().ok();
        tell(&[Some(NotifyState::Reloading), since].into_iter().flatten().collect::<Vec<_>>());
        match tls.clone() {
            // An error means that the process ends.
            Some(tls) => drop(tokio::task::spawn_blocking(move || tls.reload()).await),
            None => tracing::info!("there is nothing to read anew"),
        }
        tell(&[NotifyState::Ready]);
    }
}

/// Shows that tasks get their turn: half as often as is asked for would be too late.
async fn live(pause: std::time::Duration) {
    let mut beats = interval(pause.max(std::time::Duration::from_millis(1)));
    loop {
        beats.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn is_there() -> bool {
    env::var_os("NOTIFY_SOCKET").is_some()
}

fn tell(state: &[NotifyState<'_>]) {
    if is_there()
        && let Err(error) = sd_notify::notify(state)
    {
        tracing::warn!(%error, "systemd cannot be told how the server is");
    }
}
