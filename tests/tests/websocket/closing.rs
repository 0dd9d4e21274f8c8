//! Case 7: how a socket is closed.

use crate::case::{
    BROKEN, Case, Closed, NOT_UTF8, TOO_LARGE, Whole, answer, begin, case, close, end, frame, ping, play, request, text,
};
use chat_tests::end_to_end;
use serde_json::json;

/// Codes that may be sent (RFC 6455, section 7.4, and the registry of IANA); 1014 may be, too, but these tests' own client does
/// not know it.
const VALID: [u16; 15] =
    [1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011, 1_012, 1_013, 3_000, 3_999, 4_000, 4_999];
/// Of those from 5,000 on, 7.13, the suite asks for nothing.
const INVALID: [u16; 11] = [0, 999, 1_004, 1_005, 1_006, 1_016, 1_100, 2_000, 2_999, 5_000, 65_535];

fn code(code: u16) -> Vec<u8> {
    close(&code.to_be_bytes())
}

fn with_reason(reason: &[u8]) -> Vec<u8> {
    close(&[&1_000_u16.to_be_bytes(), reason].concat())
}

fn orders() -> Vec<Case> {
    let (hello, normal) = (|| text(request("hello")), || Closed(Some(1_000)));
    vec![
        case("7.1.1", Whole, [hello(), code(1_000)], [answer("hello"), normal()]),
        case("7.1.2", Whole, [code(1_000), code(1_001)], [normal()]),
        case("7.1.3", Whole, [code(1_000), ping("late")], [normal()]),
        case("7.1.4", Whole, [code(1_000), hello()], [normal()]),
        case("7.1.5", Whole, [begin("{"), code(1_000), end("}")], [normal()]),
        // Here 256 KiB are too large.
        case("7.1.6", Whole, [text(vec![b'*'; 256 * 1_024]), code(1_000), ping("late")], [TOO_LARGE]),
        case("7.3.1", Whole, [close(b"")], [Closed(None)]),
        case("7.3.2", Whole, [close(b"a")], [BROKEN]),
        case("7.3.3", Whole, [code(1_000)], [normal()]),
        case("7.3.4", Whole, [with_reason(b"Hello World!")], [normal()]),
        case("7.3.5", Whole, [with_reason(&[b'*'; 123])], [normal()]),
        case("7.3.6", Whole, [with_reason(&[b'*'; 124])], [BROKEN]),
        case("7.5.1", Whole, [with_reason(b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited")], [NOT_UTF8]),
    ]
}

end_to_end! {
    async fn group_7_closing_in_order_and_out_of_it(server: Server) {
        let valid = VALID.into_iter().map(|number| case(&format!("7.7: {number}"), Whole, [code(number)], [Closed(Some(number))]));
        let invalid = INVALID.into_iter().map(|number| case(&format!("7.9, 7.13: {number}"), Whole, [code(number)], [BROKEN]));
        play(&server, orders().into_iter().chain(valid).chain(invalid).collect()).await;
    }

    async fn what_is_sent_before_the_last_word_is_stored(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let send = json!({ "type": "send_message", "conversation_id": group, "content": "bye" }).to_string();
        let last_words = [code(1_000), frame(0xc1, b"broken")];

        for last_word in last_words.iter().cycle().take(30) {
            let mut socket = ann.socket().await;
            socket.write_bytes(&[text(&send), last_word.clone()].concat()).await;
            while socket.hear_anything().await.is_some() {}
        }

        assert_eq!(ann.get(&format!("/conversations/{group}")).await.expect(200)["last_seq"], 30);
    }
}
