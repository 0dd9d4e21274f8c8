//! Storage for the chat engine in Postgres, for servers and for many nodes. The rule: no node keeps truth in memory; whatever
//! is decided is decided under locks in the database.
//!
//! ```no_run
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use chat_core::Storage;
//! use chat_postgres::PgStorage;
//! use std::sync::Arc;
//!
//! let storage = PgStorage::open("postgres://chat:secret@localhost/chat").await?;
//! let for_the_engine: Arc<dyn Storage> = Arc::new(storage.clone());
//! storage.close().await;
//! # Ok::<_, chat_postgres::OpenError>(()) }).unwrap();
//! ```
//!
//! # A guest in the host's database
//!
//! Everything is in one schema, `chat` unless told otherwise, the record of its migrations too. The role that opens it needs
//! the right to create that schema, or to create tables in it if it is there, and no other. [`PgStorage::from_pool`] shares
//! the host's connections and depends on none of their settings.
//!
//! # What is acknowledged is durable
//!
//! As far as the server says so: with `synchronous_commit = off`, a crash may take the last changes. `remote_apply` or `on`
//! with a synchronous standby extends it to the loss of the server.
//!
//! When a connection is lost, whatever certainly was not done is done again on another, for a few seconds. When it is lost
//! between the order to commit and the answer, messages with a nonce are asked for again, which tells whether they
//! were stored; changes that cannot be asked for twice are answered
//! [`Unavailable`](chat_core::StorageError::Unavailable), though they may have been stored.
//!
//! A server that falls silent is given up after half a minute, and with it every connection of that time; a pool of the host
//! does the latter by its own rules. A node that vanishes in mid-transaction keeps others waiting for ten seconds at most.
//!
//! # Many nodes
//!
//! Any number of engines may share a database. Given a [`PgLink`] each, they are one: what is said on one is heard on all.
//!
//! ```no_run
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use chat_core::Chat;
//! use chat_postgres::PgStorage;
//! use std::sync::Arc;
//!
//! let storage = PgStorage::open("postgres://chat:secret@localhost/chat").await?;
//! let link = storage.link().await?;
//! let chat = Chat::builder(Arc::new(storage)).link(Arc::new(link)).build();
//! # Ok::<_, chat_postgres::OpenError>(()) }).unwrap();
//! ```
//!
//! With [`PgStorage::append_in_tx`] a host stores a message in a transaction of its own, together with its own rows.

mod blocks;
mod clear;
mod codes;
mod contacts;
mod conversations;
mod failure;
mod host;
mod inspect;
mod link;
mod locks;
mod logins;
mod migrate;
mod open;
#[cfg(test)]
mod plans;
mod schema;
mod silence;
mod statements;
mod timeline;
mod transaction;
mod users;
mod writer;

pub use chat_sql::Found;
pub use link::PgLink;
pub use open::{OpenError, PgSettings, Place};
pub use schema::Schema;

use silence::Silence;
use sqlx::PgPool;
use statements::Alone;
use std::sync::Arc;
use std::time::Duration;

/// A [`Storage`](chat_core::Storage) in a Postgres database. Clones share it.
#[derive(Clone, Debug)]
pub struct PgStorage {
    pool: PgPool,
    schema: Arc<Schema>,
    patience: Duration,
    silence: Silence,
}

impl PgStorage {
    /// Opens a database by its address with the default settings, and makes the tables if they are missing.
    ///
    /// # Errors
    /// A sentence for whoever started the program.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::connect(PgSettings::parse(url)?).await
    }

    /// Opens a database, and makes the tables if they are missing.
    ///
    /// # Errors
    /// A sentence for whoever started the program.
    pub async fn connect(settings: PgSettings) -> Result<Self, OpenError> {
        let schema = Arc::new(settings.schema.clone());
        let silence = Silence::default();
        let pool = open::open(settings, silence.clone()).await?;
        Ok(Self { pool, schema, patience: open::PATIENCE, silence })
    }

    /// Opens a schema of the host's database over the host's connections, and makes the tables if they are missing.
    ///
    /// # Errors
    /// A sentence for whoever started the program.
    pub async fn from_pool(pool: PgPool, schema: Schema) -> Result<Self, OpenError> {
        let place = Place::of(&pool.connect_options());
        let mut connection = pool.acquire().await.map_err(|source| place.refusal(source))?;
        migrate::migrate(&mut connection, &schema, &place).await?;
        drop(connection);
        Ok(Self { pool, schema: Arc::new(schema), patience: open::PATIENCE, silence: Silence::default() })
    }

    /// Waits for what is under way and closes the connections, the host's too if they are shared. Whatever is asked of the
    /// storage or a clone of it afterwards is `Unavailable`.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn alone(&self) -> Alone<'_> {
        Alone(self)
    }
}
