//! From an address to a pool of connections. The rule: whatever is wrong is one sentence that names the database, without its
//! password.

use crate::migrate;
use crate::schema::Schema;
use crate::silence::Silence;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};
use std::fmt;
use std::time::Duration;

/// How long a call waits for a connection, and how long what failed in passing is tried again: longer than a restart of
/// Postgres that finds its house in order, shorter than anybody waits for a message to go through.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Connections that one node opens at most. One writes, as the engine stores one batch at a time; the others read, and a
/// server with a few cores is busy with fewer. With two for its link, eight nodes fit the hundred connections that Postgres
/// allows by default.
const CONNECTIONS: u32 = 10;

/// Which database, where in it, and how it is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PgSettings {
    /// Where the server is, and who logs in.
    pub server: PgConnectOptions,
    /// Where in the database.
    pub schema: Schema,
    /// Connections open at once.
    pub connections: u32,
}

impl PgSettings {
    /// The schema `chat` of a database, over ten connections.
    #[must_use]
    pub fn new(server: PgConnectOptions) -> Self {
        Self { server, schema: Schema::default(), connections: CONNECTIONS }
    }

    /// The same from an address, as in `postgres://user:password@host:5432/database`.
    ///
    /// # Errors
    /// [`OpenError::Address`] if it is none.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        // The driver takes any scheme.
        let is_ours = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let server = url.parse().ok().filter(|_| is_ours).ok_or(OpenError::Address)?;
        Ok(Self::new(server))
    }

    /// The name of the database in sentences.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::of(&self.server)
    }

    /// The same in another schema.
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        Self { schema, ..self }
    }

    /// The same with room for this many connections, at least one.
    #[must_use]
    pub fn connections(self, connections: u32) -> Self {
        Self { connections: connections.max(1), ..self }
    }
}

/// The name of a database in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    pub(crate) fn of(server: &PgConnectOptions) -> Self {
        let database = server.get_database().unwrap_or_else(|| server.get_username());
        let host = server.get_socket().map_or_else(
            || format!("{}:{}", server.get_host(), server.get_port()),
            |socket| socket.display().to_string(),
        );
        Self(format!("{database} at {host}"))
    }

    pub(crate) fn refusal(&self, source: sqlx::Error) -> OpenError {
        OpenError::Unavailable { place: self.clone(), source }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address is none.
    #[error("the address of the database is not of the form postgres://user:password@host:port/database")]
    Address,
    /// The database cannot keep every text.
    #[error("the database {place} is not encoded in UTF-8; create one that is")]
    Encoding {
        /// The database.
        place: Place,
    },
    /// The schema holds tables that are not ours.
    #[error("the schema {schema} of the database {place} holds other tables; choose another schema")]
    Foreign {
        /// The database.
        place: Place,
        /// The schema.
        schema: String,
    },
    /// A newer version of this program has changed the tables.
    #[error("the database {place} was written by a newer version of this program; use that version or newer")]
    Newer {
        /// The database.
        place: Place,
    },
    /// The tables are not those that this program made.
    #[error("the tables of the database {place} differ from those this program makes")]
    Altered {
        /// The database.
        place: Place,
    },
    /// The server, the network or the rights are in the way.
    #[error("cannot open the database {place}: {}", sentence(source))]
    Unavailable {
        /// The database.
        place: Place,
        /// Why.
        source: sqlx::Error,
    },
}

/// What Postgres or the system says, without the layers around it.
fn sentence(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

pub(crate) async fn open(settings: PgSettings, silence: Silence) -> Result<PgPool, OpenError> {
    let place = settings.place();
    let server = settings.server.disable_statement_logging();
    // The pool would try a server that is not there until its patience ends, and not say what is wrong with it.
    let mut connection = match tokio::time::timeout(PATIENCE, server.connect()).await {
        Ok(connection) => connection.map_err(|source| place.refusal(source))?,
        Err(_) => return Err(place.refusal(sqlx::Error::PoolTimedOut)),
    };
    migrate::migrate(&mut connection, &settings.schema, &place).await?;
    let _ = sqlx::Connection::close(connection).await;
    let pool = PgPoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(PATIENCE)
        // What was lost shows itself when it is used, and is tried again; asking first would cost a round trip each time.
        .test_before_acquire(false)
        .before_acquire(move |_, connection| {
            let is_usable = silence.is_over_for(connection.age);
            Box::pin(async move { Ok(is_usable) })
        })
        .connect_lazy_with(server);
    Ok(pool)
}
