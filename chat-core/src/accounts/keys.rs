//! The keys that access tokens are signed with. The rule: a token is read only if it names a key known here and that key's
//! one algorithm, whatever else it claims.

use super::pem;
use super::token::Claims;
use crate::random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey, LineEnding};
use rsa::rand_core::{self, CryptoRng, RngCore};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bits of a key made here, and the fewest of one read (RFC 7518, section 3.3).
const RSA_BITS: usize = 2_048;

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Give another text: this one is something else.
    #[error("this is no RSA private key in PKCS#8 PEM form")]
    NotAKey,
    /// Give another text: this one is something else.
    #[error("this is no RSA public key in PEM form")]
    NotAPublicKey,
    /// Give a stronger key.
    #[error("the RSA key is too weak: 2048 bits at least")]
    TooWeak,
    /// Give the password.
    #[error("the key is encrypted and its password is not given")]
    PasswordMissing,
    /// Give another password.
    #[error("the password does not open the key")]
    WrongPassword,
    /// Give a secret that is not empty.
    #[error("the token secret is empty")]
    SecretEmpty,
    /// Use keys made by [`TokenKeys::generate`]: a shared secret has no PEM form.
    #[error("a token secret has no PEM form")]
    NoPem,
    /// Nothing helps.
    #[error("the key could not be made")]
    Failed,
}

/// What access tokens are signed and checked with.
pub struct TokenKeys {
    header: Header,
    validation: Validation,
    signing: EncodingKey,
    verifying: DecodingKey,
    rsa: Option<RsaPrivateKey>,
    former: Vec<FormerKey>,
}

/// A key that signs no more, and whose tokens are still good.
struct FormerKey {
    kid: String,
    verifying: DecodingKey,
    rsa: RsaPublicKey,
}

impl TokenKeys {
    /// One secret that signs and checks; whoever knows it can do both. It should have 32 random bytes (RFC 7518, section
    /// 3.2), and its tokens name no key.
    ///
    /// # Errors
    /// [`KeyError::SecretEmpty`].
    pub fn hs256(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::SecretEmpty);
        }
        let (signing, verifying) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Ok(Self::new(Header::new(Algorithm::HS256), signing, verifying, None))
    }

    /// A new RSA-2048 key pair. It takes up to seconds of computing: not for an async thread that others need.
    ///
    /// # Errors
    /// [`KeyError::Failed`].
    pub fn generate() -> Result<Self, KeyError> {
        let key = RsaPrivateKey::new(&mut OperatingSystem, RSA_BITS).map_err(|_| KeyError::Failed)?;
        Self::rs256(key)
    }

    /// The RSA key pair in a PKCS#8 PEM text. A password that the text does not need is ignored.
    ///
    /// # Errors
    /// [`KeyError`] says what to give instead.
    pub fn rs256_from_pem(pem: &str, password: Option<&str>) -> Result<Self, KeyError> {
        Self::rs256(pem::read(pem, password)?)
    }

    /// The RSA key pair as a PKCS#8 PEM text, encrypted if there is a password.
    ///
    /// # Errors
    /// [`KeyError::NoPem`] for a shared secret.
    pub fn to_pem(&self, password: Option<&str>) -> Result<String, KeyError> {
        let key = self.rsa.as_ref().ok_or(KeyError::NoPem)?;
        pem::write(key, password).map_err(|_| KeyError::Failed)
    }

    /// The public half as a PEM text (RFC 7468, section 13): all that is worth keeping of a key that signs no more.
    ///
    /// # Errors
    /// [`KeyError::NoPem`] for a shared secret.
    pub fn to_public_pem(&self) -> Result<String, KeyError> {
        let key = self.rsa.as_ref().ok_or(KeyError::NoPem)?;
        key.to_public_key().to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Failed)
    }

    /// The same keys, which also read tokens of the key whose public half this PEM text is.
    ///
    /// # Errors
    /// [`KeyError::NotAPublicKey`], [`KeyError::TooWeak`].
    pub fn with_former(mut self, public_pem: &str) -> Result<Self, KeyError> {
        let rsa = RsaPublicKey::from_public_key_pem(public_pem).map_err(|_| KeyError::NotAPublicKey)?;
        if rsa.n().bits() < RSA_BITS {
            return Err(KeyError::TooWeak);
        }
        let kid = thumbprint(&rsa);
        if self.verifying(Some(&kid)).is_none() {
            self.former.push(FormerKey { kid, verifying: verifying(&rsa), rsa });
        }
        Ok(self)
    }

    /// The public keys for others to check tokens with, as a JWK set (RFC 7517, section 5), the one that signs first; an
    /// empty one for a shared secret.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let current = self.rsa.iter().zip(&self.header.kid).map(|(key, kid)| jwk(kid, key));
        let former = self.former.iter().map(|key| jwk(&key.kid, &key.rsa));
        let keys: Vec<Value> = current.chain(former).collect();
        json!({ "keys": keys })
    }

    fn rs256(key: RsaPrivateKey) -> Result<Self, KeyError> {
        if key.n().bits() < RSA_BITS {
            return Err(KeyError::TooWeak);
        }
        let private = key.to_pkcs1_der().map_err(|_| KeyError::Failed)?;
        let signing = EncodingKey::from_rsa_der(private.as_bytes());
        let header = Header { kid: Some(thumbprint(&key)), ..Header::new(Algorithm::RS256) };
        Ok(Self::new(header, signing, verifying(&key), Some(key)))
    }

    fn new(header: Header, signing: EncodingKey, verifying: DecodingKey, rsa: Option<RsaPrivateKey>) -> Self {
        // An error means that the host has installed a provider of its own choice, which serves as well.
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        let mut validation = Validation::new(header.alg);
        // Only the injected clock says what time it is, so the caller of `read` checks `exp`.
        validation.validate_exp = false;
        Self { header, validation, signing, verifying, rsa, former: vec![] }
    }

    /// Makes a signed token.
    pub(super) fn sign(&self, claims: &Claims) -> jsonwebtoken::errors::Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.signing)
    }

    /// Reads a token that one of these keys has signed. Whether it is still valid is not asked here.
    pub(super) fn read(&self, token: &str) -> Option<Claims> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid;
        let key = self.verifying(kid.as_deref())?;
        jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok().map(|token| token.claims)
    }

    fn verifying(&self, kid: Option<&str>) -> Option<&DecodingKey> {
        if kid == self.header.kid.as_deref() {
            return Some(&self.verifying);
        }
        self.former.iter().find(|key| Some(key.kid.as_str()) == kid).map(|key| &key.verifying)
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKeys")
            .field("alg", &self.header.alg)
            .field("kid", &self.header.kid)
            .finish_non_exhaustive()
    }
}

fn verifying(key: &impl PublicKeyParts) -> DecodingKey {
    DecodingKey::from_rsa_raw_components(&key.n().to_bytes_be(), &key.e().to_bytes_be())
}

fn jwk(kid: &str, key: &impl PublicKeyParts) -> Value {
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": number(key.n()), "e": number(key.e()) })
}

/// The name of a key: its own SHA-256, so that it is the same after every restart (RFC 7638, section 3).
fn thumbprint(key: &impl PublicKeyParts) -> String {
    let members = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, number(key.e()), number(key.n()));
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// A number as JWKs write it: Base64urlUInt (RFC 7518, section 2).
fn number(number: &BigUint) -> String {
    URL_SAFE_NO_PAD.encode(number.to_bytes_be())
}

/// The engine's randomness in the form that `rsa` asks for.
struct OperatingSystem;

impl RngCore for OperatingSystem {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(random::bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(random::bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(32) {
            part.copy_from_slice(&random::bytes::<32>()[..part.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for OperatingSystem {}
