//! The least that fan-out can cost without storing or checking anything: one thread, epoll, a frame encoded once, one
//! `write` for each recipient. The rule: it runs as a process of its own, so that it is measured as the server is.

use crate::Outcome;
use crate::frames::{self, TEXT};
use crate::process::Process;
use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

const LISTENER: Token = Token(usize::MAX);
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// The word that makes this program be the floor.
const WORD: &str = "floor";

/// Starts the floor in a process of its own.
pub(crate) fn start() -> Outcome<(Process, SocketAddr)> {
    let (process, line) = Process::start(&std::env::current_exe()?, &[WORD, "127.0.0.1:0"], &[], "listening on")?;
    let address = line.rsplit(' ').next().unwrap_or_default().parse()?;
    Ok((process, address))
}

/// The address to be the floor at, if that is what this process was started for.
pub(crate) fn asked_for() -> Option<String> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? == WORD { arguments.next() } else { None }
}

#[expect(clippy::print_stderr, reason = "the program that starts this one reads its address there")]
pub(crate) fn serve(address: &str) -> ExitCode {
    let relayed = Floor::listen(address).and_then(|mut floor| {
        eprintln!("listening on {}", floor.listener.local_addr()?);
        loop {
            floor.turn()?;
        }
    });
    relayed.map_or_else(
        |error: Box<dyn std::error::Error>| {
            eprintln!("{error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

struct Floor {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    clients: Vec<(TcpStream, Vec<u8>)>,
}

impl Floor {
    fn listen(address: &str) -> Outcome<Self> {
        let mut listener = TcpListener::bind(address.parse()?)?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self { poll, events: Events::with_capacity(1_024), listener, clients: vec![] })
    }

    fn turn(&mut self) -> Outcome {
        self.poll.poll(&mut self.events, None)?;
        let tokens: Vec<Token> = self.events.iter().map(mio::event::Event::token).collect();
        for token in tokens {
            if token == LISTENER { self.accept()? } else { self.read(token.0)? }
        }
        Ok(())
    }

    fn accept(&mut self) -> Outcome {
        while let Ok((mut stream, _)) = self.listener.accept() {
            stream.set_nodelay(true)?;
            self.poll.registry().register(&mut stream, Token(self.clients.len()), Interest::READABLE)?;
            self.clients.push((stream, vec![]));
        }
        Ok(())
    }

    fn read(&mut self, number: usize) -> Outcome {
        let mut buffer = [0; 64 * 1_024];
        let (stream, arrived) = &mut self.clients[number];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => arrived.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return Ok(()),
            }
        }
        if arrived.starts_with(b"GET") {
            let Some(end) = memmem::find(arrived, b"\r\n\r\n") else { return Ok(()) };
            arrived.drain(..end + 4);
            return Ok(stream.write_all(ANSWER)?);
        }
        let mut waiting = std::mem::take(arrived);
        while let Some((opcode, payload, rest)) = frames::split(&waiting) {
            if opcode == TEXT {
                let frame = frames::server(TEXT, payload);
                self.clients.iter_mut().for_each(|(stream, _)| drop(stream.write(&frame)));
            }
            waiting = rest.to_vec();
        }
        self.clients[number].1 = waiting;
        Ok(())
    }
}
