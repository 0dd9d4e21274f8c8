//! What to measure, and how much of it.

use crate::hostile::Habit;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Measures the chat server over real sockets.
///
/// Every measurement starts a server of its own on a fresh SQLite file, with synchronous=FULL, and ends it.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// What to measure
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Measurement::value_variants().to_vec())]
    pub(crate) only: Vec<Measurement>,

    /// Sessions that hear one group
    #[arg(long, default_value_t = 1_000)]
    pub(crate) sessions: usize,

    /// Groups that these sessions are divided among
    #[arg(long, default_value_t = 1)]
    pub(crate) groups: usize,

    /// Sessions that take turns at sending
    #[arg(long, default_value_t = 1)]
    pub(crate) senders: usize,

    /// Messages in each fan-out measurement, after the first ones that do not count
    #[arg(long, default_value_t = 2_000)]
    pub(crate) messages: usize,

    /// Bytes of what a message says
    #[arg(long, default_value_t = 128)]
    pub(crate) size: usize,

    /// Messages a second where the rate is fixed
    #[arg(long, default_value_t = 100)]
    pub(crate) rate: usize,

    /// Sessions in the measurement of memory
    #[arg(long, default_value_t = 10_000)]
    pub(crate) idle_sessions: usize,

    /// Sessions in the measurement of hostile clients, who are a tenth of them
    #[arg(long, default_value_t = 5_000)]
    pub(crate) hostile_sessions: usize,

    /// What the hostile clients do
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Habit::value_variants().to_vec())]
    pub(crate) habits: Vec<Habit>,

    /// Events that each session has missed when all come back at once
    #[arg(long, default_value_t = 100)]
    pub(crate) missed: usize,

    /// Sessions that send at once where stored messages are counted
    #[arg(long, default_value_t = 256)]
    pub(crate) writers: usize,

    /// Members of the large group, of whom `--idle-sessions` are online
    #[arg(long, default_value_t = 100_000)]
    pub(crate) members: usize,

    /// Seconds that a measurement without a number of messages lasts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,

    /// The server; by default `chat-server` beside this program
    #[arg(long)]
    pub(crate) server: Option<PathBuf>,

    /// Where the databases are made, on the disk to be measured; by default beside this program
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,

    /// Where to draw the cost of fan-out, as SVG
    #[arg(long)]
    pub(crate) svg: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// One thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    /// CPU per delivery with 1 and 16 messages in flight and at a fixed rate, beside a bare epoll loop
    FanOut,
    /// Fan-out to a group most of whose members are offline
    Crowd,
    /// Resident memory per idle session, each a member of three conversations
    Memory,
    /// What the others notice of a tenth of sessions that do not read
    SlowReaders,
    /// What the others notice of a tenth of sessions that stall, flood, send garbage, come and go
    Hostile,
    /// All sessions coming back at once
    Resume,
    /// One sender and two members, nothing else going on
    Latency,
    /// Messages stored per second by many senders, beside one commit per message
    Sends,
    /// From the start to the first answer
    Start,
}
