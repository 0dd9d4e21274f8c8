//! Limits on what one user may do: they hold over whatever way it is asked, and nobody else feels them.

use crate::client::{Client, group, users};
use chat_core::limits::{STUBBORN_REST, TURN_WAIT_MAX};
use chat_core::{
    Appended, Chat, CloseReason, Draft, Error, History, Incoming, Limits, ManualClock, MemoryStorage, Outgoing, Rate,
    RateLimits, Role, Seq, Timestamp, User, Visibility,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// An engine with limits that differ from those for people as told, and the clock that it goes by.
fn limited(change: impl FnOnce(&mut RateLimits)) -> (Chat, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000)));
    let mut rates = RateLimits::for_people();
    change(&mut rates);
    let mut limits = Limits::default();
    limits.rates = Some(rates);
    (Chat::builder(Arc::new(MemoryStorage::new())).clock(clock.clone()).limits(limits).build(), clock)
}

fn draft(content: &str) -> Draft {
    Draft::new(content).unwrap()
}

fn is_limited<T>(answered: &Result<T, Error>) -> bool {
    matches!(answered, Err(Error::RateLimited { .. }))
}

#[tokio::test]
async fn messages_have_one_budget_for_all_ways_to_send_them() {
    let (chat, clock) = limited(|rates| rates.messages = Rate::new(4, SECOND * 10));
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut sockets = [Client::open(&chat, &ann).await, Client::open(&chat, &ann).await];

    let sent = chat.send(ann.id, conversation, draft("one")).await.unwrap().message;
    let request = json!({ "type": "send_message", "conversation_id": conversation, "content": "two", "ref": 1 });
    for socket in &mut sockets {
        socket.ask(&request).await;
    }
    assert_eq!(sockets[0].hear().await["type"], "send_message");
    sockets[0].heard().await;
    sockets[1].heard().await;
    chat.edit(ann.id, sent.id, "once".parse().unwrap()).await.unwrap();
    sockets[0].heard().await;

    let refusal = sockets[0].asks(request.clone()).await;
    assert_eq!(
        refusal,
        json!({
            "type": "send_message", "success": false, "error": "too many requests, try again later",
            "code": "rate_limited", "ref": 1,
        })
    );
    let refused = chat.delete(ann.id, sent.id).await;
    assert_eq!(refused, Err(Error::RateLimited { retry_after: SECOND * 10 }));
    // It is nobody else's, and comes back.
    chat.send(bob.id, conversation, draft("mine")).await.unwrap();
    clock.advance(SECOND * 10);
    chat.delete(ann.id, sent.id).await.unwrap();
    assert!(is_limited(&chat.send(ann.id, conversation, draft("three")).await));
}

#[tokio::test]
async fn a_refused_message_is_not_stored_and_may_be_sent_again() {
    let (chat, clock) = limited(|rates| rates.messages = Rate::new(1, SECOND));
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    chat.send(ann.id, conversation, draft("one")).await.unwrap();
    let mut again = draft("two");
    again.nonce = Some("n".parse().unwrap());
    assert!(is_limited(&chat.send(ann.id, conversation, again.clone()).await));
    clock.advance(SECOND);
    let sent = chat.send(ann.id, conversation, again).await.unwrap();
    assert_eq!((sent.is_new, i64::from(sent.message.seq)), (true, 2));
}

#[tokio::test]
async fn bursts_that_people_and_their_outboxes_make_go_through() {
    let (chat, _) = limited(|_| {});
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut socket = Client::open(&chat, &ann).await;
    for number in 0..100 {
        socket
            .ask(&json!({ "type": "send_message", "conversation_id": conversation, "content": "hi", "ref": number }))
            .await;
    }
    for frame in socket.heard().await {
        assert_eq!(frame["success"], true, "{frame}");
    }
}

#[tokio::test]
async fn joining_adding_creating_and_contacts_have_a_budget() {
    let (chat, clock) = limited(|rates| rates.memberships = Rate::new(4, SECOND));
    let [ann, bob, cyd] = users(&chat, ["ann", "bob", "cyd"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let _: Appended = chat.add_member(ann.id, conversation, bob.id, None).await.unwrap();
    chat.direct(ann.id, cyd.id).await.unwrap();
    chat.add_contact(ann.id, bob.username.clone()).await.unwrap();

    assert!(is_limited(&chat.add_member(ann.id, conversation, cyd.id, None).await));
    assert!(is_limited(&chat.join(ann.id, conversation).await));
    assert!(is_limited(&chat.leave(ann.id, conversation).await));
    assert!(is_limited(&chat.direct(ann.id, bob.id).await));
    assert!(is_limited(&chat.add_contact(ann.id, cyd.username.clone()).await));
    // Writing to someone by their id counts as writing, and makes nobody a conversation that could not be written to.
    assert!(chat.conversation_with(ann.id, bob.id.into()).await.is_ok());
    chat.send(ann.id, conversation, draft("hi")).await.unwrap();
    clock.advance(SECOND);
    chat.add_member(ann.id, conversation, cyd.id, None).await.unwrap();
}

#[tokio::test]
async fn typing_has_a_budget() {
    let (chat, _) = limited(|rates| rates.typing = Rate::new(2, SECOND));
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut socket = Client::open(&chat, &ann).await;
    let typing = json!({ "type": "typing", "conversation_id": conversation, "is_typing": true, "ref": 1 });
    for _ in 0..2 {
        assert_eq!(socket.asks(typing.clone()).await["success"], true);
    }
    assert_eq!(socket.asks(typing).await["code"], "rate_limited");
    assert!(is_limited(&chat.set_typing(ann.id, conversation, true).await));
}

#[tokio::test]
async fn sessions_are_opened_so_fast_and_no_faster() {
    let (chat, clock) = limited(|rates| rates.sessions = Rate::new(2, SECOND));
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    for _ in 0..2 {
        drop(chat.open_session(ann.id).await.unwrap());
    }
    assert!(matches!(chat.open_session(ann.id).await, Err(Error::RateLimited { .. })));
    chat.open_session(bob.id).await.unwrap();
    clock.advance(SECOND);
    chat.open_session(ann.id).await.unwrap();
}

#[tokio::test]
async fn a_user_has_so_many_sessions_and_the_one_too_many_is_refused() {
    let mut limits = Limits::default();
    limits.sessions_per_user_max = 2;
    let chat = Chat::builder(Arc::new(MemoryStorage::new())).limits(limits).build();
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let first = chat.open_session(ann.id).await.unwrap();
    let mut second = Client::open(&chat, &ann).await;

    for _ in 0..3 {
        let refused = chat.open_session(ann.id).await.map(drop).unwrap_err();
        assert_eq!(refused, Error::TooManySessions(2));
        assert_eq!(
            (refused.code(), refused.to_string().as_str()),
            ("rate_limited", "too many sockets of this user are open: 2 at most")
        );
    }
    let _bobs = chat.open_session(bob.id).await.unwrap();
    assert_eq!(second.asks(json!({ "type": "ping" })).await["data"], "pong");
    drop(first);
    let _third = chat.open_session(ann.id).await.unwrap();
    assert!(chat.open_session(ann.id).await.is_err());
    assert_eq!(chat.sessions_open(), 3);
}

#[tokio::test]
async fn all_requests_have_a_generous_budget_whatever_they_are() {
    let (chat, clock) = limited(|rates| rates.requests = Rate::new(4, SECOND));
    let [ann] = users(&chat, ["ann"]).await;
    let mut socket = Client::open(&chat, &ann).await;
    assert_eq!(socket.asks(json!({ "type": "get_conversations" })).await["success"], true);
    socket.session.receive(Incoming::Text("nonsense".into()));
    assert_eq!(socket.hear().await["code"], "malformed");
    socket.session.receive(Incoming::Binary);
    assert_eq!(socket.hear().await["code"], "malformed");
    chat.count_request(ann.id).unwrap();

    let refused = socket.asks(json!({ "type": "sync", "ref": "s" })).await;
    assert_eq!(
        (&refused["type"], &refused["code"], &refused["ref"]),
        (&json!("sync"), &json!("rate_limited"), &json!("s"))
    );
    socket.session.receive(Incoming::Binary);
    assert_eq!(socket.hear().await["code"], "rate_limited");
    clock.advance(SECOND);
    assert_eq!(socket.asks(json!({ "type": "sync" })).await["success"], true);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_after_being_refused_is_read_ever_so_slowly() {
    let (chat, clock) = limited(|rates| {
        rates.messages = Rate::new(1, SECOND * 1_000);
        rates.refusals = Rate::new(20, SECOND);
    });
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let (mut socket, mut at_bob) = (Client::open(&chat, &ann).await, Client::open(&chat, &bob).await);
    let send = json!({ "type": "send_message", "conversation_id": conversation, "content": "hi" });
    let ping = json!({ "type": "ping" });
    let begun = tokio::time::Instant::now();
    assert_eq!(socket.asks(send.clone()).await["success"], true);
    for _ in 0..6 {
        assert_eq!(socket.asks(send.clone()).await["code"], "rate_limited");
    }
    assert_eq!(socket.asks(ping.clone()).await["data"], "pong");
    assert!(!socket.session.is_ready());
    assert_eq!(begun.elapsed(), Duration::ZERO);

    // What happens is heard at once, and nobody else waits; whatever is asked next does.
    chat.send(bob.id, conversation, draft("hello")).await.unwrap();
    assert_eq!(socket.hear().await["data"]["content"], "hello");
    assert_eq!(at_bob.heard().await.len(), 2);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(socket.asks(ping.clone()).await["data"], "pong");
    assert_eq!(begun.elapsed(), STUBBORN_REST);

    // It is over soon after the client has stopped.
    clock.advance(SECOND * 2);
    for _ in 0..3 {
        socket.asks(ping.clone()).await;
    }
    assert_eq!(begun.elapsed(), STUBBORN_REST * 2);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_long_after_being_refused_is_closed_and_who_stops_is_not() {
    let (chat, _) = limited(|rates| {
        rates.messages = Rate::new(1, SECOND * 1_000);
        rates.refusals = Rate::new(20, SECOND * 1_000);
    });
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let mut socket = Client::open(&chat, &ann).await;
    let send = json!({ "type": "send_message", "conversation_id": conversation, "content": "hi" });
    assert_eq!(socket.asks(send.clone()).await["success"], true);
    for _ in 0..20 {
        assert_eq!(socket.asks(send.clone()).await["code"], "rate_limited");
    }
    assert_eq!(socket.asks(json!({ "type": "ping" })).await["data"], "pong");

    socket.ask(&send).await;

    assert_eq!(socket.session.next().await, Outgoing::Close(CloseReason::TooManyRequests));
    assert_eq!(CloseReason::TooManyRequests.code(), 4429);
}

#[tokio::test]
async fn what_many_hear_costs_more_whatever_is_done_with_it() {
    let (chat, clock) = limited(|rates| {
        (rates.messages, rates.typing) = (Rate::new(6, SECOND * 10), Rate::new(3, SECOND * 10));
        rates.hearers = 2;
    });
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let alone = group(&chat, std::slice::from_ref(&ann)).await;
    let at_bob = [Client::open(&chat, &bob).await, Client::open(&chat, &bob).await];

    // Two hear it: each counts twice.
    let sent = chat.send(ann.id, conversation, draft("one")).await.unwrap().message;
    chat.edit(ann.id, sent.id, "once".parse().unwrap()).await.unwrap();
    chat.delete(ann.id, sent.id).await.unwrap();
    assert!(is_limited(&chat.send(ann.id, conversation, draft("two")).await));
    assert!(is_limited(&chat.send(ann.id, alone, draft("two")).await));
    chat.send(bob.id, conversation, draft("mine")).await.unwrap();
    for is_typing in [true, false] {
        chat.set_typing(ann.id, conversation, is_typing).await.unwrap();
    }
    assert!(is_limited(&chat.set_typing(ann.id, conversation, true).await));

    // What few hear, or nobody is allowed to, counts once.
    clock.advance(SECOND * 1_000);
    for _ in 0..3 {
        chat.send(ann.id, alone, draft("alone")).await.unwrap();
        chat.send(bob.id, alone, draft("let me in")).await.unwrap_err();
    }
    drop(at_bob);
    for _ in 0..3 {
        chat.send(ann.id, conversation, draft("nobody is there")).await.unwrap();
        assert!(!is_limited(&chat.send(bob.id, alone, draft("let me in")).await));
    }
}

#[tokio::test]
async fn a_conversation_is_heard_so_much_and_then_rests() {
    let (chat, clock) = limited(|rates| rates.deliveries = Rate::new(4, SECOND));
    let [ann, bob, cyd] = users(&chat, ["ann", "bob", "cyd"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let other = group(&chat, std::slice::from_ref(&ann)).await;
    let at_bob = [Client::open(&chat, &bob).await, Client::open(&chat, &bob).await];
    clock.advance(SECOND * 100);

    // Two hear each.
    let sent = chat.send(ann.id, conversation, draft("one")).await.unwrap().message;
    chat.send(bob.id, conversation, draft("two")).await.unwrap();
    assert_eq!(
        chat.send(bob.id, conversation, draft("three")).await.map(|sent| sent.is_new),
        Err(Error::RateLimited { retry_after: SECOND })
    );
    assert!(is_limited(&chat.edit(ann.id, sent.id, "once".parse().unwrap()).await));
    assert!(is_limited(&chat.add_member(ann.id, conversation, cyd.id, None).await));
    // Strangers learn nothing of it, other conversations rest not, and whoever keeps order can.
    let stranger = chat.send(cyd.id, conversation, draft("hi")).await.map(|sent| sent.is_new);
    assert_eq!(stranger, Err(Error::NotFound("conversation")));
    chat.update_group(ann.id, conversation, None, Some(Visibility::Public)).await.unwrap();
    assert!(is_limited(&chat.join(cyd.id, conversation).await));
    let stranger = chat.send(cyd.id, conversation, draft("hi")).await.map(|sent| sent.is_new);
    assert_eq!(stranger, Err(Error::NotFound("conversation")));
    chat.add_member(ann.id, conversation, bob.id, Some(Role::Admin)).await.unwrap();
    chat.send(ann.id, other, draft("mine")).await.unwrap();
    chat.delete(ann.id, sent.id).await.unwrap();
    chat.remove_member(ann.id, conversation, bob.id).await.unwrap();
    drop(at_bob);

    // It owes for all of that, too, but no more than the whole.
    clock.advance(SECOND * 3);
    assert!(is_limited(&chat.send(ann.id, conversation, draft("four")).await));
    clock.advance(SECOND);
    chat.send(ann.id, conversation, draft("four")).await.unwrap();
}

#[tokio::test]
async fn where_much_is_going_on_nobody_is_shown_typing() {
    let (chat, clock) = limited(|rates| rates.deliveries = Rate::new(6, SECOND));
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut at_bob = Client::open(&chat, &bob).await;
    let typing = async |at_bob: &mut Client, is_typing| {
        chat.set_typing(ann.id, conversation, is_typing).await.unwrap();
        at_bob.heard().await.iter().filter(|frame| frame["type"] == "typing").count()
    };
    clock.advance(SECOND * 100);
    assert_eq!(typing(&mut at_bob, true).await, 1);
    for _ in 0..3 {
        chat.send(ann.id, conversation, draft("hi")).await.unwrap();
    }

    // Whoever is shown stops all the same.
    assert_eq!(typing(&mut at_bob, false).await, 1);
    tokio::time::pause();
    tokio::time::advance(Limits::default().typing_interval).await;
    assert_eq!(typing(&mut at_bob, true).await, 0);
    clock.advance(SECOND * 100);
    assert_eq!(typing(&mut at_bob, true).await, 1);
}

#[tokio::test(start_paused = true)]
async fn pages_are_read_one_after_the_other_by_whoever_reads_many() {
    let (chat, clock) = limited(|rates| rates.pages = Rate::new(2, SECOND * 2));
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut socket = Client::open(&chat, &ann).await;
    let messages = json!({ "type": "get_messages", "conversation_id": conversation, "ref": 1 });

    // One after the other, however long it takes; and whatever happens meanwhile is heard meanwhile.
    let sync = json!({ "type": "sync", "ref": 1 });
    let resume = json!({ "type": "resume", "epoch": "another", "conversations": {}, "ref": 1 });
    for (request, seconds) in [(&messages, 0), (&messages, 0), (&messages, 2), (&sync, 2), (&resume, 2)] {
        let begun = tokio::time::Instant::now();
        socket.ask(request).await;
        if seconds > 0 {
            chat.send(bob.id, conversation, draft("hi")).await.unwrap();
            assert_eq!(socket.hear().await["type"], "send_message");
            assert_eq!(begun.elapsed(), Duration::ZERO);
        }
        assert_eq!(socket.hear().await["success"], true);
        assert_eq!(begun.elapsed().as_secs(), seconds, "{request}");
        clock.advance(SECOND * u32::try_from(seconds).unwrap());
    }
    // Many at once are refused where they would wait for too long.
    let pages = (0..5).map(|_| chat.messages(ann.id, conversation, History::Latest, 50));
    let read = futures::future::join_all(pages).await;
    assert_eq!(read.iter().filter(|read| is_limited(read)).count(), 3);
    chat.messages(bob.id, conversation, History::Latest, 50).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_reads_much_waits_in_line_and_who_reads_seldom_does_not() {
    let (chat, _) = limited(|rates| (rates.pages, rates.sessions) = (Rate::new(1_000, SECOND), Rate::new(100, SECOND)));
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let read = async |user: &User| {
        let begun = tokio::time::Instant::now();
        chat.contacts(user.id).await.map(|_| begun.elapsed())
    };
    for _ in 0..7 {
        assert_eq!(read(&ann).await, Ok(Duration::ZERO));
    }
    assert!(read(&ann).await.unwrap() > Duration::ZERO);

    let mut flood = Box::pin(futures::future::join_all((0..900).map(|_| read(&ann))));
    assert!(futures::poll!(&mut flood).is_pending());
    for _ in 0..6 {
        assert_eq!(read(&bob).await, Ok(Duration::ZERO));
    }
    // Sessions are opened in the same line, and what would wait for too long is told when to come back.
    assert!(is_limited(&chat.open_session(ann.id).await));
    let read = flood.await;
    assert!(read.iter().flatten().all(|waited| *waited <= TURN_WAIT_MAX), "{read:?}");
    assert!(read.iter().flatten().count() > 100);
    assert!(read.iter().any(is_limited));
    drop(chat.open_session(ann.id).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_session_when_the_engine_stops_gets_none() {
    let (chat, _) = limited(|rates| rates.sessions = Rate::new(100, SECOND));
    let [ann] = users(&chat, ["ann"]).await;
    for _ in 0..7 {
        drop(chat.open_session(ann.id).await.unwrap());
    }
    let mut opening = std::pin::pin!(chat.open_session(ann.id));
    assert!(futures::poll!(&mut opening).is_pending());

    chat.end_sessions(SECOND).await;

    assert_eq!(opening.await.map(drop), Err(Error::Unavailable));
    assert_eq!(chat.sessions_open(), 0);
}

#[tokio::test]
async fn every_list_is_a_page() {
    let (chat, clock) = limited(|rates| rates.pages = Rate::new(1, SECOND * 10));
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    let me = ann.id;
    macro_rules! pages {
        ($($read:expr),+ $(,)?) => {$(
            clock.advance(SECOND * 10);
            $read.await.unwrap();
            assert!(is_limited(&$read.await), stringify!($read));
        )+};
    }
    pages!(
        chat.messages(me, conversation, History::Latest, 50),
        chat.events(me, conversation, Seq::ZERO, 50),
        chat.members(me, conversation, None, 50),
        chat.conversations(me, None, None, 50),
        chat.public_groups(me, None, None, 50),
        chat.users(me, None, None, 50),
        chat.contacts(me),
        chat.blocked(me, None, 50),
    );
}

#[tokio::test]
async fn whoever_is_gone_before_it_is_announced_pays_all_the_same() {
    let (chat, clock) = limited(|rates| rates.deliveries = Rate::new(2, SECOND * 10));
    let [ann, bob] = users(&chat, ["ann", "bob"]).await;
    let conversation = group(&chat, &[ann.clone(), bob.clone()]).await;
    let mut at_bob = [Client::open(&chat, &bob).await, Client::open(&chat, &bob).await];
    clock.advance(SECOND * 100);

    {
        let sending = std::pin::pin!(chat.send(ann.id, conversation, draft("hi")));
        assert!(futures::poll!(sending).is_pending());
    }
    for socket in &mut at_bob {
        assert_eq!(socket.hear().await["type"], "send_message");
    }

    assert!(is_limited(&chat.send(ann.id, conversation, draft("hi")).await));
}

#[tokio::test]
async fn without_limits_nothing_is_counted() {
    let chat = crate::client::chat();
    let [ann] = users(&chat, ["ann"]).await;
    let conversation = group(&chat, std::slice::from_ref(&ann)).await;
    for _ in 0..1_000 {
        chat.send(ann.id, conversation, draft("hi")).await.unwrap();
        chat.count_request(ann.id).unwrap();
    }
}
