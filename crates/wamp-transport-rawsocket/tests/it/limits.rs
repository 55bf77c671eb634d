use wamp_core::{Outgoing, ReceiveError, SendError, Transport, TransportError, Undeliverable};
use wamp_transport_rawsocket::{FrameHeader, MaxLength, RawSocketConfig};

use crate::support::*;

/// A message of JSON with so many octets.
fn padded(len: usize) -> Vec<u8> {
    let mut octets = b"[337,5]".to_vec();
    octets.resize(len, b' ');
    octets
}

fn limited(octets: usize) -> RawSocketConfig {
    RawSocketConfig::default().max_message_size(octets)
}

/// What a server of JSON says of octets that break its rules.
async fn violation(config: &RawSocketConfig, octets: &[u8]) -> TransportError {
    let (mut server, mut peer) = server("json", config).await;
    peer.send_octets(octets).await;
    let error = receive(&mut server).await.unwrap_err();
    let ReceiveError::Lost(error) = error else {
        panic!("{error}")
    };
    // It stays so, and the stream is dropped.
    assert!(receive(&mut server).await.is_err());
    let outgoing = Outgoing::One(numbered(1));
    assert!(matches!(server.send(&outgoing), Err(SendError::Lost(_))));
    assert!(peer.is_at_end().await);
    error
}

/// The same, for octets that are against the protocol.
async fn violated(octets: &[u8]) -> String {
    match violation(&RawSocketConfig::default(), octets).await {
        TransportError::Protocol(text) => text,
        error => panic!("{error}"),
    }
}

/// The same, for what is too long: how long it is, and how long it may be.
async fn too_long(max: usize, octets: &[u8]) -> (usize, usize) {
    let error = violation(&limited(max), octets).await;
    assert!(error.to_string().contains("max_message_size"), "{error}");
    match error {
        TransportError::TooLong { len, max } => (len, max),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_message_at_each_limit_and_one_below_is_received() {
    for exponent in 9..=24 {
        let max: usize = 1 << exponent;
        let (mut server, mut peer) = server("json", &limited(max)).await;
        let sending = tokio::spawn(async move {
            for len in [max - 1, max] {
                peer.send(FrameKind::MESSAGE, &padded(len)).await;
            }
            peer
        });
        for _ in 0..2 {
            assert_eq!(receive(&mut server).await.unwrap(), numbered(5), "{max}");
        }
        sending.await.unwrap();
    }
}

#[tokio::test]
async fn one_octet_above_each_limit_is_refused_by_the_header_alone() {
    for exponent in 9..24 {
        let max = 1 << exponent;
        for kind in [FrameKind::MESSAGE, FrameKind::PING, FrameKind::PONG] {
            let header = FrameHeader::new(kind, max + 1).unwrap().to_octets();
            assert_eq!(too_long(max, &header).await, (max + 1, max));
        }
    }
}

#[tokio::test]
async fn reserved_types_are_refused_by_the_header_alone() {
    for kind in 3..8 {
        let text = violated(&[kind, 0, 0, 1]).await;
        assert!(text.contains(&format!("type {kind}")), "{text}");
    }
}

#[tokio::test]
async fn reserved_bits_are_refused_by_the_header_alone() {
    for bit in 4..8 {
        let text = violated(&[1 << bit, 0, 0, 7]).await;
        assert!(text.contains("reserved bits"), "{text}");
    }
}

#[tokio::test]
async fn the_bit_for_the_longest_message_is_refused_beside_another_length_or_a_lower_limit() {
    for kind in 0..3 {
        let text = violated(&[8 | kind, 0, 0, 1]).await;
        assert!(text.contains("2^24"), "{text}");
        let found = too_long(1 << 23, &[8 | kind, 0, 0, 0]).await;
        assert_eq!(found, (1 << 24, 1 << 23));
    }
}

#[tokio::test]
async fn messages_before_a_violation_are_received_before_it() {
    let (mut server, mut peer) = server("json", &RawSocketConfig::default()).await;
    let octets = [
        frame(FrameKind::MESSAGE, b"[337,1]"),
        frame(FrameKind::MESSAGE, b"[337,2]"),
        vec![3, 0, 0, 0],
    ];
    peer.send_octets(&octets.concat()).await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
    assert_eq!(receive(&mut server).await.unwrap(), numbered(2));
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::Protocol(_))),
        "{error}"
    );
}

#[tokio::test]
async fn a_message_too_long_for_its_peer_comes_back_and_others_still_go() {
    for exponent in 9..=20 {
        let max: usize = 1 << exponent;
        let length = MaxLength::covering(max);
        // The own limit is another one.
        let (mut server, mut peer) = server_for("cbor", &limited(1 << 10), length).await;
        assert_eq!(server.max_len(), Some(max));
        let message = Outgoing::One(event_of(max + 1));
        let error = server.send(&message).unwrap_err();
        let SendError::Undeliverable(Undeliverable::TooLong { len, max: told }) = error else {
            panic!("{error}");
        };
        assert_eq!((len, told), (max + 1, max));
        let sending = tokio::spawn(async move {
            send(&mut server, &event_of(max));
            send(&mut server, &event_of(max - 1));
            flush(&mut server).await
        });
        assert_eq!(peer.receive().await.1.len(), max);
        assert_eq!(peer.receive().await.1.len(), max - 1);
        sending.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_message_of_two_to_the_24_octets_is_sent_only_where_that_is_allowed() {
    let message = event_of(1 << 24);
    let (mut plain, _peer) = client("cbor", &RawSocketConfig::default(), MaxLength::MAX).await;
    assert_eq!(plain.max_len(), Some((1 << 24) - 1));
    let error = plain.send(&Outgoing::from(message.clone())).unwrap_err();
    assert!(matches!(error, SendError::Undeliverable(_)), "{error}");

    let extended = RawSocketConfig::default().extended_length(true);
    let (mut client, mut peer) = client("cbor", &extended, MaxLength::MAX).await;
    assert_eq!(client.max_len(), Some(1 << 24));
    send(&mut client, &message);
    let sending = tokio::spawn(async move { flush(&mut client).await });
    let (header, payload) = peer.receive_raw().await;
    assert_eq!((header, payload.len()), ([8, 0, 0, 0], 1 << 24));
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn both_sides_of_ours_exchange_a_message_of_two_to_the_24_octets() {
    let extended = RawSocketConfig::default().extended_length(true);
    let (mut client, mut server) = pair("cbor", &extended, &RawSocketConfig::default()).await;
    let message = event_of(1 << 24);
    send(&mut client, &message);
    let (flushed, received) = tokio::join!(flush(&mut client), receive(&mut server));
    flushed.unwrap();
    let len = |message: &wamp_messages::Message| message.payload().unwrap().len();
    assert_eq!(len(&received.unwrap()), len(&message));
}

#[tokio::test]
async fn the_longest_message_that_everybody_knows_is_received() {
    let (mut client, mut server) = pair("cbor", &limited(512), &Default::default()).await;
    send(&mut client, &event_of((1 << 24) - 1));
    let (flushed, received) = tokio::join!(flush(&mut client), receive(&mut server));
    flushed.unwrap();
    assert!(received.unwrap().payload().is_some());
}

#[tokio::test]
async fn a_ping_longer_than_its_sender_accepts_is_refused() {
    let config = RawSocketConfig::default();
    let (mut server, mut peer) = server_for("json", &config, MaxLength::MIN).await;
    peer.send(FrameKind::PING, &[b'x'; 512]).await;
    peer.send(FrameKind::PING, &[b'x'; 513]).await;
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        error.to_string().contains("a PING of 513 octets"),
        "{error}"
    );
}
