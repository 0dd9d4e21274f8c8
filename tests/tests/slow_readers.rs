//! Sockets that stop reading: they cost nobody else time, the server little memory, and themselves nothing that they cannot
//! catch up with.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Client, Kind, Person, Server, Socket, end_to_end};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Bytes in each message of a flood: as large as a message may be, all but a little.
const CONTENT_BYTES: usize = 16_000;

/// Sends so many large messages, some of them side by side, and returns when all are acknowledged.
async fn flood(person: &Person, group: i64, count: usize) {
    const SENDERS: usize = 8;
    join_all((0..SENDERS).map(|sender| async move {
        let mut socket = person.socket().await;
        for n in (sender..count).step_by(SENDERS) {
            let content = "x".repeat(CONTENT_BYTES);
            socket.ask(json!({ "type": "send_message", "conversation_id": group, "content": content, "ref": n })).await;
            while socket.hear().await["ref"] != n {}
        }
    }))
    .await;
}

/// Hears events until the one with this `seq`, each in its turn.
async fn hears_all(socket: &mut Socket, last: usize) {
    for seq in 1..=last {
        assert_eq!(socket.hear_of("send_message").await["data"]["seq"], seq);
    }
}

/// The `seq` of all events until `lagged` stands in the place of others.
async fn heard_until_lagged(socket: &mut Socket) -> Vec<i64> {
    let mut heard = vec![];
    loop {
        let frame = socket.hear().await;
        match frame["data"]["seq"].as_i64() {
            Some(seq) => heard.push(seq),
            None => {
                assert_eq!(frame, json!({ "type": "lagged", "success": true, "data": null }));
                return heard;
            }
        }
    }
}

end_to_end! {
    with tls;

    async fn a_reader_who_stalls_is_told_once_and_resumes_completely(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let mut stalled = bob.narrow_socket().await;
        let epoch = stalled.asks(json!({ "type": "sync" })).await["data"]["epoch"].clone();

        // Beyond what the connection and the queue hold, and below what one resume replays.
        let count = 250;
        flood(&ann, group, count).await;

        let mut heard = heard_until_lagged(&mut stalled).await;
        assert!(heard.len() < count);
        let seen = json!({ group.to_string(): heard.last().copied().unwrap_or(0) });
        stalled.ask(json!({ "type": "resume", "epoch": epoch, "conversations": seen })).await;
        let answer = loop {
            let frame = stalled.hear().await;
            match frame["data"]["seq"].as_i64() {
                Some(seq) => heard.push(seq),
                None => break frame,
            }
        };
        assert_eq!(answer["data"]["conversations"][0]["reset"], false, "{answer}");
        assert_eq!(heard, (1..=i64::try_from(count).unwrap()).collect::<Vec<_>>());
    }

    async fn a_client_that_stalls_knows_all_once_it_reads_again(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let mut stalled = Client::new("bob", chat_tests::client::Source::Http(bob.clone()));
        stalled.connect(Box::new(bob.narrow_socket().await)).await;

        flood(&ann, group, 250).await;

        assert!(stalled.settle().await);
        assert_eq!(stalled.known, stalled.fresh().await);
        assert_eq!((stalled.log.lagged, stalled.log.gaps, stalled.log.repeats + stalled.log.answered_before), (1, 0, 0));
    }

    async fn those_who_read_wait_for_nobody(server: Server) {
        let [ann, bob, cyd] = server.people(["ann", "bob", "cyd"]).await;
        let group = ann.group(&[&bob, &cyd]).await;
        let _stalled = join_all((0..10).map(|_| cyd.narrow_socket())).await;
        let mut at_bob = bob.socket().await;

        let count = 200;
        tokio::join!(flood(&ann, group, count), hears_all(&mut at_bob, count));

        assert_eq!(at_bob.asks(json!({ "type": "ping" })).await["data"], "pong");
    }

    async fn a_stalled_socket_is_answered_before_it_is_told_what_happened(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let mut stalled = bob.narrow_socket().await;
        flood(&ann, group, 250).await;

        stalled.ask(json!({ "type": "ping", "ref": 1 })).await;

        let mut kinds = BTreeSet::new();
        let mut heard = 0;
        loop {
            let frame: Value = stalled.hear().await;
            kinds.insert(frame["type"].as_str().unwrap().to_owned());
            heard += 1;
            if frame["ref"] == 1 {
                break;
            }
        }
        assert!(heard < 250, "the answer came behind {heard} frames of {kinds:?}");
    }
}

#[tokio::test]
async fn memory_stays_bounded_however_much_stalled_sockets_miss() {
    let server = Server::start(Kind::Program).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let stalled = join_all((0..20).map(|_| bob.narrow_socket())).await;
    // The first flood fills caches, the buffers of connections and the queues; the second finds them full. Were they not
    // bounded, they would hold all of it, though not each its own copy.
    flood(&ann, group, 1_500).await;
    let before = server.memory();

    let count = 2_500;
    flood(&ann, group, count).await;

    let grown = server.memory().saturating_sub(before);
    let sent = count * CONTENT_BYTES;
    assert!(grown < sent / 2, "{grown} bytes more after {sent} more were sent to each of {} sockets", stalled.len());
}
