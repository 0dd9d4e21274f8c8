use chat_core::{
    ConversationId, Frame, Identity, Lane, LocalHub, OutboxLimits, Pending, SessionEnd, SessionHub, SignalKey, Topic,
    UserId,
};

const LIMITS: OutboxLimits = OutboxLimits { bytes_max: 100, signals_max: 2 };

fn user(id: i64) -> UserId {
    id.try_into().unwrap()
}

fn conversation(id: i64) -> ConversationId {
    id.try_into().unwrap()
}

fn open(hub: &LocalHub, id: i64) -> SessionEnd {
    hub.open(&Identity::from(user(id)), LIMITS)
}

fn event(text: &str) -> Frame {
    Frame { bytes: text.to_owned().into(), lane: Lane::Event(None) }
}

/// What waits in an outbox.
fn heard(end: &SessionEnd) -> Vec<String> {
    use futures::FutureExt;
    match end.outbox().next().now_or_never() {
        Some(Pending::Frames(frames)) => {
            frames.iter().map(|frame| String::from_utf8(frame.to_vec()).unwrap()).collect()
        }
        Some(Pending::Close(reason)) => vec![format!("{reason:?}")],
        None => vec![],
    }
}

#[test]
fn a_slow_reader_loses_events_and_is_told_once_in_their_place() {
    let hub = LocalHub::new();
    let (slow, quick) = (open(&hub, 1), open(&hub, 2));
    for end in [&slow, &quick] {
        hub.subscribe(end, &[conversation(10)]);
    }

    for _ in 0..10 {
        hub.publish(Topic::Conversation(conversation(10)), event(&"x".repeat(20)).into());
        assert_eq!(heard(&quick).len(), 1);
    }
    slow.outbox().push(Frame { bytes: "answer".into(), lane: Lane::Answer });

    assert_eq!(heard(&slow), ["answer", r#"{"type":"lagged","success":true,"data":null}"#]);
    hub.publish(Topic::Conversation(conversation(10)), event("again").into());
    assert_eq!(heard(&slow), ["again"]);
}

#[test]
fn a_signal_replaces_the_older_one_and_only_those_of_typing_are_bounded() {
    let hub = LocalHub::new();
    let end = open(&hub, 1);
    let presence = |about: i64| SignalKey::Presence(user(about));
    let typing = |about: i64| SignalKey::Typing(user(about), conversation(10));

    for (key, text) in [
        (presence(2), "2 is on"),
        (presence(2), "2 is off"),
        (typing(3), "3 types"),
        (typing(4), "lost"),
        (typing(3), "3 stops"),
        (presence(5), "5 is on"),
    ] {
        hub.publish(Topic::User(user(1)), Frame { bytes: text.into(), lane: Lane::Signal(key) }.into());
    }

    let mut heard = heard(&end);
    heard.sort();
    assert_eq!(heard, ["2 is off", "3 stops", "5 is on"]);
}
