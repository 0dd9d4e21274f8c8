//! Messages from senders to all their groups, at a pace, and what that costs.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::crowd::Crowd;
use crate::latencies::Quantiles;
use crate::process::Process;
use std::fmt;
use std::time::{Duration, Instant};

/// Messages that do not count, until everything that is allocated once has been.
const WARM_UP: usize = 100;
/// How long nothing may arrive before what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(15);

/// How fast messages follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many are on their way.
    Window(usize),
    /// So many begin each second, whether or not the last have arrived.
    Rate(usize),
}

/// Who sends what to whom.
pub(crate) struct Flow<'a> {
    /// The groups; client `n` is a member of group `n % groups.len()`.
    pub(crate) groups: &'a [i64],
    /// Members of each group that take turns at sending.
    pub(crate) senders: usize,
    /// Clients that hear each message.
    pub(crate) hearers: usize,
    /// Bytes of each message.
    pub(crate) size: usize,
    /// Whether the server passes on what it is sent as it is.
    pub(crate) is_relayed: bool,
}

/// What a flow has cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) deliveries: usize,
    pub(crate) elapsed: Duration,
    pub(crate) cpu: Duration,
    pub(crate) latencies: Quantiles,
    /// Deliveries that were missing, came twice or out of order.
    pub(crate) wrong: i64,
}

impl Flow<'_> {
    /// One group, or those that the arguments ask for.
    pub(crate) fn of<'a>(arguments: &Arguments, groups: &'a [i64]) -> Flow<'a> {
        Flow {
            groups,
            senders: arguments.senders,
            hearers: arguments.sessions / groups.len(),
            size: arguments.size,
            is_relayed: false,
        }
    }

    /// Sends messages, waits until all have arrived, and tells what that has cost; the first ones do not count.
    pub(crate) fn drive(
        &self,
        crowd: &mut Crowd,
        server: &Process,
        pace: Pace,
        messages: usize,
        sent: &mut usize,
    ) -> Outcome<Figures> {
        self.carry(crowd, pace, WARM_UP, sent)?;
        *crowd.tally() = crate::crowd::Tally::default();
        let (began, before) = (Instant::now(), server.usage()?);
        self.carry(crowd, pace, messages, sent)?;
        let (elapsed, after) = (began.elapsed(), server.usage()?);
        let tally = crowd.tally();
        let lost = messages * self.hearers - tally.deliveries.min(messages * self.hearers);
        Ok(Figures {
            deliveries: tally.deliveries,
            elapsed,
            cpu: after.cpu - before.cpu,
            latencies: (&mut tally.latencies).into(),
            wrong: tally.skipped.max(i64::try_from(lost)?) + i64::try_from(tally.repeated + tally.dropped)?,
        })
    }

    fn carry(&self, crowd: &mut Crowd, pace: Pace, messages: usize, sent: &mut usize) -> Outcome {
        let (began, first, start) = (Instant::now(), *sent, crowd.tally().deliveries);
        let mut progress = (start, began);
        loop {
            let deliveries = crowd.tally().deliveries;
            let arrived = (deliveries - start) / self.hearers;
            if arrived >= messages {
                return Ok(());
            }
            if deliveries > progress.0 {
                progress = (deliveries, Instant::now());
            } else if progress.1.elapsed() > PATIENCE {
                return Ok(());
            }
            while *sent - first < messages.min(pace.allows(arrived, began.elapsed())) {
                self.send(crowd, *sent)?;
                *sent += 1;
            }
            crowd.receive(Duration::from_millis(1))?;
        }
    }

    fn send(&self, crowd: &mut Crowd, number: usize) -> Outcome {
        let count = self.groups.len();
        let (group, turn) = (number % count, number / count);
        let client = group + count * (turn % self.senders);
        if self.is_relayed {
            return crowd.send_event(client, self.groups[group], i64::try_from(turn + 1)?, self.size);
        }
        crowd.send(client, self.groups[group], self.size)
    }
}

impl Pace {
    /// How many messages may have been sent when so many have arrived, after this time.
    fn allows(self, arrived: usize, elapsed: Duration) -> usize {
        match self {
            Self::Window(window) => arrived + window,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of messages")]
            Self::Rate(rate) => (elapsed.as_secs_f64() * rate as f64) as usize + 1,
        }
    }
}

impl Figures {
    /// Microseconds of the server's CPU for each delivery.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.deliveries.max(1) as f64
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.deliveries as f64 / self.elapsed.as_secs_f64()
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(window) => write!(f, "{window} in flight"),
            Self::Rate(rate) => write!(f, "{rate}/s"),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6.3} µs CPU per delivery, {:8.0} deliveries/s, {}, wrong {}",
            self.cpu_micros(),
            self.per_second(),
            self.latencies,
            self.wrong
        )
    }
}
