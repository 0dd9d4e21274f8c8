//! How a socket opens, what its frames may be (RFC 6455), and how it ends (API 1 and 3).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Server, Socket, end_to_end};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

/// Opens a socket and lets it answer a ping, or returns the status and the code of the refusal.
async fn open(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Result<(), (u16, String)> {
    let url = server.url(path).replace("http://", "ws://");
    match Socket::try_open(&url, headers).await {
        Ok(mut socket) => {
            assert_eq!(socket.asks(json!({ "type": "ping" })).await["data"], "pong");
            Ok(())
        }
        Err(error) => match *error {
            Error::Http(response) => {
                let problem: Value = serde_json::from_slice(response.body().as_deref().unwrap()).unwrap();
                Err((response.status().as_u16(), problem["code"].as_str().unwrap().to_owned()))
            }
            other => panic!("{other}"),
        },
    }
}

fn refused(status: u16, code: &str) -> Result<(), (u16, String)> {
    Err((status, code.to_owned()))
}

/// Checks that the socket does what it is asked.
async fn is_alive(socket: &mut Socket) {
    assert_eq!(socket.asks(json!({ "type": "ping" })).await["data"], "pong");
}

async fn close_code(socket: &mut Socket) -> u16 {
    socket.closed().await.expect("a reason").code.into()
}

/// A frame of a message that has more than one.
fn part(text: &[u8], data: Data, is_last: bool) -> Message {
    Message::Frame(Frame::message(Bytes::copy_from_slice(text), OpCode::Data(data), is_last))
}

/// The bytes of a frame as a client masks it, with a mask that changes nothing.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// A handshake as a program makes it that is no WebSocket client.
fn handshake(server: &Server, ann: &Person, without: &str) -> RequestBuilder {
    let headers = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let request = server.request(Method::GET, "/ws").bearer_auth(&ann.token);
    headers
        .iter()
        .filter(|(name, _)| *name != without)
        .fold(request, |request, (name, value)| request.header(*name, *value))
}

end_to_end! {
    async fn a_socket_opens_by_header_cookie_or_query(server: Server) {
        let ann = server.person("ann").await;
        let bearer = format!("Bearer {}", ann.token);
        let cookie = format!("theme=dark; login-token={}; lang=en", ann.token);
        let query = format!("/ws?token={}", ann.token);

        assert_eq!(open(&server, "/ws", &[("authorization", &bearer)]).await, Ok(()));
        assert_eq!(open(&server, "/ws", &[("cookie", &cookie)]).await, Ok(()));
        assert_eq!(open(&server, &query, &[]).await, Ok(()));
        assert_eq!(open(&server, "/ws/", &[("authorization", &bearer)]).await, Ok(()));
    }

    async fn without_a_valid_login_nothing_is_upgraded(server: Server) {
        let ann = server.person("ann").await;
        let mut forged = ann.token.clone();
        forged.replace_range(forged.len() - 8.., "AAAAAAAA");
        let none =
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwidXNlcm5hbWUiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTksImlhdCI6MSwianRpIjoiMSJ9.";

        for token in ["", "x", "null", forged.as_str(), none, ann.refresh_token.as_str()] {
            let (bearer, cookie) = (format!("Bearer {token}"), format!("login-token={token}"));
            let expected = refused(401, "unauthorized");
            assert_eq!(open(&server, "/ws", &[("authorization", &bearer)]).await, expected, "{token}");
            assert_eq!(open(&server, "/ws", &[("cookie", &cookie)]).await, expected, "{token}");
            assert_eq!(open(&server, &format!("/ws?token={token}"), &[]).await, expected, "{token}");
        }
        assert_eq!(open(&server, "/ws", &[]).await, refused(401, "unauthorized"));
    }

    async fn a_login_that_has_ended_opens_no_socket(server: Server) {
        let ann = server.person("ann").await;
        let bearer = format!("Bearer {}", ann.token);
        assert_eq!(open(&server, "/ws", &[("authorization", &bearer)]).await, Ok(()));

        ann.post("/users/logout", json!({})).await.expect(204);

        assert_eq!(open(&server, "/ws", &[("authorization", &bearer)]).await, refused(401, "unauthorized"));
    }

    async fn pages_of_other_origins_open_no_socket(server: Server) {
        let ann = server.person("ann").await;
        let (bearer, cookie) = (format!("Bearer {}", ann.token), format!("login-token={}", ann.token));
        let own = format!("http://{}", server.addr());
        let foreign_port = format!("http://{}:1", server.addr().ip());

        for origin in [own.as_str(), "http://localhost:5173"] {
            for login in [("authorization", bearer.as_str()), ("cookie", cookie.as_str())] {
                assert_eq!(open(&server, "/ws", &[login, ("origin", origin)]).await, Ok(()), "{origin}");
            }
        }
        for origin in ["http://evil.example", "null", foreign_port.as_str(), "http://localhost:5173.evil.example", ""] {
            for login in [("authorization", bearer.as_str()), ("cookie", cookie.as_str())] {
                let outcome = open(&server, "/ws", &[login, ("origin", origin)]).await;
                assert_eq!(outcome, refused(403, "forbidden"), "{origin}");
            }
        }
    }

    async fn a_request_that_asks_for_no_websocket_is_told_what_to_ask_for(server: Server) {
        let ann = server.person("ann").await;

        for (without, status) in
            [("upgrade", 426), ("sec-websocket-version", 426), ("sec-websocket-key", 400), ("connection", 400)]
        {
            let answer = handshake(&server, &ann, without).send().await.unwrap();
            assert_eq!(answer.status(), status, "without {without}");
            if status == 426 {
                assert_eq!(answer.headers()["sec-websocket-version"], "13");
                assert_eq!(answer.headers()["upgrade"], "websocket");
            }
        }
        ann.get("/ws").await.refuses(426, "upgrade_required");
        ann.post("/ws", json!({})).await.refuses(405, "method_not_allowed");
        server.get("/ws").await.refuses(401, "unauthorized");
        let upgraded = handshake(&server, &ann, "").send().await.unwrap();
        assert_eq!(upgraded.status(), 101);
        assert_eq!(upgraded.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    async fn what_is_no_request_is_refused_and_the_socket_lives_on(server: Server) {
        let ann = server.person("ann").await;
        let mut socket = ann.socket().await;

        for text in [
            "",
            " ",
            "hello",
            "{",
            "[]",
            "\"type\"",
            "5",
            "null",
            "true",
            "[{\"type\":\"ping\"}]",
            "{\"type\":\"ping\"} x",
        ] {
            socket.write(Message::text(text)).await;
            let refusal = socket.hear().await;
            let expected = json!({
                "type": "error", "success": false, "error": refusal["error"], "code": "malformed",
            });
            assert_eq!(refusal, expected, "{text}");
            assert!(refusal["error"].as_str().unwrap().starts_with("expected a JSON object"), "{text}");
            is_alive(&mut socket).await;
        }
    }

    async fn binary_frames_are_refused_and_the_socket_lives_on(server: Server) {
        let ann = server.person("ann").await;
        let mut socket = ann.socket().await;

        for bytes in [b"".as_slice(), b"{\"type\":\"ping\"}", &[0xff; 1_000]] {
            socket.write(Message::binary(bytes.to_vec())).await;
            let expected = json!({
                "type": "error", "success": false, "error": "expected a text frame", "code": "malformed",
            });
            assert_eq!(socket.hear().await, expected);
            is_alive(&mut socket).await;
        }
    }

    async fn a_message_in_many_frames_is_put_together_around_pings(server: Server) {
        let ann = server.person("ann").await;
        let mut socket = ann.socket().await;

        socket.write(part(b"{\"type\":\"pi", Data::Text, false)).await;
        socket.write(Message::Ping(Bytes::from_static(b"between"))).await;
        assert_eq!(socket.hear_pong().await, b"between");
        for byte in b"ng\",\"ref\":\"\xc3\xa4\"" {
            socket.write(part(&[*byte], Data::Continue, false)).await;
        }
        socket.write(part(b"}", Data::Continue, true)).await;

        assert_eq!(socket.hear().await, json!({ "type": "ping", "success": true, "data": "pong", "ref": "ä" }));
    }

    async fn a_ping_is_answered_with_its_payload(server: Server) {
        let ann = server.person("ann").await;
        let mut socket = ann.socket().await;

        for payload in [vec![], b"hello".to_vec(), vec![0xff; 125]] {
            socket.write(Message::Ping(payload.clone().into())).await;
            assert_eq!(socket.hear_pong().await, payload);
        }
        socket.write(Message::Pong(Bytes::from_static(b"nobody asked"))).await;
        is_alive(&mut socket).await;
    }

    async fn requests_sent_all_at_once_are_answered_in_order(server: Server) {
        let ann = server.person("ann").await;
        let mut socket = ann.socket().await;

        let requests: Vec<_> =
            (0..100).map(|n| masked(0x81, json!({ "type": "ping", "ref": n }).to_string().as_bytes())).collect();
        socket.write_bytes(&requests.concat()).await;

        for n in 0..100 {
            assert_eq!(socket.hear().await["ref"], n);
        }
    }

    async fn a_frame_of_64_kib_is_read_and_a_longer_one_closes_with_1009(server: Server) {
        let ann = server.person("ann").await;
        let ping = json!({ "type": "ping" }).to_string();
        let padded = |size: usize| Message::text(ping.clone() + &" ".repeat(size - ping.len()));
        let [mut socket, mut in_parts] = Socket::of([&ann, &ann]).await;

        socket.write(padded(65_536)).await;
        assert_eq!(socket.hear().await["data"], "pong");
        socket.write(padded(65_537)).await;
        assert_eq!(close_code(&mut socket).await, 1_009);

        in_parts.write(part(&[b' '; 40_000], Data::Text, false)).await;
        in_parts.write(part(&[b' '; 40_000], Data::Continue, true)).await;
        assert_eq!(close_code(&mut in_parts).await, 1_009);
    }

    async fn text_that_is_not_utf_8_closes_with_1007(server: Server) {
        let ann = server.person("ann").await;

        for text in [b"\xff".as_slice(), b"{\"type\":\"\xc3\x28\"}", b"\xed\xa0\x80", b"\xc0\xaf", b"cut \xe2\x82"] {
            let mut socket = ann.socket().await;
            socket.write(part(text, Data::Text, true)).await;
            assert_eq!(close_code(&mut socket).await, 1_007, "{text:?}");
        }
        let mut in_parts = ann.socket().await;
        in_parts.write(part(b"\xc3", Data::Text, false)).await;
        in_parts.write(part(b"\x28", Data::Continue, true)).await;
        assert_eq!(close_code(&mut in_parts).await, 1_007);
    }

    async fn frames_that_break_the_protocol_close_with_1002(server: Server) {
        let ann = server.person("ann").await;

        for (what, bytes) in [
            ("not masked", [&[0x81, 0x0f], b"{\"type\":\"ping\"}".as_slice()].concat()),
            ("an extension nobody agreed to", masked(0xc1, b"{}")),
            ("an unknown kind", masked(0x83, b"")),
            ("an unknown control frame", masked(0x8b, b"")),
            ("a continuation of nothing", masked(0x80, b"{}")),
            ("a text inside another", [masked(0x01, b"{"), masked(0x81, b"{}")].concat()),
            ("a ping in parts", masked(0x09, b"")),
            ("a ping that is too long", [&[0x89, 0xfe, 0, 126, 0, 0, 0, 0], [0; 126].as_slice()].concat()),
            ("a length longer than need be", [&[0x81, 0xfe, 0, 2, 0, 0, 0, 0], b"{}".as_slice()].concat()),
            ("a close with half a code", masked(0x88, &[3])),
            ("a close with a code that is never sent", masked(0x88, &1_005_u16.to_be_bytes())),
        ] {
            let mut socket = ann.socket().await;
            socket.write_bytes(&bytes).await;
            assert_eq!(close_code(&mut socket).await, 1_002, "{what}");
        }
    }

    async fn a_close_is_answered_with_its_code(server: Server) {
        let ann = server.person("ann").await;

        for (payload, code) in [(b"\x03\xe8bye".as_slice(), 1_000), (b"\x0f\xa0", 4_000)] {
            let mut socket = ann.socket().await;
            socket.write_bytes(&masked(0x88, payload)).await;
            assert_eq!(close_code(&mut socket).await, code);
        }
    }

    async fn logging_out_closes_the_sockets_of_that_login_within_a_second(server: Server) {
        let ann = server.person("ann").await;
        let again = Person::log_in(&server, "ann").await;
        let [mut first, mut second, mut of_other_login] = Socket::of([&ann, &ann, &again]).await;

        ann.post("/users/logout", json!({})).await.expect(204);

        let second_at_most = Duration::from_secs(1);
        assert_eq!(timeout(second_at_most, close_code(&mut first)).await.expect("closed in time"), 4_401);
        assert_eq!(timeout(second_at_most, close_code(&mut second)).await.expect("closed in time"), 4_401);
        is_alive(&mut of_other_login).await;
    }

    async fn revoking_a_login_closes_its_sockets(server: Server) {
        let ann = server.person("ann").await;
        let again = Person::log_in(&server, "ann").await;
        let [mut revoked, mut other] = Socket::of([&ann, &again]).await;
        let logins = again.get("/users/me/logins").await.expect(200)["logins"].clone();

        let own = logins.as_array().unwrap().iter().map(|login| login["id"].as_i64().unwrap()).min().unwrap();
        again.delete(&format!("/users/me/logins/{own}")).await.expect(204);

        assert_eq!(close_code(&mut revoked).await, 4_401);
        is_alive(&mut other).await;
    }

    async fn a_refresh_token_that_is_used_twice_closes_the_sockets_of_its_login(server: Server) {
        let ann = server.person("ann").await;
        let mut socket = ann.socket().await;
        let refresh = json!({ "refresh_token": ann.refresh_token });

        server.post("/users/token/refresh", refresh.clone()).await.expect(200);
        is_alive(&mut socket).await;
        server.post("/users/token/refresh", refresh).await.refuses(401, "unauthorized");

        assert_eq!(close_code(&mut socket).await, 4_401);
    }
}
