//! A server with people and groups in it. The rule: everyone is a user of their own with a login of their own, as the real
//! ones are, since a session's memory holds entries for its user and login.
//!
//! They are put into the database by the engine before the server opens it, with the cheapest password hashes there are:
//! hashing is not what is measured, and ten thousand registrations at its real cost would take minutes.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::crowd::Person;
use crate::process::Process;
use chat_core::{
    AccountOptions, Accounts, Action, Change, Chat, Clock, ConversationId, NewConversation, Password, PasswordCost,
    Registration, SystemClock, Timeline, TokenKeys, UserId, UserKey, Username, Visibility,
};
use chat_sqlite::{Durability, SqliteSettings, SqliteStorage};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const SECRET: &str = "only for measuring";
const PASSWORD: &str = "correct horse";

/// Who is to be there before the server starts.
pub(crate) struct Cast {
    /// People who log in.
    pub(crate) people: usize,
    /// The members of each group, the first of them its owner.
    pub(crate) groups: Vec<Vec<usize>>,
    /// People who never log in, and are members of the first group.
    pub(crate) absent: usize,
}

/// Whether the server counts what its clients do, as it does for whoever starts it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RateLimits {
    On,
    /// What is measured is the server, not its patience.
    Off,
}

impl RateLimits {
    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// A running server, and those who may come to it.
pub(crate) struct Stage {
    pub(crate) server: Process,
    pub(crate) address: SocketAddr,
    pub(crate) people: Vec<Person>,
    pub(crate) groups: Vec<i64>,
    // Dropped after the server.
    _directory: TempDir,
}

impl Stage {
    pub(crate) fn set(arguments: &Arguments, cast: &Cast) -> Outcome<Self> {
        Self::set_with(arguments, cast, RateLimits::Off)
    }

    pub(crate) fn set_with(arguments: &Arguments, cast: &Cast, limits: RateLimits) -> Outcome<Self> {
        let directory = directory(arguments)?;
        let database = directory.path().join("chat.db");
        let runtime = tokio::runtime::Runtime::new()?;
        let (people, groups) = runtime.block_on(fill(&database, cast))?;
        let (server, address) =
            serve(arguments, &database, &[("JWTSECRET", SECRET), ("CHAT_RATE_LIMITS", limits.word())])?;
        Ok(Self { server, address, people, groups, _directory: directory })
    }
}

/// An empty directory on the disk to be measured.
pub(crate) fn directory(arguments: &Arguments) -> Outcome<TempDir> {
    Ok(match &arguments.directory {
        Some(directory) => tempfile::tempdir_in(directory)?,
        None => tempfile::tempdir_in(beside_this_program("")?)?,
    })
}

fn beside_this_program(name: &str) -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// The server to be measured.
pub(crate) fn program(arguments: &Arguments) -> Outcome<PathBuf> {
    arguments.server.clone().map_or_else(|| beside_this_program("chat-server"), Ok)
}

/// Starts a server on a database, and waits until it listens.
pub(crate) fn serve(
    arguments: &Arguments,
    database: &Path,
    environment: &[(&str, &str)],
) -> Outcome<(Process, SocketAddr)> {
    let database = database.display().to_string();
    let flags = ["--addr", "127.0.0.1:0", "--log-format", "json", "--db", &database];
    let (server, line) = Process::start(&program(arguments)?, &flags, environment, "the chat server is ready")?;
    let line: serde_json::Value = serde_json::from_str(&line)?;
    let address = line["fields"]["address"].as_str().and_then(|address| address.strip_prefix("http://"));
    let address = address.ok_or("the server's first line names no address")?;
    Ok((server, address.parse()?))
}

async fn fill(database: &Path, cast: &Cast) -> Outcome<(Vec<Person>, Vec<i64>)> {
    // Nothing of this has to survive a power cut.
    let storage = SqliteStorage::connect(SqliteSettings::new(database).durability(Durability::Normal)).await?;
    let mut options = AccountOptions::default();
    options.password_cost = PasswordCost::new(8, 1, 1)?;
    let keys = TokenKeys::hs256(SECRET.as_bytes())?;
    let accounts = Accounts::new(Arc::new(storage.clone()), Arc::new(SystemClock), keys, options);

    let mut people = Vec::with_capacity(cast.people);
    let mut users = Vec::with_capacity(cast.people);
    for number in 0..cast.people {
        let (user, token) = register(&accounts, number).await?;
        users.push(user);
        people.push(Person { token, groups: vec![], home: home(number) });
    }
    let mut groups = Vec::with_capacity(cast.groups.len());
    for (position, members) in cast.groups.iter().enumerate() {
        let mut ids: Vec<_> = members.iter().map(|member| users[*member]).collect();
        if position == 0 {
            ids.extend(absent(&storage, cast.absent).await?);
        }
        let group = create(&storage, &ids).await?.into();
        members.iter().for_each(|member| people[*member].groups.push(group));
        groups.push(group);
    }
    storage.close().await;
    Ok((people, groups))
}

/// Everyone comes from an address of their own, as people do: the system has sixteen million that lead to itself.
fn home(number: usize) -> Ipv4Addr {
    let [_, high, middle, low] = u32::try_from(number).unwrap_or_default().to_be_bytes();
    Ipv4Addr::new(127, 1 + high, middle, low)
}

async fn register(accounts: &Accounts, number: usize) -> Outcome<(UserId, String)> {
    let username: Username = format!("user{number}").parse()?;
    let password: Password = PASSWORD.parse()?;
    accounts.register(Registration::new(username.clone(), password.clone())).await?;
    let pair = accounts.log_in(UserKey::Username(username), password).await?;
    Ok((pair.user.id, pair.access_token))
}

async fn absent(storage: &SqliteStorage, count: usize) -> Outcome<Vec<UserId>> {
    let chat = Chat::builder(Arc::new(storage.clone())).build();
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        ids.push(chat.create_user(format!("absent{number}").parse()?).await?.id);
    }
    Ok(ids)
}

/// Past the engine, which bounds how many members one request may name.
pub(crate) async fn create(storage: &SqliteStorage, members: &[UserId]) -> Outcome<ConversationId> {
    let (owner, members) = members.split_first().ok_or("a group has an owner")?;
    let group = NewConversation::Group { name: None, visibility: Visibility::Private, members: members.to_vec() };
    let change = Change { actor: *owner, at: SystemClock.now(), action: Action::Create(group) };
    let appended = storage.append(&[change]).await?.remove(0)?;
    Ok(appended.events.first().ok_or("creating a group is an event")?.conversation)
}
