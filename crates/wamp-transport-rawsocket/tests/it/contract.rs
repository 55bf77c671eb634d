//! The contract of every transport, by every serializer: over a pipe that fails, and over sockets.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use wamp_core::ConnectionInfo;
use wamp_transport_contract::{
    EndOptions, Ends, Options, Pipe, StreamSubject, Subject, contract_tests,
};
use wamp_transport_rawsocket::{
    AcceptOptions, ConnectOptions, RawSocketConfig, RawSocketTransport, accept, connect,
};

use crate::support::serializer;

/// A RawSocket by a serializer.
struct RawSocket(&'static str);

impl RawSocket {
    async fn connect<S>(&self, stream: S, options: &EndOptions) -> RawSocketTransport<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (serializer, info) = (serializer(self.0), ConnectionInfo::new("test"));
        let options = ConnectOptions::default().config(config(options));
        let connected = connect(stream, info, &serializer, &options).await;
        connected.expect("it is accepted")
    }

    async fn accept<S>(&self, stream: S, options: &EndOptions) -> RawSocketTransport<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let options = AcceptOptions::default()
            .serializers([serializer(self.0)])
            .config(config(options));
        let accepted = accept(stream, ConnectionInfo::new("test"), &options).await;
        accepted.expect("it is asked for")
    }

    async fn connected<S>(&self, client: S, server: S, options: &Options) -> Ends
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (client, server) = tokio::join!(
            self.connect(client, &options.client),
            self.accept(server, &options.server),
        );
        Ends::new(client, server)
    }
}

fn config(options: &EndOptions) -> RawSocketConfig {
    let config = RawSocketConfig::default();
    let config = match options.max_len {
        Some(max_len) => config.max_message_size(max_len),
        None => config,
    };
    match options.pings {
        Some(pings) => config
            .ping_interval(Some(pings.interval))
            .pong_timeout(pings.timeout)
            .ping_unknown(true),
        None => config.ping_interval(None),
    }
}

impl StreamSubject for RawSocket {
    async fn open_over(&self, client: Pipe, server: Pipe, options: &Options) -> Ends {
        self.connected(client, server, options).await
    }
}

// RawSocket has no closing handshake, and thus no farewell.
contract_tests!(json, RawSocket("json"), limits, streams, pings);
contract_tests!(msgpack, RawSocket("msgpack"), limits, streams, pings);
contract_tests!(cbor, RawSocket("cbor"), limits, streams, pings);

/// The same over TCP.
struct Tcp(RawSocket);

impl Subject for Tcp {
    async fn open(&self, options: &Options) -> Ends {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let client = TcpStream::connect(address).await.expect("it listens");
        let (server, _) = listener.accept().await.expect("it is connected");
        self.0.connected(client, server, options).await
    }
}

contract_tests!(in real time: tcp_json, Tcp(RawSocket("json")), limits);
contract_tests!(in real time: tcp_cbor, Tcp(RawSocket("cbor")), limits);

/// The same over Unix sockets.
#[cfg(unix)]
struct Unix(RawSocket);

#[cfg(unix)]
impl Subject for Unix {
    async fn open(&self, options: &Options) -> Ends {
        let (client, server) = tokio::net::UnixStream::pair().expect("there are sockets");
        self.0.connected(client, server, options).await
    }
}

#[cfg(unix)]
contract_tests!(in real time: unix_msgpack, Unix(RawSocket("msgpack")), limits);

/// The same over TLS, which has octets of its own that may be spoiled.
struct Tls {
    inner: RawSocket,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Tls {
    fn new(inner: RawSocket) -> Self {
        let names = ["localhost".to_owned()];
        let certified = rcgen::generate_simple_self_signed(names).expect("the name is good");
        let certificate = certified.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .expect("they belong together");
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("it is a certificate");
        let client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            inner,
            acceptor: Arc::new(server).into(),
            connector: Arc::new(client).into(),
        }
    }
}

impl StreamSubject for Tls {
    async fn open_over(&self, client: Pipe, server: Pipe, options: &Options) -> Ends {
        let name = ServerName::try_from("localhost").expect("it is a name");
        // Each side goes on as soon as it can: the server has tickets to send, which its client
        // reads with what comes next.
        let connecting = async {
            let stream = self.connector.connect(name, client).await;
            let stream = stream.expect("the certificate is trusted");
            self.inner.connect(stream, &options.client).await
        };
        let accepting = async {
            let stream = self.acceptor.accept(server).await;
            let stream = stream.expect("the client is welcome");
            self.inner.accept(stream, &options.server).await
        };
        let (client, server) = tokio::join!(connecting, accepting);
        Ends::new(client, server)
    }
}

contract_tests!(
    tls_cbor,
    Tls::new(RawSocket("cbor")),
    limits,
    streams,
    pings
);
