//! WebSocket frames as a client reads and writes them (RFC 6455, section 5). The rule: reading one costs next to nothing,
//! since a thousand clients share a core.

use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::Outcome;

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// How long a server may take for an upgrade.
const UPGRADE_WAIT: Duration = Duration::from_secs(60);

/// A frame's opcode and its payload, and what follows it; `None` if it has not arrived whole.
pub(crate) fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[first, short], rest) = bytes.split_first_chunk()?;
    let (mask_length, short) = (usize::from(short >> 7) * 4, short & 0x7f);
    let (length, rest) = match short {
        126 => rest.split_first_chunk().map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        _ => (short.into(), rest),
    };
    // The mask is all zeros, as `client` makes it, or there is none.
    let (payload, rest) = rest.get(mask_length..)?.split_at_checked(usize::try_from(length).ok()?)?;
    Some((first & 0x0f, payload, rest))
}

/// A frame from a client, under a mask of zeros: the payload travels as it is.
pub(crate) fn client(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, payload.len(), 0x80);
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// A frame from a server.
pub(crate) fn server(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, payload.len(), 0);
    frame.extend(payload);
    frame
}

fn head(opcode: u8, length: usize, mask: u8) -> Vec<u8> {
    let mut head = vec![0x80 | opcode];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..=125), _) => head.push(mask | length),
        (_, Ok(length)) => {
            head.push(mask | 126);
            head.extend(length.to_be_bytes());
        }
        _ => {
            head.push(mask | 127);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head
}

/// Connects from one of the addresses that lead to this machine.
pub(crate) fn connect(address: SocketAddr, home: Ipv4Addr) -> Outcome<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((home, 0)).into())?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

/// Asks for an event socket, on a connection whose answer is yet to be read.
pub(crate) fn ask(stream: &mut TcpStream, address: SocketAddr, token: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())
}

/// Whether this is how the answer to an upgrade begins that is granted.
pub(crate) fn is_granted(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 101")
}

/// Turns a connection into an event socket; what arrived behind the answer is returned with it.
pub(crate) fn upgrade(mut stream: TcpStream, address: SocketAddr, token: &str) -> Outcome<(TcpStream, Vec<u8>)> {
    stream.set_read_timeout(Some(UPGRADE_WAIT))?;
    ask(&mut stream, address, token)?;
    let mut arrived = vec![];
    let mut part = [0; 2_048];
    loop {
        let read = stream.read(&mut part)?;
        arrived.extend_from_slice(&part[..read]);
        if let Some(end) = memchr::memmem::find(&arrived, b"\r\n\r\n") {
            if !is_granted(&arrived) {
                return Err(format!("no upgrade: {}", String::from_utf8_lossy(&arrived)).into());
            }
            stream.set_nonblocking(true)?;
            return Ok((stream, arrived.split_off(end + 4)));
        }
        if read == 0 {
            return Err("the server closed the connection during the upgrade".into());
        }
    }
}
