//! The contract of every transport, by every serializer: over a pipe that fails, and over sockets.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use wamp_core::ConnectionInfo;
use wamp_transport_contract::{
    EndOptions, Ends, Options, Pipe, StreamSubject, Subject, contract_tests,
};
use wamp_transport_rawsocket::{AcceptOptions, ConnectOptions, RawSocketConfig, accept, connect};

use crate::support::serializer;

/// A RawSocket by a serializer.
struct RawSocket(&'static str);

impl RawSocket {
    async fn connected<S>(&self, client: S, server: S, options: &Options) -> Ends
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let info = || ConnectionInfo::new("test");
        let offer = ConnectOptions::default().config(config(&options.client));
        let policy = AcceptOptions::default()
            .serializers([serializer(self.0)])
            .config(config(&options.server));
        let serializer = serializer(self.0);
        let (client, server) = tokio::join!(
            connect(client, info(), &serializer, &offer),
            accept(server, info(), &policy),
        );
        Ends::new(client.expect("it connects"), server.expect("it accepts"))
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
