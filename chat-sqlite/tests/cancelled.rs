//! What a dropped future leaves behind: all of it or nothing, and a storage that goes on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::testing::new_user;
use chat_core::{
    Action, Appended, Change, ConversationId, Draft, EventKind, NewConversation, Seq, Timeline, Timestamp, UserId,
    UserStorage, Visibility,
};
use chat_sqlite::SqliteStorage;
use std::future::{Future, poll_fn};
use std::task::Poll;

const AT: Timestamp = Timestamp(1_700_000_000);

async fn setting(storage: &SqliteStorage) -> (UserId, ConversationId) {
    let ann = storage.insert_user(new_user("ann")).await.unwrap().id;
    let new = NewConversation::Group { name: None, visibility: Visibility::Private, members: vec![] };
    let results = storage.append(&[Change { actor: ann, at: AT, action: Action::Create(new) }]).await.unwrap();
    let Some(Ok(Appended { events, .. })) = results.into_iter().next() else { panic!("no group") };
    let EventKind::Created(conversation, _) = &events[0].kind else { panic!("no group") };
    (ann, conversation.id)
}

/// Lets a future go on so many times, each time until it waits, then drops it. Whether it ended before.
async fn drop_after<T>(times: usize, future: impl Future<Output = T>) -> bool {
    let mut future = std::pin::pin!(future);
    let mut left = times;
    poll_fn(|cx| match left.checked_sub(1) {
        None => Poll::Ready(false),
        Some(less) => {
            left = less;
            future.as_mut().poll(cx).map(|_| true)
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_dropped_anywhere_is_stored_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
    let (ann, group) = setting(&storage).await;
    let (mut stored, mut outcomes) = (0, [0, 0]);
    for times in 0.. {
        let batch = [(); 3].map(|()| {
            let draft = Draft::new(format!("batch {times}")).unwrap();
            Change { actor: ann, at: AT, action: Action::Send { conversation: group, draft } }
        });
        let is_over = drop_after(times, storage.append(&batch)).await;
        let last = storage.append(&batch[..1]).await.unwrap().remove(0).unwrap().events[0].seq.unwrap().get();
        assert!([stored + 1, stored + 4].contains(&last), "{last} after {stored}");
        outcomes[usize::from(last == stored + 4)] += 1;
        stored = last;
        if is_over {
            break;
        }
    }
    assert!(outcomes.iter().all(|count| *count > 0), "always the same: {outcomes:?}");
    let events = storage.events_after(group, Seq::ZERO, 10_000).await.unwrap().items;
    assert!(events.iter().map(|event| event.seq.unwrap().get()).eq(1..=stored));
    storage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_write_leaves_the_storage_usable() {
    let directory = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
    let (ann, group) = setting(&storage).await;
    for times in 0.. {
        let is_over = drop_after(times, storage.put_last_online(&[ann], AT)).await;
        let draft = Draft::new("still here").unwrap();
        let change = Change { actor: ann, at: AT, action: Action::Send { conversation: group, draft } };
        assert!(storage.append(&[change]).await.unwrap().remove(0).is_ok());
        if is_over {
            break;
        }
    }
    storage.close().await;
}
