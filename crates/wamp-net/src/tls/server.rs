//! TLS of a listener: its certificate and key, and how they are replaced.

mod error;
mod pem;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::io::AsyncReadExt;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsStream};
use wamp_core::TlsInfo;

use crate::farewell::farewell;
use crate::listen::HandshakeError;
use crate::stream::{Plain, Stream};
use crate::tls::{TlsVersion, info, provider};

pub use crate::tls::server::error::ServerTlsError;

/// The certificate of a listener, with its key, and the versions of TLS that it speaks.
///
/// It is a handle: clones are cheap and stand for the same certificate, so that one of them can
/// be kept to [`reload`](Self::reload) it while the listener runs. The cryptography is that of
/// rustls, with ring; clients need no certificate, and by ALPN `http/1.1` is offered to those who
/// ask.
///
/// ```no_run
/// # async fn listen() -> Result<(), Box<dyn std::error::Error>> {
/// use wamp_net::Listener;
/// use wamp_net::tls::ServerTls;
///
/// let tls = ServerTls::from_pem_files("/etc/wamp/cert.pem", "/etc/wamp/key.pem")?;
/// let listener = Listener::bind("[::]:443").await?.tls(tls.clone());
/// // .. and when there is a new certificate:
/// if let Err(error) = tls.reload() {
///     eprintln!("the old certificate is still in use: {error}");
/// }
/// # drop(listener);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerTls(Arc<RwLock<State>>);

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Clone)]
struct State {
    /// Where the certificate and the key are read again.
    files: Option<Arc<Files>>,
    /// `None` where the configuration was handed over as a whole.
    key: Option<Arc<CertifiedKey>>,
    min_version: TlsVersion,
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Reads a certificate and its private key from PEM files.
    ///
    /// The certificate comes first in its file, and those that lead up to one that clients know
    /// follow it ("full chain"). The key may be in the form of PKCS #8, SEC 1 or PKCS #1, and must
    /// not be encrypted; RSA, ECDSA and Ed25519 are known. Both may be in one file.
    ///
    /// It reads the files at once, and blocks so long.
    ///
    /// # Errors
    ///
    /// A file cannot be read, is no PEM, does not have what it is to have, or the key is not that
    /// of the certificate.
    pub fn from_pem_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, ServerTlsError> {
        let files = Files {
            certificate: certificate.into(),
            key: key.into(),
        };
        let certified = files.read()?;
        Ok(Self::new(Some(files), certified))
    }

    /// Takes a certificate and its private key in PEM form, as
    /// [`from_pem_files`](Self::from_pem_files) reads them.
    ///
    /// # Errors
    ///
    /// What is handed over is no PEM, does not have what it is to have, or the key is not that of
    /// the certificate.
    pub fn from_pem(
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, ServerTlsError> {
        let certificate = (CERTIFICATE, certificate.as_ref());
        let certified = pem::certified_key(certificate, (KEY, key.as_ref()))?;
        Ok(Self::new(None, certified))
    }

    /// Takes a configuration of rustls's own: for client certificates, several names, ALPN, and
    /// whatever else it can do.
    #[must_use]
    pub fn rustls(config: Arc<ServerConfig>) -> Self {
        Self::from(State {
            files: None,
            key: None,
            min_version: TlsVersion::default(),
            config,
        })
    }

    fn new(files: Option<Files>, key: CertifiedKey) -> Self {
        let (key, min_version) = (Arc::new(key), TlsVersion::default());
        Self::from(State {
            files: files.map(Arc::new),
            config: config(&key, min_version),
            key: Some(key),
            min_version,
        })
    }

    /// Refuses versions of TLS before this one, for this handle and its clones; it is TLS 1.2
    /// otherwise. A configuration of [rustls's own](Self::rustls) has its own versions, and keeps
    /// them.
    #[must_use]
    pub fn min_version(self, version: TlsVersion) -> Self {
        let mut state = self.write();
        state.min_version = version;
        if let Some(key) = &state.key {
            state.config = config(key, version);
        }
        drop(state);
        self
    }

    /// Reads the files again. New connections get the new certificate; those that are open, or in
    /// their handshake, keep the one they have.
    ///
    /// It blocks as long as it takes to read two small files.
    ///
    /// # Errors
    ///
    /// There are no files, or something is wrong with them, as in
    /// [`from_pem_files`](Self::from_pem_files). Then the old certificate stays in use.
    pub fn reload(&self) -> Result<(), ServerTlsError> {
        let files = self.read().files.clone().ok_or(ServerTlsError::NoFiles)?;
        let key = Arc::new(files.read()?);
        let mut state = self.write();
        // A new configuration, and not only a new certificate: with the old one, clients would
        // resume sessions that the old certificate has opened.
        state.config = config(&key, state.min_version);
        state.key = Some(key);
        drop(state);
        tracing::info!(certificate = %files.certificate.display(), "read a certificate again");
        Ok(())
    }

    /// Takes over what another one is: its certificate and key, its versions of TLS, and the files
    /// that [`reload`](Self::reload) reads. It holds for this handle and its clones, and for new
    /// connections; what becomes of the other one later does not.
    ///
    /// So a listener gets a certificate from other files, which were found in order before.
    pub fn replace(&self, other: &Self) {
        let state = other.read().clone();
        *self.write() = state;
    }

    /// Shakes hands over a connection.
    pub(crate) async fn accept(
        &self,
        mut stream: Plain,
    ) -> Result<(Stream, TlsInfo), HandshakeError> {
        // The first octet is looked at alone: a client that speaks something else may wait for an
        // answer before it has sent as much as rustls needs to find out.
        let mut first = [0];
        if stream.read(&mut first).await.map_err(failed)? == 0 {
            return Err(HandshakeError::Closed);
        }
        if first != [HANDSHAKE_RECORD] {
            let [first] = first;
            // A method of HTTP is in capitals. Others would not understand what they were told.
            let told = first.is_ascii_uppercase().then(wants_tls);
            farewell(&mut stream, told.unwrap_or_default().as_bytes()).await;
            return Err(HandshakeError::NotTls { first });
        }
        let config = Arc::clone(&self.read().config);
        let mut fed = Ok(0);
        let accepting = TlsAcceptor::from(config).accept_with(stream, |connection| {
            fed = connection.read_tls(&mut &first[..])
        });
        fed.map_err(failed)?;
        let stream = accepting.await.map_err(failed)?;
        let (_, connection) = stream.get_ref();
        let negotiated = info(connection, connection.server_name());
        Ok((TlsStream::Server(stream).into(), negotiated))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<State> for ServerTls {
    fn from(state: State) -> Self {
        Self(Arc::new(RwLock::new(state)))
    }
}

/// Has no secrets: the key is left out.
impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.read();
        f.debug_struct("ServerTls")
            .field("files", &state.files)
            .field("min_version", &state.min_version)
            .finish_non_exhaustive()
    }
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, ServerTlsError> {
        let read = |path: &PathBuf| {
            let file = path.display().to_string();
            match std::fs::read(path) {
                Ok(octets) => Ok((file, zeroize::Zeroizing::new(octets))),
                Err(error) => Err(ServerTlsError::Read { file, error }),
            }
        };
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        pem::certified_key((&certificate.0, &certificate.1), (&key.0, &key.1))
    }
}

fn config(key: &Arc<CertifiedKey>, min_version: TlsVersion) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&min_version.and_above())
        .expect("the provider has suites for every version that we name")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(key))));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// What a client is told that speaks HTTP without TLS. It is the one answer that this crate knows:
/// nobody above gets to see such a client.
fn wants_tls() -> String {
    let text = "This port wants TLS: the URL should begin with wss:// or https://.\n";
    format!(
        "HTTP/1.1 400 Bad Request\r\n\
         Connection: close\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n\
         {text}",
        text.len(),
    )
}

/// What an error of the handshake means.
fn failed(error: io::Error) -> HandshakeError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return HandshakeError::Closed;
    }
    match error.downcast::<rustls::Error>() {
        Ok(error) => HandshakeError::Tls(error),
        Err(error) => HandshakeError::Io(error),
    }
}

/// The type of the record that a TLS client begins with (RFC 8446, 5.1).
const HANDSHAKE_RECORD: u8 = 0x16;

/// What errors call what was no file.
const CERTIFICATE: &str = "the text of the certificate";
const KEY: &str = "the text of the key";
