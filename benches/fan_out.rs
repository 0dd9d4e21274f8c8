//! One frame through the hub into the outboxes of many sessions, and out of them again.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use chat_core::{ConversationId, Frame, Identity, Lane, LocalHub, OutboxLimits, SessionEnd, SessionHub, Topic, UserId};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::FutureExt;
use std::hint::black_box;

const LIMITS: OutboxLimits = OutboxLimits { bytes_max: 512 * 1_024, signals_max: 256 };

fn sessions(hub: &LocalHub, conversation: ConversationId, count: i64) -> Vec<SessionEnd> {
    let open = |id| {
        let end = hub.open(&Identity::from(UserId::try_from(id).unwrap()), LIMITS);
        hub.subscribe(&end, &[conversation]);
        end
    };
    (1..=count).map(open).collect()
}

fn fan_out(criterion: &mut Criterion) {
    let conversation = ConversationId::try_from(1).unwrap();
    let frame = Frame { bytes: vec![b'x'; 256].into(), lane: Lane::Event(None) };
    let mut group = criterion.benchmark_group("fan_out");
    for count in [10, 100, 1_000, 10_000] {
        let hub = LocalHub::new();
        let sessions = sessions(&hub, conversation, count);
        group.throughput(Throughput::Elements(count.unsigned_abs()));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                hub.publish(Topic::Conversation(conversation), frame.clone().into());
                for session in &sessions {
                    black_box(session.outbox().next().now_or_never());
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
