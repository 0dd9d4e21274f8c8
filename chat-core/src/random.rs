//! The one source of randomness: the operating system.

/// Fills an array with bytes nobody can guess.
///
/// # Panics
/// If the operating system has no randomness to give, as nothing built on it would be safe.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "without randomness nothing here is safe")]
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}
