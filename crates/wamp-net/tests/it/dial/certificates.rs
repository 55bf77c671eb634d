//! An authority, the certificates that it signs, and a router that presents them.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite, copy, split};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use wamp_net::tls::rustls::crypto::ring;
use wamp_net::tls::rustls::{ServerConfig, SupportedProtocolVersion, version};

/// An authority that tests may be made to trust.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        Self::called("The authority of the tests")
    }

    pub(super) fn called(name: &str) -> Self {
        Self::with_key(name, key())
    }

    /// One of the same name as the others, with another kind of key.
    pub(super) fn of_another_kind() -> Self {
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        Self::with_key("The authority of the tests", key)
    }

    fn with_key(name: &str, key: KeyPair) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Its certificate.
    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Signs a certificate for names and addresses, and makes a router of it.
    pub(super) fn router(&self, names: &[&str]) -> ServerConfig {
        self.router_by(&params(names), VERSIONS)
    }

    pub(super) fn router_by(
        &self,
        params: &CertificateParams,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let key = key();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        config(certificate.der().to_vec(), &key, versions)
    }

    /// A router that presents the certificate of the authority itself.
    pub(super) fn router_of_its_own(&self) -> ServerConfig {
        config(self.0.der().to_vec(), self.0.key(), VERSIONS)
    }
}

pub(super) fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    CertificateParams::new(names).unwrap()
}

/// A certificate that is signed by itself, and its router.
pub(super) fn self_signed(names: &[&str]) -> (String, ServerConfig) {
    let key = key();
    let certificate = params(names).self_signed(&key).unwrap();
    let config = config(certificate.der().to_vec(), &key, VERSIONS);
    (certificate.pem(), config)
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn config(
    certificate: Vec<u8>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key.into())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

const VERSIONS: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// What a router saw of a client, or why there was no handshake.
pub(super) type Seen = Result<(Option<String>, Option<Vec<u8>>), String>;

/// Listens, and serves one connection: the handshake, then an echo until the client has finished.
/// Returns the name and the protocol that were asked for.
pub(super) async fn serve(config: ServerConfig) -> (SocketAddr, JoinHandle<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        echo(config, stream).await
    });
    (address, serving)
}

pub(super) async fn echo(
    config: ServerConfig,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Seen {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let stream = acceptor
        .accept(stream)
        .await
        .map_err(|error| error.to_string())?;
    let (_, connection) = stream.get_ref();
    let seen = (
        connection.server_name().map(str::to_owned),
        connection.alpn_protocol().map(<[u8]>::to_vec),
    );
    let (mut read, mut write) = split(stream);
    copy(&mut read, &mut write).await.unwrap();
    Ok(seen)
}
