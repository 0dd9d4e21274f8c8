//! Postgres for tests. The rule: what a test started ends with it, however the test ends.
//!
//! Tests share one server among all their processes. Each holds a shared lock on a file for as long as it lives, and the
//! system gives it back whatever becomes of the process; a watchdog waits for that file to be free, ends the server and
//! removes its data. A test that breaks its server has [one of its own](Cluster::start).

mod cluster;

pub use cluster::{Cluster, Fsync};

use chat_postgres::PgStorage;
use sqlx::{Connection, PgConnection};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The database that all others are copies of.
const TEMPLATE: &str = "chat_template";

/// An empty database of one's own; it is dropped with this.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
}

impl Database {
    /// Makes a database with the tables of the engine on the shared server.
    pub async fn create() -> Self {
        Self::of(Some(TEMPLATE)).await
    }

    /// Makes a database with nothing in it on the shared server.
    pub async fn create_bare() -> Self {
        Self::of(None).await
    }

    async fn of(template: Option<&str>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let cluster = shared().await;
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let template = template.map_or_else(String::new, |template| format!(" TEMPLATE {template}"));
        cluster.execute(&format!("CREATE DATABASE {name}{template}")).await;
        let url = cluster.url(&name);
        Self { name, url }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often Postgres had to end a transaction because two waited for each other.
    pub async fn deadlocks(&self) -> i64 {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        let deadlocks = sqlx::query_scalar(deadlocks).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        deadlocks
    }

    /// What each connection to its server does: for whoever waits in vain.
    pub async fn activity(&self) -> String {
        shared().await.activity().await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A drop cannot wait for a future, so it has a thread do it.
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { shared().await.execute(&drop).await });
        });
        let _ = dropping.join();
    }
}

/// The server that all test processes share, started by the first of them.
async fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = STARTING.lock().await;
    if let Some(cluster) = SHARED.get() {
        return cluster;
    }
    let cluster = Cluster::share(async |cluster| {
        cluster.execute(&format!("CREATE DATABASE {TEMPLATE}")).await;
        PgStorage::open(&cluster.url(TEMPLATE)).await.unwrap().close().await;
    });
    let cluster = cluster.await;
    SHARED.get_or_init(|| cluster)
}
