//! What happens above the limits of a listener.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::Instant;
use wamp_net::{HandshakeError, ListenLimits, Listener, Rate, sniff};

use crate::is_ready;

/// A listener, and so many clients who have connected and say nothing.
async fn crowd(limits: ListenLimits, clients: usize) -> (Listener, Vec<TcpStream>) {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let listener = listener.limits(&limits);
    let mut streams = Vec::new();
    for _ in 0..clients {
        let address = listener.local_addr().unwrap();
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    (listener, streams)
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let limits = ListenLimits::default();
    assert_eq!(limits.connections, 65_536);
    assert_eq!(limits.handshakes, 1_024);
    assert_eq!(limits.handshake_timeout, Duration::from_secs(10));
    assert_eq!(limits.rate, None);
}

#[tokio::test]
async fn a_connection_above_the_limit_is_accepted_to_be_refused() {
    let (listener, _clients) = crowd(ListenLimits::default().connections(1), 3).await;
    let mut first = listener.accept().await;
    assert!(!first.permit.is_refused());
    first.permit.handshake_finished();
    let second = listener.accept().await.handshake().await.unwrap();
    assert!(second.permit.is_refused());
    drop(second);

    drop(first);
    assert!(!listener.accept().await.permit.is_refused());
}

#[tokio::test]
async fn refusals_are_bounded_with_the_handshakes() {
    let limits = ListenLimits::default().connections(0).handshakes(1);
    let (listener, _clients) = crowd(limits, 2).await;
    let mut first = listener.accept().await;
    // It is refused, and whatever was said to it, it still holds its place.
    first.permit.handshake_finished();
    tokio::select! {
        biased;
        _ = listener.accept() => panic!("there was no place"),
        _ = first.permit.ended() => {}
    }
    drop(first);
    listener.accept().await;
}

#[tokio::test]
async fn a_handshake_above_the_limit_ends_the_oldest() {
    let (listener, mut clients) = crowd(ListenLimits::default().handshakes(2), 3).await;
    let slow = listener.accept().await;
    let quick = listener.accept().await.handshake().await.unwrap();
    let ending = tokio::spawn(async move {
        let accepted = slow.handshake().await.unwrap();
        accepted.permit.within(sniff(accepted.stream)).await
    });

    // It has a place when the slow one has left.
    let third = listener.accept().await;
    let error = ending.await.unwrap().unwrap_err();
    assert!(
        matches!(error, HandshakeError::Ended { limit: 2 }),
        "{error}"
    );
    assert_eq!(clients[0].read(&mut [0]).await.unwrap(), 0);
    assert!(is_ready(quick.permit.ended()).await.is_none());
    assert!(is_ready(third.permit.ended()).await.is_none());
}

#[tokio::test]
async fn a_handshake_that_is_finished_is_never_ended() {
    let (listener, _clients) = crowd(ListenLimits::default().handshakes(1), 3).await;
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut incoming = listener.accept().await;
        incoming.permit.handshake_finished();
        connections.push(incoming);
    }
    for incoming in &connections {
        assert!(is_ready(incoming.permit.ended()).await.is_none());
    }
}

#[tokio::test]
async fn nothing_is_ended_before_there_is_a_newer_connection() {
    let (listener, clients) = crowd(ListenLimits::default().handshakes(1), 1).await;
    let only = listener.accept().await;
    assert!(is_ready(listener.accept()).await.is_none());
    assert!(is_ready(only.permit.ended()).await.is_none());
    drop(clients);
}

#[tokio::test]
async fn giving_up_on_accepting_loses_no_connection_and_ends_no_second_one() {
    let (listener, clients) = crowd(ListenLimits::default().handshakes(2), 3).await;
    let (first, second) = (listener.accept().await, listener.accept().await);
    // The third is accepted, and waits until the first has left.
    while is_ready(first.permit.ended()).await.is_none() {
        assert!(is_ready(listener.accept()).await.is_none());
    }
    for _ in 0..3 {
        assert!(is_ready(listener.accept()).await.is_none());
    }
    assert!(is_ready(second.permit.ended()).await.is_none());
    drop(first);
    let third = listener.accept().await;
    assert_eq!(third.info.peer_addr, clients[2].local_addr().ok());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_given_up_in_time() {
    let (listener, _clients) = crowd(ListenLimits::default(), 1).await;
    let begin = Instant::now();
    let accepted = listener.accept().await.handshake().await.unwrap();
    let error = accepted
        .permit
        .within(sniff(accepted.stream))
        .await
        .unwrap_err();
    assert!(matches!(error, HandshakeError::TimedOut { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "the handshake was not finished within 10s"
    );
    assert_eq!(begin.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn connections_above_the_rate_wait_in_the_backlog() {
    let rate = Rate::per_second(1).burst(2);
    let (listener, clients) = crowd(ListenLimits::default().rate(rate), 4).await;
    let begin = Instant::now();
    let mut seconds = Vec::new();
    for client in &clients {
        let incoming = listener.accept().await;
        assert_eq!(incoming.info.peer_addr, client.local_addr().ok());
        seconds.push(begin.elapsed().as_secs());
    }
    assert_eq!(seconds, [0, 0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_and_what_comes_to_nothing_is_counted() {
    let rate = Rate::per_second(1).burst(3);
    let limits = ListenLimits::default()
        .connections(2)
        .handshakes(2)
        .rate(rate);
    let (listener, _clients) = crowd(limits, 4).await;
    let meter = listener.meter();
    let places = || (meter.counts().connections, meter.counts().handshakes);
    let mut first = listener.accept().await;
    let second = listener.accept().await;
    assert_eq!(places(), (2, 2));
    first.permit.handshake_finished();
    assert_eq!(places(), (2, 1));
    let third = listener.accept().await;
    assert!(third.permit.is_refused());
    assert_eq!(places(), (2, 2));
    assert_eq!(meter.counts().failed.of("no_room"), 1);
    assert_eq!(meter.counts().held, 0);

    // The fourth waits for the rate, and then for the oldest to leave.
    let accepting = listener.accept();
    let leaving = async {
        second.permit.ended().await;
        drop(second);
    };
    let (fourth, ()) = tokio::join!(accepting, leaving);
    assert!(!fourth.permit.is_refused());
    meter.count_failure("timed_out");
    let counts = meter.counts();
    assert_eq!((counts.accepted, counts.held), (4, 1));
    let failed: Vec<_> = counts.failed.iter().collect();
    assert_eq!(failed, [("displaced", 1), ("no_room", 1), ("timed_out", 1)]);
    drop((first, third, fourth, listener));
    assert_eq!(places(), (0, 0));
}
