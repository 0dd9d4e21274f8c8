//! REST and WebSocket over warp: one filter that a host mounts in a server of its own.
//!
//! * [`routes`] makes the filter, [`Options`] say what it offers. Start reading at the table in `routes.rs`.
//! * Feature `openapi` adds documents for programs: `/openapi.json`, `/schema` and `/asyncapi.yaml`, made in `docs/`.
//! * `handlers/` holds what each route does, `socket.rs` the event socket, `errors.rs` how a refusal is told.
//!
//! The rule: a handler reads a request, calls the engine and shapes the answer; whether something may be done is decided in
//! `chat-core`.

mod api;
mod client;
#[cfg(feature = "openapi")]
mod docs;
mod errors;
mod handlers;
mod limits;
mod login;
mod measure;
mod options;
mod origins;
mod request;
mod respond;
mod routes;
mod socket;

pub use client::{AddressLimits, ClientAddress};
#[cfg(feature = "openapi")]
pub use docs::{asyncapi, openapi};
pub use options::Options;

use api::Api;
use chat_core::Chat;
use errors::Problem;
use request::Request;
use std::sync::Arc;
use std::time::Instant;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// Everything the chat answers over HTTP, below wherever the filter is mounted.
///
/// It answers every request, an unknown path with 404, and never rejects: a host's own filters stand before it. It needs
/// a tokio runtime and, for the event socket, a server that lets connections be upgraded, as warp's does. Set `TCP_NODELAY` on
/// what it accepts, so that small frames do not wait, and on Linux `TCP_NOTSENT_LOWAT`: by itself the kernel keeps megabytes for
/// a client who reads slowly. Put a [`ClientAddress`] into the extensions of each request for [`AddressLimits`] to count.
///
/// ```
/// use chat_core::{AccountOptions, Accounts, Chat, MemoryStorage, TokenKeys};
/// use chat_warp::Options;
/// use std::sync::Arc;
/// use warp::Filter;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chat = Chat::builder(Arc::new(MemoryStorage::new())).build();
/// let keys = TokenKeys::hs256(b"32 random bytes of your own here")?;
/// let accounts =
///     Accounts::new(chat.storage().clone(), chat.clock().clone(), keys, AccountOptions::default());
///
/// let own = warp::path!("hello").map(|| "hello");
/// let server = warp::serve(own.or(chat_warp::routes(chat, Options::new(accounts))));
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn routes(chat: Chat, options: Options) -> BoxedFilter<(Response,)> {
    let body_wait = options.body_wait;
    let api = Arc::new(Api::new(chat, options));
    request::received(body_wait).then(move |request| answer(Arc::clone(&api), request)).boxed()
}

/// Answers a request. One that changes something is carried through even if its client goes away meanwhile: whoever
/// revokes a login has to come to closing its sessions.
async fn answer(api: Arc<Api>, request: Request) -> Response {
    if request.method.is_safe() {
        return api.answer(request).await;
    }
    let (method, begun) = (request.method.clone(), Instant::now());
    let answered = tokio::spawn(async move { api.answer(request).await }).await;
    answered.unwrap_or_else(|_| {
        let response = Problem::internal().into_response();
        measure::answered(&method, None, &response, begun.elapsed());
        response
    })
}
