//! The key file that signs logins: encrypted, read with the right password only, and rotated.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, PATIENCE, Person, Server};
use reqwest::Method;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tokio::time::timeout;

const PASSWORD: (&str, &str) = ("JWT_KEY_PASSWORD", "correct horse");
const ROTATE: [&str; 2] = ["keys", "rotate"];

/// The files about keys, by name.
fn files(server: &Server) -> Vec<PathBuf> {
    let files = fs::read_dir(server.directory().join(".data")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("jwt-key")).collect();
    files.sort();
    files
}

async fn kids(server: &Server) -> Vec<Value> {
    let keys = server.get("/.well-known/jwks.json").await.expect(200);
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

/// Waits until the server lists so many keys, the one that signs first.
async fn lists(server: &Server, count: usize) -> Vec<Value> {
    let listed = async {
        loop {
            let kids = kids(server).await;
            if kids.len() == count {
                return kids;
            }
        }
    };
    timeout(PATIENCE, listed).await.unwrap()
}

/// Which key signed a token.
fn signed_by(token: &str) -> Value {
    // Base64url of `{"typ":"JWT","alg":"RS256","kid":"…"}`, decoded by hand to need no crate for one line.
    let head = token.split('.').next().unwrap();
    let mut bits = 0_u32;
    let mut held = 0;
    let mut bytes = vec![];
    for letter in head.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    serde_json::from_slice::<Value>(&bytes).unwrap()["kid"].clone()
}

async fn as_holder(server: &Server, token: &str) -> Answer {
    Answer::to(server.request(Method::GET, "/users/me").bearer_auth(token)).await
}

#[tokio::test]
async fn a_new_key_signs_and_tokens_of_the_former_one_stay_good() {
    let server = Server::start_with_environment(&[PASSWORD]).await;
    let before = server.person("ann").await;
    let [former] = kids(&server).await.try_into().unwrap();
    assert_eq!(signed_by(&before.token), former);

    let (ended_well, log) = server.run(&ROTATE, &[PASSWORD]).await;
    assert!(ended_well, "{log}");

    // The server that runs takes it over by itself.
    let [new, still_listed] = lists(&server, 2).await.try_into().unwrap();
    assert_eq!(still_listed, former);
    let after = Person::log_in(&server, "ann").await;
    assert_eq!(signed_by(&after.token), new);
    let server = server.restart().await;
    assert_eq!(kids(&server).await, [new.clone(), former]);
    for token in [&before.token, &after.token] {
        as_holder(&server, token).await.expect(200);
    }

    let [key, retired] = files(&server).try_into().unwrap();
    for path in [&key, &retired] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    assert!(fs::read_to_string(&key).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    assert!(fs::read_to_string(&retired).unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));

    // Its time is over.
    fs::rename(&retired, key.with_file_name("jwt-key.pem.until-1700000000")).unwrap();
    assert_eq!(lists(&server, 1).await, [new]);
    as_holder(&server, &before.token).await.refuses(401, "unauthorized");
    as_holder(&server, &after.token).await.expect(200);
    assert_eq!(files(&server), [key]);
}

#[tokio::test]
async fn every_key_of_several_rotations_is_listed() {
    let server = Server::start_with_key_file().await;
    let ann = server.person("ann").await;
    for _ in 0..3 {
        let (ended_well, log) = server.run(&ROTATE, &[]).await;
        assert!(ended_well, "{log}");
    }
    lists(&server, 4).await;
    as_holder(&server, &ann.token).await.expect(200);
}

#[tokio::test]
async fn a_wrong_password_is_one_clear_sentence() {
    let server = Server::start_with_environment(&[PASSWORD]).await;
    let before = fs::read(&files(&server)[0]).unwrap();
    let serve: &[&str] = &["--addr", "127.0.0.1:0"];
    for (arguments, environment, sentence) in [
        (serve, vec![("JWT_KEY_PASSWORD", "wrong horse")], "the password does not open the key"),
        (serve, vec![], "the key is encrypted and its password is not given"),
        (&ROTATE, vec![("JWT_KEY_PASSWORD", "wrong horse")], "the password does not open the key"),
        (&ROTATE, vec![], "the key is encrypted and its password is not given"),
        (&ROTATE, vec![("JWTSECRET", "a secret")], "JWTSECRET signs logins, so there is no key file to rotate"),
    ] {
        let (ended_well, log) = server.run(arguments, &environment).await;
        assert!(!ended_well);
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains(sentence) && !log.contains("horse") && !log.contains("panicked"), "{log}");
    }
    assert_eq!(fs::read(&files(&server)[0]).unwrap(), before);
}
