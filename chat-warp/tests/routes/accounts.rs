//! Registering, logging in and out.

use crate::{Answer, Fixture, PASSWORD};
use chat_core::{CloseReason, Outgoing};
use chat_warp::Options;
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test]
async fn a_user_registers_with_a_name_in_parts() {
    let fixture = Fixture::new();
    let body = json!({
        "username": "ann", "password": PASSWORD, "password2": PASSWORD,
        "first_name": "Ann", "last_name": "Lee", "email": "ann@example.org",
    });
    let user = fixture.post("/users/register", body.to_string()).await.expect(201);
    assert_eq!((&user["fullname"], &user["email"]), (&json!("Ann Lee"), &json!("ann@example.org")));
    assert_eq!(user["email_verified"], false);
}

#[tokio::test]
async fn a_repeated_password_must_match() {
    let body = json!({ "username": "ann", "password": PASSWORD, "password2": "something else" });
    assert_eq!(Fixture::new().post("/users/register", body.to_string()).await.wrong_field(422), "password2");
}

#[tokio::test]
async fn a_login_gives_a_pair_of_tokens_and_a_cookie() {
    let fixture = Fixture::new();
    let body = json!({ "username": "ann", "password": PASSWORD, "email": "ann@example.org" });
    fixture.post("/users/register", body.to_string()).await.expect(201);
    for (path, key) in [("/users/login", "username"), ("/users/token", "email")] {
        let login = json!({ key: body[key], "password": PASSWORD });
        let answer = fixture.post(path, login.to_string()).await;
        let pair = answer.expect(200);
        assert_eq!((&pair["token_type"], &pair["expires_in"]), (&json!("bearer"), &json!(3600)));
        assert_eq!(pair["user"]["username"], "ann");
        let cookie = format!("login-token={}; HttpOnly", pair["access_token"].as_str().unwrap());
        assert!(answer.header("set-cookie").starts_with(&cookie));
    }
}

#[tokio::test]
async fn a_name_that_nobody_can_have_is_a_wrong_name() {
    let fixture = Fixture::new();
    for key in ["username", "email"] {
        let login = json!({ key: "no such thing", "password": PASSWORD });
        assert_eq!(fixture.post("/users/login", login.to_string()).await.problem(401), "unauthorized");
    }
    assert_eq!(fixture.post("/users/login", "{\"password\": \"x\"}").await.wrong_field(422), "username");
}

#[tokio::test]
async fn logging_out_ends_the_login_its_sessions_and_the_cookie() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let mut session = fixture.chat.open_session(ann.identity).await.unwrap();

    let answer = fixture.ask(&ann, "POST", "/users/logout", Value::Null).await;

    assert_eq!(answer.status(), 204);
    assert!(answer.header("set-cookie").starts_with("login-token=; HttpOnly; Max-Age=0;"));
    assert_eq!(session.next().await, Outgoing::Close(CloseReason::LoginEnded));
    assert_eq!(fixture.get(&ann, "/users/me").await.problem(401), "unauthorized");
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_login_and_its_sessions() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let mut session = fixture.chat.open_session(ann.identity).await.unwrap();
    let body = json!({ "refresh_token": ann.tokens.refresh_token }).to_string();

    let pair = fixture.post("/users/token/refresh", &body).await.expect(200);
    assert_ne!(pair["refresh_token"], ann.tokens.refresh_token);

    assert_eq!(fixture.post("/users/token/refresh", &body).await.problem(401), "unauthorized");
    assert_eq!(session.next().await, Outgoing::Close(CloseReason::LoginEnded));
}

#[tokio::test]
async fn logins_are_listed_and_revoked() {
    let fixture = Fixture::new();
    let first = fixture.person("ann").await;
    let second = fixture.log_in("ann").await;

    let page = fixture.get(&second, "/users/me/logins").await.expect(200);
    assert_eq!(page["logins"].as_array().unwrap().len(), 2);
    assert_eq!((&page["logins"][1]["is_current"], &page["next"]), (&json!(true), &Value::Null));

    let path = format!("/users/me/logins/{}", first.tokens.login);
    assert_eq!(fixture.ask(&second, "DELETE", &path, Value::Null).await.status(), 204);
    assert_eq!(fixture.get(&first, "/users/me").await.status(), 401);
    assert_eq!(fixture.ask(&second, "DELETE", &path, Value::Null).await.problem(404), "not_found");
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_logins() {
    let fixture = Fixture::new();
    let other = fixture.person("ann").await;
    let ann = fixture.log_in("ann").await;
    let patch = |body| fixture.ask(&ann, "PATCH", "/users/me", body);

    assert_eq!(patch(json!({ "password": "a new horse" })).await.wrong_field(422), "old_password");
    let wrong = json!({ "password": "a new horse", "old_password": "guessed" });
    assert_eq!(patch(wrong).await.problem(403), "forbidden");
    let right = json!({ "password": "a new horse", "old_password": PASSWORD, "full_name": "Ann Lee" });
    assert_eq!(patch(right).await.expect(200)["fullname"], "Ann Lee");

    assert_eq!(fixture.get(&other, "/users/me").await.status(), 401);
    assert_eq!(fixture.get(&ann, "/users/me").await.status(), 200);
}

#[tokio::test]
async fn a_host_with_users_of_its_own_has_no_account_routes() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let options = Options::with_identities(Arc::new(fixture.accounts.clone()));
    let routes = chat_warp::routes(fixture.chat.clone(), options);
    for path in ["/register", "/auth/login", "/users/register", "/users/logout", "/users/me/logins"] {
        let request = warp::test::request().method("POST").path(path).header("authorization", ann.bearer());
        let status = request.reply(&routes).await.status().as_u16();
        assert!(status == 404 || status == 405, "{path}: {status}");
    }
    let me = warp::test::request().path("/users/me").header("authorization", ann.bearer()).reply(&routes).await;
    assert_eq!(me.status(), 200);
    let patch = warp::test::request().method("PATCH").path("/users/me").header("authorization", ann.bearer());
    let patch = Answer(patch.body(r#"{"password": "a new horse"}"#).reply(&routes).await);
    assert_eq!(patch.wrong_field(422), "password");
}

#[tokio::test]
async fn the_public_keys_may_be_kept_by_others() {
    let answer = warp::test::request().path("/.well-known/jwks.json").reply(&Fixture::new().routes).await;
    let answer = Answer(answer);
    assert_eq!(answer.expect(200), json!({ "keys": [] }));
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
}
