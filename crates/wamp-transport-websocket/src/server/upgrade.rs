//! A request that is accepted: the answer to it, and the connection after that.

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wamp_core::ConnectionInfo;
use wamp_serializers::Serializer;

use crate::config::WebSocketConfig;
use crate::http::header::{HeaderMap, HeaderName, HeaderValue};
use crate::http::{Response, StatusCode};
use crate::server::is_own;
use crate::server::refusal::write_header;
use crate::transport::{Role, WebSocketTransport};

/// A request that [`AcceptOptions::upgrade`](crate::AcceptOptions::upgrade) accepts.
///
/// The HTTP server sends the [`response`](Self::response), upgrades the connection in its own way,
/// and what comes of that is handed to [`accept`](Self::accept). No HTTP library is named here:
/// any that has the types of the crate `http` will do.
///
/// ```
/// # #[cfg(feature = "cbor")] {
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use wamp_core::{ConnectionInfo, Transport};
/// use wamp_transport_websocket::http::{Request, Response};
/// use wamp_transport_websocket::{AcceptOptions, Refusal};
///
/// let options = AcceptOptions::default().origins(["https://app.example"]);
/// let request = Request::get("/ws")
///     .header("upgrade", "websocket")
///     .header("connection", "upgrade")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .header("sec-websocket-protocol", "wamp.2.cbor");
///
/// let upgrade = options.upgrade(&request.body(())?)?;
/// let response: Response<String> = upgrade.response();
/// assert_eq!(response.status(), 101);
///
/// // Here the server sends the response. What it gives for it stands for the connection.
/// let (_client, upgraded) = tokio::io::duplex(1024);
/// let transport = upgrade.accept(upgraded, ConnectionInfo::new("websocket")).await;
/// assert_eq!(transport.info().serializer, "cbor");
///
/// // What is refused is an answer, too.
/// let refusal = options.upgrade(&Request::get("/ws").body(())?).unwrap_err();
/// assert_eq!(Response::<String>::from(refusal).status(), 426);
/// # Ok(())
/// # }
/// # }
/// ```
#[must_use = "the client waits for the answer, and then for the connection to be accepted"]
pub struct Upgrade {
    pub(super) key: HeaderValue,
    pub(super) serializer: Serializer,
    /// Whether the client offered the serializer, and is told so.
    pub(super) is_announced: bool,
    /// Headers for the answer that the handshake does not set itself, and others.
    pub(super) more: HeaderMap,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) config: WebSocketConfig,
}

impl Upgrade {
    /// The answer: 101 with all the headers that belong to it, and an empty body.
    pub fn response<B: Default>(&self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        for (name, value) in self.own_headers() {
            // None is refused: the values are in base64, or came in a header.
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        for (name, value) in self.more_headers() {
            headers.append(name, value.clone());
        }
        response
    }

    /// Takes the connection, after the answer was sent.
    ///
    /// What the client sent behind its request must be what is read first; an HTTP server that
    /// gives an upgraded connection away sees to that. `info` is what is known of the connection;
    /// path and headers of the request are added to it.
    ///
    /// It does not wait for anything. Dropping the future drops the stream.
    pub async fn accept<S>(self, stream: S, info: ConnectionInfo) -> WebSocketTransport<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.accept_after(stream, Vec::new(), info).await
    }

    /// The same with octets that were read already.
    pub(super) async fn accept_after<S>(
        self,
        stream: S,
        read: Vec<u8>,
        mut info: ConnectionInfo,
    ) -> WebSocketTransport<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let serializer = self.serializer;
        tracing::debug!(peer = ?info.peer_addr, serializer = %serializer.name(), "accepted a client");
        info.http_path = Some(self.path);
        info.http_headers = self.headers;
        WebSocketTransport::new(stream, read, serializer, Role::Server, info, &self.config).await
    }

    /// The whole answer.
    pub(super) fn to_octets(&self) -> Vec<u8> {
        let mut answer = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
        for (name, value) in self.own_headers() {
            write_header(&mut answer, name, value.as_bytes());
        }
        for (name, value) in self.more_headers() {
            write_header(&mut answer, name.as_str(), value.as_bytes());
        }
        answer.extend_from_slice(b"\r\n");
        answer
    }

    /// The headers that make the answer one. Not every client knows that their case is nothing.
    fn own_headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let subprotocol = self
            .is_announced
            .then(|| ("Sec-WebSocket-Protocol", self.serializer.subprotocol()));
        [
            ("Upgrade", "websocket".to_owned()),
            ("Connection", "Upgrade".to_owned()),
            (
                "Sec-WebSocket-Accept",
                derive_accept_key(self.key.as_bytes()),
            ),
        ]
        .into_iter()
        .chain(subprotocol)
    }

    fn more_headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.more.iter().filter(|(name, _)| !is_own(name))
    }
}

/// Leaves out the headers, in which there may be secrets.
impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade")
            .field("serializer", &self.serializer)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
