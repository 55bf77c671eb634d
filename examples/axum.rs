//! The router mounted in an axum site: `/ws` is the router's, the rest is the site's.
//!
//! The program is both the site and two clients of it, so that it ends by itself. What a site of
//! yours takes from it are `serve` and `websocket`. They need the crates `axum`, `hyper` and
//! `hyper-util`, the last with its feature `tokio`.
//!
//! Run it with `cargo run --example axum`; with `RUST_LOG=debug` it tells what it does.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::{Html, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use wamp::websocket::AcceptOptions;
use wamp::{ConnectionInfo, Dial, Realm, Router};

#[cfg(test)]
#[path = "mounted/tests.rs"]
mod tests;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let stopping = async { stopped.await.unwrap_or_default() };
    let serving = tokio::spawn(serve(listener, router.clone(), stopping));
    println!("the site is at http://{addr}/, its router at ws://{addr}/ws");

    // One session lives in this process, the other comes through the site as a page of it would.
    let service = router.session("com.example").await?;
    service
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await?;
    let client = Dial::new(format!("ws://{addr}/ws"))
        .websocket(|options| options.header("Origin", ORIGIN))
        .connect()
        .realm("com.example")
        .await?;
    let sum: i64 = client
        .call("com.example.add")
        .args((2, 3))
        .returns()
        .await?;
    println!("2 + 3 = {sum}");

    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    println!("{}", answer.lines().last().unwrap_or_default());

    // First the sessions are told GOODBYE, then the site ends.
    router.shutdown(Duration::from_secs(5)).await;
    println!("the client was told {}", client.closed().await.reason);
    drop(stop);
    serving.await??;
    Ok(())
}

/// Serves the site, and the router within, until `stopping` is ready and the answers have left.
async fn serve(
    listener: TcpListener,
    router: Router,
    stopping: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // A page of any other site could open a WebSocket to this one.
    let options = AcceptOptions::default().origins([ORIGIN]);
    let site = axum::Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/ws", get(websocket))
        .with_state((router, Arc::new(options)))
        .into_make_service_with_connect_info::<SocketAddr>();
    // Small messages are not to wait for others.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
    axum::serve(listener, site)
        .with_graceful_shutdown(stopping)
        .await
}

/// Mounts the router.
async fn websocket(
    State((router, options)): State<(Router, Arc<AcceptOptions>)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, Response> {
    let upgrade = options.upgrade(&request)?;
    let response = upgrade.response();
    let mut info = ConnectionInfo::new("websocket");
    info.peer_addr = Some(peer);
    tokio::spawn(async move {
        match hyper::upgrade::on(request).await {
            Ok(upgraded) => {
                let transport = upgrade.accept(TokioIo::new(upgraded), info).await;
                router.accept(transport).await;
            }
            Err(error) => tracing::debug!(%error, "the client left before the answer"),
        }
    });
    Ok(response)
}

const ORIGIN: &str = "https://app.example";

const PAGE: &str = "<!DOCTYPE html><title>A site</title><p>The router is at /ws.";
