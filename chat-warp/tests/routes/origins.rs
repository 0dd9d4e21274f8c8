//! Which pages may act in their users' names.

use crate::{Answer, Fixture, Person};
use warp::test::RequestBuilder;

const ALLOWED: &str = "http://localhost:5173";
const FOREIGN: &str = "https://evil.example";

fn create_group(person: &Person, origin: Option<&str>) -> RequestBuilder {
    let request = warp::test::request().method("POST").path("/groups").header("host", "chat.example:8000");
    let request = request.header("cookie", person.cookie()).body(r#"{"name": "tea"}"#);
    match origin {
        Some(origin) => request.header("origin", origin),
        None => request,
    }
}

#[tokio::test]
async fn a_cookie_acts_for_allowed_pages_only() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    for origin in [None, Some(ALLOWED), Some("https://chat.example:8000"), Some("http://Chat.example:8000")] {
        assert_eq!(create_group(&ann, origin).reply(&fixture.routes).await.status(), 201, "{origin:?}");
    }
    for origin in [FOREIGN, "null", "http://chat.example", "http://chat.example:80001", "http://localhost:51730"] {
        let answer = Answer(create_group(&ann, Some(origin)).reply(&fixture.routes).await);
        assert_eq!(answer.problem(403), "forbidden", "{origin}");
    }
}

#[tokio::test]
async fn a_cookie_may_read_and_a_token_alone_may_act_from_anywhere() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let read = warp::test::request().path("/users/me").header("cookie", ann.cookie()).header("origin", FOREIGN);
    let read = Answer(read.reply(&fixture.routes).await);
    assert_eq!((read.status(), read.header("access-control-allow-origin")), (200, ""));

    // Whatever else a request carries, a browser sent its cookie for a page that has no business here.
    let act = create_group(&ann, Some(FOREIGN)).header("authorization", ann.bearer());
    assert_eq!(act.reply(&fixture.routes).await.status(), 403);
    let act = warp::test::request().method("POST").path("/groups").body(r#"{"name":"tea"}"#).header("origin", FOREIGN);
    assert_eq!(act.header("authorization", ann.bearer()).reply(&fixture.routes).await.status(), 201);
}

#[tokio::test]
async fn allowed_pages_may_read_answers_and_errors() {
    let fixture = Fixture::new();
    for path in ["/misc/ping", "/users/me", "/nothing"] {
        let request = warp::test::request().path(path).header("origin", ALLOWED);
        let answer = Answer(request.reply(&fixture.routes).await);
        assert_eq!(answer.header("access-control-allow-origin"), ALLOWED);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("vary"), "origin");
    }
}

#[tokio::test]
async fn a_preflight_is_answered_for_allowed_pages_only() {
    let fixture = Fixture::new();
    let preflight = |origin| {
        let request = warp::test::request().method("OPTIONS").path("/users/me").header("origin", origin);
        request.header("access-control-request-method", "PATCH")
    };
    let allowed = Answer(preflight(ALLOWED).reply(&fixture.routes).await);
    assert_eq!((allowed.status(), allowed.header("access-control-allow-origin")), (204, ALLOWED));
    assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
    assert_eq!(allowed.header("access-control-allow-headers"), "authorization, content-type");

    let foreign = Answer(preflight(FOREIGN).reply(&fixture.routes).await);
    assert_eq!(foreign.header("access-control-allow-origin"), "");
    assert_eq!(foreign.header("access-control-allow-methods"), "");
}
