//! A connection that was accepted, and what is to be done before its transport shakes hands.

use wamp_core::ConnectionInfo;

use super::{HandshakeError, Permit};
use crate::stream::{Plain, Stream};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;

/// A connection that was accepted, before its TLS handshake if the listener has TLS.
#[derive(Debug)]
#[non_exhaustive]
pub struct Incoming {
    /// What is known so far: the addresses.
    pub info: ConnectionInfo,
    /// Its place within the limits.
    pub permit: Permit,
    pub(super) stream: Plain,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<ServerTls>,
}

impl Incoming {
    /// Shakes hands by TLS, if the listener has it; otherwise it is ready at once.
    ///
    /// A client that speaks no TLS is told so, if it may understand that, and has a second to read
    /// it.
    ///
    /// It belongs into a task of the connection's own: a client may take all of
    /// [`ListenLimits::handshake_timeout`](super::ListenLimits::handshake_timeout).
    ///
    /// Dropping the future drops the connection.
    ///
    /// # Errors
    ///
    /// The client speaks no TLS or no version and cipher that we have, went away, or took too long;
    /// or the connection had to make room for a newer one.
    pub async fn handshake(self) -> Result<Accepted, HandshakeError> {
        #[cfg(feature = "tls")]
        let Self {
            mut info,
            permit,
            stream,
            tls,
        } = self;
        #[cfg(not(feature = "tls"))]
        let Self {
            info,
            permit,
            stream,
        } = self;
        #[cfg(feature = "tls")]
        let stream = match tls {
            Some(tls) => {
                let (stream, negotiated) = permit.within(tls.accept(stream)).await??;
                info.tls = Some(negotiated);
                stream
            }
            None => stream.into(),
        };
        #[cfg(not(feature = "tls"))]
        let stream = stream.into();
        Ok(Accepted {
            stream,
            info,
            permit,
        })
    }
}

/// A connection that is ready for the handshake of its transport: TLS, if any, is done.
#[derive(Debug)]
#[non_exhaustive]
pub struct Accepted {
    /// The connection; over TCP it sends without delay (`TCP_NODELAY`).
    pub stream: Stream,
    /// What is known of it: the addresses, and the state of TLS.
    pub info: ConnectionInfo,
    /// Its place within the limits, to be kept as long as the connection.
    pub permit: Permit,
}
