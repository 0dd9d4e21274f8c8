//! Bad input to every request of the event socket: the error names the field, the socket lives on, nothing is stored.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Socket, end_to_end};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// What a field holds, and so what it cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Id,
    Bool,
    /// At most this many bytes.
    Text(usize),
    /// Only letters, digits and a few signs.
    Name,
    Names,
    /// One of a few words.
    Word,
    /// Any text at all.
    Token,
    /// A place in each of some conversations.
    Places,
}

/// A field of a request.
struct Field(&'static str, Holds);

/// A request with all its fields in order, those that must be there, and those that may be left out.
struct Request {
    good: Value,
    required: Vec<Field>,
    optional: Vec<Field>,
}

impl Request {
    fn new(good: Value, required: Vec<Field>, optional: Vec<Field>) -> Self {
        Self { good, required, optional }
    }

    fn with(&self, field: &str, value: Value) -> Value {
        let mut request = self.good.clone();
        request[field] = value;
        request
    }

    fn without(&self, field: &str) -> Value {
        let mut request = self.good.clone();
        request.as_object_mut().unwrap().remove(field);
        request
    }
}

/// A conversation of Ann and Bob with one message by Ann, and what there is to see of it.
struct Scene {
    ann: Person,
    group: i64,
    at_ann: Socket,
    at_bob: Socket,
}

impl Scene {
    async fn new(server: &chat_tests::Server) -> (Self, i64) {
        let [ann, bob, _cyd] = server.people(["ann", "bob", "cyd"]).await;
        let group = ann.group(&[&bob]).await;
        let message = ann.send(group, "Tea?").await["id"].as_i64().unwrap();
        let [at_ann, at_bob] = Socket::of([&ann, &bob]).await;
        (Self { ann, group, at_ann, at_bob }, message)
    }

    /// All that Ann can see; the same before and after requests that were refused.
    async fn seen(&self) -> [String; 4] {
        let paths = [
            "/conversations".to_owned(),
            format!("/conversations/{}/events?after=0", self.group),
            format!("/groups/{}", self.group),
            format!("/conversations/{}/messages", self.group),
        ];
        let mut seen = [const { String::new() }; 4];
        for (path, seen) in paths.iter().zip(&mut seen) {
            *seen = self.ann.get(path).await.text;
        }
        seen
    }

    /// Sends a request that is wrong in one field, and checks that the refusal says so and no more happens.
    async fn is_blamed(&mut self, request: Value, field: &str) {
        let (code, sentence) = self.at_ann.refused(request.clone()).await;
        assert_eq!(code, "invalid", "{request}: {sentence}");
        assert!(sentence.starts_with(&format!("{field}: ")), "{request}: {sentence}");
        assert!(sentence.len() <= 500, "an error is a sentence, not {} bytes", sentence.len());
    }

    /// Checks that both sockets live and that nobody was told of anything.
    async fn nothing_happened(&mut self) {
        for socket in [&mut self.at_ann, &mut self.at_bob] {
            assert_eq!(socket.heard().await, Vec::<Value>::new());
        }
    }
}

/// Every request that has fields.
fn requests(group: i64, message: i64) -> Vec<Request> {
    use Holds::{Bool, Id, Name, Names, Places, Text, Token, Word};
    let content = || Field("content", Text(16 * 1_024));
    let conversation = || Field("conversation_id", Id);
    let of = |kind: &str, fields: Value| {
        let mut request = fields;
        request["type"] = json!(kind);
        request
    };
    vec![
        Request::new(
            of("add_contact", json!({ "contact_username": "bob" })),
            vec![Field("contact_username", Name)],
            vec![],
        ),
        Request::new(
            of("remove_contact", json!({ "contact_username": "bob" })),
            vec![Field("contact_username", Name)],
            vec![],
        ),
        Request::new(of("get_users", json!({})), vec![], vec![Field("search", Text(128)), Field("after", Id)]),
        Request::new(
            of("create_conversation", json!({ "members": ["bob"] })),
            vec![Field("members", Names)],
            vec![Field("name", Text(128)), Field("visibility", Word)],
        ),
        Request::new(of("get_conversation_info", json!({ "id": group })), vec![Field("id", Id)], vec![]),
        Request::new(
            of("rename_conversation", json!({ "conversation_id": group, "name": "Tea" })),
            vec![conversation(), Field("name", Text(128))],
            vec![],
        ),
        Request::new(of("delete_conversation", json!({ "conversation_id": group })), vec![conversation()], vec![]),
        Request::new(
            of("add_member", json!({ "conversation_id": group, "username": "cyd" })),
            vec![conversation(), Field("username", Name)],
            vec![Field("role", Word)],
        ),
        Request::new(
            of("remove_member", json!({ "conversation_id": group, "username": "bob" })),
            vec![conversation(), Field("username", Name)],
            vec![],
        ),
        Request::new(of("leave_conversation", json!({ "conversation_id": group })), vec![conversation()], vec![]),
        Request::new(
            of("send_message", json!({ "conversation_id": group, "content": "Tea!" })),
            vec![conversation(), content()],
            vec![Field("reply_id", Id), Field("nonce", Text(128))],
        ),
        Request::new(
            of("get_messages", json!({ "conversation_id": group })),
            vec![conversation()],
            vec![Field("before", Id)],
        ),
        Request::new(
            of("edit_message", json!({ "message_id": message, "content": "Cake?" })),
            vec![Field("message_id", Id), content()],
            vec![],
        ),
        Request::new(of("delete_message", json!({ "message_id": message })), vec![Field("message_id", Id)], vec![]),
        Request::new(
            of("read", json!({ "conversation_id": group, "message_id": message })),
            vec![conversation(), Field("message_id", Id)],
            vec![],
        ),
        Request::new(
            of("typing", json!({ "conversation_id": group, "is_typing": true })),
            vec![conversation(), Field("is_typing", Bool)],
            vec![],
        ),
        Request::new(
            of("resume", json!({ "epoch": "another", "conversations": { group.to_string(): 0 } })),
            vec![Field("epoch", Token), Field("conversations", Places)],
            vec![],
        ),
        Request::new(of("login", json!({ "token": "another" })), vec![Field("token", Token)], vec![]),
    ]
}

/// Values that a field cannot hold.
fn wrong(holds: Holds) -> Vec<Value> {
    let text = |values: &[&str]| values.iter().map(|value| json!(value)).collect::<Vec<_>>();
    let no_text = vec![json!(5), json!(true), json!(["bob"]), json!({ "text": "bob" })];
    match holds {
        Holds::Id => vec![
            json!("5"),
            json!(""),
            json!(true),
            json!([5]),
            json!({ "id": 5 }),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(9_007_199_254_740_992_i64),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(i64::MIN),
            json!("x".repeat(60_000)),
        ],
        Holds::Bool => vec![json!(0), json!(1), json!("true"), json!([]), json!({})],
        Holds::Text(max) => {
            let long = ["x".repeat(max + 1), "ä".repeat(max + 1)].map(Value::from);
            [no_text, text(&["", " ", "\n\t", "a\0b", "\0"]), long.into()].concat()
        }
        Holds::Name => {
            let long = "x".repeat(65);
            [no_text, text(&["", " ", "a b", "a\0b", "bö", "a/b", "<b>", "'; --", &long])].concat()
        }
        Holds::Names => {
            let long = "x".repeat(65);
            let names = [
                json!([5]),
                json!([null]),
                json!([["bob"]]),
                json!(["bob", ""]),
                json!(["bob", "a\0b"]),
                json!([long]),
            ];
            let unknown = json!(["bob", "nobody"]);
            [vec![json!("bob"), json!(5), json!({ "0": "bob" }), json!(true), unknown], names.into()].concat()
        }
        Holds::Token => no_text,
        Holds::Places => {
            let keys = ["", "x", "0", "-1", "1.5", " 1", "01x", "9007199254740992", "18446744073709551615"];
            let places =
                [json!(-1), json!(1.5), json!("1"), json!(null), json!([1]), json!(1_i64 << 53), json!(i64::MIN)];
            let no_object = [json!(5), json!("x"), json!(true), json!([]), json!([5]), json!([[5, 1]])];
            let by_key = keys.map(|key| json!({ key: 1 }));
            let by_place = places.map(|place| json!({ "1": place }));
            no_object.into_iter().chain(by_key).chain(by_place).collect()
        }
        Holds::Word => [no_text, text(&["", "king", "Owner", "MEMBER", "Public", "private\0"])].concat(),
    }
}

end_to_end! {
    async fn a_required_field_that_is_missing_or_null_is_named(server: Server) {
        let (mut scene, message) = Scene::new(&server).await;
        let before = scene.seen().await;

        for request in requests(scene.group, message) {
            for Field(field, _) in &request.required {
                let sentence = format!("{field}: is required");
                for wrong in [request.without(field), request.with(field, Value::Null)] {
                    assert_eq!(scene.at_ann.refused(wrong).await, ("invalid".to_owned(), sentence.clone()));
                }
            }
        }

        scene.nothing_happened().await;
        assert_eq!(scene.seen().await, before);
    }

    async fn a_field_that_holds_what_it_cannot_is_named(server: Server) {
        let (mut scene, message) = Scene::new(&server).await;
        let before = scene.seen().await;

        for request in requests(scene.group, message) {
            for Field(field, holds) in request.required.iter().chain(&request.optional) {
                for value in wrong(*holds) {
                    scene.is_blamed(request.with(field, value), field).await;
                }
            }
        }

        scene.nothing_happened().await;
        assert_eq!(scene.seen().await, before);
    }

    async fn an_optional_field_that_is_null_counts_as_absent(server: Server) {
        let (mut scene, message) = Scene::new(&server).await;

        for request in requests(scene.group, message) {
            for Field(field, _) in &request.optional {
                let kind = &request.good["type"];
                scene.at_ann.ask(request.with(field, Value::Null)).await;
                let answer = scene.at_ann.hear_of(kind.as_str().unwrap()).await;
                assert_eq!(answer["success"], true, "{kind} {field}: {answer}");
            }
        }
    }

    async fn unknown_fields_are_ignored(server: Server) {
        let (mut scene, _) = Scene::new(&server).await;

        let request = json!({
            "type": "send_message", "conversation_id": scene.group, "content": "Cake?", "id": 5,
            "sender_username": "bob", "sender_id": 1, "seq": 99,
            "sent_at": 0, "deleted": true, "success": false, "x": [{}],
        });
        let sent = scene.at_ann.asks(request).await;

        let data = &sent["data"];
        assert_eq!(
            (&data["sender_username"], &data["seq"], &data["deleted"]),
            (&json!("ann"), &json!(2), &json!(false))
        );
    }

    async fn what_is_not_known_is_not_found(server: Server) {
        let (mut scene, message) = Scene::new(&server).await;
        let before = scene.seen().await;

        for request in requests(scene.group, message) {
            for Field(field, holds) in &request.required {
                let unknown = match holds {
                    Holds::Id => json!(9_007_199_254_740_991_i64),
                    Holds::Name => json!("nobody"),
                    _ => continue,
                };
                let (code, sentence) = scene.at_ann.refused(request.with(field, unknown)).await;
                assert_eq!(code, "not_found", "{} {field}: {sentence}", request.good["type"]);
            }
        }

        scene.nothing_happened().await;
        assert_eq!(scene.seen().await, before);
    }

    async fn a_ref_that_is_neither_string_nor_integer_is_named(server: Server) {
        let (mut scene, _) = Scene::new(&server).await;

        for reference in [json!(1.5), json!(true), json!([]), json!({}), json!(u64::MAX), json!(["x".repeat(60_000)])] {
            let request =
                json!({ "type": "send_message", "conversation_id": scene.group, "content": "x", "ref": reference });
            let refusal = scene.at_ann.asks(request).await;
            let expected = json!({ "type": "error", "success": false, "error": refusal["error"], "code": "invalid" });
            assert_eq!(refusal, expected);
            assert_eq!(refusal["error"], "ref: must be a string or an integer");
        }
        scene.nothing_happened().await;
    }

    async fn a_type_that_is_no_string_is_named(server: Server) {
        let (mut scene, _) = Scene::new(&server).await;

        for (request, sentence) in [
            (json!({}), "type: is required"),
            (json!({ "type": null }), "type: is required"),
            (json!({ "type": 5 }), "type: "),
            (json!({ "type": ["ping"] }), "type: "),
            (json!({ "type": "x".repeat(60_000) }), "type: is not a known one"),
        ] {
            let refusal = scene.at_ann.asks(request).await;
            assert_eq!((&refusal["type"], &refusal["code"]), (&json!("error"), &json!("invalid")));
            assert!(refusal["error"].as_str().unwrap().starts_with(sentence), "{refusal}");
        }
        scene.nothing_happened().await;
    }

    async fn numbers_and_depths_beyond_all_bounds_are_malformed(server: Server) {
        let (mut scene, message) = Scene::new(&server).await;
        let before = scene.seen().await;
        let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));

        for request in requests(scene.group, message) {
            for value in [
                "1e400".to_owned(),
                "-1e400".to_owned(),
                "NaN".to_owned(),
                "Infinity".to_owned(),
                "01".to_owned(),
                "\"\\ud800\"".to_owned(),
                "\"\u{1}\"".to_owned(),
                nested("[", "]", 10_000),
                nested("{\"a\":", "}", 10_000),
                "[".repeat(10_000),
            ] {
                let mut fields = request.good.as_object().unwrap().clone();
                fields.remove("type");
                let field =
                    request.required.iter().chain(&request.optional).map(|Field(name, _)| *name).next_back().unwrap();
                fields.remove(field);
                let rest: String = fields.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
                let text = format!("{{\"type\":{},\"{field}\":{value}{rest}}}", request.good["type"]);
                scene.at_ann.write(Message::text(text)).await;
                let refusal = scene.at_ann.hear().await;
                assert_eq!((&refusal["type"], &refusal["code"]), (&json!("error"), &json!("malformed")), "{refusal}");
            }
        }

        scene.nothing_happened().await;
        assert_eq!(scene.seen().await, before);
    }

    async fn a_login_that_is_none_is_refused_and_the_old_one_stays(server: Server) {
        let (mut scene, _) = Scene::new(&server).await;
        let (bob, forged) = (Person::log_in(&server, "bob").await, format!("{}x", scene.ann.token));

        for (token, code) in [
            ("", "unauthorized"),
            ("x", "unauthorized"),
            (forged.as_str(), "unauthorized"),
            (scene.ann.refresh_token.as_str(), "unauthorized"),
            (bob.token.as_str(), "forbidden"),
        ] {
            assert_eq!(scene.at_ann.refused(json!({ "type": "login", "token": token })).await.0, code, "{token}");
        }
        let own = scene.at_ann.asks(json!({ "type": "self" })).await;
        assert_eq!(own["data"]["username"], "ann");
        scene.nothing_happened().await;
    }

    async fn of_a_list_of_members_with_one_wrong_name_nobody_is_taken(server: Server) {
        let (mut scene, _) = Scene::new(&server).await;
        let before = scene.seen().await;

        for wrong in ["nobody", "a b"] {
            scene
                .is_blamed(json!({ "type": "create_conversation", "members": ["bob", wrong, "cyd"] }), "members")
                .await;
        }

        scene.nothing_happened().await;
        assert_eq!(scene.seen().await, before);
    }

    async fn text_comes_back_as_it_was_sent(server: Server) {
        let (mut scene, _) = Scene::new(&server).await;

        for content in [
            "<script>alert('x')</script>",
            "'; DROP TABLE messages; --",
            "\u{202e}right to left\u{200f}",
            "e\u{301} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{fffd} \u{10ffff} \u{feff}",
            "tab\t newline\r\n bell\u{7} del\u{7f}",
            " leading and trailing ",
            "\\u0000 {\"type\":\"ping\"}",
        ] {
            let request =
                json!({ "type": "send_message", "conversation_id": scene.group, "content": content, "nonce": content });
            let sent = scene.at_ann.asks(request).await;
            assert_eq!((&sent["data"]["content"], &sent["data"]["nonce"]), (&json!(content), &json!(content)));
            assert_eq!(scene.at_bob.hear().await["data"]["content"], content);
            let latest = json!({ "type": "get_messages", "conversation_id": scene.group });
            assert_eq!(scene.at_bob.asks(latest).await["data"]["messages"][0]["content"], content);
        }
    }
}
