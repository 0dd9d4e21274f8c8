//! For those who run the server.

use super::Operation;
use crate::handlers::operations::Status;
use chat_core::wire::shape::Shape;
use serde_json::json;

fn about(summary: &'static str) -> Operation {
    Operation::new("operations", summary)
}

pub(crate) fn health() -> Operation {
    about("Tell whether the process answers").always().answers(200, "It does", Shape::of::<Status>())
}

pub(crate) fn readiness() -> Operation {
    let mail = || {
        let words = "`ok`, or `failing`: the mail server was not available when last tried; `full`: mails are dropped, as too \
            many wait; `none`: there is no mail server";
        Shape::text(words).annotated("enum", json!(["ok", "none", "full", "failing"]))
    };
    let ready = Shape::object().with("status", Shape::constant("ready")).with("storage", Shape::constant("ok"));
    let away = Shape::object().maybe("storage", Shape::constant("away")).maybe("mail", mail());
    about("Tell whether the storage answers, too, and how mails fare")
        .about("Mails that cannot be sent keep no server from being ready. One that is about to stop is not, and tells of neither.")
        .always()
        .answers(200, "It does", ready.with("mail", mail()))
        .refuses_telling(503, away)
}

pub(crate) fn jwks() -> Operation {
    let text = |about| Shape::text(about);
    let key = Shape::object()
        .with("kty", Shape::constant("RSA"))
        .with("use", Shape::constant("sig"))
        .with("alg", Shape::constant("RS256"))
        .with("kid", text("as tokens name it"))
        .with("n", text("the modulus, as Base64urlUInt"))
        .with("e", text("the exponent, as Base64urlUInt"));
    about("Read the keys of tokens (RFC 7517)").about("None with a shared secret.").always().answers(
        200,
        "The keys",
        Shape::object().with("keys", key.list()),
    )
}
