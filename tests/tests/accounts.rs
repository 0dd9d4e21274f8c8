//! Registering, logging in, refreshing, logging out, one's own profile and logins, and deleting oneself.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Person, Server, end_to_end};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

fn credentials(username: &str) -> Value {
    json!({ "username": username, "password": Person::PASSWORD })
}

async fn as_holder(server: &Server, token: &Value) -> Answer {
    Answer::to(server.request(Method::GET, "/users/me").bearer_auth(token.as_str().unwrap())).await
}

fn cookie(headers: &HeaderMap) -> &str {
    headers.get("set-cookie").unwrap().to_str().unwrap()
}

end_to_end! {
    async fn registering_answers_with_the_whole_account(server: Server) {
        let account = json!({
            "username": "Ann.Lee-1_x", "password": Person::PASSWORD, "password2": Person::PASSWORD,
            "email": "ann@example.org", "full_name": "Ann Lee", "profile_picture": "https://example.org/ann.png",
            "public_key": "a key",
        });
        let ann = server.post("/users/register", account).await.expect(201);
        assert!(ann["id"].as_i64().unwrap() > 0 && ann["created_at"].as_i64().unwrap() > 0);
        let expected = json!({
            "id": ann["id"], "username": "Ann.Lee-1_x", "fullname": "Ann Lee", "email": "ann@example.org",
            "email_verified": false, "profile_picture": "https://example.org/ann.png", "public_key": "a key",
            "is_online": false, "last_online": ann["created_at"], "created_at": ann["created_at"],
        });
        assert_eq!(ann, expected);
    }

    async fn a_username_and_a_password_are_enough(server: Server) {
        let ann = server.post("/users/register/", credentials("ann")).await.expect(201);
        assert_eq!(ann["fullname"], "ann");
        for empty in ["email", "profile_picture", "public_key"] {
            assert_eq!(ann[empty], Value::Null);
        }
    }

    async fn the_full_name_has_several_spellings(server: Server) {
        for (username, names) in [
            ("a", json!({ "full_name": "Ann Lee" })),
            ("b", json!({ "fullname": "Ann Lee" })),
            ("c", json!({ "first_name": "Ann", "last_name": "Lee" })),
            ("d", json!({ "full_name": "Ann Lee", "first_name": "Someone", "last_name": "Else" })),
        ] {
            let mut account = credentials(username);
            account.as_object_mut().unwrap().extend(names.as_object().unwrap().clone());
            assert_eq!(server.post("/users/register", account).await.expect(201)["fullname"], "Ann Lee");
        }
    }

    async fn a_taken_username_or_address_is_a_conflict_that_names_it(server: Server) {
        let account =
            |username: &str, email: &str| json!({ "username": username, "password": Person::PASSWORD, "email": email });
        server.post("/users/register", account("ann", "ann@example.org")).await.expect(201);
        for (username, email, field) in [
            ("ann", "other@example.org", "username"),
            ("ANN", "other@example.org", "username"),
            ("bob", "ann@example.org", "email"),
            ("bob", "ANN@Example.ORG", "email"),
        ] {
            let answer = server.post("/users/register", account(username, email)).await;
            answer.refuses(409, "conflict");
            assert_eq!(answer.body["errors"][0]["field"], field);
        }
        server.post("/users/register", account("bob", "other@example.org")).await.expect(201);
    }

    async fn of_many_who_want_one_username_one_gets_it(server: Server) {
        let tries = (0..8).map(|_| server.post("/users/register", credentials("ann")));
        let mut statuses: Vec<_> = futures::future::join_all(tries).await.iter().map(|a| a.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    }

    async fn passwords_that_differ_are_refused(server: Server) {
        let mut account = credentials("ann");
        account["password2"] = json!("another horse");
        server.post("/users/register", account).await.blames("password2");
        server.post("/users/register", credentials("ann")).await.expect(201);
    }

    async fn logging_in_answers_with_two_tokens_the_user_and_the_cookie(server: Server) {
        let mut account = credentials("ann");
        account["email"] = json!("ann@example.org");
        let ann = server.post("/users/register", account).await.expect(201);
        for (path, credentials) in [
            ("/users/login", credentials("ann")),
            ("/users/token", credentials("ann")),
            ("/users/token/", credentials("ANN")),
            ("/users/login", json!({ "email": "ann@example.org", "password": Person::PASSWORD })),
            ("/users/token", json!({ "email": "Ann@Example.org", "password": Person::PASSWORD })),
        ] {
            let answer = server.post(path, credentials).await;
            let attributes = "; HttpOnly; Max-Age=3600; Path=/; SameSite=Lax; Secure";
            let token = answer.body["access_token"].as_str().unwrap();
            assert_eq!(cookie(&answer.headers), format!("login-token={token}{attributes}"));
            let login = answer.expect(200);
            assert_eq!((&login["token_type"], &login["expires_in"]), (&json!("bearer"), &json!(3600)));
            assert_eq!(login["user"], ann);
            assert!(login["refresh_token"].as_str().unwrap().len() > 20);
            assert_eq!(as_holder(&server, &login["access_token"]).await.expect(200), ann);
        }
    }

    async fn wrong_credentials_are_all_refused_alike(server: Server) {
        server.person("ann").await;
        let wrong = server.post("/users/login", json!({ "username": "ann", "password": "wrong horse" })).await;
        wrong.refuses(401, "unauthorized");
        for path in ["/users/login", "/users/token"] {
            for unknown in [
                json!({ "username": "bob", "password": Person::PASSWORD }),
                json!({ "username": "no name!", "password": Person::PASSWORD }),
                json!({ "email": "ann@example.org", "password": Person::PASSWORD }),
                json!({ "email": "no address", "password": Person::PASSWORD }),
                json!({ "username": "ann", "password": "" }),
            ] {
                let answer = server.post(path, unknown).await;
                assert_eq!((answer.status, answer.text), (wrong.status, wrong.text.clone()));
            }
        }
    }

    async fn what_a_login_lacks_is_named(server: Server) {
        for path in ["/users/login", "/users/token"] {
            server.post(path, json!({ "username": "ann" })).await.blames("password");
            server.post(path, json!({ "password": Person::PASSWORD })).await.blames("username");
        }
        server.post("/users/token/refresh", json!({})).await.blames("refresh_token");
    }

    async fn a_refresh_token_is_good_for_one_new_pair(server: Server) {
        let ann = server.person("ann").await;
        let refreshed = server.post("/users/token/refresh", json!({ "refresh_token": ann.refresh_token })).await;
        assert!(cookie(&refreshed.headers).starts_with("login-token="));
        let pair = refreshed.expect(200);
        assert_eq!((&pair["token_type"], &pair["user"]["username"]), (&json!("bearer"), &json!("ann")));
        assert_ne!(pair["refresh_token"], ann.refresh_token);
        assert_ne!(pair["access_token"], ann.token);
        as_holder(&server, &pair["access_token"]).await.expect(200);
        // It is still the same login, so the first access token lives as long as it says.
        ann.get("/users/me").await.expect(200);
        assert_eq!(ann.get("/users/me/logins").await.expect(200)["logins"].as_array().unwrap().len(), 1);
        server.post("/users/token/refresh", json!({ "refresh_token": pair["refresh_token"] })).await.expect(200);
    }

    async fn using_a_refresh_token_twice_revokes_its_login(server: Server) {
        let ann = server.person("ann").await;
        let elsewhere = Person::log_in(&server, "ann").await;
        let mut socket = ann.socket().await;
        let spent = json!({ "refresh_token": ann.refresh_token });
        let pair = server.post("/users/token/refresh", spent.clone()).await.expect(200);

        server.post("/users/token/refresh", spent.clone()).await.refuses(401, "unauthorized");

        assert_eq!(u16::from(socket.closed().await.unwrap().code), 4401);
        ann.get("/users/me").await.refuses(401, "unauthorized");
        as_holder(&server, &pair["access_token"]).await.refuses(401, "unauthorized");
        let newest = json!({ "refresh_token": pair["refresh_token"] });
        server.post("/users/token/refresh", newest).await.refuses(401, "unauthorized");
        elsewhere.get("/users/me").await.expect(200);
    }

    async fn what_is_no_refresh_token_is_refused(server: Server) {
        let ann = server.person("ann").await;
        for token in ["", "nonsense", ann.token.as_str()] {
            let refresh = server.post("/users/token/refresh", json!({ "refresh_token": token })).await;
            refresh.refuses(401, "unauthorized");
        }
        let access = Answer::to(server.request(Method::GET, "/users/me").bearer_auth(&ann.refresh_token)).await;
        access.refuses(401, "unauthorized");
    }

    async fn logging_out_ends_the_login_its_sockets_and_its_cookie(server: Server) {
        let ann = server.person("ann").await;
        let elsewhere = Person::log_in(&server, "ann").await;
        let (mut first, mut second) = (ann.socket().await, ann.socket().await);
        let mut kept = elsewhere.socket().await;

        let out = Answer::to(ann.request(Method::POST, "/users/logout")).await;

        assert_eq!((out.status.as_u16(), out.text.as_str()), (204, ""));
        assert_eq!(cookie(&out.headers), "login-token=; HttpOnly; Max-Age=0; Path=/; SameSite=Lax; Secure");
        for socket in [&mut first, &mut second] {
            assert_eq!(u16::from(socket.closed().await.unwrap().code), 4401);
        }
        ann.get("/users/me").await.refuses(401, "unauthorized");
        Answer::to(ann.request(Method::POST, "/users/logout")).await.refuses(401, "unauthorized");
        let refresh = json!({ "refresh_token": ann.refresh_token });
        server.post("/users/token/refresh", refresh).await.refuses(401, "unauthorized");
        assert_eq!(kept.asks(json!({ "type": "ping" })).await["data"], "pong");
        elsewhere.get("/users/me").await.expect(200);
    }

    async fn the_logins_are_listed_and_the_current_one_is_marked(server: Server) {
        let first = server.person("ann").await;
        let second = Person::log_in(&server, "ann").await;
        server.person("bob").await;
        let listed = second.get("/users/me/logins").await.expect(200);
        assert_eq!(listed["next"], Value::Null);
        let current: Vec<_> = listed["logins"].as_array().unwrap().iter().map(|login| &login["is_current"]).collect();
        assert_eq!(current, [false, true]);
        for login in listed["logins"].as_array().unwrap() {
            assert!(login["expires_at"].as_i64().unwrap() > login["created_at"].as_i64().unwrap());
        }
        let seen_by_first = first.get("/users/me/logins").await.expect(200);
        assert_eq!(seen_by_first["logins"][0]["is_current"], true);
    }

    async fn a_login_is_revoked_from_elsewhere_with_its_sockets(server: Server) {
        let lost = server.person("ann").await;
        let kept = Person::log_in(&server, "ann").await;
        let mut socket = lost.socket().await;
        let login = kept.get("/users/me/logins").await.expect(200)["logins"][0]["id"].clone();

        let revoked = kept.delete(&format!("/users/me/logins/{login}")).await;

        assert_eq!((revoked.status.as_u16(), revoked.text.as_str()), (204, ""));
        assert_eq!(u16::from(socket.closed().await.unwrap().code), 4401);
        lost.get("/users/me").await.refuses(401, "unauthorized");
        assert_eq!(kept.get("/users/me/logins").await.expect(200)["logins"].as_array().unwrap().len(), 1);
        kept.delete(&format!("/users/me/logins/{login}")).await.refuses(404, "not_found");
    }

    async fn other_peoples_logins_do_not_exist(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let login = bob.get("/users/me/logins").await.expect(200)["logins"][0]["id"].clone();
        let foreign = ann.delete(&format!("/users/me/logins/{login}")).await;
        foreign.refuses(404, "not_found");
        assert_eq!(foreign.text, ann.delete("/users/me/logins/999999").await.text);
        bob.get("/users/me").await.expect(200);
    }

    async fn only_oneself_sees_the_address(server: Server) {
        let mut account = credentials("ann");
        account["email"] = json!("ann@example.org");
        let id = server.post("/users/register", account).await.expect(201)["id"].clone();
        let [ann, bob] = [Person::log_in(&server, "ann").await, server.person("bob").await];
        assert_eq!(ann.get("/users/me").await.expect(200)["email"], "ann@example.org");
        for seen in
            [bob.get(&format!("/users/{id}")).await, bob.get("/users").await, ann.get(&format!("/users/{id}")).await]
        {
            assert!(!seen.text.contains("email") && !seen.text.contains("example.org"), "{}", seen.text);
        }
    }

    async fn a_profile_is_changed_field_by_field(server: Server) {
        let ann = server.person("ann").await;
        let before = ann.get("/users/me").await.expect(200);
        for (change, field, value) in [
            (json!({ "full_name": "Ann Lee" }), "fullname", json!("Ann Lee")),
            (json!({ "fullname": "Ann Maria Lee" }), "fullname", json!("Ann Maria Lee")),
            (json!({ "profile_picture": "http://example.org/a" }), "profile_picture", json!("http://example.org/a")),
            (json!({ "public_key": "a key" }), "public_key", json!("a key")),
            (json!({ "public_key": null, "profile_picture": null }), "public_key", Value::Null),
        ] {
            assert_eq!(ann.patch("/users/me", change).await.expect(200)[field], value);
        }
        let mut expected = before;
        expected["fullname"] = json!("Ann Maria Lee");
        assert_eq!(ann.patch("/users/me", json!({})).await.expect(200), expected);
        assert_eq!(ann.get("/users/me/").await.expect(200), expected);
    }

    async fn a_change_that_is_wrong_in_one_field_changes_none(server: Server) {
        let ann = server.person("ann").await;
        let before = ann.get("/users/me").await.expect(200);
        for (field, wrong) in [
            ("profile_picture", json!("ftp://example.org/a")),
            ("profile_picture", json!("javascript:alert(1)")),
            ("profile_picture", json!("https://")),
            ("public_key", json!(5)),
            ("password", json!("xy")),
        ] {
            let mut change = json!({ "full_name": "Ann Lee", "old_password": Person::PASSWORD });
            change[field] = wrong;
            ann.patch("/users/me", change).await.blames(field);
        }
        assert_eq!(ann.get("/users/me").await.expect(200), before);
    }

    async fn changing_the_password_needs_the_old_one_and_ends_the_other_logins(server: Server) {
        let ann = server.person("ann").await;
        let elsewhere = Person::log_in(&server, "ann").await;
        let mut socket = elsewhere.socket().await;
        let new = "battery staple";
        ann.patch("/users/me", json!({ "password": new })).await.blames("old_password");
        let wrong = ann.patch("/users/me", json!({ "password": new, "old_password": "wrong horse" })).await;
        wrong.refuses(403, "forbidden");

        ann.patch("/users/me", json!({ "password": new, "old_password": Person::PASSWORD })).await.expect(200);

        assert_eq!(u16::from(socket.closed().await.unwrap().code), 4401);
        elsewhere.get("/users/me").await.refuses(401, "unauthorized");
        ann.get("/users/me").await.expect(200);
        server.post("/users/login", credentials("ann")).await.refuses(401, "unauthorized");
        server.post("/users/login", json!({ "username": "ann", "password": new })).await.expect(200);
    }

    async fn deleting_oneself_ends_everything_and_frees_the_name(server: Server) {
        for path in ["/users/me", "/users/delete_user/{id}"] {
            let ann = server.person("ann").await;
            let mut socket = ann.socket().await;

            let deleted = ann.delete(&path.replace("{id}", &ann.id.to_string())).await;

            assert!(cookie(&deleted.headers).contains("Max-Age=0"));
            deleted.expect(200);
            assert_eq!(u16::from(socket.closed().await.unwrap().code), 4401);
            ann.get("/users/me").await.refuses(401, "unauthorized");
            server.post("/users/login", credentials("ann")).await.refuses(401, "unauthorized");
            let refresh = json!({ "refresh_token": ann.refresh_token });
            server.post("/users/token/refresh", refresh).await.refuses(401, "unauthorized");
        }
        let again = server.person("ann").await;
        assert_eq!(again.get("/conversations").await.expect(200)["conversations"], json!([]));
    }

    async fn deleting_oneself_answers_with_who_one_was(server: Server) {
        let ann = server.person("ann").await;
        let me = ann.get("/users/me").await.expect(200);
        assert_eq!(ann.delete("/users/me").await.expect(200), me);
    }

    async fn nobody_deletes_someone_else_or_learns_who_exists(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let refused = ann.delete(&format!("/users/delete_user/{}", bob.id)).await;
        refused.refuses(403, "forbidden");
        assert_eq!(ann.delete("/users/delete_user/999999").await.text, refused.text);
        bob.get("/users/me").await.expect(200);
    }

    async fn deleting_a_user_removes_messages_and_memberships(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob, &cleo]).await;
        let said = ann.send(group, "my words").await;
        bob.send(group, "other words").await;
        let alone = ann.group(&[]).await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201)["id"].clone();
        let mut at_bob = bob.socket().await;

        ann.delete(&format!("/users/delete_user/{}", ann.id)).await.expect(200);

        let left = at_bob.hear_of("leave_conversation").await;
        assert!(left["data"]["seq"].as_i64().is_some() && left["data"]["messages_deleted"] == true);
        let members = bob.get(&format!("/groups/{group}")).await.expect(200);
        let heirs: Vec<_> = members["members"].as_array().unwrap().iter().filter(|m| m["role"] == "owner").collect();
        assert_eq!((members["member_count"].clone(), heirs.len()), (json!(2), 1));
        let history = bob.get(&format!("/conversations/{group}/messages")).await;
        let events = bob.get(&format!("/conversations/{group}/events")).await;
        let message = bob.get(&format!("/messages/{}", said["id"])).await;
        for seen in [&history, &events, &message, &bob.get("/users").await, &bob.get("/conversations").await] {
            assert!(!seen.text.contains("my words") && !seen.text.contains("\"ann\""), "{}", seen.text);
        }
        assert!(history.text.contains("other words"));
        assert_eq!((&message.body["content"], &message.body["deleted"]), (&json!(""), &json!(true)));
        bob.get(&format!("/users/{}", ann.id)).await.refuses(404, "not_found");
        bob.get("/users/user_id/ann").await.refuses(404, "not_found");
        bob.get(&format!("/groups/{alone}")).await.refuses(404, "not_found");
        bob.get(&format!("/conversations/{direct}/messages")).await.expect(200);

        let again = server.person("ann").await;
        assert_ne!(again.id, ann.id);
        again.get(&format!("/groups/{group}")).await.refuses(404, "not_found");
        again.get(&format!("/messages/{}", said["id"])).await.refuses(404, "not_found");
    }
}

#[tokio::test]
async fn the_public_half_of_the_key_file_is_published_and_nothing_else_of_it() {
    let server = Server::start_with_key_file().await;
    let answer = server.get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let keys = answer.expect(200);
    let [key] = keys["keys"].as_array().unwrap().as_slice() else { panic!("one key: {keys}") };
    assert_eq!((&key["kty"], &key["alg"]), (&json!("RSA"), &json!("RS256")));
    assert!(key["n"].as_str().unwrap().len() > 300 && key["e"] == "AQAB");
    for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert_eq!(key[private], Value::Null);
    }
}

#[tokio::test]
async fn a_restart_keeps_logins_valid() {
    let server = Server::start_with_key_file().await;
    let ann = server.person("ann").await;
    let server = server.restart().await;
    let me = Answer::to(server.request(Method::GET, "/users/me").bearer_auth(&ann.token)).await;
    assert_eq!(me.expect(200)["username"], "ann");
    let refresh = json!({ "refresh_token": ann.refresh_token });
    server.post("/users/token/refresh", refresh).await.expect(200);
}
