use crate::PATIENCE;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A mail server: aiosmtpd, from the Python environment that `make test` sets up.
pub struct MailServer {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
    directory: TempDir,
}

impl MailServer {
    /// Starts one with these flags of `tests/smtp/server.py`.
    pub async fn start(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new(python())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("smtp/server.py"))
            .args(["--ca".as_ref(), directory.path().join("ca.pem").as_os_str()])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut server = Self { process, lines, port: 0, directory };
        server.port = server.told().await["port"].as_u64().unwrap().try_into().unwrap();
        server
    }

    /// The URL with this scheme, and what stands before and behind the address.
    #[must_use]
    pub fn url(&self, scheme: &str, login: &str, query: &str) -> String {
        format!("{scheme}://{login}localhost:{}{query}", self.port)
    }

    /// The certificate authority that it is known by, if it speaks TLS.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// What it tells next: a mail that it took, or one that it turned away.
    pub async fn told(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("a mail in time").unwrap();
        serde_json::from_str(&line.expect("a mail server that runs")).unwrap()
    }

    /// Whether it has nothing more to tell, now that it ends.
    pub async fn ends_silently(mut self) -> bool {
        self.process.kill().await.unwrap();
        matches!(timeout(PATIENCE, self.lines.next_line()).await, Ok(Ok(None)))
    }
}

/// A port at which nobody listens.
pub async fn free_port() -> u16 {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    listener.local_addr().unwrap().port()
}

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    assert!(python.exists(), "the mail server for tests is missing: run `make mail-server` first");
    python
}
