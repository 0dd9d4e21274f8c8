//! Checks of read marks and of what is unread.

use super::support::*;
use crate::{Action, ConversationId, Event, EventKind, MessageId, Position, Storage, UserId, limits};
use std::sync::Arc;

pub async fn positions_agree_with_the_list_of_conversations(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for group in
        [group(&*storage, ann, &[bob]).await, group(&*storage, ann, &[]).await, group(&*storage, bob, &[ann]).await]
    {
        let message = send(&*storage, ann, group, "one").await;
        perform(&*storage, ann, reading(&[message.id])).await;
    }
    for viewer in [ann, bob] {
        let mut positions = storage.list_positions(viewer).await.unwrap();
        positions.sort_by_key(|position| std::cmp::Reverse(position.conversation));
        let listed = storage.list_conversations(viewer, None, None, ALL).await.unwrap().items;
        let expected = listed.iter().map(|summary| Position {
            conversation: summary.conversation.id,
            last_seq: summary.conversation.last_seq,
            unread: summary.unread,
            read_up_to: summary.read_up_to,
        });
        assert_eq!(positions, expected.collect::<Vec<_>>());
    }
}

pub async fn strangers_have_no_positions(storage: Arc<dyn Storage>) {
    let [ann, eve] = users(&*storage, ["ann", "eve"]).await;
    group(&*storage, ann, &[]).await;
    assert!(storage.list_positions(eve).await.unwrap().is_empty());
}

pub async fn a_read_mark_moves_to_the_message(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let first = send(&*storage, ann, group, "first").await.id;
    send(&*storage, ann, group, "second").await;
    let appended = perform(&*storage, bob, reading(&[first])).await;
    assert!(appended.is_new);
    assert_eq!(appended.events, [read(group, bob, "bob", first)]);
    assert_eq!(mark(&*storage, bob, group).await, (Some(first), 1));
}

pub async fn a_read_mark_is_its_members_own(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob, cleo]).await;
    let first = send(&*storage, ann, group, "first").await.id;
    perform(&*storage, bob, reading(&[first])).await;
    assert_eq!(mark(&*storage, bob, group).await, (Some(first), 0));
    assert_eq!(mark(&*storage, cleo, group).await, (None, 1));
}

pub async fn a_read_mark_never_moves_back(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let first = send(&*storage, ann, group, "first").await.id;
    let second = send(&*storage, ann, group, "second").await.id;
    perform(&*storage, bob, reading(&[second])).await;
    let appended = perform(&*storage, bob, reading(&[first])).await;
    assert!(!appended.is_new);
    assert_eq!(appended.events, [read(group, bob, "bob", second)]);
    assert_eq!(mark(&*storage, bob, group).await, (Some(second), 0));
}

pub async fn reading_what_is_read_is_not_new(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let first = send(&*storage, ann, group, "first").await.id;
    perform(&*storage, bob, reading(&[first])).await;
    let again = perform(&*storage, bob, reading(&[first])).await;
    assert!(!again.is_new);
    assert_eq!(again.events, [read(group, bob, "bob", first)]);
}

pub async fn of_many_messages_the_newest_counts(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let mut ids = vec![];
    for n in 0..4 {
        ids.push(send(&*storage, ann, group, &format!("message {n}")).await.id);
    }
    let appended = perform(&*storage, bob, reading(&[ids[1], ids[2], ids[0], ids[2]])).await;
    assert_eq!(appended.events, [read(group, bob, "bob", ids[2])]);
    assert_eq!(mark(&*storage, bob, group).await, (Some(ids[2]), 1));
}

pub async fn each_conversation_read_has_one_event(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let [one, other] = [group(&*storage, ann, &[bob]).await, group(&*storage, ann, &[bob]).await];
    let in_other = send(&*storage, ann, other, "hello").await.id;
    let in_one = send(&*storage, ann, one, "hello").await.id;
    let newer = send(&*storage, ann, other, "again").await.id;
    let appended = perform(&*storage, bob, reading(&[newer, in_one, in_other])).await;
    assert_eq!(appended.events, [read(one, bob, "bob", in_one), read(other, bob, "bob", newer)]);
}

pub async fn only_marks_that_moved_are_announced(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let [one, other] = [group(&*storage, ann, &[bob]).await, group(&*storage, ann, &[bob]).await];
    let in_one = send(&*storage, ann, one, "hello").await.id;
    let in_other = send(&*storage, ann, other, "hello").await.id;
    perform(&*storage, bob, reading(&[in_one])).await;
    let appended = perform(&*storage, bob, reading(&[in_one, in_other])).await;
    assert!(appended.is_new);
    assert_eq!(appended.events, [read(other, bob, "bob", in_other)]);
    let again = perform(&*storage, bob, reading(&[in_one, in_other])).await;
    assert!(!again.is_new);
    assert_eq!(again.events, [read(one, bob, "bob", in_one), read(other, bob, "bob", in_other)]);
}

pub async fn with_one_invisible_message_no_mark_moves(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let [shared, hidden] = [group(&*storage, ann, &[bob]).await, group(&*storage, ann, &[]).await];
    let visible = send(&*storage, ann, shared, "hello").await.id;
    let invisible = send(&*storage, ann, hidden, "hello").await.id;
    for message in [invisible, unknown()] {
        assert_refused!(attempt(&*storage, bob, reading(&[visible, message])).await, NotFound("message"));
    }
    assert_eq!(mark(&*storage, bob, shared).await, (None, 1));
}

pub async fn reading_nothing_is_not_new(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let appended = perform(&*storage, ann, reading(&[])).await;
    assert_eq!((appended.is_new, appended.events), (false, vec![]));
}

pub async fn a_read_mark_may_stand_on_a_deleted_message(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    perform(&*storage, ann, Action::Delete { message }).await;
    perform(&*storage, bob, reading(&[message])).await;
    assert_eq!(mark(&*storage, bob, group).await, (Some(message), 0));
}

pub async fn at_creation_nothing_is_read_and_nothing_unread(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    assert_eq!(mark(&*storage, bob, group).await, (None, 0));
}

pub async fn what_others_send_is_unread(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    chatter(&*storage, ann, group, 3).await;
    assert_eq!(unread(&*storage, bob, group).await, 3);
}

pub async fn what_one_sends_oneself_is_not_unread(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    send(&*storage, bob, group, "from bob").await;
    chatter(&*storage, ann, group, 3).await;
    assert_eq!(mark(&*storage, ann, group).await, (None, 1));
}

pub async fn a_deleted_message_is_not_unread(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    send(&*storage, ann, group, "again").await;
    perform(&*storage, ann, Action::Delete { message }).await;
    assert_eq!(unread(&*storage, bob, group).await, 1);
}

pub async fn an_edit_makes_nothing_unread(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    perform(&*storage, bob, reading(&[message])).await;
    perform(&*storage, ann, editing(message, "changed")).await;
    assert_eq!(unread(&*storage, bob, group).await, 0);
}

pub async fn to_a_newcomer_nothing_before_is_unread(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    send(&*storage, ann, group, "first").await;
    let newest = send(&*storage, ann, group, "second").await.id;
    perform(&*storage, ann, adding(group, bob)).await;
    assert_eq!(mark(&*storage, bob, group).await, (Some(newest), 0));
    send(&*storage, ann, group, "third").await;
    assert_eq!(mark(&*storage, bob, group).await, (Some(newest), 1));
}

pub async fn to_a_member_who_comes_back_nothing_before_is_unread(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    send(&*storage, ann, group, "first").await;
    perform(&*storage, bob, removing(group, bob)).await;
    let newest = send(&*storage, ann, group, "second").await.id;
    perform(&*storage, ann, adding(group, bob)).await;
    assert_eq!(mark(&*storage, bob, group).await, (Some(newest), 0));
}

pub async fn a_new_role_moves_no_mark(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    send(&*storage, ann, group, "first").await;
    perform(&*storage, ann, giving(group, bob, crate::Role::Admin)).await;
    assert_eq!(mark(&*storage, bob, group).await, (None, 1));
}

pub async fn counting_of_unread_messages_stops_at_its_limit(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    chatter(&*storage, ann, group, limits::UNREAD_MAX as usize + 3).await;
    assert_eq!(unread(&*storage, bob, group).await, limits::UNREAD_MAX);
}

pub async fn unread_counts_agree_with_a_recount(storage: Arc<dyn Storage>) {
    for seed in [1, 2] {
        super::model::compare(&*storage, seed).await;
    }
}

/// The announcement of a mark.
fn read(conversation: ConversationId, user: UserId, name: &str, message: MessageId) -> Event {
    Event { conversation, seq: None, by: username(name), kind: EventKind::Read { user, message, is_private: false } }
}

/// A member's mark, and how much is unread after it.
async fn mark(storage: &dyn Storage, member: UserId, conversation: ConversationId) -> (Option<MessageId>, u32) {
    let summary = summary(storage, member, conversation).await;
    (summary.read_up_to, summary.unread)
}
