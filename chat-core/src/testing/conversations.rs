//! Checks of [`ConversationStorage`](crate::ConversationStorage).

use super::support::*;
use crate::{
    Action, ConversationId, GroupListing, Kind, Member, Role, Seq, Storage, Timestamp, UserId, Visibility, limits,
};
use std::sync::Arc;

pub async fn a_member_finds_the_conversation_as_it_is_now(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    perform(&*storage, ann, adding(group, bob)).await;
    perform(&*storage, ann, renaming(group, "new name")).await;
    let found = storage.find_conversation(bob, group).await.unwrap().unwrap();
    assert_eq!((found.id, found.kind, found.visibility), (group, Kind::Group, Visibility::Private));
    assert_eq!((found.name.as_str(), found.created_at), ("new name", NOW));
    assert_eq!((found.last_seq, found.member_count), (Seq::ZERO.next().next(), 2));
}

pub async fn a_user_is_not_found_as_a_conversation(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let id = ann.get().try_into().unwrap();
    assert_eq!(storage.find_conversation(ann, id).await.unwrap(), None);
}

pub async fn only_members_have_a_conversation_in_their_list(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let shared = group(&*storage, ann, &[bob]).await;
    let own = group(&*storage, bob, &[]).await;
    assert_eq!(listed(&*storage, ann, None).await, [shared]);
    assert_eq!(listed(&*storage, bob, None).await, [own, shared]);
    assert!(listed(&*storage, cleo, None).await.is_empty());
}

pub async fn conversations_are_listed_by_kind(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    let direct = direct(&*storage, ann, bob).await;
    assert_eq!(listed(&*storage, ann, Some(Kind::Group)).await, [group]);
    assert_eq!(listed(&*storage, ann, Some(Kind::Direct)).await, [direct]);
    assert_eq!(listed(&*storage, ann, None).await, [direct, group]);
}

pub async fn the_conversation_with_the_newest_message_comes_first(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let [first, second, third] = groups(&*storage, ann).await;
    for group in [third, first, second, first] {
        send(&*storage, ann, group, "hello").await;
    }
    assert_eq!(listed(&*storage, ann, None).await, [first, second, third]);
}

pub async fn a_conversation_without_messages_stands_where_it_was_created(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let old = group(&*storage, ann, &[]).await;
    let busy = group(&*storage, ann, &[]).await;
    send(&*storage, ann, busy, "hello").await;
    let new = group(&*storage, ann, &[]).await;
    assert_eq!(listed(&*storage, ann, None).await, [new, busy, old]);
}

pub async fn only_messages_move_a_conversation_up(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let quiet = group(&*storage, ann, &[]).await;
    let first = send(&*storage, ann, quiet, "first").await.id;
    let busy = group(&*storage, ann, &[]).await;
    perform(&*storage, ann, editing(first, "changed")).await;
    perform(&*storage, ann, renaming(quiet, "renamed")).await;
    perform(&*storage, ann, adding(quiet, bob)).await;
    perform(&*storage, ann, Action::Delete { message: first }).await;
    assert_eq!(listed(&*storage, ann, None).await, [busy, quiet]);
}

pub async fn messages_of_the_same_second_are_in_order(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let groups = groups(&*storage, ann).await;
    let changes = groups.map(|group| by(ann, sending(group, "hello")));
    perform_all(&*storage, &changes).await;
    let [first, second, third] = groups;
    assert_eq!(listed(&*storage, ann, None).await, [third, second, first]);
}

pub async fn pages_of_conversations_meet_without_gap_or_overlap(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let [a, b, c] = groups(&*storage, ann).await;
    let [d, e, f] = groups(&*storage, ann).await;
    send(&*storage, ann, b, "hello").await;
    assert_eq!(listed_by(&*storage, ann, None, 2).await, [[b, f], [e, d], [c, a]]);
    assert_eq!(listed_by(&*storage, ann, None, 5).await, [vec![b, f, e, d, c], vec![a]]);
    assert_eq!(listed_by(&*storage, ann, None, 6).await, [[b, f, e, d, c, a]]);
}

pub async fn pages_of_one_kind_are_full(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let first = group(&*storage, ann, &[]).await;
    direct(&*storage, ann, bob).await;
    let second = group(&*storage, ann, &[]).await;
    direct(&*storage, ann, cleo).await;
    assert_eq!(listed_by(&*storage, ann, Some(Kind::Group), 2).await, [[second, first]]);
}

pub async fn a_list_shows_the_conversation_itself(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[bob]).await;
    send(&*storage, ann, group, "hello").await;
    let listed = summary(&*storage, bob, group).await.conversation;
    assert_eq!(Some(listed), storage.find_conversation(bob, group).await.unwrap());
}

pub async fn a_list_shows_the_newest_message(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = group(&*storage, ann, &[]).await;
    assert_eq!(summary(&*storage, ann, group).await.last_message, None);
    let first = send(&*storage, ann, group, "first").await;
    let second = send(&*storage, ann, group, "second").await;
    perform(&*storage, ann, editing(first.id, "changed")).await;
    assert_eq!(summary(&*storage, ann, group).await.last_message, Some(second));
}

pub async fn a_list_names_the_members_in_the_order_they_joined(storage: Arc<dyn Storage>) {
    let [zoe, ann, bob, cleo] = users(&*storage, ["zoe", "ann", "bob", "cleo"]).await;
    let group = group(&*storage, cleo, &[bob, zoe]).await;
    perform(&*storage, cleo, adding(group, ann)).await;
    let names: Vec<_> = summary(&*storage, ann, group).await.members.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["cleo", "bob", "zoe", "ann"]);
}

pub async fn a_list_names_only_the_first_of_many_members(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let crowd = crowd(&*storage, limits::MEMBERS_LISTED_IN_PAGE_MAX as usize + 5).await;
    let group = group(&*storage, ann, &crowd).await;
    let summary = summary(&*storage, ann, group).await;
    assert_eq!(summary.members.len(), limits::MEMBERS_LISTED_IN_PAGE_MAX as usize);
    assert_eq!(summary.members[0].as_str(), "ann");
    assert_eq!(summary.conversation.member_count, crowd.len() as u64 + 1);
}

pub async fn memberships_are_listed(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let stayed = group(&*storage, ann, &[bob]).await;
    let left = group(&*storage, ann, &[bob]).await;
    let direct = direct(&*storage, bob, ann).await;
    perform(&*storage, bob, removing(left, bob)).await;
    assert_eq!(memberships(&*storage, bob).await, [stayed, direct]);
    assert_eq!(memberships(&*storage, ann).await, [stayed, left, direct]);
}

pub async fn members_are_listed_in_the_order_they_joined(storage: Arc<dyn Storage>) {
    let [zoe, ann, bob, cleo] = users(&*storage, ["zoe", "ann", "bob", "cleo"]).await;
    let group = group(&*storage, cleo, &[bob, zoe]).await;
    perform(&*storage, zoe, adding(group, ann)).await;
    let names: Vec<_> = members(&*storage, ann, group).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["cleo", "bob", "zoe", "ann"]);
}

pub async fn a_member_who_comes_back_is_the_newest(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob, cleo]).await;
    perform(&*storage, bob, removing(group, bob)).await;
    perform(&*storage, ann, adding(group, bob)).await;
    let names: Vec<_> = members(&*storage, ann, group).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ann", "cleo", "bob"]);
}

pub async fn a_new_role_does_not_move_a_member(storage: Arc<dyn Storage>) {
    let [ann, bob, cleo] = users(&*storage, ["ann", "bob", "cleo"]).await;
    let group = group(&*storage, ann, &[bob, cleo]).await;
    perform(&*storage, ann, giving(group, bob, Role::Admin)).await;
    let expected = [("ann", Role::Owner), ("bob", Role::Admin), ("cleo", Role::Member)];
    assert_eq!(members(&*storage, ann, group).await, expected.map(|(name, role)| (name.to_owned(), role)));
}

pub async fn pages_of_members_meet_without_gap_or_overlap(storage: Arc<dyn Storage>) {
    let [a, b, c, d, e] = users(&*storage, ["a", "b", "c", "d", "e"]).await;
    let group = group(&*storage, c, &[e, a, d, b]).await;
    assert_eq!(members_by(&*storage, a, group, 2).await, [vec![c, e], vec![a, d], vec![b]]);
    assert_eq!(members_by(&*storage, a, group, 5).await, [[c, e, a, d, b]]);
}

pub async fn a_member_is_found(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "Bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    let later = Timestamp(NOW.0 + 5);
    let change = crate::Change { actor: ann, at: later, action: adding(group, bob) };
    perform_all(&*storage, &[change]).await;
    let expected = Member { user: bob, username: username("Bob"), role: Role::Member, joined_at: later };
    assert_eq!(storage.find_member(group, bob).await.unwrap(), Some(expected));
}

pub async fn who_is_no_member_is_not_found_as_one(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let group = group(&*storage, ann, &[]).await;
    assert_eq!(storage.find_member(group, bob).await.unwrap(), None);
    assert_eq!(storage.find_member(unknown(), ann).await.unwrap(), None);
}

pub async fn strangers_find_a_public_group(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let id = public_group(&*storage, ann, "open").await;
    perform(&*storage, bob, adding(id, bob)).await;
    let expected = GroupListing { id, name: "open".parse().unwrap(), member_count: 2 };
    assert_eq!(storage.find_public_group(id).await.unwrap(), Some(expected));
}

pub async fn strangers_find_nothing_private(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    let private = group(&*storage, ann, &[]).await;
    let direct = direct(&*storage, ann, bob).await;
    for id in [private, direct, unknown()] {
        assert_eq!(storage.find_public_group(id).await.unwrap(), None);
    }
    assert!(public_groups(&*storage, None, ALL).await.concat().is_empty());
}

pub async fn a_group_made_private_is_hidden(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let group = public_group(&*storage, ann, "open").await;
    let hiding = Action::Update { conversation: group, name: None, visibility: Some(Visibility::Private) };
    perform(&*storage, ann, hiding).await;
    assert_eq!(storage.find_public_group(group).await.unwrap(), None);
    assert!(public_groups(&*storage, None, ALL).await.concat().is_empty());
}

pub async fn pages_of_public_groups_rise_by_id(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let a = public_group(&*storage, ann, "zebras").await;
    group(&*storage, ann, &[]).await;
    let b = public_group(&*storage, ann, "ants").await;
    let c = public_group(&*storage, ann, "bees").await;
    assert_eq!(public_groups(&*storage, None, 2).await, [vec![a, b], vec![c]]);
    assert_eq!(public_groups(&*storage, None, 3).await, [[a, b, c]]);
}

pub async fn a_search_for_groups_ignores_case_in_any_script(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let evening = public_group(&*storage, ann, "Soirée d'ÉTÉ").await;
    let sport = public_group(&*storage, ann, "СПОРТ и отдых").await;
    for (term, expected) in [("SOIRÉE", evening), ("été", evening), ("спорт", sport), ("ОТДЫХ", sport)] {
        assert_eq!(public_groups(&*storage, Some(term), ALL).await.concat(), [expected], "{term}");
    }
}

pub async fn a_search_for_groups_takes_every_character_literally(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let percent = public_group(&*storage, ann, "100% wool").await;
    let underscore = public_group(&*storage, ann, "snake_case").await;
    let backslash = public_group(&*storage, ann, r"back\slash").await;
    public_group(&*storage, ann, "1000 wool snake-case back slash").await;
    for (term, expected) in
        [("%", percent), ("0% w", percent), ("_", underscore), ("e_c", underscore), (r"\", backslash)]
    {
        assert_eq!(public_groups(&*storage, Some(term), ALL).await.concat(), [expected], "{term}");
    }
}

pub async fn a_search_for_groups_is_paged_too(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let a = public_group(&*storage, ann, "fox 1").await;
    public_group(&*storage, ann, "hen").await;
    let b = public_group(&*storage, ann, "red fox").await;
    let c = public_group(&*storage, ann, "Fox").await;
    assert_eq!(public_groups(&*storage, Some("fox"), 2).await, [vec![a, b], vec![c]]);
}

async fn groups(storage: &dyn Storage, owner: UserId) -> [ConversationId; 3] {
    [group(storage, owner, &[]).await, group(storage, owner, &[]).await, group(storage, owner, &[]).await]
}

async fn listed(storage: &dyn Storage, viewer: UserId, kind: Option<Kind>) -> Vec<ConversationId> {
    listed_by(storage, viewer, kind, ALL).await.concat()
}

async fn listed_by(storage: &dyn Storage, viewer: UserId, kind: Option<Kind>, limit: u32) -> Vec<Vec<ConversationId>> {
    let pages = pages(|before| async move { storage.list_conversations(viewer, kind, before, limit).await.unwrap() });
    pages.await.into_iter().map(|page| page.into_iter().map(|summary| summary.conversation.id).collect()).collect()
}

/// The ids of a user's conversations, rising.
async fn memberships(storage: &dyn Storage, user: UserId) -> Vec<ConversationId> {
    let mut ids = storage.list_memberships(user).await.unwrap();
    ids.sort();
    ids
}

async fn members_by(storage: &dyn Storage, viewer: UserId, group: ConversationId, limit: u32) -> Vec<Vec<UserId>> {
    let pages = pages(|after| async move { storage.list_members(viewer, group, after, limit).await.unwrap().unwrap() });
    pages.await.into_iter().map(|page| page.into_iter().map(|member| member.user).collect()).collect()
}

async fn public_groups(storage: &dyn Storage, term: Option<&str>, limit: u32) -> Vec<Vec<ConversationId>> {
    let term = term.map(search);
    let term = term.as_ref();
    let pages = pages(|after| async move {
        let after = after.map(|id| id.try_into().unwrap());
        storage.list_public_groups(term, after, limit).await.unwrap()
    });
    pages.await.into_iter().map(|page| page.into_iter().map(|group| group.id).collect()).collect()
}
