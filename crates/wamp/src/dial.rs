//! From a URL to a session.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use wamp_core::Transport;
#[cfg(feature = "proxy")]
use wamp_net::dial::Proxy;
#[cfg(feature = "tls")]
use wamp_net::tls::ClientTls;
use wamp_net::{DialOptions, Endpoint, Protocol};
use wamp_serializers::Serializer;
use wamp_session::{Connect, ConnectError, Connector, ConnectorError};
#[cfg(feature = "rawsocket")]
use wamp_transport_rawsocket as rawsocket;
#[cfg(feature = "websocket")]
use wamp_transport_websocket as websocket;

/// Connects to the router at a URL, such as `wss://router.example/ws`.
///
/// ```no_run
/// # async fn example() -> Result<(), wamp::ConnectError> {
/// let session = wamp::connect("ws://localhost:8080/ws").realm("com.example").await?;
/// # Ok(())
/// # }
/// ```
///
/// | URL | what is spoken, and over what |
/// |---|---|
/// | `ws://HOST[:80][/PATH]` | WebSocket over TCP |
/// | `wss://HOST[:443][/PATH]` | WebSocket over TLS |
/// | `rs://HOST[:80]` | RawSocket over TCP |
/// | `rss://HOST[:443]` | RawSocket over TLS |
/// | `unix:/PATH`, `rs://unix:/PATH` | RawSocket over a Unix domain socket |
/// | `ws+unix:/PATH[:/HTTP/PATH]` | WebSocket over a Unix domain socket |
/// | `rss+unix:/PATH`, `wss+unix:/PATH[:/HTTP/PATH]` | the same with TLS |
///
/// A URL that is none is an error when it is awaited, and so is a certificate that nobody vouches
/// for: none of them ever falls back to another. What has failed below is the cause that
/// [`ConnectError::Connect`] holds; [the guide](crate::guide::sessions#opening) shows how to ask for
/// it. For more to say about the connection there is [`Dial`].
pub fn connect(url: impl Into<String>) -> Connect {
    Dial::new(url).connect()
}

/// How to reach the router at a URL: serializers, TLS, headers, limits and times.
///
/// ```no_run
/// use wamp::{Dial, Serializer};
///
/// # async fn example() -> Result<(), wamp::ConnectError> {
/// let session = Dial::new("ws://localhost:8080/ws")
///     .serializers([Serializer::json()])
///     .websocket(|options| options.header("Authorization", "Bearer 123"))
///     .connect()
///     .realm("com.example")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Dial {
    url: String,
    dialling: DialOptions,
    #[cfg(feature = "websocket")]
    websocket: websocket::ConnectOptions,
    #[cfg(feature = "rawsocket")]
    rawsocket: rawsocket::ConnectOptions,
}

impl Dial {
    /// Reaches the router at a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            dialling: DialOptions::default(),
            #[cfg(feature = "websocket")]
            websocket: websocket::ConnectOptions::default(),
            #[cfg(feature = "rawsocket")]
            rawsocket: rawsocket::ConnectOptions::default(),
        }
    }

    /// Offers these serializers, the preferred one first.
    ///
    /// RawSocket has none that are batched, and leaves them out.
    #[must_use]
    pub fn serializers(mut self, serializers: impl IntoIterator<Item = Serializer>) -> Self {
        let serializers: Vec<Serializer> = serializers.into_iter().collect();
        #[cfg(feature = "rawsocket")]
        {
            let plain = serializers
                .iter()
                .filter(|serializer| !serializer.is_batched());
            self.rawsocket = self.rawsocket.serializers(plain.cloned());
        }
        #[cfg(feature = "websocket")]
        {
            self.websocket = self.websocket.serializers(serializers);
        }
        self
    }

    /// Changes how the connection is dialled: times, what is trusted, a proxy.
    #[must_use]
    pub fn dialling(mut self, change: impl FnOnce(DialOptions) -> DialOptions) -> Self {
        self.dialling = change(self.dialling);
        self
    }

    /// Sets what is trusted, where the URL is one of `wss://` or `rss://`. Without it that is what
    /// the platform trusts.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.dialling = self.dialling.tls(tls);
        self
    }

    /// Goes through a proxy.
    #[cfg(feature = "proxy")]
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.dialling = self.dialling.proxy(proxy);
        self
    }

    /// Changes how WebSocket is asked for: headers, limits, times.
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn websocket(
        mut self,
        change: impl FnOnce(websocket::ConnectOptions) -> websocket::ConnectOptions,
    ) -> Self {
        self.websocket = change(self.websocket);
        self
    }

    /// Changes how RawSocket is asked for: limits, times.
    #[cfg(feature = "rawsocket")]
    #[must_use]
    pub fn rawsocket(
        mut self,
        change: impl FnOnce(rawsocket::ConnectOptions) -> rawsocket::ConnectOptions,
    ) -> Self {
        self.rawsocket = change(self.rawsocket);
        self
    }

    /// Connects in this way.
    pub fn connect(self) -> Connect {
        Connect::with(self)
    }

    /// The URL without its query, in which there may be a token.
    fn place(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// What is told of an error that does not name the place itself.
    fn failed(&self, error: impl Error + Send + Sync + 'static) -> ConnectError {
        because(format!("{}: {error}", self.place()), error)
    }

    #[cfg(feature = "websocket")]
    async fn by_websocket(&self, endpoint: &Endpoint) -> Result<Box<dyn Transport>, ConnectError> {
        match websocket::dial(endpoint, &self.dialling, &self.websocket).await {
            Ok(transport) => Ok(Box::new(transport)),
            // It names the place itself.
            Err(error @ websocket::ConnectError::Dial(_)) => Err(because(error.to_string(), error)),
            Err(error) => Err(self.failed(error)),
        }
    }

    #[cfg(feature = "rawsocket")]
    async fn by_rawsocket(&self, endpoint: &Endpoint) -> Result<Box<dyn Transport>, ConnectError> {
        match rawsocket::dial(endpoint, &self.dialling, &self.rawsocket).await {
            Ok(transport) => Ok(Box::new(transport)),
            Err(error @ rawsocket::ConnectError::Dial(_)) => Err(because(error.to_string(), error)),
            Err(error) => Err(self.failed(error)),
        }
    }
}

/// Leaves out a URL that is none, which may hold a password, and what a URL asks for.
impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.url.parse::<Endpoint>().ok();
        let address = endpoint.as_ref().map(Endpoint::address);
        let mut shown = f.debug_struct("Dial");
        shown
            .field("address", &address)
            .field("dialling", &self.dialling);
        #[cfg(feature = "websocket")]
        shown.field("websocket", &self.websocket);
        #[cfg(feature = "rawsocket")]
        shown.field("rawsocket", &self.rawsocket);
        shown.finish()
    }
}

#[async_trait]
impl Connector for Dial {
    async fn connect(&self) -> Result<Box<dyn Transport>, ConnectError> {
        let endpoint: Endpoint = match self.url.parse() {
            Ok(endpoint) => endpoint,
            // This URL is not to be repeated: it holds what may be a password.
            Err(error) if self.url.contains('@') => {
                return Err(because(error.to_string(), error));
            }
            Err(error) => return Err(self.failed(error)),
        };
        match endpoint.protocol() {
            #[cfg(feature = "websocket")]
            Protocol::WebSocket { .. } => self.by_websocket(&endpoint).await,
            #[cfg(feature = "rawsocket")]
            Protocol::RawSocket => self.by_rawsocket(&endpoint).await,
            _ => {
                let text = "this transport is not compiled in; it is a feature of the crate wamp: \
                            `websocket` or `rawsocket`";
                Err(ConnectorError::new(format!("{}: {text}", self.place())).into())
            }
        }
    }
}

fn because(text: String, cause: impl Error + Send + Sync + 'static) -> ConnectError {
    ConnectorError::new(text).because(cause).into()
}
