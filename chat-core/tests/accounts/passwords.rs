//! The bounds of hashing.

use crate::{Fixture, PASSWORD, cheap, costing, named, password, registration, seconds, secret};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use chat_core::{AccountOptions, Error, LoginStorage, PasswordCost, PasswordHash, Rate, RateLimits};
use futures::future::join_all;
use std::sync::atomic::{AtomicU64, Ordering};

const RATE_LIMITED: Error = Error::RateLimited { retry_after: seconds(1) };

fn queue(mut options: AccountOptions, hashes_max: usize, queue_max: usize) -> AccountOptions {
    options.limits.password_hashes_max = hashes_max;
    options.limits.password_queue_max = queue_max;
    options
}

/// What `work` comes to, which it must within a time that only a turn never given back exceeds.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(seconds(30), work).await.unwrap()
}

#[tokio::test]
async fn a_hash_names_argon2id_and_its_cost() {
    let fixture = Fixture::with(secret(), AccountOptions::default());
    let ada = fixture.ada().await;

    let hash = fixture.storage.find_password(ada.id).await.unwrap().unwrap();

    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}

#[tokio::test]
async fn two_users_with_one_password_have_different_hashes() {
    let fixture = Fixture::new();
    let ada = fixture.ada().await;
    let bob = fixture.accounts.register(crate::registration("bob")).await.unwrap();

    let of = |user| fixture.storage.find_password(user);

    assert_ne!(of(ada.id).await.unwrap(), of(bob.id).await.unwrap());
}

#[tokio::test]
async fn hashes_made_elsewhere_are_good_whatever_their_cost() {
    let fixture = Fixture::new();
    let ada = fixture.ada().await;
    let (least, more) = (Params::new(8, 1, 1, None).unwrap(), Params::new(70_000, 1, 3, Some(16)).unwrap());
    for (algorithm, version, params) in [
        (Algorithm::Argon2id, Version::V0x13, more),
        (Algorithm::Argon2i, Version::V0x10, Params::new(300, 3, 2, Some(64)).unwrap()),
        (Algorithm::Argon2d, Version::V0x13, Params::DEFAULT),
        (Algorithm::Argon2id, Version::V0x13, least),
    ] {
        let argon2 = Argon2::new(algorithm, version, params);
        let hash = argon2.hash_password_with_salt(PASSWORD.as_bytes(), b"salt from elsewhere").unwrap();
        let hash = PasswordHash::from_stored(hash.to_string());
        fixture.storage.put_password(ada.id, &hash, None).await.unwrap();

        assert!(fixture.accounts.log_in(named("ada"), password("wrong horse")).await.is_err(), "{hash}");
        assert!(fixture.accounts.log_in(named("ada"), password(PASSWORD)).await.is_ok(), "{hash}");
    }
}

#[tokio::test]
async fn new_hashes_are_good_for_any_argon2() {
    let fixture = Fixture::new();
    let (ada, bob) = (fixture.ada().await, fixture.accounts.register(crate::registration("bob")).await.unwrap());
    for user in [ada.id, bob.id] {
        let hash = fixture.storage.find_password(user).await.unwrap().unwrap();
        assert_eq!(Argon2::default().verify_password(PASSWORD.as_bytes(), hash.as_str()), Ok(()));
    }
}

#[test]
fn a_cost_that_argon2id_does_not_know_is_refused() {
    for (memory_kib, passes, lanes) in [(7, 1, 1), (8, 0, 1), (8, 1, 0), (8, 1, 2)] {
        assert!(PasswordCost::new(memory_kib, passes, lanes).is_err());
    }
}

#[tokio::test]
async fn a_flood_of_logins_starves_nobody_and_all_are_answered() {
    let fixture = Fixture::with(secret(), queue(costing(1_024, 1), 1, 200));
    fixture.ada().await;
    let ticks = AtomicU64::new(0);
    let ticking = async {
        loop {
            tokio::task::yield_now().await;
            ticks.fetch_add(1, Ordering::Relaxed);
        }
    };

    let flood = join_all((0..200).map(|_| fixture.log_in("ada")));
    let logins = tokio::select! { logins = flood => logins, () = ticking => Vec::new() };

    assert_eq!(logins.len(), 200);
    // Were passwords hashed on this one thread, the other task would tick about once per hash.
    let ticks = ticks.into_inner();
    assert!(ticks > 2_000, "{ticks}");
}

#[tokio::test]
async fn more_than_the_queue_holds_are_told_to_come_back() {
    let fixture = Fixture::with(secret(), queue(costing(1_024, 1), 1, 50));
    fixture.ada().await;

    let logins = (0..200).map(|_| fixture.accounts.log_in(named("ada"), password(PASSWORD)));
    let (answered, refused): (Vec<_>, Vec<_>) = join_all(logins).await.into_iter().partition(Result::is_ok);

    assert!(answered.len() >= 51, "{}", answered.len());
    assert!(refused.len() >= 100, "{}", refused.len());
    assert!(refused.into_iter().all(|refused| refused.unwrap_err() == RATE_LIMITED));
}

#[tokio::test]
async fn a_caller_who_goes_away_frees_their_turn_only_when_the_work_is_done() {
    let fixture = Fixture::with(secret(), queue(costing(19 * 1_024, 4), 1, 0));
    fixture.ada().await;
    let log_in = || fixture.accounts.log_in(named("ada"), password(PASSWORD));
    {
        let mut gone = Box::pin(log_in());
        assert!(futures::poll!(&mut gone).is_pending());
    }

    assert_eq!(log_in().await.unwrap_err(), RATE_LIMITED);

    soon(async {
        while log_in().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_stops_waiting_frees_their_place() {
    let fixture = Fixture::with(secret(), queue(costing(19 * 1_024, 4), 1, 1));
    fixture.ada().await;
    let log_in = || Box::pin(fixture.accounts.log_in(named("ada"), password(PASSWORD)));
    let mut running = log_in();
    assert!(futures::poll!(&mut running).is_pending());
    {
        let mut waiting = log_in();
        assert!(futures::poll!(&mut waiting).is_pending());
    }

    soon(log_in()).await.unwrap();

    running.await.unwrap();
}

#[tokio::test]
async fn guessing_one_account_ends_soon_whether_there_is_one_and_by_whatever_name() {
    let mut options = cheap();
    let mut rates = RateLimits::for_people();
    rates.logins = Rate::new(3, seconds(60));
    options.limits.rates = Some(rates);
    let fixture = Fixture::with(secret(), options);
    fixture.ada().await;
    fixture.accounts.register(registration("bob")).await.unwrap();
    let guess = async |name: &str| fixture.accounts.log_in(named(name), password("wrong password")).await.unwrap_err();

    for name in ["ada", "nobody"] {
        for spelled in [name.to_owned(), name.to_uppercase(), name.to_owned()] {
            assert_eq!(guess(&spelled).await.code(), "unauthorized");
        }
        assert_eq!(guess(name).await, Error::RateLimited { retry_after: seconds(60) });
    }
    // Not even the right password then, or guessing would go on. Others are as before.
    assert_eq!(fixture.accounts.log_in(named("ada"), password(PASSWORD)).await.unwrap_err().code(), "rate_limited");
    fixture.log_in("bob").await;
    fixture.clock.advance(seconds(60));
    fixture.log_in("ada").await;
}
