//! The listeners of a router.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use wamp_core::ConnectionInfo;
use wamp_net::{Accepted, Incoming, ListenError, ListenLimits, Listener};
use wamp_transport_websocket::http::StatusCode;
use wamp_transport_websocket::{AcceptError, AcceptOptions, Refusal, accept};

use crate::embedded::Router;

impl Router {
    /// Listens on an address, such as `127.0.0.1:8080`, and serves those who connect by WebSocket.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use wamp::Router;
    ///
    /// let router = Router::builder().build();
    /// let server = router
    ///     .listen("127.0.0.1:0")
    ///     .websocket(|options| options.path("/ws").origins(["https://example.com"]))
    ///     .await?;
    /// println!("listening on {}", server.url());
    /// # Ok(())
    /// # }
    /// ```
    pub fn listen(&self, address: impl Into<String>) -> Listen {
        self.listen_on(Source::Address(address.into()))
    }

    /// Serves those who connect to a socket that listens already.
    pub fn serve(&self, listener: Listener) -> Listen {
        self.listen_on(Source::Listener(Box::new(listener)))
    }

    /// Serves the client at the other end of a stream, from the WebSocket handshake to the end of the
    /// connection: a TLS stream, a Unix socket, whatever carries octets.
    ///
    /// What is no WebSocket is answered, too: with an HTTP response that says why. Dropping the
    /// future ends session and connection at once.
    ///
    /// # Errors
    ///
    /// The handshake failed; the client was told.
    pub async fn accept_stream<S>(
        &self,
        stream: S,
        info: ConnectionInfo,
        options: &AcceptOptions,
    ) -> Result<(), AcceptError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let transport = accept(stream, info, options).await?;
        self.accept(transport).await;
        Ok(())
    }

    fn listen_on(&self, source: Source) -> Listen {
        Listen {
            router: self.clone(),
            source,
            limits: None,
            websocket: AcceptOptions::default(),
        }
    }
}

/// A listener that is being set up; awaiting it listens.
#[must_use = "the router listens when this is awaited"]
pub struct Listen {
    router: Router,
    source: Source,
    limits: Option<ListenLimits>,
    websocket: AcceptOptions,
}

enum Source {
    Address(String),
    Listener(Box<Listener>),
}

impl Listen {
    /// Bounds how many connections, and how many unfinished handshakes, there may be.
    pub fn limits(mut self, limits: ListenLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Changes how WebSocket is accepted: path, origins, serializers, limits, times.
    pub fn websocket(mut self, change: impl FnOnce(AcceptOptions) -> AcceptOptions) -> Self {
        self.websocket = change(self.websocket);
        self
    }

    async fn listen(self) -> Result<Server, ListenError> {
        let listener = match self.source {
            Source::Address(address) => Listener::bind(address).await?,
            Source::Listener(listener) => *listener,
        };
        let listener = match &self.limits {
            Some(limits) => listener.limits(limits),
            None => listener,
        };
        let addr = listener.local_addr().map_err(ListenError::Adopt)?;
        let path = self
            .websocket
            .path
            .clone()
            .unwrap_or_else(|| "/".to_owned());
        let (stop, stopped) = watch::channel(false);
        let (router, options) = (self.router, Arc::new(self.websocket));
        tokio::spawn(async move {
            let stop = either(router.stopping(), stopped);
            let serve = |incoming| {
                tokio::spawn(serve(router.clone(), Arc::clone(&options), incoming));
            };
            listener.run(stop, serve).await;
        });
        Ok(Server { addr, path, stop })
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listen")
            .field("websocket", &self.websocket)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Listen {
    type Output = Result<Server, ListenError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Dropped before it is ready, nothing listens.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.listen())
    }
}

/// A listener of a router.
///
/// Dropping it does nothing: it listens until it is [stopped](Self::stop) or the router shuts down.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    path: String,
    stop: watch::Sender<bool>,
}

impl Server {
    /// The address it listens on.
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL at which it is reached by WebSocket, from this machine if the address is any.
    pub fn url(&self) -> String {
        let addr = &self.addr;
        let host = match addr {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
            SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        format!("ws://{host}:{}{}", addr.port(), self.path)
    }

    /// Stops listening. Connections that are open stay so.
    pub fn stop(self) {
        self.stop.send_replace(true);
    }
}

/// Ready when either is true; one whose sender is gone never is.
async fn either(mut router: watch::Receiver<bool>, mut server: watch::Receiver<bool>) {
    let wait = async |stop: &mut watch::Receiver<bool>| {
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = wait(&mut router) => {}
        () = wait(&mut server) => {}
    }
}

/// Serves one connection, from its handshake to its end.
async fn serve(router: Router, options: Arc<AcceptOptions>, incoming: Incoming) {
    let peer = incoming.info.peer_addr.map(tracing::field::display);
    let Accepted {
        stream,
        info,
        mut permit,
        ..
    } = match incoming.handshake().await {
        Ok(accepted) => accepted,
        Err(error) => return tracing::debug!(peer, %error, "a connection was not accepted"),
    };
    let options = match permit.is_refused() {
        true => Arc::new(refusing(&options)),
        false => options,
    };
    let accepted = tokio::select! {
        accepted = accept(stream, info, &options) => accepted,
        error = permit.ended() => {
            return tracing::debug!(peer, %error, "a connection was not accepted");
        }
    };
    match accepted {
        Ok(transport) => {
            permit.handshake_finished();
            router.accept(transport).await;
        }
        // What came is often no WebSocket at all; it was answered.
        Err(error) => tracing::debug!(peer, %error, "a connection was not accepted"),
    }
}

/// The options with which every request is refused because there are too many connections.
fn refusing(options: &AcceptOptions) -> AcceptOptions {
    options.clone().on_request(|_| {
        let text = "There are too many connections. Try again later.";
        Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text))
    })
}
