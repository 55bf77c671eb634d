//! Over real sockets.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use wamp_core::{ReceiveError, Transport};
use wamp_net::{DialOptions, Endpoint, Listener};
use wamp_transport_rawsocket::{
    AcceptError, AcceptOptions, ConnectError, ConnectOptions, HandshakeError, accept, connect,
    dial, refuse,
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

/// The conversation again, with what an endpoint leads to.
async fn meet(listener: &Listener, url: &str) {
    let endpoint: Endpoint = url.parse().unwrap();
    let (dialling, options) = (DialOptions::default(), ConnectOptions::default());
    let policy = AcceptOptions::default().serializers([serializer("json")]);
    let accepting = async {
        // The client asks for each of its serializers over a connection of its own.
        loop {
            let incoming = listener.accept().await.handshake().await.unwrap();
            match accept(incoming.stream, incoming.info, &policy).await {
                Ok(accepted) => break accepted,
                Err(AcceptError::Refused { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    let (client, mut server) = tokio::join!(dial(&endpoint, &dialling, &options), accepting);
    let mut client = client.unwrap();
    assert_eq!(client.info().serializer, "json");
    assert_eq!(server.info().peer_addr, client.info().local_addr);
    assert_eq!(server.info().local_addr, client.info().peer_addr);
    send(&mut client, &numbered(1));
    send(&mut server, &numbered(2));
    let (one, other) = tokio::join!(flush(&mut client), flush(&mut server));
    one.and(other).unwrap();
    assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
    assert_eq!(receive(&mut client).await.unwrap(), numbered(2));
}

#[tokio::test]
async fn a_conversation_passes_a_tcp_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(client, listener.accept());
    converse(client.unwrap(), accepted.unwrap().0).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_conversation_passes_a_unix_socket() {
    let (client, server) = tokio::net::UnixStream::pair().unwrap();
    converse(client, server).await;
}

#[tokio::test]
async fn a_url_leads_to_a_conversation_over_tcp() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost"] {
        meet(&listener, &format!("rs://{host}:{port}")).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_url_leads_to_a_conversation_over_a_unix_socket() {
    let name = format!("wamp-rawsocket-test-{}.sock", std::process::id());
    let url = format!("unix:{}", std::env::temp_dir().join(name).display());
    let listener = Listener::bind(&url).await.unwrap();
    meet(&listener, &url).await;
}

#[tokio::test]
async fn nobody_listening_is_told_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rs://{}", listener.local_addr().unwrap());
    drop(listener);
    let endpoint: Endpoint = url.parse().unwrap();
    let (dialling, options) = (DialOptions::default(), ConnectOptions::default());
    let error = dial(&endpoint, &dialling, &options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Dial(_)), "{error}");
    assert!(error.to_string().contains("127.0.0.1:"), "{error}");
}

/// The error arrives though the client has sent more than its request.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_has_sent_more() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
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
            let (stream, _) = listener.accept().await.unwrap();
            if full {
                let within = std::time::Duration::from_secs(60);
                refuse(stream, HandshakeError::MAX_CONNECTIONS, within).await;
                return;
            }
            let error = accept(stream, info(), &policy).await;
            assert!(matches!(error, Err(AcceptError::Refused { .. })));
        };
        let (reply, ()) = tokio::join!(talking, serving);
        assert_eq!(reply, [0x7f, if full { 0x40 } else { 0x10 }, 0, 0]);
    }
}

#[tokio::test]
async fn a_router_that_closes_or_resets_before_its_answer_is_told_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = ConnectOptions::default();
    options.serializers.truncate(1);
    for reset in [true, false] {
        let leaving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            if reset {
                // With a request that was not read.
                stream.readable().await.unwrap();
            } else {
                stream.read_exact(&mut [0; 4]).await.unwrap();
            }
            drop(stream);
        };
        let endpoint: Endpoint = format!("rs://{address}").parse().unwrap();
        let dialling = DialOptions::default();
        let (connected, ()) = tokio::join!(dial(&endpoint, &dialling, &options), leaving);
        let error = connected.unwrap_err();
        assert!(matches!(error, ConnectError::Closed { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("does it want TLS (rss://)?"), "{text}");
    }

    // A stream that may be anything is not suspected to want TLS.
    let client = TcpStream::connect(address).await.unwrap();
    let serializer = serializer("json");
    let leaving = async { drop(listener.accept().await.unwrap()) };
    let (connected, ()) = tokio::join!(connect(client, info(), &serializer, &options), leaving);
    let error = connected.unwrap_err();
    assert!(matches!(error, ConnectError::Closed { .. }), "{error}");
    assert!(!error.to_string().contains("TLS"), "{error}");
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
    fn is_send<T: Send>(_: T) {}
    let (dialling, options) = (DialOptions::default(), ConnectOptions::default());
    let endpoint: Endpoint = "ws://localhost/".parse().unwrap();
    is_send(dial(&endpoint, &dialling, &options));
}

#[tokio::test]
async fn an_endpoint_of_another_protocol_is_refused() {
    let (dialling, options) = (DialOptions::default(), ConnectOptions::default());
    let endpoint: Endpoint = "ws://localhost/".parse().unwrap();
    let error = dial(&endpoint, &dialling, &options).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotRawSocketEndpoint { .. }));
    assert!(error.to_string().contains("ws://localhost/"), "{error}");
}
