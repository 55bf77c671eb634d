//! The server's side of the handshake.

mod options;
mod refusal;
mod upgrade;

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use wamp_core::ConnectionInfo;
use wamp_net::farewell;

use crate::head::{Head, HeadError};
use crate::http::header::{self, HeaderName};
use crate::http::{Request, StatusCode};
use crate::server::options::{only_get, only_http_11};
use crate::transport::WebSocketTransport;

pub use crate::server::options::{AcceptOptions, OnRequest};
pub use crate::server::refusal::Refusal;
pub use crate::server::upgrade::Upgrade;

/// Accepts a client over a stream: reads its request and answers it.
///
/// `info` is what is known of the stream. A request that is refused, one that does not ask for
/// WebSocket among them, gets an HTTP answer with a text that says why.
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
) -> Result<WebSocketTransport<S>, AcceptError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let after = options.handshake_timeout;
    let (upgrade, rest) = timeout(after, shake(&mut stream, options))
        .await
        .map_err(|_| AcceptError::TimedOut { after })??;
    Ok(upgrade.accept_after(stream, rest, info).await)
}

/// Refuses a client over a stream, whatever it asks for: a listener that is full says so, for
/// example, by status 503.
///
/// It waits until the client has taken the answer, at most for a second. Dropping the future drops
/// the stream.
pub async fn refuse<S>(mut stream: S, refusal: &Refusal)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    tell(&mut stream, refusal).await;
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
    /// The request was refused, and the client was told so.
    #[error("the request was refused: {0}")]
    Refused(Refusal),
    /// The handshake took too long.
    #[error("the handshake was not finished within {after:?}")]
    TimedOut {
        /// The time that it had.
        after: Duration,
    },
}

/// The handshake; returns what was agreed, and what follows the request.
async fn shake(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    options: &AcceptOptions,
) -> Result<(Upgrade, Vec<u8>), AcceptError> {
    let checked = read_request(stream).await.and_then(|(head, request)| {
        let upgrade = options.check(&request).map_err(AcceptError::Refused)?;
        Ok((upgrade, head.into_rest()))
    });
    match &checked {
        Ok((upgrade, _)) => {
            stream.write_all(&upgrade.to_octets()).await?;
            stream.flush().await?;
        }
        Err(AcceptError::Refused(refusal)) => tell(stream, refusal).await,
        Err(_) => {}
    }
    checked
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<(Head, Request<()>), AcceptError> {
    let refuse = |status, text: &str| AcceptError::Refused(Refusal::new(status, text));
    let head = Head::read(stream).await.map_err(|error| match error {
        HeadError::Closed => AcceptError::Closed,
        HeadError::Io(error) => AcceptError::Io(error),
        HeadError::NotHttp => refuse(StatusCode::BAD_REQUEST, "This port speaks WebSocket."),
        HeadError::TooLong => refuse(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The head of the request is longer than 16 KiB.",
        ),
    })?;
    let request = head.parse().map_err(|error| match error {
        WsError::Capacity(CapacityError::TooManyHeaders) => refuse(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The request has more than 124 headers.",
        ),
        WsError::Protocol(ProtocolError::WrongHttpMethod) => AcceptError::Refused(only_get()),
        WsError::Protocol(ProtocolError::WrongHttpVersion) => AcceptError::Refused(only_http_11()),
        error => {
            tracing::debug!(%error, "a request is malformed");
            refuse(
                StatusCode::BAD_REQUEST,
                "The request is no well-formed HTTP/1.1.",
            )
        }
    })?;
    Ok((head, request))
}

/// Tells a client that it is refused, and why.
async fn tell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), refusal: &Refusal) {
    tracing::debug!(%refusal, "refusing a request");
    farewell(stream, &refusal.to_octets()).await;
}

/// Whether a header belongs to the handshake, or to an answer's frame.
fn is_own(name: &HeaderName) -> bool {
    OWN_HEADERS.contains(name)
}

const OWN_HEADERS: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::SEC_WEBSOCKET_ACCEPT,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
