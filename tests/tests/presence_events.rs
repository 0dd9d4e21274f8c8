//! Who is there and who is typing: events that nothing stores (API 3.1 `user_status`, 3.2 `typing`).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Socket, all_hear, end_to_end, event, hear_nothing, refusal, with_ref};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn status(username: &str, is_online: bool) -> Value {
    event("user_status", &json!({ "username": username, "is_online": is_online }))
}

fn type_in(conversation: i64, is_typing: bool) -> Value {
    json!({ "type": "typing", "conversation_id": conversation, "is_typing": is_typing })
}

fn typing(conversation: i64, username: &str, is_typing: bool) -> Value {
    event("typing", &json!({ "conversation_id": conversation, "username": username, "is_typing": is_typing }))
}

/// Makes two people contacts, and returns a socket of the one, who has heard that the other is away: what is told of either is
/// told then.
async fn befriended(one: &Person, other: &Person) -> Socket {
    let mut at_other = other.socket().await;
    let added = at_other.asks(json!({ "type": "add_contact", "contact_username": one.username })).await;
    assert_eq!(added["data"]["contact"]["is_online"], false);
    let mut at_one = one.socket().await;
    while at_other.hear().await != status(&one.username, true) {}
    at_other.close().await;
    while at_one.hear().await != status(&other.username, false) {}
    at_one
}

end_to_end! {
    async fn contacts_hear_of_the_first_socket_and_the_last(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let mut at_ann = befriended(&ann, &bob).await;
        let [mut at_ann_too, mut at_eve] = Socket::of([&ann, &eve]).await;
        ann.group(&[&bob, &eve]).await;
        assert_eq!(at_ann.hear().await["type"], "create_conversation");
        all_hear([&mut at_eve], &at_ann_too.hear().await).await;

        let mut first = bob.socket().await;
        all_hear([&mut at_ann, &mut at_ann_too], &status("bob", true)).await;
        let mut second = bob.socket().await;
        hear_nothing([&mut first, &mut second]).await;
        first.close().await;
        hear_nothing([&mut second]).await;
        second.close().await;
        all_hear([&mut at_ann, &mut at_ann_too], &status("bob", false)).await;

        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_eve]).await;
    }

    async fn a_connection_that_is_lost_ends_presence_like_one_that_is_closed(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = befriended(&ann, &bob).await;

        let at_bob = bob.socket().await;
        all_hear([&mut at_ann], &status("bob", true)).await;
        drop(at_bob);

        all_hear([&mut at_ann], &status("bob", false)).await;
    }

    async fn whoever_logs_out_is_offline(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = befriended(&ann, &bob).await;

        let _at_bob = bob.socket().await;
        all_hear([&mut at_ann], &status("bob", true)).await;
        bob.post("/users/logout", json!({})).await.expect(204);

        all_hear([&mut at_ann], &status("bob", false)).await;
    }

    async fn whoever_is_deleted_is_offline(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = befriended(&ann, &bob).await;

        let _at_bob = bob.socket().await;
        all_hear([&mut at_ann], &status("bob", true)).await;
        bob.delete("/users/me").await.expect(200);

        all_hear([&mut at_ann], &status("bob", false)).await;
        hear_nothing([&mut at_ann]).await;
        let contacts = at_ann.asks(json!({ "type": "get_contacts" })).await;
        assert_eq!(contacts["data"]["contacts"], json!([]));
    }

    async fn presence_is_told_in_both_directions(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = befriended(&ann, &bob).await;

        let mut at_bob = bob.socket().await;
        all_hear([&mut at_ann], &status("bob", true)).await;
        at_ann.close().await;

        all_hear([&mut at_bob], &status("ann", false)).await;
    }

    async fn whoever_is_a_contact_no_more_hears_nothing(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = befriended(&ann, &bob).await;
        at_ann.asks(json!({ "type": "remove_contact", "contact_username": "bob" })).await;

        let mut at_bob = bob.socket().await;
        hear_nothing([&mut at_bob]).await;
        at_bob.close().await;

        hear_nothing([&mut at_ann]).await;
    }

    async fn users_are_shown_online_and_since_when_they_are_not(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = befriended(&ann, &bob).await;
        let shown = async || ann.get(&format!("/users/{}", bob.id)).await.expect(200);

        let at_bob = bob.socket().await;
        at_ann.hear().await;
        let online = shown().await;
        at_bob.close().await;
        at_ann.hear().await;
        let offline = shown().await;

        assert_eq!((&online["is_online"], &offline["is_online"]), (&json!(true), &json!(false)));
        assert!(offline["last_online"].as_i64() >= online["last_online"].as_i64());
    }

    async fn typing_is_heard_by_the_others_and_ends(server: Server) {
        let [ann, bob, eve] = server.people(["ann", "bob", "eve"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_ann_too, mut at_bob, mut at_bob_too, mut at_eve] =
            Socket::of([&ann, &ann, &bob, &bob, &eve]).await;

        at_ann.ask(type_in(group, true)).await;
        all_hear([&mut at_bob, &mut at_bob_too], &typing(group, "ann", true)).await;
        at_ann_too.ask(type_in(group, false)).await;
        all_hear([&mut at_bob, &mut at_bob_too], &typing(group, "ann", false)).await;

        hear_nothing([&mut at_ann, &mut at_ann_too, &mut at_bob, &mut at_bob_too, &mut at_eve]).await;
        assert_eq!(ann.send(group, "Tea?").await["seq"], 1);
    }

    async fn typing_that_nobody_ends_ends_by_itself(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        let begun = Instant::now();
        at_ann.ask(type_in(group, true)).await;
        all_hear([&mut at_bob], &typing(group, "ann", true)).await;
        all_hear([&mut at_bob], &typing(group, "ann", false)).await;

        let lasted = begun.elapsed();
        assert!(lasted >= Duration::from_secs(6) && lasted < Duration::from_secs(12), "{lasted:?}");
        hear_nothing([&mut at_ann, &mut at_bob]).await;
    }

    async fn typing_is_heard_at_most_once_a_second(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        let begun = Instant::now();
        for n in 0..50 {
            assert_eq!(at_ann.asks(with_ref(type_in(group, true), n)).await["ref"], n);
        }
        let mut shown = vec![at_bob.hear().await];
        shown.extend(at_bob.heard().await);

        assert!((1..=1 + begun.elapsed().as_secs()).contains(&(shown.len() as u64)), "{shown:?}");
        assert!(shown.iter().all(|frame| *frame == typing(group, "ann", true)));
    }

    async fn each_member_types_for_themselves_and_in_one_conversation(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let (group, elsewhere) = (ann.group(&[&bob, &cyd]).await, ann.group(&[&cyd]).await);
        let [mut at_ann, mut at_bob, mut at_cyd] = Socket::of([&ann, &bob, &cyd]).await;

        at_ann.ask(type_in(group, true)).await;
        all_hear([&mut at_bob, &mut at_cyd], &typing(group, "ann", true)).await;
        at_bob.ask(type_in(group, true)).await;
        all_hear([&mut at_ann, &mut at_cyd], &typing(group, "bob", true)).await;
        at_ann.ask(type_in(elsewhere, true)).await;
        all_hear([&mut at_cyd], &typing(elsewhere, "ann", true)).await;

        hear_nothing([&mut at_bob]).await;
    }

    async fn typing_is_answered_if_it_asks_for_an_answer(server: Server) {
        let ann = server.person("ann").await;
        let group = ann.group(&[]).await;
        let mut at_ann = ann.socket().await;

        let answer = at_ann.asks(with_ref(type_in(group, true), "t")).await;

        assert_eq!(answer, with_ref(typing(group, "ann", true), "t"));
    }

    async fn typing_over_http_is_heard_like_typing_over_a_socket(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let direct =
            ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].as_i64().unwrap();
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        for (chat, conversation) in [(group, group), (bob.id, direct)] {
            let typist = json!({ "is_typing": true, "typing_chat_id": chat });
            ann.post("/users/set_typing_status", typist).await.expect(200);
            all_hear([&mut at_bob], &typing(conversation, "ann", true)).await;
        }
        hear_nothing([&mut at_ann]).await;
    }

    async fn typing_needs_membership(server: Server) {
        let [ann, eve] = server.people(["ann", "eve"]).await;
        let group = ann.group(&[]).await;
        let [mut at_ann, mut at_eve] = Socket::of([&ann, &eve]).await;

        for conversation in [group, 999_999] {
            assert_eq!(at_eve.refused(type_in(conversation, true)).await, refusal("not_found", "no such conversation"));
        }
        hear_nothing([&mut at_ann]).await;
    }
}
