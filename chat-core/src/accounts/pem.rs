//! RSA keys as PKCS#8 PEM texts (RFC 5958, RFC 7468). The rule: what is written here, OpenSSL reads.

use super::KeyError;
use crate::random;
use rsa::RsaPrivateKey;
use rsa::pkcs8::der::pem::PemLabel;
use rsa::pkcs8::pkcs5::{self, pbes2, scrypt};
use rsa::pkcs8::{self, DecodePrivateKey, EncodePrivateKey, EncryptedPrivateKeyInfo, LineEnding, SecretDocument};

/// scrypt's log2 N, r and p: as much work as the OWASP Password Storage Cheat Sheet asks for, in the 32 MiB that OpenSSL
/// allows.
const SCRYPT: (u8, u32, u32) = (14, 8, 5);

pub(super) fn write(key: &RsaPrivateKey, password: Option<&str>) -> pkcs8::Result<String> {
    let document = key.to_pkcs8_der()?;
    let pem = match password {
        Some(password) => encrypt(&document, password)?.to_pem(EncryptedPrivateKeyInfo::PEM_LABEL, LineEnding::LF)?,
        None => document.to_pem(pkcs8::PrivateKeyInfo::PEM_LABEL, LineEnding::LF)?,
    };
    Ok(pem.to_string())
}

pub(super) fn read(pem: &str, password: Option<&str>) -> Result<RsaPrivateKey, KeyError> {
    let (label, document) = SecretDocument::from_pem(pem).map_err(|_| KeyError::NotAKey)?;
    let document = match label {
        pkcs8::PrivateKeyInfo::PEM_LABEL => document,
        EncryptedPrivateKeyInfo::PEM_LABEL => decrypt(&document, password.ok_or(KeyError::PasswordMissing)?)?,
        _ => return Err(KeyError::NotAKey),
    };
    RsaPrivateKey::from_pkcs8_der(document.as_bytes()).map_err(|_| KeyError::NotAKey)
}

fn encrypt(document: &SecretDocument, password: &str) -> pkcs8::Result<SecretDocument> {
    let (log_n, r, p) = SCRYPT;
    let work = scrypt::Params::new(log_n, r, p, scrypt::Params::RECOMMENDED_LEN);
    let work = work.map_err(|_| pkcs5::Error::EncryptFailed)?;
    let (salt, iv) = (random::bytes::<16>(), random::bytes::<16>());
    let scheme = pbes2::Parameters::scrypt_aes256cbc(work, &salt, &iv)?;
    let encrypted_data = scheme.encrypt(password, document.as_bytes())?;
    EncryptedPrivateKeyInfo { encryption_algorithm: scheme.into(), encrypted_data: &encrypted_data }.try_into()
}

fn decrypt(document: &SecretDocument, password: &str) -> Result<SecretDocument, KeyError> {
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|_| KeyError::NotAKey)?;
    encrypted.decrypt(password).map_err(|error| match error {
        // `pkcs5` says that encryption failed when decryption did. `Asn1`: one wrong password in some 256 opens to
        // well-padded noise.
        pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed | pkcs5::Error::EncryptFailed)
        | pkcs8::Error::Asn1(_) => KeyError::WrongPassword,
        _ => KeyError::NotAKey,
    })
}
