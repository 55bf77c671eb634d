//! From a URL to a session.

use async_trait::async_trait;
use wamp_core::Transport;
use wamp_net::{DialOptions, Endpoint};
use wamp_serializers::Serializer;
use wamp_session::{Connect, ConnectError, Connector};
use wamp_transport_websocket::{self as websocket, ConnectOptions};

/// Connects to the router at a URL, such as `ws://localhost:8080/ws`.
///
/// ```no_run
/// # async fn example() -> Result<(), wamp::ConnectError> {
/// let session = wamp::connect("ws://localhost:8080/ws").realm("com.example").await?;
/// # Ok(())
/// # }
/// ```
///
/// A URL that is none is an error when it is awaited. For more to say about the connection there is
/// [`Dial`].
pub fn connect(url: impl Into<String>) -> Connect {
    Dial::new(url).connect()
}

/// How to reach the router at a URL: serializers, headers, limits and times.
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
#[derive(Debug, Clone)]
pub struct Dial {
    url: String,
    dialling: DialOptions,
    websocket: ConnectOptions,
}

impl Dial {
    /// Reaches the router at a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            dialling: DialOptions::default(),
            websocket: ConnectOptions::default(),
        }
    }

    /// Offers these serializers, the preferred one first.
    #[must_use]
    pub fn serializers(mut self, serializers: impl IntoIterator<Item = Serializer>) -> Self {
        self.websocket = self.websocket.serializers(serializers);
        self
    }

    /// Sets how the connection is dialled.
    #[must_use]
    pub fn dialling(mut self, options: DialOptions) -> Self {
        self.dialling = options;
        self
    }

    /// Changes how WebSocket is asked for: headers, limits, times.
    #[must_use]
    pub fn websocket(mut self, change: impl FnOnce(ConnectOptions) -> ConnectOptions) -> Self {
        self.websocket = change(self.websocket);
        self
    }

    /// Connects in this way.
    pub fn connect(self) -> Connect {
        Connect::with(self)
    }
}

#[async_trait]
impl Connector for Dial {
    async fn connect(&self) -> Result<Box<dyn Transport>, ConnectError> {
        let failed =
            |error: &dyn std::error::Error| ConnectError::Connect(format!("{}: {error}", self.url));
        let endpoint: Endpoint = match self.url.parse() {
            Ok(endpoint) => endpoint,
            // This URL is not to be repeated: it holds what may be a password.
            Err(error) if self.url.contains('@') => {
                return Err(ConnectError::Connect(error.to_string()));
            }
            Err(error) => return Err(failed(&error)),
        };
        websocket::dial(&endpoint, &self.dialling, &self.websocket)
            .await
            .map(|transport| Box::new(transport) as Box<dyn Transport>)
            .map_err(|error| match error {
                // It names the place itself.
                websocket::ConnectError::Dial(error) => ConnectError::Connect(error.to_string()),
                error => failed(&error),
            })
    }
}
