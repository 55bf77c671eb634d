//! `wamp subscribe`.

use std::time::Duration;

use wamp::{args, kwargs};

use crate::world::{World, finish};

#[tokio::test]
async fn a_star_is_warned_of_for_there_are_no_patterns() {
    let world = World::new().await;
    let mut running = world.start(&["subscribe", "com.example.*"]);
    let warning = running.note().await;
    assert!(
        warning.contains("com.example.* is this URI alone"),
        "{warning}"
    );
    assert_eq!(running.note().await, "subscribed to com.example.*");
}

#[tokio::test]
async fn events_are_shown_as_they_come() {
    let world = World::new().await;
    let session = world.session().await;
    let mut running = world.start(&["subscribe", "com.example.b", "com.example.a"]);
    assert_eq!(running.note().await, "subscribed to com.example.a");
    assert_eq!(running.note().await, "subscribed to com.example.b");
    let publish = session.publish("com.example.a").args(args![1, "two words"]);
    publish.kwargs(kwargs! { c: args![3, 4] }).await.unwrap();
    assert_eq!(
        running.line().await,
        "com.example.a 1 \"two words\" c=[3,4]"
    );
    session.publish("com.example.b").await.unwrap();
    assert_eq!(running.line().await, "com.example.b");
}

#[tokio::test]
async fn with_json_each_event_is_an_object_and_count_ends_it() {
    let world = World::new().await;
    let session = world.session().await;
    let topic = "com.example.tick";
    let args = ["subscribe", topic, topic, "--json", "--count", "2"];
    let mut running = world.start(&args);
    assert_eq!(running.note().await, "subscribed to com.example.tick");
    let mut ids = Vec::new();
    for number in [1, 2, 3] {
        let publish = session.publish(topic).args((number,)).acknowledge();
        ids.push(publish.await.unwrap().id().as_u64());
    }
    for number in [1, 2] {
        let event: serde_json::Value = serde_json::from_str(&running.line().await).unwrap();
        let expected = serde_json::json!({
            "topic": topic,
            "args": [number],
            "kwargs": {},
            "publication": ids[number - 1],
        });
        assert_eq!(event, expected);
    }
    let (status, rest) = running.end().await;
    assert_eq!((status.code(), &*rest), (Some(0), ""));
    world.settle(1).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_is_how_it_ends() {
    let world = World::new().await;
    for signal in ["INT", "TERM"] {
        let mut running = world.start(&["subscribe", "com.example.tick"]);
        running.note().await;
        assert_eq!(world.router.session_count("realm1"), Some(1));
        running.signal(signal).await;
        let (status, rest) = running.end().await;
        assert_eq!((status.code(), &*rest), (Some(0), ""));
        world.settle(0).await;
    }
}

#[tokio::test]
async fn when_nobody_reads_it_ends_quietly() {
    let world = World::new().await;
    let session = world.session().await;
    let mut running = world.start(&["subscribe", "com.example.tick"]);
    running.note().await;
    session
        .publish("com.example.tick")
        .args((1,))
        .await
        .unwrap();
    assert_eq!(running.line().await, "com.example.tick 1");
    running.stop_reading();
    session
        .publish("com.example.tick")
        .args((2,))
        .await
        .unwrap();
    let (status, rest) = running.end().await;
    assert_eq!((status.code(), &*rest), (Some(0), ""));
    world.settle(1).await;
}

#[tokio::test]
async fn a_router_that_goes_away_is_told_with_the_reason() {
    let world = World::new().await;
    let mut running = world.start(&["subscribe", "com.example.tick"]);
    running.note().await;
    world.router.shutdown(Duration::from_secs(60)).await;
    let (status, rest) = running.end().await;
    assert_eq!(status.code(), Some(1), "{rest}");
    assert!(
        rest.starts_with("error: wamp.close.system_shutdown: the session has ended"),
        "{rest}"
    );
}

/// Shows an event that has no form in JSON, and one that has; returns what is told of the first.
async fn unshowable(options: &[&str], second: &str) -> String {
    let world = World::new().await;
    let session = world.session().await;
    let args = ["subscribe", "com.example.tick", "--serializer", "cbor"];
    let mut running = world.start(&[&args[..], options].concat());
    running.note().await;
    for number in [f64::NAN, 1.5] {
        let publish = session.publish("com.example.tick").args((number,));
        publish.await.expect("the session is open");
    }
    let line = running.line().await;
    assert!(line.contains(second), "{line}");
    running.note().await
}

#[tokio::test]
async fn an_event_that_cannot_be_shown_does_not_end_it() {
    let note = unshowable(&[], "com.example.tick 1.5").await;
    assert!(note.starts_with("error: "), "{note}");
    assert!(note.contains("com.example.tick cannot be shown"), "{note}");
}

#[tokio::test]
async fn with_json_an_event_that_cannot_be_shown_is_told_in_json_too() {
    let note = unshowable(&["--json"], "\"args\":[1.5]").await;
    let error: serde_json::Value = serde_json::from_str(&note).unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("com.example.tick cannot be shown"));
}

#[tokio::test]
async fn a_subscription_that_is_refused_is_an_error() {
    let world = World::new().await;
    let mut command = world.command(&["subscribe", "org.example.tick", "--authid", "joe"]);
    command
        .env("WAMP_TICKET", "secret!!!")
        .env("WAMP_REALM", "closed");
    let output = finish(command).await;
    output.failed(1, "error: wamp.error.not_authorized: ");
}

#[tokio::test]
async fn a_burst_waits_until_it_is_read() {
    let world = World::new().await;
    let session = world.session().await;
    let mut running = world.start(&["subscribe", "com.example.tick"]);
    running.note().await;
    for number in 0..5_000 {
        let publish = session.publish("com.example.tick").args((number,));
        publish.await.unwrap();
    }
    for number in 0..5_000 {
        assert_eq!(running.line().await, format!("com.example.tick {number}"));
    }
}
