//! A case: what a client sends, how it is cut, and what it hears.

use chat_tests::{Person, Server};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// How the bytes of a case reach the connection.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    /// All at once.
    Whole,
    /// Frame by frame.
    Frames,
    /// In pieces of so many bytes.
    Pieces(usize),
}
pub(crate) use Cut::{Frames, Pieces, Whole};
pub(crate) const OCTETS: Cut = Pieces(1);

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The answer to the request with this `ref`.
    Answer(String),
    /// A refusal of something that is no request.
    Refusal,
    Pong(Vec<u8>),
    /// The server closes, perhaps with a code.
    Closed(Option<u16>),
}
pub(crate) use Heard::{Closed, Refusal};

/// The end of a protocol that was broken.
pub(crate) const BROKEN: Heard = Closed(Some(1_002));
pub(crate) const NOT_UTF8: Heard = Closed(Some(1_007));
pub(crate) const TOO_LARGE: Heard = Closed(Some(1_009));

pub(crate) fn answer(reference: &str) -> Heard {
    Heard::Answer(reference.to_owned())
}

pub(crate) fn ponged(payload: impl AsRef<[u8]>) -> Heard {
    Heard::Pong(payload.as_ref().to_vec())
}

pub(crate) struct Case {
    number: String,
    cut: Cut,
    sends: Vec<Vec<u8>>,
    hears: Vec<Heard>,
}

/// A row of a table.
pub(crate) fn case<const S: usize, const H: usize>(
    number: &str,
    cut: Cut,
    sends: [Vec<u8>; S],
    hears: [Heard; H],
) -> Case {
    Case { number: number.to_owned(), cut, sends: sends.into(), hears: hears.into() }
}

/// Plays cases one after the other, each on a socket of its own.
pub(crate) async fn play(server: &Server, cases: Vec<Case>) {
    let ann = server.person("ann").await;
    for case in cases {
        case.play(&ann).await;
    }
    // Nobody took harm.
    ann.get("/users/me").await.expect(200);
}

impl Case {
    async fn play(mut self, ann: &Person) {
        let mut socket = ann.socket().await;
        let is_open = !matches!(self.hears.last(), Some(Closed(_)));
        if is_open {
            // What the client closes in good order is closed so, and nothing more is heard before.
            self.sends.push(close(&1_000_u16.to_be_bytes()));
            self.hears.push(Closed(Some(1_000)));
        }
        for piece in self.cut.cut(&self.sends) {
            socket.write_bytes(piece).await;
        }
        let mut heard = vec![];
        while let Some(message) = socket.hear_anything().await {
            heard.extend(understood(message));
        }
        assert_eq!(heard, self.hears, "case {}", self.number);
    }
}

impl Cut {
    fn cut(self, frames: &[Vec<u8>]) -> Vec<&[u8]> {
        frames
            .iter()
            .flat_map(|frame| match self {
                Whole | Frames => frame.chunks(frame.len()),
                Pieces(size) => frame.chunks(size),
            })
            .collect()
    }
}

fn understood(message: Message) -> Option<Heard> {
    match message {
        Message::Text(text) => {
            let frame: Value = serde_json::from_str(&text).unwrap();
            Some(match frame["ref"].as_str() {
                Some(reference) => answer(reference),
                None => {
                    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!("malformed")), "{frame}");
                    Refusal
                }
            })
        }
        Message::Pong(payload) => Some(ponged(payload)),
        Message::Close(reason) => Some(Closed(reason.map(|reason| reason.code.into()))),
        Message::Ping(_) => None,
        other => panic!("{other:?}"),
    }
}

/// A frame as a client sends it.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

const IS_LAST: u8 = 0x80;

pub(crate) fn text(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(IS_LAST | 1, payload.as_ref())
}

pub(crate) fn binary(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(IS_LAST | 2, payload.as_ref())
}

pub(crate) fn close(payload: &[u8]) -> Vec<u8> {
    frame(IS_LAST | 8, payload)
}

pub(crate) fn ping(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(IS_LAST | 9, payload.as_ref())
}

pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(IS_LAST | 10, payload.as_ref())
}

/// The first part of a text.
pub(crate) fn begin(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(1, payload.as_ref())
}

/// A further part.
pub(crate) fn more(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(0, payload.as_ref())
}

/// The last part.
pub(crate) fn end(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(IS_LAST, payload.as_ref())
}

/// A request that is answered with this `ref`.
pub(crate) fn request(reference: impl AsRef<[u8]>) -> Vec<u8> {
    [br#"{"type":"ping","ref":""#, reference.as_ref(), br#""}"#].concat()
}

/// The `ref` of a request of this length.
pub(crate) fn filling(length: usize) -> String {
    "*".repeat(length - request("").len())
}

/// A payload in frames of so many bytes.
pub(crate) fn in_parts(payload: &[u8], size: usize) -> Vec<u8> {
    let count = payload.len().div_ceil(size);
    let first = |number: usize| u8::from(number == 0) | if number + 1 == count { IS_LAST } else { 0 };
    payload.chunks(size).enumerate().flat_map(|(number, part)| frame(first(number), part)).collect()
}
