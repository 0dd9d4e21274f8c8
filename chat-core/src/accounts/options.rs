//! What a host may tune about accounts. The rule: the defaults are fit for a public server.

use crate::Limits;
use argon2::Params;
use std::time::Duration;

/// How costly argon2id is to compute, for the engine as for whoever guesses (RFC 9106, section 3.1).
#[derive(Clone, Debug)]
pub struct PasswordCost(pub(super) Params);

impl PasswordCost {
    /// `memory_kib` KiB of memory, at least 8 per lane, walked over `passes` times in `lanes` lanes.
    ///
    /// # Errors
    /// A sentence if argon2id cannot be computed so.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, &'static str> {
        let params = Params::new(memory_kib, passes, lanes, None);
        params.map(Self).map_err(|_| "argon2id needs one pass, one lane and 8 KiB of memory per lane at least")
    }
}

impl Default for PasswordCost {
    /// 19 MiB, two passes, one lane: the least that the OWASP Password Storage Cheat Sheet recommends.
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

/// How accounts behave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AccountOptions {
    /// Characters a new password has at least; passwords in use stay valid.
    pub password_chars_min: usize,
    /// The work that hashing a new password is; hashes made at another cost stay valid.
    pub password_cost: PasswordCost,
    /// How long an access token is valid.
    pub access_life: Duration,
    /// How long a refresh token is valid, and with it a login that nobody refreshes.
    pub refresh_life: Duration,
    /// How long a mailed code is good.
    pub code_life: Duration,
    /// How long it takes to be told that a code is wrong: longer than the storage takes to find that out, which would show
    /// whether there is a code at all. It also slows down guessing.
    pub refusal_time: Duration,
    /// Whether who has not verified their address is kept from logging in. Everyone needs an address then, and
    /// [`Accounts::with_mail`](super::Accounts::with_mail) is needed, too.
    pub require_verification: bool,
    /// Whether people may come with nothing but an address, as guests. Whoever names a guest's address is that guest, so this
    /// is for trying things out and for those who trust each other. It lets nobody in while `require_verification` is on.
    pub guests: bool,
    /// Of these, accounts heed the two about passwords, and of the rates `logins`.
    pub limits: Limits,
}

impl Default for AccountOptions {
    fn default() -> Self {
        Self {
            password_chars_min: 8,
            password_cost: PasswordCost::default(),
            access_life: Duration::from_secs(60 * 60),
            refresh_life: Duration::from_secs(30 * 24 * 60 * 60),
            code_life: Duration::from_secs(15 * 60),
            refusal_time: Duration::from_millis(250),
            require_verification: false,
            guests: false,
            limits: Limits::default(),
        }
    }
}
