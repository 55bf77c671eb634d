use std::future::pending;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use wamp_net::{ListenError, Listener, LocalAddr};

use crate::is_ready;

async fn listener() -> (Listener, std::net::SocketAddr) {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn a_connection_knows_both_addresses() {
    let (listener, address) = listener().await;
    let stream = TcpStream::connect(address).await.unwrap();
    let incoming = listener.accept().await;
    assert_eq!(incoming.info.peer_addr, stream.local_addr().ok());
    assert_eq!(incoming.info.local_addr, Some(address));
    let accepted = incoming.handshake().await.unwrap();
    assert_eq!(accepted.info.peer_addr, stream.local_addr().ok());
    assert_eq!(accepted.info.transport, "tcp");
    assert_eq!(accepted.info.tls, None);
}

#[tokio::test]
async fn an_address_is_told_as_it_is_bound() {
    let (listener, address) = listener().await;
    let told = listener.address().unwrap();
    assert_eq!(told, LocalAddr::Tcp(address));
    assert_eq!(told.to_string(), address.to_string());
}

#[tokio::test]
async fn a_socket_that_was_bound_before_is_taken() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let listener = Listener::from_std(socket).unwrap();
    assert_eq!(listener.local_addr().unwrap(), address);
    let _stream = TcpStream::connect(address).await.unwrap();
    listener.accept().await;
}

#[tokio::test]
async fn an_address_in_use_is_named_in_the_error() {
    let (_listener, address) = listener().await;
    let error = Listener::bind(address).await.unwrap_err();
    assert!(matches!(error, ListenError::Bind { .. }));
    assert!(
        error.to_string().starts_with(&address.to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn connections_are_handed_over_until_it_is_stopped_and_then_refused() {
    let (listener, address) = listener().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let (accepted, mut connections) = mpsc::channel(2);
    let running = tokio::spawn(
        listener.run(async { drop(stopped.await) }, move |incoming| {
            accepted.try_send(incoming).unwrap()
        }),
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    let incoming = connections.recv().await.unwrap();

    drop(stop);
    running.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    // What was handed over lives on until whoever has it lets it go.
    drop(incoming);
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn it_runs_on_when_nothing_connects() {
    let (listener, _) = listener().await;
    assert!(is_ready(listener.run(pending(), drop)).await.is_none());
}

#[tokio::test]
async fn what_is_no_address_is_told_what_one_is() {
    for address in [
        "127.0.0.1",
        "localhost",
        ":8080",
        "/tmp/wamp.sock",
        "ws://127.0.0.1:0",
    ] {
        let error = Listener::bind(address).await.unwrap_err();
        assert!(matches!(error, ListenError::BadAddress { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(address) && text.contains("unix:FILE"),
            "{text}"
        );
    }
}
