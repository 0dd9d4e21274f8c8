//! The opening handshake of a WebSocket (RFC 6455, section 4.2).

use crate::errors::Problem;
use crate::request::Request;
use headers::{Connection, HeaderMapExt, SecWebsocketAccept, SecWebsocketKey, Upgrade};
use http::header;
use http::{Method, StatusCode};
use hyper::upgrade::OnUpgrade;
use warp::reply::Response;

/// A handshake that the server agrees to.
pub(super) struct Handshake {
    /// The connection, once the response is written.
    pub(super) upgrade: OnUpgrade,
    /// 101.
    pub(super) response: Response,
}

impl Handshake {
    /// Reads the client's part and writes the server's.
    pub(super) fn read(request: &mut Request) -> Result<Self, Problem> {
        if request.method != Method::GET || !asks_for_websocket(request) {
            return Err(Problem::upgrade_required());
        }
        let key = key(request).ok_or_else(|| Problem::malformed("the headers of the WebSocket handshake are wrong"))?;
        let upgrade = request.upgrade.take().ok_or_else(Problem::upgrade_required)?;
        Ok(Self { upgrade, response: switching(key) })
    }
}

fn asks_for_websocket(request: &Request) -> bool {
    let protocols = request.header(&header::UPGRADE).unwrap_or_default();
    let is_named = protocols.split(',').any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"));
    is_named && request.header(&header::SEC_WEBSOCKET_VERSION) == Some("13")
}

/// The key, 16 bytes in base64, if everything else is in order, too.
fn key(request: &Request) -> Option<SecWebsocketKey> {
    let is_key = |key: &str| key.len() == 24 && key.ends_with("==");
    request.header(&header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key))?;
    request.headers.typed_get::<Connection>().filter(|connection| connection.contains("upgrade"))?;
    request.headers.typed_get()
}

fn switching(key: SecWebsocketKey) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.typed_insert(Connection::upgrade());
    headers.typed_insert(Upgrade::websocket());
    headers.typed_insert(SecWebsocketAccept::from(key));
    response
}
