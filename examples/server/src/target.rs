//! A server that runs, as other commands reach it. The rule: what the server is told by its environment needs no second word;
//! in the same environment they find it by themselves, with TLS or without.

use crate::Outcome;
use clap::Args;
use reqwest::{Certificate, Client};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// A server that runs.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// The address of the server, as `https://chat.example.org`; by default the one on this machine, at CHAT_ADDR
    #[arg(long)]
    url: Option<Url>,

    /// Where the server on this machine listens
    #[arg(long, env = "CHAT_ADDR", default_value = "127.0.0.1:8000")]
    addr: SocketAddr,

    /// A PEM file with a certificate authority to trust besides the public ones
    #[arg(long, env = "CHAT_TLS_CA")]
    ca: Option<PathBuf>,

    /// The certificate of the server on this machine, if it speaks TLS; one that signed itself is trusted
    #[arg(long, env = "CHAT_TLS_CERT")]
    tls_cert: Option<PathBuf>,

    /// Where browsers reach the server on this machine: its host is the name in the certificate
    #[arg(long, env = "PUBLIC_URL")]
    public_url: Option<String>,
}

impl Target {
    /// Its address, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        let url = self.url.as_ref().map_or_else(|| self.local(), ToString::to_string);
        url.trim_end_matches('/').to_owned()
    }

    /// A client that trusts the server, and gives up an answer that takes longer.
    pub(crate) fn client(&self, answer_lasts_max: Duration) -> Outcome<Client> {
        let mut client = Client::builder().timeout(answer_lasts_max);
        if let Some(path) = &self.ca {
            client = client.tls_certs_merge(certificates(path)?);
        }
        if let (None, Some(path)) = (&self.url, &self.tls_cert) {
            client = client.tls_certs_merge(certificates(path)?);
        }
        if let (None, Some(name)) = (&self.url, self.name()) {
            client = client.resolve(&name, reachable(self.addr));
        }
        client.build().map_err(|error| error.to_string())
    }

    /// The server on this machine, by the name in its certificate if it has one.
    fn local(&self) -> String {
        let addr = reachable(self.addr);
        match (&self.tls_cert, self.name()) {
            (None, _) => format!("http://{addr}"),
            (Some(_), None) => format!("https://{addr}"),
            (Some(_), Some(name)) => format!("https://{name}:{}", addr.port()),
        }
    }

    fn name(&self) -> Option<String> {
        let url = Url::parse(self.public_url.as_ref()?).ok()?;
        url.domain().map(str::to_owned)
    }
}

fn certificates(path: &Path) -> Outcome<Vec<Certificate>> {
    let unusable =
        |error: &dyn std::fmt::Display| format!("the certificates {} cannot be used: {error}", path.display());
    let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
    Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&error))
}

/// The address by which a browser on this machine reaches the server.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
