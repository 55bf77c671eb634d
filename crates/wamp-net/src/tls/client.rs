//! The client's side of TLS: whom it trusts, and the handshake.

mod error;
mod roots;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::ServerName;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::{TlsConnector, TlsStream};
use wamp_core::TlsInfo;

use crate::endpoint::{Address, Endpoint, Host};
use crate::stream::Plain;
pub use crate::tls::client::error::ClientTlsError;
use crate::tls::client::roots::Root;
use crate::tls::{TlsVersion, info, provider};

/// How a client speaks TLS: whom it trusts, and from which version on.
///
/// By default it trusts the certificate authorities of the platform, and verifies that the
/// certificate is for the host of the URL, be that a name or an address. There is no way to switch
/// the verification off: a router with a certificate of its own making is trusted by giving that
/// certificate, or the authority that signed it, to [`root_pem`](Self::root_pem).
///
/// What is given is looked at when dialling, and what is wrong with it is an error then. Clones
/// share what was made of it, and it is made once: files are read by the first connection.
///
/// ```
/// use wamp_net::DialOptions;
/// use wamp_net::tls::{ClientTls, TlsVersion};
///
/// let tls = ClientTls::default()
///     .root_pem_file("/etc/wamp/authority.pem")
///     .min_version(TlsVersion::V1_3);
/// let options = DialOptions::default().tls(tls);
/// # drop(options);
/// ```
#[derive(Clone, Default)]
pub struct ClientTls {
    settings: Arc<Settings>,
    config: Arc<OnceCell<Arc<ClientConfig>>>,
}

impl ClientTls {
    /// Trusts certificates in PEM, in place of those of the platform: those of authorities, or that
    /// of the router itself. What is no certificate between them is passed over.
    #[must_use]
    pub fn root_pem(self, pem: impl AsRef<[u8]>) -> Self {
        let pem = pem.as_ref().into();
        self.with(|settings| settings.roots.push(Root::Pem(pem)))
    }

    /// Trusts the certificates of a file, as [`root_pem`](Self::root_pem) does.
    #[must_use]
    pub fn root_pem_file(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.with(|settings| settings.roots.push(Root::File(path)))
    }

    /// Trusts the authorities of the platform or not. Unless it is said, they are trusted where no
    /// [`root_pem`](Self::root_pem) is given.
    ///
    /// They are read once in the life of the process. Where the environment variables
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` are set, those are read instead.
    #[must_use]
    pub fn platform_roots(self, trust: bool) -> Self {
        self.with(|settings| settings.platform_roots = Some(trust))
    }

    /// Asks for a server by this name (SNI), and verifies the certificate for it, in place of the
    /// host of the URL. It may be an address. For a Unix domain socket there must be one.
    #[must_use]
    pub fn server_name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        // The name is no part of the configuration, which can go on being shared.
        let config = Arc::clone(&self.config);
        let mut tls = self.with(|settings| settings.server_name = Some(name));
        tls.config = config;
        tls
    }

    /// Speaks no version below this one. TLS 1.2.
    #[must_use]
    pub fn min_version(self, version: TlsVersion) -> Self {
        self.with(|settings| settings.min_version = Some(version))
    }

    /// Speaks TLS by a configuration of rustls, for what is not offered here: certificates of
    /// clients, another cryptography, another verification.
    ///
    /// It is used as it is, whatever is spoken over it, and brings its roots and versions: beside it
    /// only [`server_name`](Self::server_name) may be given.
    #[must_use]
    pub fn rustls(self, config: Arc<ClientConfig>) -> Self {
        self.with(|settings| settings.own = Some(config))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self.config = Arc::default();
        self
    }

    /// Makes ready what the handshake with an endpoint needs.
    pub(crate) async fn prepare(&self, endpoint: &Endpoint) -> Result<Handshake, ClientTlsError> {
        let name = self.settings.name(endpoint.address())?;
        let config = self
            .config
            .get_or_try_init(async || {
                let settings = Arc::clone(&self.settings);
                // Roots are read from files.
                match spawn_blocking(move || settings.config()).await {
                    Ok(config) => config,
                    Err(error) => Err(ClientTlsError::Io(Arc::new(error.into()))),
                }
            })
            .await?;
        Ok(Handshake {
            config: Arc::clone(config),
            name,
        })
    }
}

/// Shows what is trusted by its origin.
impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        f.debug_struct("ClientTls")
            .field("roots", &settings.roots)
            .field("platform_roots", &settings.trusts_platform())
            .field("server_name", &settings.server_name)
            .field("min_version", &settings.min_version.unwrap_or_default())
            .field("rustls", &settings.own.is_some())
            .finish()
    }
}

/// A handshake that can begin as soon as there is a connection.
pub(crate) struct Handshake {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Handshake {
    /// Runs it. Dropping the future drops the connection.
    pub(crate) async fn run(
        self,
        stream: Plain,
    ) -> Result<(TlsStream<Plain>, TlsInfo), ClientTlsError> {
        let sni = match &self.name {
            ServerName::DnsName(name) => Some(name.as_ref().to_owned()),
            _ => None,
        };
        let stream = TlsConnector::from(self.config)
            .connect(self.name, stream)
            .await
            .map_err(ClientTlsError::from_handshake)?;
        let info = info(stream.get_ref().1, sni.as_deref());
        tracing::debug!(
            version = info.version,
            suite = info.cipher_suite,
            "TLS is spoken"
        );
        Ok((stream.into(), info))
    }
}

#[derive(Clone, Default)]
struct Settings {
    roots: Vec<Root>,
    platform_roots: Option<bool>,
    server_name: Option<String>,
    min_version: Option<TlsVersion>,
    own: Option<Arc<ClientConfig>>,
}

impl Settings {
    fn name(&self, address: &Address) -> Result<ServerName<'static>, ClientTlsError> {
        let bad = |name: &str| ClientTlsError::BadServerName {
            name: name.to_owned(),
        };
        match (&self.server_name, address) {
            (Some(name), _) => ServerName::try_from(name.clone()).map_err(|_| bad(name)),
            (None, Address::Tcp { host, .. }) => match host {
                Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| bad(name)),
                Host::Ip(address) => Ok(ServerName::IpAddress((*address).into())),
            },
            (None, Address::Unix { .. }) => Err(ClientTlsError::NoServerName),
        }
    }

    fn trusts_platform(&self) -> bool {
        self.platform_roots.unwrap_or(self.roots.is_empty())
    }

    /// Reads what is to be read; it blocks.
    fn config(&self) -> Result<Arc<ClientConfig>, ClientTlsError> {
        if let Some(own) = &self.own {
            let alone = self.roots.is_empty()
                && self.platform_roots.is_none()
                && self.min_version.is_none();
            return match alone {
                true => Ok(Arc::clone(own)),
                false => Err(ClientTlsError::Conflict),
            };
        }
        let roots = roots::load(&self.roots, self.trusts_platform())?;
        let versions = self.min_version.unwrap_or_default().and_above();
        // By ALPN no protocol is offered. Without an offer HTTP/1.1 is spoken, which is what
        // WebSocket wants; and with one, a listener of Crossbar.io for WebSocket or RawSocket
        // breaks the handshake off: Twisted selects the empty name, which OpenSSL does not take.
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions)
            .map_err(|error| ClientTlsError::Other(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}
