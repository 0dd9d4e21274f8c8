//! What administrators may do: delete users and groups of others, and nothing else that is not everyone's.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::end_to_end;
use serde_json::json;

end_to_end! {
    async fn an_administrator_deletes_any_user(server: Server) {
        let root = server.administrator("root").await;
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        ann.send(group, "my words").await;
        let (mut at_ann, mut at_bob) = (ann.socket().await, bob.socket().await);

        let deleted = root.delete(&format!("/users/delete_user/{}", ann.id)).await;

        assert_eq!(deleted.header("set-cookie"), "", "the administrator stays logged in");
        deleted.expect(200);
        assert_eq!(u16::from(at_ann.closed().await.unwrap().code), 4401);
        assert_eq!(at_bob.hear_of("leave_conversation").await["data"]["messages_deleted"], true);
        ann.get("/users/me").await.refuses(401, "unauthorized");
        bob.get(&format!("/users/{}", ann.id)).await.refuses(404, "not_found");
        let history = bob.get(&format!("/conversations/{group}/messages")).await;
        assert!(!history.text.contains("my words"), "{}", history.text);
        root.delete(&format!("/users/delete_user/{}", ann.id)).await.refuses(404, "not_found");
        root.get("/users/me").await.expect(200);
    }

    async fn an_administrator_deletes_any_group(server: Server) {
        let root = server.administrator("root").await;
        let [ann, bob] = server.people(["ann", "bob"]).await;
        for visibility in ["private", "public"] {
            let group = json!({ "name": "a group", "visibility": visibility, "members": ["bob"] });
            let group = ann.post("/groups", group).await.expect(201)["group_id"].clone();
            let mut at_bob = bob.socket().await;
            bob.delete(&format!("/groups/{group}")).await.refuses(403, "forbidden");

            let deleted = root.delete(&format!("/groups/{group}")).await;

            assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
            assert_eq!(at_bob.hear_of("delete_conversation").await["data"], json!({ "conversation_id": group, "by": "root" }));
            ann.get(&format!("/groups/{group}")).await.refuses(404, "not_found");
            root.delete(&format!("/groups/{group}")).await.refuses(404, "not_found");
        }
    }

    async fn an_administrator_sees_nothing_of_direct_conversations(server: Server) {
        let root = server.administrator("root").await;
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_root = root.socket().await;
        let direct = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201)["id"].clone();
        let message = ann.send(direct.as_i64().unwrap(), "between us").await["id"].clone();

        for path in [
            format!("/conversations/{direct}"),
            format!("/conversations/{direct}/messages"),
            format!("/conversations/{direct}/events"),
            format!("/groups/{direct}"),
            format!("/groups/{direct}/members"),
            format!("/messages/{message}"),
        ] {
            let hidden = root.get(&path).await;
            hidden.refuses(404, "not_found");
            assert!(!hidden.text.contains("between us"), "{}", hidden.text);
        }
        root.delete(&format!("/groups/{direct}")).await.refuses(404, "not_found");
        root.delete(&format!("/messages/{message}")).await.refuses(404, "not_found");
        let join = json!({ "user_id": root.id, "group_id": direct });
        root.post("/groups/add_user_to_group", join).await.refuses(404, "not_found");
        assert_eq!(root.get("/conversations").await.expect(200)["conversations"], json!([]));
        let history = json!({ "type": "get_messages", "conversation_id": direct });
        assert_eq!(at_root.asks(history).await["code"], "not_found");
        assert_eq!(at_root.asks(json!({ "type": "sync" })).await["data"]["conversations"], json!([]));
        assert_eq!(bob.get(&format!("/messages/{message}")).await.expect(200)["content"], "between us");
    }

    async fn in_a_group_an_administrator_is_a_member_like_any_other(server: Server) {
        let root = server.administrator("root").await;
        let ann = server.person("ann").await;
        let group = ann.group(&[&root]).await;
        let message = ann.send(group, "hello").await["id"].clone();
        root.patch(&format!("/groups/{group}"), json!({ "name": "mine" })).await.refuses(403, "forbidden");
        root.delete(&format!("/messages/{message}")).await.refuses(403, "forbidden");
        root.delete(&format!("/groups/{group}/members/{}", ann.id)).await.refuses(403, "forbidden");
    }

    async fn no_route_makes_an_administrator(server: Server) {
        let ann = server.person("ann").await;
        let account = json!({ "username": "bob", "password": "correct horse", "is_admin": true, "role": "admin" });
        server.post("/users/register", account).await.expect(201);
        let bob = chat_tests::Person::log_in(&server, "bob").await;
        bob.patch("/users/me", json!({ "is_admin": true })).await.expect(200);
        bob.delete(&format!("/users/delete_user/{}", ann.id)).await.refuses(403, "forbidden");
        let group = ann.group(&[]).await;
        bob.delete(&format!("/groups/{group}")).await.refuses(404, "not_found");
    }
}
