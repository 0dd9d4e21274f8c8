//! The conformance kit: one check for each promise of the traits, to be run against every adapter.
//!
//! [`storage_conformance!`](crate::storage_conformance), [`hub_conformance!`](crate::hub_conformance) and
//! [`link_conformance!`](crate::link_conformance) make each check a test of its own; [`storage_checks`], [`hub_checks`] and
//! [`link_checks`] list them for programs that run them otherwise. A check fails by panicking. Each is to be given an empty
//! storage, a hub without sessions, or a network without nodes, of its own.

#![expect(missing_docs, reason = "the name of a check is its sentence")]
#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

mod held;
mod link;
mod list;
mod support;

pub mod blocks;
pub mod cancellation;
pub mod codes;
pub mod concurrency;
pub mod contacts;
pub mod conversations;
pub mod creation;
pub mod deletion;
pub mod hub;
pub mod links;
pub mod logins;
pub mod marks;
pub mod messages;
mod model;
pub mod readers;
pub mod rights;
pub mod timeline;
pub mod users;

pub use held::HeldStorage;
pub use link::{MemoryLink, MemoryNetwork};
pub use links::Network;
pub use support::new_user;

use crate::{SessionHub, Storage};
use futures::future::BoxFuture;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long one check may take. Those that fill a table to its limit take a minute on a busy machine; only a storage that is
/// stuck takes as long as this.
pub const CHECK_LASTS_MAX: Duration = Duration::from_secs(400);

/// One promise of the trait `T`.
pub struct Check<T: ?Sized> {
    /// What is promised, as a sentence with underscores.
    pub name: &'static str,
    /// Panics if an implementation breaks the promise. Needs a tokio runtime; [`run`] brings one.
    pub run: fn(Arc<T>) -> BoxFuture<'static, ()>,
}

impl<T: ?Sized> fmt::Debug for Check<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every check of a storage.
#[must_use]
pub fn storage_checks() -> Vec<Check<dyn Storage>> {
    crate::__storage_checks!(__checks_as_list)
}

/// Every check of a hub.
#[must_use]
pub fn hub_checks() -> Vec<Check<dyn SessionHub>> {
    crate::__hub_checks!(__checks_as_list)
}

/// Every check of a link.
#[must_use]
pub fn link_checks() -> Vec<Check<dyn Network>> {
    crate::__link_checks!(__checks_as_list)
}

/// Opens an implementation of the trait `T` and runs one check against it on a runtime of its own, keeping what `open`
/// returns beside it until the check is over.
///
/// # Panics
/// If the check fails, or does not end within [`CHECK_LASTS_MAX`].
pub fn run<T, Guard, Opening, Checking>(open: impl FnOnce() -> Opening, check: impl FnOnce(Arc<T>) -> Checking)
where
    T: ?Sized,
    Opening: Future<Output = (Arc<T>, Guard)>,
    Checking: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let (checked, _guard) = open().await;
        tokio::time::timeout(CHECK_LASTS_MAX, check(checked)).await.expect("the check ends in time");
    });
}

/// Makes every check of a storage a test of an adapter.
///
/// Takes the path of an `async fn` that opens an empty storage, and returns it with whatever must live as long as it does: a
/// temporary directory, a database to be dropped, or nothing.
///
/// ```
/// use chat_core::{MemoryStorage, Storage};
/// use std::sync::Arc;
///
/// async fn open() -> (Arc<dyn Storage>, ()) {
///     (Arc::new(MemoryStorage::new()), ())
/// }
///
/// chat_core::storage_conformance!(open);
/// ```
#[macro_export]
macro_rules! storage_conformance {
    ($open:path) => {
        $crate::__storage_checks!(__checks_as_tests $open);
    };
}

/// Makes every check of a hub a test of an adapter.
///
/// Takes the path of an `async fn` that makes a hub, and returns it with whatever must live as long as it does.
///
/// ```
/// use chat_core::{LocalHub, SessionHub};
/// use std::sync::Arc;
///
/// async fn open() -> (Arc<dyn SessionHub>, ()) {
///     (Arc::new(LocalHub::new()), ())
/// }
///
/// chat_core::hub_conformance!(open);
/// ```
#[macro_export]
macro_rules! hub_conformance {
    ($open:path) => {
        $crate::__hub_checks!(__checks_as_tests $open);
    };
}

/// Makes every check of a link a test of an adapter.
///
/// Takes the path of an `async fn` that makes a network, and returns it with whatever must live as long as it does.
///
/// ```
/// use chat_core::testing::{MemoryNetwork, Network};
/// use std::sync::Arc;
///
/// async fn open() -> (Arc<dyn Network>, ()) {
///     (Arc::new(MemoryNetwork::new()), ())
/// }
///
/// chat_core::link_conformance!(open);
/// ```
#[macro_export]
macro_rules! link_conformance {
    ($open:path) => {
        $crate::__link_checks!(__checks_as_tests $open);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __checks_as_tests {
    ([$open:path] $($file:ident: $($name:ident)+;)+) => {
        $($(
            #[test]
            fn $name() {
                $crate::testing::run($open, $crate::testing::$file::$name);
            }
        )+)+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __checks_as_list {
    ([] $($file:ident: $($name:ident)+;)+) => {
        vec![$($($crate::testing::Check {
            name: stringify!($name),
            run: |checked| Box::pin($crate::testing::$file::$name(checked)),
        }),+),+]
    };
}
