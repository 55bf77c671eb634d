//! The server's side of the handshake.

mod refusal;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wamp_core::ConnectionInfo;
use wamp_serializers::Serializer;

use crate::config::WebSocketConfig;
use crate::head::{Head, HeadError, has_token, to_pairs};
use crate::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use crate::http::{Request, StatusCode};
use crate::negotiate::{default_serializers, header as subprotocols, negotiate};
use crate::transport::{Role, WebSocketTransport};

pub use crate::server::refusal::Refusal;

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
    mut info: ConnectionInfo,
    options: &AcceptOptions,
) -> Result<WebSocketTransport<S>, AcceptError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let after = options.handshake_timeout;
    let (serializer, request, rest) = timeout(after, shake(&mut stream, options))
        .await
        .map_err(|_| AcceptError::TimedOut { after })??;
    info.http_path = Some(request.uri().path().to_owned());
    info.http_headers = to_pairs(request.headers());
    tracing::debug!(peer = ?info.peer_addr, serializer = %serializer.name(), "accepted a client");
    Ok(WebSocketTransport::new(
        stream,
        rest,
        serializer,
        Role::Server,
        info,
        &options.config,
    )
    .await)
}

/// What a server accepts.
#[derive(Clone)]
#[non_exhaustive]
pub struct AcceptOptions {
    /// The serializers that are supported; which of them is used is the client's choice.
    /// [`default_serializers`](crate::default_serializers).
    pub serializers: Vec<Serializer>,
    /// The serializer for a client that offers none that is supported; `None`, the default, is
    /// that it is refused. The answer then names no subprotocol, and most clients refuse that.
    pub fallback: Option<Serializer>,
    /// The path that must be requested, such as `/ws`; `None`, the default, is any. Another one
    /// is answered by 404.
    pub path: Option<String>,
    /// The origins from which browsers may connect, such as `https://app.example`; `None`, the
    /// default, is any. Others are answered by 403.
    ///
    /// A page of any site can open a WebSocket to any server, with the cookies that it has there:
    /// a router that authenticates by them, or is in a private network, must set this. A request
    /// without an `Origin` comes from no browser, and is accepted.
    pub origins: Option<Vec<String>>,
    /// How long the whole handshake may take. 10 s.
    pub handshake_timeout: Duration,
    /// Sees each request that would be accepted, and may refuse it or add headers to the answer.
    pub on_request: Option<OnRequest>,
    /// The limits and times of the connection.
    pub config: WebSocketConfig,
}

/// Sees a request, and returns headers for its answer or refuses it. It must not block.
///
/// Headers that belong to the handshake are left out.
pub type OnRequest = Arc<dyn Fn(&Request<()>) -> Result<HeaderMap, Refusal> + Send + Sync>;

impl Default for AcceptOptions {
    fn default() -> Self {
        Self {
            serializers: default_serializers(),
            fallback: None,
            path: None,
            origins: None,
            handshake_timeout: Duration::from_secs(10),
            on_request: None,
            config: WebSocketConfig::default(),
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

    /// Sets [`fallback`](Self::fallback).
    #[must_use]
    pub fn fallback(mut self, serializer: Serializer) -> Self {
        self.fallback = Some(serializer);
        self
    }

    /// Sets [`path`](Self::path).
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets [`origins`](Self::origins).
    #[must_use]
    pub fn origins<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }

    /// Sets [`handshake_timeout`](Self::handshake_timeout).
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Sets [`on_request`](Self::on_request).
    #[must_use]
    pub fn on_request(
        mut self,
        callback: impl Fn(&Request<()>) -> Result<HeaderMap, Refusal> + Send + Sync + 'static,
    ) -> Self {
        self.on_request = Some(Arc::new(callback));
        self
    }

    /// Sets [`config`](Self::config).
    #[must_use]
    pub fn config(mut self, config: WebSocketConfig) -> Self {
        self.config = config;
        self
    }

    /// Checks a request; returns the answer's head and the serializer.
    fn answer(&self, request: &Request<()>) -> Result<(Vec<u8>, Serializer), Refusal> {
        let headers = request.headers();
        if self
            .path
            .as_ref()
            .is_some_and(|path| path != request.uri().path())
        {
            return Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "There is nothing at this path.",
            ));
        }
        let key = check_upgrade(headers)?;
        self.check_origin(headers)?;
        let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let offered = offered.iter().filter_map(|value| value.to_str().ok());
        let picked = negotiate(offered, &self.serializers);
        let Some(serializer) = picked.as_ref().or(self.fallback.as_ref()) else {
            let supported = subprotocols(&self.serializers);
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "No subprotocol fits. Sec-WebSocket-Protocol must name one of: {supported}"
                ),
            ));
        };
        let more = match &self.on_request {
            Some(callback) => callback(request)?,
            None => HeaderMap::new(),
        };
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n",
            derive_accept_key(key.as_bytes()),
        )
        .into_bytes();
        if let Some(serializer) = &picked {
            let subprotocol = serializer.subprotocol();
            answer.extend(format!("Sec-WebSocket-Protocol: {subprotocol}\r\n").into_bytes());
        }
        refusal::write_headers(&mut answer, &more);
        answer.extend_from_slice(b"\r\n");
        Ok((answer, serializer.clone()))
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(allowed) = &self.origins else {
            return Ok(());
        };
        let known = |origin: &HeaderValue| {
            allowed
                .iter()
                .any(|one| one.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
        };
        if headers.get_all(header::ORIGIN).iter().all(known) {
            return Ok(());
        }
        let text = "Pages of this origin may not connect here.";
        Err(Refusal::new(StatusCode::FORBIDDEN, text))
    }
}

impl fmt::Debug for AcceptOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptOptions")
            .field("serializers", &self.serializers)
            .field("fallback", &self.fallback)
            .field("path", &self.path)
            .field("origins", &self.origins)
            .field("handshake_timeout", &self.handshake_timeout)
            .field("on_request", &self.on_request.is_some())
            .field("config", &self.config)
            .finish()
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

/// The handshake; returns the serializer, the request, and what follows it.
async fn shake(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    options: &AcceptOptions,
) -> Result<(Serializer, Request<()>, Vec<u8>), AcceptError> {
    let answered = match read_request(stream).await {
        Ok((head, request)) => options
            .answer(&request)
            .map(|(answer, serializer)| (answer, serializer, request, head.into_rest()))
            .map_err(AcceptError::Refused),
        Err(error) => Err(error),
    };
    match answered {
        Ok((answer, serializer, request, rest)) => {
            stream.write_all(&answer).await?;
            stream.flush().await?;
            Ok((serializer, request, rest))
        }
        Err(AcceptError::Refused(refusal)) => {
            tell(stream, &refusal).await;
            Err(AcceptError::Refused(refusal))
        }
        Err(error) => Err(error),
    }
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
        WsError::Protocol(ProtocolError::WrongHttpMethod) => {
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Only GET is allowed.");
            let get = HeaderValue::from_static("GET");
            AcceptError::Refused(refusal.header(header::ALLOW, get))
        }
        WsError::Protocol(ProtocolError::WrongHttpVersion) => {
            AcceptError::Refused(upgrade_required("WebSocket needs HTTP/1.1."))
        }
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

/// Checks that a request asks for WebSocket (RFC 6455, section 4.2.1), and returns its key.
fn check_upgrade(headers: &HeaderMap) -> Result<&HeaderValue, Refusal> {
    if !has_token(headers, header::UPGRADE, "websocket") {
        return Err(upgrade_required(
            "This is a WAMP router. It speaks WebSocket.",
        ));
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        let refusal = upgrade_required("Only version 13 of WebSocket is spoken here.");
        let version = HeaderValue::from_static("13");
        return Err(refusal.header(header::SEC_WEBSOCKET_VERSION, version));
    }
    let bad = |text: &str| Refusal::new(StatusCode::BAD_REQUEST, text);
    if !has_token(headers, header::CONNECTION, "upgrade") {
        return Err(bad(
            "The request asks for WebSocket without `Connection: Upgrade`.",
        ));
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key.as_bytes()) => Ok(key),
        _ => Err(bad(
            "The request has no Sec-WebSocket-Key of 16 octets in base64.",
        )),
    }
}

/// Sixteen octets in base64: 22 characters of its alphabet, the last with four bits unused, and
/// two of padding.
fn is_key(key: &[u8]) -> bool {
    let in_alphabet = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/".contains(octet);
    match key.strip_suffix(b"==") {
        Some(digits) => {
            digits.len() == 22
                && digits.iter().all(in_alphabet)
                && digits.last().is_some_and(|last| b"AQgw".contains(last))
        }
        None => false,
    }
}

fn upgrade_required(text: &str) -> Refusal {
    let websocket = HeaderValue::from_static("websocket");
    Refusal::new(StatusCode::UPGRADE_REQUIRED, text).header(header::UPGRADE, websocket)
}

/// Tells a client that it is refused, and why.
async fn tell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), refusal: &Refusal) {
    tracing::debug!(%refusal, "refusing a request");
    let telling = async {
        stream.write_all(&refusal.to_octets()).await?;
        stream.shutdown().await?;
        // What the client still sends is read: closing over it would reset the connection, and
        // the answer could be lost.
        let mut rest = stream.take(MAX_LINGER);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    match timeout(LINGER, telling).await {
        Ok(Ok(_)) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a client left before it was told of a refusal"),
    }
}

/// How long a refused client may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// How much a refused client may still send.
const MAX_LINGER: u64 = 256 << 10;

/// The headers that belong to the handshake and to an answer's frame.
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
