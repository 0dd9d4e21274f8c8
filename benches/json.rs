//! From a client's frame to a draft, and from an event to its frame.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use chat_core::wire::{Fields, event_object};
use chat_core::{ConversationId, Draft, Event, EventKind, Message, Seq, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const REQUEST: &[u8] =
    br#"{"type":"send_message","conversation_id":7,"content":"Tea at five? Bring the biscuits.","nonce":"3f1c"}"#;

fn decode(request: &[u8]) -> (ConversationId, Draft) {
    let mut fields = Fields::parse(request).unwrap();
    (fields.required("conversation_id").unwrap(), Draft::decode(&mut fields).unwrap())
}

fn event() -> Event {
    let (conversation, draft) = decode(REQUEST);
    let seq = Seq::ZERO.next();
    let message = Message {
        id: 1.try_into().unwrap(),
        conversation,
        seq,
        sender: 1.try_into().unwrap(),
        sender_username: "ann".parse().unwrap(),
        content: draft.content.into(),
        reply_id: None,
        nonce: draft.nonce,
        sent_at: Timestamp(1),
        edited_at: None,
        deleted: false,
    };
    Event { conversation, seq: Some(seq), by: "ann".parse().unwrap(), kind: EventKind::Sent(message) }
}

fn json(criterion: &mut Criterion) {
    criterion.bench_function("json/decode", |bencher| bencher.iter(|| decode(black_box(REQUEST))));
    let event = event();
    criterion.bench_function("json/encode", |bencher| {
        bencher.iter(|| serde_json::to_vec(&event_object(black_box(&event))).unwrap());
    });
}

criterion_group!(benches, json);
criterion_main!(benches);
