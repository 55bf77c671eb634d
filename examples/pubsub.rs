//! Events: published and acknowledged, read from a stream and by a handler, to all and to a few.
//!
//! A radio station publishes; two listeners have subscribed, one with a stream, one with a handler.
//! In the end the station says who is to hear what.
//!
//! Run it with `cargo run --example pubsub`. The chapter `events` of the guide explains all of it.

use std::error::Error;
use std::time::Duration;

use tokio::sync::mpsc;
use wamp::{Dict, EventDetails, Kwargs, Realm, Router, Session, Subscription, kwargs};

const SONG: &str = "com.example.song";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let server = router.listen("127.0.0.1:0").await?;
    let station = wamp::connect(server.url()).realm("com.example").await?;
    let ada = wamp::connect(server.url()).realm("com.example").await?;
    let bob = wamp::connect(server.url()).realm("com.example").await?;

    // Ada reads a stream. Bob has a handler, which is called with one event after the other.
    let mut stream = ada.subscribe(SONG).await?;
    let (heard, mut heard_by_bob) = mpsc::unbounded_channel();
    let handler = bob
        .subscribe(SONG)
        .handler(
            move |title: String, Kwargs(more): Kwargs<Dict>, details: EventDetails| {
                println!("  Bob heard {title:?} on {}, with {more:?}", details.topic);
                // It fails only when nobody wants to know any more.
                let _ = heard.send(title);
                async {}
            },
        )
        .await?;

    println!("to all:");
    let published = station
        .publish(SONG)
        .args(("So What",))
        .kwargs(kwargs! { year: 1959 })
        .acknowledge()
        .await?;
    println!("  the router took it as publication {}", published.id());
    assert_eq!(next("Ada", &mut stream).await?, "So What");
    assert_eq!(heard_by_bob.recv().await.as_deref(), Some("So What"));

    println!("a publisher hears itself only if it says so:");
    let mut own = station.subscribe(SONG).await?;
    station.publish(SONG).args(("Blue in Green",)).await?;
    station
        .publish(SONG)
        .args(("All Blues",))
        .exclude_me(false)
        .await?;
    assert_eq!(next("the station", &mut own).await?, "All Blues");
    own.unsubscribe().await?;

    println!("to a few, by their sessions:");
    play_to(&station, "only for Ada", |event| event.eligible([ada.id()])).await?;
    play_to(&station, "not for Ada", |event| event.exclude([ada.id()])).await?;
    play_to(&station, "good night", |event| event).await?;
    let mut heard_by_ada = Vec::new();
    while heard_by_ada.last().is_none_or(|last| last != "good night") {
        heard_by_ada.push(next("Ada", &mut stream).await?);
    }
    // Ada has not read the two in between until now: they waited in the buffer of the stream.
    let expected = ["Blue in Green", "All Blues", "only for Ada", "good night"];
    assert_eq!(heard_by_ada, expected);
    for expected in ["Blue in Green", "All Blues", "not for Ada", "good night"] {
        assert_eq!(heard_by_bob.recv().await.as_deref(), Some(expected));
    }

    // A stream that is dropped ends its subscription; a handler is unsubscribed.
    drop(stream);
    handler.unsubscribe().await?;
    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

/// Publishes a song to those whom `to` lets hear it.
async fn play_to(
    station: &Session,
    title: &str,
    to: impl FnOnce(wamp::Publish) -> wamp::Publish,
) -> Result<(), wamp::PublishError> {
    to(station.publish(SONG).args((title,))).await
}

/// Waits for the next song that somebody hears.
async fn next(who: &str, stream: &mut Subscription) -> Result<String, Box<dyn Error>> {
    let event = stream.next().await.ok_or("the session has ended")?;
    let (title,): (String,) = event.args()?;
    println!("  {who} heard {title:?}");
    Ok(title)
}
