//! Making administrators. The rule: a password is never an argument, where every process of the machine could read it.

use crate::arguments::CreateAdmin;
use crate::{Outcome, storage};
use chat_core::{AccountOptions, Accounts, Error, Password, Registration, SystemClock, TokenKeys, random};
use std::io::BufRead;
use std::sync::Arc;

/// The environment variable that holds the password, for scripts.
const PASSWORD: &str = "CHAT_ADMIN_PASSWORD";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn create(wanted: &CreateAdmin) -> Outcome {
    let typed = password(wanted)?;
    let password = Password::try_from(typed).map_err(|error| format!("the password {error}"))?;
    let registration =
        Registration { email: wanted.email.clone(), ..Registration::new(wanted.username.clone(), password) };
    let storage = storage::open_lasting(&wanted.place).await?;
    let made = accounts(storage.shared())?.register_administrator(registration).await;
    storage.close().await;
    let user = made.map_err(|error| match error {
        Error::Invalid { field, message } => format!("the {field} {message}"),
        error => error.to_string(),
    })?;
    tracing::info!(username = %user.username, "made the account of an administrator");
    Ok(())
}

/// Accounts that nobody logs in to. An administrator's password is as long as the library asks for, whatever the server does.
fn accounts(storage: Arc<dyn chat_core::Storage>) -> Outcome<Accounts> {
    let keys = TokenKeys::hs256(&random::bytes::<32>()).map_err(|error| error.to_string())?;
    Ok(Accounts::new(storage, Arc::new(SystemClock), keys, AccountOptions::default()))
}

fn password(wanted: &CreateAdmin) -> Outcome<String> {
    if wanted.password_stdin {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|error| format!("the password cannot be read from standard input: {error}"))?;
        return Ok(line.trim_end_matches(['\n', '\r']).to_owned());
    }
    match std::env::var(PASSWORD) {
        Ok(password) => Ok(password),
        Err(_) => asked(),
    }
}

fn asked() -> Outcome<String> {
    let ask = |prompt| {
        rpassword::prompt_password(prompt).map_err(|error| {
            format!("no password: there is no terminal to ask at ({error}), use --password-stdin or {PASSWORD}")
        })
    };
    let password = ask("Password: ")?;
    if ask("Again: ")? == password { Ok(password) } else { Err("the two passwords are not the same".into()) }
}
