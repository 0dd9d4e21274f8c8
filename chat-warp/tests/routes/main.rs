//! The routes over [`MemoryStorage`], asked without a network; the event socket over a real one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod bodies;
mod conversations;
mod errors;
mod groups;
mod hostile;
mod origins;
mod rates;
mod socket;
mod text;
mod users;

use bytes::Bytes;
use chat_core::{
    AccountOptions, Accounts, Chat, Identity, Limits, ManualClock, MemoryStorage, Password, PasswordCost, Registration,
    Timestamp, TokenKeys, TokenPair, UserId, UserKey,
};
use chat_warp::Options;
use http::Response;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use warp::filters::BoxedFilter;

const PASSWORD: &str = "correct horse";

/// The routes, and what they stand on.
struct Fixture {
    chat: Chat,
    accounts: Accounts,
    routes: BoxedFilter<(warp::reply::Response,)>,
}

/// Someone who has logged in.
struct Person {
    id: UserId,
    identity: Identity,
    tokens: TokenPair,
}

impl Fixture {
    fn new() -> Self {
        Self::over(Chat::builder(Arc::new(MemoryStorage::new())).build(), |options| options)
    }

    /// With limits, and a time that stands still, so that no budget is refilled.
    fn with(limits: Limits, change: impl FnOnce(Options) -> Options) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000)));
        Self::over(Chat::builder(Arc::new(MemoryStorage::new())).clock(clock).limits(limits).build(), change)
    }

    fn over(chat: Chat, change: impl FnOnce(Options) -> Options) -> Self {
        let mut options = AccountOptions::default();
        options.password_cost = PasswordCost::new(8, 1, 1).unwrap();
        let keys = TokenKeys::hs256(b"a secret for tests, long enough!").unwrap();
        let accounts = Accounts::new(chat.storage().clone(), chat.clock().clone(), keys, options);
        let routes = chat_warp::routes(chat.clone(), change(Options::new(accounts.clone())));
        Self { chat, accounts, routes }
    }

    /// Registers someone and logs them in.
    async fn person(&self, name: &str) -> Person {
        let registration = Registration::new(name.parse().unwrap(), password());
        self.accounts.register(registration).await.unwrap();
        self.log_in(name).await
    }

    async fn log_in(&self, name: &str) -> Person {
        let tokens = self.accounts.log_in(UserKey::Username(name.parse().unwrap()), password()).await.unwrap();
        let (identity, user) = self.accounts.authenticate(&tokens.access_token).await.unwrap();
        Person { id: user.id, identity, tokens }
    }

    /// Asks as someone, with a body in JSON unless it is null.
    async fn ask(&self, person: &Person, method: &str, path: &str, body: Value) -> Answer {
        let request = warp::test::request().method(method).path(path).header("authorization", person.bearer());
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        Answer(request.reply(&self.routes).await)
    }

    async fn get(&self, person: &Person, path: &str) -> Answer {
        self.ask(person, "GET", path, Value::Null).await
    }

    /// Serves the routes over TCP until the test ends.
    async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(warp::serve(self.routes.clone()).incoming(listener).run());
        address
    }

    /// Asks as nobody.
    async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        Answer(warp::test::request().method("POST").path(path).body(body).reply(&self.routes).await)
    }
}

impl Person {
    fn bearer(&self) -> String {
        format!("Bearer {}", self.tokens.access_token)
    }

    fn cookie(&self) -> String {
        format!("theme=dark; login-token={}", self.tokens.access_token)
    }
}

/// What came back.
struct Answer(Response<Bytes>);

impl Answer {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn header(&self, name: &str) -> &str {
        self.0.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.0.body()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(self.0.body()).unwrap()
    }

    /// The JSON of an answer that must have this status.
    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status(), status, "{}", self.text());
        self.json()
    }

    /// The code of a problem that must have this status.
    fn problem(&self, status: u16) -> String {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        problem["code"].as_str().unwrap().to_owned()
    }

    /// The field that a problem with this status names.
    fn wrong_field(&self, status: u16) -> String {
        self.problem(status);
        self.json()["errors"][0]["field"].as_str().unwrap().to_owned()
    }
}

fn password() -> Password {
    PASSWORD.parse().unwrap()
}
