//! Finding people, and telling a chat that one is typing.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Server, end_to_end};
use serde_json::{Value, json};

async fn register(server: &Server, username: &str, fullname: &str) {
    let account = json!({ "username": username, "password": Person::PASSWORD, "full_name": fullname });
    server.post("/users/register", account).await.expect(201);
}

fn names(users: &[Value]) -> Vec<&str> {
    users.iter().map(|user| user["username"].as_str().unwrap()).collect()
}

/// Searches, and returns the usernames in alphabetical order.
async fn search(person: &Person, term: &str) -> Vec<String> {
    let term: String = term.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let found = person.get(&format!("/users?search={term}")).await.expect(200);
    let mut names: Vec<_> = names(found["users"].as_array().unwrap()).into_iter().map(str::to_owned).collect();
    names.sort();
    names
}

end_to_end! {
    async fn the_list_holds_everyone_but_the_caller(server: Server) {
        let [ann, _bob, _cleo] = server.people(["ann", "bob", "cleo"]).await;
        let page = ann.get("/users").await.expect(200);
        let mut others = names(page["users"].as_array().unwrap());
        others.sort_unstable();
        assert_eq!((others, &page["next"]), (vec!["bob", "cleo"], &Value::Null));
        let keys: Vec<_> = page["users"][0].as_object().unwrap().keys().map(String::as_str).collect();
        let documented =
            ["created_at", "fullname", "id", "is_online", "last_online", "profile_picture", "public_key", "username"];
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, documented);
    }

    async fn pages_join_to_the_whole_list_for_every_page_size_and_every_caller(server: Server) {
        let people = server.people(["a", "b", "c", "d", "e"]).await;
        for caller in &people {
            let mut everyone: Vec<_> = people.iter().filter(|person| person.id != caller.id).map(|p| p.id).collect();
            everyone.sort_unstable();
            for limit in 1..=5 {
                let mut seen = vec![];
                let mut after = String::new();
                loop {
                    let page = caller.get(&format!("/users?limit={limit}{after}")).await.expect(200);
                    let users = page["users"].as_array().unwrap();
                    assert!(users.len() <= limit);
                    seen.extend(users.iter().map(|user| user["id"].as_i64().unwrap()));
                    match &page["next"] {
                        Value::Null => break,
                        next => after = format!("&after={next}"),
                    }
                }
                assert_eq!(seen, everyone);
            }
        }
    }

    async fn a_search_finds_parts_of_both_names_whatever_their_case(server: Server) {
        let caller = server.person("caller").await;
        register(&server, "ann", "Maria Lee").await;
        register(&server, "bob", "Bob Ännström").await;
        for (term, found) in [
            ("an", vec!["ann"]),
            ("ANN", vec!["ann"]),
            ("maria l", vec!["ann"]),
            ("ÄNN", vec!["bob"]),
            ("b", vec!["bob"]),
            ("nobody", vec![]),
            ("caller", vec![]),
        ] {
            assert_eq!(search(&caller, term).await, found, "{term}");
        }
        assert_eq!(search(&caller, "").await, ["ann", "bob"]);
    }

    async fn a_search_takes_every_character_literally(server: Server) {
        let caller = server.person("caller").await;
        register(&server, "a_b", "100% sure").await;
        register(&server, "axb", "100 sure").await;
        register(&server, "c.d", r"back\slash 'quote' *star* [a]").await;
        for (term, found) in [
            ("_", vec!["a_b"]),
            ("a_b", vec!["a_b"]),
            ("%", vec!["a_b"]),
            ("100%", vec!["a_b"]),
            ("0%s", vec![]),
            (".", vec!["c.d"]),
            (r"\", vec!["c.d"]),
            ("'", vec!["c.d"]),
            ("*", vec!["c.d"]),
            ("[a]", vec!["c.d"]),
        ] {
            assert_eq!(search(&caller, term).await, found, "{term}");
        }
    }

    async fn a_search_is_paged_like_the_list(server: Server) {
        let caller = server.person("caller").await;
        for username in ["x1", "y1", "x2", "y2", "x3"] {
            register(&server, username, "Someone").await;
        }
        let first = caller.get("/users?search=x&limit=2").await.expect(200);
        assert_eq!(names(first["users"].as_array().unwrap()), ["x1", "x2"]);
        let second = caller.get(&format!("/users?search=x&limit=2&after={}", first["next"])).await.expect(200);
        assert_eq!((names(second["users"].as_array().unwrap()), &second["next"]), (vec!["x3"], &Value::Null));
    }

    async fn a_user_is_found_by_id_and_by_name(server: Server) {
        let ann = server.person("ann").await;
        let account = json!({ "username": "Bob", "password": Person::PASSWORD, "public_key": "a key" });
        let bob = server.post("/users/register", account).await.expect(201);
        let id = &bob["id"];

        let found = ann.get(&format!("/users/{id}")).await.expect(200);
        assert_eq!((&found["username"], &found["id"], &found["public_key"]), (&json!("Bob"), id, &json!("a key")));
        assert_eq!(ann.get(&format!("/users/username/{id}")).await.expect(200), json!({ "username": "Bob" }));
        for name in ["Bob", "bob", "%42ob"] {
            let found = ann.get(&format!("/users/user_id/{name}")).await.expect(200);
            assert_eq!(found, json!({ "user_id": id, "public_key": "a key" }));
        }
        let own = ann.get("/users/user_id/ann").await.expect(200);
        assert_eq!(own, json!({ "user_id": ann.id, "public_key": null }));
    }

    async fn nobody_is_found_by_what_names_nobody(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        for unknown in ["999999", "0", "-1", "abc", &group.to_string()] {
            ann.get(&format!("/users/{unknown}")).await.refuses(404, "not_found");
            ann.get(&format!("/users/username/{unknown}")).await.refuses(404, "not_found");
        }
        for unknown in ["cleo", "no%20name", "%00", "ann%2F"] {
            ann.get(&format!("/users/user_id/{unknown}")).await.refuses(404, "not_found");
        }
    }

    async fn a_user_is_online_while_a_socket_is_open(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let path = format!("/users/{}", bob.id);
        assert_eq!(ann.get(&path).await.expect(200)["is_online"], false);
        let mut at_ann = ann.socket().await;
        at_ann.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;
        let socket = bob.socket().await;
        assert_eq!(at_ann.hear_of("user_status").await["data"], json!({ "username": "bob", "is_online": true }));
        assert_eq!(ann.get(&path).await.expect(200)["is_online"], true);
        socket.close().await;
        assert_eq!(at_ann.hear_of("user_status").await["data"], json!({ "username": "bob", "is_online": false }));
        assert_eq!(ann.get(&path).await.expect(200)["is_online"], false);
    }

    async fn typing_is_shown_to_the_others_of_a_group(server: Server) {
        let [ann, bob, cleo, dan] = server.people(["ann", "bob", "cleo", "dan"]).await;
        let group = ann.group(&[&bob, &cleo]).await;
        let mut others = [bob.socket().await, cleo.socket().await];
        let (mut at_ann, mut at_dan) = (ann.socket().await, dan.socket().await);
        for is_typing in [true, false] {
            ann.post("/users/set_typing_status", json!({ "is_typing": is_typing, "typing_chat_id": group }))
                .await
                .expect(200);
            let data = json!({ "conversation_id": group, "username": "ann", "is_typing": is_typing });
            for socket in &mut others {
                assert_eq!(socket.hear().await, json!({ "type": "typing", "success": true, "data": data }));
            }
        }
        assert_eq!((at_ann.heard().await, at_dan.heard().await), (vec![], vec![]));
    }

    async fn typing_is_shown_to_the_user_it_names(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201)["id"].clone();
        let mut at_bob = bob.socket().await;
        ann.post("/users/set_typing_status", json!({ "is_typing": true, "typing_chat_id": bob.id })).await.expect(200);
        let typing = at_bob.hear().await;
        assert_eq!(typing["data"], json!({ "conversation_id": direct, "username": "ann", "is_typing": true }));
    }

    async fn typing_in_a_chat_one_does_not_see_is_typing_nowhere(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = bob.group(&[]).await;
        let mut at_bob = bob.socket().await;
        let set =
            |chat: i64| ann.post("/users/set_typing_status", json!({ "is_typing": true, "typing_chat_id": chat }));
        let foreign = set(group).await;
        foreign.refuses(404, "not_found");
        assert_eq!(foreign.text, set(999_999).await.text);
        assert_eq!(at_bob.heard().await, Vec::<Value>::new());
    }
}
