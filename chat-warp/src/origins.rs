//! Which web pages may use the chat in their users' names: the cross-origin rules (CORS, in the Fetch standard), and the
//! check that keeps others from acting through a browser's cookie.

use crate::limits::PREFLIGHT_LIFE;
use crate::request::Request;
use crate::respond::no_content;
use chat_core::Error;
use http::Method;
use http::header::{self, HeaderValue};
use warp::reply::Response;

/// The origins of web pages that are allowed, besides the server's own.
pub(crate) struct Origins(pub(crate) Vec<String>);

impl Origins {
    /// Refuses requests of pages that are neither the server's own nor allowed; programs send no origin.
    ///
    /// # Errors
    /// `Forbidden`.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Error> {
        match request.headers.get(header::ORIGIN) {
            Some(origin) if !self.allow(origin) && !is_own(origin, request) => {
                Err(Error::Forbidden("pages of this origin may not do this"))
            }
            _ => Ok(()),
        }
    }

    /// The request's origin, if its pages may read answers.
    pub(crate) fn shared_with<'a>(&self, request: &'a Request) -> Option<&'a HeaderValue> {
        request.headers.get(header::ORIGIN).filter(|origin| self.allow(origin))
    }

    /// The answer to a browser that asks whether an allowed page may make a request.
    pub(crate) fn preflight(&self, request: &Request) -> Option<Response> {
        let asks = request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if request.method != Method::OPTIONS || !asks {
            return None;
        }
        self.shared_with(request)?;
        let mut response = no_content();
        let headers = response.headers_mut();
        let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_LIFE.as_secs().into());
        Some(response)
    }

    fn allow(&self, origin: &HeaderValue) -> bool {
        self.0.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    }
}

/// Whether a page comes from the host that it sends its request to, over whatever scheme: a proxy may have ended the TLS.
fn is_own(origin: &HeaderValue, request: &Request) -> bool {
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    match (authority, &request.host) {
        (Some(authority), Some(host)) => host.as_str().eq_ignore_ascii_case(authority),
        _ => false,
    }
}
