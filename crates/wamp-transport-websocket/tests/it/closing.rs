use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use wamp_core::{CloseReason, Outgoing, ReceiveError, SendError, Transport, TransportError};
use wamp_transport_websocket::{AcceptOptions, ConnectOptions, WebSocketConfig};

use crate::support::*;

#[tokio::test]
async fn each_reason_is_told_by_its_code_and_text() {
    let why = || "why".to_owned();
    let cases = [
        (CloseReason::Normal, 1000, ""),
        (CloseReason::GoingAway, 1001, ""),
        (CloseReason::Protocol(why()), 1002, "why"),
        (CloseReason::InvalidData(why()), 1007, "why"),
        (CloseReason::TooLong(why()), 1009, "why"),
        (CloseReason::Internal(why()), 1011, "why"),
    ];
    for (reason, code, text) in cases {
        let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
        let closing = tokio::spawn(async move { close(&mut server, reason).await });
        assert_eq!(peer.receive_close().await, (code, text.to_owned()));
        peer.send_close(code, "").await;
        assert!(peer.is_at_end().await);
        drop(peer);
        closing.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn both_sides_close_in_order_whichever_begins() {
    let (offer, policy) = (ConnectOptions::default(), AcceptOptions::default());
    let (client, server) = pair(&offer, &policy).await;
    let (one, other) = pair(&offer, &policy).await;
    for (mut begins, mut follows) in [(client, server), (other, one)] {
        send(&mut begins, &numbered(1));
        let follow = async {
            // What was sent before is received before.
            assert_eq!(receive(&mut follows).await.unwrap(), numbered(1));
            let error = receive(&mut follows).await.unwrap_err();
            assert!(matches!(error, ReceiveError::Closed), "{error}");
            let message = Outgoing::One(numbered(2));
            let error = follows.send(&message).unwrap_err();
            assert!(
                matches!(error, SendError::Lost(TransportError::Closed)),
                "{error}"
            );
            drop(follows);
        };
        let (closed, ()) = tokio::join!(close(&mut begins, CloseReason::Normal), follow);
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
    let (mut client, mut server) = pair(&Default::default(), &Default::default()).await;
    let closing = tokio::spawn(async move { close(&mut client, CloseReason::Normal).await });
    close(&mut server, CloseReason::GoingAway).await.unwrap();
    drop(server);
    closing.await.unwrap().unwrap();
}

#[tokio::test]
async fn messages_that_arrive_while_closing_are_dropped() {
    let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
    peer.send(TEXT, b"[337,1]").await;
    peer.send(TEXT, b"[337,2]").await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
    let closing = tokio::spawn(async move { close(&mut server, CloseReason::Normal).await });
    assert_eq!(peer.receive_close().await.0, 1000);
    peer.send(TEXT, b"[337,3]").await;
    peer.send_close(1000, "").await;
    drop(peer);
    closing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_the_close_is_left_after_the_timeout() {
    let config = WebSocketConfig::default().close_timeout(Duration::from_secs(3));
    let (mut server, mut peer) = server("json", &config).await;
    let begin = Instant::now();
    let error = close(&mut server, CloseReason::Normal).await.unwrap_err();
    assert!(matches!(error, TransportError::TimedOut(_)), "{error}");
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert_eq!(peer.receive_close().await.0, 1000);
    assert!(peer.is_at_end().await);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_does_not_keep_it_from_closing() {
    let config = WebSocketConfig::default().close_timeout(Duration::from_secs(3));
    let (mut server, _peer) = server("cbor", &config).await;
    send(&mut server, &event(10 * PIPE));
    let error = close(&mut server, CloseReason::Normal).await.unwrap_err();
    assert!(matches!(error, TransportError::TimedOut(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_the_close_but_keeps_the_stream_open_is_closed_in_order() {
    let (mut client, mut peer) = client("json", &WebSocketConfig::default()).await;
    peer.send_close(1000, "").await;
    close(&mut client, CloseReason::Normal).await.unwrap();
}

#[tokio::test]
async fn a_close_of_the_peer_is_answered_with_its_code() {
    for (code, reason) in [(1000, "bye"), (1001, ""), (4000, "own")] {
        let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
        peer.send_close(code, reason).await;
        let receiving = tokio::spawn(async move { receive(&mut server).await });
        assert_eq!(peer.receive_close().await.0, code);
        assert!(peer.is_at_end().await);
        drop(peer);
        assert!(receiving.await.unwrap().is_err());
    }
}

#[tokio::test]
async fn a_close_without_complaint_is_in_order_and_one_with_is_told() {
    let (mut one, mut peer) = server("json", &WebSocketConfig::default()).await;
    peer.send(CLOSE, b"").await;
    drop(peer);
    assert!(matches!(receive(&mut one).await, Err(ReceiveError::Closed)));

    let (mut two, mut peer) = server("json", &WebSocketConfig::default()).await;
    peer.send_close(1011, "out of cheese").await;
    drop(peer);
    let error = receive(&mut two).await.unwrap_err();
    assert!(
        matches!(
            error,
            ReceiveError::Lost(TransportError::ClosedByPeer { code: 1011, .. })
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("1011") && text.contains("out of cheese"),
        "{text}"
    );
}

#[tokio::test]
async fn a_peer_that_is_gone_without_closing_is_lost() {
    let octets = frame(TEXT, b"[337,5]", true);
    for sent in 0..octets.len() {
        let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
        peer.stream.write_all(&octets[..sent]).await.unwrap();
        drop(peer);
        let error = receive(&mut server).await.unwrap_err();
        assert!(
            matches!(error, ReceiveError::Lost(TransportError::Io(_))),
            "{sent}: {error}"
        );
        // Closing what is lost ends, too.
        assert!(close(&mut server, CloseReason::Normal).await.is_err());
    }
}

#[tokio::test]
async fn aborting_drops_the_stream_at_once() {
    let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
    send(&mut server, &numbered(1));
    server.abort();
    assert!(peer.is_at_end().await);
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::Closed)),
        "{error}"
    );
    assert!(close(&mut server, CloseReason::Normal).await.is_err());
}

#[tokio::test]
async fn receiving_can_be_given_up_at_any_point_without_loss() {
    let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
    for octet in frame(TEXT, b"[337,5]", true) {
        tokio::select! {
            biased;
            received = receive(&mut server) => panic!("{received:?}"),
            () = tokio::task::yield_now() => {}
        }
        peer.stream.write_all(&[octet]).await.unwrap();
    }
    assert_eq!(receive(&mut server).await.unwrap(), numbered(5));
}
