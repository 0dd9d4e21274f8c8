//! The keys that sign access tokens, and their PEM texts.

use crate::{Fixture, cheap, secret};
use chat_core::{KeyError, TokenKeys};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// Made by `openssl pkcs8 -topk8`, opened by [`OPENSSL_PASSWORD`].
const OPENSSL_PEM: &str = include_str!("openssl-encrypted.pem");
const OPENSSL_PASSWORD: &str = "correct horse";

/// The one key pair that these tests make, as making one is slow.
pub(crate) fn shared_pem() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(|| TokenKeys::generate().unwrap().to_pem(None).unwrap())
}

pub(crate) fn shared() -> TokenKeys {
    TokenKeys::rs256_from_pem(shared_pem(), None).unwrap()
}

pub(crate) fn other_key() -> TokenKeys {
    TokenKeys::rs256_from_pem(OPENSSL_PEM, Some(OPENSSL_PASSWORD)).unwrap()
}

fn error(pem: &str, password: Option<&str>) -> KeyError {
    TokenKeys::rs256_from_pem(pem, password).unwrap_err()
}

#[tokio::test]
async fn a_token_is_good_after_a_restart() {
    let fixture = Fixture::with(shared(), cheap());
    let pair = fixture.ada_logged_in().await;
    let pem = fixture.accounts.keys().to_pem(None).unwrap();

    let restarted = fixture.again(TokenKeys::rs256_from_pem(&pem, None).unwrap(), cheap());

    let (identity, _) = restarted.authenticate(&pair.access_token).await.unwrap();
    assert_eq!(identity.login, Some(pair.login));
}

#[test]
fn an_encrypted_key_is_opened_by_its_password() {
    let keys = shared();
    let pem = keys.to_pem(Some("correct horse")).unwrap();

    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{pem}");
    assert_eq!(TokenKeys::rs256_from_pem(&pem, Some("correct horse")).unwrap().jwks(), keys.jwks());
}

#[test]
fn an_encrypted_key_is_not_opened_by_another_password_or_none() {
    assert_eq!(error(OPENSSL_PEM, Some("wrong horse")), KeyError::WrongPassword);
    assert_eq!(error(OPENSSL_PEM, None), KeyError::PasswordMissing);
}

#[test]
fn a_key_that_is_not_encrypted_needs_no_password() {
    let pem = shared_pem();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{pem}");
    assert_eq!(TokenKeys::rs256_from_pem(pem, Some("any")).unwrap().jwks(), shared().jwks());
}

#[test]
fn a_key_encrypted_by_openssl_is_read() {
    assert_eq!(other_key().jwks()["keys"][0]["n"].as_str().unwrap().len(), 342);
}

#[test]
fn a_text_that_is_no_key_is_refused() {
    let certificate = shared_pem().replace("PRIVATE KEY", "CERTIFICATE");
    let mislabelled = shared_pem().replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for text in ["", "not a key", &certificate, &mislabelled, &shared_pem()[..400]] {
        assert_eq!(error(text, Some("any")), KeyError::NotAKey, "{text}");
    }
}

#[test]
fn a_weak_key_is_refused() {
    assert_eq!(error(include_str!("weak.pem"), None), KeyError::TooWeak);
}

#[tokio::test]
async fn others_can_check_a_token_with_the_published_key() {
    let fixture = Fixture::with(shared(), cheap());
    let token = fixture.ada_logged_in().await.access_token;

    let published: JwkSet = serde_json::from_value(fixture.accounts.keys().jwks()).unwrap();

    let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(published.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!(claims["username"], "ada");
}

#[test]
fn a_published_key_says_what_it_is_for_and_holds_nothing_private() {
    let jwks = shared().jwks();
    let key = jwks["keys"][0].as_object().unwrap();
    assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
    let mut members: Vec<_> = key.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
}

#[test]
fn a_secret_is_neither_published_nor_written() {
    assert_eq!(secret().jwks(), json!({ "keys": [] }));
    assert_eq!(secret().to_pem(None).unwrap_err(), KeyError::NoPem);
    assert!(!format!("{:?}", secret()).contains("a secret"));
}

#[test]
fn an_empty_secret_is_refused() {
    assert_eq!(TokenKeys::hs256(b"").unwrap_err(), KeyError::SecretEmpty);
}

#[tokio::test]
async fn tokens_of_a_former_key_are_good_as_long_as_it_is_known() {
    let fixture = Fixture::with(shared(), cheap());
    let before = fixture.ada_logged_in().await.access_token;
    let former = shared().to_public_pem().unwrap();

    fixture.accounts.replace_keys(other_key().with_former(&former).unwrap());

    fixture.accounts.authenticate(&before).await.unwrap();
    let after = fixture.log_in("ada").await.access_token;
    fixture.accounts.authenticate(&after).await.unwrap();
    fixture.accounts.replace_keys(other_key());
    assert_eq!(fixture.accounts.authenticate(&before).await.unwrap_err(), crate::NOT_LOGGED_IN);
    fixture.accounts.authenticate(&after).await.unwrap();
}

#[test]
fn a_former_key_is_published_once_behind_the_one_that_signs() {
    let (current, former) = (other_key(), shared());
    let pem = former.to_public_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
    let own = current.to_public_pem().unwrap();
    let expected = json!({ "keys": [current.jwks()["keys"][0], former.jwks()["keys"][0]] });

    let keys = current.with_former(&pem).unwrap().with_former(&pem).unwrap().with_former(&own).unwrap();

    assert_eq!(keys.jwks(), expected);
}

#[test]
fn a_former_key_must_be_a_public_key() {
    for text in ["", "not a key", shared_pem()] {
        assert_eq!(other_key().with_former(text).unwrap_err(), KeyError::NotAPublicKey);
    }
    assert_eq!(secret().to_public_pem().unwrap_err(), KeyError::NoPem);
}
