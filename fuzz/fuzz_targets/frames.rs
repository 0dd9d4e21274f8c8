//! Any bytes as the frames of a client. The rule: however they are cut, they give the same messages, each within its
//! bounds. The first byte says how long the pieces are.

#![no_main]

use chat_core::limits::FRAME_BYTES_MAX;
use frames::{Decoder, Received, Violation};
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the half that writes is not for strangers")]
#[path = "../../chat-warp/src/socket/frames.rs"]
mod frames;

/// Bytes in the payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Received>, Option<Violation>) {
    let (mut decoder, mut received) = (Decoder::default(), vec![]);
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(next)) => received.push(next),
                Ok(None) => break,
                Err(violation) => return (received, Some(violation)),
            }
        }
    }
    (received, None)
}

fuzz_target!(|input: &[u8]| {
    let Some((piece, bytes)) = input.split_first() else { return };
    let whole = decode(std::iter::once(bytes));
    assert_eq!(decode(bytes.chunks(usize::from(*piece) + 1)), whole);
    for received in whole.0 {
        match received {
            Received::Text(text) => assert!(text.len() <= FRAME_BYTES_MAX && std::str::from_utf8(&text).is_ok()),
            Received::Ping(payload) => assert!(payload.len() <= CONTROL_BYTES_MAX),
            Received::Close(code) => assert!(code.is_empty() || code.len() == 2),
            Received::Binary | Received::Pong => {}
        }
    }
});
