//! The names of all routes on one page, each with the handler it reaches.
//!
//! Each is documented in `docs/`, by the function of the handler's name in the module of the handler's name.
//!
//! The rule: the first path that fits is the one, so a literal segment stands before a `{parameter}` in the same place.

use crate::api::Api;
#[cfg(feature = "openapi")]
use crate::docs;
use crate::errors::{self, Problem};
#[cfg(feature = "openapi")]
use crate::handlers::documents;
use crate::handlers::{accounts, blocks, conversations, groups, messages, operations, recovery, text, users};
use crate::request::Request;
use crate::socket;
use chat_core::{Accounts, Error};
use futures::future::BoxFuture;
use http::Method;
use http::header::HeaderValue;
use warp::reply::Response;

/// What a handler comes to.
pub(crate) type Answer = Result<Response, Error>;

/// A method on a path.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// The path as documents and measurements name it.
    pub(crate) name: &'static str,
    handler: for<'a> fn(&'a Api, Request) -> BoxFuture<'a, Answer>,
    pub(crate) refuse: fn(Problem) -> Response,
    #[cfg(feature = "openapi")]
    pub(crate) documented: fn() -> docs::Operation,
}

impl Route {
    pub(crate) async fn answer(&self, api: &Api, request: Request) -> Response {
        let answered = match api.check_page(&request) {
            Ok(()) => (self.handler)(api, request).await,
            Err(error) => Err(error),
        };
        answered.unwrap_or_else(|error| (self.refuse)(Problem::from(&error)))
    }

    fn fits(&self, segments: &[String]) -> bool {
        let mut pattern = self.path.split('/');
        let mut fits = |segment: &String| {
            pattern.next().is_some_and(|name| name == segment || name.starts_with('{') && !segment.is_empty())
        };
        segments.iter().all(&mut fits) && pattern.next().is_none()
    }
}

macro_rules! routes {
    ($refuse:path; $($method:ident $path:literal => $module:ident::$name:ident,)+) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            name: concat!("/", $path),
            handler: |api, request| Box::pin($module::$name(api, request)),
            refuse: $refuse,
            #[cfg(feature = "openapi")]
            documented: docs::$module::$name,
        }),+]
    };
}

/// Answered in plain text.
const TEXT: &[Route] = routes![errors::plain;
    GET "misc/ping" => text::ping,
    GET "auth/verify" => text::verify,
];

/// Answered in plain text, where the engine keeps the accounts.
const TEXT_ACCOUNTS: &[Route] = routes![errors::plain;
    POST "register" => text::register,
    POST "auth/login" => text::login,
];

/// Where the engine keeps the accounts.
const ACCOUNTS: &[Route] = routes![Problem::into_response;
    POST "users/register" => accounts::register,
    POST "users/login" => accounts::login,
    POST "users/token" => accounts::login,
    POST "users/token/refresh" => accounts::refresh,
    POST "users/verify" => recovery::verify,
    POST "users/resend_code" => recovery::resend_code,
    POST "users/forgot_password" => recovery::forgot_password,
    POST "users/authorize" => recovery::authorize,
    POST "users/reset_password" => recovery::reset_password,
    POST "users/logout" => accounts::logout,
    GET "users/me/logins" => accounts::logins,
    DELETE "users/me/logins/{id}" => accounts::revoke,
    GET ".well-known/jwks.json" => operations::jwks,
];

/// Where guests are let in.
const GUESTS: &[Route] = routes![Problem::into_response;
    POST "users/guest" => accounts::guest,
];

const CHAT: &[Route] = routes![Problem::into_response;
    GET "users" => users::list,
    GET "users/me" => users::me,
    PATCH "users/me" => users::update,
    DELETE "users/me" => users::delete_me,
    GET "users/me/blocked" => blocks::list,
    PUT "users/me/blocked/strangers" => blocks::put_strangers,
    DELETE "users/me/blocked/strangers" => blocks::remove_strangers,
    PUT "users/me/blocked/{user_id}" => blocks::put,
    DELETE "users/me/blocked/{user_id}" => blocks::remove,
    GET "users/user_id/{username}" => users::id,
    GET "users/username/{user_id}" => users::username,
    DELETE "users/delete_user/{user_id}" => users::delete,
    POST "users/set_typing_status" => users::set_typing,
    GET "users/{id}" => users::find,

    GET "groups" => groups::list,
    POST "groups" => groups::create,
    POST "groups/create_group" => groups::create,
    POST "groups/add_user_to_group" => groups::add,
    POST "groups/leave_group" => groups::leave_named,
    GET "groups/{id}" => groups::find,
    PATCH "groups/{id}" => groups::update,
    PUT "groups/{id}" => groups::update,
    DELETE "groups/{id}" => groups::delete,
    POST "groups/{id}/join" => groups::join,
    POST "groups/{id}/leave" => groups::leave,
    GET "groups/{id}/members" => groups::members,
    PUT "groups/{id}/members/{user_id}" => groups::put_member,
    DELETE "groups/{id}/members/{user_id}" => groups::remove_member,

    GET "conversations" => conversations::list,
    PUT "conversations/direct/{user_id}" => conversations::direct,
    GET "conversations/{id}" => conversations::find,
    GET "conversations/{id}/messages" => conversations::messages,
    POST "conversations/{id}/messages" => conversations::send,
    GET "conversations/{id}/events" => conversations::events,

    POST "messages/send_message" => messages::send,
    PUT "messages/read" => messages::mark_read,
    GET "messages/{id}" => messages::find,
    PATCH "messages/{id}" => messages::edit,
    PUT "messages/{id}" => messages::edit,
    DELETE "messages/{id}" => messages::delete,

    GET "ws" => socket::open,
    GET "ws/chat/{user_id}" => socket::open_direct,

    GET "healthz" => operations::health,
    GET "readyz" => operations::readiness,
];

/// Documents for programs.
#[cfg(feature = "openapi")]
const DOCUMENTS: &[Route] = routes![Problem::into_response;
    GET "openapi.json" => documents::openapi,
    GET "schema" => documents::openapi_yaml,
    GET "asyncapi.yaml" => documents::asyncapi,
];
#[cfg(not(feature = "openapi"))]
const DOCUMENTS: &[Route] = &[];

/// What a host offers, each with what stands before it.
#[derive(Clone, Copy)]
pub(crate) enum Offer {
    Chat,
    /// The engine keeps the accounts.
    Accounts,
    /// Guests are let in.
    Guests,
}

impl Offer {
    pub(crate) fn of(accounts: Option<&Accounts>) -> Self {
        match accounts {
            None => Self::Chat,
            Some(accounts) if accounts.admits_guests() => Self::Guests,
            Some(_) => Self::Accounts,
        }
    }
}

/// The routes of what a host offers.
pub(crate) fn mounted(offer: Offer) -> Vec<&'static Route> {
    let tables: &[&'static [Route]] = match offer {
        Offer::Chat => &[TEXT, CHAT, DOCUMENTS],
        Offer::Accounts => &[TEXT, TEXT_ACCOUNTS, ACCOUNTS, CHAT, DOCUMENTS],
        Offer::Guests => &[TEXT, TEXT_ACCOUNTS, ACCOUNTS, GUESTS, CHAT, DOCUMENTS],
    };
    tables.iter().copied().flatten().collect()
}

/// Every method on the path that these segments name; none if it is unknown.
pub(crate) fn at(routes: &[&'static Route], segments: &[String]) -> Vec<&'static Route> {
    let path = routes.iter().find(|route| route.fits(segments)).map(|route| route.path);
    routes.iter().copied().filter(|route| Some(route.path) == path).collect()
}

/// The methods of one path, for the header `Allow`.
pub(crate) fn allowed(routes: &[&'static Route]) -> HeaderValue {
    let mut methods: Vec<_> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    // Names of methods are always good for a header.
    HeaderValue::try_from(methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("OPTIONS"))
}
