//! The start with one field: guests come with an address, talk like everyone, and take over nobody's account.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Person, Server, end_to_end};
use reqwest::Method;
use serde_json::json;

async fn guest(server: &Server, email: &str) -> Person {
    Person::of(server, &server.post("/users/guest", json!({ "email": email })).await.expect(200))
}

/// Where there is no such route, it reads like the id of a user, which nobody can send anything to.
async fn is_unknown(server: &Server) {
    server.post("/users/guest", json!({ "email": "ann@example.org" })).await.refuses(405, "method_not_allowed");
    let listed = Answer::to(server.request(Method::OPTIONS, "/users/guest")).await;
    assert!(!listed.header("allow").contains("POST"), "{listed:?}");
}

end_to_end! { with guests;
    async fn one_field_is_enough_to_log_in(server: Server) {
        let answer = server.post("/users/guest/", json!({ "email": "ann@example.org" })).await;
        let cookie = answer.header("set-cookie").to_owned();
        let login = answer.expect(200);
        assert_eq!((&login["token_type"], &login["expires_in"]), (&json!("bearer"), &json!(3_600)));
        assert_eq!(cookie.split(';').next().unwrap(), format!("login-token={}", login["access_token"].as_str().unwrap()));
        let ann = Person::of(&server, &login);
        let me = ann.get("/users/me").await.expect(200);
        assert_eq!((&me["username"], &me["email"]), (&json!("ann"), &json!("ann@example.org")));
        server.post("/users/token/refresh", json!({ "refresh_token": ann.refresh_token })).await.expect(200);
        let offered = Answer::to(server.request(Method::OPTIONS, "/users/guest")).await;
        assert!(offered.header("allow").contains("POST"), "{offered:?}");
    }

    async fn guests_talk_in_a_group_that_they_find_by_its_name(server: Server) {
        let ann = guest(&server, "ann@example.org").await;
        let made = ann.post("/groups", json!({ "name": "Tea at five", "visibility": "public" })).await.expect(201);
        let bob = guest(&server, "bob@example.org").await;
        let found = bob.get("/groups?visibility=public&search=tea%20at").await.expect(200);
        let group = found["groups"][0]["id"].as_i64().unwrap();
        assert_eq!((json!(group), &found["groups"][0]["name"]), (made["group_id"].clone(), &json!("Tea at five")));

        bob.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
        let (mut at_ann, mut at_bob) = (ann.socket().await, bob.socket().await);
        let hello = json!({ "type": "send_message", "conversation_id": group, "content": "hello" });
        assert_eq!(at_bob.asks(hello).await["data"]["sender_username"], "bob");
        assert_eq!(at_ann.hear_of("send_message").await["data"]["content"], "hello");
    }

    async fn the_same_address_is_the_same_guest_after_a_logout(server: Server) {
        let ann = guest(&server, "ann@example.org").await;
        let group = ann.group(&[]).await;
        ann.send(group, "mine").await;
        Answer::to(ann.request(Method::POST, "/users/logout")).await.expect(204);
        ann.get("/users/me").await.refuses(401, "unauthorized");

        let again = guest(&server, "Ann@Example.org").await;

        assert_eq!((again.id, again.username.as_str()), (ann.id, "ann"));
        let history = again.get(&format!("/conversations/{group}/messages")).await.expect(200);
        assert_eq!(history["messages"][0]["content"], "mine");
    }

    async fn a_name_that_is_taken_gets_a_number(server: Server) {
        let ann = server.person("ann").await;
        let guest = guest(&server, "ann@example.org").await;
        assert_ne!(guest.id, ann.id);
        assert!(guest.username.starts_with("ann-"), "{}", guest.username);
    }

    async fn a_guest_never_takes_over_an_account_that_has_a_password(server: Server) {
        let account = json!({ "username": "ann", "password": Person::PASSWORD, "email": "ann@example.org" });
        server.post("/users/register", account).await.expect(201);
        let refused = server.post("/users/guest", json!({ "email": "ANN@example.org" })).await;
        refused.refuses(409, "conflict");
        assert_eq!((&refused.body["errors"][0]["field"], refused.header("set-cookie")), (&json!("email"), ""));
        let ann = Person::log_in(&server, "ann").await;
        assert_eq!(ann.get("/users/me/logins").await.expect(200)["logins"].as_array().unwrap().len(), 1);
    }

    async fn what_is_no_address_is_refused(server: Server) {
        server.post("/users/guest", json!({})).await.blames("email");
        for wrong in [json!(""), json!("ann"), json!("@example.org"), json!("a b@example.org"), json!(5)] {
            server.post("/users/guest", json!({ "email": wrong })).await.blames("email");
        }
        assert_eq!(server.person("ann").await.get("/users").await.expect(200)["users"], json!([]));
    }

    async fn a_guest_cannot_do_what_needs_a_password(server: Server) {
        let ann = guest(&server, "ann@example.org").await;
        for guess in ["", "guest"] {
            let credentials = json!({ "username": "ann", "password": guess });
            server.post("/users/login", credentials).await.refuses(401, "unauthorized");
            for change in [json!({ "password": "battery staple" }), json!({ "email": "other@example.org" })] {
                let mut change = change;
                change["old_password"] = json!(guess);
                ann.patch("/users/me", change).await.refuses(403, "forbidden");
            }
        }
        ann.patch("/users/me", json!({ "full_name": "Ann Lee" })).await.expect(200);
        ann.delete("/users/me").await.expect(200);
        assert_ne!(guest(&server, "ann@example.org").await.id, ann.id);
    }

    async fn a_guest_becomes_an_account_by_mail(server: Server) {
        let ann = guest(&server, "ann@example.org").await;
        assert!(server.letters("ann@example.org").is_empty());
        server.post("/users/forgot_password", json!({ "email": "ann@example.org" })).await.expect(202);
        let letter = server.letter("ann@example.org", 1).await;
        let code = letter.text.split_once("&code=").unwrap().1.split_whitespace().next().unwrap().to_owned();
        let reset = json!({ "email": "ann@example.org", "code": code, "password": Person::PASSWORD });

        server.post("/users/reset_password", reset).await.expect(200);

        ann.get("/users/me").await.refuses(401, "unauthorized");
        assert_eq!(Person::log_in(&server, "ann").await.id, ann.id);
        server.post("/users/guest", json!({ "email": "ann@example.org" })).await.refuses(409, "conflict");
    }
}

end_to_end! {
    async fn nobody_is_a_guest_by_default(server: Server) {
        is_unknown(&server).await;
    }
}

#[tokio::test]
async fn in_memory_everything_is_gone_after_a_restart() {
    let server = Server::start_with(&["--storage", "memory", "--guests"]).await;
    let ann = guest(&server, "ann@example.org").await;
    ann.post("/groups", json!({ "name": "Tea", "visibility": "public" })).await.expect(201);
    let before = ann.get("/users/me").await.expect(200);
    assert!(!server.directory().join(".data/chat.db").exists());

    let server = server.restart().await;

    Answer::to(server.request(Method::GET, "/users/me").bearer_auth(&ann.token)).await.refuses(401, "unauthorized");
    let again = guest(&server, "ann@example.org").await;
    assert_eq!(again.get("/groups?visibility=public").await.expect(200)["groups"], json!([]));
    assert_eq!(again.get("/users").await.expect(200)["users"], json!([]));
    assert_eq!(again.get("/users/me").await.expect(200)["email"], before["email"]);
}

#[tokio::test]
async fn guests_are_let_in_by_the_environment_too() {
    let server = Server::start_with_environment(&[("GUESTS", "true"), ("JWTSECRET", "only for tests")]).await;
    guest(&server, "ann@example.org").await;
    assert!(server.log().contains("guests are let in"));
    is_unknown(&Server::start_with_environment(&[("GUESTS", "false"), ("JWTSECRET", "only for tests")]).await).await;
}
