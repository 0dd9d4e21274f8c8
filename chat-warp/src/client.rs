//! Where requests come from, and how much may come from one place. The rule: only what the host tells counts; whatever a client
//! says of its own address is for the host to believe or not.

use crate::request::Request;
use chat_core::{Budget, Clock, Error, Rate};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// The address of the client that sent a request. A host that knows it puts it into the extensions of the request before the
/// [`routes`](crate::routes) see it; without it, [`AddressLimits`] count nothing.
///
/// ```
/// use chat_warp::ClientAddress;
/// use std::net::{IpAddr, Ipv4Addr};
///
/// let peer = IpAddr::from(Ipv4Addr::LOCALHOST);
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(ClientAddress(peer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What counts as one client: an IPv4 address; of IPv6 the first 64 bits, below which every line has addresses to spare
    /// (RFC 6177). An IPv4 address that is written as one of IPv6 is the same.
    #[must_use]
    pub fn network(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
            address @ IpAddr::V4(_) => address,
        }
    }
}

/// How often one address may do what costs the server or other people something, before anyone has shown who they are.
/// Thousands may share an address, so what one person may do is counted by account wherever there is one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AddressLimits {
    /// Passwords and mailed codes tried, right or wrong.
    pub logins: Rate,
    /// Passwords tried for one account.
    pub logins_of_one: Rate,
    /// Accounts made, and guests let in.
    pub registrations: Rate,
    /// Mails asked for.
    pub mails: Rate,
    /// Refresh tokens spent, or tried to.
    pub refreshes: Rate,
    /// Sockets opened, or tried to.
    pub sockets: Rate,
}

impl AddressLimits {
    /// What a school or an office behind one address does not notice.
    #[must_use]
    pub const fn for_people() -> Self {
        const fn rate(at_once: u32, every_millis: u64) -> Rate {
            Rate::new(at_once, Duration::from_millis(every_millis))
        }
        Self {
            logins: rate(60, 2_000),
            logins_of_one: rate(10, 30_000),
            registrations: rate(60, 30_000),
            mails: rate(20, 60_000),
            refreshes: rate(1_000, 50),
            sockets: rate(1_000, 50),
        }
    }
}

/// What is left to each address; without limits, everything.
pub(crate) struct Addresses(Option<Budgets>);

/// The budgets of addresses, by the names of [`AddressLimits`].
pub(crate) struct Budgets {
    pub(crate) logins: Budget<IpAddr>,
    logins_of_one: Budget<(IpAddr, String)>,
    pub(crate) registrations: Budget<IpAddr>,
    pub(crate) mails: Budget<IpAddr>,
    pub(crate) refreshes: Budget<IpAddr>,
    pub(crate) sockets: Budget<IpAddr>,
}

impl Addresses {
    pub(crate) fn new(limits: Option<&AddressLimits>, clock: &Arc<dyn Clock>) -> Self {
        let budget = |rate| Budget::new(rate, Arc::clone(clock));
        Self(limits.map(|limits| Budgets {
            logins: budget(limits.logins),
            logins_of_one: Budget::new(limits.logins_of_one, Arc::clone(clock)),
            registrations: budget(limits.registrations),
            mails: budget(limits.mails),
            refreshes: budget(limits.refreshes),
            sockets: budget(limits.sockets),
        }))
    }

    /// Takes one from a budget of the address that a request comes from.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(crate) fn spend(&self, request: &Request, of: impl Fn(&Budgets) -> &Budget<IpAddr>) -> Result<(), Error> {
        match (&self.0, request.client) {
            (Some(budgets), Some(client)) => of(budgets).spend(&client.network()),
            _ => Ok(()),
        }
    }

    /// Takes one from what the address of a request may try of one account. It comes before the budget that the account has
    /// everywhere, and is so much smaller that no single address keeps a user from logging in elsewhere.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(crate) fn spend_on_login(&self, request: &Request, name: &str) -> Result<(), Error> {
        match (&self.0, request.client) {
            (Some(budgets), Some(client)) => budgets.logins_of_one.spend(&(client.network(), name.to_lowercase())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> String {
        ClientAddress(address.parse().unwrap()).network().to_string()
    }

    #[test]
    fn addresses_of_one_line_are_one_client() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2:ffff::1"), "2001:db8:1:2::");
        assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
