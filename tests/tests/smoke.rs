//! Two people register, log in, open `/ws`, create a conversation and talk.

use chat_tests::end_to_end;
use serde_json::json;

end_to_end! {
    async fn two_people_talk(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let (mut at_ann, mut at_bob) = (ann.socket().await, bob.socket().await);

        at_ann.ask(json!({ "type": "create_conversation", "members": ["bob"] })).await;
        let created = at_bob.hear().await;
        assert_eq!(at_ann.hear().await, created);
        let conversation = created["data"]["id"].clone();
        at_bob.ask(json!({ "type": "send_message", "conversation_id": conversation, "content": "Tea at five?" })).await;

        let sent = at_ann.hear().await;
        assert_eq!(sent["data"]["content"], "Tea at five?");
        assert_eq!(at_bob.hear().await, sent);
    }
}
