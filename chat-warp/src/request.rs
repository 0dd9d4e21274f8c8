//! What a client sends, read piece by piece. The rule: nothing is parsed before a handler asks for it, so that who may not
//! ask is told so first; and every piece is parsed into the type that checks it.

use crate::client::ClientAddress;
use crate::limits::BODY_BYTES_READ_MAX;
use bytes::{Buf, Bytes};
use chat_core::limits::{BODY_BYTES_MAX, PAGE_DEFAULT, PAGE_MAX};
use chat_core::wire::Fields;
use chat_core::{ConversationId, Error, LoginId, MessageId, UserId, Username};
use futures::{Stream, TryStreamExt};
use http::Method;
use http::header::{self, HeaderMap, HeaderName};
use http::uri::Authority;
use hyper::upgrade::OnUpgrade;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;
use warp::path::Tail;
use warp::{Filter, Rejection};

type Body = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>;

/// One request. It has no `Debug`: tokens are in it.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// The name by which the client knows this server.
    pub(crate) host: Option<Authority>,
    /// Present if the client asks for another protocol and the server would let it have that.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// Where it comes from, if the host tells.
    pub(crate) client: Option<ClientAddress>,
    segments: Vec<String>,
    path: &'static str,
    query: Vec<(String, String)>,
    body: Body,
    body_wait: Duration,
}

/// Extracts any request, and what remains of its path after whatever filters stand before.
pub(crate) fn received(body_wait: Duration) -> impl Filter<Extract = (Request,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let host = warp::host::optional().or(warp::any().map(|| None)).unify();
    warp::method()
        .and(warp::path::tail())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(host)
        .and(warp::ext::optional())
        .and(warp::ext::optional())
        .and(warp::body::stream())
        .map(move |method, path: Tail, query: String, headers, host, upgrade, client, body| Request {
            method,
            headers,
            host,
            upgrade,
            client,
            segments: segments(path.as_str()),
            path: "",
            query: parameters(&query),
            body: boxed(body),
            body_wait,
        })
}

impl Request {
    /// The parts of the path, without the slash that may end it.
    pub(crate) fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Notes the path of the table, whose `{names}` the handler asks for.
    pub(crate) fn found(&mut self, path: &'static str) {
        self.path = path;
    }

    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `{name}` of the path.
    ///
    /// # Errors
    /// `NotFound` for what cannot be one.
    pub(crate) fn named<T: Named>(&self, name: &str) -> Result<T, Error> {
        let is_named = |part: &str| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) == Some(name);
        let position = self.path.split('/').position(is_named);
        let segment = position.and_then(|position| self.segments.get(position));
        segment.and_then(|segment| segment.parse().ok()).ok_or(Error::NotFound(T::NOUN))
    }

    /// A query parameter; an empty one counts as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A query parameter of a type that says itself what is wrong with it.
    ///
    /// # Errors
    /// `Invalid` naming the parameter.
    pub(crate) fn parsed<T>(&self, name: &'static str) -> Result<Option<T>, Error>
    where
        T: FromStr<Err: Into<Cow<'static, str>>>,
    {
        self.query(name).map(str::parse).transpose().map_err(|message| Error::invalid(name, message))
    }

    /// The cursor of a page, as an earlier page's `next` gave it.
    ///
    /// # Errors
    /// `Invalid` naming the parameter.
    pub(crate) fn cursor(&self, name: &'static str) -> Result<Option<i64>, Error> {
        let parsed = self.query(name).map(str::parse).transpose();
        parsed.map_err(|_| Error::invalid(name, "must be an integer"))
    }

    /// The id behind which a page begins; zero, which is before all of them, is as good as none.
    ///
    /// # Errors
    /// `Invalid` naming `after`.
    pub(crate) fn after<T: TryFrom<i64, Error = &'static str>>(&self) -> Result<Option<T>, Error> {
        let after = self.cursor("after")?.filter(|after| *after != 0);
        after.map(T::try_from).transpose().map_err(|message| Error::invalid("after", message))
    }

    /// How many entries a page may have.
    ///
    /// # Errors
    /// `Invalid` naming `limit`.
    pub(crate) fn limit(&self) -> Result<u32, Error> {
        match self.query("limit").map(str::parse) {
            None => Ok(PAGE_DEFAULT),
            Some(Ok(limit)) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(Error::invalid("limit", format!("must be an integer from 1 to {PAGE_MAX}"))),
        }
    }

    /// The fields of the body, whatever type it claims to be of; an empty body has none.
    ///
    /// # Errors
    /// `Malformed` if it is no JSON object, `TooLarge`.
    pub(crate) async fn fields(&mut self) -> Result<Fields, Error> {
        if self.content_length() > BODY_BYTES_READ_MAX {
            return Err(Error::TooLarge(BODY_BYTES_MAX));
        }
        let body = tokio::time::timeout(self.body_wait, read(&mut self.body)).await;
        let body = body.map_err(|_| Error::Malformed("the body took too long to arrive".into()))??;
        Fields::parse(if body.trim_ascii().is_empty() { b"{}" } else { &body })
    }

    fn content_length(&self) -> usize {
        self.header(&header::CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0)
    }
}

/// What can stand in a path, and what it is called if there is none.
pub(crate) trait Named: FromStr {
    const NOUN: &'static str;
}

impl Named for UserId {
    const NOUN: &'static str = "user";
}

impl Named for Username {
    const NOUN: &'static str = "user";
}

impl Named for ConversationId {
    const NOUN: &'static str = "conversation";
}

impl Named for MessageId {
    const NOUN: &'static str = "message";
}

impl Named for LoginId {
    const NOUN: &'static str = "login";
}

fn segments(path: &str) -> Vec<String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(decoded).collect()
}

/// Reads `application/x-www-form-urlencoded`.
fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (form(name), form(value)))
        .collect()
}

fn form(text: &str) -> String {
    decoded(&text.replace('+', " "))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn boxed(body: impl Stream<Item = Result<impl Buf, warp::Error>> + Send + Sync + 'static) -> Body {
    Box::pin(body.map_ok(|mut part| part.copy_to_bytes(part.remaining())))
}

/// Reads a body, and keeps it while it is not too large.
async fn read(body: &mut Body) -> Result<Vec<u8>, Error> {
    let mut kept = Vec::new();
    let mut received = 0_usize;
    while let Some(part) = body.try_next().await.map_err(|_| Error::Malformed("the body broke off".into()))? {
        received += part.len();
        if received <= BODY_BYTES_MAX {
            kept.extend_from_slice(&part);
        } else if received <= BODY_BYTES_READ_MAX {
            kept = Vec::new();
        } else {
            break;
        }
    }
    if received > BODY_BYTES_MAX { Err(Error::TooLarge(BODY_BYTES_MAX)) } else { Ok(kept) }
}
