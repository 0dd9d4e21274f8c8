//! Groups and who is in them.

use super::{Operation, users};
use crate::handlers::groups::NewGroupView;
use crate::respond::Done;
use chat_core::wire::shape::Shape;
use chat_core::wire::{ConversationDetails, GroupListingView, MemberView, SummaryView, protocol};
use chat_core::{ConversationId, ConversationName, Role, UserId, Visibility};
use serde_json::json;

fn about(summary: &'static str) -> Operation {
    Operation::new("groups", summary)
}

fn one(summary: &'static str) -> Operation {
    about(summary).path("id", Shape::of::<ConversationId>())
}

/// A cursor, as an earlier page gave it.
pub(super) fn cursor() -> Shape {
    Shape::new(json!({ "type": "integer", "format": "int64" }))
}

fn done() -> Shape {
    Shape::of::<Done>()
}

pub(crate) fn create() -> Operation {
    let body = Shape::object()
        .with("name", Shape::of::<ConversationName>())
        .maybe("members", protocol::members_named())
        .maybe("visibility", Shape::of::<Visibility>());
    about("Create a group")
        .about("The caller is its owner. `members` are usernames, without one's own.")
        .body(body)
        .answers(201, "The group", Shape::of::<NewGroupView>())
}

pub(crate) fn list() -> Operation {
    let page = |entry| Shape::page_of("groups", entry);
    about("List groups")
        .about("One's own, newest activity first, with `before` as the cursor; or with `visibility=public` all that strangers may \
            join, by rising id, with `after` as the cursor. `search` looks into the names of public ones only.")
        .query("visibility", "`public`, or absent for one's own", Shape::constant("public"))
        .query("search", "only with `visibility`", users::search())
        .query("before", "`next` of the page before", cursor())
        .page("after", users::after())
        .answers(
            200,
            "A page of groups",
            Shape::any_of([page(Shape::of::<SummaryView>()), page(Shape::of::<GroupListingView>())]),
        )
}

pub(crate) fn find() -> Operation {
    one("Read a group").about("A public one is shown to strangers without its members.").answers(
        200,
        "The group",
        Shape::any_of([Shape::of::<ConversationDetails<MemberView>>(), Shape::of::<GroupListingView>()]),
    )
}

pub(crate) fn update() -> Operation {
    let body =
        Shape::object().maybe("name", Shape::of::<ConversationName>()).maybe("visibility", Shape::of::<Visibility>());
    one("Change name and visibility").body(body).answers(
        200,
        "The group",
        Shape::of::<ConversationDetails<MemberView>>(),
    )
}

pub(crate) fn delete() -> Operation {
    one("Delete a group").answers_nothing("The group is gone")
}

pub(crate) fn join() -> Operation {
    one("Join a public group").answers(200, "The caller is a member", done())
}

pub(crate) fn leave() -> Operation {
    one("Leave a group").answers(200, "The caller is no member any more", done())
}

pub(crate) fn leave_named() -> Operation {
    about("Leave a group that the body names")
        .body(Shape::object().with("group_id", Shape::of::<ConversationId>()))
        .answers(200, "The caller is no member any more", done())
        .refuses([404])
}

pub(crate) fn members() -> Operation {
    one("List members").about("Longest-standing first.").page("after", cursor()).answers(
        200,
        "A page of members",
        Shape::page::<MemberView>("members"),
    )
}

pub(crate) fn add() -> Operation {
    let body = Shape::object().with("user_id", Shape::of::<UserId>()).with("group_id", Shape::of::<ConversationId>());
    about("Add a user to a group, or join").body(body).answers(200, "The user is a member", done()).refuses([404])
}

pub(crate) fn put_member() -> Operation {
    one("Add a member, or give one a role")
        .path("user_id", Shape::of::<UserId>())
        .body(Shape::object().maybe("role", Shape::of::<Role>()))
        .answers(200, "The user is a member", done())
}

pub(crate) fn remove_member() -> Operation {
    one("Remove a member").path("user_id", Shape::of::<UserId>()).answers_nothing("The user is no member any more")
}
