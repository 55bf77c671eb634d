//! The client's side of the handshake, against answers written by hand.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wamp_core::{ConnectionInfo, Transport};
use wamp_transport_websocket::{ConnectError, ConnectOptions, connect};

use crate::support::*;

/// Connects to a server that answers with a text, in which `KEY` stands for the right key;
/// returns what became of it, and the request.
async fn answered(answer: &str, options: &ConnectOptions) -> (Result<Piped, ConnectError>, String) {
    answered_with(answer, b"", options).await
}

/// The same with octets behind the answer.
async fn answered_with(
    answer: &str,
    rest: &[u8],
    options: &ConnectOptions,
) -> (Result<Piped, ConnectError>, String) {
    let (client, mut server) = duplex(64 << 10);
    let answering = async {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if server.read_buf(&mut request).await.unwrap() == 0 {
                break;
            }
        }
        let request = String::from_utf8(request).unwrap();
        let key = request
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let key = derive_accept_key(key.unwrap_or_default().as_bytes());
        let answer = [answer.replace("KEY", &key).as_bytes(), rest].concat();
        server.write_all(&answer).await.unwrap();
        drop(server);
        request
    };
    let info = ConnectionInfo::new("pipe");
    tokio::join!(
        connect(client, info, "localhost:8080", "/ws?a=b", options),
        answering
    )
}

fn json() -> ConnectOptions {
    ConnectOptions::default().serializers([serializer("json")])
}

const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n\
     connection: keep-alive, upgrade\r\nsec-websocket-accept: KEY\r\n\
     sec-websocket-protocol: wamp.2.json\r\nset-cookie: a=b\r\n\r\n";

#[tokio::test]
async fn an_answer_is_accepted_and_its_headers_are_kept() {
    let options = json()
        .header("Origin", "https://app.example")
        .header("Cookie", "c=d");
    let (connected, request) = answered(ACCEPTED, &options).await;
    let connected = connected.unwrap();
    let info = connected.info();
    assert_eq!((info.transport, &*info.serializer), ("websocket", "json"));
    assert_eq!(info.http_path.as_deref(), Some("/ws"));
    assert_eq!(info.header("set-cookie"), Some("a=b"));

    assert!(
        request.starts_with("GET /ws?a=b HTTP/1.1\r\nHost: localhost:8080\r\n"),
        "{request}"
    );
    for header in [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: wamp.2.json",
        "origin: https://app.example",
        "cookie: c=d",
    ] {
        assert!(
            request.contains(&format!("\r\n{header}\r\n")),
            "{header}: {request}"
        );
    }
}

#[tokio::test]
async fn frames_that_come_with_the_answer_are_kept() {
    let (connected, _) = answered_with(ACCEPTED, &frame(TEXT, b"[337,5]", false), &json()).await;
    assert_eq!(receive(&mut connected.unwrap()).await.unwrap(), numbered(5));
}

#[tokio::test]
async fn an_answer_that_does_not_accept_is_refused() {
    let without = |from: &str, to: &str| ACCEPTED.replace(from, to);
    let cases = [
        (without("upgrade: WebSocket", "x: y"), "Upgrade: websocket"),
        (
            without("connection: keep-alive, upgrade", "connection: close"),
            "Connection: Upgrade",
        ),
        (
            without("KEY", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "Sec-WebSocket-Accept",
        ),
        (
            without(
                "set-cookie: a=b",
                "sec-websocket-extensions: permessage-deflate",
            ),
            "extension",
        ),
        ("HTTP/1.0 200 OK\r\n\r\n".into(), "HTTP/1.1"),
        (format!("HTTP/1.1 101 {}", "x".repeat(20 << 10)), "16 KiB"),
    ];
    for (answer, contains) in cases {
        let error = answered(&answer, &json()).await.0.unwrap_err();
        assert!(matches!(error, ConnectError::BadAnswer(_)), "{error}");
        assert!(error.to_string().contains(contains), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_status_and_text() {
    let answer = "HTTP/1.1 503 Unavailable\r\nContent-Length: 13\r\n\r\nCome tomorrow and more";
    let error = answered(answer, &json()).await.0.unwrap_err();
    let ConnectError::Refused { status: 503, .. } = &error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains("Come tomorrow"), "{error}");
}

#[tokio::test]
async fn a_subprotocol_that_was_not_offered_is_refused() {
    for answer in [
        ACCEPTED.replace("wamp.2.json", "wamp.2.cbor"),
        ACCEPTED.replace("wamp.2.json", "chat"),
        ACCEPTED.replace("set-cookie: a=b", "sec-websocket-protocol: wamp.2.json"),
        ACCEPTED.replace("sec-websocket-protocol: wamp.2.json", "x: y"),
    ] {
        let error = answered(&answer, &json()).await.0.unwrap_err();
        assert!(matches!(error, ConnectError::Subprotocol { .. }), "{error}");
        assert!(
            error.to_string().contains("wamp.2.json was offered"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_fallback_is_used_when_the_server_picks_nothing() {
    let answer = ACCEPTED.replace("sec-websocket-protocol: wamp.2.json", "x: y");
    let options = ConnectOptions::default().fallback(serializer("json"));
    let (connected, _) = answered(&answer, &options).await;
    assert_eq!(connected.unwrap().info().serializer, "json");
}

#[tokio::test]
async fn what_does_not_speak_http_is_told() {
    let error = answered("\u{7f}\0\0\0", &json()).await.0.unwrap_err();
    assert!(matches!(error, ConnectError::NotHttp), "{error}");
    let error = answered("", &json()).await.0.unwrap_err();
    // The server is gone only after it was joined: nothing came in time or it closed.
    assert!(
        matches!(
            error,
            ConnectError::Closed { .. } | ConnectError::TimedOut { .. }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_named() {
    for (name, value) in [
        ("Host", "evil"),
        ("sec-websocket-key", "x"),
        ("a b", "c"),
        ("X", "a\r\nHost: evil"),
        ("", ""),
    ] {
        let (client, _server) = duplex(PIPE);
        let options = json().header(name, value);
        let error = connect(client, ConnectionInfo::new("pipe"), "h", "/", &options)
            .await
            .unwrap_err();
        let ConnectError::BadHeader { name: named } = error else {
            panic!("{error}")
        };
        assert_eq!(named, name);
    }
}

#[tokio::test]
async fn a_host_or_path_that_would_break_the_request_is_refused() {
    for (host, target) in [
        ("h\r\nx", "/"),
        ("", "/"),
        ("h", "/a b"),
        ("h", "a"),
        ("h", "/\u{fc}"),
    ] {
        let (client, _server) = duplex(PIPE);
        let error = connect(client, ConnectionInfo::new("pipe"), host, target, &json())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ConnectError::BadTarget),
            "{host:?} {target:?}: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_left_after_the_timeout() {
    let (client, _server) = duplex(PIPE);
    let options = json().handshake_timeout(Duration::from_secs(4));
    let begin = Instant::now();
    let error = connect(client, ConnectionInfo::new("pipe"), "h", "/", &options)
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
    assert_eq!(begin.elapsed().as_secs(), 4);
}

#[test]
fn headers_are_not_shown_with_their_values() {
    let text = format!(
        "{:?}",
        ConnectOptions::default().header("Authorization", "secret")
    );
    assert!(
        text.contains("Authorization") && !text.contains("secret"),
        "{text}"
    );
}
