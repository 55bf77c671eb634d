//! What a server accepts, and whether a request is that.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wamp_serializers::Serializer;

use crate::config::WebSocketConfig;
use crate::head::{has_token, to_pairs};
use crate::http::header::{self, HeaderMap, HeaderValue};
use crate::http::{Method, Request, StatusCode, Version};
use crate::negotiate::{default_serializers, header as subprotocols, negotiate};
use crate::server::refusal::Refusal;
use crate::server::upgrade::Upgrade;

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

    /// Checks a request that an HTTP server has received, in which the router is mounted.
    ///
    /// [`Upgrade`] holds the answer, and takes the connection once the server has upgraded it.
    /// Everything said here holds as it does in [`accept`](crate::accept), but for the
    /// [`handshake_timeout`](Self::handshake_timeout): until the answer is sent the connection is
    /// the server's, and so are the times and the limits of its requests. The
    /// [`path`](Self::path) is best left to its routes.
    ///
    /// # Errors
    ///
    /// The request is refused; the refusal converts into the answer that says so.
    pub fn upgrade<B>(&self, request: &Request<B>) -> Result<Upgrade, Refusal> {
        let mut bare = Request::new(());
        bare.method_mut().clone_from(request.method());
        bare.uri_mut().clone_from(request.uri());
        *bare.version_mut() = request.version();
        bare.headers_mut().clone_from(request.headers());
        bare.extensions_mut().clone_from(request.extensions());
        let checked = self.check(&bare);
        if let Err(refusal) = &checked {
            tracing::debug!(%refusal, "refusing a request");
        }
        checked
    }

    /// Checks a request (RFC 6455, section 4.2.1).
    pub(super) fn check(&self, request: &Request<()>) -> Result<Upgrade, Refusal> {
        if request.method() != Method::GET {
            return Err(only_get());
        }
        if request.version() != Version::HTTP_11 {
            return Err(only_http_11());
        }
        let headers = request.headers();
        let path = request.uri().path();
        if self.path.as_ref().is_some_and(|served| served != path) {
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
        Ok(Upgrade {
            key: key.clone(),
            serializer: serializer.clone(),
            is_announced: picked.is_some(),
            more,
            path: path.to_owned(),
            headers: to_pairs(headers),
            config: self.config.clone(),
        })
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

/// Checks that a request asks for WebSocket, and returns its key.
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

pub(super) fn only_get() -> Refusal {
    let get = HeaderValue::from_static("GET");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Only GET is allowed.").header(header::ALLOW, get)
}

pub(super) fn only_http_11() -> Refusal {
    upgrade_required("WebSocket needs HTTP/1.1.")
}

fn upgrade_required(text: &str) -> Refusal {
    let websocket = HeaderValue::from_static("websocket");
    Refusal::new(StatusCode::UPGRADE_REQUIRED, text).header(header::UPGRADE, websocket)
}
