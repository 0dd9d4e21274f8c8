//! Groups and who is in them.

use crate::{Fixture, Person};
use serde_json::{Value, json};

async fn create(fixture: &Fixture, person: &Person, body: Value) -> i64 {
    let group = fixture.ask(person, "POST", "/groups", body).await.expect(201);
    assert_eq!(group["group_id"], group["id"]);
    group["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_group_is_created_by_either_name() {
    let fixture = Fixture::new();
    let ann = fixture.person("ann").await;
    fixture.person("bob").await;
    for path in ["/groups", "/groups/create_group"] {
        let group = fixture.ask(&ann, "POST", path, json!({ "name": "tea", "members": ["bob"] })).await.expect(201);
        assert_eq!((&group["kind"], &group["visibility"]), (&json!("group"), &json!("private")));
        assert_eq!(group["members"][0]["role"], "owner");
        assert_eq!(group["member_count"], 2);
    }
    assert_eq!(fixture.ask(&ann, "POST", "/groups", Value::Null).await.wrong_field(422), "name");
}

#[tokio::test]
async fn ones_own_groups_and_public_ones_are_listed() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    create(&fixture, &ann, json!({ "name": "tea" })).await;
    create(&fixture, &ann, json!({ "name": "100% coffee", "visibility": "public" })).await;
    fixture.chat.direct(ann.id, bob.id).await.unwrap();

    let own = fixture.get(&ann, "/groups?limit=1").await.expect(200);
    assert_eq!(own["groups"][0]["name"], "100% coffee");
    let next = fixture.get(&ann, &format!("/groups?limit=1&before={}", own["next"])).await.expect(200);
    assert_eq!((&next["groups"][0]["name"], &next["next"]), (&json!("tea"), &Value::Null));
    let public = fixture.get(&bob, "/groups?visibility=public&search=0%25+c").await.expect(200);
    assert_eq!(public["groups"].as_array().unwrap().len(), 1);
    assert_eq!(public["groups"][0]["member_count"], 1);
    assert_eq!(fixture.get(&bob, "/groups").await.expect(200), json!({ "groups": [], "next": null }));
}

#[tokio::test]
async fn strangers_see_little_of_public_groups_and_nothing_of_others() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let public = create(&fixture, &ann, json!({ "name": "tea", "visibility": "public" })).await;
    let private = create(&fixture, &ann, json!({ "name": "secret" })).await;
    let seen = fixture.get(&bob, &format!("/groups/{public}")).await.expect(200);
    assert_eq!(seen, json!({ "id": public, "name": "tea", "visibility": "public", "member_count": 1 }));
    assert_eq!(fixture.get(&bob, &format!("/groups/{private}")).await.problem(404), "not_found");
    assert_eq!(fixture.get(&bob, &format!("/groups/{public}/members")).await.problem(404), "not_found");
    let seen = fixture.get(&ann, &format!("/groups/{private}")).await.expect(200);
    assert_eq!(seen["members"][0]["username"], "ann");
}

#[tokio::test]
async fn a_direct_conversation_is_no_group() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let direct = fixture.chat.direct(ann.id, bob.id).await.unwrap().0.id;
    for path in [format!("/groups/{direct}"), format!("/groups/{direct}/members")] {
        assert_eq!(fixture.get(&ann, &path).await.problem(404), "not_found");
    }
}

#[tokio::test]
async fn members_come_and_go() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let group = create(&fixture, &ann, json!({ "name": "tea", "visibility": "public" })).await;
    let named = json!({ "group_id": group, "user_id": bob.id });
    let member = format!("/groups/{group}/members/{}", bob.id);
    let done = async |person, method, path: &str, body, status| {
        let answer = fixture.ask(person, method, path, body).await;
        assert_eq!(answer.status(), status, "{method} {path}: {}", answer.text());
    };

    done(&bob, "POST", &format!("/groups/{group}/join"), Value::Null, 200).await;
    done(&bob, "POST", &format!("/groups/{group}/leave"), Value::Null, 200).await;
    done(&bob, "POST", "/groups/add_user_to_group", named.clone(), 200).await;
    done(&bob, "POST", "/groups/leave_group", named.clone(), 200).await;
    done(&ann, "PUT", &member, Value::Null, 200).await;
    done(&ann, "PUT", &member, json!({ "role": "admin" }), 200).await;
    let members = fixture.get(&bob, &format!("/groups/{group}/members?limit=1")).await.expect(200);
    let after = format!("/groups/{group}/members?after={}", members["next"]);
    assert_eq!(fixture.get(&bob, &after).await.expect(200)["members"][0]["role"], "admin");
    done(&ann, "DELETE", &member, Value::Null, 204).await;
    done(&ann, "DELETE", &member, Value::Null, 404).await;
}

#[tokio::test]
async fn a_group_is_changed_and_deleted() {
    let fixture = Fixture::new();
    let (ann, bob) = (fixture.person("ann").await, fixture.person("bob").await);
    let group = create(&fixture, &ann, json!({ "name": "tea", "members": ["bob"] })).await;
    let path = format!("/groups/{group}");
    for (method, name) in [("PATCH", "coffee"), ("PUT", "water")] {
        let changed = fixture.ask(&ann, method, &path, json!({ "name": name })).await.expect(200);
        assert_eq!(changed["name"], name);
    }
    assert_eq!(fixture.ask(&bob, "PATCH", &path, json!({ "name": "x" })).await.problem(403), "forbidden");
    assert_eq!(fixture.ask(&bob, "DELETE", &path, Value::Null).await.problem(403), "forbidden");
    assert_eq!(fixture.ask(&ann, "DELETE", &path, Value::Null).await.status(), 204);
    assert_eq!(fixture.get(&ann, &path).await.problem(404), "not_found");
}
