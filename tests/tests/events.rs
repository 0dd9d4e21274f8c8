//! The events that answer the caller alone, contacts, and the creation of conversations (API 3.1; `get_users` and
//! `remove_contact` of 3.2).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Socket, end_to_end};
use serde_json::{Value, json};

/// What `self` and contacts show of someone, its times taken from the answer they are checked in.
fn profile(username: &str, is_online: bool, seen: &Value) -> Value {
    for time in ["last_online", "created_at"] {
        assert!(seen[time].as_i64() > Some(1_700_000_000), "{time} is in Unix seconds: {seen}");
    }
    json!({
        "username": username,
        "fullname": username,
        "is_online": is_online,
        "last_online": seen["last_online"],
        "created_at": seen["created_at"],
    })
}

/// A conversation as its events show it, its id and time taken from the event it is checked in.
fn group(name: &str, members: &[&str], seen: &Value) -> Value {
    assert!(seen["id"].as_i64() > Some(0) && seen["created_at"].as_i64() > Some(1_700_000_000), "{seen}");
    json!({
        "id": seen["id"],
        "kind": "group",
        "name": name,
        "visibility": "private",
        "created_at": seen["created_at"],
        "last_seq": 0,
        "member_count": members.len(),
        "members": members,
    })
}

/// Adds a contact, whose coming online may be heard first.
async fn add_contact(socket: &mut Socket, username: &str) -> Value {
    socket.ask(json!({ "type": "add_contact", "contact_username": username })).await;
    socket.hear_of("add_contact").await
}

async fn contacts(socket: &mut Socket) -> Value {
    socket.ask(json!({ "type": "get_contacts" })).await;
    let answer = socket.hear_of("get_contacts").await;
    assert!(answer["data"]["message"].is_string() && answer["success"] == true, "{answer}");
    answer["data"]["contacts"].clone()
}

end_to_end! {
    async fn self_is_the_caller(server: Server) {
        let ann = server.person("ann").await;
        let mut at_ann = ann.socket().await;

        let answer = at_ann.asks(json!({ "type": "self" })).await;

        let expected = profile("ann", true, &answer["data"]);
        assert_eq!(answer, json!({ "type": "self", "success": true, "data": expected }));
    }

    async fn a_ping_is_answered_with_pong(server: Server) {
        let ann = server.person("ann").await;
        let mut at_ann = ann.socket().await;

        let answer = at_ann.asks(json!({ "type": "ping" })).await;

        assert_eq!(answer, json!({ "type": "ping", "success": true, "data": "pong" }));
    }

    async fn a_ref_comes_back_as_it_was_sent(server: Server) {
        let ann = server.person("ann").await;
        let mut at_ann = ann.socket().await;

        for reference in [json!("a string"), json!(""), json!(7), json!(-7), json!(i64::MAX), json!("ü\"\n")] {
            let answer = at_ann.asks(json!({ "type": "ping", "ref": reference })).await;
            assert_eq!(answer["ref"], reference);
            let failure = at_ann.asks(json!({ "type": "get_messages", "ref": reference })).await;
            assert_eq!((&failure["success"], &failure["ref"]), (&json!(false), &reference));
            let unknown = at_ann.asks(json!({ "type": "sing", "ref": reference })).await;
            assert_eq!((&unknown["type"], &unknown["ref"]), (&json!("error"), &reference));
            let untyped = at_ann.asks(json!({ "ref": reference })).await;
            assert_eq!((&untyped["type"], &untyped["ref"]), (&json!("error"), &reference));
        }
        let answer = at_ann.asks(json!({ "type": "ping", "ref": null })).await;
        assert_eq!(answer.get("ref"), None);
    }

    async fn answers_go_to_the_asking_socket_alone(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let conversation = ann.group(&[&bob]).await;
        let [mut at_ann, mut elsewhere, mut at_bob, mut at_cyd] = Socket::of([&ann, &ann, &bob, &cyd]).await;

        for request in [
            json!({ "type": "self" }),
            json!({ "type": "ping" }),
            json!({ "type": "get_users" }),
            json!({ "type": "get_contacts" }),
            json!({ "type": "get_conversations" }),
            json!({ "type": "get_conversation_info", "id": conversation }),
            json!({ "type": "get_messages", "conversation_id": conversation }),
            json!({ "type": "add_contact", "contact_username": "cyd" }),
            json!({ "type": "remove_contact", "contact_username": "cyd" }),
            json!({ "type": "leave_conversation" }),
        ] {
            at_ann.ask(request.clone()).await;
            at_ann.hear_of(request["type"].as_str().unwrap()).await;
        }

        for socket in [&mut at_ann, &mut elsewhere, &mut at_bob, &mut at_cyd] {
            let heard = socket.heard().await;
            assert!(heard.iter().all(|frame| frame["type"] == "user_status"), "{heard:?}");
        }
    }

    async fn adding_a_contact_shows_it_and_is_mutual(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = ann.socket().await;

        let added = add_contact(&mut at_ann, "bob").await;

        let contact = profile("bob", false, &added["data"]["contact"]);
        let data = json!({ "message": added["data"]["message"], "contact": contact });
        assert!(added["data"]["message"].is_string());
        assert_eq!(added, json!({ "type": "add_contact", "success": true, "data": data }));
        let mut at_bob = bob.socket().await;
        assert_eq!(contacts(&mut at_ann).await, json!(["bob"]));
        assert_eq!(contacts(&mut at_bob).await, json!(["ann"]));
    }

    async fn adding_a_contact_again_from_either_side_changes_nothing(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        for (socket, other) in [(&mut at_ann, "bob"), (&mut at_bob, "ANN")] {
            for _ in 0..2 {
                let added = add_contact(socket, other).await;
                assert_eq!(added["data"]["contact"]["is_online"], true, "{added}");
            }
        }

        assert_eq!(contacts(&mut at_ann).await, json!(["bob"]));
        assert_eq!(contacts(&mut at_bob).await, json!(["ann"]));
    }

    async fn contacts_are_listed_by_name(server: Server) {
        let [ann, _bob, _cyd, _dan] = server.people(["ann", "bob", "cyd", "dan"]).await;
        let mut at_ann = ann.socket().await;
        assert_eq!(contacts(&mut at_ann).await, json!([]));

        for other in ["dan", "bob", "cyd"] {
            add_contact(&mut at_ann, other).await;
        }

        assert_eq!(contacts(&mut at_ann).await, json!(["bob", "cyd", "dan"]));
    }

    async fn removing_a_contact_ends_it_for_both(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        add_contact(&mut at_ann, "bob").await;

        at_bob.ask(json!({ "type": "remove_contact", "contact_username": "ann", "ref": 1 })).await;
        let removed = at_bob.hear_of("remove_contact").await;

        let contact = profile("ann", true, &removed["data"]["contact"]);
        let data = json!({ "message": removed["data"]["message"], "contact": contact });
        assert_eq!(removed, json!({ "type": "remove_contact", "success": true, "data": data, "ref": 1 }));
        assert_eq!(contacts(&mut at_ann).await, json!([]));
        assert_eq!(contacts(&mut at_bob).await, json!([]));
    }

    async fn contacts_that_cannot_be_are_refused(server: Server) {
        let [ann, _bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = ann.socket().await;

        for (kind, contact, code, sentence) in [
            ("add_contact", "nobody", "not_found", "no such user"),
            ("add_contact", "ann", "invalid", "contact_username: must be someone else"),
            ("add_contact", "Ann", "invalid", "contact_username: must be someone else"),
            ("remove_contact", "nobody", "not_found", "no such contact"),
            ("remove_contact", "bob", "not_found", "no such contact"),
            ("remove_contact", "ann", "not_found", "no such contact"),
        ] {
            let refusal = at_ann.refused(json!({ "type": kind, "contact_username": contact, "ref": 1 })).await;
            assert_eq!(refusal, (code.to_owned(), sentence.to_owned()), "{kind} {contact}");
        }
        assert_eq!(contacts(&mut at_ann).await, json!([]));
    }

    async fn a_new_conversation_is_heard_on_every_socket_of_every_member(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let [mut at_ann, mut at_ann_too, mut at_bob, mut at_bob_too, mut at_cyd] =
            Socket::of([&ann, &ann, &bob, &bob, &cyd]).await;

        let answer = at_ann.asks(json!({ "type": "create_conversation", "members": ["bob"], "ref": "new" })).await;

        let data = group("ann, bob", &["ann", "bob"], &answer["data"]);
        let event = json!({ "type": "create_conversation", "success": true, "data": data });
        for socket in [&mut at_ann_too, &mut at_bob, &mut at_bob_too] {
            assert_eq!(socket.hear().await, event);
            assert_eq!(socket.heard().await, Vec::<Value>::new());
        }
        let mut with_ref = event;
        with_ref["ref"] = json!("new");
        assert_eq!(answer, with_ref);
        assert_eq!(at_ann.heard().await, Vec::<Value>::new());
        assert_eq!(at_cyd.heard().await, Vec::<Value>::new());
    }

    async fn a_new_conversation_bears_the_name_it_is_given(server: Server) {
        let [ann, _bob, _cyd] = server.people(["ann", "bob", "cyd"]).await;
        let mut at_ann = ann.socket().await;

        let members = ["bob", "cyd"];
        let created = at_ann
            .asks(json!({ "type": "create_conversation", "members": members, "name": " Tea & \"cake\" 🍰 " }))
            .await;

        assert_eq!(created["data"], group("Tea & \"cake\" 🍰", &["ann", "bob", "cyd"], &created["data"]));
    }

    async fn whoever_is_named_twice_is_a_member_once(server: Server) {
        let [ann, _bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = ann.socket().await;

        let created = at_ann.asks(json!({ "type": "create_conversation", "members": ["bob", "ann", "BOB"] })).await;

        assert_eq!(created["data"], group("ann, bob", &["ann", "bob"], &created["data"]));
    }

    async fn the_same_people_may_have_many_conversations(server: Server) {
        let [ann, _bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = ann.socket().await;

        let first = at_ann.asks(json!({ "type": "create_conversation", "members": ["bob"] })).await;
        let second = at_ann.asks(json!({ "type": "create_conversation", "members": ["bob"] })).await;

        assert_ne!(first["data"]["id"], second["data"]["id"]);
    }

    async fn a_conversation_with_nobody_or_too_many_is_not_created(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        let too_many: Vec<_> = (0..1_001).map(|n| format!("u{n}")).collect();

        for (members, sentence) in [
            (json!(["bob", "nobody"]), "members: names nobody: nobody"),
            (json!(too_many), "members: must be at most 1000 when a group is created"),
        ] {
            let refusal = at_ann.refused(json!({ "type": "create_conversation", "members": members })).await;
            assert_eq!(refusal, ("invalid".to_owned(), sentence.to_owned()));
        }

        assert_eq!(at_bob.heard().await, Vec::<Value>::new());
        assert_eq!(at_ann.asks(json!({ "type": "get_conversations" })).await["data"], json!([]));
    }

    async fn conversations_are_listed_by_newest_activity(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let (first, second) = (ann.group(&[&bob]).await, bob.group(&[&ann]).await);
        cyd.group(&[&bob]).await;
        let message = bob.send(first, "Tea?").await;
        let mut at_ann = ann.socket().await;

        let listed = at_ann.asks(json!({ "type": "get_conversations" })).await;

        let entry = |seen: &Value, id, members, last_seq, unread, last_message: &Value| {
            json!({
                "id": id, "kind": "group", "name": "a group", "visibility": "private", "created_at": seen["created_at"],
                "last_seq": last_seq, "member_count": 2, "members": members,
                "unread": unread, "last_message": last_message, "read_up_to": null,
            })
        };
        let seen = &listed["data"];
        let expected = json!([
            entry(&seen[0], first, ["ann", "bob"], 1, 1, &message),
            entry(&seen[1], second, ["bob", "ann"], 0, 0, &Value::Null),
        ]);
        assert_eq!(listed, json!({ "type": "get_conversations", "success": true, "data": expected }));
    }

    async fn a_conversation_is_shown_to_its_members(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let conversation = ann.group(&[&bob]).await;
        let [mut at_bob, mut at_cyd] = Socket::of([&bob, &cyd]).await;

        let shown = at_bob.asks(json!({ "type": "get_conversation_info", "id": conversation })).await;

        let data = group("a group", &["ann", "bob"], &shown["data"]);
        assert_eq!(shown, json!({ "type": "get_conversation_info", "success": true, "data": data }));
        let refusal = at_cyd.refused(json!({ "type": "get_conversation_info", "id": conversation })).await;
        assert_eq!(refusal, ("not_found".to_owned(), "no such conversation".to_owned()));
    }

    async fn users_are_found_by_name(server: Server) {
        let [ann, bob, dan] = server.people(["ann", "bob_1", "dan"]).await;
        let newest = ann.id.max(bob.id).max(dan.id);
        bob.patch("/users/me", json!({ "full_name": "Bob 100% the_builder" })).await;
        let [mut at_ann, _at_bob] = Socket::of([&ann, &bob]).await;

        for (search, expected) in [
            // Everyone but the caller.
            (json!({}), vec!["bob_1", "dan"]),
            (json!({ "search": null }), vec!["bob_1", "dan"]),
            (json!({ "search": "AN" }), vec!["dan"]),
            (json!({ "search": "ann" }), vec![]),
            (json!({ "search": "builder" }), vec!["bob_1"]),
            (json!({ "search": "_" }), vec!["bob_1"]),
            (json!({ "search": "%" }), vec!["bob_1"]),
            (json!({ "search": "zzz" }), vec![]),
            (json!({ "after": newest }), vec![]),
        ] {
            let mut request = search.clone();
            request["type"] = json!("get_users");
            let answer = at_ann.asks(request).await;
            let users = answer["data"]["users"].as_array().unwrap();
            let mut names: Vec<_> = users.iter().map(|user| user["username"].as_str().unwrap()).collect();
            names.sort_unstable();
            assert_eq!(names, expected, "{search}");
            assert_eq!(answer["data"]["next"], Value::Null);
        }
        let answer = at_ann.asks(json!({ "type": "get_users", "search": "bob_1" })).await;
        let seen = &answer["data"]["users"][0];
        let user = json!({
            "id": bob.id, "username": "bob_1", "fullname": "Bob 100% the_builder", "profile_picture": null,
            "public_key": null, "is_online": true, "last_online": seen["last_online"], "created_at": seen["created_at"],
        });
        let data = json!({ "users": [user], "next": null });
        assert_eq!(answer, json!({ "type": "get_users", "success": true, "data": data }));
    }

    async fn a_user_s_e_mail_is_shown_to_nobody_else(server: Server) {
        let ann = server.person("ann").await;
        let account = json!({ "username": "bob", "password": Person::PASSWORD, "email": "bob@example.org" });
        let request = server.client().post(server.url("/users/register")).body(account.to_string());
        assert_eq!(request.send().await.unwrap().status(), 201);
        let mut at_ann = ann.socket().await;

        at_ann.ask(json!({ "type": "get_users", "search": "bob" })).await;
        let found = at_ann.hear_text().await;
        at_ann.ask(json!({ "type": "add_contact", "contact_username": "bob" })).await;
        let added = at_ann.hear_text().await;

        assert!(found.contains("\"bob\"") && added.contains("\"bob\""));
        assert!(!found.contains("example.org") && !added.contains("example.org"));
    }

    async fn an_unknown_type_is_refused_and_the_socket_lives_on(server: Server) {
        let ann = server.person("ann").await;
        let mut at_ann = ann.socket().await;

        for kind in ["sing", "", "PING", "user_status", "error", "ping "] {
            let refusal = at_ann.asks(json!({ "type": kind })).await;
            let expected = json!({
                "type": "error", "success": false, "error": "type: is not a known one", "code": "invalid",
            });
            assert_eq!(refusal, expected, "{kind}");
        }
        assert_eq!(at_ann.asks(json!({ "type": "ping" })).await["data"], "pong");
    }
}
