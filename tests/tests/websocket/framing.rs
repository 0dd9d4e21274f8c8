//! Cases 1 to 5, 12 and 13: framing, pings and pongs, reserved bits, opcodes, fragmentation; and that nothing is compressed.

use crate::case::{
    BROKEN, Case, Frames, OCTETS, Pieces, Refusal, Whole, answer, begin, binary, case, end, filling, frame, more, ping,
    play, pong, ponged, request, text,
};
use chat_tests::{Socket, end_to_end};
use serde_json::json;

/// A request, its two halves, and its answer.
fn whole() -> Vec<u8> {
    request("hello")
}

fn left() -> Vec<u8> {
    whole()[..9].to_vec()
}

fn right() -> Vec<u8> {
    whole()[9..].to_vec()
}

fn lengths() -> Vec<Case> {
    let texts = [125, 126, 127, 128, 65_535, 65_536].into_iter().zip(2..).map(|(length, number)| {
        let reference = filling(length);
        case(&format!("1.1.{number}"), Whole, [text(request(&reference))], [answer(&reference)])
    });
    let binaries = [0, 125, 126, 127, 128, 65_535, 65_536]
        .into_iter()
        .zip(1..)
        .map(|(length, number)| case(&format!("1.2.{number}"), Whole, [binary(vec![0xfe; length])], [Refusal]));
    let reference = filling(65_536);
    texts
        .chain(binaries)
        .chain([
            case("1.1.1", Whole, [text("")], [Refusal]),
            case("1.1.8", Pieces(997), [text(request(&reference))], [answer(&reference)]),
            case("1.2.8", Pieces(997), [binary([0xfe; 65_536])], [Refusal]),
        ])
        .collect()
}

fn pings() -> Vec<Case> {
    let ten = || -> Vec<u8> { (0..10).flat_map(|number| ping(format!("payload-{number}"))).collect() };
    let ten_pongs = || std::array::from_fn::<_, 10, _>(|number| ponged(format!("payload-{number}")));
    vec![
        case("2.1", Whole, [ping("")], [ponged("")]),
        case("2.2", Whole, [ping("Hello, world!")], [ponged("Hello, world!")]),
        case("2.3", Whole, [ping(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")], [ponged(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")]),
        case("2.4", Whole, [ping([0xfe; 125])], [ponged([0xfe; 125])]),
        case("2.5", Whole, [ping([0xfe; 126])], [BROKEN]),
        case("2.6", OCTETS, [ping([0xfe; 125])], [ponged([0xfe; 125])]),
        case("2.7", Whole, [pong("")], []),
        case("2.8", Whole, [pong("unsolicited")], []),
        case("2.9", Whole, [pong("unsolicited"), ping("solicited")], [ponged("solicited")]),
        case("2.10", Whole, [ten()], ten_pongs()),
        case("2.11", OCTETS, [ten()], ten_pongs()),
    ]
}

/// The three reserved bits mean something to extensions only, and there are none.
fn reserved_bits() -> Vec<Case> {
    let (good, answered) = (|| text(whole()), || answer("hello"));
    let with = |bits: u8, opcode: u8, payload: &[u8]| frame(0x80 | bits << 4 | opcode, payload);
    vec![
        case("3.1", Whole, [with(1, 1, &whole())], [BROKEN]),
        case("3.2", Whole, [good(), with(2, 1, &whole()), ping("")], [answered(), BROKEN]),
        case("3.3", Frames, [good(), with(3, 1, &whole()), ping("")], [answered(), BROKEN]),
        case("3.4", OCTETS, [good(), with(4, 1, &whole()), ping("")], [answered(), BROKEN]),
        case("3.5", Whole, [with(5, 2, b"\x00\xff\xfe")], [BROKEN]),
        case("3.6", Whole, [with(6, 9, b"Hello, world!")], [BROKEN]),
        case("3.7", Whole, [with(7, 8, b"")], [BROKEN]),
    ]
}

fn reserved_opcodes() -> Vec<Case> {
    let (good, answered) = (|| text(whole()), || answer("hello"));
    let mut cases = vec![];
    for (group, first) in [("4.1", 0x83), ("4.2", 0x8b)] {
        let number = |number| format!("{group}.{number}");
        cases.extend([
            case(&number(1), Whole, [frame(first, b"")], [BROKEN]),
            case(&number(2), Whole, [frame(first + 1, b"reserved")], [BROKEN]),
            case(&number(3), Whole, [good(), frame(first + 2, b""), ping("")], [answered(), BROKEN]),
            case(&number(4), Frames, [good(), frame(first + 3, b"reserved"), ping("")], [answered(), BROKEN]),
            case(&number(5), OCTETS, [good(), frame(first + 4, b"reserved"), ping("")], [answered(), BROKEN]),
        ]);
    }
    cases
}

fn fragments() -> Vec<Case> {
    let answered = || answer("hello");
    let part = |range: std::ops::Range<usize>| whole()[range].to_vec();
    let pinged_between = || [begin(left()), ping("between"), end(right())];
    // Twice, as whatever may come first is no excuse for the second.
    let five = || [begin(part(0..5)), more(part(5..10)), ping("1"), more(part(10..15)), more(part(15..20)), ping("2")];
    let rest = || end(&whole()[20..]);
    let in_five = || five().into_iter().chain([rest()]).collect::<Vec<_>>().concat();
    let continued = |is_last: bool| if is_last { end(whole()) } else { more(whole()) };
    vec![
        case("5.1", Whole, [frame(0x09, b"begin"), end("end")], [BROKEN]),
        case("5.2", Whole, [frame(0x0a, b"begin"), end("end")], [BROKEN]),
        case("5.3", Whole, [begin(left()), end(right())], [answered()]),
        case("5.4", Frames, [begin(left()), end(right())], [answered()]),
        case("5.5", OCTETS, [begin(left()), end(right())], [answered()]),
        case("5.6", Whole, pinged_between(), [ponged("between"), answered()]),
        case("5.7", Frames, pinged_between(), [ponged("between"), answered()]),
        case("5.8", OCTETS, pinged_between(), [ponged("between"), answered()]),
        case("5.9", Whole, [continued(true), text(whole())], [BROKEN]),
        case("5.10", Frames, [continued(true), text(whole())], [BROKEN]),
        case("5.11", OCTETS, [continued(true), text(whole())], [BROKEN]),
        case("5.12", Whole, [continued(false), text(whole())], [BROKEN]),
        case("5.13", Frames, [continued(false), text(whole())], [BROKEN]),
        case("5.14", OCTETS, [continued(false), text(whole())], [BROKEN]),
        case("5.15", Whole, [begin(left()), end(right()), continued(false), text(whole())], [answered(), BROKEN]),
        case("5.16", Whole, [continued(false), begin(left()), end(right())], [BROKEN]),
        case("5.17", Whole, [continued(true), begin(left()), end(right())], [BROKEN]),
        case("5.18", Whole, [begin(left()), text(right())], [BROKEN]),
        case("5.19", Frames, [five().concat(), rest()], [ponged("1"), ponged("2"), answered()]),
        case("5.20", Whole, [in_five()], [ponged("1"), ponged("2"), answered()]),
    ]
}

end_to_end! {
    async fn group_1_payloads_of_every_form_of_length(server: Server) {
        play(&server, lengths()).await;
    }

    async fn groups_2_to_5_control_frames_reserved_values_and_fragments(server: Server) {
        play(&server, [pings(), reserved_bits(), reserved_opcodes(), fragments()].into_iter().flatten().collect()).await;
    }

    async fn groups_12_and_13_no_compression_is_agreed_to(server: Server) {
        let ann = server.person("ann").await;
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits; server_no_context_takeover, permessage-deflate",
            "x-webkit-deflate-frame, permessage-bzip2",
        ] {
            let request = server.client().get(server.url("/ws")).bearer_auth(&ann.token);
            let headers = [
                ("connection", "upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ("sec-websocket-extensions", offer),
            ];
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 101);
            assert_eq!(answer.headers().get("sec-websocket-extensions"), None, "{offer}");

            let (url, bearer) = (server.url("/ws").replace("http://", "ws://"), format!("Bearer {}", ann.token));
            let headers = [("authorization", bearer.as_str()), ("sec-websocket-extensions", offer)];
            let mut socket = Socket::try_open(&url, &headers).await.unwrap();
            assert_eq!(socket.asks(json!({ "type": "ping" })).await["data"], "pong");
        }
    }
}
