//! Whether a server would run with this configuration. The rule: looking changes nothing.

use crate::arguments::Serve;
use crate::{Outcome, keys, mail, storage, tls};
use url::Url;

/// Tells of each part in a line.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn all(serve: &Serve) -> Outcome {
    let parts = [
        ("configuration", configuration(serve)),
        ("database", storage::check(&serve.place).await),
        ("mail", mail::check(serve).await),
        ("key", keys::check(&serve.keys)),
    ];
    for (part, found) in &parts {
        tell(part, found);
    }
    let wrong: Vec<_> = parts.iter().filter(|(_, found)| found.is_err()).map(|(part, _)| *part).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("not in order: {}", wrong.join(", "))) }
}

#[expect(clippy::print_stdout, reason = "it is the answer to whoever asked")]
fn tell(part: &str, found: &Outcome<String>) {
    match found {
        Ok(sentence) => println!("{:<14} ok     {sentence}", format!("{part}:")),
        Err(sentence) => println!("{:<14} wrong  {sentence}", format!("{part}:")),
    }
}

fn configuration(serve: &Serve) -> Outcome<String> {
    let is_origin = |origin: &&String| {
        let url = Url::parse(origin.trim());
        url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none())
    };
    if let Some(wrong) = serve.cors_allow_origin.iter().find(|origin| !is_origin(origin)) {
        return Err(format!("CORS_ALLOW_ORIGIN: {wrong:?} is no origin, as https://chat.example.org"));
    }
    let addresses = mail::check_addresses(serve)?;
    Ok(format!("listens on {}{}; {addresses}", serve.addr, tls::check(&serve.tls)?))
}
