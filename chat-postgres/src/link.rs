//! The link of a small cluster: `NOTIFY` carries what nodes tell each other. The rule: the link has connections of its own, so
//! that a storage that is busy does not make a node look dead, and no transaction that stores something waits for it.

use crate::{OpenError, PgStorage, Place};
use async_trait::async_trait;
use bytes::Bytes;
use chat_core::{Link, LinkError, Received};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// Bytes that a notification carries: fewer than 8,000 (<https://www.postgresql.org/docs/current/sql-notify.html>).
pub(crate) const PAYLOAD_BYTES_MAX: usize = 7_999;
/// How long a broadcast, or making a connection, may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long nothing may be heard before the connection is asked whether it is alive. A node hears itself more often than that.
const SILENCE_LASTS_MAX: Duration = Duration::from_secs(5);
/// Pause before the second try to listen again; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Connects the nodes that share a database, over the database. It takes two connections besides those of the storage, which
/// must lead to the server itself: what pools transactions between them cannot listen.
///
/// Each payload is a commit that writes nothing. Up to a dozen nodes that is little beside the messages; for more, a broker
/// is the better link.
#[derive(Debug)]
pub struct PgLink {
    server: Arc<PgConnectOptions>,
    channel: String,
    telling: Mutex<Option<PgConnection>>,
    listening: Mutex<Listening>,
}

#[derive(Debug)]
struct Listening {
    listener: Option<PgListener>,
    pause: Duration,
}

impl PgStorage {
    /// A link to all other nodes on this storage. What they tell from here on is heard.
    ///
    /// # Errors
    /// A sentence for whoever started the program.
    pub async fn link(&self) -> Result<PgLink, OpenError> {
        let server = self.pool.connect_options();
        let channel = self.channel();
        let place = Place::of(&server);
        let listening = timeout(PATIENCE, listen(&server, &channel)).await;
        let listener = listening.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(|source| place.refusal(source))?;
        let telling = Mutex::default();
        let listening = Mutex::new(Listening { listener: Some(listener), pause: PAUSE });
        Ok(PgLink { server, channel, telling, listening })
    }

    /// Where the nodes on this storage hear each other: the name of the schema in capitals, which is no other schema's, and
    /// never too long.
    pub(crate) fn channel(&self) -> String {
        self.schema.name().to_ascii_uppercase()
    }
}

#[async_trait]
impl Link for PgLink {
    fn payload_bytes_max(&self) -> usize {
        PAYLOAD_BYTES_MAX
    }

    async fn broadcast(&self, payload: Bytes) -> Result<(), LinkError> {
        let text = std::str::from_utf8(&payload).map_err(LinkError::new)?;
        let told = timeout(PATIENCE, self.tell(text)).await;
        told.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(LinkError::new)
    }

    async fn receive(&self) -> Received {
        let mut listening = self.listening.lock().await;
        loop {
            let Some(listener) = &mut listening.listener else {
                listening.listen_again(self).await;
                return Received::Gap;
            };
            match timeout(SILENCE_LASTS_MAX, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => {
                    return Received::Payload(Bytes::copy_from_slice(notification.payload().as_bytes()));
                }
                Ok(lost) => {
                    tracing::warn!(error = ?lost.err(), "the other nodes are not heard any more");
                    listening.listener = None;
                }
                Err(_) => listening.check().await,
            }
        }
    }
}

impl PgLink {
    /// Takes the connection out meanwhile: unless all goes well, its state is not known, and the next is a new one.
    async fn tell(&self, payload: &str) -> sqlx::Result<()> {
        let mut telling = self.telling.lock().await;
        let mut connection = match telling.take() {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.server).await?,
        };
        sqlx::query("SELECT pg_notify($1, $2)").bind(&self.channel).bind(payload).execute(&mut connection).await?;
        *telling = Some(connection);
        Ok(())
    }
}

impl Listening {
    /// Listens again, however long that takes.
    async fn listen_again(&mut self, link: &PgLink) {
        while self.listener.is_none() {
            match timeout(PATIENCE, listen(&link.server, &link.channel)).await {
                Ok(Ok(listener)) => (self.listener, self.pause) = (Some(listener), PAUSE),
                failed => {
                    tracing::warn!(error = ?failed.map(Result::err), "the other nodes cannot be heard yet");
                    sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(PAUSE_MAX);
                }
            }
        }
        tracing::info!("the other nodes are heard again");
    }

    /// Finds out whether a silent connection is alive. It is gone if this is dropped: its state is not known then.
    async fn check(&mut self) {
        let Some(mut listener) = self.listener.take() else { return };
        match timeout(PATIENCE, sqlx::query("SELECT 1").execute(&mut listener)).await {
            Ok(Ok(_)) => self.listener = Some(listener),
            _ => tracing::warn!("the connection to the other nodes is dead"),
        }
    }
}

/// Listens over a connection of its own.
async fn listen(server: &PgConnectOptions, channel: &str) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(&connection_to(server)).await?;
    // Whoever is not heard is to be told so, before anyone is heard again.
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    Ok(listener)
}

fn connection_to(server: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(server.clone())
}
