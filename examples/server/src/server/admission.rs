//! Who comes in, and from where. The rule: a connection comes from whoever opened it; what a request says of where it comes
//! from is believed only if a trusted proxy says it.

use crate::arguments::Traffic;
use chat_warp::ClientAddress;
use http::{HeaderMap, HeaderName, Request};
use ipnet::IpNet;
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Where proxies usually name their clients.
const USUAL_HEADER: &str = "x-forwarded-for";

/// What is open, by address. There are as many addresses as connections at most.
type Open = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Counts connections by address, and tells where requests come from.
pub(crate) struct Admission {
    per_address_max: Option<usize>,
    header: Option<HeaderName>,
    proxies: Vec<IpNet>,
    head_wait: Duration,
    write_wait: Duration,
    open: Open,
    unheeded: Once,
}

impl Admission {
    pub(crate) fn new(traffic: &Traffic) -> Self {
        Self {
            per_address_max: traffic.connections_per_address(),
            header: traffic.client_address_header.clone(),
            proxies: traffic.trusted_proxies.clone(),
            head_wait: traffic.head_wait(),
            write_wait: traffic.write_wait(),
            open: Open::default(),
            unheeded: Once::new(),
        }
    }

    /// How long a client may take to send the head of a request.
    pub(super) fn head_wait(&self) -> Duration {
        self.head_wait
    }

    /// How long a client may take nothing of what is written to it.
    pub(super) fn write_wait(&self) -> Duration {
        self.write_wait
    }

    /// A place for one more connection from there, unless there are as many as may be. A proxy has those of its clients.
    pub(super) fn enter(&self, peer: SocketAddr) -> Option<Place> {
        let address = peer.ip().to_canonical();
        let Some(max) = self.per_address_max.filter(|_| !self.is_proxy(address)) else {
            return Some(Place { open: Arc::clone(&self.open), network: None });
        };
        let network = ClientAddress(address).network();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { open: Arc::clone(&self.open), network: Some(network) })
    }

    /// Notes with a request where it comes from.
    pub(super) fn tell<B>(&self, peer: SocketAddr, request: &mut Request<B>) {
        let client = self.client(peer.ip().to_canonical(), request.headers());
        request.extensions_mut().insert(ClientAddress(client));
    }

    /// The last address that no trusted proxy has: whatever stands before it, that client may have made up.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let Some(header) = &self.header else {
            self.warn_of_unheeded(headers);
            return peer;
        };
        let named = headers.get_all(header).iter().rev().flat_map(|value| {
            let value = value.to_str().unwrap_or_default();
            value.rsplit(',').map(address).collect::<Vec<_>>()
        });
        let mut client = peer;
        for before in named {
            match before {
                Some(before) if self.is_proxy(client) => client = before,
                _ => break,
            }
        }
        client
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }

    /// Behind a proxy that nobody told of, all clients together would have what one may.
    fn warn_of_unheeded(&self, headers: &HeaderMap) {
        if self.per_address_max.is_some() && headers.contains_key(USUAL_HEADER) {
            self.unheeded.call_once(|| {
                tracing::warn!(
                    "requests name a client in {USUAL_HEADER}, which is not believed, so all behind a proxy count as one; \
                    set --client-address-header and --trusted-proxies"
                );
            });
        }
    }
}

/// An address as proxies write it, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

/// One connection among those of its address, until it is dropped.
pub(super) struct Place {
    open: Open,
    network: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&network)),
        }
    }
}

/// A connection with its place, which it keeps when it becomes a socket. A write fails when the client has taken nothing for
/// too long: whoever asks for much and reads nothing must not keep it in memory.
pub(super) struct Placed<S> {
    stream: S,
    write_wait: Duration,
    /// When the client has taken nothing for too long, while something waits for it.
    overdue: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl<S> Placed<S> {
    pub(super) fn new(stream: S, write_wait: Duration, place: Place) -> Self {
        Self { stream, write_wait, overdue: None, _place: place }
    }

    fn unless_overdue<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.overdue = None;
            return written;
        }
        let overdue = self.overdue.get_or_insert_with(|| Box::pin(sleep(self.write_wait)));
        overdue.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.unless_overdue(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.unless_overdue(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.unless_overdue(cx, shut)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.unless_overdue(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(header: Option<&'static str>, proxies: &[&str], per_address_max: usize) -> Admission {
        Admission {
            per_address_max: Some(per_address_max),
            header: header.map(HeaderName::from_static),
            proxies: proxies.iter().map(|network| network.parse().unwrap()).collect(),
            head_wait: Duration::ZERO,
            write_wait: Duration::ZERO,
            open: Open::default(),
            unheeded: Once::new(),
        }
    }

    /// Whom a request counts for that comes from this peer with these headers.
    fn client(admission: &Admission, peer: &str, headers: &[&str]) -> String {
        let request = headers.iter().fold(Request::builder(), |request, value| request.header(USUAL_HEADER, *value));
        let mut request = request.body(()).unwrap();
        admission.tell(format!("{peer}:1").parse().unwrap(), &mut request);
        request.extensions().get::<ClientAddress>().unwrap().0.to_string()
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxys_is_the_client() {
        let behind = admission(Some(USUAL_HEADER), &["10.0.0.0/8", "2001:db8::/32"], 1);
        for (peer, headers, expected) in [
            ("10.0.0.1", &["192.0.2.7"][..], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7, 10.9.9.9"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7", "10.9.9.9"], "192.0.2.7"),
            ("10.0.0.1", &["198.51.100.1, 192.0.2.7, 10.9.9.9"], "192.0.2.7"),
            ("10.0.0.1", &["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7:4711"], "192.0.2.7"),
            ("10.0.0.1", &["[2001:db9::7]:4711"], "2001:db9::7"),
            ("10.0.0.1", &["[2001:db9::7]"], "2001:db9::7"),
            ("10.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            ("[2001:db8::1]", &["192.0.2.7"], "192.0.2.7"),
            ("[::ffff:10.0.0.1]", &["192.0.2.7"], "192.0.2.7"),
            // Only proxies, or nothing that can be read: as far as it can be followed.
            ("10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("10.0.0.1", &["192.0.2.7, unknown"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(client(&behind, peer, headers), expected, "{peer} {headers:?}");
        }
    }

    #[test]
    fn whoever_is_no_trusted_proxy_is_not_believed() {
        let behind = admission(Some(USUAL_HEADER), &["10.0.0.0/8"], 1);
        assert_eq!(client(&behind, "192.0.2.66", &["198.51.100.1"]), "192.0.2.66");
        let direct = admission(None, &[], 1);
        assert_eq!(client(&direct, "127.0.0.1", &["198.51.100.1"]), "127.0.0.1");
    }

    #[test]
    fn each_address_has_its_places_and_a_proxy_has_no_end_of_them() {
        let admission = admission(Some(USUAL_HEADER), &["10.0.0.1/32"], 2);
        let enter = |peer: &str| admission.enter(peer.parse().unwrap());
        let first = enter("192.0.2.1:1").unwrap();
        let _second = enter("192.0.2.1:2").unwrap();
        assert!(enter("192.0.2.1:3").is_none());
        assert!(enter("192.0.2.2:1").is_some());
        drop(first);
        let _third = enter("192.0.2.1:3").unwrap();
        assert!(enter("192.0.2.1:4").is_none());
        let of_one_line = ["[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1"].map(enter);
        assert_eq!(of_one_line.iter().flatten().count(), 2);
        let of_a_proxy: Vec<_> = (0..10).map(|_| enter("10.0.0.1:1")).collect();
        assert!(of_a_proxy.iter().all(Option::is_some));
        drop((of_one_line, of_a_proxy));
        assert_eq!(admission.open.lock().unwrap().len(), 1);
    }
}
