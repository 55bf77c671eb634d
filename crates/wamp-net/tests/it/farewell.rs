use std::future::poll_fn;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use wamp_net::{farewell, poll_drain};

use crate::is_ready;

#[tokio::test]
async fn the_last_octets_arrive_over_what_nobody_has_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for last in [&b"Wrong door."[..], b""] {
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(&[b'x'; 10_000]).await.unwrap();
        server.readable().await.unwrap();
        let leaving = tokio::spawn(async move { farewell(&mut server, last).await });
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        assert_eq!(told, last);
        // Nor is it reset behind them: what the client still sends is taken.
        client.write_all(b"more").await.unwrap();
        drop(client);
        leaving.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stays_is_left_after_a_second() {
    let (_peer, mut stream) = duplex(64);
    let begin = Instant::now();
    farewell(&mut stream, b"bye").await;
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    // Nor does one hold it up that takes nothing.
    let (_peer, mut stream) = duplex(1);
    farewell(&mut stream, b"bye").await;
    assert_eq!(begin.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_stop_sending_is_left_after_so_many_octets() {
    let (mut peer, mut stream) = duplex(4096);
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        while peer.write_all(&[b'x'; 1024]).await.is_ok() {
            sent += 1024;
        }
        sent
    });
    let begin = Instant::now();
    farewell(&mut stream, b"bye").await;
    drop(stream);
    // Not because the time was over.
    assert!(begin.elapsed().is_zero());
    let sent: usize = sending.await.unwrap();
    assert!((256 << 10..(256 << 10) + 8192).contains(&sent), "{sent}");
}

#[tokio::test]
async fn draining_ends_with_the_stream_and_gives_the_task_back() {
    let (mut peer, mut stream) = duplex(1 << 20);
    peer.write_all(&[b'x'; 1 << 20]).await.unwrap();
    // There are more octets than are read at once.
    let first = poll_fn(|cx| std::task::Poll::Ready(poll_drain(cx, &mut stream))).await;
    assert!(first.is_pending());
    let mut draining = std::pin::pin!(poll_fn(|cx| poll_drain(cx, &mut stream)));
    assert!(is_ready(draining.as_mut()).await.is_none());
    drop(peer);
    draining.await;
}
