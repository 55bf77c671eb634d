//! Dialling and listening over real sockets.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod dial;
mod endpoint;
mod farewell;
mod limits;
mod listen;
mod sniff;
#[cfg(feature = "tls")]
mod tls_server;
#[cfg(unix)]
mod unix;

/// Whether the future is ready without waiting for anybody.
async fn is_ready<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        value = future => Some(value),
        () = tokio::task::yield_now() => None,
    }
}
