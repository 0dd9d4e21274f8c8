//! Logging in, refreshing, logging out, and changing the password.

use crate::{Fixture, NOT_LOGGED_IN, PASSWORD, cheap, costing, named, password, registration, seconds, secret};
use chat_core::{
    Error, Fullname, LoginStorage, NewUser, PasswordCost, Refreshed, Registration, UserId, UserKey, UserStorage,
};

const WRONG_CREDENTIALS: Error = Error::Unauthorized("wrong username or password");
const THIRTY_DAYS: u64 = 30 * 24 * 60 * 60;

#[tokio::test]
async fn a_user_logs_in_by_username_whatever_its_case() {
    let fixture = Fixture::new();
    let ada = fixture.ada().await;
    assert_eq!(fixture.log_in("ADA").await.user, ada);
}

#[tokio::test]
async fn a_user_logs_in_by_address_whatever_its_case() {
    let fixture = Fixture::new();
    let registration = Registration { email: Some("ada@example.org".parse().unwrap()), ..registration("ada") };
    let ada = fixture.accounts.register(registration).await.unwrap();

    let key = UserKey::Email("Ada@example.org".parse().unwrap());
    let pair = fixture.accounts.log_in(key, password(PASSWORD)).await.unwrap();

    assert_eq!(pair.user, ada);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer_after_the_same_work() {
    let fixture = Fixture::new();
    fixture.ada().await;
    for username in ["ada", "nobody"] {
        let before = fixture.accounts.password_hashes();

        let error = fixture.accounts.log_in(named(username), password("wrong horse")).await.unwrap_err();

        assert_eq!(error, WRONG_CREDENTIALS);
        assert_eq!(fixture.accounts.password_hashes() - before, 1, "{username}");
    }
}

#[tokio::test]
async fn a_user_without_a_password_cannot_log_in() {
    let fixture = Fixture::new();
    let user = NewUser {
        username: "guest".parse().unwrap(),
        fullname: Fullname::from_stored("Guest".into()),
        email: None,
        profile_picture: None,
        public_key: None,
        password: None,
        is_admin: false,
        created_at: chat_core::Timestamp(0),
    };
    fixture.storage.insert_user(user).await.unwrap();

    let error = fixture.accounts.log_in(named("guest"), password("")).await.unwrap_err();

    assert_eq!(error, WRONG_CREDENTIALS);
    assert_eq!(fixture.accounts.password_hashes(), 1);
}

#[tokio::test]
async fn a_login_checked_against_a_password_since_replaced_is_taken_back() {
    let fixture = Fixture::with(secret(), costing(19 * 1_024, 2));
    let ada = fixture.ada().await;
    let mut login = Box::pin(fixture.accounts.log_in(named("ada"), password(PASSWORD)));
    assert!(futures::poll!(&mut login).is_pending(), "the old password is being checked");

    let other = fixture.accounts.register(registration("bob")).await.unwrap();
    let hash = fixture.storage.find_password(other.id).await.unwrap().unwrap();
    fixture.storage.put_password(ada.id, &hash, None).await.unwrap();

    assert_eq!(login.await.unwrap_err(), WRONG_CREDENTIALS);
    assert_eq!(fixture.accounts.logins(ada.id).await.unwrap(), []);
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_of_the_same_login() {
    let fixture = Fixture::new();
    let first = fixture.ada_logged_in().await;

    let second = fixture.refresh(&first.refresh_token).await;

    assert_eq!((second.login, &second.user), (first.login, &first.user));
    assert_ne!(second.refresh_token, first.refresh_token);
    fixture.accounts.authenticate(&second.access_token).await.unwrap();
}

#[tokio::test]
async fn an_access_token_lives_on_when_its_login_is_refreshed() {
    let fixture = Fixture::new();
    let first = fixture.ada_logged_in().await;
    fixture.refresh(&first.refresh_token).await;
    fixture.accounts.authenticate(&first.access_token).await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_used_twice_revokes_its_login() {
    let fixture = Fixture::new();
    let first = fixture.ada_logged_in().await;
    let second = fixture.refresh(&first.refresh_token).await;

    let again = fixture.accounts.refresh(&first.refresh_token).await.unwrap();

    assert_eq!(again, Refreshed::Reused(first.login));
    assert_eq!(fixture.accounts.authenticate(&second.access_token).await.unwrap_err(), NOT_LOGGED_IN);
    assert_eq!(fixture.accounts.refresh(&second.refresh_token).await.unwrap_err(), NOT_LOGGED_IN);
}

#[tokio::test]
async fn a_refresh_token_used_twice_spares_the_users_other_logins() {
    let fixture = Fixture::new();
    let stolen = fixture.ada_logged_in().await;
    let other = fixture.log_in("ada").await;
    fixture.refresh(&stolen.refresh_token).await;

    fixture.accounts.refresh(&stolen.refresh_token).await.unwrap();

    fixture.accounts.authenticate(&other.access_token).await.unwrap();
}

#[tokio::test]
async fn an_unknown_refresh_token_is_unauthorized() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;
    for token in ["", "unknown", &pair.access_token] {
        assert_eq!(fixture.accounts.refresh(token).await.unwrap_err(), NOT_LOGGED_IN);
    }
}

#[tokio::test]
async fn a_refresh_extends_the_login_by_thirty_days() {
    let fixture = Fixture::new();
    let first = fixture.ada_logged_in().await;
    fixture.clock.advance(seconds(THIRTY_DAYS - 1));
    let second = fixture.refresh(&first.refresh_token).await;

    fixture.clock.advance(seconds(THIRTY_DAYS - 1));

    fixture.refresh(&second.refresh_token).await;
}

#[tokio::test]
async fn a_login_that_nobody_refreshes_ends_after_thirty_days() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;

    fixture.clock.advance(seconds(THIRTY_DAYS));

    assert_eq!(fixture.accounts.refresh(&pair.refresh_token).await.unwrap_err(), NOT_LOGGED_IN);
    assert_eq!(fixture.accounts.logins(pair.user.id).await.unwrap(), []);
}

#[tokio::test]
async fn logging_out_ends_this_login_and_no_other() {
    let fixture = Fixture::new();
    let first = fixture.ada_logged_in().await;
    let second = fixture.log_in("ada").await;
    let (identity, _) = fixture.accounts.authenticate(&first.access_token).await.unwrap();

    let ended = fixture.accounts.log_out(identity).await.unwrap();

    assert_eq!(ended, Some(first.login));
    assert_eq!(fixture.accounts.authenticate(&first.access_token).await.unwrap_err(), NOT_LOGGED_IN);
    assert_eq!(fixture.accounts.refresh(&first.refresh_token).await.unwrap_err(), NOT_LOGGED_IN);
    fixture.accounts.authenticate(&second.access_token).await.unwrap();
}

#[tokio::test]
async fn logging_out_twice_or_without_a_login_ends_nothing() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;
    let (identity, ada) = fixture.accounts.authenticate(&pair.access_token).await.unwrap();
    fixture.accounts.log_out(identity).await.unwrap();
    for identity in [identity, ada.id.into()] {
        assert_eq!(fixture.accounts.log_out(identity).await.unwrap(), None);
    }
}

#[tokio::test]
async fn logins_are_listed_oldest_first() {
    let fixture = Fixture::new();
    let first = fixture.ada_logged_in().await;
    fixture.clock.advance(seconds(1));
    let second = fixture.log_in("ada").await;

    let logins = fixture.accounts.logins(first.user.id).await.unwrap();

    assert_eq!(logins.iter().map(|login| login.id).collect::<Vec<_>>(), [first.login, second.login]);
    assert_eq!(logins[1].created_at.0, fixture.now());
}

#[tokio::test]
async fn a_user_revokes_one_of_their_logins() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;

    assert_eq!(fixture.accounts.revoke(pair.user.id, pair.login).await.unwrap(), pair.login);

    assert_eq!(fixture.accounts.authenticate(&pair.access_token).await.unwrap_err(), NOT_LOGGED_IN);
}

#[tokio::test]
async fn a_user_cannot_revoke_the_login_of_another() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;
    let bob = fixture.accounts.register(registration("bob")).await.unwrap();

    assert_eq!(fixture.accounts.revoke(bob.id, pair.login).await.unwrap_err(), Error::NotFound("login"));

    fixture.accounts.authenticate(&pair.access_token).await.unwrap();
}

#[tokio::test]
async fn a_changed_password_revokes_every_login_but_the_one_kept() {
    let fixture = Fixture::new();
    let kept = fixture.ada_logged_in().await;
    let other = fixture.log_in("ada").await;

    let (old, new) = (password(PASSWORD), password("battery staple"));
    let revoked = fixture.accounts.change_password(kept.user.id, old, new, Some(kept.login)).await.unwrap();

    assert_eq!(revoked, [other.login]);
    fixture.accounts.authenticate(&kept.access_token).await.unwrap();
    assert_eq!(fixture.accounts.authenticate(&other.access_token).await.unwrap_err(), NOT_LOGGED_IN);
}

#[tokio::test]
async fn after_a_change_only_the_new_password_is_good() {
    let fixture = Fixture::new();
    let ada = fixture.ada().await;
    let (old, new) = (password(PASSWORD), password("battery staple"));
    fixture.accounts.change_password(ada.id, old.clone(), new.clone(), None).await.unwrap();

    assert_eq!(fixture.accounts.log_in(named("ada"), old).await.unwrap_err(), WRONG_CREDENTIALS);
    fixture.accounts.log_in(named("ada"), new).await.unwrap();
}

#[tokio::test]
async fn a_password_is_changed_only_by_who_knows_it() {
    let fixture = Fixture::new();
    let pair = fixture.ada_logged_in().await;
    let (wrong, new) = (password("wrong horse"), password("battery staple"));

    let error = fixture.accounts.change_password(pair.user.id, wrong, new, None).await.unwrap_err();

    assert_eq!(error, Error::Forbidden("wrong password"));
    fixture.accounts.authenticate(&pair.access_token).await.unwrap();
}

#[tokio::test]
async fn a_password_is_not_changed_to_a_short_one() {
    let fixture = Fixture::new();
    let ada = fixture.ada().await;
    let error =
        fixture.accounts.change_password(ada.id, password(PASSWORD), password("short"), None).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { ref field, .. } if field == "password"), "{error:?}");
}

#[tokio::test]
async fn the_password_of_an_unknown_user_cannot_be_changed() {
    let fixture = Fixture::new();
    let (old, new) = (password(PASSWORD), password("battery staple"));
    let nobody = UserId::try_from(999).unwrap();
    let error = fixture.accounts.change_password(nobody, old, new, None).await.unwrap_err();
    assert_eq!(error, Error::Forbidden("wrong password"));
}

#[tokio::test]
async fn a_hash_made_at_another_cost_still_verifies() {
    let fixture = Fixture::new();
    fixture.ada().await;
    let mut options = cheap();
    options.password_cost = PasswordCost::new(64, 3, 2).unwrap();

    let later = fixture.again(secret(), options);

    later.log_in(named("ada"), password(PASSWORD)).await.unwrap();
    later.log_in(named("ada"), password("wrong horse")).await.unwrap_err();
}
