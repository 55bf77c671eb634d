//! The contract of every transport, by every serializer: over a pipe that fails, and over sockets.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use wamp_core::ConnectionInfo;
use wamp_transport_contract::{
    EndOptions, Ends, Options, Pipe, StreamSubject, Subject, contract_tests,
};
use wamp_transport_websocket::{AcceptOptions, ConnectOptions, WebSocketConfig, accept, connect};

use crate::support::serializer;

/// A WebSocket by a serializer.
struct WebSocket(&'static str);

impl WebSocket {
    async fn connected<S>(&self, client: S, server: S, options: &Options) -> Ends
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let info = || ConnectionInfo::new("test");
        let offer = ConnectOptions::default()
            .serializers([serializer(self.0)])
            .config(config(&options.client));
        let policy = AcceptOptions::default()
            .serializers([serializer(self.0)])
            .config(config(&options.server));
        let (client, server) = tokio::join!(
            connect(client, info(), "localhost", "/", &offer),
            accept(server, info(), &policy),
        );
        Ends::new(client.expect("it connects"), server.expect("it accepts"))
    }
}

fn config(options: &EndOptions) -> WebSocketConfig {
    let config = WebSocketConfig::default();
    let config = match options.max_len {
        Some(max_len) => config.max_message_size(max_len),
        None => config,
    };
    match options.pings {
        Some(pings) => config
            .ping_interval(Some(pings.interval))
            .pong_timeout(pings.timeout),
        None => config.ping_interval(None),
    }
}

impl StreamSubject for WebSocket {
    async fn open_over(&self, client: Pipe, server: Pipe, options: &Options) -> Ends {
        self.connected(client, server, options).await
    }
}

contract_tests!(json, WebSocket("json"), farewell, limits, streams, pings);
contract_tests!(
    json_batched,
    WebSocket("json.batched"),
    farewell,
    limits,
    streams,
    pings
);
contract_tests!(
    msgpack,
    WebSocket("msgpack"),
    farewell,
    limits,
    streams,
    pings
);
contract_tests!(
    msgpack_batched,
    WebSocket("msgpack.batched"),
    farewell,
    limits,
    streams,
    pings
);
contract_tests!(cbor, WebSocket("cbor"), farewell, limits, streams, pings);
contract_tests!(
    cbor_batched,
    WebSocket("cbor.batched"),
    farewell,
    limits,
    streams,
    pings
);

/// The same over TCP.
struct Tcp(WebSocket);

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

contract_tests!(in real time: tcp_json, Tcp(WebSocket("json")), farewell, limits);
contract_tests!(in real time: tcp_cbor_batched, Tcp(WebSocket("cbor.batched")), farewell, limits);
