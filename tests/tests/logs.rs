//! What is not in the log, at whatever level: passwords, tokens, codes, mails and messages. The rule: people do all that they
//! can do with a secret, on a program that logs all that it can log, and then every line of it is searched.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::postgres::Database;
use chat_tests::{MailServer, PATIENCE, Person, Server, Socket};
use serde_json::{Value, json};
use tokio::time::timeout;

/// The people, each with an address. What leaks by chance for one of them does not for all.
const PEOPLE: [&str; 3] = ["ann", "bob", "cleo"];

const PASSWORD: &str = "first-password-xyzzy";
const SECOND: &str = "second-password-plugh";
const THIRD: &str = "third-password-frotz";
const WRONG: &str = "wrong-password-qwerty";
const WORDS: &str = "whispered words of one message";
const OTHER_WORDS: &str = "whispered words of another";
const HEADER: &str = "Basic c2VjcmV0LWhlYWRlcg==";
const MAIL_PASSWORD: &str = "mail-server-password-zork";

/// Where the mails of a server can be read.
enum Mails {
    /// At a mail server that it sends them to.
    Sent(Box<MailServer>),
    /// In its own directory.
    Files,
}

impl Mails {
    /// The newest mail to an address that nobody else gets mail at meanwhile.
    async fn next(&mut self, server: &Server, address: &str, count: usize) -> String {
        match self {
            Self::Sent(post) => post.told().await["text"].as_str().unwrap().to_owned(),
            Self::Files => server.letter(address, count).await.text,
        }
    }
}

/// What a person has that nobody else is to know.
#[derive(Default)]
struct Secrets {
    /// Long ones, of which not one may be in the log.
    known: Vec<String>,
    /// Codes of six digits, which may stand in a log by chance: not all of them may.
    digits: Vec<String>,
}

impl Secrets {
    /// Tokens, whole and in the parts that are worth something.
    fn add_login(&mut self, login: &Value) {
        let access = login["access_token"].as_str().unwrap();
        let signature = access.rsplit('.').next().unwrap();
        let refresh = login["refresh_token"].as_str().unwrap();
        self.known.extend([access, signature, refresh].map(str::to_owned));
    }

    /// A mail, line by line, without what is said of the sender and the reader.
    fn add_mail(&mut self, mail: &str) {
        self.known.extend(mail.lines().map(str::trim).filter(|line| line.len() > 30).map(str::to_owned));
    }
}

fn digits(mail: &str) -> String {
    let mut words = mail.split(|c: char| !c.is_ascii_alphanumeric());
    words.find(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit())).unwrap().to_owned()
}

fn reset_code(mail: &str) -> String {
    let (_, behind) = mail.split_once("code=").unwrap();
    behind.split(|c: char| c.is_whitespace() || c == '"').next().unwrap().to_owned()
}

async fn log_in(server: &Server, path: &str, name: Value, password: &str) -> Value {
    let mut body = name;
    body["password"] = json!(password);
    server.post(path, body).await.body
}

/// Comes in and goes out by every way there is, right and wrong.
async fn come_in(server: &Server, mails: &mut Mails, name: &str, secrets: &mut Secrets) -> Person {
    let email = format!("{name}@example.org");
    let account = json!({ "username": name, "password": PASSWORD, "password2": PASSWORD, "email": email });
    server.post("/users/register", account).await.expect(201);
    let mail = mails.next(server, &email, 1).await;
    secrets.add_mail(&mail);
    let code = digits(&mail);
    secrets.digits.push(code.clone());
    server.post("/users/verify", json!({ "email": email, "code": "000000" })).await;
    server.post("/users/verify", json!({ "email": email, "code": code })).await.expect(200);

    for (path, who) in [("/users/login", json!({ "username": name })), ("/users/token", json!({ "email": email }))] {
        log_in(server, path, who.clone(), WRONG).await;
        secrets.add_login(&log_in(server, path, who, PASSWORD).await);
    }
    let plain = server.post("/auth/login", json!({ "username": name, "password": PASSWORD })).await;
    secrets.known.push(plain.header("set-cookie").split(['=', ';']).nth(1).unwrap().to_owned());
    server.post("/auth/login", json!({ "username": name, "password": WRONG })).await;
    server
        .request(reqwest::Method::POST, "/users/login")
        .body(format!("{{\"password\": \"{WRONG}\""))
        .send()
        .await
        .unwrap();

    server.post("/users/forgot_password", json!({ "email": email })).await.expect(202);
    let mail = mails.next(server, &email, 2).await;
    secrets.add_mail(&mail);
    let code = reset_code(&mail);
    secrets.known.push(code.clone());
    server.post("/users/authorize", json!({ "email": email, "code": code })).await.expect(200);
    let reset = json!({ "email": email, "code": code, "password": SECOND });
    server.post("/users/reset_password", reset.clone()).await.expect(200);
    server.post("/users/reset_password", reset).await.expect(401);

    let login = log_in(server, "/users/login", json!({ "username": name }), SECOND).await;
    secrets.add_login(&login);
    let person = Person::of(server, &login);
    let change = |old: &str| json!({ "old_password": old, "password": THIRD });
    person.patch("/users/me", change(WRONG)).await.expect(403);
    person.patch("/users/me", change(SECOND)).await.expect(200);
    let renewed =
        server.post("/users/token/refresh", json!({ "refresh_token": person.refresh_token })).await.expect(200);
    secrets.add_login(&renewed);
    let spent = log_in(server, "/users/login", json!({ "username": name }), THIRD).await;
    secrets.add_login(&spent);
    for _ in 0..2 {
        let answer = server.post("/users/token/refresh", json!({ "refresh_token": spent["refresh_token"] })).await;
        if answer.status == 200 {
            secrets.add_login(&answer.body);
        }
    }
    Person::of(server, &renewed)
}

/// Shows who one is in every way there is, and talks in every way there is.
async fn talk(server: &Server, one: &Person, other: &Person) {
    let token = &one.token;
    let socket_url = |query: &str| format!("{}{query}", server.url("/ws").replace("http://", "ws://"));
    let cookie = format!("login-token={token}");
    let get = |path: &str| server.request(reqwest::Method::GET, path);
    for request in [
        get("/users/me").header("cookie", &cookie),
        get(&format!("/users/me?token={token}")),
        get(&format!("/nowhere/{token}?token={token}")),
        get("/users/me").header("authorization", HEADER),
        get("/users/me").header("authorization", format!("Bearer {token}x")),
    ] {
        request.send().await.unwrap();
    }
    let mut by_query = Socket::try_open(&socket_url(&format!("?token={token}")), &[]).await.unwrap();
    let by_cookie = Socket::try_open(&socket_url("/"), &[("Cookie", &cookie)]).await.unwrap();
    assert!(Socket::try_open(&socket_url(&format!("?token={token}x")), &[]).await.is_err());
    by_query.asks(json!({ "type": "login", "token": token })).await;
    by_query.asks(json!({ "type": "login", "token": format!("{token}x") })).await;
    by_cookie.close().await;

    let group = one.group(&[other]).await;
    let message = one.send(group, WORDS).await["id"].as_i64().unwrap();
    one.patch(&format!("/messages/{message}"), json!({ "content": OTHER_WORDS })).await.expect(200);
    let send = json!({ "type": "send_message", "conversation_id": group, "content": WORDS, "nonce": "n" });
    by_query.ask(send.clone()).await;
    by_query.ask(json!({ "type": "send_message", "conversation_id": 987_654, "content": OTHER_WORDS })).await;
    by_query.ask(json!({ "type": "nonsense", "content": OTHER_WORDS })).await;
    while by_query.hear().await["type"] != "error" {}
    let mut direct = one.direct_socket(other.id).await.unwrap();
    direct.asks(json!({ "message": WORDS })).await;
    direct.ask(json!({ "words": OTHER_WORDS })).await;
    direct.hear().await;
    one.post("/messages/send_message", json!({ "receiver_id": other.id, "content": OTHER_WORDS })).await.expect(201);
    other.get(&format!("/conversations/{group}/messages")).await.expect(200);
    direct.close().await;
    by_query.close().await;
}

/// Waits until the log tells of a mail to someone who did nothing before: all that was logged before it is there then.
async fn whole_log(server: &Server) -> String {
    let last = "last@example.org";
    let account = json!({ "username": "last", "password": PASSWORD, "email": last });
    server.post("/users/register", account).await.expect(201);
    let told = async {
        while !server.log().contains(last) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, told).await.unwrap();
    server.log()
}

async fn nothing_secret_is_logged(server: Server, mut mails: Mails) {
    let mut secrets = Secrets::default();
    let mut people = vec![];
    for name in PEOPLE {
        people.push(come_in(&server, &mut mails, name, &mut secrets).await);
    }
    let [ann, bob, _] = people.as_slice() else { unreachable!() };
    talk(&server, ann, bob).await;
    ann.post("/users/logout", json!({})).await.expect(204);

    let log = whole_log(&server).await;
    assert!(
        log.contains("\"level\":\"TRACE\"") || log.contains("\"level\":\"DEBUG\""),
        "it logs all that it can: {log}"
    );
    let (header, _) = HEADER.split_at(HEADER.len() - 2);
    let said = [PASSWORD, SECOND, THIRD, WRONG, WORDS, OTHER_WORDS, MAIL_PASSWORD, header.trim_start_matches("Basic ")];
    for secret in secrets.known.iter().map(String::as_str).chain(said) {
        let leak = log.lines().find(|line| line.contains(secret));
        assert!(leak.is_none(), "{secret:?} is in the log: {leak:?}");
    }
    assert_eq!(secrets.digits.len(), PEOPLE.len());
    let leaked = secrets.digits.iter().filter(|code| stands_alone(&log, code));
    assert!(leaked.count() < PEOPLE.len(), "codes are in the log");
}

/// Whether digits are in a log as a number of their own.
fn stands_alone(log: &str, code: &str) -> bool {
    log.match_indices(code).any(|(position, _)| {
        let before = log[..position].bytes().next_back();
        let after = log[position + code.len()..].bytes().next();
        [before, after].into_iter().flatten().all(|byte| !byte.is_ascii_alphanumeric() && byte != b'.')
    })
}

#[tokio::test]
async fn on_sqlite_with_a_mail_server_nothing_secret_is_logged() {
    let post = MailServer::start(&["--tls", "start", "--login", &format!("chat:{MAIL_PASSWORD}")]).await;
    let url = post.url("smtp", &format!("chat:{MAIL_PASSWORD}@"), "");
    let authority = post.authority();
    let flags = ["--log", "trace", "--smtp-url", &url, "--smtp-ca", authority.to_str().unwrap()];
    nothing_secret_is_logged(Server::start_with(&flags).await, Mails::Sent(Box::new(post))).await;
}

#[tokio::test]
async fn on_postgres_with_mails_as_files_nothing_secret_is_logged() {
    let database = Database::create().await;
    let server = Server::start_with(&["--log", "trace", "--database-url", database.url()]).await;
    nothing_secret_is_logged(server, Mails::Files).await;
}
