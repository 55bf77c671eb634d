//! The server's side of the handshake, against requests written by hand.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;
use wamp_core::{ConnectionInfo, Transport};
use wamp_transport_websocket::http::{HeaderMap, HeaderValue, StatusCode};
use wamp_transport_websocket::{AcceptError, AcceptOptions, Refusal, accept};

use crate::support::*;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

/// A request with the headers of a handshake, and others.
fn request(target: &str, more: &[&str]) -> String {
    let mut text = format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: keep-alive, Upgrade\r\n{KEY}\r\nSec-WebSocket-Version: 13\r\n"
    );
    for header in more {
        text += &format!("{header}\r\n");
    }
    text + "\r\n"
}

const JSON: &str = "Sec-WebSocket-Protocol: wamp.2.json";

/// Sends a request; returns what became of it, and all that was answered.
async fn ask(octets: &[u8], options: &AcceptOptions) -> (Result<Piped, AcceptError>, String) {
    let (mut client, server) = duplex(64 << 10);
    client.write_all(octets).await.unwrap();
    let asking = async {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if client.read_buf(&mut answer).await.unwrap() == 0 {
                break;
            }
        }
        if !answer.starts_with(b"HTTP/1.1 101 ") {
            client.read_to_end(&mut answer).await.unwrap();
        }
        drop(client);
        String::from_utf8(answer).unwrap()
    };
    tokio::join!(accept(server, ConnectionInfo::new("pipe"), options), asking)
}

#[tokio::test]
async fn a_request_is_accepted_with_the_key_of_the_standard() {
    let octets = request("/ws?token=1", &[JSON, "Cookie: a=b"]);
    let (accepted, answer) = ask(octets.as_bytes(), &AcceptOptions::default()).await;
    assert_eq!(
        answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n",
    );
    let accepted = accepted.unwrap();
    let info = accepted.info();
    assert_eq!((info.transport, &*info.serializer), ("websocket", "json"));
    assert_eq!(info.http_path.as_deref(), Some("/ws"));
    assert_eq!(info.header("cookie"), Some("a=b"));
}

#[tokio::test]
async fn frames_that_come_with_the_request_are_kept() {
    let mut octets = request("/", &[JSON]).into_bytes();
    octets.extend(frame(TEXT, b"[337,5]", true));
    let (accepted, _) = ask(&octets, &AcceptOptions::default()).await;
    assert_eq!(receive(&mut accepted.unwrap()).await.unwrap(), numbered(5));
}

#[tokio::test]
async fn what_is_refused_gets_an_answer_that_says_why() {
    let without = |header: &str| request("/", &[JSON]).replace(header, "X-Nothing: 1");
    let cases = [
        (
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n".into(),
            426,
            "\r\nupgrade: websocket\r\n",
        ),
        ("GET / HTTP/1.0\r\n\r\n".into(), 426, "HTTP/1.1"),
        (
            "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody".into(),
            405,
            "\r\nallow: GET\r\n",
        ),
        (without("Upgrade: websocket"), 426, "WebSocket"),
        (
            without("Connection: keep-alive, Upgrade"),
            400,
            "Connection",
        ),
        (without(KEY), 400, "Sec-WebSocket-Key"),
        (
            without("dGhlIHNhbXBsZSBub25jZQ=="),
            400,
            "Sec-WebSocket-Key",
        ),
        (request("/", &[JSON, KEY]), 400, "Sec-WebSocket-Key"),
        (
            without("Sec-WebSocket-Version: 13"),
            426,
            "\r\nsec-websocket-version: 13\r\n",
        ),
        (
            request("/", &[JSON]).replace("Version: 13", "Version: 8"),
            426,
            "\r\nsec-websocket-version: 13\r\n",
        ),
        (
            request("/", &[]),
            400,
            "wamp.2.cbor.batched, wamp.2.cbor, wamp.2.msgpack.batched",
        ),
        (
            request("/", &["Sec-WebSocket-Protocol: mqtt"]),
            400,
            "wamp.2.json",
        ),
        ("\u{7f}\u{31}\0\0".into(), 400, "speaks WebSocket"),
        ("GET / / /\r\n\r\n".into(), 400, "well-formed"),
        (
            "GET / HTTP/1.1\r\nno colon\r\n\r\n".into(),
            400,
            "well-formed",
        ),
        (
            request("/", &[&format!("X: {}", "x".repeat(16 << 10))]),
            431,
            "16 KiB",
        ),
        (request("/", &vec!["X: x"; 130]), 431, "124"),
    ];
    for (octets, status, contains) in cases {
        let (accepted, answer) = ask(octets.as_bytes(), &AcceptOptions::default()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{octets:.60?} {answer}"
        );
        assert!(answer.contains("\r\nConnection: close"), "{answer}");
        assert!(answer.contains(contains), "{contains}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("\r\nContent-Length: {}", body.len())),
            "{answer}"
        );
        match accepted.unwrap_err() {
            AcceptError::Refused(refusal) => assert_eq!(refusal.status().as_u16(), status),
            error => panic!("{error}"),
        }
    }
}

async fn status(octets: &str, options: &AcceptOptions) -> String {
    let (_, answer) = ask(octets.as_bytes(), options).await;
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn only_the_path_that_is_served_is_found() {
    let options = AcceptOptions::default().path("/ws");
    for (target, expected) in [
        ("/ws", "101"),
        ("/ws?a=b", "101"),
        ("/", "404"),
        ("/ws/", "404"),
        ("/WS", "404"),
    ] {
        assert_eq!(
            status(&request(target, &[JSON]), &options).await,
            expected,
            "{target}"
        );
    }
}

#[tokio::test]
async fn only_allowed_origins_may_connect_and_clients_that_are_no_browsers() {
    let options = AcceptOptions::default().origins(["https://app.example", "http://[::1]:80"]);
    let cases: &[(&[&str], &str)] = &[
        (&[], "101"),
        (&["Origin: https://app.example"], "101"),
        (&["Origin: HTTPS://APP.example"], "101"),
        (&["Origin: http://[::1]:80"], "101"),
        (&["Origin: http://app.example"], "403"),
        (&["Origin: https://app.example.evil.example"], "403"),
        (&["Origin: null"], "403"),
        (
            &[
                "Origin: https://app.example",
                "Origin: https://evil.example",
            ],
            "403",
        ),
    ];
    for (origins, expected) in cases {
        let headers = [&[JSON], *origins].concat();
        assert_eq!(
            status(&request("/", &headers), &options).await,
            *expected,
            "{origins:?}"
        );
    }
    let any = AcceptOptions::default();
    assert_eq!(
        status(&request("/", &[JSON, "Origin: https://x"]), &any).await,
        "101"
    );
}

#[tokio::test]
async fn the_subprotocol_is_the_clients_first_over_several_headers() {
    let options = AcceptOptions::default().serializers([serializer("json"), serializer("cbor")]);
    let offers = [
        "Sec-WebSocket-Protocol: mqtt, wamp.2.msgpack",
        "Sec-WebSocket-Protocol: wamp.2.cbor,wamp.2.json",
    ];
    let (_, answer) = ask(request("/", &offers).as_bytes(), &options).await;
    assert!(
        answer.contains("\r\nSec-WebSocket-Protocol: wamp.2.cbor\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_fallback_is_used_without_being_announced() {
    let options = AcceptOptions::default().fallback(serializer("json"));
    let (accepted, answer) = ask(request("/", &[]).as_bytes(), &options).await;
    assert!(!answer.contains("Protocol:"), "{answer}");
    assert_eq!(accepted.unwrap().info().serializer, "json");
}

#[tokio::test]
async fn a_callback_sees_the_request_and_refuses_it_or_adds_headers() {
    let options = AcceptOptions::default().on_request(|request| {
        if request.uri().query() != Some("token=good") {
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "Who are you?");
            let basic = HeaderValue::from_static("Basic");
            return Err(refusal.header("www-authenticate".parse().unwrap(), basic));
        }
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", HeaderValue::from_static("a=b"));
        headers.insert("upgrade", HeaderValue::from_static("mischief"));
        Ok(headers)
    });
    let (_, answer) = ask(request("/?token=good", &[JSON]).as_bytes(), &options).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("\r\nset-cookie: a=b\r\n"), "{answer}");
    assert!(!answer.contains("mischief"), "{answer}");

    let (_, answer) = ask(request("/?token=bad", &[JSON]).as_bytes(), &options).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(
        answer.contains("\r\nwww-authenticate: Basic\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\nWho are you?\n"), "{answer}");
}

#[test]
fn a_refusal_refuses_whatever_its_status() {
    assert_eq!(
        Refusal::new(StatusCode::OK, "").status(),
        StatusCode::FORBIDDEN
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_request_is_left_after_the_timeout() {
    for sent in ["", "GET / HTTP/1.1\r\nHost: h\r\n"] {
        let (mut client, server) = duplex(PIPE);
        client.write_all(sent.as_bytes()).await.unwrap();
        let options = AcceptOptions::default().handshake_timeout(Duration::from_secs(4));
        let begin = Instant::now();
        let error = accept(server, ConnectionInfo::new("pipe"), &options)
            .await
            .unwrap_err();
        assert!(matches!(error, AcceptError::TimedOut { .. }), "{error}");
        assert_eq!(begin.elapsed().as_secs(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_refusal_is_left() {
    let (mut client, server) = duplex(16);
    let options = AcceptOptions::default();
    let accepting = accept(server, ConnectionInfo::new("pipe"), &options);
    let asking = client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let (accepted, _) = tokio::join!(accepting, asking);
    assert!(matches!(accepted, Err(AcceptError::Refused(_))));
}

#[tokio::test]
async fn a_client_that_leaves_within_its_request_is_told_from_one_that_is_refused() {
    let (mut client, server) = duplex(PIPE);
    client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    drop(client);
    let options = AcceptOptions::default();
    let error = accept(server, ConnectionInfo::new("pipe"), &options)
        .await
        .unwrap_err();
    assert!(matches!(error, AcceptError::Closed), "{error}");
}
