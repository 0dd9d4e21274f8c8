//! What fields hold: what they cannot is refused by their names, what they can is kept as it is.

use crate::routes::{PATCH, POST, ROUTES, blames};
use crate::scene::{Scene, with, without};
use chat_core::limits::{
    CONTENT_BYTES_MAX, CONVERSATION_NAME_CHARS_MAX, EMAIL_BYTES_MAX, FULLNAME_CHARS_MAX, MEMBERS_AT_CREATION_MAX,
    NONCE_BYTES_MAX, PASSWORD_BYTES_MAX, PUBLIC_KEY_BYTES_MAX, READ_MESSAGES_MAX, URL_BYTES_MAX, USERNAME_CHARS_MAX,
};
use chat_tests::{Answer, Person, end_to_end};
use serde_json::{Value, json};

end_to_end! {
    async fn a_wrong_value_of_any_field_is_refused_by_its_name(server: Server) {
        let scene = Scene::new(&server).await;
        let before = scene.state().await;
        for route in ROUTES {
            for field in route.required.iter().chain(route.optional) {
                let (name, holds) = *field;
                let mut body = scene.body(route, &[*field]);
                if (route.path, name) == ("/register", "full_name") {
                    body = without(&body, "fullname");
                }
                if (route.path, name) == ("/users/me", "password") {
                    body["old_password"] = json!(Person::PASSWORD);
                }
                if route.path == "/register" && ["first_name", "last_name"].contains(&name) {
                    body = without(&body, "fullname");
                }
                for wrong in holds.wrong() {
                    let answer = scene.ask(route, with(&body, name, &wrong).to_string()).await;
                    blames(route, &answer, name, &wrong);
                }
            }
        }
        assert_eq!(scene.state().await, before);
    }

    async fn a_required_field_that_is_absent_or_null_is_asked_for(server: Server) {
        let scene = Scene::new(&server).await;
        let before = scene.state().await;
        for route in ROUTES {
            for (name, _) in route.required {
                let body = scene.body(route, &[]);
                for body in [without(&body, name), with(&body, name, &Value::Null)] {
                    let answer = scene.ask(route, body.to_string()).await;
                    blames(route, &answer, name, &Value::Null);
                    assert!(answer.text.contains("is required"), "{}", answer.text);
                }
            }
            if let Some((first, _)) = route.required.first() {
                for empty in ["", " \r\n", "{}"] {
                    let answer = scene.ask(route, empty).await;
                    assert!([400, 422].contains(&answer.status.as_u16()), "{} {first}: {}", route.path, answer.text);
                    assert!(answer.text.contains("is required"), "{} {first}: {}", route.path, answer.text);
                }
            }
        }
        assert_eq!(scene.state().await, before);
    }

    async fn an_optional_field_may_be_null(server: Server) {
        let scene = Scene::new(&server).await;
        for route in ROUTES.iter().filter(|route| !route.path.ends_with("register")) {
            for (name, _) in route.optional.iter().filter(|(name, _)| !["username", "email"].contains(name)) {
                let body = with(&scene.body(route, &[]), name, &Value::Null);
                let answer = scene.ask(route, body.to_string()).await;
                assert!(answer.status.is_success(), "{} {} {name}: {}", route.method, route.path, answer.text);
            }
        }
    }

    async fn each_field_takes_its_greatest_length_and_keeps_it(server: Server) {
        let scene = Scene::new(&server).await;
        let umlauts = |bytes: usize| "ä".repeat(bytes / 2);
        let label = format!("{}.example.org", "d".repeat(EMAIL_BYTES_MAX - "ann@.example.org".len()));
        for (method, path, field, longest) in [
            (PATCH, "/users/me", "full_name", "ä".repeat(FULLNAME_CHARS_MAX)),
            (PATCH, "/users/me", "profile_picture", format!("https://a/{}", "p".repeat(URL_BYTES_MAX - 10))),
            (PATCH, "/users/me", "public_key", umlauts(PUBLIC_KEY_BYTES_MAX)),
            (POST, "/groups", "name", "ä".repeat(CONVERSATION_NAME_CHARS_MAX)),
            (PATCH, "/groups/{g}", "name", "🫖".repeat(CONVERSATION_NAME_CHARS_MAX)),
            (POST, "/conversations/{g}/messages", "content", umlauts(CONTENT_BYTES_MAX)),
            (PATCH, "/messages/{m}", "content", "🫖".repeat(CONTENT_BYTES_MAX / 4)),
            (POST, "/users/register", "username", "x".repeat(USERNAME_CHARS_MAX)),
            (POST, "/users/register", "email", format!("ann@{label}")),
        ] {
            let mut body = json!({});
            if path == "/users/register" {
                body = json!({ "username": "newcomer", "password": Person::PASSWORD });
            }
            let ask = |value: String| {
                Answer::to(
                    scene
                        .ann
                        .request(method.clone(), &scene.path(path))
                        .body(with(&body, field, &json!(value)).to_string()),
                )
            };
            ask(format!("{longest}x")).await.blames(field);
            let answer = ask(longest.clone()).await;
            assert!(answer.status.is_success(), "{path} {field}: {}", answer.text);
            let kept = if field == "full_name" { "fullname" } else { field };
            assert_eq!(answer.body[kept], longest);
        }
        let nonce = json!({ "content": "hello", "nonce": umlauts(NONCE_BYTES_MAX) });
        scene.ann.post(&scene.path("/conversations/{g}/messages"), nonce.clone()).await.expect(201);
        scene.ann.post(&scene.path("/conversations/{g}/messages"), nonce).await.expect(200);
        let many = json!({ "name": "many", "members": vec!["bob"; MEMBERS_AT_CREATION_MAX] });
        assert_eq!(scene.ann.post("/groups", many).await.expect(201)["member_count"], 2);
        let read = json!({ "message_ids": vec![scene.message["id"].clone(); READ_MESSAGES_MAX] });
        scene.bob.put("/messages/read", read).await.expect(200);
    }

    async fn the_longest_password_logs_in_and_no_other_does(server: Server) {
        let longest = "ä".repeat(PASSWORD_BYTES_MAX / 2);
        let credentials = |password: &str| json!({ "username": "ann", "password": password });
        server.post("/users/register", credentials(&longest)).await.expect(201);
        server.post("/users/login", credentials(&longest)).await.expect(200);
        server.post("/users/login", credentials(&longest[2..])).await.refuses(401, "unauthorized");
        server.post("/users/login", credentials(&format!("{longest}x"))).await.blames("password");
    }

    async fn what_people_type_is_kept_as_it_is(server: Server) {
        let scene = Scene::new(&server).await;
        for content in [
            "'; DROP TABLE messages; --",
            "<script>alert(1)</script>",
            "%00 \\u0000 ${x} {{y}}",
            "line\r\nline\ttab",
            "\u{202e}right to left\u{feff}",
            "\u{1}\u{7f}\u{ffff}\u{10ffff}",
            "null",
            "e\u{301} \u{e9}",
        ] {
            assert_eq!(scene.ann.send(scene.group, content).await["content"], content);
        }
    }
}
