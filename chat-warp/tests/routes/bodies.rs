//! Bodies are read whatever they claim to be, and never more than a little too far.

use crate::{Answer, Fixture};
use chat_core::limits::BODY_BYTES_MAX;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn padded(length: usize) -> String {
    let (before, after) = (r#"{"username": "ann", "password": "long enough", "padding": ""#, r#""}"#);
    format!("{before}{}{after}", "x".repeat(length - before.len() - after.len()))
}

#[tokio::test]
async fn a_body_is_json_whatever_it_claims_to_be() {
    let fixture = Fixture::new();
    for (name, claim) in [("ann", "application/x-www-form-urlencoded"), ("bob", "text/html"), ("cem", "")] {
        let body = format!(r#"{{"username": "{name}", "password": "long enough"}}"#);
        let request = warp::test::request().method("POST").path("/users/register").header("content-type", claim);
        assert_eq!(request.body(body).reply(&fixture.routes).await.status(), 201);
    }
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit() {
    let answer = Fixture::new().post("/users/register", padded(BODY_BYTES_MAX)).await;
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let fixture = Fixture::new();
    for length in [BODY_BYTES_MAX + 1, 9 * BODY_BYTES_MAX] {
        assert_eq!(fixture.post("/users/register", padded(length)).await.problem(413), "too_large");
    }
}

#[tokio::test]
async fn a_body_that_does_not_tell_its_length_is_counted() {
    let mut connection = TcpStream::connect(Fixture::new().serve().await).await.unwrap();
    let head = b"POST /register HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    connection.write_all(head).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..2 * BODY_BYTES_MAX / 0x10000 {
        connection.write_all(chunk.as_bytes()).await.unwrap();
    }
    connection.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.ends_with("the request is too large: 1048576 bytes at most"), "{answer}");
}

#[tokio::test]
async fn a_body_that_claims_far_too_much_is_not_read() {
    let fixture = Fixture::new();
    let request = warp::test::request().method("POST").path("/register").body("{}");
    let answer = Answer(request.header("content-length", "999999999999").reply(&fixture.routes).await);
    assert_eq!((answer.status(), answer.header("content-type")), (413, "text/plain; charset=utf-8"));
}

#[tokio::test]
async fn what_is_no_json_object_is_malformed() {
    let fixture = Fixture::new();
    for body in ["[]", "{", "username=ann", "\u{feff}{}"] {
        assert_eq!(fixture.post("/users/register", body).await.problem(400), "malformed");
    }
}

#[tokio::test]
async fn an_empty_body_is_fine_where_no_field_is_required() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let patched = fixture.ask(&ann, "PATCH", "/users/me", serde_json::Value::Null).await;
    assert_eq!(patched.expect(200)["username"], "ann");
    assert_eq!(fixture.post("/users/register", "").await.wrong_field(422), "username");
}
