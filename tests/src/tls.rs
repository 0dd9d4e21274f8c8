//! The authority that certifies the servers of tests, and clients that trust nobody else.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::Connector;

/// The certificate that [`certify`] makes, in a directory.
pub const CERT: &str = "cert.pem";
/// Its key.
pub const KEY: &str = "key.pem";
/// The name that the server has in its certificate, besides that of this machine.
pub const NAME: &str = "chat.example.org";

/// Certifies the server with its data in this directory anew.
pub fn certify(directory: &Path) {
    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1", "localhost", NAME].map(str::to_owned);
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, issuer()).unwrap();
    write(directory, &certificate.pem(), &key);
}

/// Gives the server in this directory a certificate that nobody stands for but itself.
pub fn certify_by_itself(directory: &Path) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([NAME.to_owned()]).unwrap().self_signed(&key).unwrap();
    write(directory, &certificate.pem(), &key);
}

fn write(directory: &Path, certificate: &str, key: &KeyPair) {
    std::fs::write(directory.join(CERT), certificate).unwrap();
    std::fs::write(directory.join(KEY), key.serialize_pem()).unwrap();
}

/// The authority's own certificate, as a PEM file holds it.
#[must_use]
pub fn authority_pem() -> String {
    issuer().pem()
}

pub(crate) fn authority() -> reqwest::Certificate {
    reqwest::Certificate::from_der(issuer().der()).unwrap()
}

pub(crate) fn connector() -> Connector {
    Connector::Rustls(Arc::new(client_config(&[])))
}

/// A client that offers to speak these protocols.
#[must_use]
pub fn client_config(protocols: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(issuer().der().to_vec())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// Made once for the process.
fn issuer() -> &'static CertifiedIssuer<'static, KeyPair> {
    static ISSUER: OnceLock<CertifiedIssuer<'static, KeyPair>> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    })
}
