//! Certificates and private keys in PEM form (RFC 7468).

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, InconsistentKeys};

use super::ServerTlsError;
use crate::tls::provider;

/// Each is a name for errors, and the PEM itself. The errors of the parser are not passed on: they
/// have lines of the file, where a key may be.
pub(super) fn certified_key(
    certificate: (&str, &[u8]),
    key: (&str, &[u8]),
) -> Result<CertifiedKey, ServerTlsError> {
    let chain = chain(certificate)?;
    let (file, key) = (key.0, private_key(key)?);
    // It wipes the key's octets after reading them.
    let key = provider().key_provider.load_private_key(key);
    let key = key.map_err(|_| ServerTlsError::Key { file: file.into() })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => Err(ServerTlsError::KeyMismatch {
            certificate: certificate.0.into(),
            key: file.into(),
        }),
        Err(error) => Err(ServerTlsError::Certificate {
            file: certificate.0.into(),
            error,
        }),
    }
}

fn chain((file, pem): (&str, &[u8])) -> Result<Vec<CertificateDer<'static>>, ServerTlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) if has(pem, b"-----BEGIN ") => {
            Err(ServerTlsError::NoCertificate { file: file.into() })
        }
        Ok(_) | Err(_) => Err(ServerTlsError::NotPem { file: file.into() }),
    }
}

fn private_key((file, pem): (&str, &[u8])) -> Result<PrivateKeyDer<'static>, ServerTlsError> {
    let file = || file.to_owned();
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        // `BEGIN ENCRYPTED PRIVATE KEY`, or `Proc-Type: 4,ENCRYPTED` in the older form.
        Err(_) if has(pem, b"ENCRYPTED") => Err(ServerTlsError::Encrypted { file: file() }),
        Err(PemError::NoItemsFound) if has(pem, b"-----BEGIN ") => {
            Err(ServerTlsError::NoKey { file: file() })
        }
        Err(_) => Err(ServerTlsError::NotPem { file: file() }),
    }
}

fn has(pem: &[u8], part: &[u8]) -> bool {
    pem.windows(part.len()).any(|window| window == part)
}
