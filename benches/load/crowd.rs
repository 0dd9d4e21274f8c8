//! Many clients in one thread. The rule: each event is checked against the last of its conversation at that client, and
//! nothing else in it is looked at, so that a core of clients keeps up with a core of server.

use crate::Outcome;
use crate::frames::{self, CLOSE, PING, PONG, TEXT};
use crate::latencies::Latencies;
use memchr::memmem::Finder;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Stands before the time at which a message was sent, in its content.
const MARK: &str = "#=";
/// Digits of that time, in nanoseconds.
const STAMP_DIGITS: usize = 20;
/// Clients of which every delivery is timed; of larger crowds, so many are.
const TIMED_MAX: usize = 64;
/// Bytes read at once.
const READ_BYTES: usize = 256 * 1_024;
/// How long to wait for a socket that takes no more.
const WRITE_PAUSE: Duration = Duration::from_micros(50);

/// Someone who may open a session.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
    /// The conversations they are in, of which they have heard nothing yet.
    pub(crate) groups: Vec<i64>,
    /// The address that they come from.
    pub(crate) home: Ipv4Addr,
}

/// What all clients together have received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) deliveries: usize,
    /// Places in the order of a conversation that a client never heard of.
    pub(crate) skipped: i64,
    /// Events that came again, or behind a later one.
    pub(crate) repeated: usize,
    /// Clients that the server has closed or told that they lag.
    pub(crate) dropped: usize,
    pub(crate) latencies: Latencies,
}

struct Client {
    stream: TcpStream,
    /// The beginning of a frame.
    arrived: Vec<u8>,
    /// The last `seq` of each conversation.
    heard: Vec<(i64, i64)>,
}

/// Clients of one server.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    clients: Vec<Client>,
    reader: Reader,
}

impl Crowd {
    pub(crate) fn new() -> Outcome<Self> {
        let reader = Reader::new();
        let buffer = vec![0; READ_BYTES];
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(1_024), buffer, clients: vec![], reader })
    }

    /// Opens a session for each of these people, one after the other.
    pub(crate) fn open(&mut self, address: SocketAddr, people: &[Person]) -> Outcome {
        for person in people {
            let heard = person.groups.iter().map(|group| (*group, 0)).collect();
            self.connect(address, person, heard)?;
        }
        Ok(())
    }

    fn connect(&mut self, address: SocketAddr, person: &Person, heard: Vec<(i64, i64)>) -> Outcome {
        let stream = frames::connect(address, person.home)?;
        let (stream, arrived) = frames::upgrade(stream, address, &person.token)?;
        let mut stream = TcpStream::from_std(stream);
        self.poll.registry().register(&mut stream, Token(self.clients.len()), Interest::READABLE)?;
        self.clients.push(Client { stream, arrived, heard });
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// What was received since this was last set to nothing.
    pub(crate) fn tally(&mut self) -> &mut Tally {
        &mut self.reader.tally
    }

    /// Lets the oldest answer that is no message be looked at.
    pub(crate) fn take_answer(&mut self) -> Option<Vec<u8>> {
        self.reader.answer.take()
    }

    /// How many answers that are no messages have come.
    pub(crate) fn answers(&self) -> usize {
        self.reader.answers
    }

    /// Lets a client send a message that says when it was sent, and is `size` bytes long.
    pub(crate) fn send(&mut self, client: usize, conversation: i64, size: usize) -> Outcome {
        let content = self.reader.content(size);
        let request = format!(r#"{{"type":"send_message","conversation_id":{conversation},"content":"{content}"}}"#);
        self.write(client, TEXT, request.as_bytes())
    }

    /// Lets a client send what a server would make of a message.
    pub(crate) fn send_event(&mut self, client: usize, conversation: i64, seq: i64, size: usize) -> Outcome {
        let content = self.reader.content(size);
        let event = format!(
            r#"{{"type":"send_message","success":true,"data":{{"id":1000,"conversation_id":{conversation},"seq":{seq},"sender_username":"user0","sender_id":1,"content":"{content}","reply_id":null,"nonce":null,"sent_at":1800000000,"edited_at":null,"deleted":false}}}}"#
        );
        self.write(client, TEXT, event.as_bytes())
    }

    pub(crate) fn request(&mut self, client: usize, request: &str) -> Outcome {
        self.write(client, TEXT, request.as_bytes())
    }

    fn write(&mut self, client: usize, opcode: u8, payload: &[u8]) -> Outcome {
        let frame = frames::client(opcode, payload);
        let mut left = &frame[..];
        while !left.is_empty() {
            match self.clients[client].stream.write(left) {
                Ok(written) => left = &left[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(WRITE_PAUSE),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Lets some clients read no more, until [`wake`](Self::wake).
    pub(crate) fn stall(&mut self, clients: Range<usize>) -> Outcome {
        for client in &mut self.clients[clients] {
            self.poll.registry().deregister(&mut client.stream)?;
        }
        Ok(())
    }

    /// Lets clients read again.
    pub(crate) fn wake(&mut self, clients: Range<usize>) -> Outcome {
        for number in clients {
            let stream = &mut self.clients[number].stream;
            self.poll.registry().register(stream, Token(number), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Receives what has arrived, and waits for it no longer than this.
    pub(crate) fn receive(&mut self, patience: Duration) -> Outcome {
        self.poll.poll(&mut self.events, Some(patience))?;
        let numbers: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        let timed_every = self.clients.len().div_ceil(TIMED_MAX).max(1);
        for number in numbers {
            self.reader.is_timed = number % timed_every == 0;
            if self.read(number) {
                self.write(number, PONG, b"")?;
            }
        }
        Ok(())
    }

    /// Receives for this long.
    pub(crate) fn receive_for(&mut self, duration: Duration) -> Outcome {
        let end = Instant::now() + duration;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.receive(left)?;
        }
        Ok(())
    }

    /// Reads all that has arrived at one client, and tells whether it was asked for a pong.
    fn read(&mut self, number: usize) -> bool {
        let client = &mut self.clients[number];
        let mut is_pinged = false;
        loop {
            let read = match client.stream.read(&mut self.buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return is_pinged,
                Ok(0) | Err(_) => {
                    self.reader.tally.dropped += 1;
                    return false;
                }
                Ok(read) => read,
            };
            if client.arrived.is_empty() {
                let rest = self.reader.read(&self.buffer[..read], &mut client.heard, &mut is_pinged);
                client.arrived.extend_from_slice(rest);
            } else {
                client.arrived.extend_from_slice(&self.buffer[..read]);
                let rest = self.reader.read(&client.arrived, &mut client.heard, &mut is_pinged).len();
                client.arrived.drain(..client.arrived.len() - rest);
            }
            if read < self.buffer.len() {
                return is_pinged;
            }
        }
    }
}

/// Reads frames and counts what they are.
struct Reader {
    tally: Tally,
    /// An answer that is no message.
    answer: Option<Vec<u8>>,
    answers: usize,
    is_timed: bool,
    began: Instant,
    conversation: Finder<'static>,
    seq: Finder<'static>,
    mark: Finder<'static>,
}

impl Reader {
    fn new() -> Self {
        Self {
            tally: Tally::default(),
            answer: None,
            answers: 0,
            is_timed: false,
            began: Instant::now(),
            conversation: Finder::new(r#""conversation_id":"#),
            seq: Finder::new(r#""seq":"#),
            mark: Finder::new(MARK),
        }
    }

    fn content(&self, size: usize) -> String {
        let sent = self.began.elapsed().as_nanos();
        let stamped = format!("{MARK}{sent:0STAMP_DIGITS$}");
        format!("{stamped:x<size$}")
    }

    /// Reads whole frames and returns what is left.
    fn read<'a>(&mut self, mut bytes: &'a [u8], heard: &mut [(i64, i64)], is_pinged: &mut bool) -> &'a [u8] {
        while let Some((opcode, payload, rest)) = frames::split(bytes) {
            match opcode {
                TEXT if payload.starts_with(br#"{"type":"send_message","success":true"#) => self.event(payload, heard),
                TEXT if payload.starts_with(br#"{"type":"lagged""#) => self.tally.dropped += 1,
                TEXT if payload.starts_with(br#"{"type":"user_status""#) => {}
                TEXT => {
                    self.answers += 1;
                    self.answer.get_or_insert_with(|| payload.to_vec());
                }
                PING => *is_pinged = true,
                CLOSE => self.tally.dropped += 1,
                _ => {}
            }
            bytes = rest;
        }
        bytes
    }

    fn event(&mut self, payload: &[u8], heard: &mut [(i64, i64)]) {
        self.tally.deliveries += 1;
        let conversation = number_behind(&self.conversation, payload);
        let seq = number_behind(&self.seq, payload);
        match heard.iter_mut().find(|(known, _)| *known == conversation) {
            Some((_, last)) if seq > *last => {
                self.tally.skipped += seq - *last - 1;
                *last = seq;
            }
            _ => self.tally.repeated += 1,
        }
        if self.is_timed {
            let sent = u64::try_from(number_behind(&self.mark, payload)).unwrap_or(0);
            self.tally.latencies.add(self.began.elapsed().saturating_sub(Duration::from_nanos(sent)));
        }
    }
}

fn number_behind(name: &Finder<'_>, payload: &[u8]) -> i64 {
    let start = name.find(payload).map_or(payload.len(), |found| found + name.needle().len());
    let digits = payload[start..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}
