//! Flags and environment variables.

use crate::target::Target;
use crate::tls::TlsFiles;
use crate::web::Pictures;
use chat_core::{Email, Username};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// A chat server in one program.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: Serve,
}

impl Arguments {
    /// What to do; without a word about it, to serve.
    pub(crate) fn chosen(self) -> Command {
        self.command.unwrap_or(Command::Serve(Box::new(self.serve)))
    }
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until told to stop; the same as without a command
    Serve(Box<Serve>),
    /// Look after the keys that sign logins
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Look after administrators, who may delete users and groups of others
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Tell whether configuration, database, mail and key are in order, without changing anything
    Check(Box<Serve>),
    /// Ask a server that runs whether it is ready; exit code 1 if it is not
    Health(Target),
    /// Copy the SQLite file as it is at this moment, while the server runs
    Backup(Backup),
    /// Empty the database, after asking; stop the server first
    Reset(Reset),
    /// Fill a server with believable users, groups and talk, over its HTTP API
    Mock(Mock),
}

/// What to fill a server with.
#[derive(Args, Debug)]
pub(crate) struct Mock {
    #[command(flatten)]
    pub(crate) target: Target,

    /// What names and talk are chosen by: the same seed with the same numbers is the same again, and adds nothing
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Users
    #[arg(long, default_value_t = 20, value_parser = range(2, 1_000))]
    pub(crate) users: usize,

    /// Groups
    #[arg(long, default_value_t = 6, value_parser = range(0, 100))]
    pub(crate) groups: usize,

    /// Messages
    #[arg(long, default_value_t = 300, value_parser = range(0, 100_000))]
    pub(crate) messages: usize,

    /// The password of all these users
    #[arg(long, env = "CHAT_MOCK_PASSWORD", hide_env_values = true, default_value = "believable")]
    pub(crate) password: String,
}

/// What can be done about administrators.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Make the account of an administrator; its password is asked at the terminal, or read from --password-stdin or the
    /// environment variable CHAT_ADMIN_PASSWORD
    Create(CreateAdmin),
}

/// An administrator to make.
#[derive(Args, Debug)]
pub(crate) struct CreateAdmin {
    /// The name to log in with
    #[arg(long)]
    pub(crate) username: Username,

    /// The e-mail address, to log in with and to replace a forgotten password
    #[arg(long)]
    pub(crate) email: Option<Email>,

    /// Read the password from standard input, up to the end of the first line
    #[arg(long)]
    pub(crate) password_stdin: bool,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// What to copy, and where to.
#[derive(Args, Debug)]
pub(crate) struct Backup {
    /// The file to make; one that is there is never overwritten
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// What to empty.
#[derive(Args, Debug)]
pub(crate) struct Reset {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// Where conversations are kept.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// Where conversations are kept
    #[arg(long, env = "CHAT_STORAGE", value_enum, default_value_t = StorageKind::Sqlite)]
    pub(crate) storage: StorageKind,

    /// The address of a Postgres database, as in postgres://user:password@host/database; it is used instead of a file
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, conflicts_with = "storage")]
    pub(crate) database_url: Option<String>,

    /// The SQLite file; it and its directory are made if they do not exist
    #[arg(long, env = "DBPATH", default_value = ".data/chat.db")]
    pub(crate) db: PathBuf,

    /// What a message that was acknowledged survives
    #[arg(long, env = "CHAT_DURABILITY", value_enum, default_value_t = Durability::Full)]
    pub(crate) durability: Durability,
}

/// What can be done with the keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a new key pair to sign logins with; a server that runs takes it within seconds, and tokens signed before stay
    /// valid until they expire
    Rotate(KeyFile),
}

/// Where the keys are.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyFile {
    /// A secret to sign logins with (HS256), instead of the key file
    #[arg(long = "jwt-secret", env = "JWTSECRET", hide_env_values = true)]
    pub(crate) secret: Option<String>,

    /// The PEM file with the key pair that signs logins (RS256); made on the first start
    #[arg(long = "jwt-key", env = "JWT_KEY", default_value = ".data/jwt-key.pem")]
    pub(crate) path: PathBuf,

    /// The password that encrypts the key file
    #[arg(long = "jwt-key-password", env = "JWT_KEY_PASSWORD", hide_env_values = true)]
    pub(crate) password: Option<String>,
}

/// How mails are sent.
#[derive(Args, Debug)]
pub(crate) struct Mail {
    /// The mail server: smtps://user:password@host for TLS, smtp://… for STARTTLS; without it, mails become files
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub(crate) smtp_url: Option<String>,

    /// A PEM file with a certificate authority to trust when talking to the mail server, besides the public ones
    #[arg(long, env = "SMTP_CA")]
    pub(crate) smtp_ca: Option<PathBuf>,

    /// Whom mails are from, as `Chat <chat@example.org>`; by default no-reply at the host of the public URL
    #[arg(long, env = "MAIL_FROM")]
    pub(crate) mail_from: Option<String>,

    /// Where mails are put as .eml files if there is no mail server
    #[arg(long, env = "MAIL_DIR", default_value = ".data/mail")]
    pub(crate) mail_dir: PathBuf,

    /// The address of the web client, for links in mails; by default that of the server
    #[arg(long, env = "PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
}

/// How to serve.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Address and port to listen on
    #[arg(long, env = "CHAT_ADDR", default_value = "127.0.0.1:8000")]
    pub(crate) addr: SocketAddr,

    #[command(flatten)]
    pub(crate) tls: TlsFiles,

    #[command(flatten)]
    pub(crate) place: Place,

    #[command(flatten)]
    pub(crate) keys: KeyFile,

    #[command(flatten)]
    pub(crate) mail: Mail,

    /// Web origins that may use the API with a login, separated by commas
    #[arg(long, env = "CORS_ALLOW_ORIGIN", value_delimiter = ',', default_value = "http://localhost:5173")]
    pub(crate) cors_allow_origin: Vec<String>,

    /// Characters that a new password has at least
    #[arg(long, env = "CHAT_PASSWORD_MIN", default_value_t = 3, value_parser = range(1, 128))]
    pub(crate) password_min: usize,

    /// Keep who has not verified their e-mail address from logging in
    #[arg(long, env = "CHAT_REQUIRE_VERIFICATION")]
    pub(crate) require_verification: bool,

    /// Let the web client show profile pictures from other hosts to those who choose that; they learn who looks at them
    #[arg(long, env = "CHAT_REMOTE_PICTURES")]
    remote_pictures: bool,

    /// Let people in as guests, with nothing but an e-mail address: whoever names it is that guest
    #[arg(long, env = "GUESTS", conflicts_with = "require_verification")]
    pub(crate) guests: bool,

    /// Connections open at once; further ones are turned away
    #[arg(long, env = "CHAT_CONNECTIONS_MAX", default_value_t = 50_000,
        value_parser = range(1, 1_000_000))]
    pub(crate) connections_max: usize,

    /// Seconds for which the server goes on when it is told to stop, not ready by /readyz, so that whatever spreads the load
    /// sends it no more
    #[arg(long, env = "CHAT_DRAIN_SECONDS", default_value_t = 0)]
    drain_seconds: u64,

    /// Seconds over which open sockets are closed when the server stops, so that clients do not all come back at once
    #[arg(long, env = "CHAT_STOP_SPREAD_SECONDS", default_value_t = 1)]
    stop_spread_seconds: u64,

    /// Seconds that open connections get to end when the server stops, and then mails that wait to be sent
    #[arg(long, env = "CHAT_SHUTDOWN_SECONDS", default_value_t = 10)]
    shutdown_seconds: u64,

    /// How log lines are written
    #[arg(long, env = "CHAT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    /// What is logged, for example `info` or `chat_core=debug`
    #[arg(long, env = "CHAT_LOG", default_value = "info", value_parser = log_filter)]
    pub(crate) log: String,
}

impl Serve {
    pub(crate) fn pictures(&self) -> Pictures {
        if self.remote_pictures { Pictures::Remote } else { Pictures::Own }
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    pub(crate) fn stop_spread(&self) -> Duration {
        Duration::from_secs(self.stop_spread_seconds)
    }

    pub(crate) fn shutdown_patience(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }
}

/// Parses a number within bounds.
fn range(min: usize, max: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| match text.parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from {min} to {max}")),
    }
}

fn log_filter(filter: &str) -> Result<String, String> {
    EnvFilter::try_new(filter).map(|_| filter.to_owned()).map_err(|error| error.to_string())
}

/// Where conversations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StorageKind {
    /// In this process; all is gone when it ends
    Memory,
    /// In one file
    Sqlite,
}

/// What an acknowledged message survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    /// A power cut
    Full,
    /// A crash of the server; a power cut may take the last moments, and sending is faster
    Normal,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For machines: one JSON object a line
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_are_consistent() {
        Arguments::command().debug_assert();
    }
}
