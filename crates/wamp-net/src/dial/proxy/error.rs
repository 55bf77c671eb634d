//! What can go wrong with a proxy.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::dial::DialError;

/// Why a proxy does not lead to a router. The texts never have the user name or the password.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// What answers is no such proxy.
    #[error("what answers is no such proxy, {0}; are the scheme and the port of its URL right?")]
    BadAnswer(&'static str),
    /// The proxy closed the connection instead of answering.
    #[error(
        "it closed the connection without an answer; are the scheme and the port of its URL right?"
    )]
    Closed,
    /// The proxy does not accept the user name and the password.
    #[error("it does not accept the user name and the password that are in its URL")]
    Credentials,
    /// The connection to the proxy failed.
    #[error("the connection to it failed: {0}")]
    Io(Arc<io::Error>),
    /// The proxy wants a user name and a password, and there are none.
    #[error("it wants a user name and a password; write them before its host, as USER:PASSWORD@")]
    NoCredentials,
    /// The proxy refused, or could not reach the router.
    #[error("it answers {0}")]
    Refused(String),
    /// The proxy did not answer in time.
    #[error("it had not answered when the {after:?} of the connect_timeout were over")]
    TimedOut {
        /// The time that dialling had as a whole.
        after: Duration,
    },
    /// The proxy itself could not be reached.
    #[error(transparent)]
    Unreachable(Box<DialError>),
    /// The proxy wants to know its user in a way that is not there.
    #[error(
        "it accepts none of the ways to log in that are there: none, or user name and password"
    )]
    UnknownMethod,
}

/// End of file is what a proxy answers that does not like the request.
impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(Arc::new(error)),
        }
    }
}

/// Why a URL names no proxy. The texts never repeat the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// The host or the port is not well-formed, or something follows them.
    #[error(
        "the proxy's URL has no well-formed host and port, or something behind them; it should \
         read like http://proxy.example:3128 or socks5://127.0.0.1:1080"
    )]
    BadAddress,
    /// The user name or the password cannot be sent to such a proxy.
    #[error(
        "the user name or password in the proxy's URL cannot be used: percent-encode '%' as %25, \
         ':' as %3A, '/' as %2F, '?' as %3F, '#' as %23 and '\\' as %5C; HTTP has no user names \
         with a colon, and SOCKS5 neither empty ones nor more than 255 octets"
    )]
    BadCredentials,
    /// The scheme is none of those that are there.
    #[error(
        "the proxy's URL must begin with http:// or socks5://; to speak TLS with the proxy itself \
         is not possible, and to speak it with the router does not depend on the proxy"
    )]
    UnknownScheme,
}
