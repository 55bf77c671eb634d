//! The client's side of the handshake.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use wamp_core::ConnectionInfo;
use wamp_net::farewell::is_gone;
use wamp_net::{DialError, DialOptions, Dialled, Endpoint, Protocol, Stream};
use wamp_serializers::Serializer;

use crate::config::RawSocketConfig;
use crate::handshake::{
    HandshakeError, HandshakeReply, HandshakeRequest, MalformedHandshake, MaxLength,
};
use crate::octets::{self, NoOctets};
use crate::serializers::{default_serializers, id, names};
use crate::transport::RawSocketTransport;

/// Connects to a router by its endpoint: dials, then [connects](connect) over what was dialled.
///
/// A handshake asks for one serializer. Those of the options are tried in their order, each over a
/// connection of its own, until the router supports one; batched ones, which RawSocket does not
/// have, are passed over. A router that closes the connection instead of an answer is asked for
/// the next one as well: that is how those on Autobahn|Python with Twisted refuse a serializer.
///
/// Dropping the future closes what was open so far.
///
/// # Errors
///
/// The endpoint cannot be reached, does not answer in time, or does not accept.
pub async fn dial(
    endpoint: &Endpoint,
    dialling: &DialOptions,
    options: &ConnectOptions,
) -> Result<RawSocketTransport<Stream>, ConnectError> {
    let Protocol::RawSocket = endpoint.protocol() else {
        return Err(ConnectError::NotRawSocketEndpoint {
            endpoint: endpoint.clone(),
        });
    };
    let dial = || async {
        let Dialled { stream, info, .. } = wamp_net::dial(endpoint, dialling).await?;
        Ok((stream, info))
    };
    dial_by(dial, options).await
}

/// Tries the serializers over whatever is dialled.
async fn dial_by<S, F>(
    dial: impl Fn() -> F,
    options: &ConnectOptions,
) -> Result<RawSocketTransport<S>, ConnectError>
where
    F: Future<Output = Result<(S, ConnectionInfo), ConnectError>>,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let usable = || options.serializers.iter().filter(|one| id(one).is_some());
    let mut last = ConnectError::Unusable {
        serializers: names(&options.serializers),
    };
    let mut all_unsupported = usable().count() > 1;
    for serializer in usable() {
        let (stream, info) = dial().await?;
        match connect(stream, info, serializer, options).await {
            Err(error) if error.may_mean_the_serializer() => {
                tracing::debug!(serializer = %serializer.name(), %error, "the router refuses");
                all_unsupported &= matches!(error, ConnectError::Refused { .. });
                last = error;
            }
            connected => return connected,
        }
    }
    Err(if all_unsupported {
        ConnectError::NoSerializer {
            tried: names(usable()),
        }
    } else {
        last
    })
}

/// Connects to a router over a stream: asks for a serializer, and waits for the answer.
///
/// `info` is what is known of the stream. Of the options the serializers do not count.
///
/// Dropping the future drops the stream.
///
/// # Errors
///
/// The router refuses, answers something else, or does not answer in time; or the serializer is
/// one that RawSocket does not have.
pub async fn connect<S>(
    mut stream: S,
    info: ConnectionInfo,
    serializer: &Serializer,
    options: &ConnectOptions,
) -> Result<RawSocketTransport<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(id) = id(serializer) else {
        return Err(ConnectError::Unusable {
            serializers: serializer.name().into_owned(),
        });
    };
    let after = options.handshake_timeout;
    // A pipe has no TLS to speak of.
    let may_want_tls = info.tls.is_none() && info.peer_addr.is_some();
    let shaking = shake(&mut stream, id, &options.config, may_want_tls);
    let peer = timeout(after, shaking)
        .await
        .map_err(|_| ConnectError::TimedOut { after })??;
    tracing::debug!(
        peer = ?info.peer_addr,
        serializer = %serializer.name(),
        max_length = peer.octets(),
        "connected"
    );
    let config = &options.config;
    let serializer = serializer.clone();
    Ok(RawSocketTransport::new(
        stream, serializer, info, peer, config,
    ))
}

/// The handshake; returns how long a message may be that the router accepts.
async fn shake(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    id: u8,
    config: &RawSocketConfig,
    may_want_tls: bool,
) -> Result<MaxLength, ConnectError> {
    let request = HandshakeRequest {
        max_length: config.max_length(),
        serializer: id,
    };
    let failed = |error| match is_gone(&error) {
        true => ConnectError::Closed { may_want_tls },
        false => ConnectError::Io(error),
    };
    let octets = request.to_octets();
    stream.write_all(&octets).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let octets = octets::read(stream).await.map_err(|error| match error {
        NoOctets::Closed => ConnectError::Closed { may_want_tls },
        NoOctets::Io(error) => failed(error),
        NoOctets::NotRawSocket { first } => ConnectError::NotRawSocket { first },
    })?;
    match HandshakeReply::parse(octets) {
        Ok(HandshakeReply::Accepted {
            max_length,
            serializer,
        }) if serializer == id => Ok(max_length),
        Ok(HandshakeReply::Accepted { serializer, .. }) => Err(ConnectError::OtherSerializer {
            asked: id,
            answered: serializer,
        }),
        Ok(HandshakeReply::Refused(error)) => Err(ConnectError::Refused { error }),
        Err(MalformedHandshake::NotRawSocket { first }) => {
            Err(ConnectError::NotRawSocket { first })
        }
        Err(MalformedHandshake::ReservedBits { bits }) => Err(ConnectError::ReservedBits { bits }),
    }
}

/// What a client asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The serializers that [`dial`] tries, the preferred one first.
    /// [`default_serializers`](crate::default_serializers).
    pub serializers: Vec<Serializer>,
    /// How long the router may take to answer a handshake. 10 s.
    pub handshake_timeout: Duration,
    /// The limits and times of the connection.
    pub config: RawSocketConfig,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            serializers: default_serializers(),
            handshake_timeout: Duration::from_secs(10),
            config: RawSocketConfig::default(),
        }
    }
}

impl ConnectOptions {
    /// Sets [`serializers`](Self::serializers).
    #[must_use]
    pub fn serializers(mut self, serializers: impl IntoIterator<Item = Serializer>) -> Self {
        self.serializers = serializers.into_iter().collect();
        self
    }

    /// Sets [`handshake_timeout`](Self::handshake_timeout).
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Sets [`config`](Self::config).
    #[must_use]
    pub const fn config(mut self, config: RawSocketConfig) -> Self {
        self.config = config;
        self
    }
}

/// Why there is no RawSocket connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The router closed the connection without an answer, or reset it.
    #[error(
        "the connection was closed before the router had answered; {}some routers do so when they \
         do not support the serializer",
        if *.may_want_tls {
            "is it the right port, and does it want TLS (rss://)? Otherwise, "
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
    /// The router supports none of the serializers.
    #[error("the router supports none of the serializers that were tried: {tried}")]
    NoSerializer {
        /// Their names.
        tried: String,
    },
    /// What answers does not speak RawSocket.
    #[error(
        "what answers does not speak RawSocket: its first octet is {first:#04x}; is it the right \
         port?"
    )]
    NotRawSocket {
        /// The first octet of the answer.
        first: u8,
    },
    /// The endpoint is not one of RawSocket.
    #[error("{endpoint} is no endpoint of RawSocket")]
    NotRawSocketEndpoint {
        /// The endpoint.
        endpoint: Endpoint,
    },
    /// The router answered with another serializer than asked for.
    #[error("the router answered with the serializer {answered} instead of {asked}")]
    OtherSerializer {
        /// The id that was asked for.
        asked: u8,
        /// The id in the answer.
        answered: u8,
    },
    /// The router refused the handshake.
    #[error("the router refused: {error}")]
    Refused {
        /// The error that it answered with.
        error: HandshakeError,
    },
    /// The router's answer uses reserved bits, for something that was not asked for.
    #[error("the router's answer has reserved bits: {bits:#06x}")]
    ReservedBits {
        /// The third and fourth octet of the answer.
        bits: u16,
    },
    /// The router did not answer in time.
    #[error("the router did not answer within {after:?}")]
    TimedOut {
        /// The time that it had.
        after: Duration,
    },
    /// No serializer was given that RawSocket has.
    #[error(
        "RawSocket has none of these serializers: {serializers}; it has no batched ones, and a \
         foreign one needs an id of 6 to 15"
    )]
    Unusable {
        /// The names of those that were given.
        serializers: String,
    },
}

impl ConnectError {
    /// Whether another serializer may help. Routers on Autobahn|Python with Twisted, Crossbar.io
    /// among them, know no error replies: they abort the connection, which shows as its end, as a
    /// reset, or as the end of TLS without its closing alert.
    fn may_mean_the_serializer(&self) -> bool {
        match self {
            Self::Refused { error } => *error == HandshakeError::SERIALIZER_UNSUPPORTED,
            Self::Closed { .. } => true,
            _ => false,
        }
    }
}

#[cfg(all(test, feature = "json", feature = "msgpack", feature = "cbor"))]
mod tests;
