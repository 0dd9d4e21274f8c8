//! `GET /metrics`: what is counted, in which words, and who may read it.

use crate::scene::{Scrape, WORDS, scraped, used};
use chat_core::metrics::{self, DELIVERIES, SESSIONS_OPEN};
use chat_core::wire::protocol::CODES;
use chat_tests::{Kind, PATIENCE, Server, Socket};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use std::collections::BTreeSet;
use tokio::time::timeout;

#[tokio::test]
async fn everything_that_is_measured_is_there_with_its_meaning() {
    let server = Server::start(Kind::Program).await;
    let _sockets = used(&server).await;
    let scrape = scraped(&server, |scrape| scrape.sum("chat_mails_sent_total", &[]) == 1.0).await;

    let process = ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "chat_build_info"];
    for name in metrics::ALL.iter().chain(&process) {
        let kind = match *name {
            name if name.ends_with("_total") => "counter",
            // The convention: what is measured each time goes by its unit alone.
            name if name.ends_with("_seconds") || name.ends_with("_changes") => "histogram",
            _ => "gauge",
        };
        assert!(scrape.text.contains(&format!("# TYPE {name} {kind}\n")), "{name} is no {kind}\n{}", scrape.text);
        assert!(scrape.text.contains(&format!("# HELP {name} ")), "{name} has no meaning");
        let sample = if kind == "histogram" { format!("{name}_count") } else { (*name).to_owned() };
        assert!(scrape.labels(&sample).is_some(), "{name} has no value");
    }
    assert_eq!(scrape.sum("chat_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    assert!(scrape.sum("process_resident_memory_bytes", &[]) > 1_000_000.0);
    assert!(scrape.sum("process_open_fds", &[]) > 2.0);
}

#[tokio::test]
async fn each_thing_is_counted_as_often_as_it_happens() {
    let server = Server::start(Kind::Program).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
    let before = scraped(&server, |scrape| scrape.sum(SESSIONS_OPEN, &[]) == 2.0).await;

    for n in 0..5 {
        at_ann.ask(json!({ "type": "send_message", "conversation_id": group, "content": WORDS, "ref": n })).await;
        at_ann.hear_of("send_message").await;
        at_bob.hear_of("send_message").await;
    }
    let path = ("route", "/messages/{id}");
    let not_found = [("method", "GET"), path, ("status", "404")];
    for id in [4_711, 4_712] {
        ann.get(&format!("/messages/{id}")).await.refuses(404, "not_found");
    }
    at_bob.ask(json!({ "type": "rename_conversation", "conversation_id": 4_711, "name": "x", "ref": 1 })).await;
    while at_bob.hear().await["ref"] != 1 {}

    let grown =
        |after: &Scrape, name: &str, labels: &[(&str, &str)]| after.sum(name, labels) - before.sum(name, labels);
    let of_socket = [("transport", "socket"), ("code", "not_found")];
    let after = scraped(&server, |after| {
        grown(after, DELIVERIES, &[]) >= 10.0
            && grown(after, "chat_append_seconds_count", &[]) >= 6.0
            && grown(after, "chat_refusals_total", &of_socket) >= 1.0
    });
    let after = after.await;
    for (name, labels, times) in [
        // Two sessions hear five messages; whoever is refused hears it without a publication.
        (DELIVERIES, &[][..], 10.0),
        ("chat_publications_total", &[], 5.0),
        ("chat_append_seconds_count", &[], 6.0),
        ("chat_append_batch_changes_sum", &[], 6.0),
        ("chat_commit_seconds_count", &[], 6.0),
        ("chat_http_requests_total", &not_found, 2.0),
        ("chat_http_request_seconds_count", &not_found[..2], 2.0),
        ("chat_refusals_total", &[("transport", "http"), ("code", "not_found")], 2.0),
        ("chat_refusals_total", &of_socket, 1.0),
        ("chat_lagged_total", &[], 0.0),
    ] {
        assert_eq!(grown(&after, name, labels), times, "{name} {labels:?}");
    }
    assert_eq!(after.sum("chat_sessions_opened_total", &[]), 2.0);
    // Two registrations, two logins.
    assert_eq!(after.sum("chat_password_hash_seconds_count", &[]), 4.0);
    drop(at_ann);
    scraped(&server, |scrape| scrape.sum(SESSIONS_OPEN, &[]) == 1.0).await;
}

#[tokio::test]
async fn a_reader_who_stalls_is_seen_in_the_fullest_outbox_and_then_as_lagged() {
    let server = Server::start_with(&["--storage", "memory"]).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let _stalled = bob.narrow_socket().await;
    let mut socket = ann.socket().await;
    let content = "x".repeat(16_000);
    let mut fullest = 0.0_f64;
    let flooding = async {
        for n in 0.. {
            socket.ask(json!({ "type": "send_message", "conversation_id": group, "content": content, "ref": n })).await;
            while socket.hear().await["ref"] != n {}
            let scrape = Scrape::of(&server).await;
            fullest = fullest.max(scrape.sum("chat_outbox_fullest_bytes", &[]));
            if scrape.sum("chat_lagged_total", &[]) > 0.0 {
                break;
            }
        }
    };
    timeout(PATIENCE, flooding).await.expect("a reader who does not read lags");
    assert!(fullest >= 16_000.0, "{fullest}");
}

#[tokio::test]
async fn labels_are_few_and_tell_of_nobody() {
    let server = Server::start(Kind::Program).await;
    let _sockets = used(&server).await;
    let scrape = scraped(&server, |scrape| scrape.sum("chat_http_requests_total", &[("method", "other")]) > 0.0).await;

    let openapi = chat_warp::openapi();
    let routes: BTreeSet<_> =
        openapi["paths"].as_object().unwrap().keys().map(String::as_str).chain(["none"]).collect();
    for (sample, label, value) in
        scrape.samples.iter().flat_map(|sample| sample.labels.iter().map(move |(label, value)| (sample, label, value)))
    {
        let is_known = match label.as_str() {
            "route" => routes.contains(value.as_str()),
            "method" => ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"].contains(&value.as_str()),
            "status" => value.parse().is_ok_and(|status: u16| (101..600).contains(&status)),
            "code" => {
                CODES.contains(&value.as_str()) || ["method_not_allowed", "upgrade_required"].contains(&value.as_str())
            }
            "transport" => ["http", "socket"].contains(&value.as_str()),
            "reason" => ["no_room", "refused", "given_up"].contains(&value.as_str()),
            "le" => value == "+Inf" || value.parse::<f64>().is_ok(),
            "version" => sample.name == "chat_build_info",
            _ => false,
        };
        assert!(is_known, "{}: {label}={value}", sample.name);
    }
    for word in ["ann", "bob", "4711", WORDS, "example.org", "such"] {
        assert!(
            !scrape.samples.iter().any(|sample| sample.labels.values().any(|value| value.contains(word))),
            "{word}"
        );
    }
}

/// Whether there is such a page for whoever asks so.
async fn is_there(request: RequestBuilder) -> bool {
    let answer = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
    match answer.status().as_u16() {
        200 => true,
        404 => {
            let told: serde_json::Value = answer.json().await.unwrap();
            assert_eq!((&told["code"], &told["detail"]), (&json!("not_found"), &json!("no such route")));
            false
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn without_a_token_they_are_for_this_machine_and_not_for_what_a_proxy_brings() {
    let server = Server::start_with(&["--storage", "memory"]).await;
    let ask = |method: Method, path: &str| server.request(method, path);
    assert!(is_there(ask(Method::GET, "/metrics")).await);
    assert!(is_there(ask(Method::GET, "/metrics/")).await);
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
        ("x-real-ip", "192.0.2.1"),
        ("via", "1.1 proxy"),
        ("host", "chat.example.org"),
        // No secret is set that this could be.
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        let request = ask(Method::GET, "/metrics").header(name, value).bearer_auth("");
        assert!(!is_there(request).await, "{name}: {value}");
    }
    assert!(!is_there(ask(Method::POST, "/metrics")).await);
    assert!(!is_there(ask(Method::GET, "/metrics/more")).await);
}

#[tokio::test]
async fn with_a_token_they_are_for_whoever_shows_it() {
    const TOKEN: &str = "0123456789abcdef0123";
    let server = Server::start_with(&["--storage", "memory", "--metrics-token", TOKEN]).await;
    let ask = || server.request(Method::GET, "/metrics");
    assert!(!is_there(ask()).await);
    assert!(!is_there(ask().bearer_auth("0123456789abcdef0124")).await);
    assert!(is_there(ask().bearer_auth(TOKEN)).await);
    assert!(
        is_there(ask().bearer_auth(TOKEN).header("x-forwarded-for", "192.0.2.1").header("host", "chat.example.org"))
            .await
    );
    assert!(!server.log().contains(TOKEN));
}
