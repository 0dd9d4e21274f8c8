//! The list of conversations, direct conversations, what is unread, and what happened since.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Person, end_to_end};
use reqwest::Method;
use serde_json::{Value, json};

async fn direct(person: &Person, other: i64) -> Answer {
    Answer::to(person.request(Method::PUT, &format!("/conversations/direct/{other}"))).await
}

/// The ids in the list, first page.
async fn listed(person: &Person) -> Vec<i64> {
    let page = person.get("/conversations").await.expect(200);
    page["conversations"].as_array().unwrap().iter().map(|found| found["id"].as_i64().unwrap()).collect()
}

/// One conversation as it stands in the list.
async fn summary(person: &Person, conversation: i64) -> Value {
    let page = person.get("/conversations").await.expect(200);
    page["conversations"].as_array().unwrap().iter().find(|found| found["id"] == conversation).unwrap().clone()
}

async fn read(person: &Person, messages: &[&Value]) -> Answer {
    let ids: Vec<_> = messages.iter().map(|message| &message["id"]).collect();
    person.put("/messages/read", json!({ "message_ids": ids })).await
}

end_to_end! {
    async fn two_people_have_one_direct_conversation_whoever_asks_first(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let (mut at_ann, mut at_bob) = (ann.socket().await, bob.socket().await);
        let created = direct(&ann, bob.id).await.expect(201);
        assert_eq!((&created["kind"], &created["visibility"]), (&json!("direct"), &json!("private")));
        let members: Vec<_> = created["members"].as_array().unwrap().iter().map(|member| &member["username"]).collect();
        assert!(members.contains(&&json!("ann")) && members.contains(&&json!("bob")) && members.len() == 2);
        let heard = at_bob.hear().await;
        assert_eq!((&heard["type"], &heard["data"]["id"]), (&json!("create_conversation"), &created["id"]));
        assert_eq!(at_ann.hear().await, heard);

        assert_eq!(direct(&ann, bob.id).await.expect(200), created);
        assert_eq!(direct(&bob, ann.id).await.expect(200), created);
        assert_eq!(at_bob.heard().await, Vec::<Value>::new());
    }

    async fn of_many_who_ask_at_once_one_creates_it(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let asked = (0..8).map(|turn| if turn % 2 == 0 { direct(&ann, bob.id) } else { direct(&bob, ann.id) });
        let answers = futures::future::join_all(asked).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert!(answers.iter().all(|answer| answer.body["id"] == answers[0].body["id"]));
    }

    async fn nobody_talks_to_themselves_or_to_nobody(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let own = direct(&ann, ann.id).await;
        own.refuses(422, "invalid");
        for unknown in [999_999, 0, -1, group] {
            direct(&ann, unknown).await.refuses(404, "not_found");
        }
        assert_eq!(listed(&ann).await, [group]);
    }

    async fn the_list_shows_each_conversation_with_its_last_message_and_what_is_unread(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let empty = summary(&bob, group).await;
        assert_eq!(
            (&empty["unread"], &empty["last_message"], &empty["read_up_to"]),
            (&json!(0), &Value::Null, &Value::Null)
        );
        ann.send(group, "one").await;
        let last = ann.send(group, "two").await;
        let expected = json!({
            "id": group, "kind": "group", "name": "a group", "members": ["ann", "bob"], "member_count": 2,
            "visibility": "private", "created_at": empty["created_at"], "last_seq": 2,
            "unread": 2, "last_message": last, "read_up_to": null,
        });
        assert_eq!(summary(&bob, group).await, expected);
        assert_eq!(summary(&ann, group).await["unread"], 0);
    }

    async fn lists_show_the_first_256_characters_of_the_last_message(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let mut at_ann = ann.socket().await;
        for (content, shown) in [
            ("ä".repeat(256), "ä".repeat(256)),
            (format!("{}!", "🫖".repeat(256)), "🫖".repeat(256)),
            (format!("{} and so on", "x".repeat(255)), format!("{} ", "x".repeat(255))),
        ] {
            let mut preview = ann.send(group, &content).await;
            at_ann.hear_of("send_message").await;
            assert_eq!(ann.get(&format!("/messages/{}", preview["id"])).await.expect(200)["content"], content);
            preview["content"] = json!(shown);
            for path in ["/conversations", "/groups"] {
                let page = ann.get(path).await.expect(200);
                assert_eq!(page[&path[1..]][0]["last_message"], preview, "{path}");
            }
            let listed = at_ann.asks(json!({ "type": "get_conversations" })).await;
            assert_eq!(listed["data"][0]["last_message"], preview);
            let synced = at_ann.asks(json!({ "type": "sync" })).await;
            assert_eq!(synced["data"]["conversations"][0]["last_message"], preview);
        }
    }

    async fn the_newest_activity_is_first(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let first = ann.group(&[&bob]).await;
        let second = direct(&bob, ann.id).await.expect(201)["id"].as_i64().unwrap();
        let third = ann.group(&[]).await;
        assert_eq!(listed(&ann).await, [third, second, first]);
        bob.send(first, "hello").await;
        assert_eq!(listed(&ann).await, [first, third, second]);
        ann.send(second, "hello").await;
        assert_eq!(listed(&ann).await, [second, first, third]);
        // Nothing but a message moves a conversation up.
        ann.patch(&format!("/groups/{third}"), json!({ "name": "renamed" })).await.expect(200);
        assert_eq!(listed(&ann).await, [second, first, third]);
        assert_eq!(listed(&bob).await, [second, first]);
    }

    async fn pages_join_to_the_whole_list(server: Server) {
        let ann = server.person("ann").await;
        for _ in 0..7 {
            ann.group(&[]).await;
        }
        let all = listed(&ann).await;
        for limit in 1..=8 {
            let mut seen = vec![];
            let mut before = String::new();
            loop {
                let page = ann.get(&format!("/conversations?limit={limit}{before}")).await.expect(200);
                let conversations = page["conversations"].as_array().unwrap();
                assert!(conversations.len() <= limit);
                seen.extend(conversations.iter().map(|found| found["id"].as_i64().unwrap()));
                match &page["next"] {
                    Value::Null => break,
                    next => before = format!("&before={next}"),
                }
            }
            assert_eq!(seen, all);
        }
    }

    async fn reading_moves_the_mark_and_tells_the_members(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let messages = [ann.send(group, "one").await, ann.send(group, "two").await, ann.send(group, "three").await];
        let (mut at_ann, mut at_bob) = (ann.socket().await, bob.socket().await);

        read(&bob, &[&messages[1], &messages[0]]).await.expect(200);

        let heard = json!({
            "conversation_id": group, "user_id": bob.id, "username": "bob", "message_id": messages[1]["id"],
        });
        for socket in [&mut at_ann, &mut at_bob] {
            let event = socket.hear().await;
            assert_eq!((&event["type"], &event["data"]), (&json!("read"), &heard));
        }
        let seen = summary(&bob, group).await;
        assert_eq!((&seen["unread"], &seen["read_up_to"]), (&json!(1), &messages[1]["id"]));
        assert_eq!(summary(&ann, group).await["read_up_to"], Value::Null);
        assert_eq!(seen["last_seq"], 3);
    }

    async fn a_read_mark_never_moves_back(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [first, second] = [ann.send(group, "one").await, ann.send(group, "two").await];
        read(&bob, &[&second]).await.expect(200);
        let mut at_ann = ann.socket().await;
        for again in [&first, &second] {
            read(&bob, &[again]).await.expect(200);
        }
        assert_eq!(at_ann.heard().await, Vec::<Value>::new());
        let seen = summary(&bob, group).await;
        assert_eq!((&seen["unread"], &seen["read_up_to"]), (&json!(0), &second["id"]));
    }

    async fn one_request_reads_in_many_conversations(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let [one, two] = [ann.group(&[&bob]).await, ann.group(&[&bob]).await];
        let [first, second] = [ann.send(one, "one").await, ann.send(two, "two").await];
        let body = json!({ "user_id": bob.id, "message_ids": [first["id"], second["id"], first["id"]] });
        bob.put("/messages/read", body).await.expect(200);
        for conversation in [one, two] {
            assert_eq!(summary(&bob, conversation).await["unread"], 0);
        }
    }

    async fn nothing_is_read_in_the_name_of_another_or_beside_what_one_cannot_see(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob]).await;
        let message = ann.send(group, "hello").await;
        let hidden = cleo.group(&[]).await;
        let hidden = cleo.send(hidden, "secret").await;
        let body = json!({ "user_id": ann.id, "message_ids": [message["id"]] });
        bob.put("/messages/read", body).await.refuses(403, "forbidden");
        let foreign = read(&bob, &[&message, &hidden]).await;
        foreign.refuses(404, "not_found");
        assert_eq!(foreign.text, read(&bob, &[&message, &json!({ "id": 999_999 })]).await.text);
        for body in
            [json!({}), json!({ "message_ids": [] }), json!({ "message_ids": vec![message["id"].clone(); 1_001] })]
        {
            bob.put("/messages/read", body).await.blames("message_ids");
        }
        assert_eq!(summary(&bob, group).await["unread"], 1);
    }

    async fn own_and_deleted_messages_are_never_unread(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        bob.send(group, "my own").await;
        let deleted = ann.send(group, "gone soon").await;
        ann.send(group, "stays").await;
        assert_eq!(summary(&bob, group).await["unread"], 2);
        ann.delete(&format!("/messages/{}", deleted["id"])).await.expect(200);
        assert_eq!(summary(&bob, group).await["unread"], 1);
    }

    async fn the_events_are_what_happened_in_order_without_a_gap(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob]).await;
        let mut at_bob = bob.socket().await;
        let message = ann.send(group, "hello").await;
        ann.patch(&format!("/messages/{}", message["id"]), json!({ "content": "hello!" })).await.expect(200);
        ann.patch(&format!("/groups/{group}"), json!({ "name": "Tea" })).await.expect(200);
        ann.put(&format!("/groups/{group}/members/{}", cleo.id), json!({})).await.expect(200);
        ann.delete(&format!("/groups/{group}/members/{}", cleo.id)).await;
        bob.send(group, "bye").await;
        let mut pushed = vec![];
        for _ in 0..6 {
            pushed.push(at_bob.hear().await);
        }

        let page = bob.get(&format!("/conversations/{group}/events")).await.expect(200);

        let events = page["events"].as_array().unwrap();
        let described: Vec<_> =
            events.iter().map(|event| (event["data"]["seq"].clone(), event["type"].clone())).collect();
        let kinds =
            ["send_message", "edit_message", "rename_conversation", "add_member", "remove_member", "send_message"];
        let expected: Vec<_> = (1..).zip(kinds).map(|(seq, kind)| (json!(seq), json!(kind))).collect();
        assert_eq!((described, &page["next"]), (expected, &Value::Null));
        // They are the frames that were pushed, but for the message, which is shown as it is now.
        assert_eq!(events[1..], pushed[1..]);
        assert_eq!((&events[0]["data"]["content"], &pushed[0]["data"]["content"]), (&json!("hello!"), &json!("hello")));
    }

    async fn events_are_paged_by_seq(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        for turn in 1..=5 {
            ann.send(group, &turn.to_string()).await;
        }
        let mut seen = vec![];
        let mut after = 0;
        loop {
            let path = format!("/conversations/{group}/events?after={after}&limit=2");
            let page = ann.get(&path).await.expect(200);
            seen.extend(page["events"].as_array().unwrap().iter().map(|event| event["data"]["seq"].as_i64().unwrap()));
            match page["next"].as_i64() {
                None => break,
                Some(next) => after = next,
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        let late = ann.get(&format!("/conversations/{group}/events?after=5")).await.expect(200);
        assert_eq!(late, json!({ "events": [], "next": null }));
        ann.get(&format!("/conversations/{group}/events?after=9007199254740991")).await.expect(200);
    }

    async fn a_conversation_one_is_not_in_answers_like_one_that_does_not_exist(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let foreign = bob.group(&[]).await;
        let hidden = bob.send(foreign, "secret").await["id"].clone();
        let unknown = 999_999;
        for (method, path, body) in [
            (Method::GET, "/conversations/{id}", json!({})),
            (Method::GET, "/conversations/{id}/messages", json!({})),
            (Method::GET, "/conversations/{id}/messages?before=5", json!({})),
            (Method::GET, "/conversations/{id}/events", json!({})),
            (Method::POST, "/conversations/{id}/messages", json!({ "content": "hello" })),
            (Method::POST, "/conversations/{id}/messages", json!({ "content": "hello", "reply_id": hidden })),
            (Method::POST, "/conversations/{id}/messages", json!({ "content": "hello", "nonce": "n" })),
            (Method::POST, "/messages/send_message", json!({ "receiver_id": "{id}", "content": "hello" })),
            (Method::POST, "/users/set_typing_status", json!({ "typing_chat_id": "{id}", "is_typing": true })),
        ] {
            let answers = [foreign, unknown].map(|id| {
                let body = body.to_string().replace("\"{id}\"", &id.to_string());
                Answer::to(ann.request(method.clone(), &path.replace("{id}", &id.to_string())).body(body))
            });
            let [foreign, unknown] = <[Answer; 2]>::try_from(futures::future::join_all(answers).await).unwrap();
            foreign.refuses(404, "not_found");
            assert_eq!(foreign.text, unknown.text, "{method} {path}");
        }
        assert_eq!(summary(&bob, foreign).await["last_seq"], 1);
    }
}
