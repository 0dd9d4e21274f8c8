//! What the targets share: the routes on an engine in memory, with people who have talked before.

use chat_core::{
    AccountOptions, Accounts, Chat, Draft, MemoryStorage, NewGroup, Password, PasswordCost, Registration, TokenKeys,
    UserKey,
};
use chat_warp::Options;
use std::sync::Arc;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// Ann (1) and bob (2), who have a group (3) in which ann has said something (1).
pub struct Scene {
    /// What a server serves.
    pub routes: BoxedFilter<(Response,)>,
    /// Ann's.
    pub token: String,
}

impl Scene {
    /// A new one.
    pub async fn new() -> Self {
        let chat = Chat::builder(Arc::new(MemoryStorage::new())).build();
        let mut options = AccountOptions::default();
        options.password_cost = PasswordCost::new(8, 1, 1).unwrap();
        let keys = TokenKeys::hs256(b"a secret for tests, long enough!").unwrap();
        let accounts = Accounts::new(chat.storage().clone(), chat.clock().clone(), keys, options);
        let password = || Password::try_from("correct horse".to_owned()).unwrap();
        for name in ["ann", "bob"] {
            accounts.register(Registration::new(name.parse().unwrap(), password())).await.unwrap();
        }
        let tokens = accounts.log_in(UserKey::Username("ann".parse().unwrap()), password()).await.unwrap();
        let ann = accounts.authenticate(&tokens.access_token).await.unwrap().1.id;
        let group = NewGroup { members: vec!["bob".parse().unwrap()], ..NewGroup::default() };
        chat.create_group(ann, group).await.unwrap();
        let group = chat.storage().list_memberships(ann).await.unwrap()[0];
        chat.send(ann, group, Draft::new("hello").unwrap()).await.unwrap();
        Self { routes: chat_warp::routes(chat, Options::new(accounts)), token: tokens.access_token }
    }

    /// Input with ann's token wherever it says `{ann}`.
    pub fn filled(&self, input: &[u8]) -> Vec<u8> {
        let mut filled = Vec::with_capacity(input.len());
        let mut rest = input;
        while let Some(position) = rest.windows(5).position(|bytes| bytes == b"{ann}") {
            filled.extend_from_slice(&rest[..position]);
            filled.extend_from_slice(self.token.as_bytes());
            rest = &rest[position + 5..];
        }
        filled.extend_from_slice(rest);
        filled
    }
}

/// Runs a target to its end in a time that only moves while everything waits.
pub fn run(target: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(target);
}

/// Checks a response to whatever was asked: never a failure of the server's own, and a problem tells its status.
pub fn check(status: u16, content_type: &str, body: &[u8]) {
    assert!(status < 500, "{status}: {}", String::from_utf8_lossy(body));
    if content_type.ends_with("json") && !body.is_empty() {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert!(status < 400 || body["status"] == status && body["code"].is_string(), "{status}: {body}");
    }
}
