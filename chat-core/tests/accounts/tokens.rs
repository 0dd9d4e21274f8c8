//! Access tokens: what they say, how long they live, and those that must not be believed.

use crate::keys::{other_key, shared, shared_pem};
use crate::{Fixture, NOT_LOGGED_IN, cheap, named, password, seconds};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat_core::{TokenKeys, TokenPair};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding};
use serde_json::{Value, json};

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn claims(token: &str) -> Value {
    part(token, 1)
}

fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) }
}

/// Accounts that sign with the shared RSA key, and a login of theirs.
async fn rs256() -> (Fixture, TokenPair) {
    let fixture = Fixture::with(shared(), cheap());
    let pair = fixture.ada_logged_in().await;
    (fixture, pair)
}

async fn assert_refused(fixture: &Fixture, token: &str) {
    assert_eq!(fixture.accounts.authenticate(token).await.unwrap_err(), NOT_LOGGED_IN, "{token}");
}

#[tokio::test]
async fn a_token_tells_who_they_are_by_which_login_until_when() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;

    let (identity, user) = fixture.accounts.authenticate(&pair.access_token).await.unwrap();

    assert_eq!(user, pair.user);
    assert_eq!(identity.user, user.id);
    assert_eq!(identity.login, Some(pair.login));
    assert_eq!(identity.expires_at.unwrap().0, fixture.now() + 3_600);
}

#[tokio::test]
async fn a_token_has_the_documented_claims() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;

    let mut claims = claims(&pair.access_token);

    let jti = claims["jti"].take();
    assert!(jti.as_str().unwrap().starts_with(&format!("{}.", pair.login)), "{jti}");
    let (id, now) = (pair.user.id.to_string(), fixture.now());
    assert_eq!(claims, json!({ "sub": id, "username": "ada", "iat": now, "exp": now + 3_600, "jti": null }));
    assert_eq!(pair.expires_in, 3_600);
}

#[tokio::test]
async fn no_two_tokens_are_the_same() {
    let fixture = Fixture::new();
    let first = fixture.ada_logged_in().await;
    let second = fixture.refresh(&first.refresh_token).await;
    assert_ne!(claims(&first.access_token)["jti"], claims(&second.access_token)["jti"]);
}

#[tokio::test]
async fn a_token_expires_by_the_injected_clock() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;

    fixture.clock.advance(seconds(3_599));
    fixture.accounts.authenticate(&pair.access_token).await.unwrap();

    fixture.clock.advance(seconds(1));
    assert_refused(&fixture, &pair.access_token).await;
}

#[tokio::test]
async fn a_token_does_not_outlive_its_login() {
    let mut options = cheap();
    options.refresh_life = seconds(60);
    let fixture = Fixture::with(crate::secret(), options);
    assert_eq!(fixture.ada_logged_in().await.expires_in, 60);
}

#[tokio::test]
async fn the_tokens_are_not_shown() {
    let pair = Fixture::new().ada_logged_in().await;
    let shown = format!("{pair:?}");
    assert!(!shown.contains(&pair.access_token) && !shown.contains(&pair.refresh_token), "{shown}");
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let (fixture, pair) = rs256().await;
    let [header, payload, signature]: [&str; 3] = pair.access_token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut claims = claims(&pair.access_token);
    claims["exp"] = json!(fixture.now() + 1_000_000);
    let forged = encoded(&claims);
    let other_signature = fixture.log_in("ada").await.access_token;
    let other_signature = other_signature.rsplit('.').next().unwrap();

    for token in [
        format!("{header}.{forged}.{signature}"),
        format!("{header}.{payload}.{other_signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        String::new(),
        "..".into(),
        "not a token".into(),
    ] {
        assert_refused(&fixture, &token).await;
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let (fixture, pair) = rs256().await;
    let payload = pair.access_token.split('.').nth(1).unwrap();
    let kid = &part(&pair.access_token, 0)["kid"];
    for algorithm in ["none", "None", ""] {
        let header = encoded(&json!({ "typ": "JWT", "alg": algorithm, "kid": kid }));
        assert_refused(&fixture, &format!("{header}.{payload}.")).await;
    }
}

#[tokio::test]
async fn a_token_signed_with_the_public_key_as_a_secret_is_refused() {
    let (fixture, pair) = rs256().await;
    let public = RsaPrivateKey::from_pkcs8_pem(shared_pem()).unwrap().to_public_key();
    let kid = part(&pair.access_token, 0)["kid"].as_str().unwrap().to_owned();
    for secret in [
        public.to_public_key_pem(LineEnding::LF).unwrap().into_bytes(),
        public.to_public_key_der().unwrap().into_vec(),
        public.to_pkcs1_der().unwrap().into_vec(),
    ] {
        let header = header(Algorithm::HS256, Some(&kid));
        let forged = jsonwebtoken::encode(&header, &claims(&pair.access_token), &EncodingKey::from_secret(&secret));
        assert_refused(&fixture, &forged.unwrap()).await;
    }
}

#[tokio::test]
async fn a_token_of_another_algorithm_is_refused_even_from_the_right_key() {
    let (fixture, pair) = rs256().await;
    let kid = part(&pair.access_token, 0)["kid"].as_str().unwrap().to_owned();
    let key = EncodingKey::from_rsa_pem(shared_pem().as_bytes()).unwrap();
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let token = jsonwebtoken::encode(&header(algorithm, Some(&kid)), &claims(&pair.access_token), &key).unwrap();
        assert_refused(&fixture, &token).await;
    }
}

#[tokio::test]
async fn a_token_that_names_another_key_or_none_is_refused_even_from_the_right_key() {
    let (fixture, pair) = rs256().await;
    let key = EncodingKey::from_rsa_pem(shared_pem().as_bytes()).unwrap();
    for kid in [Some("another"), Some(""), None] {
        let token = jsonwebtoken::encode(&header(Algorithm::RS256, kid), &claims(&pair.access_token), &key).unwrap();
        assert_refused(&fixture, &token).await;
    }
}

#[tokio::test]
async fn a_token_of_another_key_is_refused() {
    let (fixture, _) = rs256().await;
    for keys in [other_key(), TokenKeys::hs256(b"another secret").unwrap()] {
        let others = fixture.again(keys, cheap());
        let pair = others.log_in(named("ada"), password(crate::PASSWORD)).await.unwrap();
        others.authenticate(&pair.access_token).await.unwrap();
        assert_refused(&fixture, &pair.access_token).await;
    }
}

#[tokio::test]
async fn a_token_of_another_secret_is_refused() {
    let fixture = Fixture::new();
    fixture.ada().await;
    let others = fixture.again(TokenKeys::hs256(b"another secret").unwrap(), cheap());
    let pair = others.log_in(named("ada"), password(crate::PASSWORD)).await.unwrap();
    assert_refused(&fixture, &pair.access_token).await;
}

#[tokio::test]
async fn a_signed_token_with_claims_of_others_is_refused() {
    let (fixture, pair) = rs256().await;
    let kid = part(&pair.access_token, 0)["kid"].as_str().unwrap().to_owned();
    let key = EncodingKey::from_rsa_pem(shared_pem().as_bytes()).unwrap();
    for (claim, value) in [
        ("sub", json!("999")),
        ("sub", json!(1)),
        ("jti", json!("no login")),
        ("jti", json!("999.x")),
        ("exp", json!(null)),
    ] {
        let mut claims = claims(&pair.access_token);
        claims[claim] = value;
        let token = jsonwebtoken::encode(&header(Algorithm::RS256, Some(&kid)), &claims, &key).unwrap();
        assert_refused(&fixture, &token).await;
    }
}
