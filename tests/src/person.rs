use crate::{Server, Socket, documents};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

/// Someone with an account who is logged in.
#[derive(Clone)]
pub struct Person {
    /// The unique name.
    pub username: String,
    /// The user's id.
    pub id: i64,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
    base: String,
    client: reqwest::Client,
}

/// What a request came to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body; `null` if it is empty or no JSON.
    pub body: Value,
}

impl Answer {
    /// Makes a request.
    pub async fn to(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let method = request.method().clone();
        Self::read(&method, client.execute(request).await.unwrap()).await.unwrap()
    }

    /// Makes a request, if there is a server that lives as long as its answer takes.
    async fn of_any(request: RequestBuilder) -> Option<Self> {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let method = request.method().clone();
        Self::read(&method, client.execute(request).await.ok()?).await.ok()
    }

    /// Reads a response to its end. It must be one that is documented.
    async fn read(method: &Method, response: Response) -> reqwest::Result<Self> {
        let (status, headers, url) = (response.status(), response.headers().clone(), response.url().clone());
        let text = response.text().await?;
        let content_type = headers.get("content-type").map_or("", |value| value.to_str().unwrap());
        documents::check_answer(method, url.path(), status, content_type, &text);
        Ok(Self { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text })
    }

    /// The body of an answer that has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// A header, empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is a refusal in the shape of RFC 9457, with this status and code.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!((&self.body["type"], &self.body["status"]), (&json!("about:blank"), &json!(status)));
        assert_eq!(self.body["title"].as_str(), self.status.canonical_reason());
        assert!(!self.body["detail"].as_str().unwrap().is_empty());
    }

    /// Checks that it is refused for what this field holds.
    #[track_caller]
    pub fn blames(&self, field: &str) {
        self.refuses(422, "invalid");
        assert_eq!(self.body["errors"][0]["field"], field, "{}", self.text);
        assert!(!self.body["errors"][0]["message"].as_str().unwrap().is_empty());
    }
}

impl Person {
    /// The password of everyone.
    pub const PASSWORD: &'static str = "correct horse";

    pub(crate) async fn register(server: &Server, username: &str) -> Self {
        let client = server.client().clone();
        let account = json!({ "username": username, "password": Self::PASSWORD, "full_name": username });
        let registered = client.post(server.url("/users/register")).body(account.to_string()).send().await.unwrap();
        assert_eq!(registered.status(), StatusCode::CREATED, "{}", registered.text().await.unwrap());
        Self::log_in(server, username).await
    }

    /// Logs someone in again.
    pub async fn log_in(server: &Server, username: &str) -> Self {
        let client = server.client().clone();
        let credentials = json!({ "username": username, "password": Self::PASSWORD });
        let answer = client.post(server.url("/users/login")).body(credentials.to_string()).send().await.unwrap();
        Self::of(server, &answer.json().await.unwrap())
    }

    /// Whoever was answered with this login.
    #[must_use]
    pub fn of(server: &Server, login: &Value) -> Self {
        Self {
            username: login["user"]["username"].as_str().unwrap().to_owned(),
            id: login["user"]["id"].as_i64().unwrap(),
            token: login["access_token"].as_str().unwrap().to_owned(),
            refresh_token: login["refresh_token"].as_str().unwrap().to_owned(),
            base: server.url(""),
            client: server.client().clone(),
        }
    }

    /// The same person at the server with this address: the same one, started again.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Opens `/ws`.
    pub async fn socket(&self) -> Socket {
        Socket::open(&self.socket_url("/ws"), &self.token).await
    }

    /// Opens `/ws`, if there is a server.
    pub async fn try_socket(&self) -> Option<Socket> {
        self.open("/ws").await.ok()
    }

    /// Opens `/ws` so that the client's side of the connection keeps few bytes that nobody reads.
    pub async fn narrow_socket(&self) -> Socket {
        Socket::open_narrow(&self.socket_url("/ws"), &self.token).await
    }

    /// Opens the direct socket that leads to another user.
    ///
    /// # Errors
    /// Whatever the server answered instead of 101.
    pub async fn direct_socket(&self, other: i64) -> Result<Socket, Box<Error>> {
        self.open(&format!("/ws/chat/{other}/")).await
    }

    /// Opens a direct socket as narrow as [`narrow_socket`](Self::narrow_socket).
    pub async fn narrow_direct_socket(&self, other: i64) -> Socket {
        Socket::open_narrow(&self.socket_url(&format!("/ws/chat/{other}")), &self.token).await
    }

    async fn open(&self, path: &str) -> Result<Socket, Box<Error>> {
        Socket::try_open(&self.socket_url(path), &[("Authorization", &format!("Bearer {}", self.token))]).await
    }

    /// The address of a socket where this person is known.
    #[must_use]
    pub fn socket_url(&self, path: &str) -> String {
        format!("{}{path}", self.base.replacen("http", "ws", 1))
    }

    /// A request that shows who it comes from.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    /// `GET`, if there is a server.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        Answer::of_any(self.request(Method::GET, path)).await
    }

    /// `POST` with a JSON body, if there is a server.
    pub async fn try_post(&self, path: &str, body: Value) -> Option<Answer> {
        Answer::of_any(self.request(Method::POST, path).json(&body)).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body)).await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }

    /// Creates a group that this person owns, and returns its id.
    pub async fn group(&self, members: &[&Self]) -> i64 {
        let members: Vec<_> = members.iter().map(|member| &member.username).collect();
        let answer = self.post("/groups", json!({ "name": "a group", "members": members })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.body["group_id"].as_i64().unwrap()
    }

    /// Sends a message, and returns it.
    pub async fn send(&self, conversation: i64, content: &str) -> Value {
        let answer = self.post(&format!("/conversations/{conversation}/messages"), json!({ "content": content })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.body
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::to(request).await
    }
}
