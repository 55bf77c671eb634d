//! The client's side of the handshake, against answers written by hand.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;
use wamp_core::Transport;
use wamp_transport_rawsocket::{
    ConnectError, ConnectOptions, HandshakeError, RawSocketConfig, connect,
};

use crate::support::*;

/// Connects to a server that answers with these octets and closes; returns what became of it, and
/// the request.
async fn answered(
    name: &str,
    answer: &[u8],
    options: &ConnectOptions,
) -> (Result<Piped, ConnectError>, [u8; 4]) {
    let (client, mut server) = duplex(PIPE);
    let answering = async {
        let mut request = [0; 4];
        server.read_exact(&mut request).await.unwrap();
        server.write_all(answer).await.unwrap();
        drop(server);
        request
    };
    let serializer = serializer(name);
    tokio::join!(connect(client, info(), &serializer, options), answering)
}

async fn answer(answer: &[u8]) -> Result<Piped, ConnectError> {
    answered("json", answer, &ConnectOptions::default()).await.0
}

#[tokio::test]
async fn every_length_and_serializer_is_asked_for_and_accepted() {
    for (id, name) in [(1, "json"), (2, "msgpack"), (3, "cbor")] {
        for exponent in 0..16_u8 {
            let config = RawSocketConfig::default().max_message_size(512 << (15 - exponent));
            let options = ConnectOptions::default().config(config);
            let reply = [0x7f, (exponent << 4) | id, 0, 0];
            let (connected, request) = answered(name, &reply, &options).await;
            let connected = connected.unwrap();
            assert_eq!(request, [0x7f, ((15 - exponent) << 4) | id, 0, 0]);
            assert_eq!(connected.info().transport, "rawsocket");
            assert_eq!(connected.info().serializer, name);
            let peer = 512_usize << exponent;
            assert_eq!(connected.max_len(), Some(peer.min((1 << 24) - 1)));
        }
    }
}

#[tokio::test]
async fn every_error_reply_is_understood() {
    for code in 0..16_u8 {
        let error = answer(&[0x7f, code << 4, 0, 0]).await.unwrap_err();
        let ConnectError::Refused { error } = error else {
            panic!("{error}")
        };
        assert_eq!(error.code(), code);
    }
    let texts = [
        (
            HandshakeError::SERIALIZER_UNSUPPORTED,
            "serializer unsupported",
        ),
        (
            HandshakeError::LENGTH_UNACCEPTABLE,
            "maximum message length unacceptable",
        ),
        (HandshakeError::RESERVED_BITS, "use of reserved bits"),
        (
            HandshakeError::MAX_CONNECTIONS,
            "maximum connection count reached",
        ),
    ];
    for (error, text) in texts {
        let error = answer(&[0x7f, error.code() << 4, 0, 0]).await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn another_serializer_than_asked_for_is_refused() {
    for id in 2..16 {
        let error = answer(&[0x7f, 0xf0 | id, 0, 0]).await.unwrap_err();
        let ConnectError::OtherSerializer { asked: 1, answered } = error else {
            panic!("{error}")
        };
        assert_eq!(answered, id);
    }
}

#[tokio::test]
async fn reserved_bits_in_the_answer_are_refused() {
    let error = answer(&[0x7f, 0xf1, 0, 2]).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::ReservedBits { bits: 2 }),
        "{error}"
    );
}

#[tokio::test]
async fn what_does_not_speak_rawsocket_is_told() {
    let answers: [&[u8]; 3] = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"H", b"\0\xf1\0\0"];
    for octets in answers {
        let error = answer(octets).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::NotRawSocket { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("right port"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_closes_before_its_answer_is_complete_is_told() {
    for len in 0..4 {
        let error = answer(&[0x7f, 0xf1, 0, 0][..len]).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::Closed { .. }),
            "{len}: {error}"
        );
    }
}

#[tokio::test]
async fn messages_that_come_with_the_answer_are_kept() {
    let octets = [
        &[0x7f, 0xf1, 0, 0],
        &frame(FrameKind::MESSAGE, b"[337,5]")[..],
    ]
    .concat();
    let mut connected = answer(&octets).await.unwrap();
    assert_eq!(receive(&mut connected).await.unwrap(), numbered(5));
}

#[tokio::test]
async fn an_answer_may_come_octet_by_octet() {
    let (client, mut server) = duplex(PIPE);
    let connecting = tokio::spawn(async move {
        let options = ConnectOptions::default();
        connect(client, info(), &serializer("json"), &options).await
    });
    for octet in [0x7f, 0xf1, 0, 0] {
        server.write_all(&[octet]).await.unwrap();
        tokio::task::yield_now().await;
    }
    connecting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_batched_serializer_is_refused_before_anything_is_sent() {
    let (client, mut server) = duplex(PIPE);
    let options = ConnectOptions::default();
    let serializer = serializer("cbor.batched");
    let error = connect(client, info(), &serializer, &options)
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Unusable { .. }), "{error}");
    assert!(error.to_string().contains("cbor.batched"), "{error}");
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_left_after_the_timeout() {
    for len in 0..4 {
        let (client, mut server) = duplex(PIPE);
        server.write_all(&[0x7f, 0xf1, 0, 0][..len]).await.unwrap();
        let options = ConnectOptions::default().handshake_timeout(Duration::from_secs(4));
        let begin = Instant::now();
        let error = connect(client, info(), &serializer("json"), &options)
            .await
            .unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
        assert_eq!(begin.elapsed().as_secs(), 4);
    }
}
