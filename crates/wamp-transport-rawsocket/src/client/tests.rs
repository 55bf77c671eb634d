//! How serializers are tried, against routers that are told what to answer.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use wamp_core::Transport;

use super::*;

/// What a router does with one connection.
#[derive(Clone, Copy)]
enum Router {
    Accepts,
    Answers([u8; 4]),
    Closes,
}

/// Dials routers one after the other; returns what came of it, and the serializers they were
/// asked for.
async fn dial_each(
    routers: &[Router],
    options: &ConnectOptions,
) -> (
    Result<RawSocketTransport<DuplexStream>, ConnectError>,
    Vec<u8>,
) {
    let waiting = Mutex::new(routers.iter().copied().collect::<VecDeque<_>>());
    let tasks = Mutex::new(Vec::new());
    let dial = || async {
        let router = waiting.lock().unwrap().pop_front().unwrap();
        let (ours, mut theirs) = duplex(64);
        let task = tokio::spawn(async move {
            let mut request = [0; 4];
            theirs.read_exact(&mut request).await.unwrap();
            match router {
                Router::Accepts => theirs.write_all(&request).await.unwrap(),
                Router::Answers(reply) => theirs.write_all(&reply).await.unwrap(),
                Router::Closes => {}
            }
            request[1] & 0x0f
        });
        tasks.lock().unwrap().push(task);
        Ok((ours, ConnectionInfo::new("pipe")))
    };
    let dialled = dial_by(dial, options).await;
    let mut asked = Vec::new();
    for task in tasks.into_inner().unwrap() {
        asked.push(task.await.unwrap());
    }
    assert!(waiting.lock().unwrap().is_empty(), "not all were dialled");
    (dialled, asked)
}

const UNSUPPORTED: Router = Router::Answers([0x7f, 0x10, 0, 0]);

#[tokio::test]
async fn the_first_serializer_that_is_supported_is_used() {
    let options = ConnectOptions::default();
    for (routers, expected, name) in [
        (&[Router::Accepts][..], &[3][..], "cbor"),
        (&[UNSUPPORTED, Router::Accepts], &[3, 2], "msgpack"),
        (&[Router::Closes, Router::Accepts], &[3, 2], "msgpack"),
        (
            &[UNSUPPORTED, Router::Closes, Router::Accepts],
            &[3, 2, 1],
            "json",
        ),
    ] {
        let (dialled, asked) = dial_each(routers, &options).await;
        assert_eq!(dialled.unwrap().info().serializer, name);
        assert_eq!(asked, expected);
    }
}

#[tokio::test]
async fn a_router_that_supports_none_is_told_with_what_was_tried() {
    let options = ConnectOptions::default();
    let (dialled, _) = dial_each(&[UNSUPPORTED; 3], &options).await;
    let error = dialled.unwrap_err();
    assert!(
        matches!(error, ConnectError::NoSerializer { .. }),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("cbor, msgpack, json"),
        "{error}"
    );

    let (dialled, _) = dial_each(&[Router::Closes; 3], &options).await;
    let error = dialled.unwrap_err();
    assert!(matches!(error, ConnectError::Closed { .. }), "{error}");
}

#[tokio::test]
async fn a_refusal_that_no_serializer_changes_is_final() {
    for code in [2, 3, 4] {
        let router = Router::Answers([0x7f, code << 4, 0, 0]);
        let (dialled, asked) = dial_each(&[router], &ConnectOptions::default()).await;
        let error = dialled.unwrap_err();
        assert!(
            matches!(error, ConnectError::Refused { error } if error.code() == code),
            "{error}"
        );
        assert_eq!(asked, [3]);
    }
}

#[tokio::test]
async fn batched_serializers_are_passed_over_and_alone_they_are_refused() {
    let batched = Serializer::cbor().batched();
    let options = ConnectOptions::default();
    let both = options
        .clone()
        .serializers([batched.clone(), Serializer::json()]);
    let (dialled, asked) = dial_each(&[Router::Accepts], &both).await;
    assert_eq!(dialled.unwrap().info().serializer, "json");
    assert_eq!(asked, [1]);

    for (serializers, text) in [(vec![batched], "cbor.batched"), (vec![], "none")] {
        let options = options.clone().serializers(serializers);
        let error = dial_each(&[], &options).await.0.unwrap_err();
        assert!(matches!(error, ConnectError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}
