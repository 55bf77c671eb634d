use wamp_core::{CloseReason, ReceiveError, Transport};
use wamp_transport_websocket::{AcceptOptions, ConnectOptions, WebSocketConfig};

use crate::support::*;

#[tokio::test]
async fn every_serializer_carries_messages_both_ways_in_order() {
    for name in [
        "json",
        "msgpack",
        "cbor",
        "json.batched",
        "msgpack.batched",
        "cbor.batched",
    ] {
        let offer = ConnectOptions::default().serializers([serializer(name)]);
        let (mut client, mut server) = pair(&offer, &AcceptOptions::default()).await;
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
            assert_eq!(
                receive(&mut client).await.unwrap(),
                numbered(id + 10),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn json_goes_as_text_and_the_others_as_binary() {
    for (name, first) in [("json", TEXT), ("msgpack", BINARY), ("cbor", BINARY)] {
        let (mut server, mut peer) = server(name, &WebSocketConfig::default()).await;
        send(&mut server, &numbered(5));
        flush(&mut server).await.unwrap();
        assert_eq!(peer.receive().await.0, first, "{name}");
    }
}

#[tokio::test]
async fn messages_sent_before_a_flush_share_a_frame_when_batched() {
    let (mut server, mut peer) = server("json.batched", &WebSocketConfig::default()).await;
    send(&mut server, &numbered(5));
    send(&mut server, &numbered(6));
    flush(&mut server).await.unwrap();
    assert_eq!(
        peer.receive().await,
        (TEXT, b"[337,5]\x1e[337,6]\x1e".to_vec())
    );
}

#[tokio::test]
async fn messages_have_a_frame_each_when_not_batched() {
    let (mut client, mut peer) = client("json", &WebSocketConfig::default()).await;
    send(&mut client, &numbered(5));
    send(&mut client, &numbered(6));
    flush(&mut client).await.unwrap();
    assert_eq!(peer.receive().await, (TEXT, b"[337,5]".to_vec()));
    assert_eq!(peer.receive().await, (TEXT, b"[337,6]".to_vec()));
}

#[tokio::test]
async fn a_batch_ends_where_it_gets_too_long() {
    let config = WebSocketConfig::default().max_message_size(20);
    let (mut server, mut peer) = server("json.batched", &config).await;
    for id in 1..=5 {
        send(&mut server, &numbered(id));
    }
    flush(&mut server).await.unwrap();
    for expected in [
        "[337,1]\x1e[337,2]\x1e",
        "[337,3]\x1e[337,4]\x1e",
        "[337,5]\x1e",
    ] {
        assert_eq!(peer.receive().await, (TEXT, expected.into()));
    }
}

#[tokio::test]
async fn a_server_answers_with_the_separator_of_its_client() {
    let (mut server, mut peer) = server("json.batched", &WebSocketConfig::default()).await;
    peer.send(TEXT, b"[337,1]\x18[337,2]\x18").await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(1));
    assert_eq!(receive(&mut server).await.unwrap(), numbered(2));
    send(&mut server, &numbered(3));
    flush(&mut server).await.unwrap();
    assert_eq!(peer.receive().await, (TEXT, b"[337,3]\x18".to_vec()));
}

#[tokio::test]
async fn a_message_in_fragments_with_a_ping_between_is_one_message() {
    let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
    peer.send(0x01, b"[33").await;
    peer.send(PING, b"payload").await;
    peer.send(0x80, b"7,5]").await;
    assert_eq!(receive(&mut server).await.unwrap(), numbered(5));
    assert_eq!(peer.receive().await, (PONG, b"payload".to_vec()));
}

#[tokio::test]
async fn a_message_that_comes_octet_by_octet_is_received() {
    use tokio::io::AsyncWriteExt;
    let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
    let receiving = tokio::spawn(async move { receive(&mut server).await });
    for octet in frame(TEXT, b"[337,5]", true) {
        peer.stream.write_all(&[octet]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(receiving.await.unwrap().unwrap(), numbered(5));
}

#[tokio::test]
async fn what_is_no_message_can_still_be_answered_before_it_is_closed() {
    let garbage: &[&[u8]] = &[b"garbage", b"", b"[99,1]", b"[337,5", b"[337,5]]", b"{}"];
    for octets in garbage {
        let (mut server, mut peer) = server("json", &WebSocketConfig::default()).await;
        peer.send(TEXT, octets).await;
        let error = receive(&mut server).await.unwrap_err();
        assert!(matches!(error, ReceiveError::Decode(_)), "{error}");

        send(&mut server, &numbered(1));
        let closing = tokio::spawn(async move {
            close(&mut server, CloseReason::Protocol("it was garbage".into())).await
        });
        assert_eq!(peer.receive().await, (TEXT, b"[337,1]".to_vec()));
        assert_eq!(peer.receive_close().await, (1002, "it was garbage".into()));
        peer.send_close(1002, "").await;
        drop(peer);
        closing.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn no_message_of_a_batch_is_delivered_when_one_is_bad() {
    let (mut server, mut peer) = server("json.batched", &WebSocketConfig::default()).await;
    peer.send(TEXT, b"[337,1]\x1e[337\x1e").await;
    let error = receive(&mut server).await.unwrap_err();
    assert!(matches!(error, ReceiveError::Decode(_)), "{error}");
}

#[tokio::test]
async fn octets_are_counted_with_the_headers_of_frames_and_without_the_handshake() {
    let offer = ConnectOptions::default().serializers([serializer("json")]);
    let (mut client, mut server) = pair(&offer, &AcceptOptions::default()).await;
    assert_eq!((client.octets(), server.octets()), Default::default());
    send(&mut client, &numbered(5));
    flush(&mut client).await.unwrap();
    receive(&mut server).await.unwrap();
    send(&mut server, &numbered(6));
    flush(&mut server).await.unwrap();
    receive(&mut client).await.unwrap();
    // A header of 2 octets and a mask of 4, which only a client has, and `[337,5]`.
    let (up, down) = (2 + 4 + 7, 2 + 7);
    assert_eq!((client.octets().sent, client.octets().received), (up, down));
    assert_eq!((server.octets().sent, server.octets().received), (down, up));
    let (closing, _) = tokio::join!(
        close(&mut client, CloseReason::Normal),
        receive(&mut server)
    );
    closing.unwrap();
    // Each side has sent its closing frame: a header, perhaps a mask, and the code.
    assert_eq!(client.octets().sent, up + 2 + 4 + 2);
    assert_eq!(server.octets().received, client.octets().sent);
}
