//! What the end-to-end tests share: a server to start, people who use it, and their sockets.
//!
//! The rule: a test talks to a server as a stranger would, over HTTP and WebSocket, and waits for what it expects, never
//! for time to pass. [`end_to_end!`] runs each test against every kind of server.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub mod client;
pub mod disk;
pub mod documents;
pub mod ledger;
mod mail_server;
mod mailbox;
mod person;
pub mod postgres;
mod proxy;
pub mod reducer;
mod server;
mod socket;
pub mod tls;

pub use client::Client;
pub use mail_server::{MailServer, free_port};
pub use mailbox::Letter;
pub use person::{Answer, Person};
pub use proxy::{Cut, Proxy};
pub use server::{Kind, Server, run, run_at_terminal, run_behind};
pub use socket::{Socket, all_hear, event, hear_nothing, refusal, with_ref};

use std::time::Duration;

/// How long anything a test waits for may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Makes each async function a test against every kind of server: the program on SQLite and on Postgres, and the routes in
/// this process on SQLite and in memory. Behind `with guests;` they are servers that let guests in; behind `with tls;` there is
/// one more, the program that speaks TLS itself.
#[macro_export]
macro_rules! end_to_end {
    (with guests; $($tests:tt)+) => {
        $crate::end_to_end! { @start_with_guests $($tests)+ }
    };
    (with tls; $($tests:tt)+) => {
        $crate::end_to_end! { @start $($tests)+ }

        mod over_tls {
            use super::*;

            $crate::end_to_end! { @over_tls $($tests)+ }
        }
    };
    (async $($tests:tt)+) => {
        $crate::end_to_end! { @start async $($tests)+ }
    };
    (#$doc:tt $($tests:tt)+) => {
        $crate::end_to_end! { @start #$doc $($tests)+ }
    };
    (@over_tls $($(#[$doc:meta])* async fn $name:ident($server:ident: Server) $body:block)+) => {
        $($(#[$doc])*
        #[tokio::test]
        async fn $name() {
            let $server = $crate::Server::start_with_tls(&[]).await;
            $body
        })+
    };
    (@$start:ident $($(#[$doc:meta])* async fn $name:ident($server:ident: Server) $body:block)+) => {
        $($(#[$doc])* mod $name {
            use super::*;

            async fn check($server: $crate::Server) $body

            #[tokio::test]
            async fn program_sqlite() {
                check($crate::Server::$start($crate::Kind::Program).await).await;
            }

            #[tokio::test]
            async fn program_postgres() {
                check($crate::Server::$start($crate::Kind::ProgramOnPostgres).await).await;
            }

            #[tokio::test]
            async fn routes_sqlite() {
                check($crate::Server::$start($crate::Kind::RoutesOnSqlite).await).await;
            }

            #[tokio::test]
            async fn routes_memory() {
                check($crate::Server::$start($crate::Kind::RoutesInMemory).await).await;
            }
        })+
    };
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
