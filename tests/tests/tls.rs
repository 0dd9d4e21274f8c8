//! The server with a certificate of its own: what is spoken, how the certificate is replaced, and what it costs the others that
//! someone does not shake hands. What sockets do over TLS besides is in `slow_readers.rs` and `direct_socket.rs`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::tls::{self, CERT, KEY, NAME};
use chat_tests::{Kind, PATIENCE, Server, Socket, run};
use futures::future::join_all;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};

/// Shakes hands as a client that offers these protocols.
async fn connect(server: &Server, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::new(tls::client_config(protocols)));
    let stream = TcpStream::connect(server.addr()).await?;
    let name = ServerName::try_from(NAME).unwrap();
    timeout(PATIENCE, connector.connect(name, stream)).await.unwrap()
}

/// The certificate that the server shows now.
async fn shown(server: &Server) -> CertificateDer<'static> {
    let stream = connect(server, &[]).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

fn in_file(server: &Server) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(server.directory().join(CERT)).unwrap()
}

#[tokio::test]
async fn requests_and_sockets_are_served_over_tls() {
    let server = Server::start_with_tls(&[]).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let group = ann.group(&[&bob]).await;
    let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

    at_ann.ask(json!({ "type": "send_message", "conversation_id": group, "content": "Tea?", "ref": 1 })).await;

    assert_eq!(at_ann.hear_of("send_message").await["ref"], 1);
    assert_eq!(at_bob.hear_of("send_message").await["data"]["content"], "Tea?");
    assert_eq!(
        bob.get(&format!("/conversations/{group}/messages")).await.expect(200)["messages"][0]["content"],
        "Tea?"
    );
}

#[tokio::test]
async fn browsers_are_told_to_come_by_tls_only_where_they_did() {
    let (encrypted, bare) = (Server::start_with_tls(&[]).await, Server::start(Kind::Program).await);
    for path in ["/", "/healthz", "/users/me", "/nowhere"] {
        assert_eq!(encrypted.get(path).await.header("strict-transport-security"), "max-age=31536000", "{path}");
        assert_eq!(bare.get(path).await.header("strict-transport-security"), "", "{path}");
    }
}

#[tokio::test]
async fn sockets_over_tls_are_closed_with_a_reason_when_the_server_stops() {
    let server = Server::start_with_tls(&[]).await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let mut sockets = [ann.socket().await, bob.socket().await, ann.direct_socket(bob.id).await.unwrap()];

    let (_, closed) = tokio::join!(server.restart(), join_all(sockets.iter_mut().map(Socket::closed)));

    for frame in closed {
        assert_eq!(frame.map(|frame| frame.code.into()), Some(1_001));
    }
}

#[tokio::test]
async fn http_1_is_what_clients_agree_on() {
    let server = Server::start_with_tls(&[]).await;
    let chosen = connect(&server, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(chosen.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(connect(&server, &[b"h2"]).await.is_err());
}

#[tokio::test]
async fn nothing_is_answered_without_tls() {
    let server = Server::start_with_tls(&[]).await;
    let mut bare = TcpStream::connect(server.addr()).await.unwrap();
    bare.write_all(b"GET /healthz HTTP/1.1\r\nhost: chat\r\n\r\n").await.unwrap();
    let mut heard = vec![];
    // An alert, or the connection is reset.
    let _ = timeout(PATIENCE, bare.read_to_end(&mut heard)).await.unwrap();
    assert!(!String::from_utf8_lossy(&heard).contains("HTTP"), "{heard:?}");
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_holds_up_nobody_and_is_let_go() {
    let server = Server::start_with_tls(&[]).await;
    let mut silent = join_all((0..20).map(|_| TcpStream::connect(server.addr()))).await;
    // Half a handshake is none, either.
    silent[0].as_mut().unwrap().write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();

    server.get("/healthz").await.expect(200);

    for stream in silent {
        let mut heard = vec![];
        let _ = timeout(PATIENCE, stream.unwrap().read_to_end(&mut heard)).await.expect("an end of waiting");
    }
}

#[tokio::test]
async fn a_server_that_stops_waits_for_no_handshake() {
    let mut server = Server::start_with_tls(&["--shutdown-seconds", "3600"]).await;
    let _silent = TcpStream::connect(server.addr()).await.unwrap();
    server.get("/healthz").await.expect(200);

    server.signal("TERM").await;

    assert_eq!(server.ended().await, Some(0), "{}", server.log());
}

#[tokio::test]
async fn a_new_certificate_is_taken_over_and_open_sockets_stay() {
    let server = Server::start_with_tls(&[]).await;
    let mut socket = server.person("ann").await.socket().await;
    let before = in_file(&server);
    assert_eq!(shown(&server).await, before);

    tls::certify(server.directory());
    assert_eq!(shown(&server).await, before, "nobody has told the server yet");
    server.signal("HUP").await;
    server.logs("took over the certificate", 1).await;

    assert_ne!(in_file(&server), before);
    assert_eq!(shown(&server).await, in_file(&server));
    assert_eq!(socket.asks(json!({ "type": "ping" })).await["data"], "pong");
}

#[tokio::test]
async fn a_bad_new_certificate_is_told_of_and_the_old_one_stays() {
    let server = Server::start_with_tls(&[]).await;
    let before = in_file(&server);
    std::fs::write(server.directory().join(CERT), "no certificate").unwrap();

    server.signal("HUP").await;
    server.logs("the certificate of before is used", 1).await;
    assert_eq!(shown(&server).await, before);

    tls::certify(server.directory());
    server.signal("HUP").await;
    server.logs("took over the certificate", 1).await;
    assert_eq!(shown(&server).await, in_file(&server));
}

/// What the program says that does not start, in one line.
async fn refusal(directory: &Path) -> String {
    let arguments = ["--addr", "127.0.0.1:0", "--storage", "memory", "--tls-cert", CERT, "--tls-key", KEY];
    let output = run(directory, &arguments, &[("JWTSECRET", "only for tests")], "").await;
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), log.lines().count()), (Some(1), 1), "{log}");
    log
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    assert!(refusal(directory).await.contains("the certificate cert.pem cannot be read: No such file"));
    tls::certify(directory);
    let (cert, key) = (directory.join(CERT), directory.join(KEY));
    let good = std::fs::read(&cert).unwrap();
    std::fs::write(&cert, "no certificate").unwrap();
    assert!(refusal(directory).await.contains("there is no certificate in cert.pem"));
    std::fs::write(&cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(refusal(directory).await.contains("the certificate cert.pem cannot be used"));
    std::fs::write(&cert, &good).unwrap();
    std::fs::write(&key, &good).unwrap();
    assert!(refusal(directory).await.contains("there is no key of the certificate in key.pem"));
    tls::certify(directory);
    std::fs::write(&cert, &good).unwrap();
    assert!(refusal(directory).await.contains("the key key.pem is not that of the certificate cert.pem"));
    std::fs::remove_file(&key).unwrap();
    assert!(refusal(directory).await.contains("the key of the certificate key.pem cannot be read: No such file"));
}

#[tokio::test]
async fn a_certificate_without_its_key_is_no_configuration() {
    let output = run(Path::new("."), &["--tls-cert", CERT], &[], "").await;
    assert_eq!(output.status.code(), Some(2));
}

/// What `chat-server health` comes to in the environment of a server.
async fn is_healthy(server: &Server, environment: &[(&str, &str)]) -> bool {
    let addr = server.addr().to_string();
    server.run(&["health"], &[&[("CHAT_ADDR", addr.as_str())], environment].concat()).await.0
}

#[tokio::test]
async fn the_health_of_a_server_with_tls_is_asked_by_tls() {
    let server = Server::start_with_tls(&[]).await;
    std::fs::write(server.directory().join("ca.pem"), tls::authority_pem()).unwrap();
    let (cert, ca) = (("CHAT_TLS_CERT", CERT), ("CHAT_TLS_CA", "ca.pem"));
    assert!(is_healthy(&server, &[cert, ca]).await);
    assert!(is_healthy(&server, &[cert, ca, ("PUBLIC_URL", "https://chat.example.org")]).await);
    assert!(!is_healthy(&server, &[cert, ca, ("PUBLIC_URL", "https://other.example.org")]).await);
    assert!(!is_healthy(&server, &[cert]).await, "an authority that is unknown");
    assert!(!is_healthy(&server, &[]).await, "without TLS");
    let url = server.url("");
    assert!(server.run(&["health", "--url", &url, "--ca", "ca.pem"], &[]).await.0);
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_enough_for_the_health() {
    let directory = tempfile::tempdir().unwrap();
    tls::certify_by_itself(directory.path());
    let server = Server::start_in(directory, &["--tls-cert", CERT, "--tls-key", KEY]).await;
    let environment = [("CHAT_TLS_CERT", CERT), ("PUBLIC_URL", "https://chat.example.org")];
    assert!(is_healthy(&server, &environment).await);
}

#[tokio::test]
async fn a_check_looks_at_the_certificate_and_links_lead_to_it() {
    let directory = tempfile::tempdir().unwrap();
    tls::certify(directory.path());
    let arguments = ["check", "--tls-cert", CERT, "--tls-key", KEY];
    let output = run(directory.path(), &arguments, &[], "").await;
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}");
    assert!(out.contains("127.0.0.1:8000 with TLS") && out.contains("lead to https://127.0.0.1:8000/"), "{out}");

    std::fs::write(directory.path().join(KEY), "no key").unwrap();
    let output = run(directory.path(), &arguments, &[], "").await;
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(out.contains("there is no key of the certificate in key.pem"), "{out}");
}
