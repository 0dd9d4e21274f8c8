//! What is refused for being too much: by account with the engine's limits, by address where the host tells it.

use crate::{Answer, Fixture, PASSWORD, Person};
use chat_core::{Limits, Rate, RateLimits};
use chat_warp::{AddressLimits, ClientAddress};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const HOUR: Duration = Duration::from_secs(3_600);
const PATIENCE: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(server: SocketAddr, person: &Person, path: &str) -> Result<Socket, tungstenite::Error> {
    let mut request = format!("ws://{server}{path}").into_client_request().unwrap();
    request.headers_mut().insert("authorization", person.bearer().parse().unwrap());
    Ok(connect_async(request).await?.0)
}

/// Says something, and gives the first frame that answers it.
async fn say(socket: &mut Socket, said: &Value, is_answer: impl Fn(&Value) -> bool) -> Value {
    socket.send(Message::text(said.to_string())).await.unwrap();
    loop {
        let message = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        let frame = serde_json::from_str(message.to_text().unwrap()).unwrap();
        if is_answer(&frame) {
            return frame;
        }
    }
}

/// The code with which the server closes.
async fn closed(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() {
            return frame.unwrap().code.into();
        }
    }
}

fn by_account(change: impl FnOnce(&mut RateLimits)) -> Fixture {
    let mut rates = RateLimits::for_people();
    change(&mut rates);
    let mut limits = Limits::default();
    limits.rates = Some(rates);
    Fixture::with(limits, |options| options)
}

/// With two of everything for each address, and then none for an hour.
fn by_address() -> Fixture {
    let mut limits = AddressLimits::for_people();
    let two = Rate::new(2, HOUR);
    (limits.logins, limits.logins_of_one, limits.registrations) = (two, two, two);
    (limits.mails, limits.sockets, limits.refreshes) = (two, two, two);
    Fixture::with(Limits::default(), |options| options.address_limits(limits))
}

/// Asks as nobody from an address.
async fn post(fixture: &Fixture, from: &str, path: &str, body: Value) -> Answer {
    let request = warp::test::request().method("POST").path(path).body(body.to_string());
    Answer(request.extension(ClientAddress(from.parse().unwrap())).reply(&fixture.routes).await)
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.status(), 429, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "3600");
}

fn account(number: usize) -> Value {
    json!({ "username": format!("user{number}"), "fullname": "User", "password": PASSWORD })
}

#[tokio::test]
async fn a_refusal_is_a_problem_that_says_when_to_come_back() {
    let fixture = by_account(|rates| rates.messages = Rate::new(1, HOUR));
    let [ann, bob] = [fixture.person("ann").await, fixture.person("bob").await];
    let group = fixture.ask(&ann, "POST", "/groups", json!({ "name": "tea", "members": ["bob"] })).await.expect(201);
    let path = format!("/conversations/{}/messages", group["id"]);
    let send = async |person: &Person| fixture.ask(person, "POST", &path, json!({ "content": "hi" })).await;
    assert_eq!(send(&ann).await.status(), 201);

    let refused = send(&ann).await;

    assert_eq!((refused.problem(429).as_str(), refused.header("retry-after")), ("rate_limited", "3600"));
    // The other route, and writing to a person, draw on the same.
    for receiver in [group["id"].as_i64().unwrap(), bob.id.into()] {
        let body = json!({ "receiver_id": receiver, "content": "hi" });
        is_refused(&fixture.ask(&ann, "POST", "/messages/send_message", body).await);
    }
    assert_eq!(send(&bob).await.status(), 201);
}

#[tokio::test]
async fn messages_have_one_budget_over_http_and_both_sockets() {
    let fixture = by_account(|rates| rates.messages = Rate::new(3, HOUR));
    let [ann, bob] = [fixture.person("ann").await, fixture.person("bob").await];
    let server = fixture.serve().await;
    let direct = fixture.ask(&ann, "PUT", &format!("/conversations/direct/{}", bob.id), json!({})).await.expect(201);
    let path = format!("/conversations/{}/messages", direct["id"]);
    let mut events = open(server, &ann, "/ws").await.unwrap();
    let mut chat = open(server, &ann, &format!("/ws/chat/{}", bob.id)).await.unwrap();
    let send =
        json!({ "type": "send_message", "conversation_id": direct["id"], "content": "over the socket", "ref": 1 });
    let is_mine = |frame: &Value| frame["ref"] == 1;

    assert_eq!(fixture.ask(&ann, "POST", &path, json!({ "content": "over HTTP" })).await.status(), 201);
    assert_eq!(say(&mut events, &send, is_mine).await["success"], true);
    say(&mut chat, &json!({ "message": "directly" }), |frame| frame["message"] == "directly").await;

    is_refused(&fixture.ask(&ann, "POST", &path, json!({ "content": "more" })).await);
    assert_eq!(say(&mut events, &send, is_mine).await["code"], "rate_limited");
    let refusal = say(&mut chat, &json!({ "message": "more" }), |frame| frame["type"] == "error").await;
    assert_eq!(refusal["message"], "too many requests, try again later");
    assert_eq!(fixture.ask(&bob, "POST", &path, json!({ "content": "mine" })).await.status(), 201);
}

#[tokio::test]
async fn a_socket_that_goes_on_long_after_being_refused_is_closed() {
    for path in ["/ws", "/ws/chat/2"] {
        let fixture = by_account(|rates| {
            rates.messages = Rate::new(1, HOUR);
            rates.refusals = Rate::new(20, HOUR);
        });
        let [ann, bob] = [fixture.person("ann").await, fixture.person("bob").await];
        assert_eq!(i64::from(bob.id), 2);
        let mut socket = open(fixture.serve().await, &ann, path).await.unwrap();
        let group = fixture.ask(&ann, "POST", "/groups", json!({ "name": "tea" })).await.expect(201)["id"].clone();
        let said = json!({ "type": "send_message", "conversation_id": group, "content": "hi", "message": "hi" });
        for _ in 0..22 {
            socket.send(Message::text(said.to_string())).await.unwrap();
        }
        assert_eq!(closed(&mut socket).await, 4429, "{path}");
    }
}

#[tokio::test]
async fn requests_of_every_kind_have_a_budget_by_account() {
    let fixture = by_account(|rates| rates.requests = Rate::new(3, HOUR));
    let [ann, bob] = [fixture.person("ann").await, fixture.person("bob").await];
    for path in ["/users/me", "/conversations", "/auth/verify"] {
        assert_eq!(fixture.get(&ann, path).await.status(), 200);
    }
    for path in ["/users/me", "/conversations", "/auth/verify", "/users/me/logins"] {
        is_refused(&fixture.get(&ann, path).await);
    }
    assert_eq!(fixture.get(&bob, "/users/me").await.status(), 200);
}

#[tokio::test]
async fn passwords_and_codes_are_tried_so_often_from_one_address() {
    let code = json!({ "email": "ann@example.org", "code": "123456", "password": PASSWORD });
    for (path, body, status) in [
        ("/users/login", account(1), 401),
        ("/users/token", account(1), 401),
        ("/auth/login", account(1), 401),
        ("/users/verify", code.clone(), 401),
        ("/users/authorize", code.clone(), 401),
        ("/users/reset_password", code, 401),
    ] {
        let fixture = by_address();
        for _ in 0..2 {
            assert_eq!(post(&fixture, "192.0.2.1", path, body.clone()).await.status(), status, "{path}");
        }
        for path in ["/users/login", "/users/token", "/auth/login", "/users/verify", "/users/authorize"] {
            is_refused(&post(&fixture, "192.0.2.1", path, json!({})).await);
        }
        assert_eq!(post(&fixture, "192.0.2.2", path, body).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn one_address_tries_one_account_less_often_than_many() {
    let mut limits = AddressLimits::for_people();
    limits.logins_of_one = Rate::new(2, HOUR);
    let fixture = Fixture::with(Limits::default(), |options| options.address_limits(limits));
    fixture.person("ann").await;
    fixture.person("bob").await;
    let log_in = async |from: &str, name: &str, password: &str| {
        post(&fixture, from, "/users/login", json!({ "username": name, "password": password })).await
    };
    for name in ["ann", "ANN"] {
        assert_eq!(log_in("192.0.2.1", name, "a wrong guess").await.status(), 401);
    }
    is_refused(&log_in("192.0.2.1", "Ann", PASSWORD).await);
    assert_eq!(log_in("192.0.2.1", "bob", PASSWORD).await.status(), 200);
    assert_eq!(log_in("192.0.2.2", "ann", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn accounts_are_made_so_often_from_one_address() {
    let fixture = by_address();
    assert_eq!(post(&fixture, "192.0.2.1", "/users/register", account(1)).await.status(), 201);
    assert_eq!(post(&fixture, "192.0.2.1", "/register", account(2)).await.status(), 201);
    for path in ["/users/register", "/register"] {
        is_refused(&post(&fixture, "192.0.2.1", path, account(3)).await);
    }
    assert_eq!(post(&fixture, "192.0.2.2", "/users/register", account(3)).await.status(), 201);
}

#[tokio::test]
async fn mails_are_asked_for_so_often_from_one_address() {
    let fixture = by_address();
    let body = json!({ "email": "ann@example.org" });
    for path in ["/users/forgot_password", "/users/resend_code"] {
        assert_eq!(post(&fixture, "192.0.2.1", path, body.clone()).await.status(), 202);
    }
    for path in ["/users/forgot_password", "/users/resend_code"] {
        is_refused(&post(&fixture, "192.0.2.1", path, body.clone()).await);
        assert_eq!(post(&fixture, "192.0.2.2", path, body.clone()).await.status(), 202);
    }
    // Registering is one more if it mails, and changing one's address is.
    let mut mailed = account(1);
    mailed["email"] = "bob@example.org".into();
    is_refused(&post(&fixture, "192.0.2.1", "/users/register", mailed).await);
    assert_eq!(post(&fixture, "192.0.2.1", "/users/register", account(1)).await.status(), 201);
    let ann = fixture.person("ann").await;
    let change = json!({ "email": "ann@example.org", "old_password": PASSWORD }).to_string();
    let change =
        warp::test::request().method("PATCH").path("/users/me").header("authorization", ann.bearer()).body(change);
    let from = ClientAddress("192.0.2.1".parse().unwrap());
    is_refused(&Answer(change.extension(from).reply(&fixture.routes).await));
}

#[tokio::test]
async fn refresh_tokens_are_tried_so_often_from_one_address() {
    let fixture = by_address();
    let guess = json!({ "refresh_token": "a guess" });
    for _ in 0..2 {
        assert_eq!(post(&fixture, "192.0.2.1", "/users/token/refresh", guess.clone()).await.status(), 401);
    }
    is_refused(&post(&fixture, "192.0.2.1", "/users/token/refresh", guess.clone()).await);
    assert_eq!(post(&fixture, "192.0.2.2", "/users/token/refresh", guess).await.status(), 401);
}

#[tokio::test]
async fn sockets_are_opened_so_often_from_one_address() {
    let fixture = by_address();
    let open = async |from: &str| {
        let request = warp::test::request().path("/ws").extension(ClientAddress(from.parse().unwrap()));
        Answer(request.reply(&fixture.routes).await)
    };
    for _ in 0..2 {
        assert_eq!(open("192.0.2.1").await.status(), 401);
    }
    is_refused(&open("192.0.2.1").await);
    assert_eq!(open("192.0.2.2").await.status(), 401);
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_are_one() {
    let fixture = by_address();
    for address in ["2001:db8::1", "2001:db8::2"] {
        assert_eq!(post(&fixture, address, "/users/login", account(1)).await.status(), 401);
    }
    is_refused(&post(&fixture, "2001:db8::3", "/users/login", account(1)).await);
    assert_eq!(post(&fixture, "2001:db8:0:1::3", "/users/login", account(1)).await.status(), 401);
}

#[tokio::test]
async fn a_header_is_not_believed_and_without_an_address_none_is_counted() {
    let fixture = by_address();
    for number in 0..5 {
        let request = warp::test::request().method("POST").path("/users/login").header("x-forwarded-for", "192.0.2.1");
        let answer = Answer(request.body(account(number).to_string()).reply(&fixture.routes).await);
        assert_eq!(answer.status(), 401);
    }
}

#[tokio::test]
async fn the_socket_too_many_of_a_user_is_refused_before_it_opens() {
    let mut limits = Limits::default();
    limits.sessions_per_user_max = 1;
    let fixture = Fixture::with(limits, |options| options);
    let [ann, bob] = [fixture.person("ann").await, fixture.person("bob").await];
    let server = fixture.serve().await;
    let _first = open(server, &ann, "/ws").await.unwrap();
    for path in ["/ws".to_owned(), format!("/ws/chat/{}", bob.id)] {
        let Err(tungstenite::Error::Http(refused)) = open(server, &ann, &path).await else { panic!("it opened") };
        assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"30".parse().unwrap()));
        let problem: Value = serde_json::from_slice(refused.body().as_ref().unwrap()).unwrap();
        assert_eq!(
            (&problem["code"], &problem["detail"]),
            (&json!("rate_limited"), &json!("too many sockets of this user are open: 1 at most"),)
        );
    }
    open(server, &bob, "/ws").await.unwrap();
}
