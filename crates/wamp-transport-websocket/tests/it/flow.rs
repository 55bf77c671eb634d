//! Both directions at once, as the task of a connection drives them.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use wamp_core::{ConnectionInfo, Outgoing, Transport};
use wamp_transport_websocket::{Role, WebSocketConfig, WebSocketTransport};

use crate::support::*;

const MESSAGES: usize = 100;
const LEN: usize = 1 << 20;

/// Sends and receives, polling both directions at every wake, until both are done.
struct Driver<T> {
    transport: T,
    message: Outgoing,
    sent: usize,
    flushed: bool,
    received: usize,
}

impl<T: Transport> Driver<T> {
    fn new(transport: T) -> Self {
        Self {
            transport,
            message: Outgoing::One(event(LEN)),
            sent: 0,
            flushed: false,
            received: 0,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.received < MESSAGES
            && let Poll::Ready(message) = self.transport.poll_receive(cx)
        {
            assert!(message.unwrap().payload().unwrap().len() >= LEN);
            self.received += 1;
        }
        while self.sent < MESSAGES
            && let Poll::Ready(ready) = self.transport.poll_ready(cx)
        {
            ready.unwrap();
            self.transport.send(&self.message).unwrap();
            self.sent += 1;
        }
        if let Poll::Ready(flushed) = self.transport.poll_flush(cx) {
            flushed.unwrap();
            self.flushed = self.sent == MESSAGES;
        }
        if self.flushed && self.received == MESSAGES {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    async fn run(mut self) -> T {
        poll_fn(|cx| self.poll(cx)).await;
        self.transport
    }
}

async fn upgraded<S>(stream: S, role: Role) -> WebSocketTransport<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let info = ConnectionInfo::new("test");
    let config = WebSocketConfig::default();
    WebSocketTransport::from_upgraded(stream, serializer("cbor"), role, info, &config).await
}

async fn exchange<S>(client: S, server: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let client = Driver::new(upgraded(client, Role::Client).await);
    let server = Driver::new(upgraded(server, Role::Server).await);
    // Each is kept until the other is done too.
    drop(tokio::join!(client.run(), server.run()));
}

/// In paused time a deadlock shows as a ping that is not answered.
#[tokio::test(start_paused = true)]
async fn a_hundred_megabytes_each_way_pass_a_small_pipe() {
    let (client, server) = tokio::io::duplex(64 << 10);
    exchange(client, server).await;
}

#[tokio::test]
async fn a_hundred_megabytes_each_way_pass_a_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    exchange(client, server).await;
}

/// The sender is told the code even though it is still writing when the peer closes.
#[tokio::test]
async fn a_message_that_the_peer_finds_too_long_is_told_by_its_code() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let mut client = upgraded(client, Role::Client).await;
    let info = ConnectionInfo::new("test");
    let config = WebSocketConfig::default().max_message_size(1000);
    let role = Role::Server;
    let mut server =
        WebSocketTransport::from_upgraded(server, serializer("cbor"), role, info, &config).await;

    send(&mut client, &event(8 << 20));
    let sending = poll_fn(|cx| {
        if let Poll::Ready(received) = client.poll_receive(cx) {
            return Poll::Ready(received.unwrap_err());
        }
        if let Poll::Ready(Err(error)) = client.poll_flush(cx) {
            panic!("{error}");
        }
        Poll::Pending
    });
    let (told, received) = tokio::join!(sending, receive(&mut server));
    assert!(told.to_string().contains("1009"), "{told}");
    assert!(received.is_err());
}

/// A full pipe makes the transport not ready after one write buffer and one message, and reading
/// goes on meanwhile.
#[tokio::test]
async fn a_peer_that_does_not_read_is_felt_and_still_heard() {
    let config = WebSocketConfig::default().write_buffer_size(1024);
    let (mut server, mut peer) = server("cbor", &config).await;
    let message = Outgoing::One(event(PIPE));
    let mut sent = 0;
    poll_fn(|cx| {
        while server.poll_ready(cx).is_ready() {
            server.send(&message).unwrap();
            sent += 1;
            assert!(sent < 10, "there is no end to what it takes");
        }
        Poll::Ready(())
    })
    .await;
    assert!(sent >= 1);
    peer.send(BINARY, &[0x82, 0x19, 0x01, 0x51, 0x05]).await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(5));
}
