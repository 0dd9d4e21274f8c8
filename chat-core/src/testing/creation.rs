//! Checks of how conversations come to be.

use super::support::*;
use crate::{Action, Event, EventKind, Kind, Member, NewConversation, Role, Seq, Storage, UserId, Visibility, limits};
use std::sync::Arc;

pub async fn a_group_is_created_as_asked(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let created = perform(&*storage, ann, creating("friends", Visibility::Public, &[bob])).await;
    assert!(created.is_new);
    let [Event { conversation: id, seq: None, by, kind: EventKind::Created(conversation, members) }] =
        &created.events[..]
    else {
        panic!("not one creation: {created:?}")
    };
    assert_eq!((by.as_str(), conversation.kind, conversation.visibility), ("ann", Kind::Group, Visibility::Public));
    assert_eq!((conversation.name.as_str(), conversation.created_at), ("friends", NOW));
    assert_eq!((conversation.last_seq, conversation.member_count), (Seq::ZERO, 2));
    assert_eq!(members[..], [member(ann, "ann", Role::Owner), member(bob, "bob", Role::Member)]);
    assert_eq!(storage.find_conversation(bob, *id).await.unwrap().as_ref(), Some(conversation));
}

pub async fn members_of_a_new_group_stand_as_named(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo, dora] = users(&*storage, ["ann", "bob", "cleo", "dora"]).await;
    let created = perform(&*storage, cleo, creating("group", Visibility::Private, &[dora, ann, bob])).await;
    let EventKind::Created(_, named) = &created.events[0].kind else { panic!("no creation: {created:?}") };
    assert_eq!(named.iter().map(|member| member.user).collect::<Vec<_>>(), [cleo, dora, ann, bob]);
    let listed = members(&*storage, ann, place(&created)).await;
    assert_eq!(listed.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["cleo", "dora", "ann", "bob"]);
}

pub async fn a_group_without_a_name_is_called_after_its_members(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "Bob", "cleo"]).await;
    let action = NewConversation::Group { name: None, visibility: Visibility::Private, members: vec![bob, ann] };
    let created = perform(&*storage, cleo, Action::Create(action)).await;
    let found = storage.find_conversation(ann, place(&created)).await.unwrap().unwrap();
    assert_eq!(found.name.as_str(), "cleo, Bob, ann");
}

pub async fn whoever_is_named_twice_is_a_member_once(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob, bob]).await;
    let expected = [("ann".to_owned(), Role::Owner), ("bob".to_owned(), Role::Member)];
    assert_eq!(members(&*storage, ann, group).await, expected);
    assert_eq!(summary(&*storage, ann, group).await.conversation.member_count, 2);
}

pub async fn a_creator_who_names_themselves_stays_owner(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob, ann]).await;
    let expected = [("ann".to_owned(), Role::Owner), ("bob".to_owned(), Role::Member)];
    assert_eq!(members(&*storage, ann, group).await, expected);
}

pub async fn members_of_a_new_group_must_exist(storage: Arc<dyn Storage>) {
    let [ann, bob, gone] = users(&*storage, ["ann", "bob", "gone"]).await;
    perform(&*storage, gone, Action::DeleteUser { user: gone }).await;
    for nobody in [unknown(), gone] {
        let action = creating("group", Visibility::Public, &[bob, nobody]);
        assert_refused!(attempt(&*storage, ann, action).await, Invalid { .. });
    }
    assert!(storage.list_memberships(ann).await.unwrap().is_empty());
    assert!(storage.list_memberships(bob).await.unwrap().is_empty());
}

pub async fn a_creator_must_exist(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let direct = Action::Create(NewConversation::Direct(ann));
    for action in [direct, creating("group", Visibility::Private, &[ann])] {
        assert_refused!(attempt(&*storage, unknown(), action).await, NotFound("user"));
    }
    assert!(storage.list_memberships(ann).await.unwrap().is_empty());
}

pub async fn a_group_may_begin_with_a_thousand_members(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let crowd = crowd(&*storage, limits::MEMBERS_AT_CREATION_MAX).await;
    let created = perform(&*storage, ann, creating("group", Visibility::Private, &crowd)).await;
    let EventKind::Created(conversation, members) = &created.events[0].kind else { panic!("no creation: {created:?}") };
    assert_eq!((conversation.member_count, members.len()), (crowd.len() as u64 + 1, crowd.len() + 1));
}

pub async fn a_direct_conversation_belongs_to_two_equals(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let created = perform(&*storage, bob, Action::Create(NewConversation::Direct(ann))).await;
    let EventKind::Created(conversation, members) = &created.events[0].kind else { panic!("no creation: {created:?}") };
    assert_eq!((conversation.kind, conversation.visibility), (Kind::Direct, Visibility::Private));
    assert_eq!((conversation.name.as_str(), conversation.member_count), ("bob, ann", 2));
    assert_eq!(members[..], [member(bob, "bob", Role::Member), member(ann, "ann", Role::Member)]);
}

pub async fn a_direct_conversation_exists_once_whoever_asks(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let first = perform(&*storage, ann, Action::Create(NewConversation::Direct(bob))).await;
    for (actor, other) in [(ann, bob), (bob, ann)] {
        let again = perform(&*storage, actor, Action::Create(NewConversation::Direct(other))).await;
        assert!(!again.is_new);
        assert_eq!(place(&again), place(&first));
        assert!(matches!(again.events[0].kind, EventKind::Created(..)));
    }
    assert_eq!(storage.list_memberships(ann).await.unwrap(), [place(&first)]);
}

pub async fn each_pair_has_its_own_direct_conversation(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let with_bob = direct(&*storage, ann, bob).await;
    let with_cleo = direct(&*storage, ann, cleo).await;
    assert_ne!(with_bob, with_cleo);
    assert_eq!(storage.find_conversation(cleo, with_bob).await.unwrap(), None);
}

pub async fn a_group_of_two_is_no_direct_conversation(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let created = perform(&*storage, ann, Action::Create(NewConversation::Direct(bob))).await;
    assert!(created.is_new);
    assert_ne!(place(&created), group);
}

pub async fn nobody_talks_directly_to_themselves(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    assert_refused!(attempt(&*storage, ann, Action::Create(NewConversation::Direct(ann))).await, Invalid { .. });
    assert!(storage.list_memberships(ann).await.unwrap().is_empty());
}

pub async fn nobody_talks_directly_to_nobody(storage: Arc<dyn Storage>) {
    let [ann, gone] = users(&*storage, ["ann", "gone"]).await;
    perform(&*storage, gone, Action::DeleteUser { user: gone }).await;
    for nobody in [unknown(), gone] {
        let direct = Action::Create(NewConversation::Direct(nobody));
        assert_refused!(attempt(&*storage, ann, direct).await, NotFound("user"));
    }
    assert!(storage.list_memberships(ann).await.unwrap().is_empty());
}

pub async fn nobody_is_in_more_conversations_than_allowed(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let open = public_group(&*storage, bob, "open").await;
    let creations = vec![by(ann, creating("group", Visibility::Private, &[])); limits::MEMBERSHIPS_MAX as usize];
    perform_all(&*storage, &creations).await;
    let one_more = [
        by(ann, creating("group", Visibility::Private, &[])),
        by(bob, creating("group", Visibility::Private, &[ann])),
        by(bob, Action::Create(NewConversation::Direct(ann))),
        by(bob, adding(open, ann)),
        by(ann, adding(open, ann)),
    ];
    for result in storage.append(&one_more).await.unwrap() {
        assert_refused!(result, Forbidden(_));
    }
    assert_eq!(storage.list_memberships(ann).await.unwrap().len() as u64, limits::MEMBERSHIPS_MAX);
    assert_eq!(storage.list_memberships(bob).await.unwrap(), [open]);
}

pub async fn leaving_a_conversation_makes_room_for_another(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let creation = by(ann, creating("group", Visibility::Private, &[]));
    perform_all(&*storage, &vec![creation.clone(); limits::MEMBERSHIPS_MAX as usize]).await;
    let some = storage.list_memberships(ann).await.unwrap();
    perform(&*storage, ann, Action::DeleteConversation { conversation: some[0] }).await;
    perform(&*storage, ann, removing(some[1], ann)).await;
    perform_all(&*storage, &vec![creation.clone(); 2]).await;
    assert_refused!(attempt(&*storage, ann, creation.action).await, Forbidden(_));
}

fn member(user: UserId, name: &str, role: Role) -> Member {
    Member { user, username: username(name), role, joined_at: NOW }
}
