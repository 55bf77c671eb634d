//! HTTP for those who watch the router: `/health` and `/metrics`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;
use wamp::net::listen::{Incoming as Connection, LocalAddr};
use wamp::net::{ListenLimits, Listener};
use wamp::prometheus::{self, Collector};

/// A server of HTTP/1.1. Dropped, it listens no more.
#[derive(Debug)]
pub(super) struct HttpServer {
    address: LocalAddr,
    /// Its other end waits until it is dropped.
    _stop: oneshot::Sender<()>,
}

/// What is told.
#[derive(Debug)]
pub(super) struct Status {
    ending: AtomicBool,
    metrics: RwLock<Collector>,
}

impl Status {
    /// Tells that the router serves, and what is collected.
    pub(super) const fn new(metrics: Collector) -> Self {
        Self {
            ending: AtomicBool::new(false),
            metrics: RwLock::new(metrics),
        }
    }

    /// From now on the router is ending.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// From now on this is what is collected.
    pub(super) fn collect(&self, metrics: Collector) {
        *self.metrics.write().unwrap_or_else(PoisonError::into_inner) = metrics;
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let answer = match path {
            "/health" => Self::health,
            "/metrics" => Self::metrics,
            _ => {
                let text = "There are /health and /metrics here.\n";
                return response(StatusCode::NOT_FOUND, TEXT, text.to_owned());
            }
        };
        // A HEAD is answered without the body by hyper.
        if matches!(*method, Method::GET | Method::HEAD) {
            return answer(self);
        }
        let text = "Only GET is allowed.\n";
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, text.to_owned());
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allowed);
        refused
    }

    fn health(&self) -> Response<Full<Bytes>> {
        let (status, text) = if self.ending.load(Ordering::Relaxed) {
            (StatusCode::SERVICE_UNAVAILABLE, "ending")
        } else {
            (StatusCode::OK, "ok")
        };
        response(status, JSON, format!("{{\"status\":\"{text}\"}}\n"))
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let metrics = self.metrics.read().unwrap_or_else(PoisonError::into_inner);
        let metrics = metrics.clone().to_text();
        response(StatusCode::OK, prometheus::CONTENT_TYPE, metrics)
    }
}

impl HttpServer {
    /// Answers those who connect.
    pub(super) fn start(listener: Listener, status: Arc<Status>) -> Result<Self, String> {
        // Each connection is one in its handshake until it is over.
        let limits = ListenLimits::default()
            .handshakes(AT_ONCE)
            .handshake_timeout(AT_MOST);
        let listener = listener.limits(&limits);
        let address = listener.address().map_err(|error| error.to_string())?;
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(async move {
            let stop = async { stopped.await.unwrap_or_default() };
            let serve = |connection| {
                tokio::spawn(serve(connection, Arc::clone(&status)));
            };
            listener.run(stop, serve).await;
        });
        Ok(Self {
            address,
            _stop: stop,
        })
    }

    /// Where it is reached.
    pub(super) fn url(&self) -> String {
        match &self.address {
            LocalAddr::Tcp(address) => format!("http://{}", reachable(*address)),
            other => other.to_string(),
        }
    }
}

/// Answers one request. More need another connection: nobody here asks often.
///
/// It takes no longer than it may, and ends when it has to make room for a newer one.
async fn serve(connection: Connection, status: Arc<Status>) {
    let Ok(accepted) = connection.handshake().await else {
        return;
    };
    let answer = service_fn(|request: Request<Incoming>| {
        let answer = status.answer(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(accepted.stream), answer);
    // Whoever asked wrongly, or not at all, has been told what there is to tell.
    let _ = accepted.permit.within(serving).await;
}

fn response(status: StatusCode, content: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let content = HeaderValue::from_static(content);
    response.headers_mut().insert(CONTENT_TYPE, content);
    response
}

/// The address, from this machine if it is any.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// How many may ask at once; one more ends the oldest.
const AT_ONCE: usize = 64;

/// How long the head of a request may be, in octets.
const LONGEST_HEAD: usize = 16 << 10;

/// How long asking and answering may take together.
const AT_MOST: Duration = Duration::from_secs(10);
