//! Groups over the event socket: names, members, roles, leaving, deletion, and who hears of each (API 3.2).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Socket, all_hear, end_to_end, event, hear_nothing, refusal, with_ref};
use serde_json::{Value, json};

fn added(group: i64, seq: i64, member: &Person, role: &str, by: &str) -> Value {
    let data = json!({
        "conversation_id": group, "seq": seq, "user_id": member.id, "username": member.username, "role": role, "by": by,
    });
    event("add_member", &data)
}

fn gone(kind: &str, group: i64, seq: i64, member: &Person, by: &str) -> Value {
    let data = json!({
        "conversation_id": group, "seq": seq, "user_id": member.id, "username": member.username, "by": by,
        "messages_deleted": false,
    });
    event(kind, &data)
}

fn deleted(group: i64, by: &str) -> Value {
    event("delete_conversation", &json!({ "conversation_id": group, "by": by }))
}

/// The members of a group by the order in which they joined, each with their role.
async fn roles(viewer: &Person, group: i64) -> Vec<(String, String)> {
    let shown = viewer.get(&format!("/groups/{group}")).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    shown["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| (text(&member["username"]), text(&member["role"])))
        .collect()
}

fn are(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(username, role)| ((*username).to_owned(), (*role).to_owned())).collect()
}

end_to_end! {
    async fn a_new_name_is_heard_by_every_member(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_ann_too, mut at_bob, mut at_eve] = Socket::of([&ann, &ann, &bob, &eve]).await;

        let rename = json!({ "type": "rename_conversation", "conversation_id": group, "name": " Tea ", "ref": 1 });
        let answer = at_ann.asks(rename).await;

        let data = json!({ "conversation_id": group, "seq": 1, "name": "Tea", "visibility": "private", "by": "ann" });
        let expected = event("rename_conversation", &data);
        assert_eq!(answer, with_ref(expected.clone(), 1));
        all_hear([&mut at_ann_too, &mut at_bob], &expected).await;
        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_bob, &mut at_eve]).await;
        let shown = at_bob.asks(json!({ "type": "get_conversation_info", "id": group })).await;
        assert_eq!((&shown["data"]["name"], &shown["data"]["last_seq"]), (&json!("Tea"), &json!(1)));
    }

    async fn a_name_that_stays_the_same_is_answered_and_heard_by_nobody_else(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        let rename = json!({ "type": "rename_conversation", "conversation_id": group, "name": "a group", "ref": 1 });
        let answer = at_ann.asks(rename).await;

        assert_eq!((&answer["success"], &answer["data"]["name"]), (&json!(true), &json!("a group")));
        assert_eq!(answer["ref"], 1);
        hear_nothing([&mut at_ann, &mut at_bob]).await;
    }

    async fn admins_and_the_owner_rename(server: Server) {
        let [ann, bob, cyd, eve] = server.people(["ann", "bob", "cyd", "eve"]).await;
        let group = ann.group(&[&bob, &cyd]).await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].clone();
        ann.put(&format!("/groups/{group}/members/{}", cyd.id), json!({ "role": "admin" })).await.expect(200);
        let [mut at_ann, mut at_bob, mut at_cyd, mut at_eve] = Socket::of([&ann, &bob, &cyd, &eve]).await;
        let rename = |id: &Value, name| json!({ "type": "rename_conversation", "conversation_id": id, "name": name });
        let id = json!(group);

        let only_admins = refusal("forbidden", "only an admin may change a group");
        assert_eq!(at_bob.refused(rename(&id, "Bob's")).await, only_admins);
        assert_eq!(at_eve.refused(rename(&id, "Eve's")).await, refusal("not_found", "no such conversation"));
        let direct_is_theirs = refusal("forbidden", "a direct conversation belongs to its two members");
        assert_eq!(at_ann.refused(rename(&direct, "Ann's")).await, direct_is_theirs);

        assert_eq!(at_cyd.asks(rename(&id, "Cyd's")).await["data"]["by"], "cyd");
        assert_eq!(at_ann.hear().await["data"]["name"], "Cyd's");
        assert_eq!(at_ann.asks(rename(&id, "Ann's")).await["data"]["seq"], 3);
    }

    async fn a_new_member_hears_of_it_with_everyone_and_everything_after_it(server: Server) {
        let [ann, bob, cyd, eve] = server.people(["ann", "bob", "cyd", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        ann.send(group, "before").await;
        let [mut at_ann, mut at_bob, mut at_cyd, mut at_cyd_too, mut at_eve] =
            Socket::of([&ann, &bob, &cyd, &cyd, &eve]).await;

        let request = json!({ "type": "add_member", "conversation_id": group, "username": "CYD", "ref": "add" });
        let answer = at_bob.asks(request).await;

        let expected = added(group, 2, &cyd, "member", "bob");
        assert_eq!(answer, with_ref(expected.clone(), "add"));
        all_hear([&mut at_ann, &mut at_cyd, &mut at_cyd_too], &expected).await;
        let sent = at_ann.asks(json!({ "type": "send_message", "conversation_id": group, "content": "Hi" })).await;
        all_hear([&mut at_bob, &mut at_cyd, &mut at_cyd_too], &sent).await;
        hear_nothing([&mut at_ann, &mut at_bob, &mut at_cyd, &mut at_cyd_too, &mut at_eve]).await;
        let sent = at_cyd.asks(json!({ "type": "send_message", "conversation_id": group, "content": "Hello" })).await;
        assert_eq!(sent["data"]["sender_username"], "cyd");
    }

    async fn a_new_member_has_read_what_was_said_before(server: Server) {
        let [ann, cyd] = server.people(["ann", "cyd"]).await;
        let group = ann.group(&[]).await;
        let last = ann.send(group, "before").await["id"].clone();
        let [mut at_ann, mut at_cyd] = Socket::of([&ann, &cyd]).await;

        at_ann.asks(json!({ "type": "add_member", "conversation_id": group, "username": "cyd" })).await;
        at_cyd.hear().await;

        let listed = at_cyd.asks(json!({ "type": "get_conversations" })).await["data"][0].clone();
        assert_eq!((&listed["unread"], &listed["read_up_to"]), (&json!(0), &last));
    }

    async fn adding_a_member_again_is_answered_and_heard_by_nobody_else(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        for role in [json!(null), json!("member")] {
            let add = json!({ "type": "add_member", "conversation_id": group, "username": "bob", "role": role });
            let answer = at_ann.asks(with_ref(add, 1)).await;
            assert_eq!((&answer["success"], &answer["ref"]), (&json!(true), &json!(1)));
            assert_eq!((&answer["data"]["username"], &answer["data"]["role"]), (&json!("bob"), &json!("member")));
        }

        hear_nothing([&mut at_ann, &mut at_bob]).await;
    }

    async fn a_change_of_role_is_heard_like_a_new_member(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob, mut at_cyd] = Socket::of([&ann, &bob, &cyd]).await;
        let add = |username: &str, role: &str| {
            json!({
                "type": "add_member", "conversation_id": group, "username": username, "role": role,
            })
        };

        for (seq, member, role) in [(1, &bob, "admin"), (2, &bob, "member"), (3, &cyd, "admin")] {
            let answer = at_ann.asks(add(&member.username, role)).await;
            assert_eq!(answer, added(group, seq, member, role, "ann"));
            all_hear([&mut at_bob], &answer).await;
        }

        assert_eq!(at_cyd.hear().await["data"]["role"], "admin");
        assert_eq!(roles(&ann, group).await, are(&[("ann", "owner"), ("bob", "member"), ("cyd", "admin")]));
    }

    async fn handing_a_group_over_is_heard_as_two_changes_of_role(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        let give = json!({
            "type": "add_member", "conversation_id": group, "username": "bob", "role": "owner", "ref": "give",
        });
        let answer = at_ann.asks(give).await;

        let (owner, admin) = (added(group, 1, &bob, "owner", "ann"), added(group, 2, &ann, "admin", "ann"));
        assert_eq!(answer, with_ref(owner.clone(), "give"));
        assert_eq!(at_ann.hear().await, admin);
        all_hear([&mut at_bob], &owner).await;
        all_hear([&mut at_bob], &admin).await;
        assert_eq!(roles(&ann, group).await, are(&[("ann", "admin"), ("bob", "owner")]));
    }

    async fn roles_that_are_not_one_s_own_to_give_are_refused(server: Server) {
        let [ann, bob, cyd, dan, eve] = server.people(["ann", "bob", "cyd", "dan", "eve"]).await;
        let group = ann.group(&[&bob, &cyd]).await;
        ann.put(&format!("/groups/{group}/members/{}", cyd.id), json!({ "role": "admin" })).await.expect(200);
        let [mut at_ann, mut at_bob, mut at_cyd, mut at_dan, mut at_eve] =
            Socket::of([&ann, &bob, &cyd, &dan, &eve]).await;

        let (not_yours, stays) =
            ("this role is not yours to give", "the owner stays owner until the group is handed over");
        for (who, username, role, code, sentence) in [
            (&bob, "bob", json!("admin"), "forbidden", not_yours),
            (&bob, "dan", json!("admin"), "forbidden", not_yours),
            (&bob, "cyd", json!("member"), "forbidden", not_yours),
            (&bob, "bob", json!("owner"), "forbidden", not_yours),
            (&cyd, "cyd", json!("owner"), "forbidden", not_yours),
            (&cyd, "dan", json!("owner"), "forbidden", not_yours),
            (&cyd, "ann", json!("member"), "forbidden", stays),
            (&ann, "ann", json!("admin"), "forbidden", stays),
            (&ann, "nobody", json!(null), "not_found", "no such user"),
            (&eve, "eve", json!(null), "not_found", "no such conversation"),
            (&eve, "dan", json!(null), "not_found", "no such conversation"),
        ] {
            let add = json!({ "type": "add_member", "conversation_id": group, "username": username, "role": role });
            assert_eq!(who.socket().await.refused(add).await, refusal(code, sentence), "{username} {role}");
        }

        hear_nothing([&mut at_ann, &mut at_bob, &mut at_cyd, &mut at_dan, &mut at_eve]).await;
        assert_eq!(roles(&ann, group).await, are(&[("ann", "owner"), ("bob", "member"), ("cyd", "admin")]));
    }

    async fn joining_a_public_group_is_heard_like_being_added(server: Server) {
        let [ann, eve, dan] = server.people(["ann", "eve", "dan"]).await;
        let group =
            ann.post("/groups", json!({ "name": "open", "visibility": "public" })).await.body["id"].as_i64().unwrap();
        let [mut at_ann, mut at_eve] = Socket::of([&ann, &eve]).await;

        let join = json!({ "type": "add_member", "conversation_id": group, "username": "eve" });
        let answer = at_eve.asks(join).await;

        assert_eq!(answer, added(group, 1, &eve, "member", "eve"));
        all_hear([&mut at_ann], &answer).await;
        dan.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
        all_hear([&mut at_ann, &mut at_eve], &added(group, 2, &dan, "member", "dan")).await;
        hear_nothing([&mut at_ann, &mut at_eve]).await;
    }

    async fn a_stranger_to_a_public_group_brings_in_nobody_but_themselves(server: Server) {
        let [ann, eve, _dan] = server.people(["ann", "eve", "dan"]).await;
        let group =
            ann.post("/groups", json!({ "name": "open", "visibility": "public" })).await.body["id"].as_i64().unwrap();
        let mut at_eve = eve.socket().await;

        for (username, role) in [("dan", json!(null)), ("ann", json!("member"))] {
            let add = json!({ "type": "add_member", "conversation_id": group, "username": username, "role": role });
            assert_eq!(at_eve.refused(add).await, refusal("not_found", "no such conversation"), "{username}");
        }
        let add = json!({ "type": "add_member", "conversation_id": group, "username": "eve", "role": "admin" });
        assert_eq!(at_eve.refused(add).await, refusal("forbidden", "this role is not yours to give"));
    }

    async fn a_removed_member_hears_of_it_and_of_nothing_after(server: Server) {
        let [ann, bob, cyd, eve] = server.people(["ann", "bob", "cyd", "eve"]).await;
        let group = ann.group(&[&bob, &cyd]).await;
        let [mut at_ann, mut at_bob, mut at_bob_too, mut at_cyd, mut at_eve] =
            Socket::of([&ann, &bob, &bob, &cyd, &eve]).await;

        let remove = json!({ "type": "remove_member", "conversation_id": group, "username": "bob", "ref": 3 });
        let answer = at_ann.asks(remove).await;

        let expected = gone("remove_member", group, 1, &bob, "ann");
        assert_eq!(answer, with_ref(expected.clone(), 3));
        all_hear([&mut at_bob, &mut at_bob_too, &mut at_cyd], &expected).await;
        let sent = at_cyd.asks(json!({ "type": "send_message", "conversation_id": group, "content": "gone?" })).await;
        all_hear([&mut at_ann], &sent).await;
        at_cyd.ask(json!({ "type": "typing", "conversation_id": group, "is_typing": true })).await;
        assert_eq!(at_ann.hear().await["type"], "typing");
        at_ann.asks(json!({ "type": "rename_conversation", "conversation_id": group, "name": "us" })).await;
        hear_nothing([&mut at_bob, &mut at_bob_too, &mut at_eve]).await;
        let read = json!({ "type": "get_messages", "conversation_id": group });
        assert_eq!(at_bob.refused(read).await, refusal("not_found", "no such conversation"));
        assert_eq!(at_bob.asks(json!({ "type": "get_conversations" })).await["data"], json!([]));
    }

    async fn members_are_removed_by_admins(server: Server) {
        let [ann, bob, cyd, dan, eve] = server.people(["ann", "bob", "cyd", "dan", "eve"]).await;
        let group = ann.group(&[&bob, &cyd, &dan]).await;
        ann.put(&format!("/groups/{group}/members/{}", cyd.id), json!({ "role": "admin" })).await.expect(200);
        let [mut at_ann, mut at_bob, mut at_cyd, mut at_eve] = Socket::of([&ann, &bob, &cyd, &eve]).await;
        let remove = |username| json!({ "type": "remove_member", "conversation_id": group, "username": username });

        for (who, username, code, sentence) in [
            (&bob, "dan", "forbidden", "only an admin may remove a member"),
            (&bob, "ann", "forbidden", "only an admin may remove a member"),
            (&cyd, "ann", "forbidden", "the owner cannot be removed"),
            (&ann, "eve", "not_found", "no such member"),
            (&ann, "nobody", "not_found", "no such user"),
            (&eve, "bob", "not_found", "no such conversation"),
            (&eve, "eve", "not_found", "no such conversation"),
        ] {
            assert_eq!(who.socket().await.refused(remove(username)).await, refusal(code, sentence), "{username}");
        }

        hear_nothing([&mut at_ann, &mut at_bob, &mut at_cyd, &mut at_eve]).await;
        assert_eq!(at_cyd.asks(remove("dan")).await, gone("remove_member", group, 2, &dan, "cyd"));
        assert_eq!(roles(&ann, group).await, are(&[("ann", "owner"), ("bob", "member"), ("cyd", "admin")]));
    }

    async fn leaving_is_heard_by_those_who_stay_and_the_one_who_goes(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let group = ann.group(&[&bob, &cyd]).await;
        let [mut at_ann, mut at_bob, mut at_bob_too, mut at_cyd] = Socket::of([&ann, &bob, &bob, &cyd]).await;

        let leave = json!({ "type": "leave_conversation", "conversation_id": group, "ref": 1 });
        let answer = at_bob.asks(leave.clone()).await;

        let expected = gone("leave_conversation", group, 1, &bob, "bob");
        assert_eq!(answer, with_ref(expected.clone(), 1));
        all_hear([&mut at_ann, &mut at_bob_too, &mut at_cyd], &expected).await;
        assert_eq!(at_bob.refused(leave).await, refusal("not_found", "no such conversation"));
        let remove_oneself = json!({ "type": "remove_member", "conversation_id": group, "username": "cyd" });
        assert_eq!(at_cyd.asks(remove_oneself).await, gone("leave_conversation", group, 2, &cyd, "cyd"));
        hear_nothing([&mut at_bob, &mut at_bob_too]).await;
    }

    async fn an_owner_who_leaves_hands_over_to_the_longest_standing_member(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let group = ann.group(&[&cyd, &bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        let left = at_ann.asks(json!({ "type": "leave_conversation", "conversation_id": group })).await;

        assert_eq!(left, gone("leave_conversation", group, 1, &ann, "ann"));
        all_hear([&mut at_bob], &left).await;
        all_hear([&mut at_bob], &added(group, 2, &cyd, "owner", "ann")).await;
        hear_nothing([&mut at_ann, &mut at_bob]).await;
        assert_eq!(roles(&bob, group).await, are(&[("cyd", "owner"), ("bob", "member")]));
    }

    async fn the_last_one_out_deletes_the_group(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_ann_too, mut at_bob] = Socket::of([&ann, &ann, &bob]).await;
        bob.post(&format!("/groups/{group}/leave"), json!({})).await.expect(200);
        all_hear([&mut at_ann, &mut at_ann_too, &mut at_bob], &gone("leave_conversation", group, 1, &bob, "bob")).await;

        let left = at_ann.asks(json!({ "type": "leave_conversation", "conversation_id": group, "ref": 1 })).await;

        let expected = gone("leave_conversation", group, 2, &ann, "ann");
        assert_eq!(left, with_ref(expected.clone(), 1));
        all_hear([&mut at_ann_too], &expected).await;
        all_hear([&mut at_ann, &mut at_ann_too], &deleted(group, "ann")).await;
        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_bob]).await;
        ann.get(&format!("/groups/{group}")).await.refuses(404, "not_found");
    }

    async fn nobody_leaves_a_direct_conversation_or_is_added_to_it(server: Server) {
        let [ann, bob, _cyd] = server.people(["ann", "bob", "cyd"]).await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].clone();
        let mut at_ann = ann.socket().await;

        for request in [
            json!({ "type": "leave_conversation", "conversation_id": direct }),
            json!({ "type": "delete_conversation", "conversation_id": direct }),
            json!({ "type": "add_member", "conversation_id": direct, "username": "cyd" }),
            json!({ "type": "remove_member", "conversation_id": direct, "username": "bob" }),
        ] {
            let expected = refusal("forbidden", "a direct conversation belongs to its two members");
            assert_eq!(at_ann.refused(request).await, expected);
        }
    }

    async fn a_deleted_conversation_is_heard_by_those_who_were_members(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        let message = ann.send(group, "Tea?").await["id"].clone();
        let [mut at_ann, mut at_bob, mut at_bob_too, mut at_eve] = Socket::of([&ann, &bob, &bob, &eve]).await;

        let delete = json!({ "type": "delete_conversation", "conversation_id": group, "ref": "x" });
        let answer = at_ann.asks(delete.clone()).await;

        let expected = deleted(group, "ann");
        assert_eq!(answer, with_ref(expected.clone(), "x"));
        all_hear([&mut at_bob, &mut at_bob_too], &expected).await;
        hear_nothing([&mut at_ann, &mut at_bob, &mut at_bob_too, &mut at_eve]).await;
        assert_eq!(at_ann.refused(delete).await, refusal("not_found", "no such conversation"));
        ann.get(&format!("/messages/{message}")).await.refuses(404, "not_found");
        assert_eq!(at_bob.asks(json!({ "type": "get_conversations" })).await["data"], json!([]));
    }

    async fn only_the_owner_deletes_a_group(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        ann.put(&format!("/groups/{group}/members/{}", bob.id), json!({ "role": "admin" })).await.expect(200);
        let [mut at_ann, mut at_bob, mut at_eve] = Socket::of([&ann, &bob, &eve]).await;
        let delete = json!({ "type": "delete_conversation", "conversation_id": group });

        let only_owner = refusal("forbidden", "only the owner may delete a group");
        assert_eq!(at_bob.refused(delete.clone()).await, only_owner);
        assert_eq!(at_eve.refused(delete).await, refusal("not_found", "no such conversation"));

        hear_nothing([&mut at_ann, &mut at_bob, &mut at_eve]).await;
    }

    async fn what_is_done_to_a_group_over_http_is_heard_like_over_a_socket(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let [mut at_ann, mut at_bob, mut at_cyd] = Socket::of([&ann, &bob, &cyd]).await;

        let group = ann.group(&[&bob]).await;
        let created = at_bob.hear().await;
        assert_eq!((&created["type"], &created["data"]["id"]), (&json!("create_conversation"), &json!(group)));
        assert_eq!(created["data"]["members"], json!(["ann", "bob"]));
        all_hear([&mut at_ann], &created).await;
        ann.patch(&format!("/groups/{group}"), json!({ "visibility": "public" })).await.expect(200);
        let data =
            json!({ "conversation_id": group, "seq": 1, "name": "a group", "visibility": "public", "by": "ann" });
        all_hear([&mut at_ann, &mut at_bob], &event("rename_conversation", &data)).await;
        bob.post("/groups/add_user_to_group", json!({ "user_id": cyd.id, "group_id": group })).await.expect(200);
        all_hear([&mut at_ann, &mut at_bob, &mut at_cyd], &added(group, 2, &cyd, "member", "bob")).await;
        ann.delete(&format!("/groups/{group}/members/{}", bob.id)).await.expect(204);
        all_hear([&mut at_ann, &mut at_bob, &mut at_cyd], &gone("remove_member", group, 3, &bob, "ann")).await;
        cyd.post("/groups/leave_group", json!({ "group_id": group })).await.expect(200);
        all_hear([&mut at_ann, &mut at_cyd], &gone("leave_conversation", group, 4, &cyd, "cyd")).await;
        ann.delete(&format!("/groups/{group}")).await.expect(204);
        all_hear([&mut at_ann], &deleted(group, "ann")).await;
        hear_nothing([&mut at_ann, &mut at_bob, &mut at_cyd]).await;
    }

    async fn a_deleted_user_is_heard_to_leave_with_all_they_said(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        bob.send(group, "a secret").await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        bob.delete("/users/me").await;

        let name = format!("deleted~{}", bob.id);
        let left = json!({
            "conversation_id": group, "seq": 2, "user_id": bob.id, "username": name, "by": name,
            "messages_deleted": true,
        });
        assert_eq!(at_ann.hear().await, event("leave_conversation", &left));
        assert_eq!(at_bob.closed().await.map(|frame| frame.code.into()), Some(4401));
        let answer = at_ann.asks(json!({ "type": "get_messages", "conversation_id": group })).await;
        let message = &answer["data"]["messages"][0];
        assert_eq!((&message["content"], &message["deleted"]), (&json!(""), &json!(true)));
    }
}
