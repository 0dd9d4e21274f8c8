//! Frames on the wire, as a server reads and writes them (RFC 6455, section 5).
//!
//! The rule: what waits holds no buffer. Most sockets are idle nearly always, and there are many of them.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use chat_core::limits::FRAME_BYTES_MAX;

/// What a client has sent: a message, put together if it came in parts, or a control frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    Text(Bytes),
    Binary,
    Ping(Bytes),
    Pong,
    /// With the code it gave, in two bytes, or none.
    Close(Bytes),
}

/// How a client breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    Malformed,
    NotUtf8,
    TooLarge,
}

impl Violation {
    /// The close code (RFC 6455, section 7.4.1) and the reason.
    pub(super) fn reason(self) -> (u16, &'static str) {
        match self {
            Self::Malformed => (1002, "a frame was malformed"),
            Self::NotUtf8 => (1007, "a text was not UTF-8"),
            Self::TooLarge => (1009, "a frame was too large"),
        }
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn read(first: u8) -> Result<Self, Violation> {
        let known = [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong];
        known.into_iter().find(|opcode| *opcode as u8 == first & 0x0f).ok_or(Violation::Malformed)
    }

    fn is_control(self) -> bool {
        self as u8 >= Self::Close as u8
    }
}

/// Writes a frame; a server masks none.
pub(super) fn put_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    put_head(out, opcode, payload.len());
    out.put_slice(payload);
}

/// Writes what comes before a payload of this length.
pub(super) fn put_head(out: &mut Vec<u8>, opcode: Opcode, length: usize) {
    out.put_u8(0x80 | opcode as u8);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..=125), _) => out.put_u8(length),
        (_, Ok(length)) => {
            out.put_u8(126);
            out.put_u16(length);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
}

/// The payload of a close frame.
pub(super) fn close_payload((code, sentence): (u16, &str)) -> Bytes {
    let mut payload = BytesMut::with_capacity(2 + sentence.len());
    payload.put_u16(code);
    payload.put_slice(sentence.as_bytes());
    payload.freeze()
}

/// Reads frames out of bytes as they arrive.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    arrived: BytesMut,
    /// A message of which more is to come.
    begun: Option<Message>,
}

/// A message, or the parts of it that have arrived.
#[derive(Debug)]
struct Message {
    opcode: Opcode,
    bytes: BytesMut,
    /// Up to where a text is known to be UTF-8.
    checked: usize,
}

/// The beginning of a frame.
struct Head {
    is_last: bool,
    opcode: Opcode,
    mask: [u8; 4],
    /// Bytes of the head itself.
    size: usize,
    /// Bytes of the payload.
    length: usize,
}

impl Decoder {
    /// Takes bytes from the connection.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.arrived.extend_from_slice(bytes);
    }

    /// Takes the next message or control frame, if it has arrived.
    pub(super) fn next(&mut self) -> Result<Option<Received>, Violation> {
        while let Some((head, payload)) = self.frame()? {
            let received = match head.opcode {
                Opcode::Ping => Some(Received::Ping(payload.freeze())),
                Opcode::Pong => Some(Received::Pong),
                Opcode::Close => Some(Received::Close(closing(payload.freeze())?)),
                _ => self.message(&head, payload)?,
            };
            if received.is_some() {
                return Ok(received);
            }
        }
        Ok(None)
    }

    fn frame(&mut self) -> Result<Option<(Head, BytesMut)>, Violation> {
        let Some(head) = Head::read(&self.arrived)? else { return Ok(None) };
        if self.arrived.len() < head.size + head.length {
            return Ok(None);
        }
        self.arrived.advance(head.size);
        let mut payload = self.arrived.split_to(head.length);
        if self.arrived.is_empty() {
            self.arrived = BytesMut::new();
        }
        for part in payload.chunks_mut(4) {
            part.iter_mut().zip(head.mask).for_each(|(byte, mask)| *byte ^= mask);
        }
        Ok(Some((head, payload)))
    }

    fn message(&mut self, head: &Head, payload: BytesMut) -> Result<Option<Received>, Violation> {
        let mut message = match (head.opcode, self.begun.take()) {
            (Opcode::Continuation, Some(message)) => message.and(&payload)?,
            (Opcode::Continuation, None) | (_, Some(_)) => return Err(Violation::Malformed),
            (opcode, None) => Message { opcode, bytes: payload, checked: 0 },
        };
        if message.opcode == Opcode::Text {
            message.check(head.is_last)?;
        }
        if !head.is_last {
            self.begun = Some(message);
            return Ok(None);
        }
        Ok(Some(match message.opcode {
            Opcode::Text => Received::Text(message.bytes.freeze()),
            _ => Received::Binary,
        }))
    }
}

impl Message {
    fn and(mut self, part: &[u8]) -> Result<Self, Violation> {
        if self.bytes.len() + part.len() > FRAME_BYTES_MAX {
            return Err(Violation::TooLarge);
        }
        self.bytes.extend_from_slice(part);
        Ok(self)
    }

    /// Refuses a text that is not UTF-8, as soon as no further part can mend it.
    fn check(&mut self, is_last: bool) -> Result<(), Violation> {
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if !is_last && error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let (is_last, is_extended, is_masked) = (first & 0x80 != 0, first & 0x70 != 0, second & 0x80 != 0);
        let opcode = Opcode::read(first)?;
        let Some((length, rest)) = length(second & 0x7f, rest)? else { return Ok(None) };
        let is_bad_control = opcode.is_control() && (!is_last || length > 125);
        if is_extended || !is_masked || is_bad_control {
            return Err(Violation::Malformed);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(Violation::TooLarge);
        }
        let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some(Self { is_last, opcode, mask: *mask, size: bytes.len() - rest.len(), length }))
    }
}

/// The length of a payload, in the shortest of its three forms, and what follows it.
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (length, rest, least) = match short {
        126 => match rest.split_first_chunk() {
            Some((length, rest)) => (u16::from_be_bytes(*length).into(), rest, 126),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest, 0x1_0000),
            None => return Ok(None),
        },
        short => (short.into(), rest, 0),
    };
    if length < least { Err(Violation::Malformed) } else { Ok(Some((length, rest))) }
}

/// The code of a close frame, if it has one and the frame is in order (RFC 6455, section 7.4).
fn closing(payload: Bytes) -> Result<Bytes, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(payload) } else { Err(Violation::Malformed) };
    };
    std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    match u16::from_be_bytes(*code) {
        1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(payload.slice(..2)),
        _ => Err(Violation::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        masked(first, payload, MASK)
    }

    fn masked(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let mut frame = vec![];
        put_frame(&mut frame, Opcode::Text, payload);
        let head = frame.len() - payload.len();
        (frame[0], frame[1]) = (first, frame[1] | 0x80);
        frame.splice(head..head, mask);
        frame[head + 4..].iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        frame
    }

    fn decode(bytes: &[u8]) -> Result<Vec<Received>, Violation> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next().transpose()).collect()
    }

    /// What is received of bytes that arrive in pieces of these lengths, and at last the rest.
    fn decode_cut(mut bytes: &[u8], lengths: &[usize]) -> Result<Vec<Received>, Violation> {
        let (mut decoder, mut received) = (Decoder::default(), vec![]);
        for length in lengths.iter().chain([&usize::MAX]) {
            let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
            decoder.push(piece);
            bytes = rest;
            while let Some(next) = decoder.next()? {
                received.push(next);
            }
        }
        Ok(received)
    }

    fn text(text: &str) -> Received {
        Received::Text(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(decode(&hello), Ok(vec![text("Hello")]));
    }

    #[test]
    fn bytes_may_arrive_one_by_one_and_leave_no_buffer() {
        let long = "x".repeat(FRAME_BYTES_MAX);
        let bytes = [frame(0x81, b"short"), frame(0x81, long.as_bytes()), frame(0x81, &[b'y'; 300])].concat();
        let mut decoder = Decoder::default();
        let mut received = vec![];
        for byte in bytes {
            decoder.push(&[byte]);
            received.extend(decoder.next().unwrap());
        }
        assert_eq!(received, [text("short"), text(&long), text(&"y".repeat(300))]);
        assert_eq!(decoder.arrived.capacity(), 0);
    }

    #[test]
    fn parts_are_put_together_around_control_frames() {
        let parts = [frame(0x01, "ä".as_bytes()[..1].into()), frame(0x89, b"?"), frame(0x80, &"ä".as_bytes()[1..])];
        let ping = Received::Ping(Bytes::from_static(b"?"));
        assert_eq!(decode(&parts.concat()), Ok(vec![ping, text("ä")]));
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        let unmasked = vec![0x81, 0x01, b'x'];
        let too_long_a_form = [vec![0x81, 0xfe, 0, 5], MASK.to_vec(), vec![0; 5]].concat();
        let nested = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
        let wrong = [
            unmasked,
            too_long_a_form,
            nested,
            frame(0xc1, b"extended"),
            frame(0x83, b"unknown"),
            frame(0x80, b"continues nothing"),
            frame(0x09, b"ping in parts"),
            frame(0x89, &[0; 126]),
            frame(0x88, &[3]),
            frame(0x88, &1005_u16.to_be_bytes()),
        ];
        for bytes in wrong {
            assert_eq!(decode(&bytes), Err(Violation::Malformed), "{bytes:x?}");
        }
    }

    #[test]
    fn text_and_reasons_must_be_utf8() {
        assert_eq!(decode(&frame(0x81, b"\xff")), Err(Violation::NotUtf8));
        assert_eq!(decode(&frame(0x88, b"\x03\xe8\xff")), Err(Violation::NotUtf8));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_arrives() {
        let head = &frame(0x82, &[0; FRAME_BYTES_MAX + 1])[..10];
        assert_eq!(decode(head), Err(Violation::TooLarge));
        let parts = [frame(0x02, &[0; FRAME_BYTES_MAX]), frame(0x80, &[0])].concat();
        assert_eq!(decode(&parts), Err(Violation::TooLarge));
    }

    #[test]
    fn a_close_frame_gives_its_code() {
        let code = Bytes::from_static(&[0x03, 0xe8]);
        assert_eq!(decode(&frame(0x88, &close_payload((1000, "bye")))), Ok(vec![Received::Close(code)]));
        assert_eq!(decode(&frame(0x88, b"")), Ok(vec![Received::Close(Bytes::new())]));
    }

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        for (length, head) in [(125, 2), (126, 4), (0xffff, 4), (0x1_0000, 10)] {
            let mut out = vec![];
            put_frame(&mut out, Opcode::Text, &vec![b'x'; length]);
            assert_eq!(out.len(), head + length);
            assert_eq!(out[0], 0x81);
        }
    }

    #[test]
    fn a_text_that_no_further_part_can_mend_is_refused_at_once() {
        for (parts, is_hopeless) in [
            ([&b"\xf0\x9f"[..], b"\x98"], false),
            ([b"\xf0\x9f", b"x"], true),
            ([b"\xf4", b"\x90"], true),
            ([b"\xed", b"\xa0"], true),
            ([b"x", b"\xc0"], true),
        ] {
            let parts = [frame(0x01, parts[0]), frame(0x00, parts[1])].concat();
            assert_eq!(decode(&parts), if is_hopeless { Err(Violation::NotUtf8) } else { Ok(vec![]) });
        }
    }

    /// Frames that are good but for one byte now and then, so that all of the decoder is reached.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let first =
            prop_oneof![3 => prop::sample::select(&[0x81, 0x01, 0x00, 0x80, 0x89, 0x88, 0x82][..]), 1 => any::<u8>()];
        let payload = prop_oneof![
            4 => ".{0,8}".prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..200),
            1 => (0..FRAME_BYTES_MAX + 2).prop_map(|length| vec![b'x'; length]),
        ];
        let frame = (first, payload).prop_map(|(first, payload)| frame(first, &payload));
        let frames = prop::collection::vec(frame, 0..6).prop_map(|frames| frames.concat());
        (frames, prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()))).prop_map(
            |(mut bytes, typo)| {
                if let Some((index, byte)) = typo.filter(|_| !bytes.is_empty()) {
                    let position = index.index(bytes.len());
                    bytes[position] = byte;
                }
                bytes
            },
        )
    }

    /// A message, the places at which it is cut into parts, and what is pinged before each of them.
    fn message() -> impl Strategy<Value = (bool, String, Vec<(prop::sample::Index, Vec<u8>)>)> {
        let pings =
            prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..126)), 0..4);
        (any::<bool>(), prop_oneof![any::<String>(), ".{100,400}"], pings)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_give_the_same_however_they_are_cut(bytes in bytes(), lengths in prop::collection::vec(0_usize..90, 0..40)) {
            prop_assert_eq!(decode_cut(&bytes, &lengths), decode(&bytes));
        }

        #[test]
        fn noise_gives_the_same_however_it_is_cut(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(decode_cut(&bytes, &[1; 64]), decode(&bytes));
        }

        #[test]
        fn what_is_well_formed_is_received_as_it_was_sent(messages in prop::collection::vec(message(), 0..6), mask: [u8; 4]) {
            let (mut sent, mut expected) = (vec![], vec![]);
            for (is_text, message, pings) in messages {
                let mut rest = message.as_bytes();
                let mut opcode = if is_text { Opcode::Text } else { Opcode::Binary };
                for (index, payload) in pings {
                    let (part, behind) = rest.split_at(index.index(rest.len() + 1));
                    sent.extend([masked(opcode as u8, part, mask), masked(0x89, &payload, mask)].concat());
                    expected.push(Received::Ping(payload.into()));
                    (rest, opcode) = (behind, Opcode::Continuation);
                }
                sent.extend(masked(0x80 | opcode as u8, rest, mask));
                expected.push(if is_text { text(&message) } else { Received::Binary });
            }
            prop_assert_eq!(decode(&sent), Ok(expected));
        }
    }
}
