//! Both directions at once, as the task of a connection drives them.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use wamp_core::{Outgoing, Transport};
use wamp_transport_rawsocket::{AcceptOptions, ConnectOptions, RawSocketConfig, accept, connect};

use crate::support::*;

/// Sends and receives, polling both directions at every wake, until both are done.
struct Driver<T> {
    transport: T,
    message: Outgoing,
    len: usize,
    count: usize,
    sent: usize,
    flushed: bool,
    received: usize,
}

impl<T: Transport> Driver<T> {
    fn new(transport: T, count: usize, len: usize) -> Self {
        Self {
            transport,
            message: Outgoing::One(event(len)),
            len,
            count,
            sent: 0,
            flushed: false,
            received: 0,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.received < self.count
            && let Poll::Ready(message) = self.transport.poll_receive(cx)
        {
            assert!(message.unwrap().payload().unwrap().len() >= self.len);
            self.received += 1;
        }
        while self.sent < self.count
            && let Poll::Ready(ready) = self.transport.poll_ready(cx)
        {
            ready.unwrap();
            self.transport.send(&self.message).unwrap();
            self.sent += 1;
        }
        if let Poll::Ready(flushed) = self.transport.poll_flush(cx) {
            flushed.unwrap();
            self.flushed = self.sent == self.count;
        }
        if self.flushed && self.received == self.count {
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

async fn exchange<S>(client: S, server: S, count: usize, len: usize)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // In paused time a deadlock shows as a PING that is not answered.
    let config = RawSocketConfig::default().ping_unknown(true);
    let options = ConnectOptions::default().config(config.clone());
    let policy = AcceptOptions::default().config(config);
    let serializer = serializer("cbor");
    let (client, server) = tokio::join!(
        connect(client, info(), &serializer, &options),
        accept(server, info(), &policy),
    );
    let client = Driver::new(client.unwrap(), count, len);
    let server = Driver::new(server.unwrap(), count, len);
    // Each is kept until the other is done too.
    drop(tokio::join!(client.run(), server.run()));
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn a_hundred_megabytes_each_way_pass_a_small_pipe() {
    let (client, server) = tokio::io::duplex(64 << 10);
    exchange(client, server, 100, 1 << 20).await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_sixteen_megabytes_pass_each_way() {
    let (client, server) = tokio::io::duplex(64 << 10);
    exchange(client, server, 3, (1 << 24) - 100).await;
}

#[tokio::test(start_paused = true)]
async fn many_short_messages_each_way_pass_a_tiny_pipe() {
    let (client, server) = tokio::io::duplex(61);
    exchange(client, server, 5_000, 20).await;
}

#[tokio::test]
async fn a_hundred_megabytes_each_way_pass_a_socket() {
    let (client, server) = sockets().await;
    exchange(client, server, 100, 1 << 20).await;
}

#[tokio::test]
async fn messages_of_every_size_pass_a_socket() {
    for len in [1, 100, 4_000, 8_180, 8_192, 60_000] {
        let (client, server) = sockets().await;
        exchange(client, server, 500, len).await;
    }
}

/// A full pipe makes the transport not ready after one write buffer and one message, and reading
/// goes on meanwhile.
#[tokio::test]
async fn a_peer_that_does_not_read_is_felt_and_still_heard() {
    let config = RawSocketConfig::default().write_buffer_size(1024);
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
    peer.send(FrameKind::MESSAGE, &[0x82, 0x19, 0x01, 0x51, 0x05])
        .await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(5));
}

/// Whoever waits for room is woken when the peer has read.
#[tokio::test]
async fn a_slow_reader_gets_everything_in_the_end() {
    let config = RawSocketConfig::default().write_buffer_size(1024);
    let (mut server, mut peer) = server("cbor", &config).await;
    let sending = tokio::spawn(async move {
        let message = Outgoing::One(event(1000));
        for _ in 0..100 {
            poll_fn(|cx| server.poll_ready(cx)).await.unwrap();
            server.send(&message).unwrap();
        }
        flush(&mut server).await.unwrap();
        server
    });
    for _ in 0..100 {
        // A few octets at a time.
        let (kind, payload) = peer.receive().await;
        assert!(kind == FrameKind::MESSAGE && payload.len() > 1000);
        tokio::task::yield_now().await;
    }
    sending.await.unwrap();
}
