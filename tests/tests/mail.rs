//! How mails leave the program: over SMTP to a real mail server, and as files without one.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Kind, MailServer, PATIENCE, Person, Server, free_port};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

const ANN: &str = "ann@example.org";

async fn register(server: &Server, username: &str) {
    let email = format!("{username}@example.org");
    let account = json!({ "username": username, "password": Person::PASSWORD, "email": email });
    server.post("/users/register", account).await.expect(201);
}

/// The program, with this mail server.
async fn sending_to(url: &str, more: &[&str]) -> Server {
    let flags = ["--smtp-url", url, "--log", "trace"];
    Server::start_with(&[&flags, more].concat()).await
}

fn header<'m>(mail: &'m Value, name: &str) -> Option<&'m str> {
    let headers = mail["headers"].as_array().unwrap();
    headers.iter().find(|header| header[0] == name).map(|header| header[1].as_str().unwrap())
}

/// The six digits that stand alone on a line.
fn digits(mail: &Value) -> &str {
    let lines = mail["text"].as_str().unwrap().lines().map(str::trim);
    lines.into_iter().find(|line| line.len() == 6 && line.parse::<u32>().is_ok()).unwrap()
}

/// Waits until the log says so.
async fn logged(server: &Server, words: &str) {
    let said = async {
        while !server.log().contains(words) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("{words:?} is not in {}", server.log()));
}

#[tokio::test]
async fn a_mail_goes_to_whom_it_should_in_both_forms() {
    let mut post = MailServer::start(&[]).await;
    let from = ["--mail-from", "Chat <chat@example.org>", "--public-url", "https://chat.example.org/"];
    let server = sending_to(&post.url("smtp", "", ""), &from).await;

    register(&server, "ann").await;

    let mail = post.told().await;
    assert_eq!((&mail["sender"], &mail["recipients"]), (&json!("chat@example.org"), &json!([ANN])));
    assert_eq!(header(&mail, "From"), Some("Chat <chat@example.org>"));
    assert_eq!((header(&mail, "To"), header(&mail, "Subject")), (Some(ANN), Some("Your verification code")));
    assert_eq!(header(&mail, "Auto-Submitted"), Some("auto-generated"));
    assert!(header(&mail, "Date").is_some() && header(&mail, "Message-ID").is_some());
    let code = digits(&mail);
    let link = format!("https://chat.example.org/#verify?email=ann%40example.org&code={code}");
    assert!(mail["text"].as_str().unwrap().contains(&link), "{mail}");
    assert!(mail["html"].as_str().unwrap().contains(&link.replace('&', "&amp;")), "{mail}");
    server.post("/users/verify", json!({ "email": ANN, "code": code })).await.expect(200);
}

#[tokio::test]
async fn one_connection_carries_many_mails_to_one_person_each() {
    let mut post = MailServer::start(&[]).await;
    let server = sending_to(&post.url("smtp", "", ""), &[]).await;
    let mut expected = vec![];
    for n in 0..12 {
        register(&server, &format!("ann{n}")).await;
        expected.push(format!("ann{n}@example.org"));
    }
    let mut reached = vec![];
    for _ in &expected {
        let mail = post.told().await;
        let [recipient] = mail["recipients"].as_array().unwrap().as_slice() else { panic!("{mail}") };
        let text = mail["text"].as_str().unwrap();
        let others = expected.iter().filter(|other| **other != *recipient);
        for name in others.map(|other| other.trim_end_matches("@example.org")) {
            assert!(!text.contains(&format!("{name},")), "{text}");
        }
        reached.push(recipient.as_str().unwrap().to_owned());
    }
    reached.sort();
    expected.sort();
    assert_eq!(reached, expected);
}

#[tokio::test]
async fn mails_and_password_travel_encrypted_from_the_start() {
    let mut post = MailServer::start(&["--tls", "wrap", "--login", "chat:a secret"]).await;
    let authority = post.authority();
    let more = ["--smtp-ca", authority.to_str().unwrap()];
    let server = sending_to(&post.url("smtps", "chat:a%20secret@", ""), &more).await;
    register(&server, "ann").await;
    let mail = post.told().await;
    assert_eq!((&mail["is_encrypted"], &mail["is_authenticated"]), (&json!(true), &json!(true)), "{mail}");
    assert!(!server.log().contains("a secret") && !server.log().contains("a%20secret"));
}

#[tokio::test]
async fn mails_and_password_travel_encrypted_by_starttls() {
    let mut post = MailServer::start(&["--tls", "start", "--login", "chat:secret"]).await;
    let authority = post.authority();
    let more = ["--smtp-ca", authority.to_str().unwrap()];
    let server = sending_to(&post.url("smtp", "chat:secret@", ""), &more).await;
    register(&server, "ann").await;
    let mail = post.told().await;
    assert_eq!((&mail["is_encrypted"], &mail["is_authenticated"]), (&json!(true), &json!(true)), "{mail}");
}

#[tokio::test]
async fn a_mail_server_that_nobody_vouches_for_gets_nothing() {
    let post = MailServer::start(&["--tls", "wrap"]).await;
    let server = sending_to(&post.url("smtps", "", ""), &[]).await;
    register(&server, "ann").await;
    logged(&server, "a mail could not be sent yet").await;
    assert!(post.ends_silently().await);
}

#[tokio::test]
async fn a_mail_server_without_tls_gets_nothing_where_tls_is_asked_for() {
    let post = MailServer::start(&[]).await;
    let server = sending_to(&post.url("smtp", "", "?tls=required"), &[]).await;
    register(&server, "ann").await;
    logged(&server, "\"to\":\"ann@example.org\"").await;
    assert!(post.ends_silently().await);
}

#[tokio::test]
async fn a_wrong_password_for_the_mail_server_is_tried_again() {
    let post = MailServer::start(&["--tls", "start", "--login", "chat:secret"]).await;
    let authority = post.authority();
    let more = ["--smtp-ca", authority.to_str().unwrap()];
    let server = sending_to(&post.url("smtp", "chat:wrong@", ""), &more).await;
    register(&server, "ann").await;
    logged(&server, "a mail could not be sent yet").await;
    assert!(!server.log().contains("a mail was refused"));
    assert!(post.ends_silently().await);
}

#[tokio::test]
async fn a_refused_mail_is_not_tried_again_and_nobody_hears_of_it() {
    let mut post = MailServer::start(&["--refuse", "550 5.1.1 nobody of this name"]).await;
    let server = sending_to(&post.url("smtp", "", ""), &[]).await;
    register(&server, "ann").await;
    assert_eq!(post.told().await, json!({ "turned_away": ANN }));
    logged(&server, "a mail was refused").await;
    logged(&server, "nobody of this name").await;
    let asked = server.post("/users/forgot_password", json!({ "email": ANN })).await;
    let unknown = server.post("/users/forgot_password", json!({ "email": "bob@example.org" })).await;
    assert_eq!((asked.status, asked.text), (unknown.status, unknown.text));
    assert_eq!(post.told().await, json!({ "turned_away": ANN }));
    assert!(post.ends_silently().await);
}

#[tokio::test]
async fn a_mail_that_is_turned_away_for_now_is_tried_again() {
    let mut post = MailServer::start(&["--busy", "2"]).await;
    let server = sending_to(&post.url("smtp", "", ""), &[]).await;
    register(&server, "ann").await;
    for _ in 0..2 {
        assert_eq!(post.told().await, json!({ "turned_away": ANN }));
    }
    let mail = post.told().await;
    server.post("/users/verify", json!({ "email": ANN, "code": digits(&mail) })).await.expect(200);
}

#[tokio::test]
async fn a_mail_survives_an_outage_of_the_mail_server() {
    let port = free_port().await;
    let server = sending_to(&format!("smtp://localhost:{port}"), &[]).await;
    register(&server, "ann").await;
    logged(&server, "a mail could not be sent yet").await;

    let mut post = MailServer::start(&["--port", &port.to_string()]).await;

    let mail = post.told().await;
    server.post("/users/verify", json!({ "email": ANN, "code": digits(&mail) })).await.expect(200);
}

#[tokio::test]
async fn nobody_waits_for_a_mail_server_that_is_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let server = sending_to(&url, &["--shutdown-seconds", "1"]).await;
    let begun = Instant::now();
    for n in 0..8 {
        register(&server, &format!("ann{n}")).await;
        server.post("/users/forgot_password", json!({ "email": ANN })).await.expect(202);
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "no request waits for the 30 seconds that a mail may take");
    let (mut connection, _) = timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
    assert_eq!(timeout(Duration::from_millis(100), connection.read_u8()).await.ok().and_then(Result::ok), None);
    server.restart().await;
}

#[tokio::test]
async fn a_server_that_stops_sends_its_mails_first() {
    let port = free_port().await;
    let server = sending_to(&format!("smtp://localhost:{port}"), &[]).await;
    register(&server, "ann").await;
    // The second pause takes four seconds, but stopping does not wait for its end.
    logged(&server, "\"attempt\":2").await;
    let mut post = MailServer::start(&["--port", &port.to_string()]).await;
    let (server, mail) = tokio::join!(server.restart(), post.told());
    server.post("/users/verify", json!({ "email": ANN, "code": digits(&mail) })).await.expect(200);
}

#[tokio::test]
async fn without_a_mail_server_mails_are_files_of_the_owner() {
    let server = Server::start(Kind::Program).await;
    register(&server, "ann").await;
    let letter = server.letter(ANN, 1).await;
    let directory = server.directory().join(".data/mail");
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    let [file] = std::fs::read_dir(&directory).unwrap().map(Result::unwrap).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(mode(file.path()), 0o600);
    assert!(!file.path().to_str().unwrap().contains(&letter.digits()));
    logged(&server, file.path().file_name().unwrap().to_str().unwrap()).await;
    assert!(letter.text.contains(&format!("http://{}/#verify?", server.addr())), "{letter:?}");
}

#[tokio::test]
async fn the_log_holds_no_code_no_token_no_password_and_no_word_of_a_mail() {
    let mut post = MailServer::start(&["--busy", "1"]).await;
    for server in [
        sending_to(&post.url("smtp", "", ""), &[]).await,
        Server::start_with(&["--log", "trace", "--public-url", "https://chat.example.org"]).await,
    ] {
        register(&server, "ann").await;
        let ann = Person::log_in(&server, "ann").await;
        server.post("/users/forgot_password", json!({ "email": ANN })).await.expect(202);
        let mut secrets = vec![ann.token.clone(), ann.refresh_token.clone(), Person::PASSWORD.to_owned()];
        secrets.extend(["Hello ann", "is good for", "are good for"].map(str::to_owned));
        let mut socket = ann.socket().await;
        let mut codes = vec![];
        if server.directory().join(".data/mail").exists() {
            server.letter(ANN, 2).await;
            for letter in server.letters(ANN) {
                let is_reset = letter.subject.starts_with("Reset");
                codes.push((is_reset, if is_reset { letter.code() } else { letter.digits() }));
            }
        } else {
            while codes.len() < 2 {
                let mail = post.told().await;
                let Some(text) = mail["text"].as_str() else { continue };
                let (_, code) = text.split_once("&code=").unwrap();
                let code = code.split_whitespace().next().unwrap().to_owned();
                codes.push((header(&mail, "Subject").unwrap().starts_with("Reset"), code));
            }
        }
        codes.sort();
        let [(false, digits), (true, code)] = codes.as_slice() else { panic!("{codes:?}") };
        server.post("/users/verify", json!({ "email": ANN, "code": digits })).await.expect(200);
        let new = "battery staple";
        let reset = json!({ "email": ANN, "code": code, "password": new });
        server.post("/users/reset_password", reset).await.expect(200);
        socket.closed().await;
        secrets.extend([digits.clone(), code.clone(), new.to_owned()]);
        let log = server.log();
        for secret in secrets {
            assert!(!log.contains(&secret), "{secret:?} is in the log: {log}");
        }
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_one_clear_sentence() {
    let server = Server::start(Kind::Program).await;
    for (environment, sentence) in [
        (("SMTP_URL", "mail.example.org"), "SMTP_URL cannot be used: the URL must be smtps://host or smtp://host"),
        (("SMTP_URL", "smtp://u:secret@mail.example.org?tls=none"), "a password would travel in the clear"),
        (("MAIL_FROM", "nobody"), "MAIL_FROM cannot be used: the sender must be an address"),
        (("PUBLIC_URL", "chat.example.org"), "PUBLIC_URL must be an http or https URL"),
    ] {
        let arguments = ["--addr", "127.0.0.1:0", "--storage", "memory"];
        let (ended_well, log) = server.run(&arguments, &[("JWTSECRET", "only for tests"), environment]).await;
        assert!(!ended_well);
        assert_eq!(log.lines().filter(|line| line.contains("ERROR")).count(), 1, "{log}");
        assert!(log.contains(sentence) && !log.contains("secret@"), "{log}");
    }
}
