//! TLS, by rustls.

mod client;
mod server;

use std::sync::Arc;

/// The library that speaks TLS, for those who configure it themselves.
pub use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::CryptoProvider;
use wamp_core::TlsInfo;

pub use crate::tls::client::{ClientTls, ClientTlsError};
pub use crate::tls::server::{ServerTls, ServerTlsError};

/// A version of TLS. Those before are broken, and not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsVersion {
    /// This version and those above.
    pub(crate) fn and_above(self) -> Vec<&'static rustls::SupportedProtocolVersion> {
        match self {
            Self::V1_2 => vec![&rustls::version::TLS13, &rustls::version::TLS12],
            Self::V1_3 => vec![&rustls::version::TLS13],
        }
    }
}

/// The cryptography. It is named explicitly: where a program has several providers, rustls would
/// want to be told which, and panic.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What was negotiated.
pub(crate) fn info(connection: &rustls::CommonState, server_name: Option<&str>) -> TlsInfo {
    let mut info = TlsInfo::default();
    info.version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let suite = connection.negotiated_cipher_suite();
    info.cipher_suite = suite.map_or_else(String::new, |suite| format!("{:?}", suite.suite()));
    info.server_name = server_name.map(str::to_owned);
    let alpn = connection.alpn_protocol();
    info.alpn = alpn.map(|alpn| String::from_utf8_lossy(alpn).into_owned());
    info
}
