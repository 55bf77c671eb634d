//! The listeners of a router.

mod accept;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tracing::Instrument as _;
use wamp_core::ConnectionInfo;
use wamp_net::listen::{Incoming, LocalAddr};
use wamp_net::sniff::sniff;
#[cfg(feature = "tls")]
use wamp_net::tls::ServerTls;
use wamp_net::{
    HandshakeError, ListenControl, ListenCounts, ListenError, ListenLimits, ListenMeter, Listener,
    Protocol,
};
#[cfg(feature = "rawsocket")]
use wamp_transport_rawsocket as rawsocket;
#[cfg(feature = "websocket")]
use wamp_transport_websocket as websocket;

use crate::embedded::Router;
use crate::server::accept::Accepted;
pub use crate::server::accept::{AcceptError, AcceptOptions};

impl Router {
    /// Listens on an address, such as `127.0.0.1:8080` or `unix:/run/wamp.sock`, and serves those
    /// who connect by WebSocket or RawSocket.
    ///
    /// ```
    /// # #[cfg(feature = "websocket")] {
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
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When it is awaited: the address is no address, is in use, or may not be used; or the options
    /// leave every transport out.
    pub fn listen(&self, address: impl Into<String>) -> Listen {
        self.listen_on(Source::Address(address.into()))
    }

    /// Serves those who connect to a socket that listens already.
    ///
    /// # Errors
    ///
    /// When it is awaited: where the socket listens cannot be told; or the options leave every
    /// transport out.
    pub fn serve(&self, listener: Listener) -> Listen {
        self.listen_on(Source::Listener(Box::new(listener)))
    }

    /// Serves the client at the other end of a stream, from the handshake of WebSocket or RawSocket
    /// to the end of the connection: a TLS stream, a pipe, whatever carries octets.
    ///
    /// What is neither is answered, too, where WebSocket is spoken: with an HTTP response that says
    /// why. So is who asks for WebSocket where that is left out; for RawSocket the connection just
    /// ends. Dropping the future ends session and connection at once.
    ///
    /// # Errors
    ///
    /// The handshake failed; the client was told what there was to tell.
    pub async fn accept_stream<S>(
        &self,
        stream: S,
        info: ConnectionInfo,
        options: &AcceptOptions,
    ) -> Result<(), AcceptError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let accepted = Accepted::accept(stream, info, options).await?;
        accepted.serve(self).await;
        Ok(())
    }

    fn listen_on(&self, source: Source) -> Listen {
        Listen {
            router: self.clone(),
            source,
            limits: None,
            #[cfg(feature = "tls")]
            tls: None,
            options: AcceptOptions::default(),
        }
    }
}

/// A listener that is being set up; awaiting it listens.
#[must_use = "the router listens when this is awaited"]
pub struct Listen {
    router: Router,
    source: Source,
    limits: Option<ListenLimits>,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
    options: AcceptOptions,
}

enum Source {
    Address(String),
    Listener(Box<Listener>),
}

impl Listen {
    /// Bounds how many connections, and how many unfinished handshakes, there may be, and how many
    /// may come in a second.
    pub fn limits(mut self, limits: ListenLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Wants TLS of everybody.
    ///
    /// `tls` is a handle: [`ServerTls::reload`] takes a new certificate while the router runs.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets what is spoken, and how.
    pub fn options(mut self, options: AcceptOptions) -> Self {
        self.options = options;
        self
    }

    /// Changes how WebSocket is accepted: path, origins, serializers, limits, times.
    #[cfg(feature = "websocket")]
    pub fn websocket(
        mut self,
        change: impl FnOnce(websocket::AcceptOptions) -> websocket::AcceptOptions,
    ) -> Self {
        self.options = self.options.websocket(change);
        self
    }

    /// Changes how RawSocket is accepted: serializers, limits, times.
    #[cfg(feature = "rawsocket")]
    pub fn rawsocket(
        mut self,
        change: impl FnOnce(rawsocket::AcceptOptions) -> rawsocket::AcceptOptions,
    ) -> Self {
        self.options = self.options.rawsocket(change);
        self
    }

    async fn listen(self) -> Result<Server, ListenError> {
        if self.options.speaks_nothing() {
            return Err(ListenError::NothingSpoken);
        }
        let listener = match self.source {
            Source::Address(address) => Listener::bind(address).await?,
            Source::Listener(listener) => *listener,
        };
        let listener = match &self.limits {
            Some(limits) => listener.limits(limits),
            None => listener,
        };
        #[cfg(feature = "tls")]
        let listener = match self.tls {
            Some(tls) => listener.tls(tls),
            None => listener,
        };
        let address = listener.address().map_err(ListenError::Adopt)?;
        let meter = listener.meter();
        let is_tls = listener.is_tls();
        let (stop, stopped) = watch::channel(false);
        let (router, options) = (self.router, Current::new(self.options));
        let server = Server {
            address: address.clone(),
            is_tls,
            options: options.clone(),
            control: listener.control(),
            meter: meter.clone(),
            stop,
        };
        let url = server.url();
        tracing::info!(%url, "listening");
        // Shutting down waits for this one, and the listener is gone before it.
        let gone = router.stopping();
        tokio::spawn(async move {
            let stop = either(gone.clone(), stopped);
            let serve = |incoming: Incoming| {
                let (router, options) = (router.clone(), options.get());
                let span = tracing::debug_span!(
                    "accept",
                    listener = %address,
                    peer = incoming.info.peer_addr.map(tracing::field::display),
                );
                tokio::spawn(serve(router, options, meter.clone(), incoming).instrument(span));
            };
            listener.run(stop, serve).await;
            tracing::info!(%url, "listens no more");
            drop(gone);
        });
        Ok(server)
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listen")
            .field("options", &self.options)
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
    address: LocalAddr,
    is_tls: bool,
    options: Current,
    control: ListenControl,
    meter: ListenMeter,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Where it listens, over TCP or a Unix socket.
    pub const fn address(&self) -> &LocalAddr {
        &self.address
    }

    /// The address it listens on, if that is one of TCP.
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        match &self.address {
            LocalAddr::Tcp(address) => Some(*address),
            _ => None,
        }
    }

    /// The URL at which it is reached, from this machine if the address is any: by WebSocket, or by
    /// RawSocket if only that is spoken.
    pub fn url(&self) -> String {
        #[cfg(feature = "websocket")]
        if let Some(options) = &self.options.get().websocket {
            let target = options.path.as_deref().unwrap_or("/").to_owned();
            return self.at(Protocol::WebSocket { target });
        }
        self.rawsocket_url()
    }

    /// The URL at which it is reached by RawSocket.
    pub fn rawsocket_url(&self) -> String {
        self.at(Protocol::RawSocket)
    }

    fn at(&self, protocol: Protocol) -> String {
        self.address.endpoint(self.is_tls, protocol).to_string()
    }

    /// Changes what is spoken, and how, with those who connect from then on. Connections that are
    /// open stay as they are.
    ///
    /// # Errors
    ///
    /// The options leave every transport out; then nothing changes.
    pub fn set_options(&self, options: AcceptOptions) -> Result<(), ListenError> {
        if options.speaks_nothing() {
            return Err(ListenError::NothingSpoken);
        }
        self.options.set(options);
        Ok(())
    }

    /// Changes how many connections, and how many unfinished handshakes, there may be, and how many
    /// may come in a second, for those who connect from then on. Connections that are open stay.
    pub fn set_limits(&self, limits: &ListenLimits) {
        self.control.set_limits(limits);
    }

    /// How many it has accepted, how many are open, and how many came to nothing.
    ///
    /// ```
    /// # #[cfg(feature = "websocket")] {
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use wamp::{Realm, Router};
    ///
    /// let router = Router::builder().realm(Realm::new("com.example")).build();
    /// let server = router.listen("127.0.0.1:0").await?;
    /// let session = wamp::connect(server.url()).realm("com.example").await?;
    /// assert_eq!(server.counts().connections, 1);
    /// # drop(session);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub fn counts(&self) -> ListenCounts {
        self.meter.counts()
    }

    /// What goes on telling the [counts](Self::counts) when the server is gone.
    pub fn meter(&self) -> ListenMeter {
        self.meter.clone()
    }

    /// Stops listening. Connections that are open stay so.
    pub fn stop(self) {
        self.stop.send_replace(true);
    }
}

/// The options of a listener as they are now.
#[derive(Debug, Clone)]
struct Current(Arc<RwLock<Arc<AcceptOptions>>>);

impl Current {
    fn new(options: AcceptOptions) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(options))))
    }

    fn get(&self) -> Arc<AcceptOptions> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, options: AcceptOptions) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(options);
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

/// Shakes hands with a client that has connected, and lets it be served.
async fn serve(
    router: Router,
    options: Arc<AcceptOptions>,
    meter: ListenMeter,
    incoming: Incoming,
) {
    // Those are counted where they are refused, and where they have to make room.
    let is_refused = incoming.permit.is_refused();
    // What came is often no client at all. What there was to tell it, it was told.
    if let Err(error) = admit(router, options, incoming).await {
        tracing::debug!(%error, "a connection was not accepted");
        let is_displaced = matches!(error, Failure::Handshake(HandshakeError::Ended { .. }));
        if !is_refused && !is_displaced {
            meter.count_failure(error.reason());
        }
    }
}

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Accept(#[from] AcceptError),
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Failure {
    /// A short name, to count by.
    const fn reason(&self) -> &'static str {
        match self {
            Self::Accept(error) => error.reason(),
            Self::Handshake(error) => error.reason(),
            Self::Io(_) => "io",
        }
    }
}

async fn admit(
    router: Router,
    options: Arc<AcceptOptions>,
    incoming: Incoming,
) -> Result<(), Failure> {
    let wamp_net::listen::Accepted {
        stream,
        info,
        permit,
        ..
    } = incoming.handshake().await?;
    let (spoken, stream) = permit.within(sniff(stream)).await??;
    if permit.is_refused() {
        return Ok(permit.within(accept::refuse(spoken, stream)).await?);
    }
    let accepted = tokio::select! {
        accepted = Accepted::accept_spoken(spoken, stream, info, &options) => accepted?,
        error = permit.ended() => return Err(error.into()),
    };
    accepted.spawn(&router, permit);
    Ok(())
}
