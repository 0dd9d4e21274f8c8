//! The bundled chat server: the engine over warp, on one SQLite file, on Postgres or in memory.
//!
//! Start reading at [`run`]; each step has a module of its own.

mod admin;
mod arguments;
mod backup;
mod check;
mod disk;
mod drain;
mod files;
mod health;
mod keys;
mod log;
mod mail;
mod mock;
mod reset;
mod server;
mod storage;
mod supervisor;
mod target;
mod tls;
mod web;

use arguments::{AdminCommand, Arguments, Command, KeysCommand, LogFormat, Serve};
use chat_core::{AccountOptions, Accounts, Chat, Limits, SystemClock};
use clap::Parser;
use mail::Post;
use server::{Server, Stop};
use std::process::ExitCode;
use std::sync::Arc;
use tls::Tls;
use warp::Filter;

/// One clear sentence for whoever started the server.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let done = match Arguments::parse().chosen() {
        Command::Serve(serve) => {
            log::start(&serve.log, serve.log_format);
            run(&serve)
        }
        Command::Keys(KeysCommand::Rotate(file)) => {
            log::start("info", LogFormat::Text);
            keys::rotate(&file)
        }
        Command::Admin(AdminCommand::Create(wanted)) => {
            log::start("info", LogFormat::Text);
            admin::create(&wanted)
        }
        Command::Check(serve) => check::all(&serve),
        Command::Health(target) => {
            log::start("info", LogFormat::Text);
            health::ask(&target)
        }
        Command::Backup(wanted) => {
            log::start("info", LogFormat::Text);
            backup::make(&wanted)
        }
        Command::Reset(wanted) => {
            log::start("info", LogFormat::Text);
            reset::ask_and_clear(&wanted)
        }
        Command::Mock(wanted) => {
            log::start("info", LogFormat::Text);
            mock::fill(&wanted)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            tracing::error!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(serve: &Serve) -> Outcome {
    disk::expect_limits();
    let (listener, address) = server::listen(serve.addr).await?;
    let tls = Tls::open(&serve.tls)?;
    let keys = keys::load(&serve.keys)?;
    let limits = limits(serve);
    let storage = storage::open(&serve.place).await?;
    let Post { queue, templates } = mail::open(serve, address, &limits)?;
    let accounts = Accounts::new(storage.shared(), Arc::new(SystemClock), keys, account_options(serve));
    let accounts = accounts.with_mail(queue.clone(), templates);
    let keys = tokio::spawn(keys::watch(serve.keys.clone(), accounts.clone()));
    let mut chat = Chat::builder(storage.shared()).identities(Arc::new(accounts.clone())).limits(limits);
    if let Some(link) = storage.link().await? {
        chat = chat.link(link);
    }
    let chat = chat.build();
    let options = chat_warp::Options::new(accounts).allowed_origins(&serve.cors_allow_origin);
    let routes = web::pages(serve.pictures()).or(chat_warp::routes(chat.clone(), options)).unify().boxed();

    let server = Server::new(chat, queue, routes, serve.connections_max).with_tls(tls.clone());
    let supervised = supervisor::ready(tls);
    tracing::info!(address = %format_args!("{}://{address}", serve.tls.scheme()), %storage, "the chat server is ready");
    server.run(listener, &Stop { drain: serve.drain(), patience: serve.shutdown_patience() }).await;
    drop(supervised);
    keys.abort();
    storage.close().await;
    tracing::info!("the chat server has stopped");
    Ok(())
}

fn limits(serve: &Serve) -> Limits {
    let mut limits = Limits::default();
    limits.stop_spread = serve.stop_spread();
    limits
}

fn account_options(serve: &Serve) -> AccountOptions {
    let mut options = AccountOptions::default();
    if serve.password_min < options.password_chars_min {
        let usual = options.password_chars_min;
        tracing::warn!(min = serve.password_min, usual, "short passwords are accepted; raise --password-min");
    }
    options.password_chars_min = serve.password_min;
    options.require_verification = serve.require_verification;
    options.guests = serve.guests;
    if serve.guests {
        tracing::warn!("guests are let in by any e-mail address, without a password");
    }
    options
}
