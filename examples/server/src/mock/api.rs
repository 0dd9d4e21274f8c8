//! The requests that people make. The rule: whatever goes wrong is one sentence that says what was asked.

use crate::Outcome;
use crate::health::cause;
use crate::target::Target;
use reqwest::{Client, Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an answer may take: longer than a server hashes the passwords before ours.
const ANSWER_LASTS_MAX: Duration = Duration::from_secs(30);
/// How often a request is made that the server has no time for.
const TRIES_MAX: u32 = 10;
/// How long to wait then at most, whatever the server says.
const PAUSE_MAX: Duration = Duration::from_secs(60);

pub(super) struct Api {
    client: Client,
    base: String,
}

/// Someone who is logged in.
pub(super) struct Person {
    pub(super) id: i64,
    token: String,
}

impl Api {
    pub(super) fn at(target: &Target) -> Outcome<Self> {
        Ok(Self { client: target.client(ANSWER_LASTS_MAX)?, base: target.url() })
    }

    /// Registers someone, unless they are there already, and logs them in.
    pub(super) async fn come(&self, username: &str, fullname: &str, password: &str) -> Outcome<Person> {
        let account = json!({ "username": username, "full_name": fullname, "password": password });
        let (status, answer) = self.ask(None, Method::POST, "/users/register", &account).await?;
        if status != StatusCode::CONFLICT {
            accepted("/users/register", status, &answer)?;
        }
        let login = self.done(None, Method::POST, "/users/login", &account).await?;
        let token = login["access_token"].as_str().unwrap_or_default().to_owned();
        Ok(Person { id: id("/users/login", &login["user"]["id"])?, token })
    }

    /// The group of this name that the owner is in, made if there is none.
    pub(super) async fn group(&self, owner: &Person, name: &str, visibility: &str, members: &[&str]) -> Outcome<i64> {
        let mut path = "/groups?limit=100".to_owned();
        loop {
            let page = self.done(Some(owner), Method::GET, &path, &Value::Null).await?;
            let mut groups = page["groups"].as_array().into_iter().flatten();
            if let Some(found) = groups.find(|group| group["name"] == name) {
                return id(&path, &found["id"]);
            }
            match &page["next"] {
                Value::Null => break,
                next => path = format!("/groups?limit=100&before={next}"),
            }
        }
        let new = json!({ "name": name, "visibility": visibility, "members": members });
        let made = self.done(Some(owner), Method::POST, "/groups", &new).await?;
        id("/groups", &made["group_id"])
    }

    /// The direct conversation of two people.
    pub(super) async fn direct(&self, person: &Person, other: i64) -> Outcome<i64> {
        let path = format!("/conversations/direct/{other}");
        let conversation = self.done(Some(person), Method::PUT, &path, &json!({})).await?;
        id(&path, &conversation["id"])
    }

    /// Sends a message, and returns its id.
    pub(super) async fn send(&self, sender: &Person, conversation: i64, draft: &Value) -> Outcome<i64> {
        let path = format!("/conversations/{conversation}/messages");
        let message = self.done(Some(sender), Method::POST, &path, draft).await?;
        id(&path, &message["id"])
    }

    async fn done(&self, person: Option<&Person>, method: Method, path: &str, body: &Value) -> Outcome<Value> {
        let (status, answer) = self.ask(person, method, path, body).await?;
        accepted(path, status, &answer)?;
        Ok(answer)
    }

    /// Makes a request, and makes it again later if the server has too much to do.
    async fn ask(
        &self,
        person: Option<&Person>,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Outcome<(StatusCode, Value)> {
        let failed = |error: reqwest::Error| format!("{}{path} gives no answer: {}", self.base, cause(&error));
        let mut tries = 1;
        loop {
            let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
            if let Some(person) = person {
                request = request.bearer_auth(&person.token);
            }
            if !body.is_null() {
                request = request.json(body);
            }
            let response = request.send().await.map_err(failed)?;
            let status = response.status();
            let pause = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let answer = response.bytes().await.map_err(failed)?;
            if status != StatusCode::TOO_MANY_REQUESTS || tries >= TRIES_MAX {
                return Ok((status, serde_json::from_slice(&answer).unwrap_or_default()));
            }
            tries += 1;
            tokio::time::sleep(Duration::from_secs(pause.unwrap_or(1)).min(PAUSE_MAX)).await;
        }
    }
}

fn accepted(path: &str, status: StatusCode, answer: &Value) -> Outcome {
    if status.is_success() {
        return Ok(());
    }
    let reason = answer["detail"].as_str().unwrap_or("it seems to be no chat server");
    Err(format!("{path} is answered {}: {reason}", status.as_u16()))
}

fn id(path: &str, value: &Value) -> Outcome<i64> {
    value.as_i64().ok_or_else(|| format!("{path} is not answered as by a chat server"))
}
