//! The JSON that travels: what clients send, and what they receive, over sockets and HTTP alike.
//!
//! The rule: a shape stands here once, and every transport uses it.

pub(crate) mod data;
mod event;
mod fields;
#[cfg(feature = "openapi")]
pub mod protocol;
#[cfg(feature = "openapi")]
pub mod shape;
mod view;

pub use event::{Reference, event_object};
pub(crate) use event::{announcement, answer, failure, lagged, presence, typing, typing_data};
pub use fields::Fields;
pub use view::{
    AccountView, ContactView, ConversationDetails, ConversationHead, GroupListingView, MemberView, MessageView,
    ResumedView, SummaryView, UserView,
};
