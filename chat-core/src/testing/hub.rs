//! Checks of [`SessionHub`]. Each is to be given a hub of its own, without sessions.
//!
//! A hub over several nodes may hand frames on later than it was told to; so a check that something stays unheard listens
//! for what was published after it.

use crate::{
    Audience, CloseReason, ConversationId, Frame, Identity, Lane, LoginId, OutboxLimits, Pending, Publication,
    SessionEnd, SessionHub, Topic, UserId,
};
use std::sync::Arc;

const LIMITS: OutboxLimits = OutboxLimits { bytes_max: 10_000, signals_max: 10 };
const EVERYONE: Audience = Audience::Share { share: 0, shares: 1 };
/// Published behind everything that a check looks at.
const LAST: &str = "last";

pub async fn a_frame_reaches_every_session_on_its_topic(hub: Arc<dyn SessionHub>) {
    let ends = [open(&*hub, 1), open(&*hub, 1), open(&*hub, 2)];
    for end in &ends {
        hub.subscribe(end, &[conversation(10)]);
    }
    publish(&*hub, 10, "hello");
    for end in ends {
        assert_eq!(heard(&*hub, &end).await, ["hello"]);
    }
}

pub async fn a_frame_reaches_nobody_else(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.subscribe(&end, &[conversation(10)]);
    publish(&*hub, 11, "elsewhere");
    hub.publish(Topic::User(user(2)), event("to another").into());
    assert!(heard(&*hub, &end).await.is_empty());
}

pub async fn a_conversation_and_a_user_are_different_topics(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    publish(&*hub, 1, "to a conversation");
    assert!(heard(&*hub, &end).await.is_empty());
}

pub async fn a_session_hears_its_user_from_the_start(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.publish(Topic::User(user(1)), event("hello").into());
    assert_eq!(heard(&*hub, &end).await, ["hello"]);
}

pub async fn frames_arrive_in_the_order_published(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.subscribe(&end, &[conversation(10), conversation(11)]);
    let texts: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    for (n, text) in texts.iter().enumerate() {
        publish(&*hub, 10 + i64::from(n % 2 == 0), text);
    }
    assert_eq!(heard(&*hub, &end).await, texts);
}

pub async fn a_conversation_left_while_opening_stays_unheard(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.leave(user(1), conversation(10));
    hub.subscribe(&end, &[conversation(10), conversation(11)]);
    publish(&*hub, 10, "left");
    publish(&*hub, 11, "kept");
    assert_eq!(heard(&*hub, &end).await, ["kept"]);
}

pub async fn a_conversation_left_and_joined_again_while_opening_is_heard(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.leave(user(1), conversation(10));
    hub.join(user(1), conversation(10));
    hub.subscribe(&end, &[conversation(10)]);
    publish(&*hub, 10, "back");
    assert_eq!(heard(&*hub, &end).await, ["back"]);
}

pub async fn a_conversation_dissolved_while_opening_stays_unheard(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.dissolve(conversation(10));
    hub.subscribe(&end, &[conversation(10)]);
    publish(&*hub, 10, "gone");
    assert!(heard(&*hub, &end).await.is_empty());
}

pub async fn a_conversation_joined_is_heard_by_every_session_of_the_user(hub: Arc<dyn SessionHub>) {
    let ends = [open(&*hub, 1), open(&*hub, 1)];
    hub.join(user(1), conversation(10));
    publish(&*hub, 10, "hello");
    for end in ends {
        assert_eq!(heard(&*hub, &end).await, ["hello"]);
    }
}

pub async fn a_conversation_joined_twice_is_heard_once(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.join(user(1), conversation(10));
    hub.subscribe(&end, &[conversation(10)]);
    hub.join(user(1), conversation(10));
    publish(&*hub, 10, "hello");
    assert_eq!(heard(&*hub, &end).await, ["hello"]);
}

pub async fn a_conversation_left_is_heard_by_no_session_of_the_user(hub: Arc<dyn SessionHub>) {
    let ends = [open(&*hub, 1), open(&*hub, 1)];
    let other = open(&*hub, 2);
    for end in ends.iter().chain([&other]) {
        hub.subscribe(end, &[conversation(10)]);
    }
    hub.leave(user(1), conversation(10));
    publish(&*hub, 10, "hello");
    for end in ends {
        assert!(heard(&*hub, &end).await.is_empty());
    }
    assert_eq!(heard(&*hub, &other).await, ["hello"]);
}

pub async fn a_dissolved_conversation_is_heard_by_nobody(hub: Arc<dyn SessionHub>) {
    let ends = [open(&*hub, 1), open(&*hub, 2)];
    for end in &ends {
        hub.subscribe(end, &[conversation(10)]);
    }
    hub.dissolve(conversation(10));
    publish(&*hub, 10, "hello");
    for end in ends {
        assert!(heard(&*hub, &end).await.is_empty());
    }
}

pub async fn the_session_that_asked_hears_its_echo_instead(hub: Arc<dyn SessionHub>) {
    let (asking, other) = (open(&*hub, 1), open(&*hub, 1));
    for end in [&asking, &other] {
        hub.subscribe(end, &[conversation(10)]);
    }
    let echo = Some((asking.outbox().session(), event("echo")));
    hub.publish(Topic::Conversation(conversation(10)), Publication { echo, ..event("hello").into() });
    assert_eq!(heard(&*hub, &asking).await, ["echo"]);
    assert_eq!(heard(&*hub, &other).await, ["hello"]);
}

pub async fn an_echo_reaches_the_session_that_asked_wherever_it_is(hub: Arc<dyn SessionHub>) {
    let asking = open(&*hub, 1);
    let echo = Some((asking.outbox().session(), event("echo")));
    hub.publish(Topic::Conversation(conversation(10)), Publication { echo, ..event("hello").into() });
    assert_eq!(heard(&*hub, &asking).await, ["echo"]);
}

pub async fn the_excepted_user_hears_nothing(hub: Arc<dyn SessionHub>) {
    let (excepted, other) = (open(&*hub, 1), open(&*hub, 2));
    for end in [&excepted, &other] {
        hub.subscribe(end, &[conversation(10)]);
    }
    let publication = Publication { except: Some(user(1)), ..event("hello").into() };
    hub.publish(Topic::Conversation(conversation(10)), publication);
    assert!(heard(&*hub, &excepted).await.is_empty());
    assert_eq!(heard(&*hub, &other).await, ["hello"]);
}

pub async fn publishing_to_a_full_outbox_returns(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.subscribe(&end, &[conversation(10)]);
    for _ in 0..100 {
        publish(&*hub, 10, &"x".repeat(1_000));
    }
    assert!(matches!(end.outbox().next().await, Pending::Frames(_)));
}

pub async fn a_user_is_online_while_a_session_is_open(hub: Arc<dyn SessionHub>) {
    let (first, second) = (open(&*hub, 1), open(&*hub, 1));
    let users = [user(1), user(2)];
    assert_eq!(hub.online(&users), [user(1)].into());
    drop(first);
    assert_eq!(hub.online(&users), [user(1)].into());
    drop(second);
    assert!(hub.online(&users).is_empty());
}

pub async fn a_dropped_session_hears_nothing_and_holds_up_nobody(hub: Arc<dyn SessionHub>) {
    let (dropped, kept) = (open(&*hub, 1), open(&*hub, 1));
    for end in [&dropped, &kept] {
        hub.subscribe(end, &[conversation(10)]);
    }
    let outbox = Arc::downgrade(dropped.outbox());
    drop(dropped);
    publish(&*hub, 10, "hello");
    assert_eq!(heard(&*hub, &kept).await, ["hello"]);
    assert!(outbox.upgrade().is_none());
}

pub async fn closing_reaches_those_who_are_meant(hub: Arc<dyn SessionHub>) {
    let login = |id: i64| Some(LoginId::try_from(id).unwrap());
    let with_login = |id, login| hub.open(&Identity { login, ..Identity::from(user(id)) }, LIMITS);
    let ends = [with_login(1, login(7)), with_login(1, login(8)), with_login(2, login(9)), open(&*hub, 3)];
    let audiences = [Audience::Login(login(7).unwrap()), Audience::User(user(1)), EVERYONE];
    for (audience, reached) in audiences.into_iter().zip([1, 2, 4]) {
        hub.close(audience, CloseReason::GoingAway);
        for end in &ends[..reached] {
            assert_eq!(end.outbox().next().await, Pending::Close(CloseReason::GoingAway));
        }
        for end in &ends[reached..] {
            assert!(heard(&*hub, end).await.is_empty());
        }
    }
}

pub async fn every_session_is_in_one_share(hub: Arc<dyn SessionHub>) {
    let ends: Vec<_> = (1..=10).map(|id| open(&*hub, id)).collect();
    let mut reached = 0;
    for share in 0..3 {
        hub.close(Audience::Share { share, shares: 3 }, CloseReason::GoingAway);
        let closed = ends.iter().filter(|end| end.outbox().is_closing()).count();
        assert!((reached + 1..=10).contains(&closed));
        reached = closed;
    }
    assert_eq!(reached, 10);
}

pub async fn what_waits_is_written_before_the_close(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.publish(Topic::User(user(1)), event("hello").into());
    hub.close(EVERYONE, CloseReason::GoingAway);
    assert_eq!(end.outbox().next().await, Pending::Frames(vec!["hello".into()]));
    assert_eq!(end.outbox().next().await, Pending::Close(CloseReason::GoingAway));
}

pub async fn nothing_is_written_once_the_login_has_ended(hub: Arc<dyn SessionHub>) {
    let end = open(&*hub, 1);
    hub.publish(Topic::User(user(1)), event("hello").into());
    hub.close(Audience::User(user(1)), CloseReason::LoginEnded);
    assert_eq!(end.outbox().next().await, Pending::Close(CloseReason::LoginEnded));
}

pub async fn joining_tells_whether_it_was_news(hub: Arc<dyn SessionHub>) {
    assert!(!hub.join(user(1), conversation(10)), "nobody is there");
    let _first = open(&*hub, 1);
    assert!(hub.join(user(1), conversation(10)));
    assert!(!hub.join(user(1), conversation(10)));
    let _second = open(&*hub, 1);
    assert!(hub.join(user(1), conversation(10)));
}

pub async fn open_sessions_are_listed_by_whom_they_are_for(hub: Arc<dyn SessionHub>) {
    let login = LoginId::try_from(7).ok();
    let first = hub.open(&Identity { login, ..Identity::from(user(1)) }, LIMITS);
    let _second = open(&*hub, 2);
    let listed = || {
        let mut listed: Vec<_> = hub.identities().iter().map(|identity| (identity.user, identity.login)).collect();
        listed.sort_unstable();
        listed
    };
    assert_eq!(listed(), [(user(1), login), (user(2), None)]);
    drop(first);
    assert_eq!(listed(), [(user(2), None)]);
}

pub async fn the_bytes_that_wait_are_known_for_each_session(hub: Arc<dyn SessionHub>) {
    let (first, _second) = (open(&*hub, 1), open(&*hub, 2));
    hub.publish(Topic::User(user(1)), event("hello").into());
    let waiting = || {
        let mut waiting = hub.outbox_bytes();
        waiting.sort_unstable();
        waiting
    };
    assert_eq!(waiting(), [0, 5]);
    assert_eq!(first.outbox().next().await, Pending::Frames(vec!["hello".into()]));
    assert_eq!(waiting(), [0, 0]);
}

pub async fn what_is_heard_and_by_whom_is_known(hub: Arc<dyn SessionHub>) {
    let (first, second) = (open(&*hub, 1), open(&*hub, 1));
    hub.subscribe(&first, &[conversation(10), conversation(11)]);
    assert_eq!(hub.heard_by(user(1)), [[conversation(10), conversation(11)].into()]);
    hub.subscribe(&second, &[conversation(10)]);
    hub.leave(user(1), conversation(11));
    assert_eq!(hub.heard_by(user(1)), [[conversation(10)].into(), [conversation(10)].into()]);
    assert!(hub.heard_by(user(2)).is_empty());
    assert_eq!((hub.hearers(conversation(10)), hub.hearers(conversation(11))), (2, 0));
    drop((first, second));
    assert!(hub.hearers(conversation(10)) == 0 && hub.heard_by(user(1)).is_empty());
}

pub async fn users_who_came_or_went_are_named_once(hub: Arc<dyn SessionHub>) {
    let first = open(&*hub, 1);
    hub.presence_changed().await;
    assert_eq!(hub.take_presence_changes(), [user(1)]);
    let second = open(&*hub, 1);
    drop(first);
    assert!(hub.take_presence_changes().is_empty());
    drop(second);
    hub.presence_changed().await;
    assert_eq!(hub.take_presence_changes(), [user(1)]);
    assert!(hub.take_presence_changes().is_empty());
}

fn user(id: i64) -> UserId {
    id.try_into().unwrap()
}

fn conversation(id: i64) -> ConversationId {
    id.try_into().unwrap()
}

fn open(hub: &dyn SessionHub, id: i64) -> SessionEnd {
    hub.open(&Identity::from(user(id)), LIMITS)
}

fn event(text: &str) -> Frame {
    Frame { bytes: text.to_owned().into(), lane: Lane::Event(None) }
}

fn publish(hub: &dyn SessionHub, id: i64, text: &str) {
    hub.publish(Topic::Conversation(conversation(id)), event(text).into());
}

/// Everything that a session has heard, up to a last frame to its user.
async fn heard(hub: &dyn SessionHub, end: &SessionEnd) -> Vec<String> {
    hub.publish(Topic::User(end.outbox().user()), event(LAST).into());
    let mut heard = vec![];
    loop {
        let Pending::Frames(frames) = end.outbox().next().await else { panic!("the session was closed") };
        heard.extend(frames.iter().map(|frame| String::from_utf8_lossy(frame).into_owned()));
        // Another session of the same user may have been asked before.
        let before = heard.len();
        heard.retain(|text| text != LAST);
        if heard.len() < before {
            return heard;
        }
    }
}
