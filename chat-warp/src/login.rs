//! Who a request comes from. The rule: what a browser sends by itself, the cookie, counts only where the page that makes it
//! send is allowed to.

use crate::api::Api;
use crate::request::Request;
use chat_core::{Error, Identity};
use http::header;

const NOT_LOGGED_IN: Error = Error::Unauthorized("this is for those who have logged in");

impl Api {
    /// Refuses a change that a browser sends with the cookie for a page that has no business here.
    ///
    /// # Errors
    /// `Forbidden`.
    pub(crate) fn check_page(&self, request: &Request) -> Result<(), Error> {
        if request.method.is_safe() || cookie(request).is_none() {
            return Ok(());
        }
        self.origins.check(request)
    }

    /// Tells who a request comes from, by its `Authorization` or its cookie.
    ///
    /// # Errors
    /// `Unauthorized`, `RateLimited` if they ask too much.
    pub(crate) async fn identify(&self, request: &Request) -> Result<Identity, Error> {
        let token = bearer(request).or_else(|| cookie(request)).ok_or(NOT_LOGGED_IN)?;
        let identity = self.identities.authenticate(token).await?;
        self.chat.count_request(identity.user)?;
        Ok(identity)
    }

    /// Tells who opens a socket, who may also name the token in the query, as browsers can set no header here.
    ///
    /// # Errors
    /// `Unauthorized`.
    pub(crate) async fn identify_socket(&self, request: &Request) -> Result<Identity, Error> {
        let token = bearer(request).or_else(|| request.query("token")).or_else(|| cookie(request));
        self.identities.authenticate(token.ok_or(NOT_LOGGED_IN)?).await
    }
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1).
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header(&header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(request: &Request) -> Option<&str> {
    let cookies = request.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).map(str::trim);
    pairs.find_map(|pair| pair.strip_prefix("login-token="))
}
