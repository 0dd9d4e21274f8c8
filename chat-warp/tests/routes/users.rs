//! People and their profiles.

use crate::Fixture;
use chat_core::{CloseReason, Outgoing};
use serde_json::{Value, json};

#[tokio::test]
async fn the_list_of_users_leaves_the_caller_out() {
    let fixture = Fixture::new();
    fixture.person("ann").await;
    let bob = fixture.person("bob").await;
    for name in ["cem", "dee"] {
        fixture.person(name).await;
    }
    let first = fixture.get(&bob, "/users?limit=2").await.expect(200);
    assert_eq!(names(&first), ["ann", "cem"]);
    let second = fixture.get(&bob, &format!("/users?limit=2&after={}", first["next"])).await.expect(200);
    assert_eq!((names(&second), &second["next"]), (vec!["dee".to_owned()], &Value::Null));
    assert_eq!(names(&fixture.get(&bob, "/users?search=%45e").await.expect(200)), ["dee"]);
}

fn names(page: &Value) -> Vec<String> {
    page["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_user_is_found_by_id_and_by_name() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let found = fixture.get(&ann, &format!("/users/{}", bob.id)).await.expect(200);
    assert_eq!((&found["username"], found.get("email")), (&json!("bob"), None));
    let id = fixture.get(&ann, "/users/user_id/BOB").await.expect(200);
    assert_eq!(id, json!({ "user_id": bob.id, "public_key": null }));
    let name = fixture.get(&ann, &format!("/users/username/{}", bob.id)).await.expect(200);
    assert_eq!(name, json!({ "username": "bob" }));
    assert_eq!(fixture.get(&ann, "/users/user_id/nobody").await.problem(404), "not_found");
}

#[tokio::test]
async fn a_profile_is_changed_and_emptied() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    let patch = |body| fixture.ask(&ann, "PATCH", "/users/me", body);
    let changed = json!({ "fullname": "Ann", "profile_picture": "https://example.org/a.png", "public_key": "k" });
    let user = patch(changed).await.expect(200);
    assert_eq!((&user["fullname"], &user["public_key"]), (&json!("Ann"), &json!("k")));
    let user = patch(json!({ "public_key": null })).await.expect(200);
    assert_eq!((&user["public_key"], &user["profile_picture"]), (&Value::Null, &json!("https://example.org/a.png")));
}

#[tokio::test]
async fn users_delete_themselves_and_nobody_else() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let mut session = fixture.chat.open_session(ann.identity).await.unwrap();
    let path = format!("/users/delete_user/{}", ann.id);

    assert_eq!(fixture.ask(&bob, "DELETE", &path, Value::Null).await.problem(403), "forbidden");
    let answer = fixture.ask(&ann, "DELETE", &path, Value::Null).await;

    assert_eq!(answer.status(), 200);
    assert!(answer.header("set-cookie").starts_with("login-token=;"));
    assert_eq!(session.next().await, Outgoing::Close(CloseReason::LoginEnded));
    assert_eq!(fixture.ask(&bob, "DELETE", "/users/me", Value::Null).await.expect(200)["username"], "bob");
    assert_eq!(fixture.get(&bob, "/users/me").await.status(), 401);
}

#[tokio::test]
async fn typing_is_shown_to_the_one_written_to() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    fixture.chat.direct(ann.id, bob.id).await.unwrap();
    let mut session = fixture.chat.open_session(bob.identity).await.unwrap();
    let body = json!({ "is_typing": true, "typing_chat_id": bob.id });

    fixture.ask(&ann, "POST", "/users/set_typing_status", body).await.expect(200);

    let Outgoing::Frames(frames) = session.next().await else { panic!("no frame") };
    let frame: Value = serde_json::from_slice(&frames[0]).unwrap();
    assert_eq!((&frame["type"], &frame["data"]["username"]), (&json!("typing"), &json!("ann")));
}
