//! The event socket over real connections.

use crate::{Answer, Fixture, Person};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(address: SocketAddr, person: &Person) -> Client {
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    request.headers_mut().insert("authorization", person.bearer().parse().unwrap());
    connect_async(request).await.unwrap().0
}

/// Tries to open a socket, and gives the status of the answer.
async fn status(address: SocketAddr, query: &str, headers: &[(&'static str, &str)]) -> u16 {
    let mut request = format!("ws://{address}/ws/{query}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((_, response)) => response.status().as_u16(),
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

async fn next(client: &mut Client) -> Message {
    tokio::time::timeout(Duration::from_secs(10), client.next()).await.unwrap().unwrap().unwrap()
}

async fn ask(client: &mut Client, request: Value) -> Value {
    client.send(Message::text(request.to_string())).await.unwrap();
    serde_json::from_str(next(client).await.to_text().unwrap()).unwrap()
}

/// The code with which the server closes.
async fn closed(client: &mut Client) -> u16 {
    loop {
        if let Message::Close(frame) = next(client).await {
            return frame.unwrap().code.into();
        }
    }
}

#[tokio::test]
async fn requests_are_answered_and_pings_too() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let mut client = connect(fixture.serve().await, &ann).await;
    let answer = ask(&mut client, json!({ "type": "ping", "ref": 7 })).await;
    assert_eq!(answer, json!({ "type": "ping", "success": true, "data": "pong", "ref": 7 }));
    client.send(Message::Ping("are you there?".into())).await.unwrap();
    assert_eq!(next(&mut client).await, Message::Pong("are you there?".into()));
    client.send(Message::binary(vec![1, 2])).await.unwrap();
    assert!(next(&mut client).await.to_text().unwrap().contains("expected a text frame"));
}

#[tokio::test]
async fn what_is_done_over_http_is_pushed_in_order() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let mut client = connect(fixture.serve().await, &bob).await;
    for number in 1..=100 {
        let body = json!({ "receiver_id": bob.id, "content": number.to_string() });
        fixture.ask(&ann, "POST", "/messages/send_message", body).await.expect(201);
    }
    let mut seen = vec![];
    while seen.len() < 101 {
        let frame: Value = serde_json::from_str(next(&mut client).await.to_text().unwrap()).unwrap();
        seen.push(frame["data"]["seq"].as_i64().unwrap_or(0));
    }
    assert_eq!(seen, Vec::from_iter(0..=100));
}

#[tokio::test]
async fn a_login_is_asked_for_before_the_upgrade() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let address = fixture.serve().await;
    assert_eq!(status(address, "", &[]).await, 401);
    assert_eq!(status(address, "?token=forged", &[]).await, 401);
    assert_eq!(status(address, &format!("?token={}", ann.tokens.access_token), &[]).await, 101);
    assert_eq!(status(address, "", &[("cookie", &ann.cookie())]).await, 101);
    assert_eq!(status(address, "", &[("authorization", &ann.bearer())]).await, 101);
}

#[tokio::test]
async fn foreign_pages_open_no_socket() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let address = fixture.serve().await;
    let bearer = ann.bearer();
    let own = format!("http://{address}");
    for (origin, expected) in [("https://evil.example", 403), ("http://localhost:5173", 101), (own.as_str(), 101)] {
        assert_eq!(status(address, "", &[("authorization", &bearer), ("origin", origin)]).await, expected);
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let plain = fixture.get(&ann, "/ws").await;
    assert_eq!((plain.problem(426).as_str(), plain.header("upgrade")), ("upgrade_required", "websocket"));
    let handshake = |version: &str, key: &str| {
        let request = warp::test::request().path("/ws").header("authorization", ann.bearer());
        let request = request.header("upgrade", "websocket").header("connection", "Upgrade");
        request.header("sec-websocket-version", version).header("sec-websocket-key", key)
    };
    let old = Answer(handshake("8", "dGhlIHNhbXBsZSBub25jZQ==").reply(&fixture.routes).await);
    assert_eq!((old.status(), old.header("sec-websocket-version")), (426, "13"));
    assert_eq!(Answer(handshake("13", "short").reply(&fixture.routes).await).problem(400), "malformed");
}

#[tokio::test]
async fn a_socket_closes_with_its_login() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let mut client = connect(fixture.serve().await, &ann).await;
    fixture.ask(&ann, "POST", "/users/logout", Value::Null).await;
    assert_eq!(closed(&mut client).await, 4401);
}

#[tokio::test]
async fn an_engine_that_stops_lets_its_sockets_say_so() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let mut client = connect(fixture.serve().await, &ann).await;
    fixture.chat.stop(Duration::from_secs(10)).await;
    assert_eq!(closed(&mut client).await, 1001);
}

#[tokio::test]
async fn a_frame_or_message_that_is_too_large_closes_the_socket() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let address = fixture.serve().await;

    let mut client = connect(address, &ann).await;
    client.send(Message::text("x".repeat(1_000_000))).await.unwrap();
    assert_eq!(closed(&mut client).await, 1009);

    use tungstenite::protocol::frame::Frame;
    use tungstenite::protocol::frame::coding::{Data, OpCode};
    let mut client = connect(address, &ann).await;
    let part = vec![b'x'; 60_000];
    let first = Frame::message(part.clone(), OpCode::Data(Data::Text), false);
    let second = Frame::message(part, OpCode::Data(Data::Continue), true);
    client.send(Message::Frame(first)).await.unwrap();
    client.send(Message::Frame(second)).await.unwrap();
    assert_eq!(closed(&mut client).await, 1009);
}

#[tokio::test]
async fn text_that_is_no_utf8_closes_the_socket() {
    use tungstenite::protocol::frame::Frame;
    use tungstenite::protocol::frame::coding::{Data, OpCode};
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let mut client = connect(fixture.serve().await, &ann).await;
    let frame = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    client.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(closed(&mut client).await, 1007);
}

#[tokio::test]
async fn a_client_that_leaves_is_offline() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let address = fixture.serve().await;
    let mut polite = connect(address, &ann).await;
    let rude = connect(address, &ann).await;
    let is_online = || !fixture.chat.hub().online(&[ann.id]).is_empty();
    assert!(is_online());

    polite.close(None).await.unwrap();
    while polite.next().await.is_some() {}
    drop(rude);

    tokio::time::timeout(Duration::from_secs(10), async {
        while is_online() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
