//! Mailed codes: what is answered, when, and what becomes of mails.

use crate::{Fixture, PASSWORD, cheap, named, password, registration, seconds, secret};
use chat_core::{
    AccountOptions, AccountUpdate, Accounts, Email, Error, Limits, Mail, MailQueue, MailTemplates, MemoryMailer,
    Registration, User, limits,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const WRONG_CODE: Error = Error::Unauthorized("the code is wrong or has expired");
const QUARTER: u64 = 15 * 60;

/// Accounts that mail codes into memory.
struct Mailing {
    fixture: Fixture,
    accounts: Accounts,
    queue: MailQueue,
    mails: Arc<MemoryMailer>,
}

impl Mailing {
    fn new() -> Self {
        Self::with(cheap(), &Limits::default())
    }

    fn with(options: AccountOptions, limits: &Limits) -> Self {
        let fixture = Fixture::with(secret(), options);
        let mails = Arc::new(MemoryMailer::default());
        let queue = MailQueue::new(mails.clone(), limits);
        let templates = MailTemplates::new("https://chat.example.org");
        let accounts = fixture.accounts.clone().with_mail(queue.clone(), templates);
        Self { fixture, accounts, queue, mails }
    }

    async fn ada(&self) -> User {
        let registration = Registration { email: Some(ada()), ..registration("ada") };
        self.accounts.register(registration).await.unwrap()
    }

    /// Every mail, once none is on its way any more.
    async fn sent(&self) -> Vec<Mail> {
        while self.queue.waiting() > 0 {
            tokio::task::yield_now().await;
        }
        self.mails.sent()
    }

    async fn code(&self) -> String {
        let text = self.sent().await.pop().unwrap().text;
        let (_, code) = text.split_once("&code=").unwrap();
        code.split_whitespace().next().unwrap().to_owned()
    }

    async fn reset_code(&self) -> String {
        self.accounts.request_reset(ada());
        self.code().await
    }

    async fn reset(&self, code: &str) -> Result<usize, Error> {
        self.accounts.reset_password(ada(), code, password("another horse")).await.map(|revoked| revoked.len())
    }
}

fn ada() -> Email {
    "ada@example.org".parse().unwrap()
}

fn nobody() -> Email {
    "nobody@example.org".parse().unwrap()
}

/// How long it takes to be refused.
async fn refused<T: std::fmt::Debug>(asking: impl Future<Output = Result<T, Error>>) -> Duration {
    let begun = Instant::now();
    assert_eq!(asking.await.unwrap_err(), WRONG_CODE);
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn every_refusal_takes_the_same_time_whoever_has_the_address() {
    let mailing = Mailing::new();
    mailing.ada().await;
    mailing.reset_code().await;
    for email in [ada(), nobody()] {
        let accounts = &mailing.accounts;
        assert_eq!(refused(accounts.verify_email(email.clone(), "123456")).await, Duration::from_millis(250));
        assert_eq!(refused(accounts.check_reset(email.clone(), "123456")).await, Duration::from_millis(250));
        let reset = accounts.reset_password(email, "123456", password("another horse"));
        assert_eq!(refused(reset).await, Duration::from_millis(250));
    }
}

#[tokio::test]
async fn a_wrong_code_is_not_worth_hashing_a_password() {
    let mailing = Mailing::new();
    mailing.ada().await;
    let code = mailing.reset_code().await;
    let before = mailing.accounts.password_hashes();
    mailing.reset("wrong").await.unwrap_err();
    assert_eq!(mailing.accounts.password_hashes(), before);
    mailing.reset(&code).await.unwrap();
    assert_eq!(mailing.accounts.password_hashes(), before + 1);
}

#[tokio::test]
async fn a_code_lives_a_quarter_of_an_hour() {
    for (age, is_good) in [(QUARTER - 1, true), (QUARTER, false)] {
        let mailing = Mailing::new();
        mailing.ada().await;
        let digits = mailing.code().await;
        let code = mailing.reset_code().await;
        mailing.fixture.clock.advance(seconds(age));
        assert_eq!(mailing.accounts.verify_email(ada(), &digits).await.is_ok(), is_good);
        assert_eq!(mailing.reset(&code).await.is_ok(), is_good);
    }
}

#[tokio::test]
async fn a_reset_ends_every_login() {
    let mailing = Mailing::new();
    mailing.ada().await;
    let logins = [mailing.fixture.log_in("ada").await, mailing.fixture.log_in("ada").await];
    let code = mailing.reset_code().await;
    assert_eq!(mailing.reset(&code).await, Ok(logins.len()));
    for login in logins {
        mailing.accounts.authenticate(&login.access_token).await.unwrap_err();
    }
    mailing.accounts.log_in(named("ada"), password(PASSWORD)).await.unwrap_err();
    mailing.accounts.log_in(named("ada"), password("another horse")).await.unwrap();
}

#[tokio::test]
async fn a_mail_goes_to_the_address_as_its_owner_wrote_it() {
    let mailing = Mailing::new();
    mailing.ada().await;
    mailing.accounts.request_reset("ADA@EXAMPLE.ORG".parse().unwrap());
    mailing.accounts.request_reset(nobody());
    let to: Vec<_> = mailing.sent().await.into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [ada(), ada()]);
}

#[tokio::test]
async fn who_asks_again_and_again_gets_few_mails_until_an_hour_is_over() {
    let mailing = Mailing::new();
    mailing.ada().await;
    let first = mailing.sent().await.len();
    for hour in 1..=2 {
        for _ in 0..20 {
            mailing.accounts.request_reset(ada());
        }
        assert_eq!(mailing.sent().await.len() - first, hour * limits::CODES_MAX as usize);
        mailing.fixture.clock.advance(limits::CODES_WINDOW);
    }
}

#[tokio::test]
async fn a_full_queue_is_no_ones_business() {
    let mut limits = Limits::default();
    limits.mail_queue_max = 0;
    let mailing = Mailing::with(cheap(), &limits);
    mailing.ada().await;
    mailing.accounts.request_reset(ada());
    mailing.accounts.request_verification(ada());
    assert_eq!(mailing.sent().await, []);
}

#[tokio::test]
async fn without_mail_nothing_is_mailed_and_everything_else_works() {
    let fixture = Fixture::new();
    let registration = Registration { email: Some(ada()), ..registration("ada") };
    fixture.accounts.register(registration).await.unwrap();
    fixture.accounts.request_reset(ada());
    fixture.accounts.request_verification(ada());
    assert_eq!(fixture.accounts.verify_email(ada(), "123456").await.unwrap_err(), WRONG_CODE);
    fixture.log_in("ada").await;
}

#[tokio::test]
async fn who_must_verify_logs_in_only_then() {
    let mut options = cheap();
    options.require_verification = true;
    let mailing = Mailing::with(options, &Limits::default());
    let without = mailing.accounts.register(registration("eve")).await.unwrap_err();
    assert_eq!(without, Error::invalid("email", "is required"));
    let ada_id = mailing.ada().await.id;
    let log_in = |typed: &str| mailing.accounts.log_in(named("ada"), password(typed));
    assert_eq!(log_in(PASSWORD).await.unwrap_err(), Error::Unverified);
    assert!(matches!(log_in("wrong horse").await.unwrap_err(), Error::Unauthorized(_)));
    let verified = mailing.accounts.verify_email(ada(), &mailing.code().await).await.unwrap();
    assert!(verified.id == ada_id && verified.email_verified);
    log_in(PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_change_that_is_refused_changes_nothing() {
    let mailing = Mailing::new();
    let ada_id = mailing.ada().await.id;
    let other = Registration { email: Some(nobody()), ..registration("bob") };
    mailing.accounts.register(other).await.unwrap();
    for (old, email) in [(PASSWORD, nobody()), ("wrong horse", "new@example.org".parse().unwrap())] {
        let update = AccountUpdate { password: Some(password("another horse")), email: Some(Some(email)) };
        mailing.accounts.change(ada_id, password(old), update, None).await.unwrap_err();
        assert_eq!(mailing.fixture.log_in("ada").await.user.email, Some(ada()));
    }
}
