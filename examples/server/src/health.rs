//! Asking a server whether it is ready, for containers and whatever else watches over it. The rule: silence is a no.

use crate::Outcome;
use crate::target::Target;
use std::error::Error;
use std::iter::successors;
use std::time::Duration;

/// How long the answer may take: less than whoever asks would wait for this program.
const ANSWER_LASTS_MAX: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn ask(target: &Target) -> Outcome {
    let url = format!("{}/readyz", target.url());
    let client = target.client(ANSWER_LASTS_MAX)?;
    let answer = client.get(&url).send().await.map_err(|error| format!("{url} gives no answer: {}", cause(&error)))?;
    if answer.status().is_success() { Ok(()) } else { Err(format!("{url} is answered {}", answer.status())) }
}

/// What went wrong stands at the end; before it, where.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let error: &dyn Error = error;
    successors(Some(error), |error: &&dyn Error| (*error).source()).last().unwrap_or(error).to_string()
}
