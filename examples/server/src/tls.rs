//! TLS, where no proxy speaks it. The rule: whatever is wrong with the files is one sentence; a server that runs goes on with
//! the certificate it has.

use crate::Outcome;
use clap::Args;
use http::HeaderValue;
use http::header::STRICT_TRANSPORT_SECURITY;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};
use tokio_rustls::server::TlsStream;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// How long a handshake may take: a few round trips over a slow mobile link.
const HANDSHAKE_LASTS_MAX: Duration = Duration::from_secs(10);
/// For how long browsers remember to come by TLS alone (RFC 6797): a year, as lists of such hosts ask for.
const STRICT: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// What is spoken inside (RFC 7301): sockets need this version.
const PROTOCOL: &[u8] = b"http/1.1";

/// How connections are encrypted.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TlsFiles {
    /// The PEM file with the certificate of this server, and behind it those that lead to its authority; with it, nothing but
    /// TLS is spoken. SIGHUP has it read anew
    #[arg(long, env = "CHAT_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The PEM file with the key of that certificate, not encrypted
    #[arg(long, env = "CHAT_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsFiles {
    /// By which clients reach the server.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
    }

    fn both(&self) -> Option<(&Path, &Path)> {
        self.tls_cert.as_deref().zip(self.tls_key.as_deref())
    }
}

/// What a sentence about the address is to add; nothing without TLS.
pub(crate) fn check(files: &TlsFiles) -> Outcome<&'static str> {
    files.both().map_or(Ok(""), |(cert, key)| acceptor(cert, key).map(|_| " with TLS"))
}

/// Makes encrypted connections of bare ones.
pub(crate) struct Tls {
    files: TlsFiles,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// The certificate of the configuration, if there is one.
    pub(crate) fn open(files: &TlsFiles) -> Outcome<Option<Arc<Self>>> {
        let Some((cert, key)) = files.both() else { return Ok(None) };
        let acceptor = RwLock::new(acceptor(cert, key)?);
        Ok(Some(Arc::new(Self { files: files.clone(), acceptor })))
    }

    /// Takes the certificate that is in the files now, for the connections to come.
    pub(crate) fn reload(&self) {
        let Some((cert, key)) = self.files.both() else { return };
        match acceptor(cert, key) {
            Ok(new) => {
                *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = new;
                tracing::info!(path = %cert.display(), "took over the certificate");
            }
            Err(sentence) => tracing::warn!("{sentence}; the certificate of before is used"),
        }
    }

    /// Shakes hands with a client, if it comes to that in time.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let acceptor = self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
        match timeout(HANDSHAKE_LASTS_MAX, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(%error, "a client could not be agreed with on TLS"),
            Err(_) => tracing::debug!("a client did not shake hands in time"),
        }
        None
    }
}

/// The same answers, each of which tells browsers to come by TLS from now on.
pub(crate) fn strict(routes: BoxedFilter<(Response,)>) -> BoxedFilter<(Response,)> {
    let tell = |mut response: Response| {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, STRICT);
        response
    };
    routes.map(tell).boxed()
}

fn acceptor(cert: &Path, key: &Path) -> Outcome<TlsAcceptor> {
    let chain = chain(cert).map_err(|error| unreadable("certificate", cert, &error))?;
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("key of the certificate", key, &error))?;
    let failed = |error: Error| match error {
        Error::InconsistentKeys(_) => {
            format!("the key {} is not that of the certificate {}", key.display(), cert.display())
        }
        error => unusable("certificate", cert, &error),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(failed)?;
    let mut config = config.with_no_client_auth().with_single_cert(chain, secret).map_err(failed)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(cert: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) }
}

fn unreadable(what: &str, path: &Path, error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("the {what} {} cannot be read: {error}", path.display()),
        pem::Error::NoItemsFound => format!("there is no {what} in {}, or it is encrypted", path.display()),
        error => unusable(what, path, error),
    }
}

fn unusable(what: &str, path: &Path, error: &dyn Display) -> String {
    format!("the {what} {} cannot be used: {error}", path.display())
}
