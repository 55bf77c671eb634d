use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use wamp_core::{Outgoing, ReceiveError, SendError, Transport, TransportError};
use wamp_transport_rawsocket::RawSocketConfig;

use crate::support::*;

fn config() -> RawSocketConfig {
    RawSocketConfig::default().close_timeout(Duration::from_secs(3))
}

#[tokio::test]
async fn both_sides_close_in_order_whichever_begins() {
    let (client, server) = pair("cbor", &config(), &config()).await;
    let (one, other) = pair("cbor", &config(), &config()).await;
    for (mut begins, mut follows) in [(client, server), (other, one)] {
        send(&mut begins, &numbered(1));
        let follow = async {
            // What was sent before is received before.
            assert_eq!(receive(&mut follows).await.unwrap(), numbered(1));
            for _ in 0..2 {
                let error = receive(&mut follows).await.unwrap_err();
                assert!(matches!(error, ReceiveError::Closed), "{error}");
            }
            close(&mut follows).await.unwrap();
            let error = receive(&mut follows).await.unwrap_err();
            assert!(matches!(error, ReceiveError::Closed), "{error}");
            let error = follows.send(&Outgoing::from(numbered(2))).unwrap_err();
            assert!(
                matches!(error, SendError::Lost(TransportError::Closed)),
                "{error}"
            );
        };
        let (closed, ()) = tokio::join!(close(&mut begins), follow);
        closed.unwrap();
        assert!(matches!(
            flush(&mut begins).await,
            Err(TransportError::Closed)
        ));
        assert!(receive(&mut begins).await.is_err());
    }
}

#[tokio::test]
async fn both_sides_may_close_at_once() {
    let (mut client, mut server) = pair("json", &config(), &config()).await;
    let (one, other) = tokio::join!(close(&mut client), close(&mut server));
    one.unwrap();
    other.unwrap();
}

#[tokio::test]
async fn a_peer_that_has_closed_its_direction_can_still_be_answered() {
    let (mut server, mut peer) = server("json", &config()).await;
    peer.send(FrameKind::MESSAGE, b"[337,1]").await;
    peer.stream.shutdown().await.unwrap();
    assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
    let error = receive(&mut server).await.unwrap_err();
    assert!(matches!(error, ReceiveError::Closed), "{error}");
    send(&mut server, &numbered(2));
    close(&mut server).await.unwrap();
    assert_eq!(peer.receive().await.1, b"[337,2]");
    assert!(peer.is_at_end().await);
}

#[tokio::test]
async fn messages_that_arrive_while_closing_are_dropped() {
    let (mut server, mut peer) = server("json", &config()).await;
    peer.send(FrameKind::MESSAGE, b"[337,1]").await;
    peer.send(FrameKind::MESSAGE, b"[337,2]").await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
    let closing = tokio::spawn(async move { close(&mut server).await });
    assert!(peer.is_at_end().await);
    for _ in 0..100 {
        peer.send(FrameKind::MESSAGE, &[b' '; 1000]).await;
    }
    drop(peer);
    closing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keeps_the_stream_open_is_closed_after_the_timeout() {
    let (mut server, mut peer) = server("json", &config()).await;
    let begin = Instant::now();
    close(&mut server).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert!(peer.is_at_end().await);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_does_not_keep_it_from_closing() {
    let (mut server, _peer) = server("cbor", &config()).await;
    send(&mut server, &event(10 * PIPE));
    let begin = Instant::now();
    let error = close(&mut server).await.unwrap_err();
    assert!(matches!(error, TransportError::TimedOut(_)), "{error}");
    assert_eq!(begin.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_stops_sending_does_not_keep_it_from_closing() {
    let (mut server, mut peer) = server("json", &config()).await;
    let sending = tokio::spawn(async move {
        // Now and then, so that the paused time can pass.
        while peer.stream.write_all(&[0; 1000]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let begin = Instant::now();
    close(&mut server).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 3);
    drop(server);
    sending.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_is_gone_in_the_middle_of_a_frame_is_lost() {
    let octets = frame(FrameKind::MESSAGE, b"[337,5]");
    for sent in 0..octets.len() {
        let (mut server, mut peer) = server("json", &config()).await;
        peer.send_octets(&octets[..sent]).await;
        drop(peer);
        let error = receive(&mut server).await.unwrap_err();
        if sent == 0 {
            assert!(matches!(error, ReceiveError::Closed), "{error}");
            close(&mut server).await.unwrap();
            continue;
        }
        assert!(
            matches!(error, ReceiveError::Lost(TransportError::Io(_))),
            "{sent}: {error}"
        );
        // Closing what is lost ends, too.
        assert!(close(&mut server).await.is_err());
    }
}

#[tokio::test]
async fn a_peer_that_is_gone_in_the_middle_of_a_long_frame_is_lost() {
    let octets = frame(FrameKind::MESSAGE, &[b' '; 1 << 20]);
    let (mut server, mut peer) = server("json", &config()).await;
    let sending = tokio::spawn(async move {
        peer.send_octets(&octets[..octets.len() - 1]).await;
    });
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::Io(_))),
        "{error}"
    );
    sending.await.unwrap();
}

#[tokio::test]
async fn aborting_drops_the_stream_at_once() {
    let (mut server, mut peer) = server("json", &config()).await;
    send(&mut server, &numbered(1));
    server.abort();
    assert!(peer.is_at_end().await);
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::Closed)),
        "{error}"
    );
    assert!(close(&mut server).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_closed_its_direction_and_reads_nothing_is_left_after_the_timeout() {
    let (mut server, mut peer) = server("json", &config()).await;
    send(&mut server, &event(10 * PIPE));
    peer.stream.shutdown().await.unwrap();
    assert!(matches!(
        receive(&mut server).await,
        Err(ReceiveError::Closed)
    ));
    let begin = Instant::now();
    let _ = close(&mut server).await;
    assert_eq!(begin.elapsed().as_secs(), 3);
}
