//! Requests that never end: each is cut, at a time or at a size.

use crate::{client, connect, rest};
use chat_core::limits::BODY_BYTES_MAX;
use chat_tests::{PATIENCE, Server};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Between two bytes of someone who wants to hold a connection for as long as they can.
const PACE: Duration = Duration::from_millis(100);

/// Begins a request and goes on byte by byte until the server ends the connection; what it said.
async fn drip(server: &Server, begun: &str) -> String {
    let mut stream = connect(server, client(2)).await;
    stream.write_all(begun.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut heard = vec![];
    let dripping = async {
        loop {
            tokio::time::sleep(PACE).await;
            if writer.write_all(b"x").await.is_err() {
                return std::future::pending().await;
            }
        }
    };
    tokio::select! {
        ended = timeout(PATIENCE, reader.read_to_end(&mut heard)) => drop(ended.expect("an end in time")),
        () = dripping => {}
    }
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_after_its_time() {
    let server = Server::start_with(&["--head-seconds", "1"]).await;
    for begun in ["", "GET /misc/ping HTTP/1.1\r\nhost: chat\r\nx: ", "POST /users/login HTTP/1.1\r\nhost: chat\r\nx"] {
        assert!(!drip(&server, begun).await.starts_with("HTTP/1.1 2"));
    }
    assert_eq!(server.get("/misc/ping").await.text, "pong");
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_cut_after_its_time() {
    let server = Server::start_with(&["--body-seconds", "1"]).await;
    let head = "POST /users/login HTTP/1.1\r\nhost: chat\r\ncontent-length: 100000\r\n\r\n{";
    let answer = drip(&server, head).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("the body took too long to arrive"), "{answer}");
}

#[tokio::test]
async fn a_body_without_an_end_is_refused_while_it_still_comes() {
    let server = Server::start_with(&[]).await;
    let mut stream = connect(&server, client(2)).await;
    let head = "POST /users/login HTTP/1.1\r\nhost: chat\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let (mut reader, mut writer) = stream.split();
    let mut sent = 0;
    let pouring = async {
        while writer.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len();
        }
        std::future::pending::<()>().await;
    };
    let mut status = [0; 12];
    tokio::select! {
        read = timeout(PATIENCE, reader.read_exact(&mut status)) => drop(read.unwrap().unwrap()),
        () = pouring => {}
    }
    assert_eq!(std::str::from_utf8(&status), Ok("HTTP/1.1 413"));
    // What the server does not read waits in the buffers of the kernel, which have some megabytes.
    assert!((BODY_BYTES_MAX..64 * BODY_BYTES_MAX).contains(&sent), "{sent}");
    drop(rest(&mut stream).await);
}
