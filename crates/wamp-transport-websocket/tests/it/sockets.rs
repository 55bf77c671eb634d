//! From a URL to a session's transport, over real sockets.

use tokio::net::{TcpListener, TcpStream};
use wamp_core::{CloseReason, ConnectionInfo, ReceiveError, Transport};
use wamp_net::{DialOptions, Endpoint, Listener, Stream, farewell};
use wamp_transport_websocket::{
    AcceptError, AcceptOptions, ConnectError, ConnectOptions, WebSocketTransport, accept, dial,
};

use crate::support::*;

type Both = (
    Result<WebSocketTransport<Stream>, ConnectError>,
    Result<WebSocketTransport<Stream>, AcceptError>,
);

async fn meet(listener: &Listener, url: &str, policy: &AcceptOptions) -> Both {
    let endpoint: Endpoint = url.parse().unwrap();
    let (dialling, offer) = (DialOptions::default(), ConnectOptions::default());
    let accepting = async {
        let incoming = listener.accept().await;
        let accepted = incoming.handshake().await.unwrap();
        accept(accepted.stream, accepted.info, policy).await
    };
    tokio::join!(dial(&endpoint, &dialling, &offer), accepting)
}

async fn converse(listener: Listener, host: &str) {
    let address = listener.local_addr().unwrap();
    let url = format!("ws://{host}:{}/ws?x=y", address.port());
    let policy = AcceptOptions::default().path("/ws");
    let (client, server) = meet(&listener, &url, &policy).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());

    assert_eq!(client.info().peer_addr, Some(address));
    assert_eq!(server.info().peer_addr, client.info().local_addr);
    assert_eq!(
        server.info().header("host"),
        Some(&*format!("{host}:{}", address.port()))
    );
    assert_eq!(server.info().http_path.as_deref(), Some("/ws"));

    send(&mut client, &event(1 << 20));
    let sending = tokio::spawn(async move {
        flush(&mut client).await.unwrap();
        assert_eq!(receive(&mut client).await.unwrap(), numbered(7));
        close(&mut client, CloseReason::Normal).await
    });
    let received = receive(&mut server).await.unwrap();
    assert!(received.payload().unwrap().len() >= 1 << 20);
    send(&mut server, &numbered(7));
    flush(&mut server).await.unwrap();
    assert!(matches!(
        receive(&mut server).await,
        Err(ReceiveError::Closed)
    ));
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_url_leads_to_a_conversation_over_ipv4() {
    converse(Listener::bind("127.0.0.1:0").await.unwrap(), "127.0.0.1").await;
}

#[tokio::test]
async fn a_url_leads_to_a_conversation_over_ipv6() {
    match Listener::bind("[::1]:0").await {
        Ok(listener) => converse(listener, "[::1]").await,
        Err(_) => eprintln!("this machine has no IPv6; nothing was tested"),
    }
}

#[tokio::test]
async fn a_name_leads_there_too() {
    converse(Listener::bind("127.0.0.1:0").await.unwrap(), "localhost").await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_url_leads_to_a_conversation_over_a_unix_socket() {
    let file = std::env::temp_dir().join(format!("wamp-websocket-{}.sock", std::process::id()));
    drop(std::fs::remove_file(&file));
    let listener = tokio::net::UnixListener::bind(&file).unwrap();
    let url = format!("ws+unix:{}:/ws?x=y", file.display());
    let endpoint: Endpoint = url.parse().unwrap();
    let (dialling, offer) = (DialOptions::default(), ConnectOptions::default());
    let policy = AcceptOptions::default().path("/ws");
    let accepting = async {
        let (stream, _) = listener.accept().await.unwrap();
        accept(stream, ConnectionInfo::new("unix"), &policy).await
    };
    let (client, server) = tokio::join!(dial(&endpoint, &dialling, &offer), accepting);
    drop(std::fs::remove_file(&file));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    assert_eq!(client.info().peer_addr, None);
    assert_eq!(server.info().header("host"), Some("localhost"));
    send(&mut client, &numbered(7));
    flush(&mut client).await.unwrap();
    assert_eq!(receive(&mut server).await.unwrap(), numbered(7));
}

#[tokio::test]
async fn an_endpoint_of_rawsocket_is_not_dialled() {
    let endpoint: Endpoint = "rs://127.0.0.1:1".parse().unwrap();
    let (dialling, offer) = (DialOptions::default(), ConnectOptions::default());
    let error = dial(&endpoint, &dialling, &offer).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::NotWebSocket { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("rs://127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_refusal_reaches_the_client_with_its_text() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/elsewhere", listener.local_addr().unwrap());
    let policy = AcceptOptions::default().path("/ws");
    let (client, server) = meet(&listener, &url, &policy).await;
    let error = client.unwrap_err();
    let ConnectError::Refused { status: 404, text } = &error else {
        panic!("{error}")
    };
    assert!(text.contains("nothing at this path"), "{text}");
    assert!(matches!(server, Err(AcceptError::Refused(_))));
}

#[tokio::test]
async fn nobody_listening_is_told_with_the_address() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    drop(listener);
    let endpoint: Endpoint = url.parse().unwrap();
    let (dialling, offer) = (DialOptions::default(), ConnectOptions::default());
    let error = dial(&endpoint, &dialling, &offer).await.unwrap_err();
    assert!(matches!(error, ConnectError::Dial(_)), "{error}");
    assert!(error.to_string().contains("127.0.0.1:"), "{error}");
}

#[test]
fn the_futures_can_be_spawned() {
    fn is_send<T: Send>(_: impl FnOnce(TcpStream, &'static Endpoint) -> T) {}
    use std::sync::LazyLock;
    static OPTIONS: LazyLock<(DialOptions, ConnectOptions, AcceptOptions)> =
        LazyLock::new(Default::default);
    is_send(|_, endpoint| dial(endpoint, &OPTIONS.0, &OPTIONS.1));
    is_send(|stream, _| accept(stream, Default::default(), &OPTIONS.2));
}

#[tokio::test]
async fn a_router_that_closes_or_resets_before_its_answer_is_told_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for reset in [true, false] {
        let leaving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // A request that was not read resets the connection.
            stream.readable().await.unwrap();
            if !reset {
                farewell(&mut stream, b"").await;
            }
        };
        let endpoint: Endpoint = format!("ws://{address}/").parse().unwrap();
        let (dialling, offer) = (DialOptions::default(), ConnectOptions::default());
        let dialling = async {
            // The client leaves as soon as it knows.
            dial(&endpoint, &dialling, &offer).await.unwrap_err()
        };
        let (error, ()) = tokio::join!(dialling, leaving);
        assert!(
            matches!(error, ConnectError::Closed { may_want_tls: true }),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains("does it want TLS (wss://)?"), "{text}");
    }
}
