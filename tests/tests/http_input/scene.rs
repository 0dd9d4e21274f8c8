//! A group, who is in it, and what of it anyone can see.

use crate::fields::Field;
use crate::fields::Holds::{
    self, Bool, Content, Email, Fullname, Id, Ids, Key, Name, Nonce, Password, Receiver, Role, Text, Url, Username,
    Usernames, Visibility,
};
use crate::routes::Route;
use chat_tests::{Answer, Person, Server};
use reqwest::Body;
use serde_json::{Value, json};

/// Ann, who owns a group with bob in it, where she has said something.
pub(crate) struct Scene {
    pub(crate) ann: Person,
    pub(crate) bob: Person,
    pub(crate) group: i64,
    pub(crate) message: Value,
}

impl Scene {
    pub(crate) async fn new(server: &Server) -> Self {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let message = ann.send(group, "hello").await;
        Self { ann, bob, group, message }
    }

    pub(crate) fn path(&self, path: &str) -> String {
        let path = path.replace("{g}", &self.group.to_string()).replace("{b}", &self.bob.id.to_string());
        path.replace("{m}", &self.message["id"].to_string())
    }

    pub(crate) async fn ask(&self, route: &Route, body: impl Into<Body>) -> Answer {
        Answer::to(self.ann.request(route.method.clone(), &self.path(route.path)).body(body)).await
    }

    /// A good value for a field.
    pub(crate) fn right(&self, route: &Route, name: &str, holds: Holds) -> Value {
        match holds {
            Username => json!("newcomer"),
            Password => json!(Person::PASSWORD),
            Text if name == "username" => json!("ann"),
            Text if name.starts_with("password") => json!(Person::PASSWORD),
            Text | Fullname | Key | Name | Content | Nonce => json!("some text"),
            Email => json!("new@example.org"),
            Url => json!("https://example.org/picture"),
            Id if name == "group_id" => json!(self.group),
            Id if name == "reply_id" => self.message["id"].clone(),
            Id if name == "user_id" && route.path == "/groups/add_user_to_group" => json!(self.bob.id),
            Id => json!(self.ann.id),
            Receiver => json!(self.group),
            Bool => json!(true),
            Visibility => json!("public"),
            Role => json!("admin"),
            Usernames => json!(["bob"]),
            Ids => json!([self.message["id"]]),
        }
    }

    /// A body that would be accepted, with the required fields and this one.
    pub(crate) fn body(&self, route: &Route, with: &[Field]) -> Value {
        let fields = route.required.iter().chain(with);
        let mut body: Value = fields
            .map(|(name, holds)| ((*name).to_owned(), self.right(route, name, *holds)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let is_login = route.required.iter().any(|(name, holds)| *name == "password" && matches!(holds, Text));
        if is_login && body.get("email").is_none() {
            body["username"] = json!("ann");
        }
        if route.path == "/register" {
            body["fullname"] = json!("New Comer");
        }
        body
    }

    /// Everything that ann and bob can see, and who may log in.
    pub(crate) async fn state(&self) -> Vec<Value> {
        let mut state = vec![];
        for person in [&self.ann, &self.bob] {
            for path in [
                "/users/me",
                "/users?limit=100",
                "/conversations?limit=100",
                "/groups?limit=100",
                "/groups?visibility=public&limit=100",
                "/groups/{g}",
                "/conversations/{g}/messages?limit=100",
                "/conversations/{g}/events?limit=100",
                "/messages/{m}",
            ] {
                state.push(person.get(&self.path(path)).await.expect(200));
            }
        }
        state
    }
}

pub(crate) fn without(body: &Value, name: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(name);
    body
}

pub(crate) fn with(body: &Value, name: &str, value: &Value) -> Value {
    let mut body = body.clone();
    body[name] = value.clone();
    body
}
