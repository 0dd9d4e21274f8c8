//! Connections to one mail server. The rule: a connection is kept only after a mail that went through whole; any other is
//! closed with what was under way on it, since nobody knows what its next answer would be to.

use super::server::{Encryption, Server};
use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long an idle connection is worth a try: mail servers close them soon after.
const IDLE_LASTS_MAX: Duration = Duration::from_secs(60);

pub(super) struct Connections {
    server: Server,
    tls: TlsParameters,
    name: ClientId,
    idle: Mutex<Vec<Idle>>,
    idle_max: usize,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Connections {
    pub(super) fn to(server: Server, tls: TlsParameters, idle_max: usize) -> Self {
        Self { server, tls, name: ClientId::default(), idle: Mutex::default(), idle_max }
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), Error> {
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.send(message.envelope(), &message.formatted()).await?;
        self.keep(connection);
        Ok(())
    }

    /// Finds out whether a mail could be sent.
    pub(super) async fn check(&self) -> Result<(), Error> {
        self.connect().await?.quit().await.map(drop)
    }

    /// A connection that still answers.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let Idle { mut connection, since } = self.idle().pop()?;
            if since.elapsed() < IDLE_LASTS_MAX && connection.test_connected().await {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let address = (self.server.host.as_str(), self.server.port);
        let tls = (self.server.encryption == Encryption::FromTheStart).then(|| self.tls.clone());
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &self.name, tls, None).await?;
        if self.server.encryption == Encryption::StartTls {
            connection.starttls(self.tls.clone(), &self.name).await?;
        }
        if let Some(credentials) = &self.server.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < IDLE_LASTS_MAX);
        if idle.len() < self.idle_max {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
