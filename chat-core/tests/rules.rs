//! Who may do what, as a table for each rule.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::rules::{self, Effect, Reach, Situation, Target};
use chat_core::{
    Conversation, ConversationName, Draft, Kind, Message, Role, Seq, StorageError, Timestamp, UserId, Username,
    Visibility, limits,
};

const ROLES: [Option<Role>; 4] = [None, Some(Role::Member), Some(Role::Admin), Some(Role::Owner)];
const ACTOR: i64 = 1;
const OTHER: i64 = 2;
const HEIR: i64 = 3;

/// An answer of a rule, short enough for a table.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Yes,
    NotFound,
    Forbidden,
    Conflict,
    Invalid,
}
use Answer::{Conflict, Forbidden, Invalid, NotFound, Yes};

#[test]
fn members_send() {
    let answers = ROLES.map(|role| answer(&rules::send(role)));
    assert_eq!(answers, [NotFound, Yes, Yes, Yes]);
}

#[test]
fn a_draft_that_says_what_its_nonce_said_is_a_replay() {
    let (here, elsewhere, first, second) =
        (9.try_into().unwrap(), 8.try_into().unwrap(), 1.try_into().unwrap(), 2.try_into().unwrap());
    let known = message(ACTOR, false);
    let reply = Message { reply_id: Some(first), ..known.clone() };
    let hello = Draft::new("hello").unwrap();
    assert_eq!(answer(&rules::replay(&known, here, &hello)), Yes);
    assert_eq!(answer(&rules::replay(&known, elsewhere, &hello)), Conflict);
    assert_eq!(answer(&rules::replay(&known, here, &Draft::new("hello ").unwrap())), Conflict);
    assert_eq!(answer(&rules::replay(&known, here, &hello.clone().reply_to(first))), Conflict);
    assert_eq!(answer(&rules::replay(&reply, here, &hello)), Conflict);
    assert_eq!(answer(&rules::replay(&reply, here, &hello.clone().reply_to(second))), Conflict);
    assert_eq!(answer(&rules::replay(&reply, here, &hello.reply_to(first))), Yes);
}

#[test]
fn words_that_are_gone_are_not_compared() {
    let (here, elsewhere) = (9.try_into().unwrap(), 8.try_into().unwrap());
    let edited = Message { edited_at: Some(Timestamp(1)), ..message(ACTOR, false) };
    let deleted = Message { content: String::new(), ..message(ACTOR, true) };
    for known in [edited, deleted] {
        let first_words = Draft::new("first words").unwrap();
        assert_eq!(answer(&rules::replay(&known, here, &first_words)), Yes);
        assert_eq!(answer(&rules::replay(&known, elsewhere, &first_words)), Conflict);
        assert_eq!(answer(&rules::replay(&known, here, &first_words.reply_to(known.id))), Conflict);
    }
}

#[test]
fn a_reply_stays_in_its_conversation() {
    let (hello, known) = (Draft::new("hello").unwrap(), 1.try_into().unwrap());
    let reply = hello.clone().reply_to(known);
    assert_eq!(answer(&rules::reply(&hello, |_| false)), Yes);
    assert_eq!(answer(&rules::reply(&reply, |message| message == known)), Yes);
    assert_eq!(answer(&rules::reply(&reply, |message| message != known)), Invalid);
}

#[test]
fn authors_who_are_members_edit() {
    let answers =
        |author, deleted| ROLES.map(|role| answer(&rules::edit(user(ACTOR), role, &message(author, deleted))));
    assert_eq!(answers(ACTOR, false), [NotFound, Yes, Yes, Yes]);
    assert_eq!(answers(ACTOR, true), [NotFound, Conflict, Conflict, Conflict]);
    assert_eq!(answers(OTHER, false), [NotFound, Forbidden, Forbidden, Forbidden]);
    assert_eq!(answers(OTHER, true), [NotFound, Forbidden, Forbidden, Forbidden]);
}

#[test]
fn authors_and_admins_delete() {
    let answers =
        |author, deleted| ROLES.map(|role| answer(&rules::delete(user(ACTOR), role, &message(author, deleted))));
    assert_eq!(answers(ACTOR, false), [NotFound, Yes, Yes, Yes]);
    assert_eq!(answers(OTHER, false), [NotFound, Forbidden, Yes, Yes]);
    assert_eq!(answers(OTHER, true), [NotFound, Forbidden, Yes, Yes]);
}

#[test]
fn admins_update_groups() {
    let answers = |kind| ROLES.map(|role| answer(&rules::update(&situation(kind, role), None, None)));
    assert_eq!(answers(Kind::Group), [NotFound, Forbidden, Yes, Yes]);
    assert_eq!(answers(Kind::Direct), [NotFound, Forbidden, Forbidden, Forbidden]);
}

#[test]
fn an_update_leaves_what_it_does_not_name() {
    let admin = situation(Kind::Group, Some(Role::Admin));
    let (friends, foes) =
        (ConversationName::from_stored("friends".into()), ConversationName::from_stored("foes".into()));
    let update = |name, visibility| rules::update(&admin, name, visibility).unwrap();
    assert_eq!(update(Some(&foes), None), Some((foes.clone(), Visibility::Private)));
    assert_eq!(update(None, Some(Visibility::Public)), Some((friends, Visibility::Public)));
    assert_eq!(update(Some(&foes), Some(Visibility::Public)), Some((foes, Visibility::Public)));
}

#[test]
fn values_that_are_so_already_are_no_update() {
    let admin = situation(Kind::Group, Some(Role::Admin));
    for name in [None, Some(&admin.conversation.name)] {
        for visibility in [None, Some(Visibility::Private)] {
            assert_eq!(rules::update(&admin, name, visibility).unwrap(), None);
        }
    }
}

#[test]
fn owners_and_administrators_delete_groups() {
    let answers = |kind, is_administrator| {
        ROLES.map(|role| answer(&rules::delete_conversation(&situation(kind, role), is_administrator)))
    };
    assert_eq!(answers(Kind::Group, false), [NotFound, Forbidden, Forbidden, Yes]);
    assert_eq!(answers(Kind::Group, true), [Yes, Yes, Yes, Yes]);
    assert_eq!(answers(Kind::Direct, false), [NotFound, Forbidden, Forbidden, Forbidden]);
    assert_eq!(answers(Kind::Direct, true), [NotFound, Forbidden, Forbidden, Forbidden]);
}

#[test]
fn deletion_is_one_effect() {
    let effects = rules::delete_conversation(&situation(Kind::Group, Some(Role::Owner)), false).unwrap();
    assert_eq!(effects, [Effect::DeleteConversation]);
}

#[test]
fn roles_are_given_to_newcomers_up_to_ones_own() {
    // Rows: the role to give; columns: the actor's role.
    let answers = |wanted| ROLES.map(|role| add(Kind::Group, role, None, wanted));
    assert_eq!(answers(None), [NotFound, Yes, Yes, Yes]);
    assert_eq!(answers(Some(Role::Member)), [NotFound, Yes, Yes, Yes]);
    assert_eq!(answers(Some(Role::Admin)), [NotFound, Forbidden, Yes, Yes]);
    assert_eq!(answers(Some(Role::Owner)), [NotFound, Forbidden, Forbidden, Yes]);
}

#[test]
fn roles_of_members_are_changed_by_admins() {
    let answers = |current, wanted| ROLES.map(|role| add(Kind::Group, role, Some(current), Some(wanted)));
    assert_eq!(answers(Role::Member, Role::Member), [NotFound, Yes, Yes, Yes]);
    assert_eq!(answers(Role::Member, Role::Admin), [NotFound, Forbidden, Yes, Yes]);
    assert_eq!(answers(Role::Member, Role::Owner), [NotFound, Forbidden, Forbidden, Yes]);
    assert_eq!(answers(Role::Admin, Role::Member), [NotFound, Forbidden, Yes, Yes]);
    assert_eq!(answers(Role::Admin, Role::Owner), [NotFound, Forbidden, Forbidden, Yes]);
}

#[test]
fn the_role_of_the_owner_is_changed_by_nobody() {
    for wanted in [Role::Member, Role::Admin] {
        let answers = ROLES.map(|role| add(Kind::Group, role, Some(Role::Owner), Some(wanted)));
        assert_eq!(answers, [NotFound, Forbidden, Forbidden, Forbidden]);
    }
}

#[test]
fn a_direct_conversation_takes_nobody_in() {
    let answers = ROLES.map(|role| add(Kind::Direct, role, None, None));
    assert_eq!(answers, [NotFound, Forbidden, Forbidden, Forbidden]);
}

#[test]
fn strangers_join_public_groups_as_members() {
    let answers = |visibility| {
        ROLES.map(|wanted| {
            let situation = with_target(situation(Kind::Group, None), ACTOR, None);
            let conversation = Conversation { visibility, ..situation.conversation };
            answer(&rules::add_member(user(ACTOR), wanted, &Situation { conversation, ..situation }))
        })
    };
    assert_eq!(answers(Visibility::Public), [Yes, Yes, Forbidden, Forbidden]);
    assert_eq!(answers(Visibility::Private), [NotFound, NotFound, NotFound, NotFound]);
}

#[test]
fn nobody_is_no_newcomer() {
    let nobody = Situation { target: None, ..situation(Kind::Group, Some(Role::Owner)) };
    assert!(matches!(rules::add_member(user(ACTOR), None, &nobody), Err(StorageError::NotFound("user"))));
}

#[test]
fn a_full_group_takes_no_newcomers() {
    let mut full = with_target(situation(Kind::Group, Some(Role::Owner)), OTHER, None);
    full.conversation.member_count = limits::MEMBERS_MAX;
    assert_eq!(answer(&rules::add_member(user(ACTOR), None, &full)), Forbidden);
    full.conversation.member_count -= 1;
    assert_eq!(answer(&rules::add_member(user(ACTOR), None, &full)), Yes);
    full.conversation.member_count = limits::MEMBERS_MAX;
    let promotion = with_target(full, OTHER, Some(Role::Member));
    assert_eq!(answer(&rules::add_member(user(ACTOR), Some(Role::Admin), &promotion)), Yes);
}

#[test]
fn a_newcomer_is_one_effect_and_a_handover_two() {
    let effects = |current, wanted| {
        let situation = with_target(situation(Kind::Group, Some(Role::Owner)), OTHER, current);
        rules::add_member(user(ACTOR), wanted, &situation).unwrap()
    };
    let handover = [put(OTHER, Role::Owner), put(ACTOR, Role::Admin)];
    assert_eq!(effects(None, None), [put(OTHER, Role::Member)]);
    assert_eq!(effects(None, Some(Role::Admin)), [put(OTHER, Role::Admin)]);
    assert_eq!(effects(Some(Role::Member), Some(Role::Admin)), [put(OTHER, Role::Admin)]);
    assert_eq!(effects(None, Some(Role::Owner)), handover);
    assert_eq!(effects(Some(Role::Admin), Some(Role::Owner)), handover);
}

#[test]
fn what_is_so_already_has_no_effect() {
    for (current, wanted) in [(Role::Admin, None), (Role::Admin, Some(Role::Admin)), (Role::Owner, Some(Role::Owner))] {
        let situation = with_target(situation(Kind::Group, Some(Role::Member)), OTHER, Some(current));
        assert_eq!(rules::add_member(user(ACTOR), wanted, &situation).unwrap(), []);
    }
}

#[test]
fn admins_remove_everyone_but_the_owner() {
    // Columns: the actor's role.
    let answers = |target| ROLES.map(|role| remove(Kind::Group, role, OTHER, target));
    assert_eq!(answers(Some(Role::Member)), [NotFound, Forbidden, Yes, Yes]);
    assert_eq!(answers(Some(Role::Admin)), [NotFound, Forbidden, Yes, Yes]);
    assert_eq!(answers(Some(Role::Owner)), [NotFound, Forbidden, Forbidden, Forbidden]);
    assert_eq!(answers(None), [NotFound, NotFound, NotFound, NotFound]);
}

#[test]
fn members_of_groups_leave() {
    assert_eq!(ROLES.map(|role| remove(Kind::Group, role, ACTOR, role)), [NotFound, Yes, Yes, Yes]);
    assert_eq!(ROLES.map(|role| remove(Kind::Direct, role, ACTOR, role)), [NotFound, Forbidden, Forbidden, Forbidden]);
}

#[test]
fn an_owner_hands_over_and_the_last_one_out_deletes() {
    let effects = |role, heir: Option<i64>| {
        let situation = Situation { heir: heir.map(user), ..situation(Kind::Group, Some(role)) };
        rules::departure(&situation, user(ACTOR), role)
    };
    let removal = Effect::RemoveMember(user(ACTOR));
    assert_eq!(effects(Role::Member, Some(HEIR)), [removal]);
    assert_eq!(effects(Role::Admin, Some(HEIR)), [removal]);
    assert_eq!(effects(Role::Owner, Some(HEIR)), [removal, put(HEIR, Role::Owner)]);
    assert_eq!(effects(Role::Owner, None), [removal, Effect::DeleteConversation]);
    assert_eq!(effects(Role::Member, None), [removal, Effect::DeleteConversation]);
}

#[test]
fn nobody_is_in_more_conversations_than_allowed() {
    let answers = [0, limits::MEMBERSHIPS_MAX - 1, limits::MEMBERSHIPS_MAX].map(|count| answer(&rules::join(count)));
    assert_eq!(answers, [Yes, Yes, Forbidden]);
}

#[test]
fn who_cannot_be_reached_is_turned_to_by_nobody() {
    let answers = [Reach::Open, Reach::Blocked, Reach::Closed].map(|reach| answer(&rules::reach(reach)));
    assert_eq!(answers, [Yes, Forbidden, Forbidden]);
}

#[test]
fn who_cannot_be_reached_is_brought_in_by_nobody_and_given_roles_all_the_same() {
    for reach in [Reach::Blocked, Reach::Closed] {
        let add = |current, wanted| {
            let situation = situation(Kind::Group, Some(Role::Owner));
            let target = Some(Target { user: user(OTHER), role: current, reach });
            answer(&rules::add_member(user(ACTOR), wanted, &Situation { target, ..situation }))
        };
        for wanted in [None, Some(Role::Member), Some(Role::Admin), Some(Role::Owner)] {
            assert_eq!((add(None, wanted), add(Some(Role::Member), wanted)), (Forbidden, Yes));
        }
    }
}

#[test]
fn users_delete_themselves_and_administrators_anyone() {
    assert_eq!(answer(&rules::delete_user(user(ACTOR), false, user(ACTOR))), Yes);
    assert_eq!(answer(&rules::delete_user(user(ACTOR), false, user(OTHER))), Forbidden);
    assert_eq!(answer(&rules::delete_user(user(ACTOR), true, user(OTHER))), Yes);
}

fn answer<T>(allowed: &Result<T, StorageError>) -> Answer {
    match allowed {
        Ok(_) => Yes,
        Err(StorageError::NotFound(_)) => NotFound,
        Err(StorageError::Forbidden(_)) => Forbidden,
        Err(StorageError::Conflict { .. }) => Conflict,
        Err(StorageError::Invalid { .. }) => Invalid,
        Err(other) => panic!("no rule answers {other:?}"),
    }
}

fn add(kind: Kind, actor: Option<Role>, current: Option<Role>, wanted: Option<Role>) -> Answer {
    let situation = with_target(situation(kind, actor), OTHER, current);
    answer(&rules::add_member(user(ACTOR), wanted, &situation))
}

fn remove(kind: Kind, actor: Option<Role>, target: i64, role: Option<Role>) -> Answer {
    answer(&rules::remove_member(user(ACTOR), &with_target(situation(kind, actor), target, role)))
}

fn user(id: i64) -> UserId {
    id.try_into().unwrap()
}

fn put(id: i64, role: Role) -> Effect {
    Effect::PutMember(user(id), role)
}

/// A private conversation of a few members, in which the actor has this role.
fn situation(kind: Kind, actor: Option<Role>) -> Situation {
    let conversation = Conversation {
        id: 9.try_into().unwrap(),
        kind,
        name: ConversationName::from_stored("friends".into()),
        visibility: Visibility::Private,
        created_at: Timestamp(0),
        last_seq: Seq::ZERO,
        member_count: 3,
    };
    Situation { conversation, actor, target: None, heir: Some(user(HEIR)) }
}

fn with_target(situation: Situation, id: i64, role: Option<Role>) -> Situation {
    Situation { target: Some(Target { user: user(id), role, reach: Reach::Open }), ..situation }
}

fn message(author: i64, deleted: bool) -> Message {
    Message {
        id: 1.try_into().unwrap(),
        conversation: 9.try_into().unwrap(),
        seq: Seq::ZERO.next(),
        sender: user(author),
        sender_username: Username::from_stored("author".into()),
        content: "hello".into(),
        reply_id: None,
        nonce: None,
        sent_at: Timestamp(0),
        edited_at: None,
        deleted,
    }
}
