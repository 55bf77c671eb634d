//! The server's side of the handshake.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use wamp_core::ConnectionInfo;
use wamp_net::farewell;
use wamp_serializers::Serializer;

use crate::config::RawSocketConfig;
use crate::handshake::{
    HandshakeError, HandshakeReply, HandshakeRequest, MalformedHandshake, MaxLength,
};
use crate::octets::{self, NoOctets};
use crate::serializers::{default_serializers, id};
use crate::transport::RawSocketTransport;

/// Accepts a client over a stream: reads its request and answers it.
///
/// `info` is what is known of the stream. A request that is refused gets an error reply; what does
/// not begin like RawSocket gets no answer, since none would be understood.
///
/// Dropping the future drops the stream.
///
/// # Errors
///
/// The request is refused, does not come in time, or the connection fails. In each case the
/// client has been told what there was to tell.
pub async fn accept<S>(
    mut stream: S,
    info: ConnectionInfo,
    options: &AcceptOptions,
) -> Result<RawSocketTransport<S>, AcceptError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let after = options.handshake_timeout;
    let (serializer, peer) = timeout(after, shake(&mut stream, options))
        .await
        .map_err(|_| AcceptError::TimedOut { after })??;
    tracing::debug!(
        peer = ?info.peer_addr,
        serializer = %serializer.name(),
        max_length = peer.octets(),
        "accepted a client"
    );
    let config = &options.config;
    Ok(RawSocketTransport::new(
        stream, serializer, info, peer, config,
    ))
}

/// Refuses a client whatever it asks for, as a listener does that has no room for it: reads the
/// request, answers it with an error, and closes so that the client can read that.
///
/// It takes no longer than `within`. Dropping the future drops the stream.
pub async fn refuse<S>(mut stream: S, error: HandshakeError, within: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let refusing = async {
        match octets::read(&mut stream).await {
            Ok(_) => tell(&mut stream, error).await,
            Err(error) => tracing::debug!(?error, "a client that is refused sent no request"),
        }
    };
    if timeout(within, refusing).await.is_err() {
        tracing::debug!(?within, "a client did not take its refusal in time");
    }
}

/// The handshake; returns the serializer, and how long a message may be that the client accepts.
async fn shake(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    options: &AcceptOptions,
) -> Result<(Serializer, MaxLength), AcceptError> {
    let request = octets::read(stream).await.map_err(|error| match error {
        NoOctets::Closed => AcceptError::Closed,
        NoOctets::Io(error) => AcceptError::Io(error),
        NoOctets::NotRawSocket { first } => AcceptError::NotRawSocket { first },
    })?;
    match options.judge(request) {
        Ok((serializer, max_length, reply)) => {
            stream.write_all(&reply.to_octets()).await?;
            stream.flush().await?;
            Ok((serializer, max_length))
        }
        Err(error) => {
            if let AcceptError::Refused { error, .. } = &error {
                tell(stream, *error).await;
            }
            Err(error)
        }
    }
}

/// Tells a client that it is refused, and why.
async fn tell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), error: HandshakeError) {
    tracing::debug!(%error, "refusing a client");
    farewell(stream, &HandshakeReply::Refused(error).to_octets()).await;
}

/// What a server accepts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AcceptOptions {
    /// The serializers that are supported; which of them is used is the client's choice. Batched
    /// ones, which RawSocket does not have, are passed over.
    /// [`default_serializers`](crate::default_serializers).
    pub serializers: Vec<Serializer>,
    /// How long a message must be that a client accepts, in octets. A client that accepts less is
    /// refused with error 2. 512, the least that can be said: nobody is refused.
    pub min_peer_message_size: usize,
    /// How long the whole handshake may take. 10 s.
    pub handshake_timeout: Duration,
    /// The limits and times of the connection.
    pub config: RawSocketConfig,
}

impl Default for AcceptOptions {
    fn default() -> Self {
        Self {
            serializers: default_serializers(),
            min_peer_message_size: MaxLength::MIN.octets(),
            handshake_timeout: Duration::from_secs(10),
            config: RawSocketConfig::default(),
        }
    }
}

impl AcceptOptions {
    /// Sets [`serializers`](Self::serializers).
    #[must_use]
    pub fn serializers(mut self, serializers: impl IntoIterator<Item = Serializer>) -> Self {
        self.serializers = serializers.into_iter().collect();
        self
    }

    /// Sets [`min_peer_message_size`](Self::min_peer_message_size).
    #[must_use]
    pub const fn min_peer_message_size(mut self, octets: usize) -> Self {
        self.min_peer_message_size = octets;
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

    /// Judges a request: what is agreed on, and the reply; or why not.
    fn judge(
        &self,
        octets: [u8; 4],
    ) -> Result<(Serializer, MaxLength, HandshakeReply), AcceptError> {
        let refused = |error| AcceptError::Refused {
            error,
            request: octets,
        };
        // Reserved bits come first: they may change what the others mean.
        let request = match HandshakeRequest::parse(octets) {
            Ok(request) => request,
            Err(MalformedHandshake::NotRawSocket { first }) => {
                return Err(AcceptError::NotRawSocket { first });
            }
            Err(MalformedHandshake::ReservedBits { .. }) => {
                return Err(refused(HandshakeError::RESERVED_BITS));
            }
        };
        let mut supported = self.serializers.iter();
        let Some(serializer) = supported.find(|known| id(known) == Some(request.serializer)) else {
            return Err(refused(HandshakeError::SERIALIZER_UNSUPPORTED));
        };
        if request.max_length.octets() < self.min_peer_message_size {
            return Err(refused(HandshakeError::LENGTH_UNACCEPTABLE));
        }
        let reply = HandshakeReply::Accepted {
            max_length: self.config.max_length(),
            serializer: request.serializer,
        };
        Ok((serializer.clone(), request.max_length, reply))
    }
}

/// Why a client was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The client closed the connection before its request was complete.
    #[error("the client closed the connection before its request was complete")]
    Closed,
    /// The connection below failed.
    #[error("the connection failed during the handshake: {0}")]
    Io(#[from] io::Error),
    /// The client does not speak RawSocket.
    #[error("the client does not speak RawSocket: its first octet is {first:#04x}")]
    NotRawSocket {
        /// The first octet that it sent.
        first: u8,
    },
    /// The request was refused, and the client was told so.
    #[error("the request {request:02x?} was refused: {error}")]
    Refused {
        /// The error that it was answered with.
        error: HandshakeError,
        /// The request.
        request: [u8; 4],
    },
    /// The handshake took too long.
    #[error("the handshake was not finished within {after:?}")]
    TimedOut {
        /// The time that it had.
        after: Duration,
    },
}
