use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, advance, sleep, timeout};
use wamp_core::{ReceiveError, Transport, TransportError};
use wamp_transport_websocket::{AcceptOptions, ConnectOptions, WebSocketConfig};

use crate::support::*;

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .ping_interval(Some(Duration::from_secs(20)))
        .pong_timeout(Duration::from_secs(7))
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_a_ping_is_lost() {
    let (mut server, mut peer) = server("json", &config()).await;
    let begin = Instant::now();
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::TimedOut(_))),
        "{error}"
    );
    assert_eq!(begin.elapsed().as_secs(), 27);
    assert_eq!(peer.receive().await, (PING, vec![]));
    assert!(peer.is_at_end().await);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_stays() {
    let (mut server, mut peer) = server("json", &config()).await;
    let begin = Instant::now();
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    for round in 1..=3 {
        assert_eq!(peer.receive().await, (PING, vec![]));
        assert_eq!(begin.elapsed().as_secs(), round * 20);
        peer.send(PONG, b"").await;
    }
    peer.send(TEXT, b"[337,5]").await;
    assert_eq!(receiving.await.unwrap().unwrap(), numbered(5));
}

#[tokio::test(start_paused = true)]
async fn a_long_message_that_is_still_arriving_is_a_sign_of_life() {
    use tokio::io::AsyncWriteExt;
    let (mut server, mut peer) = server("json", &config()).await;
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    // Octet by octet, for a minute and a half.
    for octet in frame(TEXT, b"[337,5]       ", true) {
        sleep(Duration::from_secs(5)).await;
        peer.stream.write_all(&[octet]).await.unwrap();
    }
    assert_eq!(receiving.await.unwrap().unwrap(), numbered(5));
}

#[tokio::test(start_paused = true)]
async fn two_idle_sides_keep_each_other_alive() {
    let (offer, policy) = (
        ConnectOptions::default().config(config()),
        AcceptOptions::default().config(config()),
    );
    let (mut client, mut server) = pair(&offer, &policy).await;
    tokio::select! {
        received = receive(&mut client) => panic!("{received:?}"),
        received = receive(&mut server) => panic!("{received:?}"),
        () = sleep(Duration::from_secs(3600)) => {}
    }
    send(&mut client, &numbered(1));
    flush(&mut client).await.unwrap();
    assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
}

#[tokio::test(start_paused = true)]
async fn a_side_that_always_finds_more_to_read_still_pings() {
    let (offer, policy) = (
        ConnectOptions::default().config(config()),
        AcceptOptions::default().config(config()),
    );
    let (mut client, mut server) = pair(&offer, &policy).await;
    let before = client.octets().received;
    for number in 1..=100 {
        send(&mut client, &event(1_000));
        flush(&mut client).await.unwrap();
        receive(&mut server).await.unwrap();
        if number % 10 == 0 {
            advance(config().ping_interval.unwrap() / 4).await;
        }
    }
    // The client, too, only sends; what has come to it are pings.
    let pending = poll_fn(|cx| Poll::Ready(client.poll_receive(cx).is_pending())).await;
    assert!(pending);
    let pings = client.octets().received - before;
    assert!(pings >= 4 * 2, "{pings} octets");
}

#[tokio::test(start_paused = true)]
async fn without_an_interval_a_silent_peer_stays() {
    let (mut server, _peer) = server("json", &config().ping_interval(None)).await;
    tokio::select! {
        received = receive(&mut server) => panic!("{received:?}"),
        () = sleep(Duration::from_secs(3600)) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_not_dead_because_nobody_listened() {
    let (mut server, mut peer) = server("json", &config()).await;
    // The ping is sent; then the owner stops listening for longer than an answer may take.
    let listened = timeout(Duration::from_secs(21), receive(&mut server)).await;
    assert!(listened.is_err());
    assert_eq!(peer.receive().await, (PING, vec![]));
    peer.send(PONG, b"").await;
    sleep(Duration::from_secs(600)).await;
    let receiving = tokio::spawn(async move {
        let received = receive(&mut server).await;
        (received, server)
    });
    // The answer was there all the time; only the next ping is late.
    assert_eq!(peer.receive().await, (PING, vec![]));
    peer.send(TEXT, b"[337,5]").await;
    let (received, mut server) = receiving.await.unwrap();
    assert_eq!(received.unwrap(), numbered(5));

    // The same where a message waits.
    sleep(Duration::from_secs(600)).await;
    peer.send(TEXT, b"[337,6]").await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(6));
    let listened = timeout(Duration::from_secs(1), receive(&mut server)).await;
    assert!(listened.is_err(), "{listened:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_finds_no_room_is_written_when_there_is_some() {
    let (mut server, mut peer) = server("json", &config()).await;
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    // The pongs fill the pipe to its last octet.
    let mut room = PIPE;
    let mut pongs = 0;
    while room > 0 {
        let len = (room - 2).min(125);
        peer.send(PING, &vec![b'p'; len]).await;
        room -= len + 2;
        pongs += 1;
    }
    sleep(Duration::from_secs(25)).await;
    for _ in 0..pongs {
        assert_eq!(peer.receive().await.0, PONG);
    }
    let pinged = timeout(Duration::from_secs(1), peer.receive()).await;
    assert_eq!(pinged.unwrap(), (PING, vec![]));
    sleep(Duration::from_secs(5)).await;
    peer.send(TEXT, b"[337,5]").await;
    assert_eq!(receiving.await.unwrap().unwrap(), numbered(5));
}
