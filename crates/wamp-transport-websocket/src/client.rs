//! The client's side of the handshake.

mod error;

use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::{Response, generate_key};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wamp_core::ConnectionInfo;
use wamp_net::farewell::is_gone;
use wamp_net::{DialOptions, Dialled, Endpoint, Protocol, Stream};
use wamp_serializers::Serializer;

use crate::config::WebSocketConfig;
use crate::head::{Head, HeadError, has_token, to_pairs};
use crate::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use crate::negotiate::{accept_answer, default_serializers, header as subprotocols};
use crate::transport::{Role, WebSocketTransport};

pub use crate::client::error::ConnectError;

/// Connects to a router by its endpoint: dials, then [connects](connect) over what was dialled.
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
) -> Result<WebSocketTransport<Stream>, ConnectError> {
    let Protocol::WebSocket { target } = endpoint.protocol() else {
        return Err(ConnectError::NotWebSocket {
            endpoint: endpoint.clone(),
        });
    };
    // A header that cannot be sent is not worth a connection.
    options.checked_headers()?;
    let Dialled { stream, info, .. } = wamp_net::dial(endpoint, dialling).await?;
    connect(stream, info, &endpoint.authority(), target, options).await
}

/// Connects to a router over a stream: asks for WebSocket, and waits for the answer.
///
/// `info` is what is known of the stream; `authority` is the host, with its port if there is one,
/// and `target` the path and query, beginning with `/`, that are requested.
///
/// Dropping the future drops the stream.
///
/// # Errors
///
/// The router refuses, picks a subprotocol that was not offered, or does not answer in time, or
/// with WebSocket.
pub async fn connect<S>(
    mut stream: S,
    mut info: ConnectionInfo,
    authority: &str,
    target: &str,
    options: &ConnectOptions,
) -> Result<WebSocketTransport<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // A pipe has no TLS to speak of.
    let may_want_tls = info.tls.is_none() && info.peer_addr.is_some();
    let handshake = shake(&mut stream, authority, target, options, may_want_tls);
    let after = options.handshake_timeout;
    let (serializer, headers, rest) = timeout(after, handshake)
        .await
        .map_err(|_| ConnectError::TimedOut { after })??;
    let path = target.split('?').next().unwrap_or(target);
    info.http_path = Some(path.to_owned());
    info.http_headers = to_pairs(&headers);
    tracing::debug!(%authority, path, serializer = %serializer.name(), "connected");
    Ok(WebSocketTransport::new(
        stream,
        rest,
        serializer,
        Role::Client,
        info,
        &options.config,
    )
    .await)
}

/// What a client asks for.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The serializers that are offered, the preferred one first.
    /// [`default_serializers`](crate::default_serializers), without batched JSON: Autobahn|Python
    /// and Crossbar.io separate its messages by another octet than the specification, and an offer
    /// cannot tell which one is meant.
    pub serializers: Vec<Serializer>,
    /// The serializer that is used when the router answers without picking one; `None`, the
    /// default, is that this is an error. Some old routers speak JSON then.
    pub fallback: Option<Serializer>,
    /// Headers that are sent with the request, such as `Origin`, `Authorization` or `Cookie`.
    pub headers: Vec<(String, String)>,
    /// How long the router may take to answer. 10 s.
    pub handshake_timeout: Duration,
    /// The limits and times of the connection.
    pub config: WebSocketConfig,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            serializers: default_offer(),
            fallback: None,
            headers: Vec::new(),
            handshake_timeout: Duration::from_secs(10),
            config: WebSocketConfig::default(),
        }
    }
}

fn default_offer() -> Vec<Serializer> {
    let mut serializers = default_serializers();
    serializers.retain(|serializer| serializer.is_binary() || !serializer.is_batched());
    serializers
}

impl ConnectOptions {
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

    /// Adds a header; whether it can be sent shows when connecting.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
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
    pub fn config(mut self, config: WebSocketConfig) -> Self {
        self.config = config;
        self
    }

    /// The headers, unless one cannot be sent, or belongs to the handshake.
    fn checked_headers(&self) -> Result<HeaderMap, ConnectError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let bad = || ConnectError::BadHeader { name: name.clone() };
            let parsed = HeaderName::try_from(name).map_err(|_| bad())?;
            if OWN_HEADERS.contains(&parsed) {
                return Err(bad());
            }
            headers.append(parsed, HeaderValue::try_from(value).map_err(|_| bad())?);
        }
        Ok(headers)
    }
}

/// Names the headers without their values, which may be secrets.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("ConnectOptions")
            .field("serializers", &self.serializers)
            .field("fallback", &self.fallback)
            .field("headers", &names)
            .field("handshake_timeout", &self.handshake_timeout)
            .field("config", &self.config)
            .finish()
    }
}

/// The handshake; returns what was picked, the headers of the answer, and what follows it.
async fn shake(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    authority: &str,
    target: &str,
    options: &ConnectOptions,
    may_want_tls: bool,
) -> Result<(Serializer, HeaderMap, Vec<u8>), ConnectError> {
    let key = generate_key();
    let request = request(authority, target, &key, options)?;
    let failed = |error| match is_gone(&error) {
        true => ConnectError::Closed { may_want_tls },
        false => ConnectError::Io(error),
    };
    stream.write_all(&request).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;

    let head = Head::read(stream).await.map_err(|error| match error {
        HeadError::Closed => ConnectError::Closed { may_want_tls },
        HeadError::Io(error) => failed(error),
        HeadError::NotHttp => ConnectError::NotHttp,
        HeadError::TooLong => ConnectError::BadAnswer("its head is longer than 16 KiB"),
    })?;
    let answer: Response = match head.parse() {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(%error, "the answer to a handshake is malformed");
            return Err(ConnectError::BadAnswer("it is no well-formed HTTP/1.1"));
        }
    };
    if answer.status().as_u16() != 101 {
        return Err(ConnectError::Refused {
            status: answer.status().as_u16(),
            text: body(stream, answer.headers(), head.into_rest()).await,
        });
    }
    let headers = answer.headers();
    let bad = ConnectError::BadAnswer;
    if !has_token(headers, header::UPGRADE, "websocket") {
        return Err(bad("`Upgrade: websocket` is missing"));
    }
    if !has_token(headers, header::CONNECTION, "upgrade") {
        return Err(bad("`Connection: Upgrade` is missing"));
    }
    let accept = derive_accept_key(key.as_bytes());
    if headers
        .get(header::SEC_WEBSOCKET_ACCEPT)
        .is_none_or(|found| found != accept.as_str())
    {
        return Err(bad("`Sec-WebSocket-Accept` does not fit the request"));
    }
    if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        return Err(bad("it wants an extension, and none was offered"));
    }
    let serializer = picked(headers, options)?;
    let rest = head.into_rest();
    Ok((serializer, answer.into_parts().0.headers, rest))
}

fn request(
    authority: &str,
    target: &str,
    key: &str,
    options: &ConnectOptions,
) -> Result<Vec<u8>, ConnectError> {
    let plain = |text: &str| text.bytes().all(|octet| octet.is_ascii_graphic());
    if authority.is_empty() || !target.starts_with('/') || !plain(authority) || !plain(target) {
        return Err(ConnectError::BadTarget);
    }
    let mut request = format!(
        "GET {target} HTTP/1.1\r\n\
         Host: {authority}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n"
    )
    .into_bytes();
    if !options.serializers.is_empty() {
        let offered = subprotocols(&options.serializers);
        request.extend(format!("Sec-WebSocket-Protocol: {offered}\r\n").into_bytes());
    }
    for (name, value) in &options.checked_headers()? {
        request.extend_from_slice(name.as_str().as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    Ok(request)
}

fn picked(headers: &HeaderMap, options: &ConnectOptions) -> Result<Serializer, ConnectError> {
    let refused = |answered| ConnectError::Subprotocol {
        offered: match &options.serializers[..] {
            [] => "nothing".to_owned(),
            offered => subprotocols(offered),
        },
        answered,
    };
    let mut answers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let Some(answer) = answers.next() else {
        return options.fallback.clone().ok_or_else(|| refused(None));
    };
    let text = String::from_utf8_lossy(answer.as_bytes());
    match accept_answer(&options.serializers, &text) {
        Some(serializer) if answers.next().is_none() => Ok(serializer),
        _ => Err(refused(Some(text.into_owned()))),
    }
}

/// As much of the text of a refusal as is worth repeating.
async fn body(
    stream: &mut (impl AsyncRead + Unpin),
    headers: &HeaderMap,
    mut octets: Vec<u8>,
) -> String {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let missing = MAX_BODY.min(length).saturating_sub(octets.len());
    let missing = u64::try_from(missing).unwrap_or(0);
    // The refusal counts, not whether all of its text arrives.
    drop(stream.take(missing).read_to_end(&mut octets).await);
    octets.truncate(MAX_BODY);
    String::from_utf8_lossy(&octets).into_owned()
}

const MAX_BODY: usize = 512;

/// The headers that the handshake sets itself.
const OWN_HEADERS: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_VERSION,
    header::UPGRADE,
];
