//! Sending, reading, editing and deleting messages.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Person, end_to_end};
use reqwest::Method;
use serde_json::{Value, json};

async fn send(person: &Person, conversation: i64, message: Value) -> Answer {
    person.post(&format!("/conversations/{conversation}/messages"), message).await
}

/// The contents on a page of messages, and the cursor to the next.
async fn page(person: &Person, conversation: i64, query: &str) -> (Vec<String>, Option<i64>) {
    let page = person.get(&format!("/conversations/{conversation}/messages?{query}")).await.expect(200);
    let content = |message: &Value| message["content"].as_str().unwrap().to_owned();
    (page["messages"].as_array().unwrap().iter().map(content).collect(), page["next"].as_i64())
}

end_to_end! {
    async fn a_message_is_answered_whole_and_pushed_to_every_member(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob]).await;
        let mut inside = [ann.socket().await, ann.socket().await, bob.socket().await];
        let mut outside = cleo.socket().await;

        let message = send(&ann, group, json!({ "content": " Tea? \n 🫖 ", "nonce": "n-1" })).await.expect(201);

        assert!(message["id"].as_i64().unwrap() > 0 && message["sent_at"].as_i64().unwrap() > 1_500_000_000);
        let expected = json!({
            "id": message["id"], "conversation_id": group, "seq": 1, "sender_username": "ann", "sender_id": ann.id,
            "content": " Tea? \n 🫖 ", "reply_id": null, "nonce": "n-1", "sent_at": message["sent_at"],
            "edited_at": null, "deleted": false,
        });
        assert_eq!(message, expected);
        for socket in &mut inside {
            assert_eq!(socket.hear().await, json!({ "type": "send_message", "success": true, "data": message }));
        }
        assert_eq!(outside.heard().await, Vec::<Value>::new());
        for person in [&ann, &bob] {
            assert_eq!(person.get(&format!("/messages/{}", message["id"])).await.expect(200), message);
        }
    }

    async fn seq_counts_each_conversation_without_a_gap(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let [one, two] = [ann.group(&[&bob]).await, ann.group(&[&bob]).await];
        let sent = (0..40).map(|turn| {
            let (sender, conversation) =
                (if turn % 2 == 0 { &ann } else { &bob }, if turn % 4 < 2 { one } else { two });
            sender.send(conversation, "hello")
        });
        let sent = futures::future::join_all(sent).await;
        for conversation in [one, two] {
            let here = sent.iter().filter(|message| message["conversation_id"] == conversation);
            let mut seqs: Vec<_> = here.map(|message| message["seq"].as_i64().unwrap()).collect();
            seqs.sort_unstable();
            assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
        }
        let mut ids: Vec<_> = sent.iter().map(|message| message["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 40);
    }

    async fn the_same_nonce_stores_one_message_and_another_under_it_is_a_conflict(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let [group, other] = [ann.group(&[&bob]).await, ann.group(&[&bob]).await];
        let first = send(&ann, group, json!({ "content": "hello", "nonce": "n" })).await.expect(201);
        let mut at_bob = bob.socket().await;

        assert_eq!(send(&ann, group, json!({ "content": "hello", "nonce": "n" })).await.expect(200), first);
        for (conversation, message) in [
            (group, json!({ "content": "other words", "nonce": "n" })),
            (group, json!({ "content": "hello", "nonce": "n", "reply_id": first["id"] })),
            (other, json!({ "content": "hello", "nonce": "n" })),
        ] {
            let answer = send(&ann, conversation, message).await;
            answer.refuses(409, "conflict");
            assert_eq!(answer.body["errors"][0]["field"], "nonce");
        }
        assert_eq!(at_bob.heard().await, Vec::<Value>::new());
        assert_eq!(page(&bob, group, "").await.0, ["hello"]);

        // A nonce is its sender's own.
        send(&bob, group, json!({ "content": "hello", "nonce": "n" })).await.expect(201);
    }

    async fn of_many_who_send_one_nonce_at_once_one_is_stored(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let tries = (0..8).map(|_| send(&ann, group, json!({ "content": "hello", "nonce": "n" })));
        let answers = futures::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert!(answers.iter().all(|answer| answer.body == answers[0].body));
        assert_eq!(page(&ann, group, "").await.0, ["hello"]);
    }

    async fn a_nonce_names_its_message_after_an_edit_and_after_deletion(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let draft = json!({ "content": "hello", "nonce": "n" });
        let sent = send(&ann, group, draft.clone()).await.expect(201);
        let path = format!("/messages/{}", sent["id"]);
        ann.patch(&path, json!({ "content": "hello!" })).await.expect(200);
        assert_eq!(send(&ann, group, draft.clone()).await.expect(200)["content"], "hello!");
        ann.delete(&path).await.expect(200);
        assert_eq!(send(&ann, group, draft).await.expect(200)["deleted"], true);
    }

    async fn a_reply_names_a_message_of_its_own_conversation(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let [group, other] = [ann.group(&[&bob]).await, ann.group(&[]).await];
        let question = ann.send(group, "Tea?").await;
        let elsewhere = ann.send(other, "elsewhere").await;
        let reply = send(&bob, group, json!({ "content": "Yes", "reply_id": question["id"] })).await.expect(201);
        assert_eq!(reply["reply_id"], question["id"]);
        let foreign = send(&bob, group, json!({ "content": "Yes", "reply_id": elsewhere["id"] })).await;
        foreign.blames("reply_id");
        assert_eq!(foreign.text, send(&bob, group, json!({ "content": "Yes", "reply_id": 999_999 })).await.text);
        send(&bob, group, json!({ "content": "No reply", "reply_id": null })).await.expect(201);
        assert_eq!(page(&ann, group, "").await.0, ["No reply", "Yes", "Tea?"]);
    }

    async fn sending_to_a_user_begins_the_direct_conversation(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_bob = bob.socket().await;
        let draft = json!({ "sender_id": ann.id, "receiver_id": bob.id, "content": "hello", "nonce": "n" });

        let message = ann.post("/messages/send_message", draft.clone()).await.expect(201);

        assert_eq!(at_bob.hear().await["data"]["id"], message["conversation_id"]);
        assert_eq!(at_bob.hear().await["data"], message);
        assert_eq!(ann.post("/messages/send_message", draft).await.expect(200), message);
        let answer = json!({ "receiver_id": ann.id, "content": "hi" });
        let answer = bob.post("/messages/send_message", answer).await.expect(201);
        assert_eq!((&answer["conversation_id"], &answer["seq"]), (&message["conversation_id"], &json!(2)));
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(200);
        assert_eq!(direct["id"], message["conversation_id"]);
    }

    async fn sending_to_a_group_or_a_direct_conversation_by_its_id(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201);
        for receiver in [json!(group), direct["id"].clone()] {
            let draft = json!({ "receiver_id": receiver, "content": "hello" });
            let sent = bob.post("/messages/send_message", draft).await.expect(201);
            assert_eq!((&sent["conversation_id"], &sent["seq"]), (&receiver, &json!(1)));
        }
    }

    async fn nobody_sends_in_the_name_of_another_or_to_themselves_or_to_nobody(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let draft =
            |sender: i64, receiver: i64| json!({ "sender_id": sender, "receiver_id": receiver, "content": "hello" });
        ann.post("/messages/send_message", draft(bob.id, bob.id)).await.refuses(403, "forbidden");
        ann.post("/messages/send_message", draft(ann.id, ann.id)).await.refuses(422, "invalid");
        for receiver in [999_999, 0, -1, i64::MAX] {
            ann.post("/messages/send_message", draft(ann.id, receiver)).await.refuses(404, "not_found");
        }
        assert_eq!(ann.get("/conversations").await.expect(200)["conversations"], json!([]));
    }

    async fn a_draft_that_is_wrong_begins_no_direct_conversation(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        ann.post("/messages/send_message", json!({ "receiver_id": bob.id, "content": "" })).await.blames("content");
        let reply = json!({ "receiver_id": bob.id, "content": "hello", "reply_id": 0 });
        ann.post("/messages/send_message", reply).await.blames("reply_id");
        assert_eq!(bob.get("/conversations").await.expect(200)["conversations"], json!([]));
    }

    async fn history_is_newest_first_and_its_pages_join(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let mut all = vec![];
        for turn in 1..=7 {
            ann.send(group, &turn.to_string()).await;
            all.insert(0, turn.to_string());
        }
        for limit in 1..=8 {
            let mut seen = vec![];
            let mut before = String::new();
            loop {
                let (contents, next) = page(&ann, group, &format!("limit={limit}{before}")).await;
                assert!(contents.len() <= limit);
                seen.extend(contents);
                match next {
                    None => break,
                    Some(next) => before = format!("&before={next}"),
                }
            }
            assert_eq!(seen, all);
        }
    }

    async fn after_a_message_history_is_oldest_first_and_its_pages_join(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let first = ann.send(group, "1").await;
        for turn in 2..=6 {
            ann.send(group, &turn.to_string()).await;
        }
        let mut seen = vec![];
        let mut after = first["id"].as_i64().unwrap();
        loop {
            let (contents, next) = page(&ann, group, &format!("after={after}&limit=2")).await;
            seen.extend(contents);
            match next {
                None => break,
                Some(next) => after = next,
            }
        }
        assert_eq!(seen, ["2", "3", "4", "5", "6"]);
    }

    async fn after_nothing_history_begins_at_the_oldest(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        for turn in 1..=3 {
            ann.send(group, &turn.to_string()).await;
        }
        let (oldest, next) = page(&ann, group, "after=0&limit=2").await;
        assert_eq!(oldest, ["1", "2"]);
        let rest = page(&ann, group, &format!("after={}&limit=2", next.unwrap())).await;
        assert_eq!(rest, (vec!["3".to_owned()], None));
    }

    async fn cursors_are_exclusive_and_may_name_what_is_elsewhere(server: Server) {
        let ann = server.person("ann").await;
        let [group, other] = [ann.group(&[]).await, ann.group(&[]).await];
        let mut ids = vec![];
        for turn in 1..=3 {
            ids.push(ann.send(group, &turn.to_string()).await["id"].clone());
            ids.push(ann.send(other, "elsewhere").await["id"].clone());
        }
        for (query, contents) in [
            (format!("before={}", ids[2]), vec!["1"]),
            (format!("before={}", ids[3]), vec!["2", "1"]),
            (format!("after={}", ids[2]), vec!["3"]),
            (format!("after={}", ids[1]), vec!["2", "3"]),
            (format!("after={}", ids[4]), vec![]),
            (format!("before={}", ids[0]), vec![]),
            ("before=9007199254740991".into(), vec!["3", "2", "1"]),
        ] {
            assert_eq!(
                page(&ann, group, &query).await,
                (contents.iter().map(ToString::to_string).collect(), None),
                "{query}"
            );
        }
        let both = format!("/conversations/{group}/messages?before={}&after={}", ids[4], ids[0]);
        ann.get(&both).await.blames("after");
    }

    async fn a_page_holds_fifty_messages_unless_asked_and_a_hundred_at_most(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        futures::future::join_all((0..101).map(|_| ann.send(group, "hello"))).await;
        for (query, count) in [("", 50), ("limit=1", 1), ("limit=100", 100)] {
            let (contents, next) = page(&ann, group, query).await;
            assert_eq!((contents.len(), next.is_some()), (count, true));
        }
        for limit in ["0", "101", "-1", "many", "1.5"] {
            ann.get(&format!("/conversations/{group}/messages?limit={limit}")).await.blames("limit");
        }
    }

    async fn the_author_edits_and_everyone_hears(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let sent = ann.send(group, "helo").await;
        let mut at_bob = bob.socket().await;
        let path = format!("/messages/{}", sent["id"]);
        for (seq, method, content) in [(2, Method::PATCH, "hello"), (3, Method::PUT, "hello!")] {
            let request = ann.request(method, &path).body(json!({ "content": content }).to_string());
            let edited = Answer::to(request).await.expect(200);
            assert_eq!((&edited["content"], &edited["id"]), (&json!(content), &sent["id"]));
            assert!(edited["edited_at"].as_i64().unwrap() >= sent["sent_at"].as_i64().unwrap());
            let heard = at_bob.hear().await;
            assert_eq!((&heard["type"], &heard["data"]["seq"]), (&json!("edit_message"), &json!(seq)));
            assert_eq!(heard["data"]["content"], content);
            assert_eq!(bob.get(&path).await.expect(200), edited);
        }
        assert_eq!(page(&bob, group, "").await.0, ["hello!"]);
    }

    async fn only_the_author_edits_and_nothing_that_is_deleted(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let message = bob.send(group, "hello").await;
        let path = format!("/messages/{}", message["id"]);
        let edit = json!({ "content": "goodbye" });
        ann.patch(&path, edit.clone()).await.refuses(403, "forbidden");
        ann.put(&path, edit.clone()).await.refuses(403, "forbidden");
        assert_eq!(bob.get(&path).await.expect(200), message);
        bob.delete(&path).await.expect(200);
        bob.patch(&path, edit).await.refuses(409, "conflict");
        assert_eq!(bob.get(&path).await.expect(200)["content"], "");
    }

    async fn deleting_takes_the_words_everywhere_and_leaves_the_place(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let message = ann.send(group, "my words").await;
        ann.patch(&format!("/messages/{}", message["id"]), json!({ "content": "my words, edited" })).await.expect(200);
        let mut at_bob = bob.socket().await;
        let path = format!("/messages/{}", message["id"]);

        let deleted = ann.delete(&path).await.expect(200);

        assert_eq!((&deleted["content"], &deleted["deleted"]), (&json!(""), &json!(true)));
        let heard = at_bob.hear().await;
        assert_eq!((&heard["type"], &heard["data"]["seq"]), (&json!("delete_message"), &json!(3)));
        assert_eq!((&heard["data"]["content"], &heard["data"]["deleted"]), (&json!(""), &json!(true)));
        for path in [
            &path,
            &format!("/conversations/{group}/messages"),
            &format!("/conversations/{group}/events"),
            "/conversations",
        ] {
            let seen = bob.get(path).await;
            assert!(!seen.text.contains("my words"), "{path}: {}", seen.text);
        }
        assert_eq!(page(&bob, group, "").await.0, [""]);
        assert_eq!(ann.delete(&path).await.expect(200), deleted);
        assert_eq!(at_bob.heard().await, Vec::<Value>::new());
    }

    async fn admins_delete_what_others_say_and_members_do_not(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob, &cleo]).await;
        ann.put(&format!("/groups/{group}/members/{}", bob.id), json!({ "role": "admin" })).await.expect(200);
        for (deleter, author, status) in [(&bob, &cleo, 200), (&ann, &bob, 200), (&bob, &ann, 200), (&cleo, &ann, 403)]
        {
            let message = author.send(group, "hello").await;
            let answer = deleter.delete(&format!("/messages/{}", message["id"])).await;
            assert_eq!(answer.status, status);
        }
    }

    async fn whoever_left_neither_reads_nor_changes_what_they_wrote(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let message = send(&bob, group, json!({ "content": "hello", "nonce": "n" })).await.expect(201);
        bob.post("/groups/leave_group", json!({ "group_id": group })).await.expect(200);
        let path = format!("/messages/{}", message["id"]);
        for refused in [
            bob.get(&path).await,
            bob.patch(&path, json!({ "content": "changed" })).await,
            bob.delete(&path).await,
            send(&bob, group, json!({ "content": "hello", "nonce": "n" })).await,
        ] {
            refused.refuses(404, "not_found");
        }
        assert_eq!(ann.get(&path).await.expect(200), message);
    }

    async fn a_message_one_cannot_see_answers_like_one_that_does_not_exist(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = bob.group(&[]).await;
        let foreign = bob.send(group, "secret").await["id"].as_i64().unwrap();
        for (method, path, body) in [
            (Method::GET, "/messages/{id}", json!({})),
            (Method::PATCH, "/messages/{id}", json!({ "content": "changed" })),
            (Method::PUT, "/messages/{id}", json!({ "content": "changed" })),
            (Method::DELETE, "/messages/{id}", json!({})),
            (Method::PUT, "/messages/read", json!({ "message_ids": ["{id}"] })),
        ] {
            let answers = [foreign, 999_999].map(|id| {
                let body = body.to_string().replace("\"{id}\"", &id.to_string());
                Answer::to(ann.request(method.clone(), &path.replace("{id}", &id.to_string())).body(body))
            });
            let [foreign, unknown] = <[Answer; 2]>::try_from(futures::future::join_all(answers).await).unwrap();
            foreign.refuses(404, "not_found");
            assert_eq!(foreign.text, unknown.text, "{method} {path}");
        }
        assert_eq!(page(&bob, group, "").await.0, ["secret"]);
    }
}
