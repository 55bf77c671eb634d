//! What a server accepts, and whether a request is that.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wamp_serializers::Serializer;

use crate::config::WebSocketConfig;
use crate::head::has_token;
use crate::http::header::{self, HeaderMap, HeaderValue};
use crate::http::{Request, StatusCode};
use crate::negotiate::{default_serializers, header as subprotocols, negotiate};
use crate::server::refusal::{self, Refusal};

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
    pub(super) fn answer(&self, request: &Request<()>) -> Result<(Vec<u8>, Serializer), Refusal> {
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

pub(super) fn upgrade_required(text: &str) -> Refusal {
    let websocket = HeaderValue::from_static("websocket");
    Refusal::new(StatusCode::UPGRADE_REQUIRED, text).header(header::UPGRADE, websocket)
}
