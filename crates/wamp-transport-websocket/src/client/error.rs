//! What may go wrong.

use std::fmt;
use std::io;
use std::time::Duration;

use wamp_net::{DialError, Endpoint};

/// Why there is no WebSocket connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A header cannot be sent: it is malformed, or one of those that the handshake sets.
    #[error("the header {name:?} cannot be sent: it is malformed or belongs to the handshake")]
    BadHeader {
        /// Its name.
        name: String,
    },
    /// The host or path cannot be requested.
    #[error("the host or path has a space, a control character or one beyond ASCII")]
    BadTarget,
    /// The router's answer is not how WebSocket is accepted.
    #[error("the answer does not accept WebSocket: {0}")]
    BadAnswer(&'static str),
    /// The router closed the connection without an answer, or reset it.
    #[error(
        "the connection was closed before the router had answered{}",
        if *.may_want_tls {
            "; is it the right port, and does it want TLS (wss://)?"
        } else {
            ""
        }
    )]
    Closed {
        /// Whether it was TCP without TLS: then TLS may be what the port waits for.
        may_want_tls: bool,
    },
    /// There is no connection below.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// The connection below failed.
    #[error("the connection failed during the handshake: {0}")]
    Io(#[source] io::Error),
    /// What answers does not speak HTTP.
    #[error("what answers does not speak HTTP, thus no WebSocket either; is it the right port?")]
    NotHttp,
    /// The endpoint is not one of WebSocket.
    #[error("{endpoint} is no endpoint of WebSocket")]
    NotWebSocket {
        /// The endpoint.
        endpoint: Endpoint,
    },
    /// The router answered with an HTTP status other than 101.
    #[error("the router refused with the HTTP status {status}{}", Text(.text))]
    Refused {
        /// The status.
        status: u16,
        /// The text of its answer, or the beginning of it.
        text: String,
    },
    /// The router picked none of the subprotocols that were offered.
    #[error(
        "the router picked {}, but {offered} was offered",
        .answered.as_deref().unwrap_or("no subprotocol")
    )]
    Subprotocol {
        /// What was offered.
        offered: String,
        /// What it picked, if anything.
        answered: Option<String>,
    },
    /// The router did not answer in time.
    #[error("the router did not answer within {after:?}")]
    TimedOut {
        /// The time that it had.
        after: Duration,
    },
}

/// A text after a colon, if there is one.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.trim() {
            "" => Ok(()),
            text => write!(f, ": {text:?}"),
        }
    }
}
