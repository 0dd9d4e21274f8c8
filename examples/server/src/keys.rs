//! The keys that sign logins. The rule: a key that has signed is not forgotten before its last token has expired, so that
//! neither a restart nor a new key ends a login.
//!
//! Beside the key file `jwt-key.pem` there may be `jwt-key.pem.until-<Unix seconds>`: the public half of a key that was
//! replaced, and the moment from which on it is good for nothing.

use crate::arguments::KeyFile;
use crate::{Outcome, files};
use chat_core::{AccountOptions, Accounts, Clock, SystemClock, Timestamp, TokenKeys};
use std::fmt::Display;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// How long a server that runs may go on signing with a key that was replaced: some looks, on a machine that is busy.
const CHANGE_LASTS_MAX: Duration = Duration::from_secs(60);

/// The keys of the configuration, made on the first start.
pub(crate) fn load(file: &KeyFile) -> Outcome<TokenKeys> {
    if let Some(secret) = &file.secret {
        return hs256(secret);
    }
    match fs::read_to_string(&file.path) {
        Ok(pem) => with_former(read(file, &pem)?, &file.path),
        Err(error) if error.kind() == ErrorKind::NotFound => make(file),
        Err(error) => Err(format!("the key file {} cannot be read: {error}", file.path.display())),
    }
}

fn hs256(secret: &str) -> Outcome<TokenKeys> {
    TokenKeys::hs256(secret.as_bytes()).map_err(|error| format!("JWTSECRET cannot be used: {error}"))
}

/// Puts a new key in the place of the one that signs, and keeps the public half of that until its tokens have expired.
pub(crate) fn rotate(file: &KeyFile) -> Outcome {
    if file.secret.is_some() {
        return Err("JWTSECRET signs logins, so there is no key file to rotate; change the secret instead".into());
    }
    let (path, failed) = (&file.path, |error: &dyn Display| unmade(&file.path, error));
    let pem =
        fs::read_to_string(path).map_err(|error| format!("the key file {} cannot be read: {error}", path.display()))?;
    let former = read(file, &pem)?.to_public_pem().map_err(|error| failed(&error))?;
    let new = TokenKeys::generate().map_err(|error| failed(&error))?;
    let pem = new.to_pem(file.password.as_deref()).map_err(|error| failed(&error))?;
    keep_former(path, former.as_bytes()).map_err(|error| failed(&error))?;
    files::put_whole(path, pem.as_bytes()).map_err(|error| failed(&error))?;
    tracing::info!(path = %path.display(), "a new key pair signs logins");
    warn_if_open(file);
    Ok(())
}

/// Keeps the public half of a key for as long as its tokens live.
fn keep_former(path: &Path, pem: &[u8]) -> std::io::Result<()> {
    let mut end = SystemClock.now().plus(AccountOptions::default().access_life + CHANGE_LASTS_MAX);
    loop {
        match files::put_new(&until(path, end), pem) {
            // Another one was replaced in the same second.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => end = end.plus(Duration::from_secs(1)),
            done => return done,
        }
    }
}

/// Takes over keys that are rotated while the server runs, and forgets those whose time is over.
pub(crate) async fn watch(file: KeyFile, accounts: Accounts) {
    if file.secret.is_some() {
        return;
    }
    // The first look loads the keys once more: they may have been rotated since they were loaded.
    let mut known = None;
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let now = state(&file.path);
        let is_gone = now.0.is_none();
        // Without the file, it would be made anew, and every login would end.
        if is_gone || known.as_ref() == Some(&now) {
            continue;
        }
        known = Some(now);
        // Opening an encrypted key is work.
        let loading = {
            let file = file.clone();
            tokio::task::spawn_blocking(move || load(&file)).await
        };
        match loading {
            Ok(Ok(keys)) if keys.jwks() != accounts.keys().jwks() => {
                accounts.replace_keys(keys);
                tracing::info!(path = %file.path.display(), "took over the keys that sign logins");
            }
            Ok(Ok(_)) => {}
            Ok(Err(sentence)) => tracing::error!("{sentence}; logins are signed as before"),
            Err(error) => tracing::error!(%error, "the keys could not be loaded; logins are signed as before"),
        }
    }
}

/// What tells whether the files have changed: when the key was written, and which former ones are still good.
fn state(path: &Path) -> (Option<SystemTime>, Vec<PathBuf>) {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    (written, former(path).unwrap_or_default())
}

fn read(file: &KeyFile, pem: &str) -> Outcome<TokenKeys> {
    TokenKeys::rs256_from_pem(pem, file.password.as_deref()).map_err(|error| unusable(&file.path, &error))
}

fn with_former(keys: TokenKeys, path: &Path) -> Outcome<TokenKeys> {
    with(keys, former(path).map_err(|error| unusable(path, &error))?)
}

fn with(keys: TokenKeys, former: impl IntoIterator<Item = PathBuf>) -> Outcome<TokenKeys> {
    former.into_iter().try_fold(keys, |keys, path| {
        let pem = fs::read_to_string(&path).map_err(|error| unusable(&path, &error))?;
        keys.with_former(&pem).map_err(|error| unusable(&path, &error))
    })
}

/// Whether the keys can be used as they are, in a sentence; makes none and removes none.
pub(crate) fn check(file: &KeyFile) -> Outcome<String> {
    if let Some(secret) = &file.secret {
        return hs256(secret).map(|_| "JWTSECRET signs logins (HS256)".into());
    }
    let path = file.path.display();
    match fs::read_to_string(&file.path) {
        Ok(pem) => {
            let keys = read(file, &pem)?;
            let former = replaced(&file.path).map_err(|error| unusable(&file.path, &error))?;
            with(keys, former.into_iter().filter(|(end, _)| SystemClock.now() < *end).map(|(_, path)| path))?;
            let encrypted = if file.password.is_some() { "encrypted" } else { "not encrypted" };
            Ok(format!("{path} signs logins (RS256), {encrypted}"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(format!("{path} will be made on the first start")),
        Err(error) => Err(format!("the key file {path} cannot be read: {error}")),
    }
}

/// The files of former keys that are still good, the newest first; the others are removed.
fn former(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let now = SystemClock.now();
    let (mut good, dead): (Vec<_>, Vec<_>) = replaced(path)?.into_iter().partition(|(end, _)| now < *end);
    // One that cannot be removed is good for nothing all the same.
    dead.iter().for_each(|(_, path)| drop(fs::remove_file(path)));
    good.sort_by(|one, other| other.cmp(one));
    Ok(good.into_iter().map(|(_, path)| path).collect())
}

/// The files of all former keys, and when their time ends.
fn replaced(path: &Path) -> std::io::Result<Vec<(Timestamp, PathBuf)>> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = until(path, Timestamp(0));
    let prefix = prefix.file_name().and_then(|name| name.to_str()).unwrap_or_default().trim_end_matches('0');
    let mut found = vec![];
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let end = name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|end| end.parse().ok());
        found.extend(end.map(|end| (Timestamp(end), entry.path())));
    }
    Ok(found)
}

fn until(path: &Path, end: Timestamp) -> PathBuf {
    PathBuf::from(format!("{}.until-{}", path.display(), end.0))
}

fn make(file: &KeyFile) -> Outcome<TokenKeys> {
    let (path, failed) = (&file.path, |error: &dyn Display| unmade(&file.path, error));
    let keys = TokenKeys::generate().map_err(|error| failed(&error))?;
    let pem = keys.to_pem(file.password.as_deref()).map_err(|error| failed(&error))?;
    files::make_directory_of(path).map_err(|error| failed(&error))?;
    match files::put_new(path, pem.as_bytes()) {
        Ok(()) => {}
        // Another process was faster: its key is the one.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let pem = fs::read_to_string(path).map_err(|error| failed(&error))?;
            return read(file, &pem);
        }
        Err(error) => return Err(failed(&error)),
    }
    tracing::info!(path = %path.display(), is_encrypted = file.password.is_some(), "made a key pair to sign logins with");
    warn_if_open(file);
    Ok(keys)
}

fn warn_if_open(file: &KeyFile) {
    if file.password.is_none() {
        tracing::warn!(path = %file.path.display(), "the key file is not encrypted; set JWT_KEY_PASSWORD and run `chat-server keys rotate` to change that");
    }
}

fn unusable(path: &Path, error: &dyn Display) -> String {
    format!("the key file {} cannot be used: {error}", path.display())
}

fn unmade(path: &Path, error: &dyn Display) -> String {
    format!("the key file {} cannot be made: {error}", path.display())
}
