//! The program itself: what its flags may be, how many connections it takes, how long it waits, and how it stops.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Kind, PATIENCE, Server};
use futures::future::join;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The program, with data in memory and a port of its own unless the flags say otherwise.
async fn command(flags: &[&str]) -> Command {
    // The first start builds it.
    drop(Server::start(Kind::Program).await);
    let this = std::env::current_exe().unwrap();
    let program: PathBuf =
        this.ancestors().nth(2).unwrap().join(format!("chat-server{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(program);
    command
        .args(["--addr", "127.0.0.1:0", "--log-format", "json", "--storage", "memory"])
        .args(flags)
        .env_clear()
        .env("JWTSECRET", "only for tests")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A start that must fail at once.
async fn fails(flags: &[&str]) -> String {
    let mut command = command(flags).await;
    let Output { status, stderr, .. } = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(2), "{flags:?}");
    String::from_utf8(stderr).unwrap()
}

/// A program that runs.
struct Running {
    child: Child,
    addr: SocketAddr,
}

impl Running {
    async fn start(flags: &[&str]) -> Self {
        let mut child = command(flags).await.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let addr = loop {
            let line = timeout(PATIENCE, log.next_line()).await.unwrap().unwrap().expect("a log until it is ready");
            let entry: Value = serde_json::from_str(&line).unwrap();
            if let Some(address) = entry["fields"]["address"].as_str() {
                break address.trim_start_matches("http://").parse().unwrap();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self { child, addr }
    }

    async fn terminate(&self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").arg(pid).status().await.unwrap().success());
    }

    async fn ended(&mut self) {
        assert!(timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
    }
}

#[tokio::test]
async fn told_to_stop_a_second_time_it_does_not_wait_for_its_mails() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let mut running = Running::start(&["--shutdown-seconds", "3600", "--smtp-url", &url]).await;
    let account = json!({ "username": "ann", "password": "correct horse", "email": "ann@example.org" }).to_string();
    let mut registering = TcpStream::connect(running.addr).await.unwrap();
    let head = format!("POST /users/register HTTP/1.1\r\nhost: chat\r\ncontent-length: {}\r\n", account.len());
    registering.write_all(format!("{head}connection: close\r\n\r\n{account}").as_bytes()).await.unwrap();
    assert!(rest(&mut registering).await.starts_with("HTTP/1.1 201"));
    let _mail_server = timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();

    running.terminate().await;
    let is_stopping = async { while TcpStream::connect(running.addr).await.is_ok() {} };
    timeout(PATIENCE, is_stopping).await.unwrap();
    assert_eq!(running.child.try_wait().unwrap(), None);
    running.terminate().await;

    running.ended().await;
}

/// Everything that comes until the connection closes.
async fn rest(connection: &mut TcpStream) -> String {
    let mut bytes = vec![];
    timeout(PATIENCE, connection.read_to_end(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_flag_out_of_its_range_is_named_with_what_it_may_be() {
    for (flag, max) in [("--password-min", "128"), ("--connections-max", "1000000")] {
        let above = (max.parse::<u64>().unwrap() + 1).to_string();
        for value in ["0", "-1", "1.5", "many", "", "18446744073709551616", above.as_str()] {
            let said = fails(&[&format!("{flag}={value}")]).await;
            assert!(said.contains(flag), "{said}");
            assert!(said.contains(&format!("must be a number from 1 to {max}")), "{said}");
        }
    }
}

#[tokio::test]
async fn the_ends_of_a_range_are_within_it() {
    for (password_min, connections_max) in [("1", "1"), ("128", "1000000")] {
        let flags = ["--password-min", password_min, "--connections-max", connections_max];
        let mut running = Running::start(&flags).await;
        running.terminate().await;
        running.ended().await;
    }
}

#[tokio::test]
async fn passwords_are_as_long_as_the_flag_says() {
    let server = Server::start_with(&["--password-min", "12"]).await;
    let account = |username: &str, password: &str| json!({ "username": username, "password": password });
    server.post("/users/register", account("ann", "elevenchars")).await.blames("password");
    server.post("/users/register", account("ann", "twelve chars")).await.expect(201);
}

#[tokio::test]
async fn a_server_that_is_full_says_so_and_takes_the_next_when_one_has_gone() {
    let server = Server::start_with(&["--connections-max", "2"]).await;
    let mut first = TcpStream::connect(server.addr()).await.unwrap();
    let ping = "GET /misc/ping HTTP/1.1\r\nhost: chat\r\n\r\n";
    first.write_all(ping.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    timeout(PATIENCE, first.read_exact(&mut begun)).await.unwrap().unwrap();
    let mut second = TcpStream::connect(server.addr()).await.unwrap();
    second.write_all(ping.as_bytes()).await.unwrap();
    timeout(PATIENCE, second.read_exact(&mut begun)).await.unwrap().unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");

    let mut third = TcpStream::connect(server.addr()).await.unwrap();
    let refusal = rest(&mut third).await;

    let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some("HTTP/1.1 503 Service Unavailable"));
    let headers: Vec<_> = lines.map(str::to_ascii_lowercase).collect();
    let length = format!("content-length: {}", body.len());
    let expected = ["retry-after: 10", "content-type: application/problem+json", &length, "connection: close"];
    assert_eq!(headers, expected);
    let problem = json!({
        "type": "about:blank", "title": "Service Unavailable", "status": 503,
        "detail": "the server is full, try again later", "code": "unavailable",
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), problem);
    drop((first, second));
    let comes_in = async {
        loop {
            let answer = server.client().get(server.url("/misc/ping")).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, comes_in).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_says_nothing_more_is_closed_after_thirty_seconds() {
    let server = Server::start(Kind::Program).await;
    let silent = async |said: &str| {
        let begun = Instant::now();
        let mut connection = TcpStream::connect(server.addr()).await.unwrap();
        connection.write_all(said.as_bytes()).await.unwrap();
        let heard = rest(&mut connection).await;
        (heard, begun.elapsed())
    };

    let begun_head = silent("GET /misc/ping HTTP/1.1\r\nhost: ch");
    let after_a_request = silent("GET /misc/ping HTTP/1.1\r\nhost: chat\r\n\r\n");
    let ((_, head_lasted), (heard, idle_lasted)) = join(begun_head, after_a_request).await;

    assert!(heard.starts_with("HTTP/1.1 200 OK\r\n") && heard.ends_with("\r\n\r\npong"), "{heard}");
    for lasted in [head_lasted, idle_lasted] {
        assert!((Duration::from_secs(29)..Duration::from_secs(45)).contains(&lasted), "{lasted:?}");
    }
}

#[tokio::test]
async fn told_to_stop_a_second_time_it_waits_no_longer() {
    let flags = ["--shutdown-seconds", "3600", "--stop-spread-seconds", "3600"];
    let mut running = Running::start(&flags).await;
    let mut unfinished = TcpStream::connect(running.addr).await.unwrap();
    let head = "POST /users/login HTTP/1.1\r\nhost: chat\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n";
    unfinished.write_all(head.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    timeout(PATIENCE, unfinished.read_exact(&mut begun)).await.unwrap().unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100");

    running.terminate().await;
    // It does not listen any more, but waits for the request.
    let is_stopping = async { while TcpStream::connect(running.addr).await.is_ok() {} };
    timeout(PATIENCE, is_stopping).await.unwrap();
    assert_eq!(running.child.try_wait().unwrap(), None);
    running.terminate().await;

    running.ended().await;
}
