//! The routes that answer in plain text, and what is true of every route: slashes, types, methods, cookies, origins.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Person, Server, Socket, end_to_end};
use reqwest::Method;
use serde_json::{Value, json};

const ALLOWED: &str = "http://localhost:5173";
const FOREIGN: &str = "https://elsewhere.example";

/// Checks an answer of one sentence.
#[track_caller]
fn says(answer: &Answer, status: u16, sentence: &str) {
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (status, sentence));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}

/// Checks a refusal in plain text that speaks of `word`.
#[track_caller]
fn tells(answer: &Answer, status: u16, word: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert!(answer.text.contains(word) && answer.text.lines().count() == 1, "{}", answer.text);
}

fn account(username: &str) -> Value {
    json!({ "username": username, "password": Person::PASSWORD, "fullname": "Ann Lee" })
}

fn cookie(person: &Person) -> String {
    format!("other=1; login-token={}; more=2", person.token)
}

end_to_end! {
    async fn ping_answers_pong(server: Server) {
        for path in ["/misc/ping", "/misc/ping/", "/misc/%70ing", "/misc/ping?unknown=1"] {
            says(&server.get(path).await, 200, "pong");
        }
    }

    async fn a_person_registers_logs_in_and_is_greeted(server: Server) {
        says(&server.post("/register", account("ann")).await, 201, "registered");
        let login = server.post("/auth/login", json!({ "username": "ann", "password": Person::PASSWORD })).await;
        says(&login, 202, "login successful");

        let (pair, attributes) = login.header("set-cookie").split_once("; ").unwrap();
        assert_eq!(attributes, "HttpOnly; Max-Age=3600; Path=/; SameSite=Lax; Secure");
        let token = pair.strip_prefix("login-token=").unwrap();
        for (header, value) in [("cookie", pair.to_owned()), ("authorization", format!("Bearer {token}"))] {
            let verified = Answer::to(server.request(Method::GET, "/auth/verify").header(header, value)).await;
            says(&verified, 200, "Hello, ann");
        }
    }

    async fn a_taken_username_is_a_conflict_whatever_its_case(server: Server) {
        says(&server.post("/register", account("ann")).await, 201, "registered");
        for username in ["ann", "ANN"] {
            tells(&server.post("/register", account(username)).await, 409, "taken");
        }
    }

    async fn what_is_wrong_with_a_registration_is_told_in_a_sentence(server: Server) {
        for (body, word) in [
            (json!({ "password": Person::PASSWORD, "fullname": "Ann" }), "username"),
            (json!({ "username": "ann", "fullname": "Ann" }), "password"),
            (json!({ "username": "ann", "password": Person::PASSWORD }), "fullname"),
            (json!({ "username": "a n", "password": Person::PASSWORD, "fullname": "Ann" }), "username"),
            (json!({ "username": "ann", "password": "xy", "fullname": "Ann" }), "password"),
            (json!({ "username": "ann", "password": Person::PASSWORD, "fullname": 5 }), "full"),
            (json!([]), "JSON object"),
        ] {
            tells(&server.post("/register", body).await, 400, word);
        }
        let malformed = server.request(Method::POST, "/register").body("{");
        tells(&Answer::to(malformed).await, 400, "JSON object");
        says(&server.post("/register", account("ann")).await, 201, "registered");
    }

    async fn full_name_is_another_name_for_fullname(server: Server) {
        for key in ["fullname", "full_name"] {
            let body = json!({ "username": key, "password": Person::PASSWORD, key: "Ann Lee" });
            says(&server.post("/register", body).await, 201, "registered");
            let me = Person::log_in(&server, key).await.get("/users/me").await.expect(200);
            assert_eq!(me["fullname"], "Ann Lee");
        }
    }

    async fn wrong_credentials_are_all_refused_alike(server: Server) {
        server.person("ann").await;
        let wrong_password = server.post("/auth/login", json!({ "username": "ann", "password": "wrong horse" })).await;
        tells(&wrong_password, 401, "wrong username or password");
        for username in ["bob", "no such name!", ""] {
            let answer = server.post("/auth/login", json!({ "username": username, "password": "wrong horse" })).await;
            says(&answer, 401, &wrong_password.text);
        }
        for (body, word) in [(json!({ "username": "ann" }), "password"), (json!({ "password": "x" }), "username")] {
            tells(&server.post("/auth/login", body).await, 400, word);
        }
    }

    async fn nobody_is_greeted_without_a_valid_login(server: Server) {
        let ann = server.person("ann").await;
        tells(&server.get("/auth/verify").await, 401, "logged in");
        let forged = format!("{}x", ann.token);
        for (header, value) in [
            ("authorization", format!("Bearer {forged}")),
            ("authorization", "Bearer".into()),
            ("authorization", format!("Basic {}", ann.token)),
            ("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".into()),
            ("cookie", format!("login-token={forged}")),
            ("cookie", "login-token=".into()),
            ("cookie", format!("not-login-token={}", ann.token)),
        ] {
            let answer = Answer::to(server.request(Method::GET, "/auth/verify").header(header, value)).await;
            assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Bearer"));
        }
    }

    async fn text_routes_refuse_other_methods_and_large_bodies_in_plain_text(server: Server) {
        for (method, path, allowed) in [
            (Method::POST, "/misc/ping", "GET, HEAD, OPTIONS"),
            (Method::GET, "/register", "POST, OPTIONS"),
            (Method::PUT, "/auth/login", "POST, OPTIONS"),
            (Method::DELETE, "/auth/verify", "GET, HEAD, OPTIONS"),
        ] {
            let answer = Answer::to(server.request(method, path)).await;
            tells(&answer, 405, "method");
            assert_eq!(answer.header("allow"), allowed);
        }
        for path in ["/register", "/auth/login"] {
            let body = format!("{{}}{}", " ".repeat(1024 * 1024 - 1));
            tells(&Answer::to(server.request(Method::POST, path).body(body)).await, 413, "too large");
        }
    }

    async fn an_unknown_path_is_not_found_and_an_unknown_method_not_allowed(server: Server) {
        let ann = server.person("ann").await;
        for path in ["/nothing", "/users/me/nothing", "/groups/1/2/3/4", "/misc//ping", "//misc/ping", "/misc/ping//"] {
            ann.get(path).await.refuses(404, "not_found");
        }
        for (method, path, allowed) in [
            (Method::DELETE, "/users", "GET, HEAD, OPTIONS"),
            (Method::GET, "/users/register", "POST, OPTIONS"),
            (Method::POST, "/users/me", "GET, PATCH, DELETE, HEAD, OPTIONS"),
            (Method::POST, "/groups/1", "GET, PATCH, PUT, DELETE, HEAD, OPTIONS"),
            (Method::POST, "/messages/read", "PUT, OPTIONS"),
            (Method::POST, "/messages/1", "GET, PATCH, PUT, DELETE, HEAD, OPTIONS"),
            (Method::POST, "/conversations/direct/1", "PUT, OPTIONS"),
        ] {
            let answer = Answer::to(ann.request(method, path)).await;
            answer.refuses(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), allowed);
        }
    }

    async fn a_trailing_slash_never_matters(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        for path in ["/users/me", "/users", "/groups", "/conversations", &format!("/groups/{group}"), "/healthz"] {
            assert_eq!(ann.get(&format!("{path}/")).await.expect(200), ann.get(path).await.expect(200));
        }
        assert_eq!(ann.get("/users/?limit=1").await.expect(200), ann.get("/users?limit=1").await.expect(200));
        ann.post(&format!("/conversations/{group}/messages/"), json!({ "content": "hello" })).await.expect(201);
    }

    async fn the_content_type_of_a_request_does_not_matter(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        for content_type in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "nonsense"] {
            let request = ann.request(Method::POST, &format!("/conversations/{group}/messages"));
            let request = request.header("content-type", content_type).body(r#"{"content":"a=b&c%20d"}"#);
            assert_eq!(Answer::to(request).await.expect(201)["content"], "a=b&c%20d");
        }
    }

    async fn unknown_keys_are_ignored(server: Server) {
        let ann = server.person("ann").await;
        let body = json!({ "name": "a group", "colour": "red", "id": 5, "nested": { "deep": [1, null] } });
        let group = ann.post("/groups", body).await.expect(201);
        let path = format!("/conversations/{}/messages", group["group_id"]);
        ann.post(&path, json!({ "content": "hello", "seq": 99, "sender_id": 99 })).await.expect(201);
        assert_eq!(ann.get(&path).await.expect(200)["messages"][0]["seq"], 1);
    }

    async fn head_answers_as_get_without_the_body(server: Server) {
        let ann = server.person("ann").await;
        for path in ["/misc/ping", "/users/me", "/healthz"] {
            let head = Answer::to(ann.request(Method::HEAD, path)).await;
            let get = ann.get(path).await;
            assert_eq!((head.status, head.text.as_str()), (get.status, ""));
            assert_eq!(head.header("content-type"), get.header("content-type"));
        }
        Answer::to(server.request(Method::HEAD, "/users/me")).await.expect(401);
    }

    async fn the_cookie_logs_in_wherever_a_token_does(server: Server) {
        let ann = server.person("ann").await;
        let me = Answer::to(server.request(Method::GET, "/users/me").header("cookie", cookie(&ann))).await;
        assert_eq!(me.expect(200)["username"], "ann");
        let create = server.request(Method::POST, "/groups").header("cookie", cookie(&ann));
        Answer::to(create.body(r#"{"name":"a group"}"#)).await.expect(201);
        let url = server.url("/ws").replace("http", "ws");
        let mut socket = Socket::try_open(&url, &[("Cookie", &cookie(&ann))]).await.unwrap();
        assert_eq!(socket.asks(json!({ "type": "self" })).await["data"]["username"], "ann");
    }

    async fn no_answer_may_be_kept_or_taken_for_something_else(server: Server) {
        let ann = server.person("ann").await;
        for answer in [ann.get("/users/me").await, server.get("/misc/ping").await, server.get("/users/me").await] {
            assert_eq!(
                (answer.header("cache-control"), answer.header("x-content-type-options")),
                ("no-store", "nosniff")
            );
        }
    }

    async fn pages_of_allowed_origins_may_read_answers_and_others_may_not(server: Server) {
        let ann = server.person("ann").await;
        for path in ["/users/me", "/nothing", "/misc/ping"] {
            let allowed = Answer::to(ann.request(Method::GET, path).header("origin", ALLOWED)).await;
            assert_eq!(allowed.header("access-control-allow-origin"), ALLOWED);
            assert_eq!(allowed.header("access-control-allow-credentials"), "true");
            assert!(allowed.header("vary").to_ascii_lowercase().contains("origin"));
            for origin in [FOREIGN, "null", "http://localhost:51730", "http://localhost"] {
                let foreign = Answer::to(ann.request(Method::GET, path).header("origin", origin)).await;
                assert_eq!(foreign.header("access-control-allow-origin"), "");
                assert_eq!(foreign.header("access-control-allow-credentials"), "");
            }
        }
    }

    async fn a_preflight_is_answered_for_allowed_origins(server: Server) {
        for path in ["/users/me", "/groups/1", "/register"] {
            let preflight = |origin: &str| {
                let request = server.request(Method::OPTIONS, path).header("origin", origin);
                Answer::to(request.header("access-control-request-method", "DELETE"))
            };
            let allowed = preflight(ALLOWED).await;
            assert_eq!((allowed.status.as_u16(), allowed.text.as_str()), (204, ""));
            assert_eq!(allowed.header("access-control-allow-origin"), ALLOWED);
            assert_eq!(allowed.header("access-control-allow-credentials"), "true");
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                assert!(allowed.header("access-control-allow-methods").contains(method));
            }
            for header in ["authorization", "content-type"] {
                assert!(allowed.header("access-control-allow-headers").contains(header));
            }
            let foreign = preflight(FOREIGN).await;
            assert_eq!(foreign.header("access-control-allow-origin"), "");
            assert_eq!(foreign.header("access-control-allow-methods"), "");
        }
    }

    async fn a_cookie_changes_something_only_for_pages_that_may(server: Server) {
        let ann = server.person("ann").await;
        let create = |origin: Option<&str>| {
            let request = server.request(Method::POST, "/groups").header("cookie", cookie(&ann));
            let request = request.body(r#"{"name":"a group"}"#);
            Answer::to(match origin {
                Some(origin) => request.header("origin", origin),
                None => request,
            })
        };
        let own = server.url("");
        for origin in [None, Some(ALLOWED), Some(own.as_str())] {
            create(origin).await.expect(201);
        }
        for origin in [FOREIGN, "null", "http://127.0.0.1", "http://localhost:5173.elsewhere.example"] {
            create(Some(origin)).await.refuses(403, "forbidden");
        }
        assert_eq!(ann.get("/groups").await.expect(200)["groups"].as_array().unwrap().len(), 3);

        // Reading is safe, since the page cannot see the answer; a token alone is sent on purpose.
        let reading = server.request(Method::GET, "/users/me").header("cookie", cookie(&ann)).header("origin", FOREIGN);
        Answer::to(reading).await.expect(200);
        let on_purpose = ann.request(Method::POST, "/groups").header("origin", FOREIGN).body(r#"{"name":"a group"}"#);
        Answer::to(on_purpose).await.expect(201);

        // With the cookie, a browser had a part in it, whatever else the request carries.
        for cookie in [cookie(&ann), "login-token=".to_owned(), "login-token=expired".to_owned()] {
            for (origin, status) in [(FOREIGN, 403), (ALLOWED, 201)] {
                let both = ann.request(Method::POST, "/groups").header("cookie", &cookie).header("origin", origin);
                Answer::to(both.body(r#"{"name":"a group"}"#)).await.expect(status);
            }
        }
    }

    async fn with_the_cookie_of_someone_no_foreign_page_registers_or_logs_in(server: Server) {
        let ann = server.person("ann").await;
        let credentials = account("ann");
        let refresh = json!({ "refresh_token": ann.refresh_token });
        let ask = |path: &str, body: &Value, with_cookie: bool, origin: &str| {
            let request = server.request(Method::POST, path).header("origin", origin).body(body.to_string());
            Answer::to(if with_cookie { request.header("cookie", cookie(&ann)) } else { request })
        };
        for path in ["/users/login", "/users/token"] {
            ask(path, &credentials, true, FOREIGN).await.refuses(403, "forbidden");
            ask(path, &credentials, true, ALLOWED).await.expect(200);
            ask(path, &credentials, false, FOREIGN).await.expect(200);
        }
        ask("/users/token/refresh", &refresh, true, FOREIGN).await.refuses(403, "forbidden");
        ask("/users/token/refresh", &refresh, true, ALLOWED).await.expect(200);
        ask("/users/register", &account("bob"), true, FOREIGN).await.refuses(403, "forbidden");
        ask("/users/register", &account("bob"), true, ALLOWED).await.expect(201);
        tells(&ask("/auth/login", &credentials, true, FOREIGN).await, 403, "origin");
        says(&ask("/auth/login", &credentials, true, ALLOWED).await, 202, "login successful");
        tells(&ask("/register", &account("cleo"), true, FOREIGN).await, 403, "origin");
        says(&ask("/register", &account("cleo"), true, ALLOWED).await, 201, "registered");
    }

    async fn every_route_that_changes_something_holds_the_cookie_to_the_origin(server: Server) {
        let ann = server.person("ann").await;
        for (method, path) in [
            (Method::POST, "/users/logout"),
            (Method::PATCH, "/users/me"),
            (Method::DELETE, "/users/me"),
            (Method::DELETE, "/users/me/logins/1"),
            (Method::DELETE, "/users/delete_user/1"),
            (Method::POST, "/users/set_typing_status"),
            (Method::POST, "/groups"),
            (Method::POST, "/groups/create_group"),
            (Method::PATCH, "/groups/1"),
            (Method::PUT, "/groups/1"),
            (Method::DELETE, "/groups/1"),
            (Method::POST, "/groups/1/join"),
            (Method::POST, "/groups/1/leave"),
            (Method::PUT, "/groups/1/members/1"),
            (Method::DELETE, "/groups/1/members/1"),
            (Method::POST, "/groups/add_user_to_group"),
            (Method::POST, "/groups/leave_group"),
            (Method::PUT, "/conversations/direct/1"),
            (Method::POST, "/conversations/1/messages"),
            (Method::POST, "/messages/send_message"),
            (Method::PUT, "/messages/read"),
            (Method::PATCH, "/messages/1"),
            (Method::PUT, "/messages/1"),
            (Method::DELETE, "/messages/1"),
        ] {
            let request = server.request(method, path).header("cookie", cookie(&ann)).header("origin", FOREIGN);
            Answer::to(request).await.refuses(403, "forbidden");
        }
        ann.get("/users/me").await.expect(200);
    }

    async fn every_route_for_people_needs_a_login(server: Server) {
        for (method, path) in [
            (Method::POST, "/users/logout"),
            (Method::GET, "/users/me"),
            (Method::PATCH, "/users/me"),
            (Method::DELETE, "/users/me"),
            (Method::GET, "/users/me/logins"),
            (Method::DELETE, "/users/me/logins/1"),
            (Method::GET, "/users"),
            (Method::GET, "/users/1"),
            (Method::GET, "/users/user_id/ann"),
            (Method::GET, "/users/username/1"),
            (Method::DELETE, "/users/delete_user/1"),
            (Method::POST, "/users/set_typing_status"),
            (Method::POST, "/groups"),
            (Method::POST, "/groups/create_group"),
            (Method::GET, "/groups"),
            (Method::GET, "/groups/1"),
            (Method::PATCH, "/groups/1"),
            (Method::PUT, "/groups/1"),
            (Method::DELETE, "/groups/1"),
            (Method::POST, "/groups/1/join"),
            (Method::POST, "/groups/1/leave"),
            (Method::GET, "/groups/1/members"),
            (Method::PUT, "/groups/1/members/1"),
            (Method::DELETE, "/groups/1/members/1"),
            (Method::POST, "/groups/add_user_to_group"),
            (Method::POST, "/groups/leave_group"),
            (Method::GET, "/conversations"),
            (Method::PUT, "/conversations/direct/1"),
            (Method::GET, "/conversations/1/messages"),
            (Method::POST, "/conversations/1/messages"),
            (Method::GET, "/conversations/1/events"),
            (Method::POST, "/messages/send_message"),
            (Method::PUT, "/messages/read"),
            (Method::GET, "/messages/1"),
            (Method::PATCH, "/messages/1"),
            (Method::PUT, "/messages/1"),
            (Method::DELETE, "/messages/1"),
            (Method::GET, "/ws"),
        ] {
            let answer = Answer::to(server.request(method, path)).await;
            answer.refuses(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
        }
    }

    async fn operations_need_no_login(server: Server) {
        assert_eq!(server.get("/healthz").await.expect(200)["status"], "ok");
        assert_eq!(server.get("/readyz").await.expect(200)["status"], "ready");
        // A secret has no public half.
        assert_eq!(server.get("/.well-known/jwks.json").await.expect(200), json!({ "keys": [] }));
    }
}

#[tokio::test]
async fn the_flag_names_the_origins_instead_of_the_default() {
    let server = Server::start_with(&["--cors-allow-origin", "https://one.example,https://two.example/"]).await;
    for (origin, shared) in [("https://one.example", true), ("https://two.example", true), (ALLOWED, false)] {
        let answer = Answer::to(server.request(Method::GET, "/misc/ping").header("origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), if shared { origin } else { "" });
    }
}
