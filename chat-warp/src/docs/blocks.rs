//! Blocks: who is to be left alone by whom.

use super::Operation;
use super::users::after;
use chat_core::UserId;
use chat_core::wire::UserView;
use chat_core::wire::shape::Shape;

const TAG: &str = "users";

pub(crate) fn list() -> Operation {
    let page = Shape::page::<UserView>("users").with("strangers", Shape::of::<bool>());
    Operation::new(TAG, "List whom one blocks")
        .about("By rising id. `strangers` tells whether all who are no contacts are blocked, too.")
        .page("after", after())
        .answers(200, "A page of users", page)
}

pub(crate) fn put() -> Operation {
    Operation::new(TAG, "Block someone")
        .about("Who is blocked is no contact any more and is told nothing. Doing so again changes nothing.")
        .path("user_id", Shape::of::<UserId>())
        .answers_nothing("They are blocked")
        .refuses([422])
}

pub(crate) fn remove() -> Operation {
    Operation::new(TAG, "End a block").path("user_id", Shape::of::<UserId>()).answers_nothing("They are not blocked")
}

pub(crate) fn put_strangers() -> Operation {
    Operation::new(TAG, "Block all who are no contacts")
        .about("Doing so again changes nothing.")
        .answers_nothing("They are blocked")
}

pub(crate) fn remove_strangers() -> Operation {
    Operation::new(TAG, "End the block of all who are no contacts")
        .answers_nothing("They are not blocked")
        .refuses([404])
}
