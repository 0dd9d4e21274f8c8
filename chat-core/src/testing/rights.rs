//! Checks that the rights of [`rules`](crate::rules) hold where changes are stored, and that nobody sees what is not theirs.

use super::support::*;
use crate::{Action, ConversationId, Event, EventKind, History, MessageId, Role, Seq, Storage, UserId, Visibility};
use std::sync::Arc;

pub async fn a_stranger_can_do_nothing(storage: Arc<dyn Storage>) {
    let [ann, bob, stranger] = users(&*storage, ["ann", "bob", "stranger"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    for action in in_conversation(group, bob) {
        assert_refused!(attempt(&*storage, stranger, action).await, NotFound("conversation"));
    }
    for action in [editing(message, "changed"), Action::Delete { message }, reading(&[message])] {
        assert_refused!(attempt(&*storage, stranger, action).await, NotFound("message"));
    }
}

pub async fn an_unknown_conversation_answers_as_one_that_is_hidden(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for action in in_conversation(unknown(), bob) {
        assert_refused!(attempt(&*storage, ann, action).await, NotFound("conversation"));
    }
}

pub async fn a_stranger_sees_nothing(storage: Arc<dyn Storage>) {
    let [ann, stranger] = users(&*storage, ["ann", "stranger"]).await;
    let group = group(&*storage, ann, &[]).await;
    let message = send(&*storage, ann, group, "hello").await.id;
    assert_blind(&*storage, stranger, group, message).await;
    assert_blind(&*storage, unknown(), group, message).await;
}

pub async fn a_stranger_sees_nothing_inside_a_public_group(storage: Arc<dyn Storage>) {
    let [ann, stranger] = users(&*storage, ["ann", "stranger"]).await;
    let group = public_group(&*storage, ann, "open").await;
    let message = send(&*storage, ann, group, "hello").await.id;
    assert_blind(&*storage, stranger, group, message).await;
}

pub async fn a_removed_member_sees_nothing(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let message = send(&*storage, bob, group, "hello").await.id;
    perform(&*storage, ann, removing(group, bob)).await;
    assert_blind(&*storage, bob, group, message).await;
}

pub async fn a_removed_member_can_do_nothing(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob, cleo]).await;
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    perform(&*storage, ann, removing(group, bob)).await;
    for action in in_conversation(group, cleo) {
        assert_refused!(attempt(&*storage, bob, action).await, NotFound("conversation"));
    }
}

pub async fn only_admins_rename(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    assert_refused!(attempt(&*storage, bob, renaming(group, "renamed")).await, Forbidden(_));
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    let appended = perform(&*storage, bob, renaming(group, "renamed")).await;
    assert_eq!(appended.events[0].kind, EventKind::Updated("renamed".parse().unwrap(), Visibility::Private));
}

pub async fn an_update_changes_what_it_names(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let opening = Action::Update { conversation: group, name: None, visibility: Some(Visibility::Public) };
    perform(&*storage, ann, opening).await;
    perform(&*storage, ann, renaming(group, "renamed")).await;
    let found = storage.find_conversation(ann, group).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.visibility), ("renamed", Visibility::Public));
}

pub async fn an_update_that_changes_nothing_is_not_new(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    let empty = Action::Update { conversation: group, name: None, visibility: None };
    for action in [renaming(group, "group"), empty] {
        let appended = perform(&*storage, ann, action).await;
        let kind = EventKind::Updated("group".parse().unwrap(), Visibility::Private);
        let expected = Event { conversation: group, seq: None, by: username("ann"), kind };
        assert_eq!((appended.is_new, appended.events), (false, vec![expected]));
    }
    assert!(events(&*storage, group).await.is_empty());
}

pub async fn any_member_brings_in_members(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    perform(&*storage, bob, adding(group, cleo)).await;
    assert_eq!(role(&*storage, group, cleo).await, Some(Role::Member));
    assert_eq!(summary(&*storage, cleo, group).await.conversation.member_count, 3);
}

pub async fn who_is_brought_in_must_exist(storage: Arc<dyn Storage>) {
    let [ann, gone] = users(&*storage, ["ann", "gone"]).await;
    let group = group(&*storage, ann, &[]).await;
    perform(&*storage, gone, Action::DeleteUser { user: gone }).await;
    for nobody in [unknown(), gone] {
        assert_refused!(attempt(&*storage, ann, adding(group, nobody)).await, NotFound("user"));
    }
}

pub async fn who_is_in_already_is_not_new(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    for action in [adding(group, bob), giving(group, bob, Role::Admin)] {
        let appended = perform(&*storage, ann, action).await;
        let kind = EventKind::MemberAdded { user: bob, username: username("bob"), role: Role::Admin };
        let expected = Event { conversation: group, seq: None, by: username("ann"), kind };
        assert_eq!((appended.is_new, appended.events), (false, vec![expected]));
    }
    assert_eq!(places(&events(&*storage, group).await), [1]);
}

pub async fn anyone_joins_a_public_group(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = public_group(&*storage, ann, "open").await;
    let appended = perform(&*storage, bob, adding(group, bob)).await;
    assert!(appended.is_new);
    assert_eq!(appended.events[0].by.as_str(), "bob");
    assert_eq!(role(&*storage, group, bob).await, Some(Role::Member));
}

pub async fn nobody_joins_as_more_than_a_member(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = public_group(&*storage, ann, "open").await;
    for wanted in [Role::Admin, Role::Owner] {
        assert_refused!(attempt(&*storage, bob, giving(group, bob, wanted)).await, Forbidden(_));
    }
    assert_eq!(role(&*storage, group, bob).await, None);
}

pub async fn strangers_bring_nobody_else_into_a_public_group(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = public_group(&*storage, ann, "open").await;
    assert_refused!(attempt(&*storage, bob, adding(group, cleo)).await, NotFound("conversation"));
}

pub async fn members_give_no_roles(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    for (whom, wanted) in [(bob, Role::Admin), (cleo, Role::Admin), (ann, Role::Member), (bob, Role::Owner)] {
        assert_refused!(attempt(&*storage, bob, giving(group, whom, wanted)).await, Forbidden(_));
    }
}

pub async fn admins_give_roles_below_owner(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob, cleo]).await;
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    perform(&*storage, bob, giving(group, cleo, Role::Admin)).await;
    assert_eq!(role(&*storage, group, cleo).await, Some(Role::Admin));
    perform(&*storage, cleo, giving(group, bob, Role::Member)).await;
    assert_eq!(role(&*storage, group, bob).await, Some(Role::Member));
    assert_refused!(attempt(&*storage, cleo, giving(group, cleo, Role::Owner)).await, Forbidden(_));
}

pub async fn an_owner_hands_over_to_a_member(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let appended = perform(&*storage, ann, giving(group, bob, Role::Owner)).await;
    assert_eq!(
        appended.events,
        [added(group, 1, "ann", (bob, "bob", Role::Owner)), added(group, 2, "ann", (ann, "ann", Role::Admin)),]
    );
    assert_eq!(events(&*storage, group).await, appended.events);
    assert_eq!(role(&*storage, group, bob).await, Some(Role::Owner));
    assert_eq!(role(&*storage, group, ann).await, Some(Role::Admin));
}

pub async fn an_owner_hands_over_to_a_newcomer(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    let appended = perform(&*storage, ann, giving(group, bob, Role::Owner)).await;
    assert_eq!(
        appended.events,
        [added(group, 1, "ann", (bob, "bob", Role::Owner)), added(group, 2, "ann", (ann, "ann", Role::Admin)),]
    );
    assert_eq!(summary(&*storage, bob, group).await.conversation.member_count, 2);
}

pub async fn members_leave_as_they_like(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let appended = perform(&*storage, bob, removing(group, bob)).await;
    assert_eq!(appended.events, [removed(group, 1, "bob", (bob, "bob"))]);
    assert_eq!(role(&*storage, group, bob).await, None);
    assert_eq!(summary(&*storage, ann, group).await.conversation.member_count, 1);
}

pub async fn only_admins_remove_others(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob, cleo]).await;
    assert_refused!(attempt(&*storage, bob, removing(group, cleo)).await, Forbidden(_));
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    let appended = perform(&*storage, bob, removing(group, cleo)).await;
    assert_eq!(appended.events, [removed(group, 2, "bob", (cleo, "cleo"))]);
}

pub async fn nobody_removes_the_owner(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    assert_refused!(attempt(&*storage, bob, removing(group, ann)).await, Forbidden(_));
    assert_refused!(attempt(&*storage, bob, giving(group, ann, Role::Member)).await, Forbidden(_));
    assert_eq!(role(&*storage, group, ann).await, Some(Role::Owner));
}

pub async fn who_is_no_member_is_not_removed(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    for nobody in [bob, unknown()] {
        assert_refused!(attempt(&*storage, ann, removing(group, nobody)).await, NotFound("member"));
    }
}

pub async fn an_owner_who_leaves_hands_over_to_the_longest_standing_member(storage: Arc<dyn Storage>) {
    let [zoe, ann, bob, cleo] = users(&*storage, ["zoe", "ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[zoe, cleo]).await;
    perform(&*storage, zoe, removing(group, zoe)).await;
    perform(&*storage, ann, adding(group, zoe)).await;
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    let appended = perform(&*storage, ann, removing(group, ann)).await;
    assert_eq!(
        appended.events,
        [removed(group, 4, "ann", (ann, "ann")), added(group, 5, "ann", (cleo, "cleo", Role::Owner)),]
    );
    assert_eq!(role(&*storage, group, cleo).await, Some(Role::Owner));
}

pub async fn the_last_one_out_deletes_the_group(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = public_group(&*storage, ann, "open").await;
    let message = send(&*storage, ann, group, "hello").await.id;
    let appended = perform(&*storage, ann, removing(group, ann)).await;
    let kind = EventKind::ConversationDeleted;
    let deletion = Event { conversation: group, seq: None, by: username("ann"), kind };
    assert_eq!(appended.events, [removed(group, 2, "ann", (ann, "ann")), deletion]);
    assert_gone(&*storage, ann, group, message).await;
}

pub async fn only_the_owner_deletes_the_group(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let conversation = group(&*storage, ann, &[bob]).await;
    perform(&*storage, ann, giving(conversation, bob, Role::Admin)).await;
    assert_refused!(attempt(&*storage, bob, Action::DeleteConversation { conversation }).await, Forbidden(_));
    let appended = perform(&*storage, ann, Action::DeleteConversation { conversation }).await;
    let expected = Event { conversation, seq: None, by: username("ann"), kind: EventKind::ConversationDeleted };
    assert_eq!((appended.is_new, appended.events), (true, vec![expected]));
}

pub async fn a_deleted_group_is_gone_with_all_that_was_said(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let conversation = public_group(&*storage, ann, "open").await;
    perform(&*storage, bob, adding(conversation, bob)).await;
    let message = send(&*storage, bob, conversation, "hello").await.id;
    perform(&*storage, ann, Action::DeleteConversation { conversation }).await;
    for viewer in [ann, bob] {
        assert_gone(&*storage, viewer, conversation, message).await;
    }
    for action in in_conversation(conversation, bob) {
        assert_refused!(attempt(&*storage, ann, action).await, NotFound("conversation"));
    }
}

pub async fn deleting_one_group_leaves_the_others(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let [kept, conversation] = [group(&*storage, ann, &[bob]).await, group(&*storage, ann, &[bob]).await];
    send(&*storage, ann, kept, "kept").await;
    send(&*storage, ann, conversation, "lost").await;
    perform(&*storage, ann, Action::DeleteConversation { conversation }).await;
    assert_eq!(words(&*storage, bob, kept).await, ["kept"]);
    assert_eq!(storage.list_memberships(bob).await.unwrap(), [kept]);
}

pub async fn a_direct_conversation_stays_as_it_is(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let conversation = direct(&*storage, ann, bob).await;
    let actions = [
        adding(conversation, cleo),
        giving(conversation, bob, Role::Admin),
        removing(conversation, bob),
        removing(conversation, ann),
        renaming(conversation, "renamed"),
        Action::DeleteConversation { conversation },
    ];
    for action in actions {
        assert_refused!(attempt(&*storage, ann, action).await, Forbidden(_));
    }
    assert!(events(&*storage, conversation).await.is_empty());
}

pub async fn an_administrator_deletes_any_group(storage: Arc<dyn Storage>) {
    let root = administrator(&*storage, "root").await;
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for visibility in [Visibility::Private, Visibility::Public] {
        let conversation = place(&perform(&*storage, ann, creating("group", visibility, &[bob])).await);
        let message = send(&*storage, ann, conversation, "hello").await.id;
        let appended = perform(&*storage, root, Action::DeleteConversation { conversation }).await;
        let expected = Event { conversation, seq: None, by: username("root"), kind: EventKind::ConversationDeleted };
        assert_eq!((appended.is_new, appended.events), (true, vec![expected]));
        assert_gone(&*storage, ann, conversation, message).await;
    }
}

pub async fn an_administrator_sees_no_conversation_of_others(storage: Arc<dyn Storage>) {
    let root = administrator(&*storage, "root").await;
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    for conversation in [direct(&*storage, ann, bob).await, group(&*storage, ann, &[bob]).await] {
        let message = send(&*storage, ann, conversation, "hello").await.id;
        assert_blind(&*storage, root, conversation, message).await;
    }
}

pub async fn an_administrator_is_a_stranger_in_conversations_of_others(storage: Arc<dyn Storage>) {
    let root = administrator(&*storage, "root").await;
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let direct = direct(&*storage, ann, bob).await;
    assert_refused!(
        attempt(&*storage, root, Action::DeleteConversation { conversation: direct }).await,
        NotFound("conversation")
    );
    for conversation in [direct, group(&*storage, ann, &[bob]).await] {
        let message = send(&*storage, ann, conversation, "hello").await.id;
        for action in in_conversation(conversation, bob) {
            if !matches!(action, Action::DeleteConversation { .. }) {
                assert_refused!(attempt(&*storage, root, action).await, NotFound("conversation"));
            }
        }
        for action in [editing(message, "changed"), Action::Delete { message }, reading(&[message])] {
            assert_refused!(attempt(&*storage, root, action).await, NotFound("message"));
        }
        assert_eq!(words(&*storage, bob, conversation).await, ["hello"]);
    }
}

/// Everything that names a conversation, as one of its members could ask for it.
fn in_conversation(conversation: ConversationId, member: UserId) -> Vec<Action> {
    vec![
        sending(conversation, "hello"),
        adding(conversation, member),
        giving(conversation, member, Role::Admin),
        removing(conversation, member),
        renaming(conversation, "renamed"),
        Action::DeleteConversation { conversation },
    ]
}

/// Fails if `viewer` sees anything of a conversation by any method that asks who is looking.
async fn assert_blind(storage: &dyn Storage, viewer: UserId, conversation: ConversationId, message: MessageId) {
    assert_eq!(storage.find_conversation(viewer, conversation).await.unwrap(), None);
    assert!(storage.list_conversations(viewer, None, None, ALL).await.unwrap().items.is_empty());
    assert!(storage.list_memberships(viewer).await.unwrap().is_empty());
    assert_eq!(storage.list_members(viewer, conversation, None, ALL).await.unwrap(), None);
    assert_eq!(storage.find_member(conversation, viewer).await.unwrap(), None);
    assert_eq!(storage.find_message(viewer, message).await.unwrap(), None);
    for history in [History::Latest, History::Before(unknown()), History::Oldest, History::After(message)] {
        assert_eq!(storage.list_messages(viewer, conversation, history, ALL).await.unwrap(), None);
    }
}

/// Fails if anything is left of a conversation that was the viewer's only one.
async fn assert_gone(storage: &dyn Storage, viewer: UserId, conversation: ConversationId, message: MessageId) {
    assert_blind(storage, viewer, conversation, message).await;
    assert!(storage.events_after(conversation, Seq::ZERO, ALL).await.unwrap().items.is_empty());
    assert_eq!(storage.find_public_group(conversation).await.unwrap(), None);
    assert!(storage.list_public_groups(None, None, ALL).await.unwrap().items.is_empty());
}

fn added(conversation: ConversationId, seq: i64, by: &str, (user, name, role): (UserId, &str, Role)) -> Event {
    let kind = EventKind::MemberAdded { user, username: username(name), role };
    Event { conversation, seq: Some(seq.try_into().unwrap()), by: username(by), kind }
}

fn removed(conversation: ConversationId, seq: i64, by: &str, (user, name): (UserId, &str)) -> Event {
    let kind = EventKind::MemberRemoved { user, username: username(name), messages_deleted: false };
    Event { conversation, seq: Some(seq.try_into().unwrap()), by: username(by), kind }
}
