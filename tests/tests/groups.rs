//! Groups: who makes, finds, changes, joins, leaves and deletes them, and what the others hear of it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Person, end_to_end};
use reqwest::Method;
use serde_json::{Value, json};

/// The usernames and roles of a group, in the order they joined.
async fn roles(viewer: &Person, group: i64) -> Vec<(String, String)> {
    let found = viewer.get(&format!("/groups/{group}")).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members = found["members"].as_array().unwrap();
    members.iter().map(|member| (text(&member["username"]), text(&member["role"]))).collect()
}

#[track_caller]
fn are(roles: &[(String, String)], expected: &[(&str, &str)]) {
    let roles: Vec<_> = roles.iter().map(|(name, role)| (name.as_str(), role.as_str())).collect();
    assert_eq!(roles, expected);
}

async fn public_group(owner: &Person, name: &str) -> i64 {
    let created = owner.post("/groups", json!({ "name": name, "visibility": "public" })).await.expect(201);
    created["group_id"].as_i64().unwrap()
}

/// Puts a user into a group with a role.
async fn put(by: &Person, group: i64, user: &Person, role: &str) -> Answer {
    by.put(&format!("/groups/{group}/members/{}", user.id), json!({ "role": role })).await
}

async fn remove(by: &Person, group: i64, user: i64) -> Answer {
    by.delete(&format!("/groups/{group}/members/{user}")).await
}

async fn leave(person: &Person, group: i64) -> Answer {
    Answer::to(person.request(Method::POST, &format!("/groups/{group}/leave"))).await
}

async fn join(person: &Person, group: i64) -> Answer {
    Answer::to(person.request(Method::POST, &format!("/groups/{group}/join"))).await
}

fn group_names(page: &Value) -> Vec<&str> {
    page["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect()
}

end_to_end! {
    async fn creating_a_group_answers_with_it_and_tells_its_members(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        for path in ["/groups", "/groups/create_group"] {
            let (mut at_ann, mut at_bob, mut at_cleo) = (ann.socket().await, bob.socket().await, cleo.socket().await);
            let group = ann.post(path, json!({ "name": " Tea ", "members": ["bob"] })).await.expect(201);

            assert_eq!(group["id"], group["group_id"]);
            assert_eq!((&group["kind"], &group["name"]), (&json!("group"), &json!("Tea")));
            assert_eq!((&group["visibility"], &group["last_seq"]), (&json!("private"), &json!(0)));
            assert_eq!(group["member_count"], 2);
            for (member, (person, role)) in
                group["members"].as_array().unwrap().iter().zip([(&ann, "owner"), (&bob, "member")])
            {
                let expected = json!({
                    "id": person.id, "username": person.username, "role": role, "joined_at": group["created_at"],
                });
                assert_eq!(*member, expected);
            }
            let heard = at_bob.hear().await;
            assert_eq!(at_ann.hear().await, heard);
            assert_eq!((&heard["type"], &heard["data"]["id"]), (&json!("create_conversation"), &group["id"]));
            assert_eq!(heard["data"]["members"], json!(["ann", "bob"]));
            assert_eq!(at_cleo.heard().await, Vec::<Value>::new());

            let mut read = group.clone();
            read.as_object_mut().unwrap().remove("group_id");
            assert_eq!(ann.get(&format!("/groups/{}", group["id"])).await.expect(200), read);
            assert_eq!(bob.get(&format!("/conversations/{}", group["id"])).await.expect(200), read);
        }
    }

    async fn members_named_twice_or_by_another_case_or_as_the_creator_count_once(server: Server) {
        let [ann, _bob] = server.people(["ann", "bob"]).await;
        let body = json!({ "name": "a group", "members": ["bob", "BOB", "ann", "bob"] });
        let group = ann.post("/groups", body).await.expect(201);
        are(&roles(&ann, group["id"].as_i64().unwrap()).await, &[("ann", "owner"), ("bob", "member")]);
    }

    async fn a_group_with_an_unknown_member_is_not_created(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_bob = bob.socket().await;
        ann.post("/groups", json!({ "name": "a group", "members": ["bob", "nobody"] })).await.blames("members");
        assert_eq!(ann.get("/groups").await.expect(200)["groups"], json!([]));
        assert_eq!(at_bob.heard().await, Vec::<Value>::new());
    }

    async fn users_and_conversations_draw_ids_from_one_sequence_and_messages_from_another(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let bob = server.person("bob").await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201);
        let other = ann.group(&[]).await;
        let ids = [ann.id, group, bob.id, direct["id"].as_i64().unwrap(), other];
        assert_eq!(ids, [ids[0], ids[0] + 1, ids[0] + 2, ids[0] + 3, ids[0] + 4]);
        let [first, second] = [ann.send(group, "one").await, ann.send(other, "two").await];
        assert_eq!(second["id"].as_i64().unwrap(), first["id"].as_i64().unwrap() + 1);
        ann.get(&format!("/users/{group}")).await.refuses(404, "not_found");
        ann.get(&format!("/groups/{}", bob.id)).await.refuses(404, "not_found");
    }

    async fn the_list_holds_the_callers_groups_and_nothing_else(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        public_group(&bob, "not ann's").await;
        ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201);
        let message = bob.send(group, "hello").await;
        let page = ann.get("/groups").await.expect(200);
        let [listed] = page["groups"].as_array().unwrap().as_slice() else { panic!("one group: {page}") };
        assert_eq!((&listed["id"], &listed["members"]), (&json!(group), &json!(["ann", "bob"])));
        assert_eq!((&listed["unread"], &listed["last_message"]), (&json!(1), &message));
        assert_eq!(page["next"], Value::Null);
    }

    async fn own_groups_are_paged_by_newest_activity(server: Server) {
        let ann = server.person("ann").await;
        let mut groups = vec![];
        for _ in 0..5 {
            groups.push(ann.group(&[]).await);
        }
        ann.send(groups[1], "hello").await;
        let mut seen = vec![];
        let mut before = String::new();
        loop {
            let page = ann.get(&format!("/groups?limit=2{before}")).await.expect(200);
            seen.extend(page["groups"].as_array().unwrap().iter().map(|group| group["id"].as_i64().unwrap()));
            match &page["next"] {
                Value::Null => break,
                next => before = format!("&before={next}"),
            }
        }
        assert_eq!(seen, [groups[1], groups[4], groups[3], groups[2], groups[0]]);
    }

    async fn public_groups_are_found_by_anyone_literally_and_page_by_page(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        for name in ["Tea 100%", "Tea 100", "tea_time", "Coffee"] {
            public_group(&ann, name).await;
        }
        ann.post("/groups", json!({ "name": "Secret tea" })).await.expect(201);
        for (search, found) in [
            ("", vec!["Tea 100%", "Tea 100", "tea_time", "Coffee"]),
            ("tea", vec!["Tea 100%", "Tea 100", "tea_time"]),
            ("TEA", vec!["Tea 100%", "Tea 100", "tea_time"]),
            ("%25", vec!["Tea 100%"]),
            ("_", vec!["tea_time"]),
            ("a+1", vec!["Tea 100%", "Tea 100"]),
            ("secret", vec![]),
        ] {
            let page = bob.get(&format!("/groups?visibility=public&search={search}")).await.expect(200);
            assert_eq!(group_names(&page), found, "{search}");
        }
        let first = bob.get("/groups?visibility=public&limit=3").await.expect(200);
        assert_eq!(group_names(&first), ["Tea 100%", "Tea 100", "tea_time"]);
        let second = format!("/groups?visibility=public&limit=3&after={}", first["next"]);
        let second = bob.get(&second).await.expect(200);
        assert_eq!((group_names(&second), &second["next"]), (vec!["Coffee"], &Value::Null));
    }

    async fn own_groups_are_not_searched_and_no_other_visibility_listed(server: Server) {
        let ann = server.person("ann").await;
        ann.get("/groups?search=tea").await.blames("search");
        ann.get("/groups?visibility=private").await.blames("visibility");
    }

    async fn strangers_see_a_public_group_from_outside_only(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = public_group(&ann, "Tea").await;
        ann.send(group, "hello").await;
        let outside = json!({ "id": group, "name": "Tea", "visibility": "public", "member_count": 1 });
        assert_eq!(bob.get(&format!("/groups/{group}")).await.expect(200), outside);
        assert_eq!(bob.get("/groups?visibility=public").await.expect(200)["groups"], json!([outside]));
        for path in ["messages", "events"] {
            bob.get(&format!("/conversations/{group}/{path}")).await.refuses(404, "not_found");
        }
        bob.get(&format!("/groups/{group}/members")).await.refuses(404, "not_found");
        bob.post(&format!("/conversations/{group}/messages"), json!({ "content": "hi" }))
            .await
            .refuses(404, "not_found");
    }

    async fn a_group_one_is_not_in_answers_like_one_that_does_not_exist(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let private = bob.group(&[]).await;
        let unknown = 999_999;
        for (method, path, body) in [
            (Method::GET, "/groups/{id}", json!({})),
            (Method::PATCH, "/groups/{id}", json!({ "name": "mine" })),
            (Method::PUT, "/groups/{id}", json!({ "visibility": "public" })),
            (Method::DELETE, "/groups/{id}", json!({})),
            (Method::POST, "/groups/{id}/join", json!({})),
            (Method::POST, "/groups/{id}/leave", json!({})),
            (Method::GET, "/groups/{id}/members", json!({})),
            (Method::PUT, "/groups/{id}/members/{ann}", json!({})),
            (Method::PUT, "/groups/{id}/members/{ann}", json!({ "role": "owner" })),
            (Method::DELETE, "/groups/{id}/members/{bob}", json!({})),
            (Method::DELETE, "/groups/{id}/members/999998", json!({})),
            (Method::POST, "/groups/add_user_to_group", json!({ "user_id": ann.id, "group_id": "{id}" })),
            (Method::POST, "/groups/add_user_to_group", json!({ "user_id": 999_998, "group_id": "{id}" })),
            (Method::POST, "/groups/leave_group", json!({ "group_id": "{id}" })),
        ] {
            let path = path.replace("{ann}", &ann.id.to_string()).replace("{bob}", &bob.id.to_string());
            let answers = [private, unknown].map(|id| {
                let id = id.to_string();
                let body = body.to_string().replace("\"{id}\"", &id);
                Answer::to(ann.request(method.clone(), &path.replace("{id}", &id)).body(body))
            });
            let [private, unknown] = <[Answer; 2]>::try_from(futures::future::join_all(answers).await).unwrap();
            private.refuses(404, "not_found");
            assert_eq!(private.text, unknown.text, "{method} {path}");
        }
        are(&roles(&bob, private).await, &[("bob", "owner")]);
    }

    async fn admins_change_name_and_visibility_and_everyone_hears(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob, &cleo]).await;
        put(&ann, group, &bob, "admin").await.expect(200);
        let mut at_cleo = cleo.socket().await;
        let path = format!("/groups/{group}");
        for (seq, by, changed) in [
            (2, "ann", ann.patch(&path, json!({ "name": "Tea" })).await),
            (3, "bob", bob.put(&path, json!({ "name": "More tea", "visibility": "public" })).await),
            (4, "bob", bob.patch(&path, json!({ "visibility": "private" })).await),
        ] {
            let changed = changed.expect(200);
            let heard = at_cleo.hear().await;
            let expected = json!({
                "conversation_id": group, "seq": seq, "name": changed["name"], "visibility": changed["visibility"],
                "by": by,
            });
            assert_eq!((&heard["type"], &heard["data"]), (&json!("rename_conversation"), &expected));
        }
        let found = cleo.get(&path).await.expect(200);
        assert_eq!((&found["name"], &found["visibility"]), (&json!("More tea"), &json!("private")));
    }

    async fn a_change_that_changes_nothing_takes_no_seq(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let path = format!("/groups/{group}");
        for body in [json!({}), json!({ "name": "a group" }), json!({ "visibility": "private", "name": null })] {
            assert_eq!(ann.patch(&path, body).await.expect(200)["last_seq"], 0);
        }
    }

    async fn ordinary_members_change_remove_promote_and_delete_nothing(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob, &cleo]).await;
        let path = format!("/groups/{group}");
        for refused in [
            bob.patch(&path, json!({ "name": "mine" })).await,
            bob.put(&path, json!({ "visibility": "public" })).await,
            bob.delete(&path).await,
            remove(&bob, group, cleo.id).await,
            remove(&bob, group, ann.id).await,
            put(&bob, group, &bob, "admin").await,
            put(&bob, group, &cleo, "owner").await,
        ] {
            refused.refuses(403, "forbidden");
        }
        are(&roles(&ann, group).await, &[("ann", "owner"), ("bob", "member"), ("cleo", "member")]);
        assert_eq!(ann.get(&path).await.expect(200)["last_seq"], 0);
    }

    async fn only_the_owner_deletes_and_it_is_gone_for_all(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        put(&ann, group, &bob, "admin").await.expect(200);
        let message = ann.send(group, "hello").await;
        bob.delete(&format!("/groups/{group}")).await.refuses(403, "forbidden");
        let mut at_bob = bob.socket().await;

        let deleted = ann.delete(&format!("/groups/{group}")).await;

        assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
        let heard = at_bob.hear().await;
        let expected = json!({ "conversation_id": group, "by": "ann" });
        assert_eq!((&heard["type"], &heard["data"]), (&json!("delete_conversation"), &expected));
        for person in [&ann, &bob] {
            for path in [
                format!("/groups/{group}"),
                format!("/conversations/{group}/messages"),
                format!("/conversations/{group}/events"),
                format!("/messages/{}", message["id"]),
            ] {
                person.get(&path).await.refuses(404, "not_found");
            }
            assert_eq!(person.get("/conversations").await.expect(200)["conversations"], json!([]));
        }
        ann.delete(&format!("/groups/{group}")).await.refuses(404, "not_found");
    }

    async fn anyone_joins_a_public_group_once(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = public_group(&ann, "Tea").await;
        ann.send(group, "before").await;
        let (mut at_ann, mut at_bob) = (ann.socket().await, bob.socket().await);
        join(&bob, group).await.expect(200);
        let joined = json!({
            "conversation_id": group, "seq": 2, "user_id": bob.id, "username": "bob", "role": "member", "by": "bob",
        });
        for socket in [&mut at_ann, &mut at_bob] {
            let heard = socket.hear().await;
            assert_eq!((&heard["type"], &heard["data"]), (&json!("add_member"), &joined));
        }
        join(&bob, group).await.expect(200);
        assert_eq!(at_bob.heard().await, Vec::<Value>::new());
        are(&roles(&bob, group).await, &[("ann", "owner"), ("bob", "member")]);
        // What was said before is there to read, and not unread.
        let listed = bob.get("/groups").await.expect(200);
        assert_eq!(
            (&listed["groups"][0]["unread"], &listed["groups"][0]["last_message"]["content"]),
            (&json!(0), &json!("before"))
        );
    }

    async fn nobody_joins_a_private_group_alone_but_any_member_brings_people_in(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob]).await;
        join(&cleo, group).await.refuses(404, "not_found");
        cleo.post("/groups/add_user_to_group", json!({ "user_id": cleo.id, "group_id": group }))
            .await
            .refuses(404, "not_found");
        let mut at_cleo = cleo.socket().await;
        bob.post("/groups/add_user_to_group", json!({ "user_id": cleo.id, "group_id": group })).await.expect(200);
        let heard = at_cleo.hear().await["data"].clone();
        let added = json!({
            "conversation_id": group, "seq": 1, "user_id": cleo.id, "username": "cleo", "role": "member", "by": "bob",
        });
        assert_eq!(heard, added);
        ann.send(group, "welcome").await;
        assert_eq!(at_cleo.hear().await["data"]["content"], "welcome");
    }

    async fn anyone_adds_themselves_to_a_public_group_but_nobody_else(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = public_group(&ann, "Tea").await;
        let add = |user: i64| json!({ "user_id": user, "group_id": group });
        bob.post("/groups/add_user_to_group", add(cleo.id)).await.refuses(404, "not_found");
        bob.post("/groups/add_user_to_group", add(bob.id)).await.expect(200);
        are(&roles(&ann, group).await, &[("ann", "owner"), ("bob", "member")]);
    }

    async fn an_unknown_user_cannot_be_added_or_removed(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        ann.put(&format!("/groups/{group}/members/999999"), json!({})).await.refuses(404, "not_found");
        ann.post("/groups/add_user_to_group", json!({ "user_id": 999_999, "group_id": group }))
            .await
            .refuses(404, "not_found");
        let bob = server.person("bob").await;
        let unknown = remove(&ann, group, 999_999).await;
        unknown.refuses(404, "not_found");
        assert_eq!(remove(&ann, group, bob.id).await.text, unknown.text);
    }

    async fn roles_are_given_announced_and_kept_in_order(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob]).await;
        let mut at_bob = bob.socket().await;
        put(&ann, group, &bob, "admin").await.expect(200);
        put(&bob, group, &cleo, "admin").await.expect(200);
        put(&bob, group, &cleo, "member").await.expect(200);
        // Without a role, a member keeps the one they have.
        ann.put(&format!("/groups/{group}/members/{}", bob.id), json!({})).await.expect(200);
        put(&bob, group, &cleo, "owner").await.refuses(403, "forbidden");
        put(&bob, group, &ann, "member").await.refuses(403, "forbidden");
        put(&ann, group, &ann, "member").await.refuses(403, "forbidden");
        for (seq, member, role, by) in
            [(1, &bob, "admin", "ann"), (2, &cleo, "admin", "bob"), (3, &cleo, "member", "bob")]
        {
            let heard = at_bob.hear().await;
            let expected = json!({
                "conversation_id": group, "seq": seq, "user_id": member.id, "username": member.username, "role": role,
                "by": by,
            });
            assert_eq!((&heard["type"], &heard["data"]), (&json!("add_member"), &expected));
        }
        assert_eq!(at_bob.heard().await, Vec::<Value>::new());
        are(&roles(&ann, group).await, &[("ann", "owner"), ("bob", "admin"), ("cleo", "member")]);
    }

    async fn giving_the_role_of_owner_hands_the_group_over(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        put(&ann, group, &bob, "owner").await.expect(200);
        are(&roles(&ann, group).await, &[("ann", "admin"), ("bob", "owner")]);
        ann.delete(&format!("/groups/{group}")).await.refuses(403, "forbidden");
        assert_eq!(bob.delete(&format!("/groups/{group}")).await.status, 204);
    }

    async fn admins_remove_members_who_hear_of_it_and_of_nothing_after(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob, &cleo]).await;
        put(&ann, group, &bob, "admin").await.expect(200);
        let mut at_cleo = cleo.socket().await;

        let removed = remove(&bob, group, cleo.id).await;

        assert_eq!((removed.status.as_u16(), removed.text.as_str()), (204, ""));
        let heard = at_cleo.hear().await;
        assert_eq!(heard["type"], "remove_member");
        let gone = json!({
            "conversation_id": group, "seq": 2, "user_id": cleo.id, "username": "cleo", "by": "bob",
            "messages_deleted": false,
        });
        assert_eq!(heard["data"], gone);
        ann.send(group, "cleo is gone").await;
        assert_eq!(at_cleo.heard().await, Vec::<Value>::new());
        cleo.get(&format!("/groups/{group}")).await.refuses(404, "not_found");
        cleo.get(&format!("/conversations/{group}/messages")).await.refuses(404, "not_found");
        remove(&bob, group, cleo.id).await.refuses(404, "not_found");
        remove(&bob, group, ann.id).await.refuses(403, "forbidden");
    }

    async fn removing_oneself_is_leaving(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let group = ann.group(&[&bob, &cleo]).await;
        let mut at_ann = ann.socket().await;
        assert_eq!(remove(&bob, group, bob.id).await.status, 204);
        leave(&cleo, group).await.expect(200);
        for (seq, person) in [(1, &bob), (2, &cleo)] {
            let heard = at_ann.hear().await;
            let left = json!({
                "conversation_id": group, "seq": seq, "user_id": person.id, "username": person.username,
                "by": person.username, "messages_deleted": false,
            });
            assert_eq!((&heard["type"], &heard["data"]), (&json!("leave_conversation"), &left));
        }
        leave(&bob, group).await.refuses(404, "not_found");
        are(&roles(&ann, group).await, &[("ann", "owner")]);
    }

    async fn an_owner_who_leaves_hands_over_to_the_longest_standing_member(server: Server) {
        let [ann, bob, cleo, dan] = server.people(["ann", "bob", "cleo", "dan"]).await;
        let group = ann.group(&[&bob, &cleo]).await;
        put(&ann, group, &dan, "admin").await.expect(200);
        let mut at_dan = dan.socket().await;

        leave(&ann, group).await.expect(200);

        assert_eq!(at_dan.hear().await["type"], "leave_conversation");
        let heard = at_dan.hear().await;
        assert_eq!((&heard["type"], &heard["data"]["username"]), (&json!("add_member"), &json!("bob")));
        assert_eq!((&heard["data"]["role"], &heard["data"]["seq"]), (&json!("owner"), &json!(3)));
        are(&roles(&bob, group).await, &[("bob", "owner"), ("cleo", "member"), ("dan", "admin")]);
        bob.post("/groups/leave_group", json!({ "group_id": group })).await.expect(200);
        are(&roles(&cleo, group).await, &[("cleo", "owner"), ("dan", "admin")]);
    }

    async fn the_last_one_out_deletes_the_group(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = public_group(&ann, "Tea").await;
        let mut at_ann = ann.socket().await;

        ann.post("/groups/leave_group", json!({ "group_id": group })).await.expect(200);

        assert_eq!(at_ann.hear().await["type"], "leave_conversation");
        let heard = at_ann.hear().await;
        let deleted = json!({ "conversation_id": group, "by": "ann" });
        assert_eq!((&heard["type"], &heard["data"]), (&json!("delete_conversation"), &deleted));
        assert_eq!(at_ann.heard().await, Vec::<Value>::new());
        for person in [&ann, &bob] {
            person.get(&format!("/groups/{group}")).await.refuses(404, "not_found");
            join(person, group).await.refuses(404, "not_found");
        }
        assert_eq!(bob.get("/groups?visibility=public").await.expect(200)["groups"], json!([]));
    }

    async fn members_are_paged_in_the_order_they_joined(server: Server) {
        let [ann, bob, cleo, dan] = server.people(["ann", "bob", "cleo", "dan"]).await;
        let group = ann.group(&[&dan, &bob]).await;
        put(&ann, group, &cleo, "admin").await.expect(200);
        let first = bob.get(&format!("/groups/{group}/members?limit=3")).await.expect(200);
        let second = format!("/groups/{group}/members?limit=3&after={}", first["next"]);
        let second = bob.get(&second).await.expect(200);
        assert_eq!(second["next"], Value::Null);
        let mut listed = first["members"].as_array().unwrap().clone();
        listed.extend(second["members"].as_array().unwrap().clone());
        assert_eq!(json!(listed), bob.get(&format!("/groups/{group}")).await.expect(200)["members"]);
        let names: Vec<_> = listed.iter().map(|member| member["username"].as_str().unwrap()).collect();
        assert_eq!(names, ["ann", "dan", "bob", "cleo"]);
    }

    async fn a_direct_conversation_is_no_group(server: Server) {
        let [ann, bob, cleo] = server.people(["ann", "bob", "cleo"]).await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201);
        let direct = direct["id"].as_i64().unwrap();
        ann.get(&format!("/groups/{direct}")).await.refuses(404, "not_found");
        ann.get(&format!("/groups/{direct}/members")).await.refuses(404, "not_found");
        for refused in [
            ann.patch(&format!("/groups/{direct}"), json!({ "name": "mine" })).await,
            ann.delete(&format!("/groups/{direct}")).await,
            leave(&ann, direct).await,
            put(&ann, direct, &cleo, "member").await,
            remove(&ann, direct, bob.id).await,
        ] {
            refused.refuses(403, "forbidden");
        }
        join(&cleo, direct).await.refuses(404, "not_found");
    }
}
