//! Heads and framings of bodies that are out of order. What HTTP itself cannot make out is refused without a body, and the
//! connection is closed; what it can is a problem like any other.

use chat_tests::{Kind, PATIENCE, Server, end_to_end};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a server has to wait for, and so sees the end of only when the client closes its side.
const UNFINISHED: &[&str] = &[
    "HTTP/0.9",
    "the greeting of TLS",
    "half a head",
    "nothing",
    "less than was said",
    "nothing of what was said",
    "a chunk without an end",
    "chunks without an end",
];

/// Sends bytes and returns all that comes back until the server closes.
async fn exchange(server: &Server, what: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    // The server may close before it has read all, and so reset the connection.
    let _ = timeout(PATIENCE, stream.write_all(request)).await.unwrap();
    if UNFINISHED.contains(&what) {
        let _ = stream.shutdown().await;
    }
    let mut response = vec![];
    let _ = timeout(PATIENCE, stream.read_to_end(&mut response)).await.unwrap();
    String::from_utf8(response).unwrap()
}

/// Checks that something is refused, by a problem, by a status alone, or by a connection that is closed.
fn is_refused(what: &str, response: &str) {
    if response.is_empty() {
        return;
    }
    assert!(response.starts_with("HTTP/1.1 4"), "{what}: {response}");
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(body.is_empty() || head.contains("content-type: application/problem+json"), "{what}: {response}");
}

/// A request to send a message, of which only this part of the head and the body are out of order.
fn sending(token: &str, head: &str, body: &str) -> Vec<u8> {
    let line = "POST /messages/send_message HTTP/1.1\r\nhost: chat\r\nconnection: close";
    format!("{line}\r\nauthorization: Bearer {token}\r\n{head}\r\n\r\n{body}").into_bytes()
}

end_to_end! {
    async fn a_head_out_of_order_is_refused_and_the_server_goes_on(server: Server) {
        let ann = server.person("ann").await;
        let get = |line: &str, headers: &str| format!("{line}\r\nhost: chat\r\nconnection: close\r\n{headers}\r\n").into_bytes();
        let own = |headers: &str| get("GET /users/me HTTP/1.1", &format!("authorization: Bearer {}\r\n{headers}", ann.token));

        for (what, request) in [
            ("a path of 100 KB", get(&format!("GET /{} HTTP/1.1", "x".repeat(100_000)), "")),
            ("a header of 2 MB", own(&format!("x: {}\r\n", "y".repeat(2_000_000)))),
            ("a head of a thousand headers", own(&"x: y\r\n".repeat(1_000))),
            ("a header without a colon", own("nonsense\r\n")),
            ("a header without a name", own(": y\r\n")),
            ("a space before the colon", own("x : y\r\n")),
            ("a header that is folded", own("x: y\r\n z\r\n")),
            ("a NUL in a header", own("x: a\0b\r\n")),
            ("a lone carriage return", own("x: a\rb\r\n")),
            ("a NUL in the path", get("GET /users/\0 HTTP/1.1", "")),
            ("a space in the path", get("GET /users/a b HTTP/1.1", "")),
            ("no path", get("GET  HTTP/1.1", "")),
            ("a method that is none", get("G@T /users HTTP/1.1", "")),
            ("a method in lower case", get("get /users/me HTTP/1.1", "")),
            ("a method of 10 KB", get(&format!("{} /users HTTP/1.1", "G".repeat(10_000)), "")),
            ("HTTP/0.9", b"GET /users\r\n".to_vec()),
            ("the greeting of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
            ("half a head", b"GET /users/me HTTP/1.1\r\nhost: ch".to_vec()),
            ("nothing", vec![]),
            ("a login that is no text", [&b"GET /users/me HTTP/1.1\r\nconnection: close\r\nauthorization: Bearer "[..], &[0xff; 4_000], b"\r\n\r\n"].concat()),
            ("a wrong login before the right one", get("GET /users/me HTTP/1.1", &format!("authorization: Bearer x\r\nauthorization: Bearer {}\r\n", ann.token))),
        ] {
            is_refused(what, &exchange(&server, what, &request).await);
        }

        ann.get("/users/me").await.expect(200);
    }

    async fn a_body_that_is_framed_wrongly_is_refused_and_nothing_is_stored(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let body = format!(r#"{{"receiver_id":{group},"content":"hi"}}"#);
        let length = body.len();
        let chunked = |chunks: &str| sending(&ann.token, "transfer-encoding: chunked", chunks);

        for (what, request) in [
            ("less than was said", sending(&ann.token, &format!("content-length: {}", length + 1), &body)),
            ("nothing of what was said", sending(&ann.token, "content-length: 5", "")),
            ("two lengths", sending(&ann.token, &format!("content-length: {length}\r\ncontent-length: 1"), &body)),
            ("a list of lengths", sending(&ann.token, &format!("content-length: {length}, 1"), &body)),
            ("a negative length", sending(&ann.token, "content-length: -1", &body)),
            ("a length with a sign", sending(&ann.token, &format!("content-length: +{length}"), &body)),
            ("a length in hexadecimal", sending(&ann.token, &format!("content-length: 0x{length:x}"), &body)),
            ("a length beyond all numbers", sending(&ann.token, &format!("content-length: {}", "9".repeat(50)), &body)),
            ("an unknown encoding", sending(&ann.token, "transfer-encoding: gzip", &body)),
            ("chunks that are encoded again", sending(&ann.token, "transfer-encoding: chunked, gzip", &body)),
            ("a chunk without an end", chunked(&format!("{length:x}\r\n{body}"))),
            ("chunks without an end", chunked(&format!("{length:x}\r\n{body}\r\n"))),
            ("a chunk of more than it says", chunked(&format!("{:x}\r\n{body}\r\n0\r\n\r\n", length - 1))),
            ("a chunk of no number", chunked(&format!("zz\r\n{body}\r\n0\r\n\r\n"))),
            ("a chunk of a negative number", chunked(&format!("-{length:x}\r\n{body}\r\n0\r\n\r\n"))),
            ("a chunk beyond all numbers", chunked(&format!("{}\r\n{body}\r\n0\r\n\r\n", "f".repeat(17)))),
            ("a chunk of an endless extension", chunked(&format!("{length:x};{}\r\n{body}\r\n0\r\n\r\n", "x".repeat(100_000)))),
            ("endless trailers", chunked(&format!("{length:x}\r\n{body}\r\n0\r\n{}\r\n", "x: y\r\n".repeat(100_000)))),
            ("a number of 10,000 digits", sending(&ann.token, "transfer-encoding: chunked", &{
                let body = format!(r#"{{"receiver_id":{},"content":"hi"}}"#, "9".repeat(10_000));
                format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
            })),
        ] {
            is_refused(what, &exchange(&server, what, &request).await);
        }

        let stored = ann.get(&format!("/conversations/{group}/messages")).await.expect(200);
        assert_eq!(stored["messages"], serde_json::json!([]));
    }

    /// What a proxy and a server might read differently (RFC 9112, section 11.2).
    async fn a_body_of_two_framings_hides_no_second_request(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let body = format!(r#"{{"receiver_id":{group},"content":"hidden"}}"#);
        let hidden = sending(&ann.token, &format!("content-length: {}", body.len()), &body);
        let head = format!("content-length: {}\r\ntransfer-encoding: chunked", hidden.len() + 5);
        let outer = sending(&ann.token, &head, &format!("0\r\n\r\n{}", String::from_utf8(hidden).unwrap()));

        let response = exchange(&server, "two framings", &outer).await;

        assert_eq!(response.matches("HTTP/1.1 ").count(), 1, "{response}");
        is_refused("two framings", &response);
        let stored = ann.get(&format!("/conversations/{group}/messages")).await.expect(200);
        assert_eq!(stored["messages"], serde_json::json!([]));
    }
}

/// The program keeps such a target from warp, which panics at it.
#[tokio::test]
async fn a_target_without_a_path_leads_nowhere() {
    let server = Server::start(Kind::Program).await;

    for line in ["GET users HTTP/1.1", "CONNECT chat:80 HTTP/1.1", "OPTIONS * HTTP/1.1"] {
        let response =
            exchange(&server, line, format!("{line}\r\nhost: chat\r\nconnection: close\r\n\r\n").as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 404 "), "{line}: {response}");
    }
}
