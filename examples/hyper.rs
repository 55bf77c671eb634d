//! The router mounted in a server of bare hyper: `/ws` is the router's, the rest is the site's.
//!
//! It is for those who have no web framework, or another one than axum; the example `axum` is
//! shorter. The program is both the site and two clients of it, so that it ends by itself.
//!
//! Run it with `cargo run --example hyper`; with `RUST_LOG=debug` it tells what it does.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use wamp::websocket::{AcceptOptions, Refusal};
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
    stopping: impl Future<Output = ()>,
) -> io::Result<()> {
    // A page of any other site could open a WebSocket to this one.
    let options = Arc::new(AcceptOptions::default().origins([ORIGIN]));
    let (stop, stopped) = watch::channel(());
    let mut stopping = pin!(stopping);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopping => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // There may be no file descriptor left; others will be closed.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        // Small messages are not to wait for others.
        stream.set_nodelay(true).unwrap_or_default();
        let mut info = ConnectionInfo::new("websocket");
        info.peer_addr = Some(peer);
        let (router, options) = (router.clone(), Arc::clone(&options));
        let service = service_fn(move |request| {
            let response = answer(request, &router, &options, &info);
            async { Ok::<_, Infallible>(response) }
        });
        let mut stopped = stopped.clone();
        tokio::spawn(async move {
            // Without a timer a client might take forever over its request.
            let mut server = http1::Builder::new();
            let server = server.timer(TokioTimer::new());
            let connection = server.serve_connection(TokioIo::new(stream), service);
            let mut connection = pin!(connection.with_upgrades());
            let served = tokio::select! {
                served = connection.as_mut() => served,
                _ = stopped.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection failed");
            }
        });
    }
    drop((listener, stopped));
    stop.send_replace(());
    // Every connection holds a receiver.
    stop.closed().await;
    Ok(())
}

fn answer(
    request: Request<Incoming>,
    router: &Router,
    options: &AcceptOptions,
    info: &ConnectionInfo,
) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/" => Response::new(PAGE.into()),
        "/ws" => {
            websocket(request, router.clone(), options, info.clone()).unwrap_or_else(Response::from)
        }
        _ => {
            let mut response = Response::new("There is nothing here.\n".into());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

/// Mounts the router.
fn websocket(
    request: Request<Incoming>,
    router: Router,
    options: &AcceptOptions,
    info: ConnectionInfo,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let upgrade = options.upgrade(&request)?;
    let response = upgrade.response();
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
