//! Checks of what [`Timeline::append`](crate::Timeline::append) promises of batches, places and nonces.

use super::support::*;
use crate::{
    Action, ConversationId, Event, EventKind, MessageId, NewConversation, Role, Seq, Storage, UserId, Visibility,
};
use std::sync::Arc;

pub async fn the_epoch_stays_the_same(storage: Arc<dyn Storage>) {
    let before = storage.epoch().await.unwrap();
    let ann = user(&*storage, "ann").await;
    group(&*storage, ann, &[]).await;
    assert_eq!(storage.epoch().await.unwrap(), before);
}

pub async fn an_empty_batch_has_no_results(storage: Arc<dyn Storage>) {
    assert!(storage.append(&[]).await.unwrap().is_empty());
}

pub async fn results_are_in_the_order_of_the_batch(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let [one, other] = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    let batch = [(one, "a"), (other, "b"), (one, "c")].map(|(group, content)| by(ann, sending(group, content)));
    let results = storage.append(&batch).await.unwrap();
    let said: Vec<_> = results.into_iter().map(|result| message(&result.unwrap()).content).collect();
    assert_eq!(said, ["a", "b", "c"]);
    assert_eq!(words(&*storage, ann, one).await, ["a", "c"]);
}

pub async fn a_refused_change_does_not_touch_the_others(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    let batch = [by(ann, sending(group, "a")), by(bob, sending(group, "b")), by(ann, sending(group, "c"))];
    let results = storage.append(&batch).await.unwrap();
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(words(&*storage, ann, group).await, ["a", "c"]);
    assert_eq!(places(&events(&*storage, group).await), [1, 2]);
}

pub async fn a_refused_change_leaves_no_trace(storage: Arc<dyn Storage>) {
    let [ann, bob, stranger] = users(&*storage, ["ann", "bob", "stranger"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, ann, group, "hello").await;
    let before = (events(&*storage, group).await, summary(&*storage, ann, group).await);
    for action in refused_of_members(group, message.id, ann) {
        assert!(attempt(&*storage, bob, action.clone()).await.is_err(), "{action:?}");
        assert!(attempt(&*storage, stranger, action.clone()).await.is_err(), "{action:?}");
    }
    assert_eq!((events(&*storage, group).await, summary(&*storage, ann, group).await), before);
    assert_eq!(send(&*storage, ann, group, "again").await.seq, message.seq.next());
}

pub async fn a_nonce_of_a_refused_message_is_still_free(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    assert!(attempt(&*storage, bob, sending_as(group, "early", "n")).await.is_err());
    perform(&*storage, ann, adding(group, bob)).await;
    assert!(perform(&*storage, bob, sending_as(group, "late", "n")).await.is_new);
}

pub async fn a_change_sees_those_before_it_in_its_batch(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    let batch = [by(bob, sending(group, "early")), by(ann, adding(group, bob)), by(bob, sending(group, "hello"))];
    let results = storage.append(&batch).await.unwrap();
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, true]);
}

pub async fn a_membership_lost_in_a_batch_is_lost_for_the_rest_of_it(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let batch = [by(bob, sending(group, "a")), by(ann, removing(group, bob)), by(bob, sending(group, "b"))];
    let mut results = storage.append(&batch).await.unwrap();
    assert_refused!(results.remove(2), NotFound("conversation"));
    assert_eq!(words(&*storage, ann, group).await, ["a"]);
}

pub async fn a_conversation_deleted_in_a_batch_is_gone_for_the_rest_of_it(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let conversation = group(&*storage, ann, &[]).await;
    let batch = [by(ann, Action::DeleteConversation { conversation }), by(ann, sending(conversation, "late"))];
    let mut results = storage.append(&batch).await.unwrap();
    assert!(results[0].is_ok());
    assert_refused!(results.remove(1), NotFound("conversation"));
}

pub async fn what_is_returned_can_be_read_at_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for n in 0..20 {
        let appended = perform(&*storage, ann, sending(group, &format!("message {n}"))).await;
        let message = message(&appended);
        assert_eq!(storage.find_message(ann, message.id).await.unwrap(), Some(message));
        assert_eq!(events(&*storage, group).await.last(), appended.events.last());
    }
}

pub async fn creation_takes_no_place(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let created = perform(&*storage, ann, creating("group", Visibility::Private, &[])).await;
    assert_eq!((created.events.len(), created.events[0].seq), (1, None));
    assert!(events(&*storage, place(&created)).await.is_empty());
    assert_eq!(summary(&*storage, ann, place(&created)).await.conversation.last_seq, Seq::ZERO);
    assert_eq!(send(&*storage, ann, place(&created), "hello").await.seq.get(), 1);
}

pub async fn every_kind_of_change_takes_the_next_place(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    let first = send(&*storage, ann, group, "hello").await.id;
    let actions = [
        editing(first, "changed"),
        adding(group, bob),
        giving(group, bob, Role::Admin),
        renaming(group, "renamed"),
        Action::Delete { message: first },
        removing(group, bob),
        sending(group, "bye"),
    ];
    let mut seen = vec![1];
    for action in actions {
        seen.extend(places(&perform(&*storage, ann, action).await.events));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(places(&events(&*storage, group).await), seen);
}

pub async fn places_in_a_batch_have_no_gap(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let [one, other] = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    let batch = [one, other, one, one, other, one].map(|group| by(ann, sending(group, "hello")));
    let results = storage.append(&batch).await.unwrap();
    let seen: Vec<_> = results.into_iter().map(|result| message(&result.unwrap()).seq.get()).collect();
    assert_eq!(seen, [1, 1, 2, 3, 2, 4]);
}

pub async fn what_takes_no_place_leaves_no_gap(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let first = send(&*storage, ann, group, "first").await;
    let read = perform(&*storage, bob, reading(&[first.id])).await;
    assert_eq!(read.events[0].seq, None);
    assert_eq!(send(&*storage, ann, group, "second").await.seq, first.seq.next());
}

pub async fn the_conversation_knows_its_newest_place(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let sent = send(&*storage, ann, group, "hello").await;
    perform(&*storage, ann, editing(sent.id, "changed")).await;
    let found = storage.find_conversation(ann, group).await.unwrap().unwrap();
    assert_eq!(found.last_seq, sent.seq.next());
}

pub async fn events_begin_after_the_place_asked_for(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    chatter(&*storage, ann, group, 5).await;
    let after = |seq: i64| {
        let storage = storage.clone();
        async move { places(&storage.events_after(group, seq.try_into().unwrap(), ALL).await.unwrap().items) }
    };
    assert_eq!(after(0).await, [1, 2, 3, 4, 5]);
    assert_eq!(after(3).await, [4, 5]);
    assert!(after(5).await.is_empty());
    assert!(after(99).await.is_empty());
}

pub async fn pages_of_events_meet_without_gap_or_overlap(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    chatter(&*storage, ann, group, 5).await;
    assert_eq!(events_by(&*storage, group, 2).await, [vec![1, 2], vec![3, 4], vec![5]]);
    assert_eq!(events_by(&*storage, group, 5).await, [[1, 2, 3, 4, 5]]);
    assert_eq!(events_by(&*storage, group, 4).await, [vec![1, 2, 3, 4], vec![5]]);
}

pub async fn an_unknown_conversation_has_no_events(storage: Arc<dyn Storage>) {
    let page = storage.events_after(unknown(), Seq::ZERO, ALL).await.unwrap();
    assert_eq!((page.items, page.next), (vec![], None));
}

pub async fn events_are_read_as_they_were_returned(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    let mut returned = vec![];
    for (actor, action) in [
        (ann, adding(group, bob)),
        (bob, sending(group, "hello")),
        (ann, giving(group, bob, Role::Admin)),
        (bob, renaming(group, "renamed")),
        (bob, removing(group, bob)),
    ] {
        returned.extend(perform(&*storage, actor, action).await.events);
    }
    assert_eq!(events(&*storage, group).await, returned);
}

pub async fn an_event_says_where_and_by_whom(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["Ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    let appended = perform(&*storage, ann, adding(group, bob)).await;
    let kind = EventKind::MemberAdded { user: bob, username: username("bob"), role: Role::Member };
    let expected = Event { conversation: group, seq: Some(Seq::ZERO.next()), by: username("Ann"), kind };
    assert_eq!(appended.events, [expected]);
    assert!(appended.is_new);
}

pub async fn a_repeated_nonce_returns_what_was_stored(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let first = perform(&*storage, ann, sending_as(group, "hello", "n")).await;
    let second = perform(&*storage, ann, sending_as(group, "hello", "n")).await;
    assert_eq!((first.is_new, second.is_new), (true, false));
    assert_eq!(first.events, second.events);
}

pub async fn a_repeated_nonce_stores_nothing(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for _ in 0..3 {
        perform(&*storage, ann, sending_as(group, "hello", "n")).await;
    }
    assert_eq!(words(&*storage, ann, group).await, ["hello"]);
    assert_eq!(places(&events(&*storage, group).await), [1]);
}

pub async fn a_nonce_repeated_in_one_batch_stores_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let change = by(ann, sending_as(group, "hello", "n"));
    let results = storage.append(&[change.clone(), by(ann, sending(group, "between")), change]).await.unwrap();
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().map(|appended| appended.is_new).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(results[0].events, results[2].events);
    assert_eq!(words(&*storage, ann, group).await, ["hello", "between"]);
}

pub async fn a_nonce_belongs_to_its_sender(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    perform(&*storage, ann, sending_as(group, "hello", "n")).await;
    assert!(perform(&*storage, bob, sending_as(group, "hello", "n")).await.is_new);
}

pub async fn nonces_are_told_apart_to_the_byte(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for name in ["n", "N", "n ", "ñ", "n\u{303}"] {
        assert!(perform(&*storage, ann, sending_as(group, "hello", name)).await.is_new, "{name:?}");
    }
}

pub async fn a_nonce_is_no_second_message(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let [here, there] = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    let earlier = send(&*storage, ann, here, "earlier").await.id;
    perform(&*storage, ann, sending_as(here, "hello", "n")).await;
    let reply = draft("hello").reply_to(earlier).with_nonce(nonce("n"));
    let others = [
        sending_as(there, "hello", "n"),
        sending_as(here, "something else", "n"),
        Action::Send { conversation: here, draft: reply },
    ];
    for action in others {
        assert_refused!(attempt(&*storage, ann, action).await, Conflict { field: "nonce", .. });
    }
    assert_eq!(words(&*storage, ann, here).await, ["earlier", "hello"]);
    assert!(words(&*storage, ann, there).await.is_empty());
}

pub async fn a_repeated_reply_is_recognised(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let earlier = send(&*storage, ann, group, "earlier").await.id;
    let draft = draft("hello").reply_to(earlier).with_nonce(nonce("n"));
    let action = Action::Send { conversation: group, draft };
    let first = perform(&*storage, ann, action.clone()).await;
    let second = perform(&*storage, ann, action).await;
    assert_eq!((second.is_new, first.events), (false, second.events));
}

pub async fn the_nonce_of_an_edited_message_returns_it_as_it_is_now(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let sent = message(&perform(&*storage, ann, sending_as(group, "first words", "n")).await);
    perform(&*storage, ann, editing(sent.id, "new words")).await;
    let again = perform(&*storage, ann, sending_as(group, "first words", "n")).await;
    assert!(!again.is_new);
    assert_eq!((message(&again).content.as_str(), again.events[0].seq), ("new words", Some(sent.seq)));
}

pub async fn the_nonce_of_a_deleted_message_returns_it_without_words(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let sent = message(&perform(&*storage, ann, sending_as(group, "first words", "n")).await);
    perform(&*storage, ann, Action::Delete { message: sent.id }).await;
    let again = perform(&*storage, ann, sending_as(group, "first words", "n")).await;
    assert!(!again.is_new);
    assert_eq!((message(&again).content.as_str(), message(&again).deleted), ("", true));
}

pub async fn a_nonce_opens_nothing_to_a_former_member(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let action = sending_as(group, "hello", "n");
    perform(&*storage, bob, action.clone()).await;
    perform(&*storage, ann, removing(group, bob)).await;
    assert_refused!(attempt(&*storage, bob, action).await, NotFound("conversation"));
}

pub async fn a_nonce_goes_with_its_message(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let [conversation, other] = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    perform(&*storage, ann, sending_as(conversation, "hello", "n")).await;
    perform(&*storage, ann, Action::DeleteConversation { conversation }).await;
    assert!(perform(&*storage, ann, sending_as(other, "hello", "n")).await.is_new);
}

pub async fn messages_without_a_nonce_are_all_stored(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for _ in 0..3 {
        send(&*storage, ann, group, "same").await;
    }
    assert_eq!(words(&*storage, ann, group).await, ["same", "same", "same"]);
}

pub async fn a_stranger_and_nobody_get_the_same_answer(storage: Arc<dyn Storage>) {
    let [ann, stranger] = users(&*storage, ["ann", "stranger"]).await;
    let group = group(&*storage, ann, &[]).await;
    for (actor, conversation) in [(stranger, group), (unknown(), group), (ann, unknown())] {
        assert_refused!(attempt(&*storage, actor, sending(conversation, "hello")).await, NotFound("conversation"));
    }
}

/// What an ordinary member may not do, and strangers even less, each with something to trip over.
fn refused_of_members(group: ConversationId, message: MessageId, owner: UserId) -> Vec<Action> {
    let wrong_reply = Action::Send { conversation: group, draft: draft("reply").reply_to(unknown()) };
    let wrong_members =
        NewConversation::Group { name: None, visibility: Visibility::Private, members: vec![owner, unknown()] };
    vec![
        wrong_reply,
        Action::Create(wrong_members),
        editing(message, "changed"),
        editing(unknown(), "changed"),
        Action::Delete { message },
        renaming(group, "renamed"),
        adding(group, unknown()),
        giving(group, owner, Role::Member),
        removing(group, owner),
        reading(&[message, unknown()]),
        Action::DeleteConversation { conversation: group },
        Action::DeleteUser { user: owner },
    ]
}

async fn events_by(storage: &dyn Storage, conversation: ConversationId, limit: u32) -> Vec<Vec<i64>> {
    let pages = pages(|after| async move {
        let after = after.map_or(Seq::ZERO, |seq| seq.try_into().unwrap());
        storage.events_after(conversation, after, limit).await.unwrap()
    });
    pages.await.iter().map(|page| places(page)).collect()
}
