//! What is wrong is told in one form.

use crate::{Answer, Fixture};
use serde_json::{Value, json};

async fn plainly(fixture: &Fixture, method: &str, path: &str) -> Answer {
    Answer(warp::test::request().method(method).path(path).reply(&fixture.routes).await)
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let fixture = Fixture::new();
    for path in ["/", "/nothing", "/users/1/nothing", "//users", "/users//", "/groups/1/members/2/3"] {
        assert_eq!(plainly(&fixture, "POST", path).await.problem(404), "not_found", "{path}");
    }
}

#[tokio::test]
async fn an_unknown_method_is_told_the_known_ones() {
    let fixture = Fixture::new();
    let answer = plainly(&fixture, "DELETE", "/conversations/1/messages").await;
    assert_eq!(answer.problem(405), "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, POST, HEAD, OPTIONS");
    assert_eq!(plainly(&fixture, "GET", "/users/login").await.problem(405), "method_not_allowed");

    let options = plainly(&fixture, "OPTIONS", "/users/me").await;
    assert_eq!((options.status(), options.header("allow")), (204, "GET, PATCH, DELETE, HEAD, OPTIONS"));
}

#[tokio::test]
async fn head_is_answered_like_get() {
    let answer = plainly(&Fixture::new(), "HEAD", "/misc/ping").await;
    assert_eq!((answer.status(), answer.header("content-type")), (200, "text/plain; charset=utf-8"));
}

#[tokio::test]
async fn a_trailing_slash_never_matters() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    for path in ["/misc/ping/", "/users/me/", "/users/", "/users/username/1/", "/groups/?limit=1"] {
        assert_eq!(fixture.get(&ann, path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn path_parameters_are_percent_decoded() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann.b").await;
    assert_eq!(fixture.get(&ann, "/users/user_id/ann%2Eb").await.expect(200)["user_id"], ann.id.get());
}

#[tokio::test]
async fn whoever_is_not_logged_in_is_told_how_to_be() {
    let answer = plainly(&Fixture::new(), "GET", "/users/me").await;
    assert_eq!(answer.problem(401), "unauthorized");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn a_bad_id_in_the_path_is_not_found() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    for path in ["/users/x", "/users/0", "/users/99999999999999999999", "/conversations/-1/messages", "/messages/1.5"] {
        assert_eq!(fixture.get(&ann, path).await.problem(404), "not_found", "{path}");
    }
}

#[tokio::test]
async fn a_bad_query_parameter_is_named() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    for query in ["limit=0", "limit=101", "limit=x", "after=x", "after=-1"] {
        let answer = fixture.get(&ann, &format!("/users?{query}")).await;
        assert_eq!(answer.wrong_field(422), query.split('=').next().unwrap());
    }
    assert_eq!(fixture.get(&ann, "/groups?visibility=secret").await.wrong_field(422), "visibility");
    assert_eq!(fixture.get(&ann, "/conversations?before=x").await.wrong_field(422), "before");
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let answer = fixture.ask(&ann, "POST", "/groups", json!({ "name": "" })).await;
    assert_eq!(answer.wrong_field(422), "name");
    assert_eq!(answer.json()["detail"], "name must not be empty");
    let typing = json!({ "is_typing": "yes", "typing_chat_id": 1 });
    assert_eq!(fixture.ask(&ann, "POST", "/users/set_typing_status", typing).await.wrong_field(422), "is_typing");
}

#[tokio::test]
async fn what_is_taken_is_named() {
    let fixture = Fixture::new();
    let ann = json!({ "username": "ann", "password": "long enough", "email": "ann@example.org" });
    fixture.post("/users/register", ann.to_string()).await.expect(201);
    let same_name = json!({ "username": "ANN", "password": "long enough" });
    assert_eq!(fixture.post("/users/register", same_name.to_string()).await.wrong_field(409), "username");
    let same_address = json!({ "username": "bob", "password": "long enough", "email": "Ann@Example.org" });
    assert_eq!(fixture.post("/users/register", same_address.to_string()).await.wrong_field(409), "email");
}

#[tokio::test]
async fn answers_are_not_kept_by_others() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let answer = fixture.ask(&ann, "GET", "/users/me", Value::Null).await;
    assert_eq!((answer.header("cache-control"), answer.header("vary")), ("no-store", "origin"));
}
