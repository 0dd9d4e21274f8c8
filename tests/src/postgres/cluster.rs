//! A Postgres server of the tests: where its programs are, how it starts, and who ends it.

use crate::PATIENCE;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a server may take to start, on a machine that is busy with tests.
const START_LASTS_MAX: Duration = Duration::from_secs(60);

/// How long the shared server waits for the next test program before it ends, in seconds.
const LINGER: u32 = 10;

/// Whether a commit reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// It does, as it must outside of tests.
    On,
    /// It does not, which is quick, and harmless while only processes crash.
    Off,
}

/// Waits until nobody holds the lock `$1` any more, and `$4` seconds longer, then ends the server in `$2` and removes `$3`.
const WATCHDOG: &str = r#"
    while flock --exclusive "$1" true; do
        sleep "$4"
        flock --exclusive --nonblock "$1" sh -c '
            pid=$(head -n 1 "$1/data/postmaster.pid") && kill -s QUIT "$pid"
            while [ -n "$pid" ] && kill -s 0 "$pid"; do sleep 0.1; done
            rm -rf "$2"' - "$2" "$3" && exit
    done"#;

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    /// Where its data, its log and its socket are.
    directory: PathBuf,
    /// Where it listens besides the socket, if it does.
    port: Option<u16>,
    /// While this is locked, the watchdog waits.
    lease: File,
}

impl Cluster {
    /// Starts a server for one test alone, over TCP.
    pub async fn start(fsync: Fsync) -> Self {
        let base = tempfile::Builder::new().prefix("chat-postgres-").tempdir().unwrap().keep();
        give_to_postgres(&base);
        let cluster = Self { directory: base.join("server"), port: Some(free_port()), lease: open(&base.join("lock")) };
        cluster.lease.lock_shared().unwrap();
        cluster.create(fsync);
        cluster.watch(&base, 0);
        cluster.run().await;
        cluster
    }

    /// Joins the server that test programs share, or starts it and has it `prepare`d.
    pub(super) async fn share(prepare: impl AsyncFnOnce(&Self)) -> Self {
        // Each build directory has a server of its own, so that two checkouts do not share one.
        let programs = std::env::current_exe().unwrap().parent().unwrap().metadata().unwrap().ino();
        let base = std::env::temp_dir().join(format!("chat-tests-{programs}"));
        std::fs::create_dir_all(&base).unwrap();
        give_to_postgres(&base);
        // The first comes in alone, the others once it has prepared everything. Whoever joins holds the lease before it looks
        // whether the server is there.
        let turn = open(&base.join("turn"));
        turn.lock().unwrap();
        let cluster = Self { directory: base.join("server"), port: None, lease: open(&base.join("lock")) };
        cluster.lease.lock_shared().unwrap();
        let ready = cluster.directory.join("ready");
        // A machine that goes down takes the server and its watchdog with it, and leaves the file.
        if !ready.exists() || cluster.connect().await.is_err() {
            let _ = std::fs::remove_dir_all(&cluster.directory);
            cluster.create(Fsync::Off);
            cluster.watch(&cluster.directory, LINGER);
            cluster.run().await;
            prepare(&cluster).await;
            std::fs::write(ready, "").unwrap();
        }
        cluster
    }

    /// The address of a database on it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let socket = self.directory.display();
        match self.port {
            None => format!("postgres://postgres@localhost/{database}?host={socket}"),
            Some(port) => format!("postgres://postgres@127.0.0.1:{port}/{database}"),
        }
    }

    /// Runs a statement as the superuser, outside of any database of a test.
    pub async fn execute(&self, sql: &str) {
        let executed = async {
            let mut connection = self.connect().await?;
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
            connection.close().await
        };
        match timeout(PATIENCE, executed).await {
            Ok(executed) => executed.unwrap(),
            Err(_) => panic!("Postgres does not come to an end with {sql}\n{}", self.activity().await),
        }
    }

    /// What each connection does, since when, and whom it waits for: for whoever waits in vain.
    pub async fn activity(&self) -> String {
        let activity = "SELECT concat_ws(' ', pid, datname, state, wait_event_type, wait_event, now() - query_start,
                'waits for', pg_blocking_pids(pid), left(query, 200))
            FROM pg_stat_activity WHERE state IS NOT NULL AND pid <> pg_backend_pid() ORDER BY query_start";
        let lines = async { sqlx::query_scalar::<_, String>(activity).fetch_all(&mut self.connect().await?).await };
        match timeout(PATIENCE, lines).await {
            Ok(lines) => lines.map_or_else(|error| error.to_string(), |lines| lines.join("\n")),
            Err(_) => "Postgres does not even tell what it is doing".into(),
        }
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let options: sqlx::postgres::PgConnectOptions = self.url("postgres").parse()?;
        options.connect().await
    }

    /// Kills the server and all its processes without a warning.
    pub fn kill(&self) {
        let pid = self.pid();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        for pid in std::iter::once(pid.as_str()).chain(children.split_whitespace()) {
            let _ = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
        }
        // The file of a server that was killed stays; what it was to protect is gone with the last process.
        let is_alive = |pid: &str| Path::new("/proc").join(pid).join("root").exists();
        while children.split_whitespace().any(is_alive) {
            std::thread::yield_now();
        }
    }

    /// Starts the server again after it was killed, on the same data and the same port.
    pub async fn restart(&self) {
        self.run().await;
    }

    fn pid(&self) -> String {
        let pid = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        pid.lines().next().unwrap().to_owned()
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn create(&self, fsync: Fsync) {
        std::fs::create_dir(&self.directory).unwrap();
        give_to_postgres(&self.directory);
        let mut command = self.command(&program("initdb"));
        command.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres"]);
        if fsync == Fsync::Off {
            command.arg("--no-sync");
        }
        let made = command.arg("--pgdata").arg(self.data()).status().unwrap();
        assert!(made.success(), "initdb failed: see {}", self.log().display());
        if fsync == Fsync::Off {
            let fast = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n";
            append(&self.data().join("postgresql.conf"), fast);
        }
    }

    /// Starts the server and waits until it answers.
    async fn run(&self) {
        let (address, port) = self.port.map_or(("", 5_432), |port| ("127.0.0.1", port));
        let mut command = self.command(&program("postgres"));
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(&self.directory)
            .args(["-p", &port.to_string(), "-c", &format!("listen_addresses={address}"), "-c", "max_connections=400"])
            .args(["-c", "shared_buffers=64MB"]);
        let mut server = command.spawn().unwrap();
        let begun = Instant::now();
        loop {
            match self.connect().await {
                Ok(connection) => break connection.close().await.unwrap(),
                Err(error) => {
                    let ended = server.try_wait().unwrap();
                    assert!(ended.is_none(), "postgres ended: see {}", self.log().display());
                    assert!(begun.elapsed() < START_LASTS_MAX, "postgres does not start: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        // Whoever is left of it when it ends is of no interest.
        std::thread::spawn(move || server.wait());
    }

    /// Starts the program that ends this server once nobody holds its lease any more.
    fn watch(&self, remove: &Path, linger: u32) {
        let lock = self.directory.with_file_name("lock");
        let mut command = self.command(Path::new("sh"));
        command.args(["-c", WATCHDOG, "-"]).args([&lock, &self.directory]).arg(remove).arg(linger.to_string());
        let mut watchdog = command.spawn().unwrap();
        std::thread::spawn(move || watchdog.wait());
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// A program that outlives a test without being noticed: not as root, not among those that a terminal ends, and with no
    /// pipe that somebody reads to its end.
    fn command(&self, program: &Path) -> Command {
        let log = OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new(program);
        command.current_dir(&self.directory).process_group(0).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        if let Some((uid, gid)) = unprivileged() {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// Opens a file to be locked.
fn open(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// The user `postgres`, if this is root, as which Postgres refuses to run.
fn unprivileged() -> Option<(u32, u32)> {
    let is_root = Path::new("/proc/self").metadata().is_ok_and(|this| this.uid() == 0);
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut fields = users.lines().find(|user| user.starts_with("postgres:"))?.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    is_root.then_some((uid, gid))
}

fn give_to_postgres(directory: &Path) {
    if let Some((uid, gid)) = unprivileged() {
        chown(directory, Some(uid), Some(gid)).unwrap();
    }
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// One of the programs of Postgres: on the path, or the newest where Debian keeps them.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().collect();
    versions.sort_by_key(|version| version.file_name().to_string_lossy().parse::<u32>().unwrap_or_default());
    let of_debian = versions.iter().rev().map(|version| version.path().join("bin"));
    let found =
        std::env::split_paths(&path).chain(of_debian).map(|directory| directory.join(name)).find(|p| p.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: sudo apt-get install postgresql"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn append(path: &Path, text: &str) {
    use std::io::Write;
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
