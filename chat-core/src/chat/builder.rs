use super::announce::Announcer;
use super::append_queue::AppendQueue;
use super::presence::{self, Presence};
use super::replay::Replays;
use super::sessions::OpenSessions;
use super::typing::{self, Typing};
use super::{Chat, Inner};
use crate::cluster::Cluster;
use crate::hub::{Deliveries, LocalHub, SessionHub};
use crate::rates::Rates;
use crate::{Authenticate, Clock, Limits, Link, Storage, SystemClock, metrics};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Puts an engine together; see [`Chat::builder`].
pub struct ChatBuilder {
    storage: Arc<dyn Storage>,
    hub: Arc<dyn SessionHub>,
    clock: Arc<dyn Clock>,
    identities: Option<Arc<dyn Authenticate>>,
    limits: Limits,
    link: Option<Arc<dyn Link>>,
}

impl ChatBuilder {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        let (hub, clock) = (Arc::new(LocalHub::new()), Arc::new(SystemClock));
        Self { storage, hub, clock, identities: None, limits: Limits::default(), link: None }
    }

    /// Publishes to this hub instead of a [`LocalHub`] of its own.
    #[must_use]
    pub fn hub(self, hub: Arc<dyn SessionHub>) -> Self {
        Self { hub, ..self }
    }

    /// Works as one of many nodes on the same storage, connected by this link.
    #[must_use]
    pub fn link(self, link: Arc<dyn Link>) -> Self {
        Self { link: Some(link), ..self }
    }

    /// Goes by this clock instead of the machine's.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Lets open sessions show a new token, and so outlive the one they came with.
    #[must_use]
    pub fn identities(self, identities: Arc<dyn Authenticate>) -> Self {
        Self { identities: Some(identities), ..self }
    }

    /// Keeps these limits instead of the defaults.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Starts the engine.
    ///
    /// # Panics
    /// Outside a tokio runtime, on which the engine's tasks run.
    #[must_use]
    pub fn build(self) -> Chat {
        metrics::begin();
        let Self { storage, hub, clock, identities, limits, link } = self;
        let typing = Arc::new(Typing::new(&limits));
        let mut tasks = JoinSet::new();
        let parts = (Arc::clone(&storage), Arc::clone(&hub), Arc::clone(&clock));
        let cluster = link.map(|link| Cluster::start(link, parts, Arc::clone(&typing), &mut tasks));
        let rates = Arc::new(Rates::new(limits.rates.as_ref(), &clock));
        let announcer = Announcer { hub: Arc::clone(&hub), cluster: cluster.clone(), rates: Arc::clone(&rates) };
        let appends = AppendQueue::start(Arc::clone(&storage), announcer, &limits);
        let inner = Arc::new_cyclic(|engine| {
            let deliveries = Arc::new(Deliveries::start(&mut tasks));
            tasks.spawn(presence::announce(Arc::clone(&hub), cluster.clone(), engine.clone()));
            tasks.spawn(typing::expire(Arc::clone(&typing), Arc::clone(&hub)));
            let replays = Replays::new(Arc::clone(&storage));
            let (presence, sessions) = (Presence::default(), OpenSessions::new());
            Inner {
                storage,
                hub,
                clock,
                identities,
                limits,
                rates,
                appends,
                typing,
                replays,
                presence,
                sessions,
                deliveries,
                cluster,
                _tasks: tasks,
            }
        });
        Chat { inner }
    }
}
