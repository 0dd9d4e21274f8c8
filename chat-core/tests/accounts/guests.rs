//! Coming with nothing but an address.

use crate::{Fixture, cheap, named, password, registration, seconds, secret};
use chat_core::{
    AccountOptions, Email, Error, Limits, MailQueue, MailTemplates, MemoryMailer, NewUser, Registration, UserKey,
    UserStorage,
};
use std::sync::Arc;

fn open() -> AccountOptions {
    let mut options = cheap();
    options.guests = true;
    options
}

fn fixture() -> Fixture {
    Fixture::with(secret(), open())
}

fn address(address: &str) -> Email {
    address.parse().unwrap()
}

fn is_taken<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict { field: "email", .. }))
}

#[tokio::test]
async fn a_guest_has_a_login_and_is_called_after_the_address() {
    let fixture = fixture();

    let tokens = fixture.accounts.log_in_guest(address("Ann@example.org")).await.unwrap();

    let (identity, user) = fixture.accounts.authenticate(&tokens.access_token).await.unwrap();
    assert_eq!((identity.user, &user), (tokens.user.id, &tokens.user));
    assert_eq!((user.username.as_str(), user.fullname.as_str()), ("Ann", "Ann"));
    assert_eq!((user.email, user.email_verified, user.is_admin), (Some(address("Ann@example.org")), false, false));
    fixture.refresh(&tokens.refresh_token).await;
}

#[tokio::test]
async fn nobody_is_a_guest_unless_guests_are_let_in() {
    let mut verifying = open();
    verifying.require_verification = true;
    for options in [cheap(), verifying] {
        let fixture = Fixture::with(secret(), options);
        assert!(!fixture.accounts.admits_guests());
        let refused = fixture.accounts.log_in_guest(address("ann@example.org")).await;
        assert_eq!(refused.unwrap_err(), Error::NotFound("route"));
    }
}

#[tokio::test]
async fn the_same_address_is_the_same_guest_even_when_the_login_has_ended() {
    let fixture = fixture();
    let first = fixture.accounts.log_in_guest(address("ann@example.org")).await.unwrap();
    let (identity, _) = fixture.accounts.authenticate(&first.access_token).await.unwrap();
    fixture.accounts.log_out(identity).await.unwrap();

    let second = fixture.accounts.log_in_guest(address("ANN@example.org")).await.unwrap();
    fixture.clock.advance(AccountOptions::default().refresh_life + seconds(1));
    let third = fixture.accounts.log_in_guest(address("ann@example.org")).await.unwrap();

    assert_eq!([second.user.id, third.user.id], [first.user.id; 2]);
    assert!(fixture.accounts.authenticate(&second.access_token).await.is_err());
    assert_eq!(fixture.accounts.logins(first.user.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_that_is_taken_gets_a_number() {
    let fixture = fixture();
    let ada = fixture.ada().await;

    let guest = fixture.accounts.log_in_guest(address("ADA@example.org")).await.unwrap().user;

    assert_ne!(guest.id, ada.id);
    let number = guest.username.as_str().strip_prefix("ADA-").unwrap();
    assert!(number.len() == 6 && number.chars().all(|c| c.is_ascii_digit()), "{number}");
}

#[tokio::test]
async fn a_guest_never_takes_over_an_account_that_has_a_password() {
    let fixture = fixture();
    let ada = Registration { email: Some(address("ada@example.org")), ..registration("ada") };
    let ada = fixture.accounts.register(ada).await.unwrap();

    assert!(is_taken(&fixture.accounts.log_in_guest(address("Ada@example.org")).await));

    assert!(fixture.accounts.logins(ada.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_guest_never_takes_over_a_user_whom_the_host_authenticates() {
    let fixture = fixture();
    let host = NewUser {
        username: "ada".parse().unwrap(),
        fullname: "Ada".parse().unwrap(),
        email: Some(address("ada@example.org")),
        profile_picture: None,
        public_key: None,
        password: None,
        is_admin: false,
        created_at: chat_core::Timestamp(fixture.now()),
    };
    fixture.storage.insert_user(host).await.unwrap();

    assert!(is_taken(&fixture.accounts.log_in_guest(address("ada@example.org")).await));
}

#[tokio::test]
async fn a_guest_cannot_do_what_needs_a_password() {
    let fixture = fixture();
    let guest = fixture.accounts.log_in_guest(address("ann@example.org")).await.unwrap().user;
    for guess in ["", "guest", "ann@example.org"] {
        for key in [named("ann"), UserKey::Email(address("ann@example.org"))] {
            let refused = fixture.accounts.log_in(key, password(guess)).await;
            assert_eq!(refused.unwrap_err(), Error::Unauthorized("wrong username or password"));
        }
        let change = fixture.accounts.change_password(guest.id, password(guess), password("battery staple"), None);
        assert!(matches!(change.await, Err(Error::Forbidden(_))));
    }
    assert!(is_taken(
        &fixture
            .accounts
            .register(Registration { email: Some(address("ann@example.org")), ..registration("bob") })
            .await
    ));
}

#[tokio::test]
async fn guessing_the_password_of_a_guest_costs_what_any_guess_costs() {
    let fixture = fixture();
    fixture.accounts.log_in_guest(address("ann@example.org")).await.unwrap();
    let before = fixture.accounts.password_hashes();

    fixture.accounts.log_in(named("ann"), password("guest")).await.unwrap_err();

    assert_eq!(fixture.accounts.password_hashes(), before + 1);
}

#[tokio::test]
async fn whoever_reads_the_mail_to_a_guests_address_makes_an_account_of_it() {
    let fixture = fixture();
    let mails = Arc::new(MemoryMailer::default());
    let queue = MailQueue::new(mails.clone(), &Limits::default());
    let accounts = fixture.accounts.clone().with_mail(queue.clone(), MailTemplates::new("https://chat.example.org"));
    let guest = accounts.log_in_guest(address("ann@example.org")).await.unwrap();
    accounts.request_reset(address("ann@example.org"));
    while queue.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    let text = mails.sent().pop().unwrap().text;
    let code = text.split_once("&code=").unwrap().1.split_whitespace().next().unwrap();

    let ended = accounts.reset_password(address("ann@example.org"), code, password("battery staple")).await.unwrap();

    assert_eq!(ended, [guest.login]);
    assert!(is_taken(&accounts.log_in_guest(address("ann@example.org")).await));
    let account = accounts.log_in(named("ann"), password("battery staple")).await.unwrap().user;
    assert_eq!((account.id, account.email_verified), (guest.user.id, true));
}

#[tokio::test]
async fn of_many_who_come_by_one_address_at_once_all_are_the_same_guest() {
    let fixture = fixture();
    let coming = (0..8).map(|_| fixture.accounts.log_in_guest(address("ann@example.org")));
    let guests = futures::future::join_all(coming).await;
    let first = guests[0].as_ref().unwrap().user.id;
    assert!(guests.iter().all(|guest| guest.as_ref().unwrap().user.id == first));
}
