//! Messages over the event socket: sending, replies, nonces, history, editing, deleting, reading (API 3.1 and 3.2).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Socket, all_hear, end_to_end, event, hear_nothing, refusal, with_ref};
use serde_json::{Value, json};

/// A message as it is sent, its id and time taken from the frame it is checked in.
fn message(seen: &Value, sender: &Person, conversation: i64, seq: i64, content: &str) -> Value {
    assert!(seen["id"].as_i64() > Some(0) && seen["sent_at"].as_i64() > Some(1_700_000_000), "{seen}");
    json!({
        "id": seen["id"],
        "conversation_id": conversation,
        "seq": seq,
        "sender_username": sender.username,
        "sender_id": sender.id,
        "content": content,
        "reply_id": null,
        "nonce": null,
        "sent_at": seen["sent_at"],
        "edited_at": null,
        "deleted": false,
    })
}

fn send(conversation: i64, content: &str) -> Value {
    json!({ "type": "send_message", "conversation_id": conversation, "content": content })
}

fn send_once(conversation: i64, content: &str, nonce: &str) -> Value {
    let mut request = send(conversation, content);
    request["nonce"] = json!(nonce);
    with_ref(request, "mine")
}

fn read_event(reader: &Person, conversation: i64, message: &Value) -> Value {
    let data = json!({
        "conversation_id": conversation, "user_id": reader.id, "username": reader.username, "message_id": message,
    });
    event("read", &data)
}

/// The messages of a conversation over the socket, newest first.
async fn history(socket: &mut Socket, conversation: i64) -> Value {
    let answer = socket.asks(json!({ "type": "get_messages", "conversation_id": conversation })).await;
    assert_eq!((&answer["type"], &answer["data"]["conversation_id"]), (&json!("get_messages"), &json!(conversation)));
    answer["data"]["messages"].clone()
}

/// How many messages of a conversation someone has not read, and up to which they have.
async fn unread(socket: &mut Socket, conversation: i64) -> (i64, Value) {
    let answer = socket.asks(json!({ "type": "get_conversations" })).await;
    let listed = answer["data"].as_array().unwrap();
    let listed = listed.iter().find(|listed| listed["id"] == conversation).unwrap();
    (listed["unread"].as_i64().unwrap(), listed["read_up_to"].clone())
}

end_to_end! {
    async fn a_message_reaches_every_socket_of_every_member_and_nobody_else(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_ann_too, mut at_bob, mut at_bob_too, mut at_eve] =
            Socket::of([&ann, &ann, &bob, &bob, &eve]).await;

        let sent = at_ann.asks(send(group, " Tea?\n🍵 \"quoted\" \\ ")).await;

        let expected = event("send_message", &message(&sent["data"], &ann, group, 1, " Tea?\n🍵 \"quoted\" \\ "));
        assert_eq!(sent, expected);
        all_hear([&mut at_ann_too, &mut at_bob, &mut at_bob_too], &expected).await;
        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_bob, &mut at_bob_too, &mut at_eve]).await;
    }

    async fn a_message_carries_its_ref_to_the_asking_socket_alone(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_ann_too, mut at_bob] = Socket::of([&ann, &ann, &bob]).await;

        for reference in [json!("first"), json!(2)] {
            let sent = at_ann.asks(with_ref(send(group, "Tea?"), reference.clone())).await;
            let plain = event("send_message", &sent["data"]);
            assert_eq!(sent, with_ref(plain.clone(), reference.clone()));
            all_hear([&mut at_ann_too, &mut at_bob], &plain).await;
        }
        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_bob]).await;
    }

    async fn a_message_may_be_as_long_as_the_limit_and_no_longer(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let mut at_ann = ann.socket().await;

        let longest = "x".repeat(16 * 1_024);
        assert_eq!(at_ann.asks(send(group, &longest)).await["data"]["content"], longest);
        let too_long = format!("{longest}x");
        let expected = refusal("invalid", "content: must be at most 16384 bytes long");
        assert_eq!(at_ann.refused(send(group, &too_long)).await, expected);
        assert_eq!(history(&mut at_ann, group).await.as_array().unwrap().len(), 1);
    }

    async fn a_message_to_a_conversation_one_is_not_in_is_refused_to_the_asking_socket(server: Server) {
        let [ann, eve] = server.people(["ann", "eve"]).await;
        let group = ann.group(&[]).await;
        let [mut at_ann, mut at_eve, mut at_eve_too] = Socket::of([&ann, &eve, &eve]).await;

        let refused = at_eve.refused(with_ref(send(group, "let me in"), 1)).await;

        assert_eq!(refused, refusal("not_found", "no such conversation"));
        hear_nothing([&mut at_ann, &mut at_eve, &mut at_eve_too]).await;
        assert_eq!(history(&mut at_ann, group).await, json!([]));
    }

    async fn what_is_done_over_http_is_heard_like_what_is_done_over_a_socket(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        let sent = ann.send(group, "Tea?").await;
        all_hear([&mut at_ann, &mut at_bob], &event("send_message", &sent)).await;
        let id = &sent["id"];
        let edited = ann.patch(&format!("/messages/{id}"), json!({ "content": "Cake?" })).await;
        let mut expected = edited.body.clone();
        expected["seq"] = json!(2);
        all_hear([&mut at_ann, &mut at_bob], &event("edit_message", &expected)).await;
        bob.put("/messages/read", json!({ "message_ids": [id] })).await;
        all_hear([&mut at_ann, &mut at_bob], &read_event(&bob, group, id)).await;
        ann.delete(&format!("/messages/{id}")).await;
        (expected["seq"], expected["content"], expected["deleted"]) = (json!(3), json!(""), json!(true));
        all_hear([&mut at_ann, &mut at_bob], &event("delete_message", &expected)).await;
        hear_nothing([&mut at_ann, &mut at_bob]).await;
    }

    async fn messages_in_a_direct_conversation_reach_the_two(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let [mut at_ann, mut at_bob, mut at_eve] = Socket::of([&ann, &bob, &eve]).await;

        let direct =
            ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].as_i64().unwrap();
        let created = at_bob.hear().await;
        assert_eq!((&created["type"], &created["data"]["kind"]), (&json!("create_conversation"), &json!("direct")));
        all_hear([&mut at_ann], &created).await;
        let sent = at_bob.asks(send(direct, "Tea?")).await;

        assert_eq!(sent, event("send_message", &message(&sent["data"], &bob, direct, 1, "Tea?")));
        all_hear([&mut at_ann], &sent).await;
        hear_nothing([&mut at_eve]).await;
    }

    async fn a_reply_names_a_message_of_its_own_conversation(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let (group, elsewhere) = (ann.group(&[&bob]).await, ann.group(&[&bob]).await);
        let question = ann.send(group, "Tea?").await["id"].clone();
        let other = ann.send(elsewhere, "Cake?").await["id"].clone();
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        let reply = |reply_id: &Value| {
            json!({
                "type": "send_message", "conversation_id": group, "content": "At five!", "reply_id": reply_id,
            })
        };

        let replied = at_bob.asks(reply(&question)).await;
        assert_eq!(replied["data"]["reply_id"], question);
        all_hear([&mut at_ann], &replied).await;
        assert_eq!(at_bob.asks(reply(&Value::Null)).await["data"]["reply_id"], Value::Null);
        at_ann.hear().await;
        for wrong in [&other, &json!(9_007_199_254_740_991_i64)] {
            let expected = refusal("invalid", "reply_id: must be a message of this conversation");
            assert_eq!(at_bob.refused(reply(wrong)).await, expected);
        }
        hear_nothing([&mut at_ann, &mut at_bob]).await;
    }

    async fn a_reply_and_the_deletion_of_what_it_answers_leave_each_other_alone(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let question = ann.send(group, "Tea?").await["id"].clone();
        let mut at_ann = ann.socket().await;
        let reply = json!({
            "type": "send_message", "conversation_id": group, "content": "At five!", "reply_id": question,
        });

        at_ann.asks(reply.clone()).await;
        at_ann.asks(json!({ "type": "delete_message", "message_id": question })).await;
        let late = at_ann.asks(reply).await;

        assert_eq!(late["data"]["reply_id"], question);
        let messages = history(&mut at_ann, group).await;
        assert_eq!((&messages[0]["reply_id"], &messages[1]["reply_id"]), (&question, &question));
        assert_eq!((&messages[1]["content"], &messages[2]["deleted"]), (&json!("At five!"), &json!(true)));
    }

    async fn a_repeated_nonce_is_answered_with_the_stored_message_and_heard_by_nobody_else(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_ann_too, mut at_bob] = Socket::of([&ann, &ann, &bob]).await;

        let sent = at_ann.asks(send_once(group, "Tea?", "n1")).await;
        assert_eq!((&sent["data"]["nonce"], &sent["ref"]), (&json!("n1"), &json!("mine")));
        all_hear([&mut at_ann_too, &mut at_bob], &event("send_message", &sent["data"])).await;
        let repeated = at_ann.asks(send_once(group, "Tea?", "n1")).await;
        let repeated_elsewhere = at_ann_too.asks(send_once(group, "Tea?", "n1")).await;

        assert_eq!((&repeated, &repeated_elsewhere), (&sent, &sent));
        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_bob]).await;
        assert_eq!(history(&mut at_bob, group).await, json!([sent["data"]]));
        let over_http = json!({ "content": "Tea?", "nonce": "n1" });
        let over_http = ann.post(&format!("/conversations/{group}/messages"), over_http).await;
        assert_eq!((over_http.status.as_u16(), &over_http.body), (200, &sent["data"]));
    }

    async fn one_nonce_from_many_sockets_at_once_stores_one_message(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let mut at_bob = bob.socket().await;
        let sockets = Socket::of([&ann; 10]).await;

        let answers = sockets.map(async |mut socket| {
            socket.ask(send_once(group, "Tea?", "n1")).await;
            loop {
                let frame = socket.hear().await;
                if frame["ref"] == "mine" {
                    return frame;
                }
            }
        });
        let answers = futures::future::join_all(answers).await;

        let heard = at_bob.hear().await;
        hear_nothing([&mut at_bob]).await;
        for answer in answers {
            assert_eq!(answer, with_ref(heard.clone(), "mine"));
        }
        assert_eq!(history(&mut at_bob, group).await, json!([heard["data"]]));
    }

    async fn a_nonce_names_one_message_of_its_sender(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let (group, elsewhere) = (ann.group(&[&bob]).await, ann.group(&[&bob]).await);
        let earlier = ann.send(group, "Hello").await["id"].clone();
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        at_ann.asks(send_once(group, "Tea?", "n1")).await;
        at_bob.hear().await;

        let mut as_reply = send_once(group, "Tea?", "n1");
        as_reply["reply_id"] = earlier;
        for other in [send_once(group, "Cake?", "n1"), send_once(elsewhere, "Tea?", "n1"), as_reply] {
            let expected = refusal("conflict", "nonce: this nonce names another message");
            assert_eq!(at_ann.refused(other).await, expected);
        }
        let of_another = at_bob.asks(send_once(group, "Tea?", "n1")).await;
        assert_eq!((&of_another["success"], &of_another["data"]["sender_username"]), (&json!(true), &json!("bob")));
        assert_eq!(at_ann.hear().await, event("send_message", &of_another["data"]));
        hear_nothing([&mut at_ann, &mut at_bob]).await;
    }

    async fn a_nonce_is_remembered_after_its_message_is_edited_or_deleted(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let mut at_ann = ann.socket().await;
        let id = at_ann.asks(send_once(group, "Tea?", "n1")).await["data"]["id"].clone();

        at_ann.asks(json!({ "type": "edit_message", "message_id": id, "content": "Cake?" })).await;
        let repeated = at_ann.asks(send_once(group, "Tea?", "n1")).await;
        assert_eq!((&repeated["data"]["id"], &repeated["data"]["content"]), (&id, &json!("Cake?")));
        at_ann.asks(json!({ "type": "delete_message", "message_id": id })).await;
        let repeated = at_ann.asks(send_once(group, "Tea?", "n1")).await;

        assert_eq!((&repeated["data"]["id"], &repeated["data"]["deleted"]), (&id, &json!(true)));
        assert_eq!(history(&mut at_ann, group).await.as_array().unwrap().len(), 1);
    }

    async fn history_is_read_newest_first_a_hundred_at_a_time(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        assert_eq!(history(&mut at_bob, group).await, json!([]));
        let mut sent = vec![];
        for n in 0..205 {
            sent.insert(0, at_ann.asks(send(group, &n.to_string())).await["data"].clone());
            at_bob.hear().await;
        }

        let mut pages = vec![history(&mut at_bob, group).await];
        while let Some(oldest) = pages.last().unwrap().as_array().unwrap().last() {
            let before = oldest["id"].clone();
            let request = json!({ "type": "get_messages", "conversation_id": group, "before": before });
            pages.push(at_bob.asks(request).await["data"]["messages"].clone());
        }

        let pages: Vec<_> = pages.iter().map(|page| page.as_array().unwrap().clone()).collect();
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 5, 0]);
        assert_eq!(pages.concat(), sent);
    }

    async fn an_edit_is_heard_by_every_member_with_a_place_of_its_own(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        let sent = ann.send(group, "Tea?").await;
        ann.send(group, "Well?").await;
        let [mut at_ann, mut at_ann_too, mut at_bob, mut at_eve] = Socket::of([&ann, &ann, &bob, &eve]).await;

        let request = json!({ "type": "edit_message", "message_id": sent["id"], "content": "Cake?", "ref": 5 });
        let edited = at_ann.asks(request).await;

        let mut expected = sent.clone();
        assert!(edited["data"]["edited_at"].as_i64() >= sent["sent_at"].as_i64());
        expected["content"] = json!("Cake?");
        expected["edited_at"] = edited["data"]["edited_at"].clone();
        let kept = expected.clone();
        expected["seq"] = json!(3);
        assert_eq!(edited, with_ref(event("edit_message", &expected), 5));
        all_hear([&mut at_ann_too, &mut at_bob], &event("edit_message", &expected)).await;
        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_bob, &mut at_eve]).await;
        assert_eq!(history(&mut at_bob, group).await[1], kept);
    }

    async fn only_its_author_edits_a_message(server: Server) {
        let [ann, bob, cyd, eve] = server.people(["ann", "bob", "cyd", "eve"]).await;
        let group = ann.group(&[&bob, &cyd]).await;
        ann.put(&format!("/groups/{group}/members/{}", cyd.id), json!({ "role": "admin" })).await.expect(200);
        let id = bob.send(group, "Tea?").await["id"].clone();
        let [mut at_ann, mut at_bob, mut at_cyd, mut at_eve] = Socket::of([&ann, &bob, &cyd, &eve]).await;
        let edit = json!({ "type": "edit_message", "message_id": id, "content": "Beer!" });

        let only_author = refusal("forbidden", "only its author may edit a message");
        assert_eq!(at_ann.refused(edit.clone()).await, only_author);
        assert_eq!(at_cyd.refused(edit.clone()).await, only_author);
        assert_eq!(at_eve.refused(edit.clone()).await, refusal("not_found", "no such message"));
        bob.post(&format!("/groups/{group}/leave"), json!({})).await.expect(200);
        assert_eq!(at_bob.hear().await["type"], "leave_conversation");
        assert_eq!(at_bob.refused(edit).await, refusal("not_found", "no such message"));

        assert_eq!(ann.get(&format!("/messages/{id}")).await.body["content"], "Tea?");
    }

    async fn a_deleted_message_is_heard_without_its_words(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        let sent = bob.send(group, "a secret").await;
        let [mut at_ann, mut at_bob, mut at_bob_too, mut at_eve] = Socket::of([&ann, &bob, &bob, &eve]).await;

        let deleted = at_bob.asks(json!({ "type": "delete_message", "message_id": sent["id"], "ref": "d" })).await;

        let mut expected = sent;
        (expected["seq"], expected["content"], expected["deleted"]) = (json!(2), json!(""), json!(true));
        assert_eq!(deleted, with_ref(event("delete_message", &expected), "d"));
        all_hear([&mut at_ann, &mut at_bob_too], &event("delete_message", &expected)).await;
        hear_nothing([&mut at_ann, &mut at_bob, &mut at_bob_too, &mut at_eve]).await;
    }

    async fn deleting_again_is_answered_with_the_first_deletion_and_heard_by_nobody_else(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let id = bob.send(group, "a secret").await["id"].clone();
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        let delete = json!({ "type": "delete_message", "message_id": id });

        let first = at_bob.asks(delete.clone()).await;
        at_ann.hear().await;

        assert_eq!(at_ann.asks(delete.clone()).await, first);
        assert_eq!(at_bob.asks(with_ref(delete, 2)).await, with_ref(first, 2));
        hear_nothing([&mut at_ann, &mut at_bob]).await;
    }

    async fn the_words_of_a_deleted_message_are_gone_everywhere(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let mut at_bob = bob.socket().await;
        let id = bob.send(group, "xyzzy at first").await["id"].clone();
        at_bob.hear().await;
        at_bob.asks(json!({ "type": "edit_message", "message_id": id, "content": "xyzzy at last" })).await;

        at_bob.asks(json!({ "type": "delete_message", "message_id": id })).await;

        for request in [
            json!({ "type": "get_messages", "conversation_id": group }),
            json!({ "type": "get_conversations" }),
            json!({ "type": "get_conversation_info", "id": group }),
        ] {
            at_bob.ask(request).await;
            assert!(!at_bob.hear_text().await.contains("xyzzy"));
        }
        for path in [
            format!("/conversations/{group}/messages"),
            format!("/conversations/{group}/events?after=0"),
            "/conversations".to_owned(),
            format!("/messages/{id}"),
        ] {
            let answer = ann.get(&path).await;
            assert!(answer.status.is_success() && !answer.text.contains("xyzzy"), "{path}: {}", answer.text);
        }
        let deleted = history(&mut at_bob, group).await[0].clone();
        assert_eq!((&deleted["content"], &deleted["deleted"], &deleted["seq"]), (&json!(""), &json!(true), &json!(1)));
        let edit = json!({ "type": "edit_message", "message_id": id, "content": "back again" });
        assert_eq!(at_bob.refused(edit).await, refusal("conflict", "message_id: the message is deleted"));
    }

    async fn a_message_is_deleted_by_its_author_or_an_admin(server: Server) {
        let [ann, bob, cyd, dan, eve] = server.people(["ann", "bob", "cyd", "dan", "eve"]).await;
        let group = ann.group(&[&bob, &cyd, &dan]).await;
        ann.put(&format!("/groups/{group}/members/{}", cyd.id), json!({ "role": "admin" })).await.expect(200);

        for (who, author, outcome) in [
            (&dan, &dan, None),
            (&cyd, &dan, None),
            (&ann, &dan, None),
            (&cyd, &ann, None),
            (&bob, &dan, Some(refusal("forbidden", "only its author or an admin may delete a message"))),
            (&bob, &ann, Some(refusal("forbidden", "only its author or an admin may delete a message"))),
            (&eve, &dan, Some(refusal("not_found", "no such message"))),
        ] {
            let id = author.send(group, "Tea?").await["id"].clone();
            let mut socket = who.socket().await;
            let delete = json!({ "type": "delete_message", "message_id": id });
            match outcome {
                None => assert_eq!(socket.asks(delete).await["data"]["deleted"], true, "{}", who.username),
                Some(expected) => assert_eq!(socket.refused(delete).await, expected, "{}", who.username),
            }
            let is_deleted = ann.get(&format!("/messages/{id}")).await.body["deleted"] == json!(true);
            assert_eq!(is_deleted, matches!(who.username.as_str(), "ann" | "cyd" | "dan"));
        }
    }

    async fn a_read_mark_is_heard_by_every_member_and_takes_no_seq(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        let id = ann.send(group, "Tea?").await["id"].clone();
        let [mut at_ann, mut at_bob, mut at_bob_too, mut at_eve] = Socket::of([&ann, &bob, &bob, &eve]).await;

        let read = json!({ "type": "read", "conversation_id": group, "message_id": id, "ref": 9 });
        let answer = at_bob.asks(read).await;

        let expected = read_event(&bob, group, &id);
        assert_eq!(answer, with_ref(expected.clone(), 9));
        all_hear([&mut at_ann, &mut at_bob_too], &expected).await;
        hear_nothing([&mut at_ann, &mut at_bob, &mut at_bob_too, &mut at_eve]).await;
        assert_eq!(ann.send(group, "Well?").await["seq"], 2);
    }

    async fn a_read_mark_never_moves_back(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let (older, newer) = (ann.send(group, "1").await["id"].clone(), ann.send(group, "2").await["id"].clone());
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        let read = |id: &Value| json!({ "type": "read", "conversation_id": group, "message_id": id });

        at_bob.asks(read(&newer)).await;
        at_ann.hear().await;
        for id in [&older, &newer] {
            let answer = at_bob.asks(read(id)).await;
            assert_eq!((&answer["success"], &answer["data"]["message_id"]), (&json!(true), &newer));
        }

        hear_nothing([&mut at_ann, &mut at_bob]).await;
        assert_eq!(unread(&mut at_bob, group).await, (0, newer));
    }

    async fn unread_counts_what_others_said_after_the_mark(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        let mut ids = vec![];
        for n in 0..5 {
            ids.push(at_ann.asks(send(group, &n.to_string())).await["data"]["id"].clone());
            at_bob.hear().await;
        }
        at_bob.asks(send(group, "from bob")).await;
        at_ann.hear().await;

        assert_eq!(unread(&mut at_bob, group).await, (5, Value::Null));
        assert_eq!(unread(&mut at_ann, group).await.0, 1);
        at_bob.asks(json!({ "type": "read", "conversation_id": group, "message_id": ids[1] })).await;
        at_ann.hear().await;
        assert_eq!(unread(&mut at_bob, group).await, (3, ids[1].clone()));
        at_ann.asks(json!({ "type": "delete_message", "message_id": ids[4] })).await;
        at_bob.hear().await;
        assert_eq!(unread(&mut at_bob, group).await, (2, ids[1].clone()));
    }

    async fn a_read_mark_needs_a_message_of_that_conversation(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let (group, elsewhere) = (ann.group(&[&bob]).await, ann.group(&[&bob]).await);
        let id = ann.send(group, "Tea?").await["id"].clone();
        let [mut at_bob, mut at_eve] = Socket::of([&bob, &eve]).await;

        let unknown = refusal("not_found", "no such message");
        for (conversation, message) in [(elsewhere, id.clone()), (group, json!(999_999)), (999_999, id.clone())] {
            let read = json!({ "type": "read", "conversation_id": conversation, "message_id": message });
            assert_eq!(at_bob.refused(read).await, unknown);
        }
        let read = json!({ "type": "read", "conversation_id": group, "message_id": id });
        assert_eq!(at_eve.refused(read).await, unknown);
        assert_eq!(unread(&mut at_bob, group).await, (1, Value::Null));
    }
}
