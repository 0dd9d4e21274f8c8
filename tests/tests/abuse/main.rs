//! What strangers do to a server that is on the internet: they ask too much, too slowly, or for more than there is. Others go
//! on as if nothing were.
//!
//! Every address of 127.0.0.0/8 is this machine's, so one test is many clients.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod addresses;
mod memory;
mod slow;

use chat_tests::{PATIENCE, Server};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The address of one client of many.
fn client(number: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, number).into()
}

/// Connects from an address of this machine.
async fn connect(server: &Server, from: IpAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    timeout(PATIENCE, socket.connect(server.addr())).await.unwrap().unwrap()
}

/// A client that makes its requests from there.
fn from(address: IpAddr) -> reqwest::Client {
    reqwest::Client::builder().local_address(address).timeout(PATIENCE).build().unwrap()
}

/// Writes, and reads what comes back of a request that is answered with this many bytes or more.
async fn exchange(stream: &mut TcpStream, request: &str, bytes: usize) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut begun = vec![0; bytes];
    timeout(PATIENCE, stream.read_exact(&mut begun)).await.unwrap().unwrap();
    String::from_utf8(begun).unwrap()
}

/// Everything that comes until the connection closes; it may be reset, if the server did not read all.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = vec![];
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an end in time");
    String::from_utf8(bytes).unwrap()
}

const PING: &str = "GET /misc/ping HTTP/1.1\r\nhost: chat\r\n\r\n";
