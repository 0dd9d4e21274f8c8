//! Cases 9 and 10: long messages, and many. The suite goes to 16 MiB; here 64 KiB are the limit, and one byte more is refused.

use crate::case::{
    Case, Frames, Pieces, Refusal, TOO_LARGE, Whole, answer, binary, case, filling, in_parts, play, request, text,
};
use chat_core::limits::FRAME_BYTES_MAX;
use chat_tests::end_to_end;

fn long(length: usize) -> (Vec<u8>, String) {
    let reference = filling(length);
    (request(&reference), reference)
}

/// The head of a text of so many bytes, and nothing of it.
fn announced(length: u64) -> Vec<u8> {
    [&[0x81, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()
}

fn lengths() -> Vec<Case> {
    let (longest, reference) = long(FRAME_BYTES_MAX);
    let too_long = || vec![b'*'; FRAME_BYTES_MAX + 1];
    let mut cases = vec![
        case("9.1.1", Whole, [text(&longest)], [answer(&reference)]),
        case("9.1.1, one more", Whole, [text(too_long())], [TOO_LARGE]),
        case("9.1.2", Whole, [text(vec![b'*'; 256 * 1_024])], [TOO_LARGE]),
        case("9.1.3", Whole, [text(vec![b'*'; 1_024 * 1_024])], [TOO_LARGE]),
        // What is only announced is refused before any of it comes.
        case("9.1.1, one more announced", Whole, [text(too_long())[..10].to_vec()], [TOO_LARGE]),
        case("9.1.6, the most there could be", Whole, [announced(u64::MAX >> 1)], [TOO_LARGE]),
        case("9.2.1", Whole, [binary(&longest)], [Refusal]),
        case("9.2.1, one more", Whole, [binary(too_long())], [TOO_LARGE]),
        case("9.2.2", Whole, [binary(vec![0xfe; 256 * 1_024])], [TOO_LARGE]),
        case("10.1.1", Whole, [in_parts(&longest, 1_300)], [answer(&reference)]),
    ];
    for (part, number) in [64, 256, 1_024, 4_096, 16_384, 65_536].into_iter().zip(1..) {
        let number = |group: &str| format!("{group}.{number}");
        cases.extend([
            case(&number("9.3"), Whole, [in_parts(&longest, part)], [answer(&reference)]),
            case(&number("9.3, one more"), Frames, [in_parts(&too_long(), part)], [TOO_LARGE]),
        ]);
    }
    for (piece, number) in [64, 128, 256, 512, 1_024, 2_048].into_iter().zip(1..) {
        let number = |group: &str| format!("{group}.{number}");
        cases.extend([
            case(&number("9.5"), Pieces(piece), [text(&longest)], [answer(&reference)]),
            case(&number("9.6"), Pieces(piece), [binary(&longest)], [Refusal]),
        ]);
    }
    cases
}

/// 1,000 requests without a wait for the answer to any; as many as the kernel keeps while nobody reads.
fn rushes() -> Vec<Case> {
    [32, 64, 256, 1_024]
        .into_iter()
        .zip(1..)
        .map(|(length, number)| {
            let (request, reference) = long(length);
            let hears = std::array::from_fn::<_, 1_000, _>(|_| answer(&reference));
            case(&format!("9.7.{number}"), Whole, [text(request).repeat(1_000)], hears)
        })
        .collect()
}

end_to_end! {
    async fn groups_9_and_10_lengths_to_the_limit_and_beyond(server: Server) {
        play(&server, lengths().into_iter().chain(rushes()).collect()).await;
    }
}
