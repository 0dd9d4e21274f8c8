//! Clients that mean no good, in a thread of their own: some never read, some ask for more than they may, some send what no
//! client sends, some come and go. The rule: they are logged in and members of the groups as everyone is, they come from few
//! addresses, and they keep to a pace, so that what they cost is what the server spends on them and not this program.

use crate::Outcome;
use crate::crowd::Person;
use crate::frames::{self, TEXT};
use clap::ValueEnum;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often each of them acts.
const ROUND: Duration = Duration::from_millis(500);
/// Requests that one who floods sends at once.
const FLOOD: usize = 10;
/// Where they come from; a quarter of them from each.
const HOMES: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 66, 0, 1),
    Ipv4Addr::new(127, 66, 0, 2),
    Ipv4Addr::new(127, 66, 0, 3),
    Ipv4Addr::new(127, 66, 0, 4),
];

/// Frames as no client sends them (RFC 6455, section 5), and texts that are no requests.
const MALFORMED: &[&[u8]] = &[
    // Not masked.
    b"\x81\x02{}",
    // An operation that does not exist.
    b"\x8b\x80\0\0\0\0",
    // Not UTF-8.
    b"\x81\x82\0\0\0\0\xff\xfe",
    // Longer than any frame may be.
    b"\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00\0\0\0\0",
    // A bit that nothing has agreed on.
    b"\xc1\x82\0\0\0\0{}",
    // A ping in parts.
    b"\x09\x80\0\0\0\0",
    // The middle of a message that has no beginning.
    b"\x80\x82\0\0\0\0{}",
    // Bytes instead of a text.
    b"\x82\x82\0\0\0\0{}",
    // No request.
    b"\x81\x81\0\0\0\0{",
    b"\x81\x88\0\0\0\0[[[[[[[[",
    b"\x81\x8f\0\0\0\0{\"type\":\"self\",",
];

/// What one of them does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Habit {
    /// Reads nothing.
    Stall,
    /// Sends requests without a pause.
    Flood,
    /// Sends what cannot be understood.
    Garble,
    /// Opens a session and leaves.
    Storm,
}

/// What they have done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deeds {
    pub(crate) sessions: usize,
    pub(crate) refused: usize,
    pub(crate) sent: usize,
    /// Sessions that the server has ended.
    pub(crate) ended: usize,
}

impl fmt::Display for Deeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, refused, sent, ended } = self;
        write!(
            f,
            "{sessions} sessions opened and {refused} refused, {sent} frames sent, {ended} sessions ended by the server"
        )
    }
}

/// Hostile clients at work, until [`stop`](Self::stop).
pub(crate) struct Hostile {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Deeds>,
}

impl Hostile {
    /// Begins: as many people take up each habit. Floods go to a conversation of their own, `target`.
    pub(crate) fn begin(address: SocketAddr, people: &[Person], habits: &[Habit], target: i64) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let habits = habits.iter().cycle();
        let clients: Vec<_> = people.iter().zip(habits).map(|(person, habit)| Client::new(person, *habit)).collect();
        let flag = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || act(clients, address, target, &flag));
        Self { is_over, thread }
    }

    pub(crate) fn stop(self) -> Outcome<Deeds> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the hostile clients have come to grief themselves".into())
    }
}

/// Lets each act in its turn, spread over the round.
fn act(mut clients: Vec<Client>, address: SocketAddr, target: i64, is_over: &AtomicBool) -> Deeds {
    let mut deeds = Deeds::default();
    let pause = ROUND / u32::try_from(clients.len().max(1)).unwrap_or(u32::MAX);
    for turn in 0.. {
        let mut next = Instant::now();
        for (number, client) in clients.iter_mut().enumerate() {
            if is_over.load(Ordering::Relaxed) {
                return deeds;
            }
            next += pause;
            let home = HOMES[number % HOMES.len()];
            // An error is the server's way of ending it, and what it is for.
            if client.act(address, home, target, turn, &mut deeds).is_err() {
                client.socket = Socket::None;
            }
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
    deeds
}

struct Client {
    token: String,
    habit: Habit,
    socket: Socket,
}

enum Socket {
    None,
    /// Asked for; nobody waits for the answer.
    Asked(TcpStream),
    Open(TcpStream),
}

impl Client {
    fn new(person: &Person, habit: Habit) -> Self {
        Self { token: person.token.clone(), habit, socket: Socket::None }
    }

    fn act(&mut self, address: SocketAddr, home: Ipv4Addr, target: i64, turn: usize, deeds: &mut Deeds) -> Outcome {
        self.socket = match std::mem::replace(&mut self.socket, Socket::None) {
            Socket::None => {
                deeds.refused += 1;
                let mut stream = frames::connect(address, home)?;
                frames::ask(&mut stream, address, &self.token)?;
                deeds.refused -= 1;
                stream.set_nonblocking(true)?;
                Socket::Asked(stream)
            }
            Socket::Asked(stream) => opened(stream, deeds)?,
            open @ Socket::Open(_) => open,
        };
        let Socket::Open(stream) = &mut self.socket else { return Ok(()) };
        match self.habit {
            Habit::Stall => Ok(()),
            Habit::Storm => {
                self.socket = Socket::None;
                Ok(())
            }
            Habit::Flood => {
                let requests: Vec<u8> = (0..FLOOD).flat_map(|number| request(number, target)).collect();
                send(stream, &requests, FLOOD, deeds)
            }
            Habit::Garble => send(stream, MALFORMED[turn % MALFORMED.len()], 1, deeds),
        }
    }
}

/// What has become of a socket that was asked for.
fn opened(mut stream: TcpStream, deeds: &mut Deeds) -> Outcome<Socket> {
    let mut answer = [0; 1_024];
    match stream.read(&mut answer) {
        Ok(read) if frames::is_granted(&answer[..read]) => {
            deeds.sessions += 1;
            Ok(Socket::Open(stream))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Socket::Asked(stream)),
        refused => {
            deeds.refused += 1;
            refused?;
            Ok(Socket::None)
        }
    }
}

fn send(stream: &mut TcpStream, bytes: &[u8], frames: usize, deeds: &mut Deeds) -> Outcome {
    let sent = drain(stream).and_then(|()| match stream.write(bytes) {
        // Whoever floods does not wait until there is room.
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        sent => sent,
    });
    if sent.is_err() {
        deeds.ended += 1;
    }
    deeds.sent += if sent? == bytes.len() { frames } else { 0 };
    Ok(())
}

/// Takes what was answered, unread.
fn drain(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 16 * 1_024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::ConnectionReset.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// One of the requests of a flood.
fn request(number: usize, target: i64) -> Vec<u8> {
    let request = match number % 4 {
        0 => format!(r#"{{"type":"send_message","conversation_id":{target},"content":"flood"}}"#),
        1 => format!(r#"{{"type":"typing","conversation_id":{target},"is_typing":true}}"#),
        2 => format!(r#"{{"type":"get_messages","conversation_id":{target}}}"#),
        _ => r#"{"type":"sync"}"#.to_owned(),
    };
    frames::client(TEXT, request.as_bytes())
}
