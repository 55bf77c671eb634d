//! What may be wrong with a certificate and its key.

use std::io;

use tokio_rustls::rustls;

/// Why a certificate and its key cannot be used. None of the texts has anything of the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerTlsError {
    /// The certificate is damaged.
    #[error("the certificate in {file} cannot be used: {error}")]
    Certificate {
        /// The file, or what was handed over instead.
        file: String,
        /// What rustls says.
        #[source]
        error: rustls::Error,
    },
    /// The key is encrypted.
    #[error(
        "the private key in {file} is encrypted by a passphrase; decrypt it, by `openssl pkey` for \
         example"
    )]
    Encrypted {
        /// The file, or what was handed over instead.
        file: String,
    },
    /// The key is damaged, or of a kind that is not known.
    #[error("the private key in {file} is damaged, or is neither RSA, ECDSA nor Ed25519")]
    Key {
        /// The file, or what was handed over instead.
        file: String,
    },
    /// The key is that of another certificate.
    #[error("the private key in {key} does not belong to the first certificate in {certificate}")]
    KeyMismatch {
        /// The file of the certificate, or what was handed over instead.
        certificate: String,
        /// The file of the key, or what was handed over instead.
        key: String,
    },
    /// There is no certificate.
    #[error("there is no certificate in {file}: nothing begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate {
        /// The file, or what was handed over instead.
        file: String,
    },
    /// The certificate did not come from files, so that none can be read again.
    #[error("the certificate did not come from files, and cannot be read again")]
    NoFiles,
    /// There is no key.
    #[error(
        "there is no private key in {file}: nothing begins with -----BEGIN PRIVATE KEY-----, \
         -----BEGIN EC PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----"
    )]
    NoKey {
        /// The file, or what was handed over instead.
        file: String,
    },
    /// It is no PEM, or damaged.
    #[error(
        "{file} is not in the PEM form, or damaged: there should be -----BEGIN ..-----, lines of \
         Base64, and -----END ..-----"
    )]
    NotPem {
        /// The file, or what was handed over instead.
        file: String,
    },
    /// The file cannot be read.
    #[error("{file} cannot be read: {error}")]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}
