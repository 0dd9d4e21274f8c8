//! A session's queue: putting frames in and taking them out, also when there are too many.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use chat_core::{
    ConversationId, Frame, Identity, Lane, Outbox, OutboxLimits, Place, Seq, SessionId, SignalKey, UserId,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::FutureExt;
use std::hint::black_box;
use std::sync::Arc;

const LIMITS: OutboxLimits = OutboxLimits { bytes_max: 512 * 1_024, signals_max: 256 };
const FRAME_BYTES: usize = 256;

fn outbox(limits: OutboxLimits) -> Arc<Outbox> {
    Arc::new(Outbox::new(SessionId(1), &Identity::from(user(1)), limits))
}

fn user(id: i64) -> UserId {
    id.try_into().unwrap()
}

fn event() -> Frame {
    let place = Place { conversation: ConversationId::try_from(1).unwrap(), seq: Seq::ZERO.next() };
    Frame { bytes: vec![b'x'; FRAME_BYTES].into(), lane: Lane::Event(Some(place)) }
}

fn events(criterion: &mut Criterion) {
    let frame = event();
    let outbox = outbox(LIMITS);
    let mut group = criterion.benchmark_group("outbox_push_and_take");
    for count in [1, 16] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                (0..count).for_each(|_| outbox.push(frame.clone()));
                black_box(outbox.next().now_or_never())
            });
        });
    }
    group.finish();
}

/// What each further frame costs a publisher when a reader has been too slow.
fn overflow(criterion: &mut Criterion) {
    let frame = event();
    let outbox = outbox(OutboxLimits { bytes_max: FRAME_BYTES, ..LIMITS });
    (0..2).for_each(|_| outbox.push(frame.clone()));
    criterion.bench_function("outbox_push_when_lagged", |bencher| bencher.iter(|| outbox.push(frame.clone())));
}

/// Each signal replaces the older one of the same user.
fn signals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("outbox_replace_signal");
    for users in [1, 16, 256] {
        let outbox = outbox(LIMITS);
        let signal = |id| Frame { bytes: vec![b'x'; 64].into(), lane: Lane::Signal(SignalKey::Presence(user(id))) };
        (1..=users).for_each(|id| outbox.push(signal(id)));
        let last = signal(users);
        group.bench_function(BenchmarkId::from_parameter(users), |bencher| bencher.iter(|| outbox.push(last.clone())));
    }
    group.finish();
}

criterion_group!(benches, events, overflow, signals);
criterion_main!(benches);
