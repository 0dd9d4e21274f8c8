//! Checks of what is read while others write.

use super::support::*;
use crate::{ConversationId, Seq, Storage, UserId};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::{JoinSet, yield_now};

/// How often something is read while others write.
const READS: usize = 100;

/// How many write.
const WRITERS: usize = 4;

pub async fn nobody_reads_a_later_place_before_an_earlier_one(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let is_written = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for limit in [1, 3, 50] {
        readers.spawn(follow(storage.clone(), group, limit, is_written.clone()));
    }
    at_once((0..6).map(|_| one_by_one(&storage, ann, vec![sending(group, "hello"); 20]))).await;
    is_written.store(true, Ordering::SeqCst);
    assert_eq!(readers.join_all().await, [120; 3]);
}

pub async fn the_newest_place_is_never_ahead_of_the_events(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    while_others_send(&storage, ann, &[group], || async {
        let newest = storage.find_conversation(ann, group).await.unwrap().unwrap().last_seq;
        assert_is_there(&*storage, group, newest).await;
    })
    .await;
}

pub async fn positions_are_never_ahead_of_the_events(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    while_others_send(&storage, ann, &[group], || async {
        let newest = storage.list_positions(ann).await.unwrap()[0].last_seq;
        assert_is_there(&*storage, group, newest).await;
    })
    .await;
}

pub async fn positions_are_all_of_one_moment(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let groups = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    while_others_send(&storage, ann, &groups, || async {
        let positions = storage.list_positions(ann).await.unwrap();
        assert_eq!(positions[0].last_seq, positions[1].last_seq, "each batch writes to both");
    })
    .await;
}

/// Reads again and again while others send to all groups in each batch.
async fn while_others_send<F: Future<Output = ()>>(
    storage: &Arc<dyn Storage>,
    sender: UserId,
    groups: &[ConversationId],
    read: impl Fn() -> F,
) {
    let batch: Vec<_> = groups.iter().map(|group| by(sender, sending(*group, "hello"))).collect();
    let is_read = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (storage, batch, is_read) = (storage.clone(), batch.clone(), is_read.clone());
        writers.spawn(async move {
            while !is_read.load(Ordering::SeqCst) {
                perform_all(&*storage, &batch).await;
                yield_now().await;
            }
        });
    }
    for _ in 0..READS {
        read().await;
        yield_now().await;
    }
    is_read.store(true, Ordering::SeqCst);
    writers.join_all().await;
}

/// Fails if the event at the newest place that is known is not there.
async fn assert_is_there(storage: &dyn Storage, conversation: ConversationId, newest: Seq) {
    if let Ok(before) = Seq::try_from(newest.get() - 1) {
        let page = storage.events_after(conversation, before, 1).await.unwrap();
        assert_eq!(places(&page.items), [newest.get()], "the newest place is known and its event is not there");
    }
}

/// Reads the events of a conversation until all are written, and returns the newest place.
async fn follow(
    storage: Arc<dyn Storage>,
    conversation: ConversationId,
    limit: u32,
    is_written: Arc<AtomicBool>,
) -> i64 {
    let mut newest = Seq::ZERO;
    loop {
        let nothing_follows = is_written.load(Ordering::SeqCst);
        let page = storage.events_after(conversation, newest, limit).await.unwrap();
        if nothing_follows && page.items.is_empty() {
            return newest.get();
        }
        for event in page.items {
            assert_eq!(event.seq, Some(newest.next()), "the place after {newest} comes next");
            newest = newest.next();
        }
        yield_now().await;
    }
}
