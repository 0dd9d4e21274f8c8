//! Requests that never end, and answers that nobody takes: each is cut, at a time or at a size.

use crate::{PING, client, connect, exchange, rest};
use chat_core::limits::BODY_BYTES_MAX;
use chat_tests::{PATIENCE, Server};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Between two bytes of someone who wants to hold a connection for as long as they can.
const PACE: Duration = Duration::from_millis(100);
/// Large answers that one asks for at once, who takes longer to read them than a client may take nothing.
const ANSWERS: usize = 6;

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

/// Many large answers are asked for on one connection and none is read, until it makes room for another.
#[tokio::test]
async fn an_answer_that_nobody_takes_is_dropped_after_its_time() {
    let server = Server::start_with(&["--write-seconds", "1", "--connections-per-address", "1"]).await;
    let mut stalled = connect(&server, client(2)).await;
    let request = "GET /schema/swagger-ui/swagger-ui-bundle.js HTTP/1.1\r\nhost: chat\r\n\r\n";
    assert_eq!(exchange(&mut stalled, request, 12).await, "HTTP/1.1 200");
    stalled.write_all(request.repeat(100).as_bytes()).await.unwrap();
    let comes_in = async {
        while exchange(&mut connect(&server, client(2)).await, PING, 12).await != "HTTP/1.1 200" {
            tokio::time::sleep(PACE).await;
        }
    };
    timeout(PATIENCE, comes_in).await.expect("the connection ends in time");

    // Who reads gets all, though it takes three times as long.
    let mut slow = connect(&server, client(3)).await;
    let last = request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    slow.write_all([request.repeat(ANSWERS - 1), last].concat().as_bytes()).await.unwrap();
    let mut heard = vec![];
    let mut part = vec![0; 256 * 1_024];
    loop {
        tokio::time::sleep(PACE).await;
        match timeout(PATIENCE, slow.read(&mut part)).await.unwrap().unwrap() {
            0 => break,
            read => heard.extend_from_slice(&part[..read]),
        }
    }
    let head = heard.split(|byte| *byte == b'\n').find(|line| line.starts_with(b"content-length: ")).unwrap();
    let length: usize = std::str::from_utf8(&head[16..]).unwrap().trim().parse().unwrap();
    assert!(length * ANSWERS > 30 * part.len() && heard.len() > length * ANSWERS, "{length} {}", heard.len());
}
