//! What the program tells systemd, through a socket as systemd listens on it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{PATIENCE, Server};
use tokio::net::UnixDatagram;
use tokio::time::timeout;

/// A server, and what it tells whoever started it.
struct Supervised {
    server: Server,
    told: UnixDatagram,
    _directory: tempfile::TempDir,
}

impl Supervised {
    async fn start(environment: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let told = UnixDatagram::bind(&path).unwrap();
        let own = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("JWTSECRET", "only for tests")];
        let server = Server::start_with_environment(&[&own, environment].concat()).await;
        Self { server, told, _directory: directory }
    }

    /// What it tells next.
    async fn hear(&self) -> String {
        let mut bytes = [0; 4_096];
        let length = timeout(PATIENCE, self.told.recv(&mut bytes)).await.expect("a word in time").unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap().trim_end().to_owned()
    }
}

#[tokio::test]
async fn systemd_hears_when_the_server_is_ready_reads_anew_and_stops() {
    let mut supervised = Supervised::start(&[]).await;
    assert_eq!(supervised.hear().await, "READY=1");
    supervised.server.get("/readyz").await.expect(200);

    supervised.server.signal("HUP").await;
    let reloading = supervised.hear().await;
    let [first, second] = reloading.lines().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(first, "RELOADING=1");
    assert!(second.strip_prefix("MONOTONIC_USEC=").unwrap().parse::<u64>().unwrap() > 0, "{second}");
    assert_eq!(supervised.hear().await, "READY=1");
    supervised.server.get("/readyz").await.expect(200);

    supervised.server.signal("TERM").await;
    assert_eq!(supervised.hear().await, "STOPPING=1");
    assert_eq!(supervised.server.ended().await, Some(0));
}

#[tokio::test]
async fn systemd_hears_that_the_server_lives_if_it_asks() {
    let supervised = Supervised::start(&[("WATCHDOG_USEC", "200000")]).await;
    let (mut is_ready, mut beats) = (false, 0);
    while beats < 3 || !is_ready {
        match supervised.hear().await.as_str() {
            "READY=1" => is_ready = true,
            "WATCHDOG=1" => beats += 1,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn nobody_is_told_that_a_server_is_ready_which_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let told = UnixDatagram::bind(&path).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("JWTSECRET", "s"), ("PUBLIC_URL", "nowhere")];
    let output = chat_tests::run(directory.path(), &["--addr", "127.0.0.1:0"], &environment, "").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told.try_recv(&mut [0; 64]).is_err());
}

#[tokio::test]
async fn a_socket_at_which_nobody_listens_keeps_no_server_from_running() {
    let gone = tempfile::tempdir().unwrap().path().join("notify");
    let environment = [("NOTIFY_SOCKET", gone.to_str().unwrap()), ("JWTSECRET", "only for tests")];
    let mut server = Server::start_with_environment(&environment).await;
    server.get("/readyz").await.expect(200);
    server.signal("TERM").await;
    assert_eq!(server.ended().await, Some(0));
}
