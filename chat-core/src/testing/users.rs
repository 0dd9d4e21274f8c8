//! Checks of [`UserStorage`](crate::UserStorage).

use super::support::*;
use crate::{Action, Email, NewUser, ProfileUpdate, Storage, Timestamp, User, UserId, UserKey};
use std::collections::HashSet;
use std::sync::Arc;

pub async fn a_user_is_stored_as_given(storage: Arc<dyn Storage>) {
    let given = full_user("Ann");
    let user = storage.insert_user(given.clone()).await.unwrap();
    let expected = User {
        id: user.id,
        username: given.username,
        fullname: given.fullname,
        email: given.email,
        email_verified: false,
        profile_picture: given.profile_picture,
        public_key: given.public_key,
        is_admin: false,
        last_online: None,
        created_at: given.created_at,
    };
    assert_eq!(user, expected);
    assert_eq!(find(&*storage, UserKey::Id(user.id)).await, Some(expected));
}

pub async fn an_administrator_is_stored_as_one(storage: Arc<dyn Storage>) {
    let root = storage.insert_user(NewUser { is_admin: true, ..full_user("Root") }).await.unwrap();
    assert!(root.is_admin);
    assert_eq!(find(&*storage, UserKey::Id(root.id)).await, Some(root));
}

pub async fn an_id_names_one_user_or_one_conversation(storage: Arc<dyn Storage>) {
    let mut ids = HashSet::new();
    for n in 0..10 {
        let user = user(&*storage, &format!("user{n}")).await;
        ids.insert(user.get());
        ids.insert(group(&*storage, user, &[]).await.get());
    }
    assert_eq!(ids.len(), 20);
}

pub async fn an_id_is_never_given_again(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let gone = user(&*storage, "gone").await;
    let conversation = group(&*storage, ann, &[]).await;
    perform(&*storage, ann, Action::DeleteConversation { conversation }).await;
    perform(&*storage, gone, Action::DeleteUser { user: gone }).await;
    let new = [user(&*storage, "new").await.get(), group(&*storage, ann, &[]).await.get()];
    for old in [ann.get(), gone.get(), conversation.get()] {
        assert!(!new.contains(&old), "{old} was given again");
    }
}

pub async fn a_username_is_taken_whatever_its_case(storage: Arc<dyn Storage>) {
    user(&*storage, "Ann").await;
    for name in ["Ann", "ann", "ANN"] {
        assert_refused!(storage.insert_user(new_user(name)).await, Conflict { field: "username", .. });
    }
}

pub async fn an_address_is_taken_whatever_its_case(storage: Arc<dyn Storage>) {
    storage.insert_user(NewUser { email: Some(email("Ann@Example.org")), ..new_user("ann") }).await.unwrap();
    for (name, address) in [("bob", "Ann@Example.org"), ("cleo", "ann@example.ORG")] {
        let taken = NewUser { email: Some(email(address)), ..new_user(name) };
        assert_refused!(storage.insert_user(taken).await, Conflict { field: "email", .. });
    }
}

pub async fn users_without_an_address_are_no_conflict(storage: Arc<dyn Storage>) {
    user(&*storage, "ann").await;
    assert!(storage.insert_user(new_user("bob")).await.is_ok());
}

pub async fn a_refused_user_leaves_no_trace(storage: Arc<dyn Storage>) {
    storage.insert_user(NewUser { email: Some(email("ann@example.org")), ..new_user("ann") }).await.unwrap();
    let refused = NewUser { email: Some(email("ann@example.org")), ..new_user("bob") };
    assert!(storage.insert_user(refused).await.is_err());
    assert_eq!(find(&*storage, UserKey::Username(username("bob"))).await, None);
    assert!(storage.insert_user(new_user("bob")).await.is_ok());
}

pub async fn a_user_is_found_by_name_whatever_its_case(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "Ann-Marie_2.x").await;
    for name in ["Ann-Marie_2.x", "ann-marie_2.x", "ANN-MARIE_2.X"] {
        let found = find(&*storage, UserKey::Username(username(name))).await.unwrap();
        assert_eq!((found.id, found.username.as_str()), (ann, "Ann-Marie_2.x"));
    }
}

pub async fn a_user_is_found_by_address_whatever_its_case(storage: Arc<dyn Storage>) {
    let ann = storage.insert_user(NewUser { email: Some(email("Ann@Example.org")), ..new_user("ann") }).await.unwrap();
    for address in ["Ann@Example.org", "ann@example.org", "ANN@EXAMPLE.ORG"] {
        assert_eq!(find(&*storage, UserKey::Email(email(address))).await, Some(ann.clone()));
    }
}

pub async fn an_unknown_key_finds_nobody(storage: Arc<dyn Storage>) {
    user(&*storage, "ann").await;
    for key in [UserKey::Id(unknown()), UserKey::Username(username("an_")), UserKey::Email(email("ann@example.org"))] {
        assert_eq!(find(&*storage, key).await, None);
    }
}

pub async fn a_conversation_is_not_found_as_a_user(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let id = group(&*storage, ann, &[]).await.get().try_into().unwrap();
    assert_eq!(find(&*storage, UserKey::Id(id)).await, None);
}

pub async fn users_are_found_by_names_whatever_their_case(storage: Arc<dyn Storage>) {
    let [ann, bob, _] = users(&*storage, ["ann", "Bob", "cleo"]).await;
    assert_eq!(ids_of(&*storage, &["ANN", "bob"]).await, [ann, bob]);
}

pub async fn names_that_nobody_has_are_left_out(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    assert_eq!(ids_of(&*storage, &["ann", "nobody"]).await, [ann]);
}

pub async fn no_names_find_nobody(storage: Arc<dyn Storage>) {
    user(&*storage, "ann").await;
    assert!(ids_of(&*storage, &[]).await.is_empty());
}

pub async fn a_thousand_names_can_be_looked_up_at_once(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let names: Vec<_> = (0..999).map(|n| username(&format!("nobody{n}"))).chain([username("ann")]).collect();
    let found = storage.find_users(&names).await.unwrap();
    assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), [ann]);
}

pub async fn users_are_listed_by_rising_id(storage: Arc<dyn Storage>) {
    let expected = users(&*storage, ["cleo", "ann", "bob"]).await;
    let listed = storage.list_users(None, None, ALL).await.unwrap();
    assert_eq!(listed.items.iter().map(|user| user.id).collect::<Vec<_>>(), expected);
    assert_eq!(listed.next, None);
}

pub async fn pages_of_users_meet_without_gap_or_overlap(storage: Arc<dyn Storage>) {
    let [a, b, c, d, e] = users(&*storage, ["a", "b", "c", "d", "e"]).await;
    assert_eq!(listed_by(&*storage, None, 2).await, [vec![a, b], vec![c, d], vec![e]]);
    assert_eq!(listed_by(&*storage, None, 5).await, [vec![a, b, c, d, e]]);
    assert_eq!(listed_by(&*storage, None, 4).await, [vec![a, b, c, d], vec![e]]);
}

pub async fn a_search_looks_into_usernames_and_full_names(storage: Arc<dyn Storage>) {
    let ann = named(&*storage, "ann", "Someone Else").await;
    let bob = named(&*storage, "bob", "Joanna Smith").await;
    named(&*storage, "cleo", "Cleo").await;
    assert_eq!(found(&*storage, "ann").await, [ann, bob]);
}

pub async fn a_search_for_users_ignores_case_in_usernames(storage: Arc<dyn Storage>) {
    let ann = named(&*storage, "Ann-Marie", "Someone").await;
    for term in ["ann-marie", "ANN", "marie"] {
        assert_eq!(found(&*storage, term).await, [ann], "{term}");
    }
}

pub async fn a_search_for_users_ignores_case_in_any_script(storage: Arc<dyn Storage>) {
    let emile = named(&*storage, "emile", "Émile Åström").await;
    let zhanna = named(&*storage, "zhanna", "ЖАННА").await;
    for (term, expected) in [("EMILE", emile), ("émile", emile), ("ÅSTR", emile), ("åstr", emile), ("жанна", zhanna)]
    {
        assert_eq!(found(&*storage, term).await, [expected], "{term}");
    }
}

pub async fn a_search_for_users_takes_every_character_literally(storage: Arc<dyn Storage>) {
    let percent = named(&*storage, "percent", "100% wool").await;
    let underscore = named(&*storage, "under_score", "Under").await;
    let backslash = named(&*storage, "backslash", r"back\slash").await;
    let quote = named(&*storage, "quote", "O'Neil \"Q\" *").await;
    named(&*storage, "plain", "1000 wool back slash").await;
    let cases = [("%", percent), ("0%", percent), ("_", underscore), ("r_s", underscore), (r"\", backslash)];
    for (term, expected) in cases.into_iter().chain([("'", quote), ("\"q\"", quote), ("*", quote)]) {
        assert_eq!(found(&*storage, term).await, [expected], "{term}");
    }
}

pub async fn a_search_for_users_is_paged_too(storage: Arc<dyn Storage>) {
    let [a, _, b, _, c] = users(&*storage, ["fox1", "hen1", "fox2", "hen2", "fox3"]).await;
    assert_eq!(listed_by(&*storage, Some("fox"), 2).await, [vec![a, b], vec![c]]);
}

pub async fn a_profile_changes_as_asked(storage: Arc<dyn Storage>) {
    let ann = storage.insert_user(full_user("ann")).await.unwrap();
    let update = ProfileUpdate {
        fullname: Some("New Name".parse().unwrap()),
        profile_picture: Some(Some("https://example.org/new.png".parse().unwrap())),
        public_key: Some(Some("new key".parse().unwrap())),
    };
    let changed = storage.update_profile(ann.id, update.clone()).await.unwrap();
    let expected = User {
        fullname: update.fullname.unwrap(),
        profile_picture: update.profile_picture.unwrap(),
        public_key: update.public_key.unwrap(),
        ..ann.clone()
    };
    assert_eq!(changed, Some(expected.clone()));
    assert_eq!(find(&*storage, UserKey::Id(ann.id)).await, Some(expected));
}

pub async fn what_a_profile_update_leaves_out_stays(storage: Arc<dyn Storage>) {
    let ann = storage.insert_user(full_user("ann")).await.unwrap();
    let same = storage.update_profile(ann.id, ProfileUpdate::default()).await.unwrap();
    assert_eq!(same, Some(ann.clone()));
    assert_eq!(find(&*storage, UserKey::Id(ann.id)).await, Some(ann));
}

pub async fn a_profile_update_can_empty_fields(storage: Arc<dyn Storage>) {
    let ann = storage.insert_user(full_user("ann")).await.unwrap();
    let update = ProfileUpdate { fullname: None, profile_picture: Some(None), public_key: Some(None) };
    let changed = storage.update_profile(ann.id, update).await.unwrap();
    assert_eq!(changed, Some(User { profile_picture: None, public_key: None, ..ann }));
}

pub async fn nobodys_profile_is_not_changed(storage: Arc<dyn Storage>) {
    let update = ProfileUpdate { fullname: Some("New Name".parse().unwrap()), ..ProfileUpdate::default() };
    assert_eq!(storage.update_profile(unknown(), update).await.unwrap(), None);
}

pub async fn the_last_time_online_is_kept(storage: Arc<dyn Storage>) {
    let [ann, bob] = users(&*storage, ["ann", "bob"]).await;
    storage.put_last_online(&[ann], NOW).await.unwrap();
    assert_eq!(last_online(&*storage, ann).await, Some(NOW));
    assert_eq!(last_online(&*storage, bob).await, None);
}

pub async fn the_last_time_online_never_moves_back(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    for seconds in [5, 3, 9, 5] {
        storage.put_last_online(&[ann], Timestamp(seconds)).await.unwrap();
    }
    assert_eq!(last_online(&*storage, ann).await, Some(Timestamp(9)));
}

pub async fn many_users_go_offline_at_once(storage: Arc<dyn Storage>) {
    let [ann, bob, cid] = users(&*storage, ["ann", "bob", "cid"]).await;
    storage.put_last_online(&[bob], Timestamp(9)).await.unwrap();
    storage.put_last_online(&[ann, bob, cid, ann], Timestamp(5)).await.unwrap();
    storage.put_last_online(&[], Timestamp(10)).await.unwrap();
    let times =
        [last_online(&*storage, ann).await, last_online(&*storage, bob).await, last_online(&*storage, cid).await];
    assert_eq!(times, [5, 9, 5].map(|seconds| Some(Timestamp(seconds))));
}

pub async fn users_who_are_unknown_go_offline_unnoticed(storage: Arc<dyn Storage>) {
    let ann = user(&*storage, "ann").await;
    let strangers = (0..40_000).map(|n| UserId::try_from(unknown::<UserId>().get() - n).unwrap());
    let everyone: Vec<_> = strangers.chain([ann]).collect();
    storage.put_last_online(&everyone, NOW).await.unwrap();
    assert_eq!(last_online(&*storage, ann).await, Some(NOW));
}

fn email(address: &str) -> Email {
    address.parse().unwrap()
}

fn full_user(name: &str) -> NewUser {
    NewUser {
        fullname: "Ann Émilie O'Neil".parse().unwrap(),
        email: Some(email("Ann@Example.org")),
        profile_picture: Some("https://example.org/ann.png".parse().unwrap()),
        public_key: Some("-----BEGIN KEY-----\nabc\n".parse().unwrap()),
        ..new_user(name)
    }
}

async fn named(storage: &dyn Storage, name: &str, fullname: &str) -> UserId {
    storage.insert_user(NewUser { fullname: fullname.parse().unwrap(), ..new_user(name) }).await.unwrap().id
}

async fn find(storage: &dyn Storage, key: UserKey) -> Option<User> {
    storage.find_user(&key).await.unwrap()
}

async fn last_online(storage: &dyn Storage, user: UserId) -> Option<Timestamp> {
    find(storage, UserKey::Id(user)).await.unwrap().last_online
}

/// The ids of those who have these names, rising.
async fn ids_of(storage: &dyn Storage, names: &[&str]) -> Vec<UserId> {
    let names: Vec<_> = names.iter().map(|name| username(name)).collect();
    let mut ids: Vec<_> = storage.find_users(&names).await.unwrap().into_iter().map(|user| user.id).collect();
    ids.sort();
    ids
}

async fn found(storage: &dyn Storage, term: &str) -> Vec<UserId> {
    listed_by(storage, Some(term), ALL).await.concat()
}

async fn listed_by(storage: &dyn Storage, term: Option<&str>, limit: u32) -> Vec<Vec<UserId>> {
    let term = term.map(search);
    let term = term.as_ref();
    let pages = pages(|after| async move {
        let after = after.map(|id| id.try_into().unwrap());
        storage.list_users(term, after, limit).await.unwrap()
    });
    pages.await.into_iter().map(|page| page.into_iter().map(|user| user.id).collect()).collect()
}
