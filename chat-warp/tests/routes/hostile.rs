//! What strangers may ask: whatever it is, it is answered, and a refusal is a problem of the client's own.

use crate::{Answer, Fixture};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const PATHS: &[&str] = &[
    "/users",
    "/users/me",
    "/users/1",
    "/users/register",
    "/users/login",
    "/users/token/refresh",
    "/users/set_typing_status",
    "/groups",
    "/groups/2",
    "/groups/2/members",
    "/groups/2/members/1",
    "/groups/add_user_to_group",
    "/conversations",
    "/conversations/2/messages",
    "/conversations/2/events",
    "/messages/1",
    "/messages/read",
    "/messages/send_message",
    "/register",
    "/auth/login",
    "/ws",
];
const FIELDS: &[&str] = &[
    "username",
    "password",
    "email",
    "full_name",
    "profile_picture",
    "name",
    "members",
    "visibility",
    "role",
    "content",
    "reply_id",
    "receiver_id",
    "message_ids",
    "group_id",
    "is_typing",
    "typing_chat_id",
    "refresh_token",
];
const PARAMETERS: &[&str] = &["limit", "after", "before", "search", "visibility", "token"];

/// Signs of which a path, or a query, may be made.
fn target() -> impl Strategy<Value = String> {
    let path = prop_oneof![3 => select(PATHS).prop_map(String::from), 1 => "(/[a-z0-9%{}.~*_-]{0,9}){1,4}"];
    let value = prop_oneof!["-?[0-9]{1,20}", "[a-zA-Z%+&=;0-9_.~-]{0,12}", "(%[0-9a-f]{2}){0,8}"];
    let query = prop::collection::vec((select(PARAMETERS), value), 0..4);
    (path, query).prop_map(|(path, query)| {
        let query: Vec<_> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{path}?{}", query.join("&"))
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        (0_i64..4).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(Value::from),
        Just(json!(["bob", null, {}])),
        Just(json!("public")),
        Just(Value::Null),
    ];
    prop_oneof![
        4 => prop::collection::hash_map(select(FIELDS), value, 0..6).prop_map(|fields| json!(fields).to_string().into()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => (1_usize..3_000, select(&["[", "{\"a\":", "-", "\"\\u", "1e"][..])).prop_map(|(times, text)| text.repeat(times).into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_is_done_or_a_problem_of_the_clients_own(
        requests in prop::collection::vec((select(&["GET", "POST", "PUT", "PATCH", "DELETE"][..]), target(), body()), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new();
            let ann = fixture.person("ann").await;
            fixture.ask(&ann, "POST", "/groups", json!({ "name": "tea" })).await.expect(201);
            for (method, target, body) in requests {
                let request = warp::test::request().method(method).path(&target).header("authorization", ann.bearer());
                let answer = Answer(request.body(body).reply(&fixture.routes).await);
                assert!(answer.status() < 500, "{method} {target}: {}", answer.text());
                if answer.status() >= 400 && answer.header("content-type") == "application/problem+json" {
                    let problem = answer.json();
                    assert_eq!(problem["status"], answer.status());
                    assert!(problem["code"].is_string() && problem["detail"].is_string(), "{problem}");
                }
            }
        });
    }
}
