//! Checks of messages: sending, editing, deleting them, and reading them back.

use super::support::*;
use crate::{
    Action, Change, ConversationId, EventKind, History, Message, MessageId, Role, Seq, Storage, Timestamp, UserId,
    limits,
};
use std::sync::Arc;

pub async fn a_message_is_stored_as_sent(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "Ann").await;
    let group = group(&*storage, ann, &[]).await;
    let earlier = send(&*storage, ann, group, "earlier").await;
    let draft = draft("hello").reply_to(earlier.id).with_nonce(nonce("n"));
    let action = Action::Send { conversation: group, draft };
    let results = storage.append(&[Change { actor: ann, at: Timestamp(42), action }]).await.unwrap();
    let sent = message(results[0].as_ref().unwrap());
    let expected = Message {
        id: sent.id,
        conversation: group,
        seq: earlier.seq.next(),
        sender: ann,
        sender_username: username("Ann"),
        content: "hello".into(),
        reply_id: Some(earlier.id),
        nonce: Some(nonce("n")),
        sent_at: Timestamp(42),
        edited_at: None,
        deleted: false,
    };
    assert_eq!(sent, expected);
    assert_eq!(storage.find_message(ann, sent.id).await.unwrap(), Some(expected));
}

pub async fn words_are_kept_to_the_byte(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let longest = "é".repeat(limits::CONTENT_BYTES_MAX / 2);
    let odd =
        ["  spaces \t\r\n", "'; DROP TABLE messages; --", "👩‍👩‍👧 e\u{301} \u{202e}", "\\x00 \u{1} %s ?1 $1", &longest];
    for content in odd {
        send(&*storage, ann, group, content).await;
    }
    assert_eq!(words(&*storage, ann, group).await, odd);
}

pub async fn a_sent_event_has_the_place_of_its_message(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let appended = perform(&*storage, ann, sending(group, "hello")).await;
    assert_eq!(appended.events[0].kind, EventKind::Sent(message(&appended)));
    assert_eq!(appended.events[0].seq, Some(message(&appended).seq));
}

pub async fn message_ids_rise_with_their_places(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let [group, other] = [group(&*storage, ann, &[bob]).await, direct(&*storage, ann, bob).await];
    for n in 0..10 {
        let sender = if n % 3 == 0 { bob } else { ann };
        send(&*storage, sender, group, "hello").await;
        send(&*storage, sender, other, "hello").await;
    }
    let history = history(&*storage, ann, group).await;
    assert!(history.is_sorted_by(|one, next| one.id < next.id && one.seq < next.seq));
}

pub async fn a_reply_names_a_message_of_the_same_conversation(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let [here, there] = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    let elsewhere = send(&*storage, ann, there, "elsewhere").await.id;
    for reply_id in [elsewhere, unknown()] {
        let action = Action::Send { conversation: here, draft: draft("reply").reply_to(reply_id) };
        assert_refused!(attempt(&*storage, ann, action).await, Invalid { field: "reply_id", .. });
    }
    assert!(words(&*storage, ann, here).await.is_empty());
}

pub async fn a_message_may_be_answered_many_times(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let first = send(&*storage, ann, group, "first").await.id;
    let replies = ["one", "two"]
        .map(|content| by(ann, Action::Send { conversation: group, draft: draft(content).reply_to(first) }));
    perform_all(&*storage, &replies).await;
    let named: Vec<_> = history(&*storage, ann, group).await.into_iter().map(|message| message.reply_id).collect();
    assert_eq!(named, [None, Some(first), Some(first)]);
}

pub async fn an_edit_is_seen_wherever_the_message_is(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let sent = send(&*storage, ann, group, "first words").await;
    let change = Change { actor: ann, at: Timestamp(NOW.0 + 9), action: editing(sent.id, "new words") };
    perform_all(&*storage, &[change]).await;
    let expected = Message { content: "new words".into(), edited_at: Some(Timestamp(NOW.0 + 9)), ..sent };
    for seen in everywhere(&*storage, ann, group, expected.id).await {
        assert_eq!(seen, expected);
    }
}

pub async fn an_edit_takes_a_place_and_the_message_keeps_its_own(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let sent = send(&*storage, ann, group, "first words").await;
    let edit = perform(&*storage, ann, editing(sent.id, "new words")).await;
    assert_eq!(edit.events[0].seq, Some(sent.seq.next()));
    assert!(matches!(&edit.events[0].kind, EventKind::Edited(message) if message.seq == sent.seq));
    assert_eq!(events(&*storage, group).await[1], edit.events[0]);
}

pub async fn only_the_author_edits(storage: Arc<dyn Storage>) {
    let [ann, bob, stranger] = users(&*storage, ["ann", "bob", "stranger"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, bob, group, "hello").await.id;
    assert_refused!(attempt(&*storage, ann, editing(message, "changed")).await, Forbidden(_));
    assert_refused!(attempt(&*storage, stranger, editing(message, "changed")).await, NotFound("message"));
    assert_refused!(attempt(&*storage, ann, editing(unknown(), "changed")).await, NotFound("message"));
    assert_eq!(words(&*storage, ann, group).await, ["hello"]);
}

pub async fn a_former_member_does_not_edit(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, bob, group, "hello").await.id;
    perform(&*storage, ann, removing(group, bob)).await;
    assert_refused!(attempt(&*storage, bob, editing(message, "changed")).await, NotFound("message"));
}

pub async fn a_deleted_message_is_not_edited(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    perform(&*storage, ann, Action::Delete { message }).await;
    assert_refused!(attempt(&*storage, ann, editing(message, "changed")).await, Conflict { .. });
    assert_eq!(words(&*storage, ann, group).await, [""]);
}

pub async fn a_deleted_message_loses_its_words_everywhere(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let id = send(&*storage, ann, group, "first words").await.id;
    perform(&*storage, ann, editing(id, "second words")).await;
    perform(&*storage, ann, Action::Delete { message: id }).await;
    let seen = everywhere(&*storage, ann, group, id).await;
    assert_eq!(seen.len(), 6, "three events, a page, a find and a list");
    for message in seen {
        assert_eq!((message.content.as_str(), message.deleted), ("", true));
    }
}

pub async fn a_deleted_message_keeps_its_place(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    send(&*storage, ann, group, "first").await;
    let second = send(&*storage, ann, group, "second").await;
    send(&*storage, ann, group, "third").await;
    let deleted = perform(&*storage, ann, Action::Delete { message: second.id }).await;
    assert_eq!(deleted.events[0].seq.map(Seq::get), Some(4));
    assert_eq!(words(&*storage, ann, group).await, ["first", "", "third"]);
    assert_eq!(history(&*storage, ann, group).await[1].seq, second.seq);
}

pub async fn deleting_a_message_again_is_not_new(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    let first = perform(&*storage, ann, Action::Delete { message }).await;
    send(&*storage, ann, group, "later").await;
    let again = perform(&*storage, ann, Action::Delete { message }).await;
    assert_eq!((first.is_new, again.is_new), (true, false));
    assert_eq!(again.events, first.events);
    assert_eq!(places(&events(&*storage, group).await), [1, 2, 3]);
}

pub async fn the_author_and_admins_delete(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob, cleo]).await;
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    for actor in [ann, bob, cleo] {
        let message = send(&*storage, cleo, group, "hello").await.id;
        assert!(perform(&*storage, actor, Action::Delete { message }).await.is_new);
    }
}

pub async fn nobody_else_deletes(storage: Arc<dyn Storage>) {
    let [ann, bob, stranger] = users(&*storage, ["ann", "bob", "stranger"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    assert_refused!(attempt(&*storage, bob, Action::Delete { message }).await, Forbidden(_));
    assert_refused!(attempt(&*storage, stranger, Action::Delete { message }).await, NotFound("message"));
    assert_refused!(attempt(&*storage, ann, Action::Delete { message: unknown() }).await, NotFound("message"));
    assert_eq!(words(&*storage, ann, group).await, ["hello"]);
}

pub async fn in_a_direct_conversation_only_the_author_deletes(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let direct = direct(&*storage, ann, bob).await;
    let message = send(&*storage, bob, direct, "hello").await.id;
    assert_refused!(attempt(&*storage, ann, Action::Delete { message }).await, Forbidden(_));
    assert!(perform(&*storage, bob, Action::Delete { message }).await.is_new);
}

pub async fn an_unknown_message_is_not_found(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    assert_eq!(storage.find_message(ann, unknown()).await.unwrap(), None);
}

pub async fn the_newest_messages_come_newest_first(storage: Arc<dyn Storage>) {
    let (storage, ann, group, ids) = five_messages(storage).await;
    assert_eq!(page(&*storage, ann, group, History::Latest, 3).await, (vec![ids[4], ids[3], ids[2]], Some(ids[2])));
}

pub async fn older_messages_come_newest_first(storage: Arc<dyn Storage>) {
    let (storage, ann, group, ids) = five_messages(storage).await;
    let before = page(&*storage, ann, group, History::Before(ids[3]), 2).await;
    assert_eq!(before, (vec![ids[2], ids[1]], Some(ids[1])));
}

pub async fn newer_messages_come_oldest_first(storage: Arc<dyn Storage>) {
    let (storage, ann, group, ids) = five_messages(storage).await;
    let after = page(&*storage, ann, group, History::After(ids[0]), 3).await;
    assert_eq!(after, (vec![ids[1], ids[2], ids[3]], Some(ids[3])));
}

pub async fn the_oldest_messages_come_oldest_first(storage: Arc<dyn Storage>) {
    let (storage, ann, group, ids) = five_messages(storage).await;
    assert_eq!(page(&*storage, ann, group, History::Oldest, 2).await, (vec![ids[0], ids[1]], Some(ids[1])));
    assert_eq!(page(&*storage, ann, group, History::Oldest, 5).await, (ids, None));
}

pub async fn history_ends_exactly_at_its_borders(storage: Arc<dyn Storage>) {
    let (storage, ann, group, ids) = five_messages(storage).await;
    let newest_first: Vec<_> = ids.iter().rev().copied().collect();
    assert_eq!(page(&*storage, ann, group, History::Latest, 5).await, (newest_first, None));
    assert_eq!(page(&*storage, ann, group, History::Before(ids[2]), 2).await, (vec![ids[1], ids[0]], None));
    assert_eq!(page(&*storage, ann, group, History::Before(ids[0]), 2).await, (vec![], None));
    assert_eq!(page(&*storage, ann, group, History::After(ids[2]), 2).await, (vec![ids[3], ids[4]], None));
    assert_eq!(page(&*storage, ann, group, History::After(ids[4]), 2).await, (vec![], None));
}

pub async fn pages_of_history_meet_without_gap_or_overlap(storage: Arc<dyn Storage>) {
    let (storage, ann, group, ids) = five_messages(storage).await;
    let pages = pages(|cursor| {
        let storage = &storage;
        let history = cursor.map_or(History::Latest, |id| History::Before(id.try_into().unwrap()));
        async move { storage.list_messages(ann, group, history, 2).await.unwrap().unwrap() }
    });
    let pages: Vec<Vec<_>> =
        pages.await.into_iter().map(|page| page.into_iter().map(|message| message.id).collect()).collect();
    assert_eq!(pages, [vec![ids[4], ids[3]], vec![ids[2], ids[1]], vec![ids[0]]]);
}

pub async fn an_empty_conversation_has_an_empty_history(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    assert_eq!(page(&*storage, ann, group, History::Latest, 5).await, (vec![], None));
}

pub async fn a_newcomer_sees_the_whole_history(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    send(&*storage, ann, group, "before").await;
    perform(&*storage, ann, adding(group, bob)).await;
    assert_eq!(words(&*storage, bob, group).await, ["before"]);
}

/// One message by every way that shows it to `viewer`: by its events, in a page, by its id, as the newest of a list.
async fn everywhere(
    storage: &dyn Storage,
    viewer: UserId,
    conversation: ConversationId,
    id: MessageId,
) -> Vec<Message> {
    let mut seen: Vec<_> = events(storage, conversation).await.iter().filter_map(said).cloned().collect();
    seen.extend(history(storage, viewer, conversation).await);
    seen.extend(storage.find_message(viewer, id).await.unwrap());
    seen.extend(summary(storage, viewer, conversation).await.last_message);
    seen
}

/// Five messages in one group, with those of another between them.
async fn five_messages(storage: Arc<dyn Storage>) -> (Arc<dyn Storage>, UserId, ConversationId, Vec<MessageId>) {
    let ann = user(&*storage, "ann").await;
    let [here, there] = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    let mut ids = vec![];
    for n in 0..5 {
        send(&*storage, ann, there, "elsewhere").await;
        ids.push(send(&*storage, ann, here, &format!("message {n}")).await.id);
    }
    send(&*storage, ann, there, "elsewhere").await;
    (storage, ann, here, ids)
}

/// The ids on one page, and its cursor.
async fn page(
    storage: &dyn Storage,
    viewer: UserId,
    conversation: ConversationId,
    history: History,
    limit: u32,
) -> (Vec<MessageId>, Option<MessageId>) {
    let page = storage.list_messages(viewer, conversation, history, limit).await.unwrap().unwrap();
    let next = page.next.map(|id| id.try_into().unwrap());
    (page.items.into_iter().map(|message| message.id).collect(), next)
}
