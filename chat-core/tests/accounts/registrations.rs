//! Making accounts.

use crate::{Fixture, PASSWORD, cheap, named, password, registration, secret};
use chat_core::{Error, Password, Registration};

#[tokio::test]
async fn a_new_user_has_what_they_registered_with() {
    let fixture = Fixture::new();
    let registration = Registration {
        fullname: Some("Ada Lovelace".parse().unwrap()),
        email: Some("ada@example.org".parse().unwrap()),
        profile_picture: Some("https://example.org/ada.png".parse().unwrap()),
        public_key: Some("a key".parse().unwrap()),
        ..registration("Ada")
    };

    let user = fixture.accounts.register(registration).await.unwrap();

    assert_eq!(user.username.as_str(), "Ada");
    assert_eq!(user.fullname.as_str(), "Ada Lovelace");
    assert_eq!(user.email.unwrap().as_str(), "ada@example.org");
    assert_eq!(user.profile_picture.unwrap().as_str(), "https://example.org/ada.png");
    assert_eq!(user.public_key.unwrap().as_str(), "a key");
    assert_eq!(user.created_at.0, fixture.now());
    assert!(!user.email_verified && !user.is_admin);
}

#[tokio::test]
async fn a_new_user_without_a_full_name_has_their_username() {
    let fixture = Fixture::new();
    assert_eq!(fixture.ada().await.fullname.as_str(), "ada");
}

#[tokio::test]
async fn a_taken_username_is_a_conflict_whatever_its_case() {
    let fixture = Fixture::new();
    fixture.ada().await;

    let error = fixture.accounts.register(registration("ADA")).await.unwrap_err();

    assert!(matches!(error, Error::Conflict { field: "username", .. }), "{error:?}");
}

#[tokio::test]
async fn a_taken_address_is_a_conflict_whatever_its_case() {
    let fixture = Fixture::new();
    let with_address =
        |username, email: &str| Registration { email: Some(email.parse().unwrap()), ..registration(username) };
    fixture.accounts.register(with_address("ada", "ada@example.org")).await.unwrap();

    let error = fixture.accounts.register(with_address("bob", "Ada@Example.org")).await.unwrap_err();

    assert!(matches!(error, Error::Conflict { field: "email", .. }), "{error:?}");
}

#[tokio::test]
async fn a_short_password_is_refused_before_it_costs_anything() {
    let fixture = Fixture::new();

    let error = fixture.accounts.register(Registration { password: password("1234567"), ..registration("ada") });

    assert_eq!(error.await.unwrap_err(), Error::invalid("password", "must be at least 8 characters long"));
    assert_eq!(fixture.accounts.password_hashes(), 0);
}

#[tokio::test]
async fn a_password_is_measured_in_characters() {
    let fixture = Fixture::new();
    let registration = Registration { password: password("äöüäöüß"), ..registration("ada") };
    fixture.accounts.register(registration).await.unwrap_err();
}

#[tokio::test]
async fn a_host_may_allow_shorter_passwords() {
    let mut options = cheap();
    options.password_chars_min = 3;
    let fixture = Fixture::with(secret(), options);
    let registration = Registration { password: password("123"), ..registration("ada") };

    fixture.accounts.register(registration).await.unwrap();

    fixture.accounts.log_in(named("ada"), password("123")).await.unwrap();
}

#[test]
fn a_password_holds_no_nul_and_is_at_most_1024_bytes_long() {
    assert!("pass\0word".parse::<Password>().is_err());
    assert!("p".repeat(1_024).parse::<Password>().is_ok());
    assert!("p".repeat(1_025).parse::<Password>().is_err());
}

#[test]
fn a_password_is_never_shown() {
    assert!(!format!("{:?}", registration("ada")).contains(PASSWORD));
}

#[tokio::test]
async fn an_administrator_is_an_account_that_is_one() {
    let fixture = Fixture::new();
    assert!(!fixture.ada().await.is_admin);

    let root = fixture.accounts.register_administrator(registration("root")).await.unwrap();

    assert!(root.is_admin);
    assert_eq!(fixture.log_in("root").await.user, root);
    let again = fixture.accounts.register_administrator(registration("ada")).await.unwrap_err();
    assert!(matches!(again, Error::Conflict { field: "username", .. }), "{again:?}");
    let short = Registration { password: password("short"), ..registration("bob") };
    let short = fixture.accounts.register_administrator(short).await.unwrap_err();
    assert!(matches!(&short, Error::Invalid { field, .. } if field == "password"), "{short:?}");
}

#[tokio::test]
async fn an_administrator_has_nothing_to_verify() {
    let mut options = cheap();
    options.require_verification = true;
    let fixture = Fixture::with(secret(), options);
    let root = Registration { email: Some("root@example.org".parse().unwrap()), ..registration("root") };
    for root in [root, registration("other")] {
        let user = fixture.accounts.register_administrator(root).await.unwrap();
        assert_eq!(fixture.log_in(user.username.as_str()).await.user.id, user.id);
    }
}
