//! Checks of what is left of a deleted user.

use super::support::*;
use crate::{
    Action, ConversationId, Event, EventKind, NewConversation, NewLogin, NewUser, Role, Seq, Storage, UserId, UserKey,
    Username, Visibility,
};
use std::fmt::Debug;
use std::fmt::Write as _;
use std::sync::Arc;

pub async fn a_deleted_user_is_found_by_no_method(storage: Arc<dyn Storage>) {
    let new = NewUser { email: Some("ann@example.org".parse().unwrap()), ..new_user("ann") };
    let ann = storage.insert_user(new).await.unwrap().id;
    delete(&*storage, ann).await;
    let by_address = UserKey::Email("ann@example.org".parse().unwrap());
    for key in [UserKey::Id(ann), UserKey::Username(username("ann")), by_address] {
        assert_eq!(storage.find_user(&key).await.unwrap(), None);
    }
    assert!(storage.find_users(&[username("ann")]).await.unwrap().is_empty());
    assert!(storage.list_users(None, None, ALL).await.unwrap().items.is_empty());
    assert_eq!(storage.update_profile(ann, Default::default()).await.unwrap(), None);
    assert!(storage.list_memberships(ann).await.unwrap().is_empty());
}

pub async fn a_direct_conversation_loses_the_name_of_a_deleted_user(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let direct = direct(&*storage, ann, bob).await;
    delete(&*storage, ann).await;
    let found = storage.find_conversation(bob, direct).await.unwrap().unwrap();
    assert_eq!(found.name.as_str(), format!("bob, {}", Username::of_deleted(ann)));
}

pub async fn a_group_called_after_its_members_loses_the_name_of_a_deleted_user(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let unnamed = NewConversation::Group { name: None, visibility: Visibility::Private, members: vec![bob, cleo] };
    let unnamed = super::support::place(&perform(&*storage, ann, Action::Create(unnamed)).await);
    let named = group(&*storage, ann, &[bob]).await;
    let before = storage.find_conversation(ann, named).await.unwrap().unwrap().name;
    let appended = delete(&*storage, bob).await;
    let found = storage.find_conversation(ann, unnamed).await.unwrap().unwrap();
    assert_eq!(found.name.as_str(), format!("ann, {}, cleo", Username::of_deleted(bob)));
    let kind = EventKind::Updated(found.name, Visibility::Private);
    let renamed = Event { conversation: unnamed, seq: Some(place(2)), by: Username::of_deleted(bob), kind };
    assert_eq!(appended, [gone(unnamed, 1, bob), renamed, gone(named, 1, bob)]);
    assert_eq!(storage.find_conversation(ann, named).await.unwrap().unwrap().name, before);
}

pub async fn not_even_their_new_name_finds_a_deleted_user(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    delete(&*storage, ann).await;
    let name = Username::of_deleted(ann);
    assert_eq!(storage.find_user(&UserKey::Username(name.clone())).await.unwrap(), None);
    assert!(storage.find_users(&[name]).await.unwrap().is_empty());
    assert!(storage.list_users(Some(&search("deleted")), None, ALL).await.unwrap().items.is_empty());
}

pub async fn name_and_address_of_a_deleted_user_are_free(storage: Arc<dyn Storage>) {
    let new = NewUser { email: Some("ann@example.org".parse().unwrap()), ..new_user("ann") };
    let old = storage.insert_user(new.clone()).await.unwrap().id;
    delete(&*storage, old).await;
    let again = storage.insert_user(new).await.unwrap();
    assert_ne!(again.id, old);
    assert_eq!(storage.find_user(&UserKey::Username(username("ann"))).await.unwrap(), Some(again));
}

pub async fn a_new_user_of_the_same_name_inherits_nothing(storage: Arc<dyn Storage>) {
    let [old, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, bob, &[old]).await;
    perform(&*storage, old, sending_as(group, "hello", "n")).await;
    delete(&*storage, old).await;
    let new = user(&*storage, "ann").await;
    assert!(storage.list_memberships(new).await.unwrap().is_empty());
    perform(&*storage, bob, adding(group, new)).await;
    assert!(perform(&*storage, new, sending_as(group, "hello", "n")).await.is_new);
}

pub async fn only_oneself_is_deleted(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    assert_refused!(attempt(&*storage, ann, Action::DeleteUser { user: bob }).await, Forbidden(_));
    assert_refused!(attempt(&*storage, ann, Action::DeleteUser { user: unknown() }).await, Forbidden(_));
    assert!(storage.find_user(&UserKey::Id(bob)).await.unwrap().is_some());
}

pub async fn an_administrator_deletes_anyone(storage: Arc<dyn Storage>) {
    let root = administrator(&*storage, "root").await;
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let other = administrator(&*storage, "other").await;
    assert_eq!(perform(&*storage, root, Action::DeleteUser { user: bob }).await.events, [gone(group, 1, bob)]);
    perform(&*storage, root, Action::DeleteUser { user: other }).await;
    for user in [bob, other] {
        assert_eq!(storage.find_user(&UserKey::Id(user)).await.unwrap(), None);
    }
    assert_refused!(attempt(&*storage, root, Action::DeleteUser { user: bob }).await, NotFound("user"));
    assert_refused!(attempt(&*storage, root, Action::DeleteUser { user: unknown() }).await, NotFound("user"));
}

pub async fn a_deleted_administrator_is_none_any_more(storage: Arc<dyn Storage>) {
    let root = administrator(&*storage, "root").await;
    let ann = user(&*storage, "ann").await;
    let conversation = group(&*storage, ann, &[]).await;
    delete(&*storage, root).await;
    assert_refused!(attempt(&*storage, root, Action::DeleteUser { user: ann }).await, Forbidden(_));
    assert_refused!(
        attempt(&*storage, root, Action::DeleteConversation { conversation }).await,
        NotFound("conversation")
    );
}

pub async fn a_user_is_deleted_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    delete(&*storage, ann).await;
    assert_refused!(attempt(&*storage, ann, Action::DeleteUser { user: ann }).await, NotFound("user"));
}

pub async fn a_deleted_user_can_do_nothing(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, bob, &[ann]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    delete(&*storage, ann).await;
    assert_refused!(attempt(&*storage, ann, sending(group, "hello")).await, NotFound("conversation"));
    assert_refused!(attempt(&*storage, ann, Action::Delete { message }).await, NotFound("message"));
    let creating = creating("group", crate::Visibility::Private, &[]);
    assert_refused!(attempt(&*storage, ann, creating).await, NotFound("user"));
}

pub async fn messages_of_a_deleted_user_are_empty(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, bob, &[ann]).await;
    send(&*storage, ann, group, "from ann").await;
    send(&*storage, bob, group, "from bob").await;
    delete(&*storage, ann).await;
    let [of_ann, of_bob] = &history(&*storage, bob, group).await[..] else { panic!("two messages keep their places") };
    assert_eq!((of_ann.content.as_str(), of_ann.deleted), ("", true));
    assert_eq!((of_bob.content.as_str(), of_bob.deleted), ("from bob", false));
}

pub async fn messages_of_a_deleted_user_are_named_after_nobody(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, bob, &[ann]).await;
    let message = send(&*storage, ann, group, "from ann").await;
    delete(&*storage, ann).await;
    let found = storage.find_message(bob, message.id).await.unwrap().unwrap();
    assert_eq!((found.sender, found.sender_username), (ann, Username::of_deleted(ann)));
    assert_eq!(events(&*storage, group).await[0].by, Username::of_deleted(ann));
}

pub async fn messages_of_a_deleted_user_are_unread_to_nobody(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, bob, &[ann]).await;
    chatter(&*storage, ann, group, 3).await;
    delete(&*storage, ann).await;
    assert_eq!(unread(&*storage, bob, group).await, 0);
}

pub async fn each_conversation_of_a_deleted_user_gets_one_event(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let quiet = group(&*storage, bob, &[ann]).await;
    let busy = group(&*storage, bob, &[ann]).await;
    let other = group(&*storage, bob, &[]).await;
    chatter(&*storage, ann, busy, 3).await;
    let appended = delete(&*storage, ann).await;
    assert_eq!(appended, [gone(quiet, 1, ann), gone(busy, 4, ann)]);
    assert_eq!(events(&*storage, busy).await.last(), Some(&gone(busy, 4, ann)));
    assert!(events(&*storage, other).await.is_empty());
}

pub async fn a_conversation_left_before_gets_the_event_too(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, bob, &[ann]).await;
    send(&*storage, ann, group, "from ann").await;
    perform(&*storage, ann, removing(group, ann)).await;
    assert_eq!(delete(&*storage, ann).await, [gone(group, 3, ann)]);
    assert_eq!(words(&*storage, bob, group).await, [""]);
}

pub async fn a_deleted_user_is_counted_no_more(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = public_group(&*storage, bob, "open").await;
    perform(&*storage, ann, adding(group, ann)).await;
    delete(&*storage, ann).await;
    assert_eq!(members(&*storage, bob, group).await, [("bob".to_owned(), Role::Owner)]);
    assert_eq!(storage.find_public_group(group).await.unwrap().map(|group| group.member_count), Some(1));
}

pub async fn a_deleted_owner_hands_over(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[cleo, bob]).await;
    let kind = EventKind::MemberAdded { user: cleo, username: username("cleo"), role: Role::Owner };
    let handover = Event { conversation: group, seq: Some(place(2)), by: Username::of_deleted(ann), kind };
    assert_eq!(delete(&*storage, ann).await, [gone(group, 1, ann), handover]);
    assert_eq!(role(&*storage, group, cleo).await, Some(Role::Owner));
}

pub async fn a_group_whose_last_member_is_deleted_goes_too(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = public_group(&*storage, ann, "open").await;
    let kind = EventKind::ConversationDeleted;
    let deletion = Event { conversation: group, seq: None, by: Username::of_deleted(ann), kind };
    assert_eq!(delete(&*storage, ann).await, [gone(group, 1, ann), deletion]);
    assert_eq!(storage.find_public_group(group).await.unwrap(), None);
    assert!(events(&*storage, group).await.is_empty());
}

pub async fn a_direct_conversation_stays_with_the_other(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let direct = direct(&*storage, ann, bob).await;
    send(&*storage, ann, direct, "from ann").await;
    send(&*storage, bob, direct, "from bob").await;
    delete(&*storage, ann).await;
    assert_eq!(words(&*storage, bob, direct).await, ["", "from bob"]);
    assert_eq!(members(&*storage, bob, direct).await, [("bob".to_owned(), Role::Member)]);
}

pub async fn a_direct_conversation_goes_with_the_second_of_the_two(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let direct = direct(&*storage, ann, bob).await;
    delete(&*storage, ann).await;
    let last = delete(&*storage, bob).await;
    assert!(matches!(last[..], [_, Event { kind: EventKind::ConversationDeleted, .. }]), "{last:?}");
    assert!(events(&*storage, direct).await.is_empty());
}

pub async fn deleting_a_message_of_a_deleted_user_is_not_new(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, bob, &[ann]).await;
    let message = send(&*storage, ann, group, "from ann").await.id;
    delete(&*storage, ann).await;
    assert!(!perform(&*storage, bob, Action::Delete { message }).await.is_new);
}

pub async fn nothing_readable_is_left_of_a_deleted_user(storage: Arc<dyn Storage>) {
    let bob = user(&*storage, "bob").await;
    let (ann, group) = full_life(&*storage, bob).await;
    let before = everything(&*storage, &[ann, bob], group).await;
    delete(&*storage, ann).await;
    let after = everything(&*storage, &[ann, bob], group).await;
    for secret in
        ["SecretName", "Secret Fullname", "secret@", "secret.png", "secret key", "secret hash", "secret words"]
    {
        assert!(before.contains(secret), "{secret} was there");
        assert!(!after.contains(secret), "{secret} is still there");
    }
}

async fn delete(storage: &dyn Storage, user: UserId) -> Vec<Event> {
    perform(storage, user, Action::DeleteUser { user }).await.events
}

/// The announcement that `user` was deleted.
fn gone(conversation: ConversationId, seq: i64, user: UserId) -> Event {
    let name = Username::of_deleted(user);
    let kind = EventKind::MemberRemoved { user, username: name.clone(), messages_deleted: true };
    Event { conversation, seq: Some(place(seq)), by: name, kind }
}

fn place(seq: i64) -> Seq {
    seq.try_into().unwrap()
}

/// A user who has left a trace in every table, and the group they share with `other`.
async fn full_life(storage: &dyn Storage, other: UserId) -> (UserId, ConversationId) {
    let new = NewUser {
        fullname: "Secret Fullname".parse().unwrap(),
        email: Some("secret@example.org".parse().unwrap()),
        profile_picture: Some("https://example.org/secret.png".parse().unwrap()),
        public_key: Some("secret key".parse().unwrap()),
        password: Some(crate::PasswordHash::from_stored("secret hash".into())),
        ..new_user("SecretName")
    };
    let user = storage.insert_user(new).await.unwrap().id;
    storage.insert_contact(user, other, NOW).await.unwrap();
    let stranger = super::support::user(storage, "stranger").await;
    storage.put_block(user, crate::Blocked::User(stranger), NOW).await.unwrap();
    storage.put_block(stranger, crate::Blocked::User(user), NOW).await.unwrap();
    let login = NewLogin { user, refresh: [7; 32], at: NOW, expires_at: crate::Timestamp(NOW.0 + 9) };
    storage.insert_login(login).await.unwrap();
    let group = group(storage, other, &[]).await;
    perform(storage, other, giving(group, user, Role::Admin)).await;
    let message = send(storage, user, group, "secret words").await.id;
    perform(storage, user, editing(message, "secret words, edited")).await;
    perform(storage, user, renaming(group, "renamed")).await;
    send(storage, user, group, "more secret words").await;
    (user, group)
}

/// All that any method tells any of the viewers, as text.
async fn everything(storage: &dyn Storage, viewers: &[UserId], group: ConversationId) -> String {
    let mut told = String::new();
    let mut note = |answer: &dyn Debug| writeln!(told, "{answer:?}").unwrap();
    note(&storage.list_users(None, None, ALL).await.unwrap());
    note(&storage.find_users(&[username("SecretName")]).await.unwrap());
    note(&storage.events_after(group, Seq::ZERO, ALL).await.unwrap());
    note(&storage.list_public_groups(None, None, ALL).await.unwrap());
    for viewer in viewers {
        note(&storage.find_user(&UserKey::Id(*viewer)).await.unwrap());
        note(&storage.find_password(*viewer).await.unwrap());
        note(&storage.list_logins(*viewer, NOW).await.unwrap());
        note(&storage.list_contacts(*viewer).await.unwrap());
        note(&storage.list_blocked(*viewer, None, ALL).await.unwrap());
        note(&storage.list_conversations(*viewer, None, None, ALL).await.unwrap());
        note(&storage.find_conversation(*viewer, group).await.unwrap());
        note(&storage.list_members(*viewer, group, None, ALL).await.unwrap());
        note(&storage.find_member(group, *viewer).await.unwrap());
        let history = storage.list_messages(*viewer, group, crate::History::Latest, ALL).await.unwrap();
        for message in history.iter().flat_map(|page| &page.items) {
            note(&storage.find_message(*viewer, message.id).await.unwrap());
        }
        note(&history);
    }
    told
}
