//! What each route does: reads the request, calls the engine, shapes the answer.

pub(crate) mod accounts;
pub(crate) mod blocks;
pub(crate) mod conversations;
#[cfg(feature = "openapi")]
pub(crate) mod documents;
pub(crate) mod groups;
pub(crate) mod messages;
pub(crate) mod operations;
pub(crate) mod recovery;
pub(crate) mod text;
pub(crate) mod users;
