use std::future::poll_fn;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter, duplex};
use tokio::time::{Instant, sleep};
use wamp_core::{Outgoing, ReceiveError, Transport, TransportError};
use wamp_transport_rawsocket::{AcceptOptions, MaxLength, RawSocketConfig, accept};

use crate::support::*;

fn config() -> RawSocketConfig {
    RawSocketConfig::default()
        .ping_interval(Some(Duration::from_secs(20)))
        .pong_timeout(Duration::from_secs(7))
}

#[tokio::test]
async fn a_ping_is_answered_by_a_pong_with_its_payload() {
    let (server, mut peer) = server("json", &config()).await;
    let (client, mut other) = client("json", &config(), MaxLength::MAX).await;
    for (transport, peer) in [(server, &mut peer), (client, &mut other)] {
        let mut transport = transport;
        let receiving = tokio::spawn(async move { receive(&mut transport).await });
        for len in [0, 1, 4, 125, 5000, 70_000] {
            let payload = vec![b'p'; len];
            peer.send(FrameKind::PING, &payload).await;
            assert_eq!(peer.receive().await, (FrameKind::PONG, payload));
        }
        receiving.abort();
    }
}

#[tokio::test]
async fn the_longest_ping_is_answered() {
    let (mut server, mut peer) = server("json", &config()).await;
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    let payload = vec![b'p'; 1 << 24];
    peer.send(FrameKind::PING, &payload).await;
    let (header, answered) = peer.receive_raw().await;
    assert_eq!(header, [0x0a, 0, 0, 0]);
    assert!(answered == payload);
    receiving.abort();
}

#[tokio::test]
async fn pings_are_answered_in_order_and_pongs_are_not() {
    let (mut server, mut peer) = server("json", &config()).await;
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    let octets = [
        frame(FrameKind::PING, b"1"),
        frame(FrameKind::PONG, b"unasked"),
        frame(FrameKind::PING, b"2"),
    ];
    peer.send_octets(&octets.concat()).await;
    assert_eq!(peer.receive().await, (FrameKind::PONG, b"1".to_vec()));
    assert_eq!(peer.receive().await, (FrameKind::PONG, b"2".to_vec()));
    peer.send(FrameKind::MESSAGE, b"[337,5]").await;
    assert_eq!(receiving.await.unwrap().unwrap(), numbered(5));
    assert!(peer.is_at_end().await);
}

/// Autobahn|Python drops the connection when it gets a PING, and so do others.
#[tokio::test(start_paused = true)]
async fn a_peer_that_shows_no_sign_of_pings_is_sent_none_and_stays() {
    let (mut server, mut peer) = server("json", &config()).await;
    tokio::select! {
        received = receive(&mut server) => panic!("{received:?}"),
        frame = peer.receive() => panic!("{frame:?}"),
        () = sleep(Duration::from_secs(3600)) => {}
    }
    peer.send(FrameKind::MESSAGE, b"[337,5]").await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(5));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sent_a_ping_or_pong_is_sent_pings() {
    for kind in [FrameKind::PING, FrameKind::PONG] {
        let (mut server, mut peer) = server("json", &config()).await;
        let receiving = tokio::spawn(async move { receive(&mut server).await });
        sleep(Duration::from_secs(100)).await;
        let begin = Instant::now();
        peer.send(kind, b"x").await;
        if kind == FrameKind::PING {
            assert_eq!(peer.receive().await, (FrameKind::PONG, b"x".to_vec()));
        }
        for round in 1..=3 {
            let (kind, payload) = peer.receive().await;
            assert_eq!(kind, FrameKind::PING);
            assert_eq!(begin.elapsed().as_secs(), round * 20);
            peer.send(FrameKind::PONG, &payload).await;
        }
        peer.send(FrameKind::MESSAGE, b"[337,5]").await;
        assert_eq!(receiving.await.unwrap().unwrap(), numbered(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_knows_pings_and_does_not_answer_is_lost() {
    let (mut server, mut peer) = server("json", &config().ping_unknown(true)).await;
    let begin = Instant::now();
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::TimedOut(_))),
        "{error}"
    );
    assert_eq!(begin.elapsed().as_secs(), 27);
    // Empty, Autobahn|Python would take it for the beginning of the longest message.
    let (kind, payload) = peer.receive().await;
    assert_eq!(kind, FrameKind::PING);
    assert!(!payload.is_empty());
    assert!(peer.is_at_end().await);
}

#[tokio::test(start_paused = true)]
async fn a_long_message_that_is_still_arriving_is_a_sign_of_life() {
    let (mut server, mut peer) = server("json", &config().ping_unknown(true)).await;
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    // Octet by octet, for a minute and a half.
    for octet in frame(FrameKind::MESSAGE, b"[337,5]       ") {
        sleep(Duration::from_secs(5)).await;
        peer.send_octets(&[octet]).await;
    }
    assert_eq!(receiving.await.unwrap().unwrap(), numbered(5));
}

#[tokio::test(start_paused = true)]
async fn one_side_that_begins_is_enough_for_both_to_ping() {
    let (mut client, mut server) = pair("cbor", &config(), &config().ping_unknown(true)).await;
    tokio::select! {
        received = receive(&mut client) => panic!("{received:?}"),
        received = receive(&mut server) => panic!("{received:?}"),
        () = sleep(Duration::from_secs(3600)) => {}
    }
    send(&mut client, &numbered(1));
    flush(&mut client).await.unwrap();
    assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
    // The client has learned that its server knows PINGs, and finds out that it is gone.
    let begin = Instant::now();
    let error = receive(&mut client).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::TimedOut(_))),
        "{error}"
    );
    assert!(begin.elapsed().as_secs() <= 47);
}

#[tokio::test(start_paused = true)]
async fn without_an_interval_nobody_is_sent_a_ping() {
    let config = config().ping_interval(None).ping_unknown(true);
    let (mut server, mut peer) = server("json", &config).await;
    peer.send(FrameKind::PONG, b"").await;
    tokio::select! {
        received = receive(&mut server) => panic!("{received:?}"),
        frame = peer.receive() => panic!("{frame:?}"),
        () = sleep(Duration::from_secs(3600)) => {}
    }
}

/// A flood of PINGs whose PONGs are not read: what waits is bounded, and it goes on when they are.
#[tokio::test]
async fn a_flood_of_pings_is_not_read_while_the_pongs_are_not() {
    let config = RawSocketConfig::default().ping_interval(None);
    let (mut server, mut peer) = server("json", &config).await;
    let ping = frame(FrameKind::PING, &[b'p'; 96]);
    let mut sent = 0;
    loop {
        tokio::select! {
            biased;
            received = receive(&mut server) => panic!("{received:?}"),
            () = tokio::task::yield_now() => {}
        }
        // Whole PINGs only, as long as the pipe takes them.
        let written = tokio::select! {
            biased;
            () = peer.send_octets(&ping) => true,
            () = tokio::task::yield_now() => false,
        };
        if !written {
            break;
        }
        sent += 1;
        assert!(sent < 1000, "there is no end to what it takes");
    }
    // Two pipes, and what may wait here and there.
    assert!(sent * ping.len() > 2 * PIPE, "{sent}");

    // The owner has room all the same, and what it sends comes behind.
    send(&mut server, &numbered(5));
    let serving = tokio::spawn(async move { receive(&mut server).await });
    let mut pongs = 0;
    loop {
        match peer.receive().await {
            (FrameKind::PONG, payload) => {
                assert_eq!(payload, [b'p'; 96]);
                pongs += 1;
            }
            (_, payload) => {
                assert_eq!(payload, b"[337,5]");
                break;
            }
        }
    }
    assert!(pongs > PIPE / 100, "{pongs}");
    serving.abort();
}

#[tokio::test(start_paused = true)]
async fn a_flooder_that_never_reads_is_given_up() {
    let (mut server, mut peer) = server("json", &config()).await;
    let flooding = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let ping = frame(FrameKind::PING, &[b'p'; 96]);
        while peer.stream.write_all(&ping).await.is_ok() {}
    });
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::TimedOut(_))),
        "{error}"
    );
    flooding.await.unwrap();
}

/// PONGs that find their way do not keep the task from anything else.
#[tokio::test]
async fn a_peer_that_never_stops_sending_pongs_does_not_keep_the_task() {
    let (mut server, mut peer) = server("json", &config()).await;
    let flooding = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let pongs = frame(FrameKind::PONG, &[b'p'; 96]).repeat(20);
        while peer.stream.write_all(&pongs).await.is_ok() {}
    });
    let mut polls = 0;
    poll_fn(|cx| {
        assert!(server.poll_receive(cx).is_pending());
        polls += 1;
        if polls < 100 {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    server.abort();
    flooding.await.unwrap();
}

#[tokio::test]
async fn a_pong_does_not_tear_a_message_apart() {
    let (mut server, mut peer) = server("cbor", &config()).await;
    let message = Outgoing::from(event(10 * PIPE));
    server.send(&message).unwrap();
    // Half of the message is written when the PING comes.
    poll_fn(|cx| {
        assert!(server.poll_flush(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    peer.send(FrameKind::PING, b"now").await;
    let serving = tokio::spawn(async move { receive(&mut server).await });
    let (kind, payload) = peer.receive().await;
    assert!(kind == FrameKind::MESSAGE && payload.len() > 10 * PIPE);
    assert_eq!(peer.receive().await, (FrameKind::PONG, b"now".to_vec()));
    serving.abort();
}

/// TLS holds back what the connection below does not take yet.
#[tokio::test(start_paused = true)]
async fn what_the_stream_holds_back_of_a_pong_is_written_when_there_is_room() {
    let (ours, mut peer) = duplex(64);
    peer.write_all(&[0x7f, 0xf1, 0, 0]).await.unwrap();
    let options = AcceptOptions::default().config(config());
    let mut server = accept(BufWriter::new(ours), info(), &options)
        .await
        .unwrap();
    peer.read_exact(&mut [0; 4]).await.unwrap();
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    let mut peer = RawPeer { stream: peer };
    let payload = vec![b'p'; 1000];
    peer.send(FrameKind::PING, &payload).await;
    let answered = tokio::time::timeout(Duration::from_secs(5), peer.receive());
    assert_eq!(answered.await.unwrap(), (FrameKind::PONG, payload));
    receiving.abort();
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_the_stream_holds_back_is_written_when_there_is_room_and_waited_for() {
    let (ours, mut peer) = duplex(64);
    peer.write_all(&[0x7f, 0xf1, 0, 0]).await.unwrap();
    let options = AcceptOptions::default().config(config());
    let mut server = accept(BufWriter::new(ours), info(), &options)
        .await
        .unwrap();
    peer.read_exact(&mut [0; 4]).await.unwrap();
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    let mut peer = RawPeer { stream: peer };
    // The PONG leaves no room.
    peer.send(FrameKind::PING, &[b'p'; 60]).await;
    sleep(Duration::from_secs(25)).await;
    assert_eq!(peer.receive().await.0, FrameKind::PONG);
    assert_eq!(peer.receive().await.0, FrameKind::PING);
    sleep(Duration::from_secs(5)).await;
    peer.send(FrameKind::MESSAGE, b"[337,5]").await;
    assert_eq!(receiving.await.unwrap().unwrap(), numbered(5));
}
