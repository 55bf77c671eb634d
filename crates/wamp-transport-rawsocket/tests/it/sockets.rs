//! Over real sockets.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use wamp_core::{ReceiveError, Transport};
use wamp_net::Listener;
use wamp_transport_rawsocket::{
    AcceptError, AcceptOptions, ConnectError, ConnectOptions, HandshakeError, accept, connect,
    refuse,
};

use crate::support::*;

async fn converse<S>(client: S, server: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (options, policy) = (ConnectOptions::default(), AcceptOptions::default());
    let serializer = serializer("msgpack");
    let (client, server) = tokio::join!(
        connect(client, info(), &serializer, &options),
        accept(server, info(), &policy),
    );
    let (mut client, mut server) = (client.unwrap(), server.unwrap());

    for len in [1 << 20, (1 << 24) - 100] {
        send(&mut client, &event(len));
    }
    let sending = tokio::spawn(async move {
        flush(&mut client).await.unwrap();
        assert_eq!(receive(&mut client).await.unwrap(), numbered(7));
        close(&mut client).await
    });
    for len in [1 << 20, (1 << 24) - 100] {
        let received = receive(&mut server).await.unwrap();
        assert!(received.payload().unwrap().len() >= len);
    }
    send(&mut server, &numbered(7));
    flush(&mut server).await.unwrap();
    assert!(matches!(
        receive(&mut server).await,
        Err(ReceiveError::Closed)
    ));
    close(&mut server).await.unwrap();
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_conversation_passes_a_tcp_socket() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, incoming) = tokio::join!(client, listener.accept());
    converse(client.unwrap(), incoming.stream).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_conversation_passes_a_unix_socket() {
    let (client, server) = tokio::net::UnixStream::pair().unwrap();
    converse(client, server).await;
}

#[tokio::test]
async fn both_addresses_are_known() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).await.unwrap();
    let local = client.local_addr().unwrap();
    let incoming = listener.accept().await;
    let (options, policy) = (ConnectOptions::default(), AcceptOptions::default());
    let serializer = serializer("json");
    let (client, server) = tokio::join!(
        connect(client, info(), &serializer, &options),
        accept(incoming.stream, incoming.info, &policy),
    );
    drop(client.unwrap());
    let server = server.unwrap();
    assert_eq!(server.info().peer_addr, Some(local));
    assert_eq!(server.info().local_addr, Some(address));
}

/// The error arrives though the client has sent more than its request.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_has_sent_more() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let policy = AcceptOptions::default();
    for full in [false, true] {
        let talking = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = [
                &[0x7f, 0xf9, 0, 0],
                &frame(FrameKind::MESSAGE, &[b' '; 9000])[..],
            ];
            stream.write_all(&request.concat()).await.unwrap();
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).await.unwrap();
            reply
        };
        let serving = async {
            let incoming = listener.accept().await;
            if full {
                let within = std::time::Duration::from_secs(60);
                refuse(incoming.stream, HandshakeError::MAX_CONNECTIONS, within).await;
                return;
            }
            let error = accept(incoming.stream, incoming.info, &policy).await;
            assert!(matches!(error, Err(AcceptError::Refused { .. })));
        };
        let (reply, ()) = tokio::join!(talking, serving);
        assert_eq!(reply, [0x7f, if full { 0x40 } else { 0x10 }, 0, 0]);
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_is_an_error_of_the_handshake() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let options = ConnectOptions::default();
    let serializer = serializer("json");
    let resetting = async {
        let incoming = listener.accept().await;
        incoming.stream.readable().await.unwrap();
        // With a request that was not read.
        drop(incoming);
    };
    let (connected, ()) = tokio::join!(connect(client, info(), &serializer, &options), resetting);
    let error = connected.unwrap_err();
    assert!(
        matches!(error, ConnectError::Io(_) | ConnectError::Closed),
        "{error}"
    );
}

#[test]
fn the_futures_can_be_spawned() {
    fn is_send<T: Send>(_: impl FnOnce(TcpStream) -> T) {}
    use std::sync::LazyLock;
    static OPTIONS: LazyLock<(ConnectOptions, AcceptOptions)> = LazyLock::new(Default::default);
    is_send(|stream| async {
        let serializer = serializer("json");
        connect(stream, info(), &serializer, &OPTIONS.0).await
    });
    is_send(|stream| accept(stream, Default::default(), &OPTIONS.1));
    is_send(|stream| refuse(stream, HandshakeError::MAX_CONNECTIONS, Default::default()));
}

#[test]
fn dialling_can_be_spawned() {
    use wamp_net::{DialOptions, Endpoint};
    use wamp_transport_rawsocket::dial;
    fn is_send<T: Send>(_: T) {}
    let (dialling, options) = (DialOptions::default(), ConnectOptions::default());
    let endpoint: Endpoint = "ws://localhost/".parse().unwrap();
    is_send(dial(&endpoint, &dialling, &options));
}

#[tokio::test]
async fn an_endpoint_of_another_protocol_is_refused() {
    use wamp_net::{DialOptions, Endpoint};
    use wamp_transport_rawsocket::dial;
    let (dialling, options) = (DialOptions::default(), ConnectOptions::default());
    let endpoint: Endpoint = "ws://localhost/".parse().unwrap();
    let error = dial(&endpoint, &dialling, &options).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotRawSocketEndpoint { .. }));
    assert!(error.to_string().contains("ws://localhost/"), "{error}");
}
