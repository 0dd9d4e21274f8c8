//! Times, and what most of them stay below.

use std::fmt;
use std::time::Duration;

/// Measured times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// What this share of all times does not exceed; zero if there are none.
    pub(crate) fn quantile(&mut self, share: f64) -> Duration {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
        let index = (last as f64 * share).round() as usize;
        self.0.get(index).copied().unwrap_or_default()
    }
}

/// The times that tell how most fare, and how the unlucky do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantiles {
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
}

impl From<&mut Latencies> for Quantiles {
    fn from(latencies: &mut Latencies) -> Self {
        let mut at = |share| latencies.quantile(share);
        Self { p50: at(0.50), p95: at(0.95), p99: at(0.99) }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        write!(f, "p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms", millis(self.p50), millis(self.p95), millis(self.p99))
    }
}
