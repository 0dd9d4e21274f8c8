//! Verifying an address, replacing a forgotten password, and changing the address.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Answer, Person, Server, end_to_end};
use futures::future::join;
use serde_json::{Value, json};

const ANN: &str = "ann@example.org";
const NEW: &str = "battery staple";

/// Registers someone whom mail reaches, and logs them in.
async fn mailed(server: &Server, username: &str) -> Person {
    let email = format!("{username}@example.org");
    let account = json!({ "username": username, "password": Person::PASSWORD, "email": email });
    server.post("/users/register", account).await.expect(201);
    Person::log_in(server, username).await
}

/// Asks for a mail to reset the password, the second one that Ann gets, and returns the code in it.
async fn reset_code(server: &Server) -> String {
    server.post("/users/forgot_password", json!({ "email": ANN })).await.expect(202);
    server.letter(ANN, 2).await.code()
}

async fn with_code(server: &Server, path: &str, email: &str, code: &str) -> Answer {
    server.post(path, json!({ "email": email, "code": code, "password": NEW })).await
}

async fn verify(server: &Server, code: &str) -> Answer {
    with_code(server, "/users/verify", ANN, code).await
}

async fn reset(server: &Server, code: &str) -> Answer {
    with_code(server, "/users/reset_password", ANN, code).await
}

async fn log_in(server: &Server, password: &str) -> Answer {
    server.post("/users/login", json!({ "username": "ann", "password": password })).await
}

/// Another code of six digits.
fn other(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

end_to_end! {
    async fn registering_mails_a_code_that_verifies_the_address_once(server: Server) {
        let ann = mailed(&server, "ann").await;
        let letter = server.letter(ANN, 1).await;
        assert_eq!(ann.get("/users/me").await.expect(200)["email_verified"], false);
        assert!(letter.text.contains("ann") && !letter.subject.contains(&letter.digits()), "{letter:?}");

        verify(&server, &letter.digits()).await.expect(200);

        assert_eq!(ann.get("/users/me").await.expect(200)["email_verified"], true);
        verify(&server, &letter.digits()).await.refuses(401, "unauthorized");
    }

    async fn a_code_dies_of_five_wrong_tries_and_another_can_be_had(server: Server) {
        mailed(&server, "ann").await;
        let code = server.letter(ANN, 1).await.digits();
        for _ in 0..5 {
            verify(&server, &other(&code)).await.refuses(401, "unauthorized");
        }
        verify(&server, &code).await.refuses(401, "unauthorized");

        server.post("/users/resend_code", json!({ "email": ANN })).await.expect(202);

        let newer = server.letter(ANN, 2).await.digits();
        verify(&server, &newer).await.expect(200);
        // Nothing waits to be verified any more.
        server.post("/users/resend_code", json!({ "email": ANN })).await.expect(202);
        reset(&server, "none").await.refuses(401, "unauthorized");
        assert_eq!(server.letters(ANN).len(), 2);
    }

    async fn a_forgotten_password_is_replaced_and_every_login_ends(server: Server) {
        let ann = mailed(&server, "ann").await;
        let elsewhere = Person::log_in(&server, "ann").await;
        let (mut first, mut second) = (ann.socket().await, elsewhere.socket().await);
        let code = reset_code(&server).await;
        for _ in 0..7 {
            with_code(&server, "/users/authorize", ANN, &code).await.expect(200);
        }

        reset(&server, &code).await.expect(200);

        for socket in [&mut first, &mut second] {
            assert_eq!(u16::from(socket.closed().await.unwrap().code), 4401);
        }
        for person in [&ann, &elsewhere] {
            person.get("/users/me").await.refuses(401, "unauthorized");
            let refresh = json!({ "refresh_token": person.refresh_token });
            server.post("/users/token/refresh", refresh).await.refuses(401, "unauthorized");
        }
        log_in(&server, Person::PASSWORD).await.refuses(401, "unauthorized");
        let login = log_in(&server, NEW).await.expect(200);
        assert_eq!(login["user"]["email_verified"], true, "the code came by the address");
        reset(&server, &code).await.refuses(401, "unauthorized");
        with_code(&server, "/users/authorize", ANN, &code).await.refuses(401, "unauthorized");
    }

    async fn the_newest_of_two_mails_is_the_one_that_counts(server: Server) {
        mailed(&server, "ann").await;
        let ask = || server.post("/users/forgot_password", json!({ "email": "Ann@Example.org" }));
        let (one, another) = join(ask(), ask()).await;
        assert_eq!((one.status, one.text), (another.status, another.text));
        server.letter(ANN, 3).await;
        let codes: Vec<_> = server.letters(ANN)[1..].iter().map(chat_tests::Letter::code).collect();
        let mut good = 0;
        for code in &codes {
            good += usize::from(with_code(&server, "/users/authorize", ANN, code).await.status == 200);
        }
        assert_eq!((codes.len(), good), (2, 1));
    }

    async fn of_two_resets_at_once_one_is_done(server: Server) {
        mailed(&server, "ann").await;
        let code = reset_code(&server).await;
        let with = |password: &str| {
            server.post("/users/reset_password", json!({ "email": ANN, "code": code, "password": password }))
        };
        let (one, another) = join(with("the first horse"), with("the second horse")).await;
        let mut statuses = [one.status.as_u16(), another.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        let winner = if one.status == 200 { "the first horse" } else { "the second horse" };
        log_in(&server, winner).await.expect(200);
    }

    async fn nobody_learns_whose_address_it_is(server: Server) {
        mailed(&server, "ann").await;
        reset_code(&server).await;
        for path in ["/users/forgot_password", "/users/resend_code"] {
            let known = server.post(path, json!({ "email": ANN })).await;
            let unknown = server.post(path, json!({ "email": "bob@example.org" })).await;
            assert_eq!((known.status.as_u16(), known.text), (202, unknown.text));
            assert_eq!(unknown.status.as_u16(), 202);
        }
        for path in ["/users/verify", "/users/authorize", "/users/reset_password"] {
            let known = with_code(&server, path, ANN, "123456").await;
            let unknown = with_code(&server, path, "bob@example.org", "123456").await;
            known.refuses(401, "unauthorized");
            assert_eq!((known.status, known.text), (unknown.status, unknown.text));
        }
        assert!(server.letters("bob@example.org").is_empty());
    }

    async fn a_mailbox_is_not_filled_by_asking_again_and_again(server: Server) {
        mailed(&server, "ann").await;
        for _ in 0..12 {
            server.post("/users/forgot_password", json!({ "email": ANN })).await.expect(202);
        }
        server.letter(ANN, 6).await;
        // Mails are written in turn, so that of someone who asks later comes after all of Ann's.
        mailed(&server, "bob").await;
        server.letter("bob@example.org", 1).await;
        assert_eq!(server.letters(ANN).len(), 6);
    }

    async fn a_password_that_is_too_short_leaves_the_code_good(server: Server) {
        mailed(&server, "ann").await;
        let code = reset_code(&server).await;
        for _ in 0..6 {
            let short = json!({ "email": ANN, "code": code, "password": "xy" });
            server.post("/users/reset_password", short).await.blames("password");
        }
        reset(&server, &code).await.expect(200);
    }

    async fn what_a_request_lacks_is_named(server: Server) {
        for path in ["/users/forgot_password", "/users/resend_code", "/users/verify", "/users/authorize"] {
            server.post(path, json!({ "code": "123456" })).await.blames("email");
            server.post(path, json!({ "email": "nobody", "code": "123456" })).await.blames("email");
        }
        for path in ["/users/verify", "/users/authorize", "/users/reset_password"] {
            server.post(path, json!({ "email": ANN })).await.blames("code");
            server.post(path, json!({ "email": ANN, "code": 123_456 })).await.blames("code");
        }
        server.post("/users/reset_password", json!({ "email": ANN, "code": "1" })).await.blames("password");
    }

    async fn a_code_is_for_one_purpose(server: Server) {
        mailed(&server, "ann").await;
        let digits = server.letter(ANN, 1).await.digits();
        let code = reset_code(&server).await;
        reset(&server, &digits).await.refuses(401, "unauthorized");
        verify(&server, &code).await.refuses(401, "unauthorized");
        verify(&server, &digits).await.expect(200);
        reset(&server, &code).await.expect(200);
    }

    async fn a_code_dies_with_the_account(server: Server) {
        let ann = mailed(&server, "ann").await;
        let digits = server.letter(ANN, 1).await.digits();
        let code = reset_code(&server).await;
        ann.delete("/users/me").await.expect(200);
        verify(&server, &digits).await.refuses(401, "unauthorized");
        reset(&server, &code).await.refuses(401, "unauthorized");
        mailed(&server, "ann").await;
        reset(&server, &code).await.refuses(401, "unauthorized");
        log_in(&server, Person::PASSWORD).await.expect(200);
    }

    async fn changing_the_address_needs_the_password_and_mails_a_code_to_the_new_one(server: Server) {
        let ann = mailed(&server, "ann").await;
        verify(&server, &server.letter(ANN, 1).await.digits()).await.expect(200);
        let new = "ann@elsewhere.example.org";
        ann.patch("/users/me", json!({ "email": new })).await.blames("old_password");
        let wrong = ann.patch("/users/me", json!({ "email": new, "old_password": "wrong horse" })).await;
        wrong.refuses(403, "forbidden");

        let change = json!({ "email": new, "old_password": Person::PASSWORD });
        let changed = ann.patch("/users/me", change.clone()).await.expect(200);

        assert_eq!((&changed["email"], &changed["email_verified"]), (&json!(new), &json!(false)));
        let digits = server.letter(new, 1).await.digits();
        with_code(&server, "/users/verify", new, &digits).await.expect(200);
        assert_eq!(ann.patch("/users/me", change).await.expect(200)["email_verified"], true, "it is the same address");
        server.post("/users/login", json!({ "email": new, "password": Person::PASSWORD })).await.expect(200);
        let none = ann.patch("/users/me", json!({ "email": null, "old_password": Person::PASSWORD })).await.expect(200);
        assert_eq!(none["email"], Value::Null);
    }

    async fn a_code_dies_with_the_address(server: Server) {
        let ann = mailed(&server, "ann").await;
        let code = reset_code(&server).await;
        let new = "ann@elsewhere.example.org";
        ann.patch("/users/me", json!({ "email": new, "old_password": Person::PASSWORD })).await.expect(200);
        for address in [ANN, new] {
            with_code(&server, "/users/reset_password", address, &code).await.refuses(401, "unauthorized");
        }
        log_in(&server, Person::PASSWORD).await.expect(200);
    }

    async fn an_address_of_someone_else_is_not_taken_over(server: Server) {
        let [ann, _bob] = [mailed(&server, "ann").await, mailed(&server, "bob").await];
        let before = ann.get("/users/me").await.expect(200);
        let change = json!({
            "email": "BOB@example.org", "password": NEW, "full_name": "Bob", "old_password": Person::PASSWORD,
        });
        let taken = ann.patch("/users/me", change).await;
        taken.refuses(409, "conflict");
        assert_eq!(taken.body["errors"][0]["field"], "email");
        assert_eq!(ann.get("/users/me").await.expect(200), before);
        log_in(&server, Person::PASSWORD).await.expect(200);
    }

    async fn address_and_password_change_together(server: Server) {
        let ann = mailed(&server, "ann").await;
        let new = "ann@elsewhere.example.org";
        let change = json!({ "email": new, "password": NEW, "old_password": Person::PASSWORD });
        assert_eq!(ann.patch("/users/me", change).await.expect(200)["email"], new);
        log_in(&server, NEW).await.expect(200);
    }
}

#[tokio::test]
async fn who_must_verify_cannot_log_in_before() {
    let server = Server::start_with(&["--require-verification"]).await;
    let account = |email: Value| json!({ "username": "ann", "password": Person::PASSWORD, "email": email });
    server.post("/users/register", account(Value::Null)).await.blames("email");
    let on_paper = json!({ "username": "ann", "password": Person::PASSWORD, "fullname": "Ann" });
    assert_eq!(server.post("/register", on_paper).await.status, 400);
    server.post("/users/register", account(json!(ANN))).await.expect(201);
    for path in ["/users/login", "/users/token"] {
        let credentials = |password: &str| json!({ "username": "ann", "password": password });
        server.post(path, credentials(Person::PASSWORD)).await.refuses(403, "unverified");
        server.post(path, credentials("wrong horse")).await.refuses(401, "unauthorized");
    }
    let text = server.post("/auth/login", json!({ "username": "ann", "password": Person::PASSWORD })).await;
    assert_eq!(text.status, 403);

    verify(&server, &server.letter(ANN, 1).await.digits()).await.expect(200);

    let ann = Person::log_in(&server, "ann").await;
    let empty = json!({ "email": null, "old_password": Person::PASSWORD });
    ann.patch("/users/me", empty).await.blames("email");
}

#[tokio::test]
async fn a_reset_verifies_the_address_of_who_must() {
    let server = Server::start_with(&["--require-verification"]).await;
    let account = json!({ "username": "ann", "password": Person::PASSWORD, "email": ANN });
    server.post("/users/register", account).await.expect(201);
    server.letter(ANN, 1).await;
    let code = reset_code(&server).await;
    reset(&server, &code).await.expect(200);
    log_in(&server, NEW).await.expect(200);
}
