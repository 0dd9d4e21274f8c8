//! Any bytes as all that a client ever sends over one connection, sockets among it. `{ann}` stands for her token.

#![no_main]

use chat_fuzz::{Scene, check, run};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// More than any wait for a client.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// All that a server answers to these bytes.
async fn answered(scene: &Scene, bytes: &[u8]) -> Vec<u8> {
    let (client, server) = duplex(64 * 1_024);
    let routes = TowerToHyperService::new(warp::service(scene.routes.clone()));
    let service = service_fn(move |mut request: Request<Incoming>| {
        // As the bundled server does: warp panics at a target without a path.
        if request.uri().path_and_query().is_none() {
            *request.uri_mut() = Uri::from_static("*");
        }
        routes.call(request)
    });
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service).with_upgrades());
    let (mut reader, mut writer) = split(client);
    let writing = async {
        // The server may close before it has read all.
        let _ = writer.write_all(bytes).await;
        let _ = writer.shutdown().await;
    };
    let mut answered = vec![];
    let ended = tokio::time::timeout(PATIENCE, async { tokio::join!(writing, reader.read_to_end(&mut answered)).1 });
    ended.await.expect("every connection ends").unwrap();
    answered
}

fn status(response: &[u8]) -> u16 {
    let status = response.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5)).expect("a status");
    std::str::from_utf8(status).unwrap().parse().unwrap()
}

/// Checks that whatever follows the answer to a handshake is what a client can read.
fn check_frames(frames: &[u8]) {
    let mut socket = WebSocket::from_raw_socket(Cursor::new(frames.to_vec()), Role::Client, None);
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => drop(serde_json::from_str::<serde_json::Value>(&text).unwrap()),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => break,
            Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::Io(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    run(async {
        let scene = Scene::new().await;
        let answered = answered(&scene, &scene.filled(input)).await;
        if answered.is_empty() {
            return;
        }
        check(status(&answered), "", &answered);
        if let (101, Some(end)) = (status(&answered), answered.windows(4).position(|bytes| bytes == b"\r\n\r\n")) {
            check_frames(&answered[end + 4..]);
        }
    });
});
