//! Case 6: texts are UTF-8. A text is looked at when a frame of it is there: of 6.4.3 and 6.4.4, in which the wrong byte
//! comes in the middle of a frame, the connection fails at the end of that frame, which the suite calls non-strict.

use crate::case::{
    Case, Frames, NOT_UTF8, OCTETS, Refusal, Whole, answer, begin, case, end, in_parts, more, play, request, text,
};
use chat_tests::end_to_end;

const GREEK: &str = "κόσμε";
/// In which the three bytes after the Greek are no character.
const BROKEN: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";
/// In which the four bytes after the Greek are beyond the last character.
const BEYOND: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited";

fn fragments() -> Vec<Case> {
    let mixed = "Hello-µ@ßöäüàá-UTF-8!!";
    let (left, right) = (&request(mixed)[..30], &request(mixed)[30..]);
    vec![
        case("6.1.1", Whole, [text("")], [Refusal]),
        case("6.1.2", Whole, [begin(""), more(""), end("")], [Refusal]),
        case("6.1.3", Whole, [begin(""), more(request("middle")), end("")], [answer("middle")]),
        case("6.2.1", Whole, [text(request(mixed))], [answer(mixed)]),
        case("6.2.2", Whole, [begin(left), end(right)], [answer(mixed)]),
        case("6.2.3", Whole, [in_parts(&request(mixed), 1)], [answer(mixed)]),
        case("6.2.4", Whole, [in_parts(&request(GREEK), 1)], [answer(GREEK)]),
        case("6.3.1", Whole, [text(BROKEN)], [NOT_UTF8]),
        case("6.3.2", Whole, [in_parts(BROKEN, 1)], [NOT_UTF8]),
        // The rest is never sent: what cannot be mended is refused before.
        case("6.4.1", Frames, [begin(&BROKEN[..11]), more(&BROKEN[11..14])], [NOT_UTF8]),
        case("6.4.2", Frames, [begin(&BEYOND[..12]), more(&BEYOND[12..13])], [NOT_UTF8]),
        case("6.4.3", Frames, [text(BROKEN)], [NOT_UTF8]),
        case("6.4.4", OCTETS, [text(BEYOND)], [NOT_UTF8]),
    ]
}

/// The sequences of Markus Kuhn's test of UTF-8 decoders, by the suite's group: those that are good, or those that are not.
fn sequences() -> Vec<(u32, bool, Vec<Vec<u8>>)> {
    let listed = |sequences: &[&[u8]]| sequences.iter().map(|sequence| sequence.to_vec()).collect::<Vec<_>>();
    let runs = |first: std::ops::Range<u8>| first.flat_map(|byte| [byte, b' ']).collect::<Vec<_>>();
    let incomplete = listed(&[
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
        b"\xdf",
        b"\xef\xbf",
        b"\xf7\xbf\xbf",
        b"\xfb\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf",
    ]);
    let surrogates = listed(&[
        b"\xed\xa0\x80",
        b"\xed\xad\xbf",
        b"\xed\xae\x80",
        b"\xed\xaf\xbf",
        b"\xed\xb0\x80",
        b"\xed\xbe\x80",
        b"\xed\xbf\xbf",
    ]);
    let pairs =
        surrogates[..4].iter().flat_map(|high| [&surrogates[4], &surrogates[6]].map(|low| [&high[..], low].concat()));
    let planes =
        (0..=16_u32).flat_map(|plane| [0xfffe, 0xffff].map(|last| char::from_u32(plane << 16 | last).unwrap()));
    let (whole, cut): (Vec<_>, Vec<_>) = (1..=GREEK.len()).partition(|length| GREEK.is_char_boundary(*length));
    let prefixes =
        |lengths: Vec<usize>| lengths.into_iter().map(|length| GREEK.as_bytes()[..length].to_vec()).collect();
    vec![
        (5, true, ["hello$world", "hello¢world", "hello€world", "hello𤭢world", GREEK].map(Vec::from).into()),
        (6, true, prefixes(whole)),
        (6, false, prefixes(cut)),
        (7, true, listed(&[b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"])),
        (8, false, listed(&[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"])),
        (9, true, listed(&[b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"])),
        (10, false, listed(&[b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"])),
        (11, true, listed(&[b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"])),
        (11, false, listed(&[b"\xf4\x90\x80\x80"])),
        (
            12,
            false,
            listed(&[b"\x80", b"\xbf", b"\x80\xbf", b"\x80\xbf\x80", b"\x80\xbf\x80\xbf", b"\x80\xbf\x80\xbf\x80"]),
        ),
        (12, false, vec![b"\x80\xbf\x80\xbf\x80\xbf".to_vec(), (0x80..0xbf).collect()]),
        (13, false, [0xc0..0xdf, 0xe0..0xef, 0xf0..0xf7, 0xf8..0xfb, 0xfc..0xfd].map(runs).into()),
        (14, false, incomplete.clone()),
        (15, false, vec![incomplete.concat()]),
        (16, false, listed(&[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"])),
        (
            17,
            false,
            listed(&[
                b"\xc0\xaf",
                b"\xe0\x80\xaf",
                b"\xf0\x80\x80\xaf",
                b"\xf8\x80\x80\x80\xaf",
                b"\xfc\x80\x80\x80\x80\xaf",
            ]),
        ),
        (
            18,
            false,
            listed(&[
                b"\xc1\xbf",
                b"\xe0\x9f\xbf",
                b"\xf0\x8f\xbf\xbf",
                b"\xf8\x87\xbf\xbf\xbf",
                b"\xfc\x83\xbf\xbf\xbf\xbf",
            ]),
        ),
        (
            19,
            false,
            listed(&[
                b"\xc0\x80",
                b"\xe0\x80\x80",
                b"\xf0\x80\x80\x80",
                b"\xf8\x80\x80\x80\x80",
                b"\xfc\x80\x80\x80\x80\x80",
            ]),
        ),
        (20, false, surrogates.clone()),
        (21, false, pairs.collect()),
        (22, true, planes.map(|character| character.to_string().into()).collect()),
        (23, true, ('\u{fff9}'..='\u{ffff}').map(|character| character.to_string().into()).collect()),
    ]
}

end_to_end! {
    async fn group_6_texts_are_utf_8(server: Server) {
        // JSON has no raw NUL in a string, so 6.7.1 is refused as a request; as a text it is in order.
        let nul = case("6.7.1", Whole, [text(request(b"\x00"))], [Refusal]);
        let all = sequences().into_iter().flat_map(|(group, is_good, sequences)| {
            sequences.into_iter().map(move |sequence| {
                let hears = if is_good { answer(std::str::from_utf8(&sequence).unwrap()) } else { NOT_UTF8 };
                case(&format!("6.{group}: {sequence:x?}"), Whole, [text(request(&sequence))], [hears])
            })
        });
        play(&server, fragments().into_iter().chain([nul]).chain(all).collect()).await;
    }
}
