//! Whom a client trusts.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_rustls::rustls::RootCertStore;

use crate::tls::client::ClientTlsError;

/// Where certificates that are trusted come from.
#[derive(Clone)]
pub(super) enum Root {
    Pem(Arc<[u8]>),
    File(PathBuf),
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(pem) => write!(f, "{} octets", pem.len()),
            Self::File(path) => path.fmt(f),
        }
    }
}

/// Reads all that is trusted; it blocks.
pub(super) fn load(
    roots: &[Root],
    with_platform: bool,
) -> Result<Arc<RootCertStore>, ClientTlsError> {
    let mut store = match with_platform {
        true => platform()?,
        false => Arc::new(RootCertStore::empty()),
    };
    for root in roots {
        let store = Arc::make_mut(&mut store);
        match root {
            Root::Pem(pem) => add(store, pem, "what was given to root_pem")?,
            Root::File(path) => {
                let pem = fs::read(path).map_err(|error| ClientTlsError::RootFile {
                    path: path.clone(),
                    error: Arc::new(error),
                })?;
                add(store, &pem, &path.display().to_string())?;
            }
        }
    }
    match store.is_empty() {
        true => Err(ClientTlsError::NoRoots),
        false => Ok(store),
    }
}

fn add(store: &mut RootCertStore, pem: &[u8], origin: &str) -> Result<(), ClientTlsError> {
    let bad = |reason: String| ClientTlsError::BadRoot {
        origin: origin.to_owned(),
        reason,
    };
    let before = store.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        store
            .add(certificate)
            .map_err(|error| bad(error.to_string()))?;
    }
    if store.len() == before {
        return Err(bad("there is no CERTIFICATE".to_owned()));
    }
    Ok(())
}

/// The authorities of the platform; they are read once.
fn platform() -> Result<Arc<RootCertStore>, ClientTlsError> {
    if let Some(store) = PLATFORM.get() {
        return Ok(Arc::clone(store));
    }
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificate authorities of the platform could not be read");
    }
    let mut store = RootCertStore::empty();
    // Some platforms have old ones that nobody can read any more.
    let (added, ignored) = store.add_parsable_certificates(found.certs);
    tracing::debug!(
        added,
        ignored,
        "read the certificate authorities of the platform"
    );
    if store.is_empty() {
        return Err(ClientTlsError::NoPlatformRoots {
            reasons: found.errors.iter().map(ToString::to_string).collect(),
        });
    }
    Ok(Arc::clone(PLATFORM.get_or_init(|| Arc::new(store))))
}

static PLATFORM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
