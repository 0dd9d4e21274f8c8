//! Messages stored per second: by a storage in batches, and by the engine for many senders at once.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use chat_core::{Action, Change, Chat, ConversationId, Draft, MemoryStorage, NewGroup, Storage, Timestamp, UserId};
use chat_sqlite::SqliteStorage;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use std::sync::Arc;
use tokio::runtime::Runtime;

const CONVERSATIONS: usize = 20;
const TEXT: &str =
    "The kettle is on, and the good cups are out; bring the biscuits, the ones with the seeds, and your brother too.";

/// A storage with conversations to write to.
struct Fixture {
    name: &'static str,
    storage: Arc<dyn Storage>,
    chat: Chat,
    sender: UserId,
    conversations: Vec<ConversationId>,
}

async fn fixture(name: &'static str, storage: Arc<dyn Storage>) -> Fixture {
    let chat = Chat::builder(Arc::clone(&storage)).build();
    let sender = chat.create_user("ann".parse().unwrap()).await.unwrap().id;
    for _ in 0..CONVERSATIONS {
        chat.create_group(sender, NewGroup::default()).await.unwrap();
    }
    let conversations = storage.list_memberships(sender).await.unwrap();
    Fixture { name, storage, chat, sender, conversations }
}

impl Fixture {
    fn batch(&self, size: usize) -> Vec<Change> {
        let conversations = self.conversations.iter().cycle();
        let send = |conversation: &ConversationId| Change {
            actor: self.sender,
            at: Timestamp(1),
            action: Action::Send { conversation: *conversation, draft: Draft::new(TEXT).unwrap() },
        };
        conversations.take(size).map(send).collect()
    }
}

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let fixtures = runtime.block_on(async {
        let sqlite = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
        [fixture("memory", Arc::new(MemoryStorage::new())).await, fixture("sqlite", Arc::new(sqlite)).await]
    });
    by_storage(criterion, &runtime, &fixtures);
    by_engine(criterion, &runtime, &fixtures);
}

fn by_storage(criterion: &mut Criterion, runtime: &Runtime, fixtures: &[Fixture]) {
    let mut group = criterion.benchmark_group("append_batch");
    for fixture in fixtures {
        for size in [1, 16, 200] {
            let batch = fixture.batch(size);
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(BenchmarkId::new(fixture.name, size), |bencher| {
                bencher.to_async(runtime).iter(|| async { fixture.storage.append(&batch).await.unwrap() });
            });
        }
    }
    group.finish();
}

fn by_engine(criterion: &mut Criterion, runtime: &Runtime, fixtures: &[Fixture]) {
    let mut group = criterion.benchmark_group("send_concurrently");
    for fixture in fixtures {
        for senders in [1, 32, 256] {
            group.throughput(Throughput::Elements(senders as u64));
            group.bench_function(BenchmarkId::new(fixture.name, senders), |bencher| {
                bencher.to_async(runtime).iter(|| {
                    let conversations = fixture.conversations.iter().cycle().take(senders);
                    join_all(conversations.map(|conversation| {
                        fixture.chat.send(fixture.sender, *conversation, Draft::new(TEXT).unwrap())
                    }))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
