//! Checks of what is changed at once.

use super::support::*;
use crate::{
    Action, Change, Event, EventKind, MessageId, NewConversation, NewUser, ProfileUpdate, Role, Storage, StorageError,
    Timestamp, UserKey,
};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

/// How often a race is run again.
const ROUNDS: usize = 10;

pub async fn appends_at_once_take_every_place_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let appends = (0..100).map(|n| one_by_one(&storage, ann, vec![sending(group, &format!("message {n}"))]));
    let appended = at_once(appends).await.concat();
    let taken: BTreeSet<_> = appended.iter().map(|appended| message(appended).seq.get()).collect();
    assert_eq!(taken, (1..=100).collect());
    assert_eq!(places(&events(&*storage, group).await), (1..=100).collect::<Vec<_>>());
}

pub async fn batches_at_once_take_every_place_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let batches = (0..20).map(|n| {
        let storage = storage.clone();
        async move { chatter(&*storage, ann, group, 1 + n % 7).await }
    });
    at_once(batches).await;
    let count = (0..20).map(|n| 1 + n % 7).sum();
    assert_eq!(places(&events(&*storage, group).await), (1..=count).collect::<Vec<_>>());
}

pub async fn message_ids_rise_with_their_places_at_any_load(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let groups = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    at_once((0..60).map(|n| one_by_one(&storage, ann, vec![sending(groups[n % 2], "hello")]))).await;
    for group in groups {
        let history = history(&*storage, ann, group).await;
        assert!(history.is_sorted_by(|one, next| one.id < next.id && one.seq < next.seq));
    }
}

pub async fn batches_over_the_same_conversations_do_not_block_each_other(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let [one, other] = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    let batches = (0..30).map(|n| {
        let storage = storage.clone();
        let order = if n % 2 == 0 { [one, other] } else { [other, one] };
        async move { perform_all(&*storage, &order.map(|group| by(ann, sending(group, "hello")))).await }
    });
    at_once(batches).await;
    for group in [one, other] {
        assert_eq!(places(&events(&*storage, group).await), (1..=30).collect::<Vec<_>>());
    }
}

pub async fn a_nonce_used_at_once_stores_one_message(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for round in 0..ROUNDS {
        let action = sending_as(group, "hello", &format!("nonce {round}"));
        let appended = at_once((0..8).map(|_| one_by_one(&storage, ann, vec![action.clone()]))).await.concat();
        assert_eq!(appended.iter().filter(|appended| appended.is_new).count(), 1);
        assert!(appended.iter().all(|other| message(other).id == message(&appended[0]).id));
    }
    assert_eq!(places(&events(&*storage, group).await), (1..=ROUNDS as i64).collect::<Vec<_>>());
}

pub async fn a_nonce_used_at_once_in_two_conversations_stores_one_message(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let groups = [group(&*storage, ann, &[]).await, group(&*storage, ann, &[]).await];
    for round in 0..ROUNDS {
        let results = at_once(groups.map(|group| {
            let storage = storage.clone();
            async move { attempt(&*storage, ann, sending_as(group, "hello", &format!("nonce {round}"))).await }
        }));
        let [stored, refused] = split(results.await);
        assert_eq!(stored.len(), 1);
        assert_refused!(refused.into_iter().next().unwrap(), Conflict { field: "nonce", .. });
    }
}

pub async fn a_direct_conversation_created_at_once_exists_once(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let [ann, bob] = users(&*storage, [&format!("ann{round}"), &format!("bob{round}")]).await;
        let creations = [(ann, bob), (bob, ann), (ann, bob), (bob, ann)]
            .map(|(actor, other)| one_by_one(&storage, actor, vec![Action::Create(NewConversation::Direct(other))]));
        let created = at_once(creations).await.concat();
        assert_eq!(created.iter().filter(|appended| appended.is_new).count(), 1);
        assert!(created.iter().all(|appended| place(appended) == place(&created[0])));
        assert_eq!(storage.list_memberships(ann).await.unwrap().len(), 1);
    }
}

pub async fn of_users_with_one_name_at_once_one_is_stored(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let results = at_once(["ann", "Ann", "ANN", "aNN"].map(|name| {
            let (storage, new) = (storage.clone(), new_user(&format!("{name}{round}")));
            async move { storage.insert_user(new).await }
        }));
        let [stored, refused] = split(results.await);
        assert_eq!(stored.len(), 1);
        for result in refused {
            assert_refused!(result, Conflict { field: "username", .. });
        }
    }
}

pub async fn of_users_with_one_address_at_once_one_is_stored(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let results = at_once(["ann", "bob", "cleo"].map(|name| {
            let email = Some(format!("{round}@example.org").parse().unwrap());
            let (storage, new) = (storage.clone(), NewUser { email, ..new_user(&format!("{name}{round}")) });
            async move { storage.insert_user(new).await }
        }));
        let [stored, refused] = split(results.await);
        assert_eq!(stored.len(), 1);
        for result in refused {
            assert_refused!(result, Conflict { field: "email", .. });
        }
    }
}

pub async fn ids_drawn_at_once_are_all_different(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let draws = (0..40).map(|n| {
        let storage = storage.clone();
        async move {
            match n % 2 {
                0 => user(&*storage, &format!("user{n}")).await.get(),
                _ => group(&*storage, ann, &[]).await.get(),
            }
        }
    });
    let ids: BTreeSet<_> = at_once(draws).await.into_iter().collect();
    assert_eq!(ids.len(), 40);
}

pub async fn of_two_admins_who_remove_each_other_one_is_removed(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    for _ in 0..ROUNDS {
        let group = group(&*storage, ann, &[]).await;
        perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
        perform(&*storage, ann, giving(group, cleo, Role::Admin)).await;
        let results = at_once([(bob, cleo), (cleo, bob)].map(|(actor, target)| {
            let storage = storage.clone();
            async move { attempt(&*storage, actor, removing(group, target)).await }
        }));
        let [done, refused] = split(results.await);
        assert_eq!(done.len(), 1);
        assert_refused!(refused.into_iter().next().unwrap(), NotFound("conversation"));
        assert_eq!(members(&*storage, ann, group).await.len(), 2);
    }
}

pub async fn of_two_administrators_who_delete_each_other_one_is_deleted(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let one = administrator(&*storage, &format!("one{round}")).await;
        let other = administrator(&*storage, &format!("other{round}")).await;
        let results = at_once([(one, other), (other, one)].map(|(actor, user)| {
            let storage = storage.clone();
            async move { attempt(&*storage, actor, Action::DeleteUser { user }).await }
        }));
        let [done, refused] = split(results.await);
        assert_eq!(done.len(), 1);
        assert_refused!(refused.into_iter().next().unwrap(), Forbidden(_));
    }
}

pub async fn a_group_that_all_leave_at_once_is_deleted_once(storage: Arc<dyn Storage>) {
    let people = users(&*storage, ["ann", "bob", "cleo", "dora", "emil"]).await;
    for _ in 0..ROUNDS {
        let group = group(&*storage, people[0], &people[1..]).await;
        let departures = people.map(|user| one_by_one(&storage, user, vec![removing(group, user)]));
        let events: Vec<Event> =
            at_once(departures).await.concat().into_iter().flat_map(|appended| appended.events).collect();
        assert_eq!(count(&events, |kind| matches!(kind, EventKind::ConversationDeleted)), 1);
        assert_eq!(count(&events, |kind| matches!(kind, EventKind::MemberRemoved { .. })), people.len());
        assert!(storage.list_memberships(people[0]).await.unwrap().is_empty());
    }
}

pub async fn a_group_has_one_owner_whoever_leaves_at_once(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo, dora] = users(&*storage, ["ann", "bob", "cleo", "dora"]).await;
    for _ in 0..ROUNDS {
        let group = group(&*storage, ann, &[bob, cleo, dora]).await;
        at_once([ann, bob].map(|user| one_by_one(&storage, user, vec![removing(group, user)]))).await;
        let expected = [("cleo".to_owned(), Role::Owner), ("dora".to_owned(), Role::Member)];
        assert_eq!(members(&*storage, dora, group).await, expected);
    }
}

pub async fn joins_at_once_are_all_counted(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = public_group(&*storage, ann, "open").await;
    let crowd = crowd(&*storage, 20).await;
    at_once(crowd.iter().map(|user| one_by_one(&storage, *user, vec![adding(group, *user)]))).await;
    assert_eq!(members(&*storage, ann, group).await.len(), 21);
    assert_eq!(summary(&*storage, ann, group).await.conversation.member_count, 21);
}

pub async fn a_user_added_at_once_comes_in_once(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for _ in 0..ROUNDS {
        let group = group(&*storage, ann, &[]).await;
        let added = at_once((0..4).map(|_| one_by_one(&storage, ann, vec![adding(group, bob)]))).await.concat();
        assert_eq!(added.iter().filter(|appended| appended.is_new).count(), 1);
        assert_eq!(summary(&*storage, ann, group).await.conversation.member_count, 2);
    }
}

pub async fn a_message_deleted_at_once_is_deleted_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for _ in 0..ROUNDS {
        let message = send(&*storage, ann, group, "hello").await.id;
        let deletions = (0..4).map(|_| one_by_one(&storage, ann, vec![Action::Delete { message }]));
        let deleted = at_once(deletions).await.concat();
        assert_eq!(deleted.iter().filter(|appended| appended.is_new).count(), 1);
    }
}

pub async fn a_read_mark_moved_at_once_stands_on_the_newest(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    chatter(&*storage, ann, group, 20).await;
    let ids: Vec<MessageId> = history(&*storage, bob, group).await.iter().map(|message| message.id).collect();
    at_once(ids.iter().rev().map(|id| one_by_one(&storage, bob, vec![reading(&[*id])]))).await;
    assert_eq!(summary(&*storage, bob, group).await.read_up_to, ids.last().copied());
}

pub async fn nothing_is_sent_after_the_removal_of_its_sender(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for _ in 0..ROUNDS {
        let group = group(&*storage, ann, &[bob]).await;
        let sends = (0..6).map(|_| try_all(&storage, vec![by(bob, sending(group, "hello"))]));
        at_once(sends.chain([try_all(&storage, vec![by(ann, removing(group, bob))])])).await;
        let events = events(&*storage, group).await;
        assert!(matches!(events.last(), Some(Event { kind: EventKind::MemberRemoved { .. }, .. })));
        assert_eq!(places(&events), (1..=events.len() as i64).collect::<Vec<_>>());
    }
}

pub async fn nothing_is_sent_by_a_user_deleted_at_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for round in 0..ROUNDS {
        let bob = user(&*storage, &format!("bob{round}")).await;
        let group = group(&*storage, ann, &[bob]).await;
        let sends = (0..6).map(|_| try_all(&storage, vec![by(bob, sending(group, "hello"))]));
        at_once(sends.chain([try_all(&storage, vec![by(bob, Action::DeleteUser { user: bob })])])).await;
        assert!(words(&*storage, ann, group).await.iter().all(String::is_empty));
        assert_eq!(members(&*storage, ann, group).await.len(), 1);
    }
}

pub async fn nothing_is_left_of_a_group_deleted_at_once(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for _ in 0..ROUNDS {
        let conversation = group(&*storage, ann, &[bob]).await;
        let sends = (0..6).map(|_| try_all(&storage, vec![by(bob, sending(conversation, "hello"))]));
        at_once(sends.chain([try_all(&storage, vec![by(ann, Action::DeleteConversation { conversation })])])).await;
        assert!(events(&*storage, conversation).await.is_empty());
        assert!(storage.list_memberships(bob).await.unwrap().is_empty());
    }
}

pub async fn nothing_is_edited_into_a_message_deleted_at_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    for _ in 0..ROUNDS {
        let message = send(&*storage, ann, group, "hello").await.id;
        let edits = (0..6).map(|_| try_all(&storage, vec![by(ann, editing(message, "changed"))]));
        at_once(edits.chain([try_all(&storage, vec![by(ann, Action::Delete { message })])])).await;
        let found = storage.find_message(ann, message).await.unwrap().unwrap();
        assert_eq!((found.content.as_str(), found.deleted), ("", true));
        assert!(words(&*storage, ann, group).await.iter().all(String::is_empty));
    }
}

pub async fn a_user_deleted_at_once_is_a_member_of_nothing(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for round in 0..ROUNDS {
        let bob = user(&*storage, &format!("bob{round}")).await;
        let group = group(&*storage, ann, &[]).await;
        let changes = [by(ann, adding(group, bob)), by(bob, Action::DeleteUser { user: bob })];
        at_once(changes.map(|change| try_all(&storage, vec![change]))).await;
        assert_eq!(members(&*storage, ann, group).await, [("ann".to_owned(), Role::Owner)]);
        assert_eq!(summary(&*storage, ann, group).await.conversation.member_count, 1);
    }
}

pub async fn profile_updates_at_once_all_stay(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let ann = user(&*storage, &format!("ann{round}")).await;
        let whole = ProfileUpdate {
            fullname: Some("New Name".parse().unwrap()),
            profile_picture: Some(Some("https://example.org/new.png".parse().unwrap())),
            public_key: Some(Some("new key".parse().unwrap())),
        };
        let parts = [
            ProfileUpdate { fullname: whole.fullname.clone(), ..ProfileUpdate::default() },
            ProfileUpdate { profile_picture: whole.profile_picture.clone(), ..ProfileUpdate::default() },
            ProfileUpdate { public_key: whole.public_key.clone(), ..ProfileUpdate::default() },
        ];
        at_once(parts.map(|part| {
            let storage = storage.clone();
            async move { storage.update_profile(ann, part).await.unwrap() }
        }))
        .await;
        let found = storage.find_user(&UserKey::Id(ann)).await.unwrap().unwrap();
        assert_eq!(Some(found.fullname), whole.fullname);
        assert_eq!((Some(found.profile_picture), Some(found.public_key)), (whole.profile_picture, whole.public_key));
    }
}

pub async fn of_last_times_online_at_once_the_newest_stays(storage: Arc<dyn Storage>) {
    for round in 0..ROUNDS {
        let ann = user(&*storage, &format!("ann{round}")).await;
        at_once([3, 5, 4, 1, 2].map(|seconds| {
            let storage = storage.clone();
            async move { storage.put_last_online(&[ann], Timestamp(seconds)).await.unwrap() }
        }))
        .await;
        let found = storage.find_user(&UserKey::Id(ann)).await.unwrap().unwrap();
        assert_eq!(found.last_online, Some(Timestamp(5)));
    }
}

/// Asks for changes that may be refused.
fn try_all(storage: &Arc<dyn Storage>, batch: Vec<Change>) -> impl Future<Output = ()> + Send + use<> {
    let storage = storage.clone();
    async move {
        storage.append(&batch).await.unwrap();
    }
}

/// Those that went well, and the others.
fn split<T>(results: Vec<Result<T, StorageError>>) -> [Vec<Result<T, StorageError>>; 2] {
    let (done, refused) = results.into_iter().partition(Result::is_ok);
    [done, refused]
}

fn count(events: &[Event], is_one: impl Fn(&EventKind) -> bool) -> usize {
    events.iter().filter(|event| is_one(&event.kind)).count()
}
