//! An embedded router, two sessions, RPC and PubSub, over a real WebSocket.
//!
//! It is the first chapter of the guide, `getting_started`, as a program.
//!
//! Run it with `cargo run --example quickstart`; with `RUST_LOG=debug` it tells what it does.

use wamp::{Realm, Router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Handlers that fail are seen in the log only.
    tracing_subscriber::fmt::init();

    // A router in this process, with one realm that is open: everybody may do everything.
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let server = router.listen("127.0.0.1:0").await?;
    println!("the router listens on {}", server.url());

    // One session answers calls and publishes events ...
    let service = wamp::connect(server.url()).realm("com.example").await?;
    service
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await?;

    // ... the other calls and subscribes.
    let client = wamp::connect(server.url()).realm("com.example").await?;
    let sum: i64 = client
        .call("com.example.add")
        .args((2, 3))
        .returns()
        .await?;
    println!("2 + 3 = {sum}");

    let mut ticks = client.subscribe("com.example.tick").await?;
    for (count, label) in [(1, "one"), (2, "two"), (3, "three")] {
        service
            .publish("com.example.tick")
            .args((count, label))
            .acknowledge()
            .await?;
    }
    for _ in 0..3 {
        let event = ticks.next().await.ok_or("the subscription ended")?;
        let (count, label): (u32, String) = event.args()?;
        println!("tick {count}: {label}");
    }

    client.leave().await?;
    service.leave().await?;
    router.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}
