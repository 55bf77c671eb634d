use wamp_core::{ReceiveError, Transport};
use wamp_messages::Payload;
use wamp_transport_rawsocket::{MaxLength, RawSocketConfig};

use crate::support::*;

#[tokio::test]
async fn every_serializer_carries_messages_both_ways_in_order() {
    for name in ["json", "msgpack", "cbor"] {
        let (mut client, mut server) = pair(name, &Default::default(), &Default::default()).await;
        assert_eq!(client.info().serializer, name);
        assert_eq!(server.info().serializer, name);
        for id in 1..=3 {
            send(&mut client, &numbered(id));
            send(&mut server, &numbered(id + 10));
        }
        flush(&mut client).await.unwrap();
        flush(&mut server).await.unwrap();
        for id in 1..=3 {
            assert_eq!(receive(&mut server).await.unwrap(), numbered(id), "{name}");
            let received = receive(&mut client).await.unwrap();
            assert_eq!(received, numbered(id + 10), "{name}");
        }
    }
}

#[tokio::test]
async fn each_message_is_a_frame() {
    let (mut client, mut peer) = client("json", &Default::default(), MaxLength::MAX).await;
    send(&mut client, &numbered(5));
    send(&mut client, &event(10_000));
    send(&mut client, &numbered(6));
    let sending = tokio::spawn(async move { flush(&mut client).await });
    assert_eq!(
        peer.receive_raw().await,
        ([0, 0, 0, 7], b"[337,5]".to_vec())
    );
    let (kind, payload) = peer.receive().await;
    assert_eq!(kind, FrameKind::MESSAGE);
    assert!(payload.len() > 10_000 && payload.ends_with(b"]"));
    assert_eq!(
        peer.receive_raw().await,
        ([0, 0, 0, 7], b"[337,6]".to_vec())
    );
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn frames_are_received_however_they_are_cut() {
    let octets = [
        frame(FrameKind::MESSAGE, b"[337,1]"),
        frame(FrameKind::PING, b"are you there"),
        frame(FrameKind::MESSAGE, b"[337,2]"),
        frame(FrameKind::PONG, b""),
        frame(FrameKind::PING, b""),
        frame(FrameKind::MESSAGE, b"[337,3]"),
    ]
    .concat();
    for size in 1..=octets.len() {
        let (mut server, mut peer) = server("json", &RawSocketConfig::default()).await;
        let pieces: Vec<Vec<u8>> = octets.chunks(size).map(<[u8]>::to_vec).collect();
        let sending = tokio::spawn(async move {
            for piece in pieces {
                peer.send_octets(&piece).await;
                // The other side reads what is there before more comes.
                tokio::task::yield_now().await;
            }
            peer
        });
        for id in 1..=3 {
            assert_eq!(receive(&mut server).await.unwrap(), numbered(id), "{size}");
        }
        let mut peer = sending.await.unwrap();
        flush(&mut server).await.unwrap();
        let pong = peer.receive().await;
        assert_eq!(pong, (FrameKind::PONG, b"are you there".to_vec()));
        assert_eq!(peer.receive().await, (FrameKind::PONG, vec![]));
    }
}

#[tokio::test]
async fn receiving_can_be_given_up_at_any_point_without_loss() {
    let (mut server, mut peer) = server("json", &RawSocketConfig::default()).await;
    for octet in frame(FrameKind::MESSAGE, b"[337,5]") {
        tokio::select! {
            biased;
            received = receive(&mut server) => panic!("{received:?}"),
            () = tokio::task::yield_now() => {}
        }
        peer.send_octets(&[octet]).await;
    }
    assert_eq!(receive(&mut server).await.unwrap(), numbered(5));
}

#[tokio::test]
async fn what_is_no_message_can_still_be_answered_and_others_follow() {
    let garbage: &[&[u8]] = &[b"garbage", b"", b"[99,1]", b"[337,5", b"[337,5]]", b"{}"];
    for octets in garbage {
        let (mut server, mut peer) = server("json", &RawSocketConfig::default()).await;
        let both = [
            frame(FrameKind::MESSAGE, b"[337,1]"),
            frame(FrameKind::MESSAGE, octets),
            frame(FrameKind::MESSAGE, b"[337,2]"),
        ];
        peer.send_octets(&both.concat()).await;
        assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
        let error = receive(&mut server).await.unwrap_err();
        assert!(matches!(error, ReceiveError::Decode(_)), "{error}");
        assert_eq!(receive(&mut server).await.unwrap(), numbered(2));

        send(&mut server, &numbered(3));
        let closing = tokio::spawn(async move { close(&mut server).await });
        let answer = peer.receive().await;
        assert_eq!(answer, (FrameKind::MESSAGE, b"[337,3]".to_vec()));
        assert!(peer.is_at_end().await);
        drop(peer);
        closing.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_message_keeps_its_own_octets_and_no_others() {
    let (mut client, mut server) = pair("cbor", &Default::default(), &Default::default()).await;
    let lens = [1 << 20, 10_000, 600, 5_000];
    let sending = async {
        for len in lens {
            send(&mut client, &event(len));
        }
        flush(&mut client).await.unwrap();
    };
    let receiving = async {
        for len in lens {
            let mut message = receive(&mut server).await.unwrap();
            let payload = message
                .payload_mut()
                .map(|payload| std::mem::replace(payload, Payload::empty()));
            drop(message);
            let octets = payload.as_ref().and_then(Payload::octets).unwrap().clone();
            drop(payload);
            if len == 1 << 20 {
                // Its buffer is used again, and not to be seen from here.
                continue;
            }
            assert!(octets.is_unique(), "nothing else stands in its buffer");
            let capacity = Vec::from(octets).capacity();
            assert!(capacity < len + 100, "{len} octets keep {capacity}");
        }
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn octets_are_counted_with_the_headers_of_frames_and_without_the_handshake() {
    let (mut client, mut server) = pair("json", &Default::default(), &Default::default()).await;
    assert_eq!((client.octets(), server.octets()), Default::default());
    send(&mut client, &numbered(5));
    send(&mut client, &numbered(6));
    flush(&mut client).await.unwrap();
    receive(&mut server).await.unwrap();
    receive(&mut server).await.unwrap();
    // A header of 4 octets, and `[337,5]`.
    let crossed = 2 * (4 + 7);
    assert_eq!(
        (client.octets().sent, client.octets().received),
        (crossed, 0)
    );
    assert_eq!(
        (server.octets().sent, server.octets().received),
        (0, crossed)
    );
    let (closing, closed) = tokio::join!(close(&mut client), async {
        let end = receive(&mut server).await;
        (end, close(&mut server).await)
    });
    closing.unwrap();
    assert!(matches!(closed.0, Err(ReceiveError::Closed)));
    assert_eq!(
        (client.octets().sent, server.octets().received),
        (crossed, crossed)
    );
}
