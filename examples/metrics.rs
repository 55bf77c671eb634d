//! What a router has counted, served to Prometheus by axum.
//!
//! Run it with `cargo run --example metrics --features prometheus`: it makes some calls, scrapes
//! itself as Prometheus would, and prints what a dashboard would show.

use std::error::Error;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wamp::prometheus::Collector;
use wamp::{Realm, Router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let server = router.listen("127.0.0.1:0").await?;

    // Metrics tell much of those who use the router: they have an address of their own, which is
    // not to be open to everybody.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let site = site(Collector::new(&router).server(&server));
    let serving = tokio::spawn(async move { axum::serve(listener, site).await });
    println!("the metrics are at http://{addr}/metrics");

    let service = wamp::connect(server.url()).realm("com.example").await?;
    service
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await?;
    let client = wamp::connect(server.url()).realm("com.example").await?;
    for n in 0..100 {
        let _sum: i64 = client
            .call("com.example.add")
            .args((n, 1))
            .returns()
            .await?;
    }
    // Nobody has registered this one.
    let refused = client.call("com.example.subtract").await;
    assert!(refused.is_err());

    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let shown = [
        "wamp_sessions{",
        "wamp_calls_total{",
        "wamp_requests_refused",
        "_bytes_total{",
    ];
    let lines = answer.lines();
    for line in lines.filter(|line| shown.iter().any(|shown| line.contains(shown))) {
        println!("{line}");
    }

    router.shutdown(Duration::from_secs(5)).await;
    serving.abort();
    Ok(())
}

/// A site that tells what is collected. It begins its answer anew for each scrape.
fn site(collector: Collector) -> axum::Router {
    let metrics = async move || {
        let headers = [(CONTENT_TYPE, wamp::prometheus::CONTENT_TYPE)];
        (headers, collector.to_text()).into_response()
    };
    axum::Router::new().route("/metrics", get(metrics))
}
