//! How much anyone may ask for, how long they may take, and how the server knows where they are.

use super::range;
use clap::{Args, ValueEnum};
use http::HeaderName;
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// How much may come from where.
#[derive(Args, Debug)]
pub(crate) struct Traffic {
    /// Limit what one account and one address may do in a while, and how many sockets and connections they may have
    #[arg(long, env = "CHAT_RATE_LIMITS", value_enum, default_value_t = Switch::On)]
    rate_limits: Switch,

    /// Connections of one address open at once, while there are limits; an IPv6 address counts as its /64
    #[arg(long, env = "CHAT_CONNECTIONS_PER_ADDRESS", default_value_t = 10_000, value_parser = range(1, 1_000_000))]
    connections_per_address: usize,

    /// The header in which proxies name the address of a client, as `x-forwarded-for`
    #[arg(long, env = "CHAT_CLIENT_ADDRESS_HEADER", requires = "trusted_proxies")]
    pub(crate) client_address_header: Option<HeaderName>,

    /// The addresses and networks (as 10.0.0.0/8) of the proxies whose word is taken for that, separated by commas
    #[arg(long, env = "CHAT_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network,
        requires = "client_address_header")]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Seconds that a client may take to send the head of a request, and wait until it sends the next one
    #[arg(long, env = "CHAT_HEAD_SECONDS", default_value_t = 30, value_parser = range(1, 3_600))]
    head_seconds: usize,

    /// Seconds that a client may take to send the body of a request
    #[arg(long, env = "CHAT_BODY_SECONDS", default_value_t = 60, value_parser = range(1, 3_600))]
    body_seconds: usize,

    /// Seconds that a client may take nothing of an answer before its connection is closed
    #[arg(long, env = "CHAT_WRITE_SECONDS", default_value_t = 60, value_parser = range(1, 3_600))]
    write_seconds: usize,
}

impl Traffic {
    pub(crate) fn is_limited(&self) -> bool {
        self.rate_limits == Switch::On
    }

    /// `None` without limits.
    pub(crate) fn connections_per_address(&self) -> Option<usize> {
        self.is_limited().then_some(self.connections_per_address)
    }

    pub(crate) fn head_wait(&self) -> Duration {
        seconds(self.head_seconds)
    }

    pub(crate) fn write_wait(&self) -> Duration {
        seconds(self.write_seconds)
    }

    pub(crate) fn body_wait(&self) -> Duration {
        seconds(self.body_seconds)
    }
}

/// Whether there is something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// There is
    On,
    /// There is not, as for load tests
    Off,
}

fn seconds(number: usize) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(u64::MAX))
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| "must be an address or a network, as 10.0.0.0/8".to_owned())
}
