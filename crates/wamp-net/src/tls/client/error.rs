//! Why TLS is not spoken with a router.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// Why there is no TLS with a router.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientTlsError {
    /// Certificates that are to be trusted cannot be read.
    #[error("{origin} holds no certificates in PEM that can be trusted: {reason}")]
    BadRoot {
        /// Where they come from.
        origin: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The certificate is not signed by the authority that it names, or the handshake not by the
    /// key of the certificate.
    #[error(
        "the router's certificate is not signed by the authority that it names; if that was made \
         anew under its name, give its new certificate to ClientTls::root_pem"
    )]
    BadSignature,
    /// The name to verify is no name.
    #[error(
        "no certificate can be for {name:?}, which is neither a name of the DNS nor an address; \
         set ClientTls::server_name"
    )]
    BadServerName {
        /// The name.
        name: String,
    },
    /// The router presented the certificate of an authority as its own.
    #[error(
        "the router's certificate is one of an authority, and no server may present such a one; \
         make it without CA:TRUE (with openssl req: -addext basicConstraints=CA:FALSE)"
    )]
    CaCertificate,
    /// The router's certificate is not valid, for a reason that has no variant of its own.
    #[error("the router's certificate is not valid: {0}")]
    Certificate(String),
    /// The router closed the connection instead of finishing the handshake.
    #[error(
        "it closed the connection during the handshake; does it speak TLS, and is it the right \
         port?"
    )]
    Closed,
    /// A configuration of rustls was given together with what it brings itself.
    #[error(
        "ClientTls::rustls brings its own roots and versions; remove root_pem, root_pem_file, \
         platform_roots and min_version, or put them into that configuration"
    )]
    Conflict,
    /// The router's certificate has expired.
    #[error("the router's certificate has expired; renew it there, and look at the clock here")]
    Expired,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(Arc<io::Error>),
    /// The router's certificate is for others.
    #[error(
        "the router's certificate is not for {expected}{}; write the name that it has into the \
         URL, or set ClientTls::server_name",
        Names(presented)
    )]
    NameMismatch {
        /// The name or address that was asked for.
        expected: String,
        /// The names and addresses that the certificate has, as far as they are known.
        presented: Vec<String>,
    },
    /// Both sides have no version, cipher suite or other parameter in common.
    #[error(
        "the router speaks no version of TLS, or no cipher suite of one, that is spoken here: \
         {0}; see ClientTls::min_version, and update the router"
    )]
    NoCommonVersion(String),
    /// The platform has no certificate authorities.
    #[error(
        "no certificate authorities were found on this platform{}; install them, or set \
         ClientTls::root_pem",
        Reasons(reasons)
    )]
    NoPlatformRoots {
        /// What went wrong in reading them.
        reasons: Vec<String>,
    },
    /// Nobody is trusted.
    #[error("nobody is trusted; set ClientTls::root_pem, or do not switch platform_roots off")]
    NoRoots,
    /// There is no name to verify the certificate for.
    #[error("a Unix socket has no name to verify the certificate for; set ClientTls::server_name")]
    NoServerName,
    /// The router's certificate is not valid yet.
    #[error("the router's certificate is not valid yet; look at the clock here and there")]
    NotValidYet,
    /// What answers does not speak TLS.
    #[error(
        "what answers does not speak TLS; is it the right port? Where it is meant to be without \
         encryption, the scheme is ws:// or rs://"
    )]
    NotTls,
    /// Something else.
    #[error("{0}")]
    Other(String),
    /// The router refused.
    #[error("the router refused the handshake with the alert {0}")]
    Refused(String),
    /// A file with certificates that are to be trusted cannot be read.
    #[error("the file of ClientTls::root_pem_file {} cannot be read: {error}", path.display())]
    RootFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// The handshake took too long.
    #[error(
        "the handshake was not finished when the {after:?} of the connect_timeout were over; does \
         it speak TLS, and is it the right port?"
    )]
    TimedOut {
        /// The time that dialling had as a whole.
        after: Duration,
    },
    /// The router's certificate is signed by somebody who is not trusted.
    #[error(
        "the router's certificate is signed by an authority that is not trusted here; add that \
         authority, or a certificate that is signed by itself, with ClientTls::root_pem"
    )]
    UnknownIssuer,
}

impl ClientTlsError {
    pub(super) fn from_handshake(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(inner) => Self::from_rustls(inner),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Io(Arc::new(error)),
        }
    }

    fn from_rustls(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => Self::from_certificate(error),
            Error::InvalidMessage(_) => Self::NotTls,
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
                Self::NoCommonVersion("it has neither TLS 1.2 nor 1.3".to_owned())
            }
            Error::PeerIncompatible(reason) => Self::NoCommonVersion(format!("{reason:?}")),
            Error::AlertReceived(
                alert @ (AlertDescription::ProtocolVersion
                | AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity),
            ) => Self::NoCommonVersion(format!("it answers with the alert {alert:?}")),
            Error::AlertReceived(alert) => Self::Refused(format!("{alert:?}")),
            other => Self::Other(other.to_string()),
        }
    }

    fn from_certificate(error: &CertificateError) -> Self {
        match error {
            // The authority that is known by this name may have another kind of key as well.
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::BadSignature
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotValidYet
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => Self::NameMismatch {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| bare(name)).collect(),
            },
            // What the verifier has no case for it tells by the name of its own.
            CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
                Self::CaCertificate
            }
            other => Self::Certificate(other.to_string()),
        }
    }
}

/// A name of a certificate without its kind, in which the verifier wraps it.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    let inner = inner.strip_suffix(')').unwrap_or(inner);
    inner.trim_matches('"').escape_debug().to_string()
}

/// The first of the names that a certificate has; there may be hundreds.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().take(MAX_NAMES).enumerate() {
            f.write_str(if at == 0 { ", but for " } else { ", " })?;
            name.fmt(f)?;
        }
        match self.0.len().checked_sub(MAX_NAMES) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

struct Reasons<'a>(&'a [String]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", self.0.join("; ")),
        }
    }
}

const MAX_NAMES: usize = 5;
