//! From a request to its answer. The rule: every answer passes [`Api::answer`], which adds what all of them carry.

use crate::Options;
use crate::client::Addresses;
use crate::errors::{self, Problem};
use crate::measure;
use crate::origins::Origins;
use crate::request::Request;
use crate::respond::no_content;
use crate::routes::{self, Offer, Route};
use chat_core::{Accounts, Audience, Authenticate, Chat, CloseReason, Error, LoginId, MailHealth, trace};
use http::Method;
use http::header::{self, HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;
use warp::reply::Response;

/// What the handlers work with.
pub(crate) struct Api {
    pub(crate) chat: Chat,
    pub(crate) identities: Arc<dyn Authenticate>,
    pub(crate) origins: Origins,
    pub(crate) addresses: Addresses,
    accounts: Option<Accounts>,
    routes: Vec<&'static Route>,
    #[cfg(feature = "openapi")]
    documents: std::sync::OnceLock<crate::docs::Documents>,
}

impl Api {
    pub(crate) fn new(chat: Chat, options: Options) -> Self {
        let Options { accounts, identities, origins, address_limits, .. } = options;
        let addresses = Addresses::new(address_limits.as_ref(), chat.clock());
        let routes = routes::mounted(Offer::of(accounts.as_ref()));
        Self {
            chat,
            identities,
            origins: Origins(origins),
            addresses,
            accounts,
            routes,
            #[cfg(feature = "openapi")]
            documents: std::sync::OnceLock::new(),
        }
    }

    /// What there is, for programs to read; made when the first one asks.
    #[cfg(feature = "openapi")]
    pub(crate) fn documents(&self) -> &crate::docs::Documents {
        self.documents.get_or_init(|| crate::docs::Documents::of(&self.routes))
    }

    /// The accounts, without which their routes are not mounted.
    pub(crate) fn accounts(&self) -> Result<&Accounts, Error> {
        self.accounts.as_ref().ok_or(errors::NO_ROUTE)
    }

    /// How the mails of the accounts fare; without accounts, nothing is mailed.
    pub(crate) fn mail_health(&self) -> MailHealth {
        self.accounts.as_ref().map_or(MailHealth::Nowhere, Accounts::mail_health)
    }

    /// Closes the sessions of logins that have ended.
    pub(crate) fn close_sessions(&self, logins: impl IntoIterator<Item = LoginId>) {
        for login in logins {
            self.chat.close_sessions(Audience::Login(login), CloseReason::LoginEnded);
        }
    }

    /// Answers a request, whatever it is.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        let (begun, method) = (Instant::now(), request.method.clone());
        let found = routes::at(&self.routes, request.segments());
        let shared_with = self.origins.shared_with(&request).cloned();
        let mut response = match self.origins.preflight(&request) {
            Some(response) => response,
            None => self.dispatch(request, &found).await,
        };
        measure::answered(&method, found.first().map(|route| route.name), &response, begun.elapsed());
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = shared_with {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        headers.extend(GUARDS);
        response
    }

    async fn dispatch(&self, mut request: Request, found: &[&'static Route]) -> Response {
        let Some(first) = found.first() else {
            return Problem::from(&errors::NO_ROUTE).into_response();
        };
        request.found(first.path);
        let wanted = if request.method == Method::HEAD { &Method::GET } else { &request.method };
        match found.iter().find(|route| route.method == *wanted) {
            Some(route) => {
                let (number, method) = (trace::request_number, route.method.as_str());
                let span = tracing::debug_span!("request", request = number(), method, route = route.name);
                route.answer(self, request).instrument(span).await
            }
            None if request.method == Method::OPTIONS => {
                let mut response = no_content();
                response.headers_mut().insert(header::ALLOW, routes::allowed(found));
                response
            }
            None => (first.refuse)(Problem::method_not_allowed(routes::allowed(found))),
        }
    }
}

/// What keeps browsers from taking an answer for something that it does not say it is, from showing it as a page or in one,
/// and from giving it to pages of others that do not ask by the cross-origin rules.
const GUARDS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];
