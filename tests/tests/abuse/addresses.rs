//! Limits by the address that a client has, or that a proxy says it has.

use crate::{PING, client, connect, exchange, from, rest};
use chat_tests::{Kind, PATIENCE, Person, Server};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use reqwest::Client;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

const LIMITED: [&str; 2] = ["--rate-limits", "on"];

/// The status of the answer; 0 if there is none.
async fn log_in(server: &Server, from: &Client, name: &str, password: &str) -> u16 {
    let body = json!({ "username": name, "password": password }).to_string();
    from.post(server.url("/users/login")).body(body).send().await.map_or(0, |answer| answer.status().as_u16())
}

/// Whether one of a few tries is refused for being too many; each is malformed, and so costs nothing. Untouched budgets allow
/// more than these, and spent ones get one back in two seconds.
async fn is_refused(server: &Server, from: &Client, forwarded: &[&str]) -> bool {
    tries(server, from, forwarded, 20).await
}

/// Whether a limit is ever met.
async fn meets_a_limit(server: &Server, from: &Client, forwarded: &[&str]) -> bool {
    tries(server, from, forwarded, 1_000).await
}

async fn tries(server: &Server, from: &Client, forwarded: &[&str], most: usize) -> bool {
    for number in 0..most {
        let request =
            from.post(server.url("/users/login")).header("x-forwarded-for", forwarded[number % forwarded.len()]);
        let answer = request.send().await.unwrap();
        match answer.status().as_u16() {
            429 => return answer.headers().contains_key("retry-after"),
            status => assert_eq!(status, 422),
        }
    }
    false
}

#[tokio::test]
async fn a_flood_of_logins_from_one_address_keeps_nobody_elsewhere_from_logging_in() {
    let server = Server::start_with(&LIMITED).await;
    server.people(["ann", "bob"]).await;
    let [flooding, elsewhere] = [client(2), client(3)].map(from);
    let names: Vec<_> =
        (0..600).map(|number| if number % 2 == 0 { "ann".to_owned() } else { format!("x{number}") }).collect();
    let mut flood: FuturesUnordered<_> =
        names.iter().map(|name| log_in(&server, &flooding, name, "a wrong guess")).collect();

    // From the first refusal on, nothing more fits: without a limit by address, nothing of anyone.
    while flood.next().await.unwrap() != 429 {}
    for name in ["ann", "bob"] {
        let others = async { while flood.next().await.is_some() {} };
        let logged_in = log_in(&server, &elsewhere, name, Person::PASSWORD);
        tokio::pin!(others, logged_in);
        let status = tokio::select! {
            biased;
            status = &mut logged_in => status,
            () = &mut others => logged_in.await,
        };
        assert_eq!(status, 200, "{name}");
    }
}

#[tokio::test]
async fn limits_are_on_unless_they_are_switched_off() {
    let on = Server::start_with_environment(&[("JWTSECRET", "secret"), ("CHAT_RATE_LIMITS", "on")]).await;
    assert!(meets_a_limit(&on, &from(client(2)), &[""]).await);
    assert!(!is_refused(&on, &from(client(3)), &[""]).await);
    let off = Server::start(Kind::Program).await;
    assert!(!tries(&off, &from(client(2)), &[""], 200).await);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_client_is_who_it_says_and_nobody_else_is_believed() {
    let flags =
        [&LIMITED[..], &["--client-address-header", "x-forwarded-for", "--trusted-proxies", "127.0.0.2,10.0.0.0/8"]];
    let server = Server::start_with(&flags.concat()).await;
    let proxy = from(client(2));

    assert!(meets_a_limit(&server, &proxy, &["192.0.2.1"]).await);
    assert!(!is_refused(&server, &proxy, &["192.0.2.2"]).await);
    // What the client itself has put in front, and a further proxy behind, change nothing.
    for forwarded in ["192.0.2.77, 192.0.2.1", "192.0.2.1, 10.0.0.1", "192.0.2.78,192.0.2.1:4711 , 10.0.0.1"] {
        assert!(is_refused(&server, &proxy, &[forwarded]).await, "{forwarded}");
    }
    // Whoever comes past the proxy counts as who they are, whatever they say.
    let spoofing: Vec<_> = (1..=250).map(|number| format!("198.51.100.{number}")).collect();
    let spoofing: Vec<_> = spoofing.iter().map(String::as_str).collect();
    assert!(meets_a_limit(&server, &from(client(3)), &spoofing).await);
    assert!(!is_refused(&server, &proxy, &["198.51.100.1"]).await);
}

#[tokio::test]
async fn an_address_has_so_many_connections_sockets_among_them() {
    let server = Server::start_with(&[&LIMITED[..], &["--connections-per-address", "2"]].concat()).await;
    let ann = server.person("ann").await;
    let [mut first, mut second] = [connect(&server, client(2)).await, connect(&server, client(2)).await];
    assert_eq!(exchange(&mut first, PING, 12).await, "HTTP/1.1 200");
    let upgrade = format!(
        "GET /ws?token={} HTTP/1.1\r\nhost: chat\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        ann.token
    );
    assert_eq!(exchange(&mut second, &upgrade, 12).await, "HTTP/1.1 101");

    let refusal = rest(&mut connect(&server, client(2)).await).await;

    let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 10\r\n"), "{refusal}");
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(429), &json!("rate_limited")));
    let mut elsewhere = connect(&server, client(3)).await;
    assert_eq!(exchange(&mut elsewhere, PING, 12).await, "HTTP/1.1 200");
    drop(second);
    let comes_in = async {
        loop {
            let mut next = connect(&server, client(2)).await;
            // Whoever is turned away may find the connection closed at any moment.
            let _ = next.write_all(PING.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n").as_bytes()).await;
            if rest(&mut next).await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    };
    timeout(PATIENCE, comes_in).await.unwrap();
}
