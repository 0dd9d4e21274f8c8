//! The socket of a conversation with one other user (API 3.3).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Socket, all_hear, end_to_end};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

async fn talk(one: &Person, other: &Person) -> Socket {
    one.direct_socket(other.id).await.unwrap()
}

fn said(message: &str, sender: &str) -> Value {
    json!({ "type": "chat.message", "message": message, "sender": sender })
}

async fn refused(person: &Person, other: i64) -> u16 {
    match person.direct_socket(other).await.map_err(|error| *error) {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

end_to_end! {
    with tls;

    async fn two_people_talk(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let (mut at_ann, mut at_bob) = (talk(&ann, &bob).await, talk(&bob, &ann).await);

        at_ann.ask(json!({ "message": "Tea at five?" })).await;
        all_hear([&mut at_ann, &mut at_bob], &said("Tea at five?", "ann")).await;
        at_bob.ask(json!({ "message": "Cake, too!" })).await;
        all_hear([&mut at_ann, &mut at_bob], &said("Cake, too!", "bob")).await;
    }

    async fn it_keeps_in_step_with_the_event_socket_and_the_routes(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = talk(&ann, &bob).await;
        let mut at_bob = bob.socket().await;

        at_ann.ask(json!({ "message": "one" })).await;
        let heard = at_bob.hear_of("send_message").await["data"].clone();
        assert_eq!((&heard["content"], &heard["seq"]), (&json!("one"), &json!(1)));
        let conversation = heard["conversation_id"].as_i64().unwrap();
        at_bob.ask(json!({ "type": "send_message", "conversation_id": conversation, "content": "two" })).await;
        at_bob.hear_of("send_message").await;
        ann.send(conversation, "three").await;
        for (message, sender) in [("one", "ann"), ("two", "bob"), ("three", "ann")] {
            assert_eq!(at_ann.hear().await, said(message, sender));
        }
        let history = bob.get(&format!("/conversations/{conversation}/messages")).await.expect(200);
        assert_eq!(history["messages"].as_array().unwrap().len(), 3);
    }

    async fn it_hears_nothing_of_elsewhere_and_nothing_but_messages(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let mut at_ann = talk(&ann, &bob).await;
        let mut events = ann.socket().await;
        events.asks(json!({ "type": "add_contact", "contact_username": "bob" })).await;

        let group = bob.group(&[&ann, &cyd]).await;
        bob.send(group, "in the group").await;
        talk(&cyd, &ann).await.ask(json!({ "message": "from someone else" })).await;
        let mut at_bob = talk(&bob, &ann).await;
        at_bob.ask(json!({ "message": "a slip" })).await;
        let message = loop {
            let heard = events.hear_of("send_message").await["data"].clone();
            if heard["content"] == "a slip" {
                break heard;
            }
        };
        bob.delete(&format!("/messages/{}", message["id"])).await.expect(200);
        at_bob.ask(json!({ "message": "meant" })).await;

        assert_eq!(at_ann.hear().await, said("a slip", "bob"));
        assert_eq!(at_ann.hear().await, said("meant", "bob"));
    }

    async fn what_is_no_message_is_refused_and_the_socket_lives_on(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = talk(&ann, &bob).await;

        let long = json!({ "message": "x".repeat(20_000) });
        for bad in ["", "[]", "{", "{}", r#"{"message":7}"#, r#"{"message":" "}"#, &long.to_string()] {
            at_ann.write(Message::text(bad)).await;
            let answer = at_ann.hear().await;
            assert_eq!(answer["type"], "error", "{bad:.50}");
            assert!(!answer["message"].as_str().unwrap().is_empty());
        }
        at_ann.write(Message::binary(vec![1])).await;
        assert_eq!(at_ann.hear().await["type"], "error");
        at_ann.ask(json!({ "message": "works" })).await;
        assert_eq!(at_ann.hear().await, said("works", "ann"));
    }

    async fn nobody_talks_to_a_stranger_or_to_themselves(server: Server) {
        let ann = server.person("ann").await;

        assert_eq!(refused(&ann, 999_999).await, 404);
        assert_eq!(refused(&ann, 0).await, 404);
        assert_eq!(refused(&ann, ann.id).await, 400);
        let mut nobody = ann.clone();
        "nonsense".clone_into(&mut nobody.token);
        assert_eq!(refused(&nobody, nobody.id + 1).await, 401);
    }

    async fn it_ends_with_the_login(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut at_ann = talk(&ann, &bob).await;

        ann.post("/users/logout", json!({})).await.expect(204);

        assert_eq!(u16::from(at_ann.closed().await.unwrap().code), 4401);
    }

    async fn whoever_stalls_hears_all_once_they_read_again(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let mut stalled = bob.narrow_direct_socket(ann.id).await;
        let conversation = ann.put(&format!("/conversations/direct/{}", bob.id), json!({})).await.body["id"].as_i64();

        let mut at_ann = ann.socket().await;
        let content = |n: usize| format!("{n} {}", "x".repeat(16_000));
        for n in 0..250 {
            let send = json!({ "type": "send_message", "conversation_id": conversation, "content": content(n), "ref": n });
            at_ann.ask(send).await;
            while at_ann.hear().await["ref"] != n {}
        }

        for n in 0..250 {
            assert_eq!(stalled.hear().await, said(&content(n), "ann"));
        }
    }
}
