//! Defects of batches: results in disorder, refusals that touch others, and batches that stand in each other's way.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, append_one, gap, place};
use async_trait::async_trait;
use chat_core::{Change, ConversationId, MemoryStorage, StorageError, Timeline};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<RefusalsStopTheRest>(
            "a refused change stops the rest of its batch",
            "a_refused_change_does_not_touch_the_others",
        ),
        Case::of::<SortedByConversation>(
            "changes are stored and answered by conversation",
            "results_are_in_the_order_of_the_batch",
        ),
        Case::of::<LockedAsNamed>(
            "conversations are locked in the order in which a batch names them",
            "batches_over_the_same_conversations_do_not_block_each_other",
        ),
    ]
}

#[derive(Default)]
struct RefusalsStopTheRest;

#[async_trait]
impl Defect for RefusalsStopTheRest {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results: Results = vec![];
        for change in batch {
            let is_stopped = results.iter().any(Result::is_err);
            let stopped = Err(StorageError::Unavailable("the transaction is aborted".into()));
            results.push(if is_stopped { stopped } else { append_one(inner, change).await });
        }
        Ok(results)
    }
}

#[derive(Default)]
struct SortedByConversation;

#[async_trait]
impl Defect for SortedByConversation {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut batch = batch.to_vec();
        batch.sort_by_key(place);
        inner.append(&batch).await
    }
}

#[derive(Default)]
struct LockedAsNamed(Notes<ConversationId, Arc<tokio::sync::Mutex<()>>>);

#[async_trait]
impl Defect for LockedAsNamed {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut locked = BTreeMap::new();
        for group in batch.iter().filter_map(place) {
            let Entry::Vacant(unlocked) = locked.entry(group) else { continue };
            let lock = self.0.with(|locks| locks.entry(group).or_default().clone());
            unlocked.insert(lock.lock_owned().await);
            gap().await;
        }
        inner.append(batch).await
    }
}
