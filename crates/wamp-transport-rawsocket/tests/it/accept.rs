//! The server's side of the handshake, against requests written by hand.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;
use wamp_core::Transport;
use wamp_transport_rawsocket::{
    AcceptError, AcceptOptions, HandshakeError, MaxLength, RawSocketConfig, accept, refuse,
};

use crate::support::*;

/// What a server does with a request, and what its client reads until it closes.
async fn answered(
    octets: &[u8],
    options: &AcceptOptions,
) -> (Result<Piped, AcceptError>, Vec<u8>, DuplexStream) {
    let (mut client, server) = duplex(PIPE);
    client.write_all(octets).await.unwrap();
    let mut reply = Vec::new();
    let reading = async {
        let mut four = [0; 4];
        let read = client.read_exact(&mut four).await;
        reply.extend_from_slice(&four[..read.unwrap_or(0)]);
        if reply.len() == 4 && reply[1] & 0x0f == 0 {
            // A refused client closes when it has read why.
            client.shutdown().await.unwrap();
            assert_eq!(client.read(&mut four).await.unwrap(), 0);
        }
    };
    let (accepted, ()) = tokio::join!(accept(server, info(), options), reading);
    (accepted, reply, client)
}

fn refusal(accepted: Result<Piped, AcceptError>) -> HandshakeError {
    match accepted.unwrap_err() {
        AcceptError::Refused { error, .. } => error,
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn every_length_and_serializer_is_accepted_and_echoed() {
    for (id, name) in [(1, "json"), (2, "msgpack"), (3, "cbor")] {
        for exponent in 0..16_u8 {
            let own: usize = 512 << (15 - exponent);
            let config = RawSocketConfig::default().max_message_size(own);
            let options = AcceptOptions::default().config(config);
            let request = [0x7f, (exponent << 4) | id, 0, 0];
            let (accepted, reply, _client) = answered(&request, &options).await;
            let accepted = accepted.unwrap();
            assert_eq!(reply, [0x7f, ((15 - exponent) << 4) | id, 0, 0]);
            assert_eq!(accepted.info().transport, "rawsocket");
            assert_eq!(accepted.info().serializer, name);
            let peer = 512_usize << exponent;
            assert_eq!(accepted.max_len(), Some(peer.min((1 << 24) - 1)));
        }
    }
}

#[tokio::test]
async fn a_serializer_that_is_not_supported_is_refused_with_error_1() {
    for id in (0..16).filter(|id| !(1..=3).contains(id)) {
        let (accepted, reply, _client) =
            answered(&[0x7f, 0xf0 | id, 0, 0], &AcceptOptions::default()).await;
        assert_eq!(reply, [0x7f, 0x10, 0, 0], "{id}");
        assert_eq!(refusal(accepted), HandshakeError::SERIALIZER_UNSUPPORTED);
    }
}

#[tokio::test]
async fn a_batched_serializer_does_not_stand_for_the_other_one() {
    let options = AcceptOptions::default().serializers([serializer("cbor.batched")]);
    let (accepted, reply, _client) = answered(&[0x7f, 0xf3, 0, 0], &options).await;
    assert_eq!(reply, [0x7f, 0x10, 0, 0]);
    assert_eq!(refusal(accepted), HandshakeError::SERIALIZER_UNSUPPORTED);
}

#[tokio::test]
async fn a_client_that_accepts_too_little_is_refused_with_error_2() {
    let options = AcceptOptions::default().min_peer_message_size(4096);
    for exponent in 0..16_u8 {
        let (accepted, reply, _client) =
            answered(&[0x7f, (exponent << 4) | 1, 0, 0], &options).await;
        if exponent < 3 {
            assert_eq!(reply, [0x7f, 0x20, 0, 0]);
            assert_eq!(refusal(accepted), HandshakeError::LENGTH_UNACCEPTABLE);
        } else {
            assert!(accepted.is_ok());
        }
    }
}

#[tokio::test]
async fn a_client_that_uses_reserved_bits_is_refused_with_error_3() {
    for bit in 0..16 {
        let [third, fourth] = (1_u16 << bit).to_be_bytes();
        // Whatever else is asked for.
        for second in [0xf1, 0x00, 0x0f] {
            let (accepted, reply, _client) =
                answered(&[0x7f, second, third, fourth], &AcceptOptions::default()).await;
            assert_eq!(reply, [0x7f, 0x30, 0, 0]);
            assert_eq!(refusal(accepted), HandshakeError::RESERVED_BITS);
        }
    }
}

#[tokio::test]
async fn what_is_no_rawsocket_gets_no_answer_and_is_not_waited_for() {
    let requests: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"\x7e\xf1\0\0",
        b"\0",
        b"\xff\xff\xff\xff",
    ];
    for request in requests {
        let (accepted, reply, _client) = answered(request, &AcceptOptions::default()).await;
        let error = accepted.unwrap_err();
        let AcceptError::NotRawSocket { first } = error else {
            panic!("{error}")
        };
        assert_eq!((first, &reply[..]), (request[0], &b""[..]));
    }
}

#[tokio::test]
async fn a_request_may_come_octet_by_octet_with_a_message_behind() {
    let (server, mut client) = duplex(PIPE);
    let options = AcceptOptions::default();
    let accepting = tokio::spawn(async move { accept(server, info(), &options).await });
    for octet in [0x7f, 0xf1, 0, 0]
        .into_iter()
        .chain(frame(FrameKind::MESSAGE, b"[337,5]"))
    {
        client.write_all(&[octet]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut server = accepting.await.unwrap().unwrap();
    assert_eq!(receive(&mut server).await.unwrap(), numbered(5));

    let request = [
        &[0x7f, 0xf1, 0, 0],
        &frame(FrameKind::MESSAGE, b"[337,6]")[..],
    ]
    .concat();
    let (accepted, ..) = answered(&request, &AcceptOptions::default()).await;
    assert_eq!(receive(&mut accepted.unwrap()).await.unwrap(), numbered(6));
}

#[tokio::test]
async fn a_client_that_leaves_before_its_request_is_complete_is_told() {
    for sent in 0..4 {
        let (mut client, server) = duplex(PIPE);
        client.write_all(&[0x7f, 0xf1, 0, 0][..sent]).await.unwrap();
        drop(client);
        let error = accept(server, info(), &AcceptOptions::default())
            .await
            .unwrap_err();
        assert!(matches!(error, AcceptError::Closed), "{sent}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_send_its_request_is_left_after_the_timeout() {
    let options = AcceptOptions::default().handshake_timeout(Duration::from_secs(4));
    for sent in 0..4 {
        let (mut client, server) = duplex(PIPE);
        client.write_all(&[0x7f, 0xf1, 0, 0][..sent]).await.unwrap();
        let begin = Instant::now();
        let error = accept(server, info(), &options).await.unwrap_err();
        assert!(matches!(error, AcceptError::TimedOut { .. }), "{error}");
        assert_eq!(begin.elapsed().as_secs(), 4);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_that_does_not_close_is_left_soon() {
    let (mut client, server) = duplex(PIPE);
    client.write_all(&[0x7f, 0xf9, 0, 0]).await.unwrap();
    let begin = Instant::now();
    let error = accept(server, info(), &AcceptOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, AcceptError::Refused { .. }), "{error}");
    assert_eq!(begin.elapsed().as_secs(), 1);
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).await.unwrap();
    assert_eq!(reply, [0x7f, 0x10, 0, 0]);
}

#[tokio::test]
async fn an_error_says_what_was_asked_for() {
    let (accepted, ..) = answered(&[0x7f, 0xf4, 0, 0], &AcceptOptions::default()).await;
    assert_eq!(
        accepted.unwrap_err().to_string(),
        "the request [7f, f4, 00, 00] was refused: serializer unsupported (error 1)",
    );
}

#[tokio::test]
async fn a_full_listener_refuses_whatever_is_asked_for() {
    for request in [[0x7f, 0xf1, 0, 0], [0x7f, 0, 9, 9]] {
        let (mut client, server) = duplex(PIPE);
        client.write_all(&request).await.unwrap();
        let within = Duration::from_secs(60);
        let refusing = refuse(server, HandshakeError::MAX_CONNECTIONS, within);
        let reading = async {
            let mut reply = Vec::new();
            client.read_to_end(&mut reply).await.unwrap();
            drop(client);
            reply
        };
        let ((), reply) = tokio::join!(refusing, reading);
        assert_eq!(reply, [0x7f, 0x40, 0, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn refusing_ends_in_time_and_at_once_with_what_is_no_rawsocket() {
    let error = HandshakeError::MAX_CONNECTIONS;
    let (mut client, server) = duplex(PIPE);
    client.write_all(&[0x7f, 0xf1]).await.unwrap();
    let begin = Instant::now();
    refuse(server, error, Duration::from_secs(2)).await;
    assert_eq!(begin.elapsed().as_secs(), 2);

    let (mut client, server) = duplex(PIPE);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    refuse(server, error, Duration::from_secs(2)).await;
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).await.unwrap();
    assert_eq!((reply, begin.elapsed().as_secs()), (vec![], 2));
}

#[tokio::test]
async fn the_own_limit_is_rounded_up_to_what_the_handshake_can_say() {
    for (octets, announced) in [
        (0, 0x01),
        (513, 0x11),
        (1_000_000, 0xb1),
        (usize::MAX, 0xf1),
    ] {
        let config = RawSocketConfig::default().max_message_size(octets);
        let options = AcceptOptions::default().config(config);
        let (_, reply, _client) = answered(&[0x7f, 0xf1, 0, 0], &options).await;
        assert_eq!(reply, [0x7f, announced, 0, 0], "{octets}");
        assert_eq!(
            MaxLength::covering(octets).octets(),
            512 << (announced >> 4)
        );
    }
}
