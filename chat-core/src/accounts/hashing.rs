//! The work of hashing passwords. The rule: it is done on blocking threads, by few at a time, each in memory that one
//! before it has used, and who would wait too long is told to come back.

use super::Password;
use super::guests;
use super::options::AccountOptions;
use crate::metrics::{PASSWORD_HASH_SECONDS, PASSWORD_HASHES_RUNNING, PASSWORD_HASHES_WAITING, Present};
use crate::{Error, PasswordHash, limits, random};
use argon2::password_hash;
use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use metrics::{Gauge, Histogram, gauge, histogram};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Bytes of salt (RFC 9106, section 3.1).
const SALT_BYTES: usize = 16;

/// When a caller turned away should try again: a full queue is worked off in seconds.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Hashes passwords and checks them against hashes.
pub(super) struct Hashing {
    argon2: Argon2<'static>,
    decoy: phc::PasswordHash,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Memory>>>,
    computed: Arc<AtomicU64>,
    measured: Measured,
}

/// How much is waited for, and how much is done.
struct Measured {
    waiting: Gauge,
    running: Gauge,
    seconds: Histogram,
}

impl Measured {
    fn new() -> Self {
        Self {
            waiting: gauge!(PASSWORD_HASHES_WAITING),
            running: gauge!(PASSWORD_HASHES_RUNNING),
            seconds: histogram!(PASSWORD_HASH_SECONDS),
        }
    }
}

impl Hashing {
    pub(super) fn new(options: &AccountOptions) -> Self {
        let running = options.limits.password_hashes_max.clamp(1, Semaphore::MAX_PERMITS);
        let waiting = options.limits.password_queue_max;
        Self {
            argon2: Argon2::from(&options.password_cost.0),
            decoy: decoy(&options.password_cost.0),
            places: Arc::new(Semaphore::new(running.saturating_add(waiting).min(Semaphore::MAX_PERMITS))),
            turns: Arc::new(Semaphore::new(running)),
            idle: Arc::default(),
            computed: Arc::default(),
            measured: Measured::new(),
        }
    }

    /// How many hashes have been computed.
    pub(super) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Hashes a new password with a salt of its own.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let (argon2, form) = (self.argon2.clone(), self.decoy.clone());
        let hashed = self.run(move |memory| new_hash(&argon2, &password, form, memory));
        match hashed.await? {
            Ok(hash) => Ok(PasswordHash::from_stored(hash.to_string())),
            Err(error) => {
                tracing::error!(%error, "a password could not be hashed");
                Err(Error::Unavailable)
            }
        }
    }

    /// Whether `hash` is one of `password`. Without a hash, and for a guest, the work is done all the same, so that nobody
    /// learns from the time whether there is one.
    pub(super) async fn verify(&self, password: Password, hash: Option<&PasswordHash>) -> Result<bool, Error> {
        let hash = hash.filter(|hash| !guests::is_mark(hash));
        let known = hash.is_some();
        let hash = hash.map_or_else(|| Ok(self.decoy.clone()), |hash| phc::PasswordHash::new(hash.as_str()));
        let verified = self.run(move |memory| is_of(&password, &hash?, memory));
        match verified.await? {
            Ok(right) => Ok(right && known),
            Err(error) => {
                tracing::error!(%error, "a stored password hash cannot be used");
                Ok(false)
            }
        }
    }

    /// Does `work` when its turn has come. The turn ends with the work, not with the caller, who may be gone by then.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Error::RateLimited { retry_after: RETRY_AFTER })?;
        let waiting = Present::among(&self.measured.waiting);
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Error::Unavailable)?;
        drop(waiting);
        let (computed, idle) = (Arc::clone(&self.computed), Arc::clone(&self.idle));
        let (running, seconds) = (Present::among(&self.measured.running), self.measured.seconds.clone());
        let usual = self.argon2.params().block_count();
        let task = tokio::task::spawn_blocking(move || {
            let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut memory = known.unwrap_or_else(|| Memory::new(usual));
            let begun = Instant::now();
            let result = work(&mut memory);
            seconds.record(begun.elapsed());
            memory.shrink();
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            computed.fetch_add(1, Ordering::Relaxed);
            drop((turn, place, running));
            result
        });
        task.await.map_err(|_| Error::Unavailable)
    }
}

/// Hashes a password; in all but salt and output, the hash is written as `form` is.
fn new_hash(
    argon2: &Argon2<'_>,
    password: &Password,
    form: phc::PasswordHash,
    memory: &mut Memory,
) -> password_hash::Result<phc::PasswordHash> {
    let (salt, mut output) = (random::bytes::<SALT_BYTES>(), [0; Params::DEFAULT_OUTPUT_LEN]);
    memory.compute(argon2, password, &salt, &mut output)?;
    Ok(phc::PasswordHash { salt: Some(Salt::new(&salt)?), hash: Some(Output::new(&output)?), ..form })
}

/// Whether `hash` is one of `password`, whatever variant of argon2 and whatever cost it was made with.
fn is_of(password: &Password, hash: &phc::PasswordHash, memory: &mut Memory) -> password_hash::Result<bool> {
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from)?;
    let argon2 = Argon2::new(Algorithm::try_from(hash.algorithm.as_str())?, version, Params::try_from(hash)?);
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..expected.len()).ok_or(password_hash::Error::OutputSize)?;
    memory.compute(&argon2, password, salt, output)?;
    // Outputs are compared in constant time.
    Ok(Output::new(output)? == *expected)
}

/// What argon2 works in. Asked for and given back with each hash, it would stay with the process all the same, once for
/// each thread that ever hashed: allocators keep pieces of this size.
struct Memory {
    blocks: Vec<Block>,
    /// As many as a new hash takes.
    usual: usize,
}

impl Memory {
    fn new(usual: usize) -> Self {
        Self { blocks: vec![], usual }
    }

    fn compute(
        &mut self,
        argon2: &Argon2<'_>,
        password: &Password,
        salt: &[u8],
        output: &mut [u8],
    ) -> argon2::Result<()> {
        self.grow(argon2.params().block_count())?;
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut self.blocks)
    }

    fn grow(&mut self, blocks: usize) -> argon2::Result<()> {
        if blocks > self.usual.max(limits::PASSWORD_HASH_KIB_MAX) {
            return Err(argon2::Error::MemoryTooMuch);
        }
        let missing = blocks.saturating_sub(self.blocks.len());
        self.blocks.try_reserve_exact(missing).map_err(|_| argon2::Error::OutOfMemory)?;
        self.blocks.resize(self.blocks.len() + missing, Block::new());
        Ok(())
    }

    /// Gives back what only a costlier hash has taken.
    fn shrink(&mut self) {
        self.blocks.truncate(self.usual);
        self.blocks.shrink_to_fit();
    }
}

/// A hash that takes the usual work to check and that no password has: its output is random, not computed.
fn decoy(params: &argon2::Params) -> phc::PasswordHash {
    phc::PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::default().into()),
        params: ParamsString::try_from(params).unwrap_or_default(),
        salt: Salt::new(&random::bytes::<SALT_BYTES>()).ok(),
        hash: Output::new(&random::bytes::<{ argon2::Params::DEFAULT_OUTPUT_LEN }>()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::PasswordCost;

    const USUAL: usize = 64;

    fn hash_that_takes(kib: u64) -> PasswordHash {
        let (salt, output) = ("c2FsdHNhbHRzYWx0", "c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ");
        PasswordHash::from_stored(format!("$argon2id$v=19$m={kib},t=1,p=1${salt}${output}"))
    }

    fn password() -> Password {
        "correct horse".parse().unwrap()
    }

    #[tokio::test]
    async fn a_turn_takes_over_the_memory_of_the_one_before() {
        let password_cost = PasswordCost::new(USUAL as u32, 1, 1).unwrap();
        let hashing = Hashing::new(&AccountOptions { password_cost, ..AccountOptions::default() });
        let hash = hashing.hash(password()).await.unwrap();
        let place = hashing.idle.lock().unwrap()[0].blocks.as_ptr();

        assert!(hashing.verify(password(), Some(&hash)).await.unwrap());
        assert_eq!(hashing.idle.lock().unwrap()[0].blocks.as_ptr(), place);
        assert!(!hashing.verify(password(), Some(&hash_that_takes(USUAL as u64 * 8))).await.unwrap());
        assert!(!hashing.verify(password(), None).await.unwrap());

        let idle = hashing.idle.lock().unwrap();
        assert_eq!(idle.iter().map(|memory| memory.blocks.capacity()).collect::<Vec<_>>(), [USUAL]);
    }

    #[test]
    fn a_hash_that_asks_for_absurd_memory_gets_none() {
        let mut memory = Memory::new(USUAL);
        for kib in [limits::PASSWORD_HASH_KIB_MAX as u64 + 4, u64::from(u32::MAX)] {
            let hash = hash_that_takes(kib);
            let refused = is_of(&password(), &phc::PasswordHash::new(hash.as_str()).unwrap(), &mut memory);
            assert_eq!(refused, Err(password_hash::Error::ParamInvalid { name: "m" }));
            assert_eq!(memory.blocks.capacity(), 0);
        }
    }
}
