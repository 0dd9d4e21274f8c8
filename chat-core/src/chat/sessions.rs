//! Sessions as a whole: opening one, closing many, stopping.

use super::Chat;
use crate::hub::{Audience, CloseReason, SessionEnd};
use crate::metrics::SESSIONS_OPENED;
use crate::{Error, Identity, Session, UserId};
use metrics::{Counter, counter};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;

/// Steps in which sessions are closed when the engine stops.
const STOP_SHARES_MAX: u64 = 100;

/// How many sessions are open, and whether more may be.
pub(super) struct OpenSessions {
    state: watch::Sender<State>,
    opened: Counter,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Those of each user who has one.
    of_users: HashMap<UserId, usize>,
    is_stopping: bool,
}

/// Counts one session for as long as it lives.
pub(crate) struct OpenSession {
    sessions: watch::Sender<State>,
    user: UserId,
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.sessions.send_modify(|state| state.end(self.user));
    }
}

impl State {
    fn begin(&mut self, user: UserId, per_user_max: usize) -> Result<(), Error> {
        if self.is_stopping {
            return Err(Error::Unavailable);
        }
        let of_user = self.of_users.get(&user).copied().unwrap_or(0);
        if of_user >= per_user_max {
            return Err(Error::TooManySessions(per_user_max));
        }
        self.of_users.insert(user, of_user + 1);
        self.open += 1;
        Ok(())
    }

    fn end(&mut self, user: UserId) {
        self.open -= 1;
        match self.of_users.get_mut(&user) {
            Some(of_user) if *of_user > 1 => *of_user -= 1,
            _ => drop(self.of_users.remove(&user)),
        }
    }
}

impl OpenSessions {
    pub(super) fn new() -> Self {
        Self { state: watch::Sender::default(), opened: counter!(SESSIONS_OPENED) }
    }

    fn begin(&self, user: UserId, per_user_max: usize) -> Result<OpenSession, Error> {
        let mut begun = Ok(());
        self.state.send_if_modified(|state| {
            begun = state.begin(user, per_user_max);
            begun.is_ok()
        });
        begun?;
        self.opened.increment(1);
        Ok(OpenSession { sessions: self.state.clone(), user })
    }

    pub(super) fn count(&self) -> usize {
        self.state.borrow().open
    }

    async fn none_left(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.state.subscribe().wait_for(|state| state.open == 0).await;
    }
}

impl Chat {
    /// Opens a session for a user whom the host has authenticated.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] if there is no such user, or the login by which they came has ended;
    /// [`Error::TooManySessions`] if the user has as many as one may have, [`Error::RateLimited`] if they open them too fast;
    /// [`Error::Unavailable`] if the storage is away or the engine is stopping.
    pub async fn open_session(&self, identity: impl Into<Identity>) -> Result<Session, Error> {
        let identity = identity.into();
        let _turn = self.inner.rates.turn_to_open(identity.user).await?;
        let open = self.inner.sessions.begin(identity.user, self.inner.limits.sessions_per_user_max)?;
        Session::open(self.clone(), open, identity).await
    }

    /// Tells whose token this is.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<Identity, Error> {
        match &self.inner.identities {
            Some(identities) => identities.authenticate(token).await,
            None => Err(Error::Forbidden("sessions of this server take no new token")),
        }
    }

    /// Makes sure that a user still exists and their login has not ended.
    pub(crate) async fn check_alive(&self, identity: &Identity) -> Result<(), Error> {
        if identity.is_alive(&*self.inner.storage, self.inner.clock.now()).await? {
            Ok(())
        } else {
            Err(Error::Unauthorized("the login has ended"))
        }
    }

    /// Lets a session that was opened hear the conversations of its user.
    pub(crate) async fn subscribe(&self, end: &SessionEnd) -> Result<(), Error> {
        if let Some(cluster) = &self.inner.cluster {
            return Ok(cluster.subscribe(end).await?);
        }
        let conversations = self.inner.storage.list_memberships(end.outbox().user()).await?;
        self.inner.hub.subscribe(end, &conversations);
        Ok(())
    }

    /// Closes sessions for a reason: those of a login or a user on every node, a share of those of this one.
    pub fn close_sessions(&self, audience: Audience, reason: CloseReason) {
        self.inner.hub.close(audience, reason);
        if let Some(cluster) = &self.inner.cluster {
            cluster.tell_close(audience, reason);
        }
    }

    /// Opens no more sessions, closes those open, spread over [`Limits::stop_spread`](crate::Limits::stop_spread), and waits
    /// for them as long as `patience` lasts.
    pub async fn end_sessions(&self, patience: Duration) {
        self.inner.sessions.state.send_modify(|state| state.is_stopping = true);
        let ended = async {
            self.close_all().await;
            self.inner.sessions.none_left().await;
            self.inner.settle_presence().await;
        };
        if tokio::time::timeout(patience, ended).await.is_err() {
            tracing::warn!("some sessions did not end in time");
        }
    }

    /// Stops the engine: [ends the sessions](Self::end_sessions), then takes no more changes and waits until those under way
    /// are stored and announced, and takes leave of the other nodes.
    pub async fn stop(&self, patience: Duration) {
        self.end_sessions(patience).await;
        self.inner.appends.stop().await;
        if let Some(cluster) = &self.inner.cluster {
            cluster.leave().await;
        }
    }

    /// Closes one share of the sessions after the other, so that they do not all come back at once.
    async fn close_all(&self) {
        let shares = u64::try_from(self.sessions_open()).unwrap_or(u64::MAX).clamp(1, STOP_SHARES_MAX);
        let pause = self.inner.limits.stop_spread / u32::try_from(shares).unwrap_or(u32::MAX);
        for share in 0..shares {
            if share > 0 {
                tokio::time::sleep(pause).await;
            }
            self.close_sessions(Audience::Share { share, shares }, CloseReason::GoingAway);
        }
    }
}
