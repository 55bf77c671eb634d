use std::time::Duration;

use tokio::time::Instant;
use wamp_core::{Outgoing, ReceiveError, SendError, Transport, TransportError, Undeliverable};
use wamp_messages::Payload;
use wamp_transport_websocket::{AcceptOptions, ConnectOptions, WebSocketConfig};

use crate::support::*;

/// Sends frames to a server of JSON; returns the code and text of its close frame. Those that are
/// too long are told as such, here as there.
async fn refused(config: &WebSocketConfig, frames: &[(u8, &[u8])]) -> (u16, String) {
    refused_by("json", config, frames).await
}

async fn refused_by(name: &str, config: &WebSocketConfig, frames: &[(u8, &[u8])]) -> (u16, String) {
    let (mut server, mut peer) = server(name, config).await;
    let receiving = tokio::spawn(async move { (receive(&mut server).await, server) });
    for (first, payload) in frames {
        peer.send(*first, payload).await;
    }
    let told = peer.receive_close().await;
    drop(peer);
    let (received, mut server) = receiving.await.unwrap();
    let error = received.unwrap_err();
    match (told.0, &error) {
        (1009, ReceiveError::Lost(TransportError::TooLong { len: 8, max: 7 })) => {
            assert!(error.to_string().contains("max_message_size"), "{error}");
        }
        (1002 | 1007, ReceiveError::Lost(TransportError::Protocol(_))) => {}
        (code, error) => panic!("{code}: {error}"),
    }
    // It stays so.
    assert!(receive(&mut server).await.is_err());
    let outgoing = Outgoing::One(numbered(1));
    assert!(matches!(server.send(&outgoing), Err(SendError::Lost(_))));
    told
}

#[tokio::test]
async fn text_where_binary_is_due_and_binary_where_text_is_closes_with_1002() {
    let config = WebSocketConfig::default();
    let hello = b"[1,\"realm1\",{\"roles\":{\"caller\":{}}}]";
    assert_eq!(
        refused_by("json", &config, &[(BINARY, hello)]).await.0,
        1002
    );
    for name in ["msgpack", "cbor", "cbor.batched"] {
        assert_eq!(refused_by(name, &config, &[(TEXT, b"abc")]).await.0, 1002);
    }
}

#[tokio::test]
async fn a_message_at_the_limit_is_received() {
    let config = WebSocketConfig::default().max_message_size(7);
    let (mut server, mut peer) = server("json", &config).await;
    peer.send(TEXT, b"[337,5]").await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(5));
}

#[tokio::test]
async fn a_message_above_the_limit_closes_with_1009() {
    let config = WebSocketConfig::default().max_message_size(7);
    let (code, text) = refused(&config, &[(TEXT, b"[337,55]")]).await;
    assert_eq!(code, 1009);
    assert!(text.contains('7'), "{text}");
}

#[tokio::test]
async fn fragments_that_exceed_the_limit_together_close_with_1009() {
    let config = WebSocketConfig::default().max_message_size(7);
    assert_eq!(
        refused(&config, &[(0x01, b"[337"), (0x80, b",55]")])
            .await
            .0,
        1009
    );
}

#[tokio::test]
async fn a_frame_above_its_limit_closes_with_1009() {
    let config = WebSocketConfig::default().max_frame_size(7);
    assert_eq!(refused(&config, &[(TEXT, b"[337,55]")]).await.0, 1009);
}

#[tokio::test]
async fn a_text_that_is_no_utf8_closes_with_1007() {
    assert_eq!(
        refused(&WebSocketConfig::default(), &[(TEXT, b"[\"\xff\"]")])
            .await
            .0,
        1007
    );
}

#[tokio::test]
async fn frames_against_the_rules_close_with_1002() {
    let config = WebSocketConfig::default();
    let cases: &[&[(u8, &[u8])]] = &[
        &[(0xc1, b"[337,5]")],           // a reserved bit
        &[(0x83, b"[337,5]")],           // a reserved opcode
        &[(0x8b, b"")],                  // a reserved control opcode
        &[(0x80, b"[337,5]")],           // continues nothing
        &[(0x01, b"[337"), (TEXT, b"")], // begins anew within a message
        &[(0x09, b"")],                  // a ping in fragments
        &[(PING, &[0; 126])],            // a ping too long
        &[(CLOSE, &[3])],                // half a code
    ];
    for frames in cases {
        assert_eq!(refused(&config, frames).await.0, 1002, "{frames:?}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_mask_is_closed_with_1002() {
    use tokio::io::AsyncWriteExt;
    let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
    peer.stream
        .write_all(&frame(TEXT, b"[337,5]", false))
        .await
        .unwrap();
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    assert_eq!(peer.receive_close().await.0, 1002);
    drop(peer);
    assert!(receiving.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_violator_that_never_closes_is_left_after_the_close_timeout() {
    let config = WebSocketConfig::default().close_timeout(Duration::from_secs(3));
    let (mut server, mut peer) = server("json", &config).await;
    let begin = Instant::now();
    peer.send(BINARY, b"").await;
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::Protocol(_))),
        "{error}"
    );
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert_eq!(peer.receive_close().await.0, 1002);
}

#[tokio::test(start_paused = true)]
async fn a_violator_that_never_stops_sending_is_left_after_the_close_timeout() {
    use tokio::io::AsyncWriteExt;
    let config = WebSocketConfig::default().max_message_size(7);
    let (mut server, mut peer) = server("json", &config).await;
    let sending = tokio::spawn(async move {
        let junk = frame(TEXT, &[b' '; 1000], true);
        // Now and then, so that the paused time can pass.
        while peer.stream.write_all(&junk).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let error = receive(&mut server).await.unwrap_err();
    assert!(
        matches!(error, ReceiveError::Lost(TransportError::TooLong { .. })),
        "{error}"
    );
    sending.await.unwrap();
}

#[tokio::test]
async fn a_message_too_long_to_send_comes_back_and_others_still_go() {
    let config = WebSocketConfig::default().max_message_size(100);
    let (mut server, mut peer) = server("json", &config).await;
    assert_eq!(server.max_len(), Some(100));
    let error = server.send(&Outgoing::One(event(200))).unwrap_err();
    let SendError::Undeliverable(Undeliverable::TooLong { len, max }) = error else {
        panic!("{error}");
    };
    assert!(len > 200 && max == 100);
    send(&mut server, &numbered(5));
    flush(&mut server).await.unwrap();
    assert_eq!(peer.receive().await, (TEXT, b"[337,5]".to_vec()));
}

#[tokio::test]
async fn a_message_behind_a_long_one_does_not_keep_the_buffer_of_both() {
    let (client, server) = pair(&ConnectOptions::default(), &AcceptOptions::default()).await;
    let (mut client, mut server) = (client, server);
    let sending = async {
        for len in [1 << 20, 10_000] {
            send(&mut client, &event(len));
        }
        flush(&mut client).await.unwrap();
    };
    let receiving = async {
        receive(&mut server).await.unwrap();
        receive(&mut server).await.unwrap()
    };
    let ((), message) = tokio::join!(sending, receiving);
    let octets = message.payload().and_then(Payload::octets).unwrap();
    assert!(octets.is_unique(), "nothing else stands in its buffer");
}
