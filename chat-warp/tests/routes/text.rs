//! The routes that answer in plain text.

use crate::{Answer, Fixture};

const HIZZ: &str = r#"{"username": "hizz", "password": "xyz and more", "fullname": "Snakey"}"#;

fn is_sentence(answer: &Answer, status: u16, sentence: &str) {
    assert_eq!((answer.status(), answer.text()), (status, sentence));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test]
async fn ping_is_answered_by_pong() {
    let answer = warp::test::request().path("/misc/ping").reply(&Fixture::new().routes).await;
    is_sentence(&Answer(answer), 200, "pong");
}

#[tokio::test]
async fn who_registers_and_logs_in_is_greeted() {
    let fixture = Fixture::new();
    is_sentence(&fixture.post("/register", HIZZ).await, 201, "registered");

    let login = fixture.post("/auth/login", HIZZ).await;
    is_sentence(&login, 202, "login successful");
    let (cookie, attributes) = login.header("set-cookie").split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; Max-Age=3600; Path=/; SameSite=Lax; Secure");
    assert!(cookie.starts_with("login-token=ey"));

    let verify = warp::test::request().path("/auth/verify").header("cookie", cookie).reply(&fixture.routes).await;
    is_sentence(&Answer(verify), 200, "Hello, hizz");
}

#[tokio::test]
async fn errors_are_sentences() {
    let fixture = Fixture::new();
    fixture.post("/register", HIZZ).await;

    is_sentence(&fixture.post("/register", HIZZ).await, 409, "this username is taken");
    is_sentence(&fixture.post("/register", r#"{"username": "eve"}"#).await, 400, "password is required");
    let nameless = r#"{"username": "eve", "password": "long enough"}"#;
    is_sentence(&fixture.post("/register", nameless).await, 400, "fullname is required");
    let wrong = r#"{"username": "hizz", "password": "guessed"}"#;
    is_sentence(&fixture.post("/auth/login", wrong).await, 401, "wrong username or password");
    assert_eq!(fixture.post("/auth/login", "hello").await.status(), 400);
    let verify = warp::test::request().path("/auth/verify").reply(&fixture.routes).await;
    is_sentence(&Answer(verify), 401, "this is for those who have logged in");
}
