use crate::{PATIENCE, Person, documents, tls};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config, connect_async_tls_with_config};

/// One open WebSocket.
pub struct Socket {
    /// With what TLS keeps it is large, and tests hold many.
    stream: Box<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    /// What was heard last, for whoever waits for more in vain.
    last: String,
}

impl Socket {
    pub(crate) async fn open(url: &str, token: &str) -> Self {
        Self::try_open(url, &[("Authorization", &format!("Bearer {token}"))]).await.unwrap()
    }

    /// Opens a socket of which the client's side keeps few bytes until they are read. With fewer still, the two sides may agree
    /// on windows so small that the kernel sends one only when a timer tells it to.
    pub(crate) async fn open_narrow(url: &str, token: &str) -> Self {
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("Authorization", format!("Bearer {token}").parse().unwrap());
        let connection = TcpSocket::new_v4().unwrap();
        connection.set_recv_buffer_size(16_384).unwrap();
        let server = request.uri().authority().unwrap().as_str().parse().unwrap();
        let connection = connection.connect(server).await.unwrap();
        let opening = client_async_tls_with_config(request, connection, None, Some(tls::connector()));
        let (stream, _) = timeout(PATIENCE, Box::pin(opening)).await.unwrap().unwrap();
        Self { stream: Box::new(stream), last: String::new() }
    }

    /// Opens a socket with these headers, or returns the HTTP answer that refused it.
    ///
    /// # Errors
    /// Whatever the server answered instead of 101.
    pub async fn try_open(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, Box<Error>> {
        let mut request = url.into_client_request().map_err(Box::new)?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let opening = connect_async_tls_with_config(request, None, false, Some(tls::connector()));
        let (stream, _) = timeout(PATIENCE, Box::pin(opening)).await.unwrap().map_err(Box::new)?;
        Ok(Self { stream: Box::new(stream), last: String::new() })
    }

    /// Opens one socket for each of these people.
    pub async fn of<const N: usize>(people: [&Person; N]) -> [Self; N] {
        let sockets = futures::future::join_all(people.map(Person::socket)).await;
        sockets.try_into().unwrap_or_else(|_| unreachable!())
    }

    /// Sends a request.
    pub async fn ask(&mut self, request: Value) {
        self.write(Message::text(request.to_string())).await;
    }

    /// Sends a request, if the connection lives that long.
    pub async fn ask_if_alive(&mut self, request: Value) -> bool {
        timeout(PATIENCE, self.stream.send(Message::text(request.to_string()))).await.unwrap().is_ok()
    }

    /// Sends any message.
    pub async fn write(&mut self, message: Message) {
        timeout(PATIENCE, self.stream.send(message)).await.unwrap().unwrap();
    }

    /// Writes bytes as they are, past the client's own framing.
    pub async fn write_bytes(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stream.get_mut().write_all(bytes)).await.unwrap().unwrap();
    }

    /// The next frame.
    pub async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.hear_text().await).unwrap()
    }

    /// The next frame, to the byte.
    pub async fn hear_text(&mut self) -> String {
        match self.read().await {
            Message::Text(text) => {
                documents::check_frame(&text);
                text.to_string()
            }
            other => panic!("expected a text frame, got {other:?}"),
        }
    }

    /// Sends a request and returns the next frame, if the connection lives that long.
    pub async fn asks_if_alive(&mut self, request: Value) -> Option<Value> {
        timeout(PATIENCE, self.stream.send(Message::text(request.to_string()))).await.unwrap().ok()?;
        self.hear_if_alive().await
    }

    /// The next frame, if the connection lives that long.
    pub async fn hear_if_alive(&mut self) -> Option<Value> {
        loop {
            match self.next().await? {
                Ok(Message::Text(text)) => {
                    documents::check_frame(&text);
                    return Some(serde_json::from_str(&text).unwrap());
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                _ => return None,
            }
        }
    }

    /// The payload of the next pong.
    pub async fn hear_pong(&mut self) -> Vec<u8> {
        loop {
            if let Message::Pong(payload) = self.next().await.unwrap().unwrap() {
                return payload.to_vec();
            }
        }
    }

    /// The next frame of this type; those before it are dropped.
    pub async fn hear_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.hear().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Sends a request and returns the next frame.
    pub async fn asks(&mut self, request: Value) -> Value {
        self.ask(request).await;
        self.hear().await
    }

    /// Sends a request that must be refused in the documented shape, and returns the code and the sentence.
    pub async fn refused(&mut self, request: Value) -> (String, String) {
        let refusal = self.asks(request.clone()).await;
        let mut expected = json!({
            "type": request["type"], "success": false, "error": refusal["error"], "code": refusal["code"],
        });
        if let Some(reference) = request.get("ref") {
            expected["ref"] = reference.clone();
        }
        assert_eq!(refusal, expected, "{request}");
        (refusal["code"].as_str().unwrap().to_owned(), refusal["error"].as_str().unwrap().to_owned())
    }

    /// Everything that was on its way until now.
    pub async fn heard(&mut self) -> Vec<Value> {
        // An answer may overtake events, but not those that were written before it was asked for twice.
        for mark in ["first mark", "second mark"] {
            self.ask(json!({ "type": "ping", "ref": mark })).await;
        }
        let mut heard = Vec::new();
        loop {
            let frame = self.hear().await;
            match frame["ref"].as_str() {
                Some("first mark") => {}
                Some("second mark") => return heard,
                _ => heard.push(frame),
            }
        }
    }

    /// Waits for the server to close, and returns its reason.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            if let Message::Close(frame) = self.read().await {
                return frame;
            }
        }
    }

    /// Closes in good order, unless the connection is lost already.
    pub async fn close(mut self) {
        let _ = timeout(PATIENCE, self.stream.as_mut().close(None)).await.expect("a close in time");
        while let Ok(Some(Ok(_))) = timeout(PATIENCE, self.stream.next()).await {}
    }

    /// The next message of whatever kind; `None` once the connection is closed.
    pub async fn hear_anything(&mut self) -> Option<Message> {
        self.next().await?.ok()
    }

    /// The next message that is no ping or pong.
    async fn read(&mut self) -> Message {
        loop {
            match self.next().await.expect("an open socket").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    async fn next(&mut self) -> Option<Result<Message, Error>> {
        let Ok(next) = timeout(PATIENCE, self.stream.next()).await else {
            panic!("nothing came for {PATIENCE:?} after {:?}", self.last);
        };
        if let Some(Ok(Message::Text(text))) = &next {
            self.last = text.to_string();
        }
        next
    }
}

/// Checks that this is the next frame on each of these sockets.
pub async fn all_hear<const N: usize>(sockets: [&mut Socket; N], expected: &Value) {
    for socket in sockets {
        assert_eq!(socket.hear().await, *expected);
    }
}

/// Checks that nothing was on its way to any of these sockets.
pub async fn hear_nothing<const N: usize>(sockets: [&mut Socket; N]) {
    for socket in sockets {
        assert_eq!(socket.heard().await, Vec::<Value>::new());
    }
}

/// A frame of a server that did what it was asked, or tells of it.
#[must_use]
pub fn event(kind: &str, data: &Value) -> Value {
    json!({ "type": kind, "success": true, "data": data })
}

/// The same frame or request with a `ref`.
#[must_use]
pub fn with_ref(mut frame: Value, reference: impl Into<Value>) -> Value {
    frame["ref"] = reference.into();
    frame
}

/// What [`Socket::refused`] returns for this code and sentence.
#[must_use]
pub fn refusal(code: &str, sentence: &str) -> (String, String) {
    (code.to_owned(), sentence.to_owned())
}
