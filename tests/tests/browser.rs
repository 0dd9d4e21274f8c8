//! What browsers are told, and what they may do for pages of others: a walk over every documented route, and the pages.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Kind, Person, Server, end_to_end};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const FOREIGN: &str = "https://evil.example";
/// What anyone may keep, since it is the same for everyone.
const KEPT: [&str; 4] = ["/.well-known/jwks.json", "/openapi.json", "/schema", "/asyncapi.yaml"];

/// A documented operation on things that exist.
struct Operation {
    method: Method,
    path: String,
}

/// Every operation; those that end a login or a user are the last.
async fn operations(ann: &Person, bob: &Person) -> Vec<Operation> {
    let group = ann.group(&[bob]).await;
    let message = ann.send(group, "hello").await["id"].as_i64().unwrap();
    let document = chat_warp::openapi();
    let mut operations = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        let id = match path.split('/').nth(1).unwrap() {
            "groups" | "conversations" => group,
            "messages" => message,
            _ => bob.id,
        };
        let path = path.replace("{id}", &id.to_string()).replace("{user_id}", &bob.id.to_string());
        let path = path.replace("{username}", &bob.username);
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            operations.push(Operation { method, path: path.clone() });
        }
    }
    assert!(operations.len() > 50);
    operations.sort_by_key(|Operation { method, path }| *method == Method::DELETE || path == "/users/logout");
    operations
}

/// Makes a request with the cookie of someone, as a browser does for a page of this origin.
async fn browse(server: &Server, person: Option<&Person>, operation: &Operation, origin: Option<&str>) -> Response {
    let mut request = server.request(operation.method.clone(), &operation.path);
    if let Some(person) = person {
        request = request.header("cookie", format!("login-token={}", person.token));
    }
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    if operation.path.starts_with("/ws") {
        request = request.header("connection", "upgrade").header("upgrade", "websocket");
        request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    request.send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Checks a cookie that shows who someone is, or takes one away.
#[track_caller]
fn check_cookie(answer: &Response) {
    let cookie = header(answer, "set-cookie");
    let mut parts: Vec<_> = cookie.split("; ").skip(1).filter(|part| !part.starts_with("Max-Age=")).collect();
    parts.sort_unstable();
    assert!(cookie.starts_with("login-token="), "{cookie}");
    assert_eq!(parts, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"], "{cookie}");
}

end_to_end! {
    with guests;

    async fn no_answer_is_kept_or_shown_as_anything_but_what_it_is(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        for operation in operations(&ann, &bob).await {
            for person in [None, Some(&ann)] {
                let answer = browse(&server, person, &operation, None).await;
                let name = format!("{} {} {}", operation.method, operation.path, answer.status());
                for (header_name, expected) in [
                    ("x-content-type-options", "nosniff"),
                    ("x-frame-options", "DENY"),
                    ("referrer-policy", "no-referrer"),
                    ("cross-origin-resource-policy", "same-origin"),
                    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                    ("strict-transport-security", ""),
                ] {
                    assert_eq!(header(&answer, header_name), expected, "{name}: {header_name}");
                }
                if !KEPT.contains(&operation.path.as_str()) {
                    assert_eq!(header(&answer, "cache-control"), "no-store", "{name}");
                }
            }
        }
    }

    async fn a_page_of_a_foreign_origin_changes_nothing_and_opens_no_socket_with_a_cookie(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        for operation in operations(&ann, &bob).await {
            let is_refused = !operation.method.is_safe() || operation.path.starts_with("/ws");
            let answer = browse(&server, Some(&ann), &operation, Some(FOREIGN)).await;
            let name = format!("{} {} {}", operation.method, operation.path, answer.status());
            assert_eq!(answer.status() == 403, is_refused, "{name}");
            assert_eq!(header(&answer, "access-control-allow-origin"), "", "{name}");
            if is_refused {
                let said = answer.text().await.unwrap();
                assert!(said.contains("pages of this origin may not do this"), "{name}: {said}");
            }
        }
        // A socket that names its token in the address is no exception.
        for path in ["/ws".to_owned(), format!("/ws/chat/{}", bob.id)] {
            let operation = Operation { method: Method::GET, path: format!("{path}?token={}", ann.token) };
            assert_eq!(browse(&server, None, &operation, Some(FOREIGN)).await.status(), 403, "{path}");
            assert_eq!(browse(&server, None, &operation, None).await.status(), 101, "{path}");
        }
        ann.get("/users/me").await.expect(200);
    }

    async fn whoever_logs_in_or_out_gets_a_cookie_that_scripts_and_other_sites_do_not(server: Server) {
        let ann = server.person("ann").await;
        let credentials = json!({ "username": "ann", "password": Person::PASSWORD });
        let post = async |path: &str, body: &Value| {
            let answer = server.request(Method::POST, path).body(body.to_string()).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            answer
        };
        for path in ["/users/login", "/users/token", "/auth/login"] {
            check_cookie(&post(path, &credentials).await);
        }
        check_cookie(&post("/users/guest", &json!({ "email": "guest@example.org" })).await);
        check_cookie(&post("/users/token/refresh", &json!({ "refresh_token": ann.refresh_token })).await);
        let logout = ann.request(Method::POST, "/users/logout").send().await.unwrap();
        check_cookie(&logout);
        assert!(header(&logout, "set-cookie").contains("Max-Age=0"));
    }
}

#[tokio::test]
async fn pages_run_nothing_foreign_ask_for_nothing_and_are_framed_by_nobody() {
    let server = Server::start(Kind::Program).await;
    for path in ["/", "/schema/swagger-ui"] {
        let page = server.request(Method::GET, path).send().await.unwrap();
        let policy = header(&page, "content-security-policy").to_owned();
        for part in ["default-src 'self';", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("script-src") || !policy.contains("unsafe-eval"), "{path}: {policy}");
        for (name, expected) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(header(&page, name), expected, "{path}: {name}");
        }
        for denied in ["camera=()", "microphone=()", "geolocation=()"] {
            assert!(header(&page, "permissions-policy").contains(denied), "{path}: {denied}");
        }
        let text = page.text().await.unwrap();
        let file = text.split('"').find(|part| part.ends_with(".js")).unwrap();
        let file = format!("/{}", file.trim_start_matches('/'));
        let file = server.request(Method::GET, &file).send().await.unwrap();
        assert_eq!(file.status(), 200, "{path}");
        assert_eq!(header(&file, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&file, "cross-origin-resource-policy"), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn browsers_are_held_to_tls_where_the_address_of_the_server_says_so() {
    let server = Server::start_with(&["--public-url", "https://chat.example.org"]).await;
    for path in ["/", "/misc/ping", "/users/me", "/nothing"] {
        let answer = server.request(Method::GET, path).send().await.unwrap();
        assert_eq!(header(&answer, "strict-transport-security"), "max-age=31536000", "{path}");
    }
    let plain = Server::start(Kind::Program).await;
    let answer = plain.request(Method::GET, "/").send().await.unwrap();
    assert_eq!(header(&answer, "strict-transport-security"), "");
}
