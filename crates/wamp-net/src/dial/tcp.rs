//! Dialling over TCP: a name is looked up, and its addresses race.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::dial::deadline::Deadline;
use crate::dial::{Attempts, DialError, DialOptions, race};
use crate::endpoint::Host;
use crate::keep_alive::keep_alive;

/// Opens a TCP connection to a host.
///
/// All of its addresses are tried, IPv6 and IPv4 in turn; the next begins when the one before it
/// failed or has taken [`DialOptions::attempt_delay`], and the first that connects wins. The
/// connection sends without delay (`TCP_NODELAY`), and has the keep-alive of TCP. It goes there
/// directly, and nothing is spoken over it: of the options those of TLS and of a proxy are not for
/// it.
///
/// Dropping the future ends all attempts.
///
/// # Errors
///
/// The name has no address, or none of them could be connected; the error tells what happened to
/// each.
pub async fn dial_tcp(
    host: &Host,
    port: u16,
    options: &DialOptions,
) -> Result<TcpStream, DialError> {
    let deadline = Deadline::after(options.connect_timeout);
    connect(host, port, options, &deadline).await
}

pub(super) async fn connect(
    host: &Host,
    port: u16,
    options: &DialOptions,
    deadline: &Deadline,
) -> Result<TcpStream, DialError> {
    let connect = async |address| {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        if let Err(error) = keep_alive(&stream) {
            tracing::debug!(%address, %error, "the keep-alive could not be set");
        }
        Ok(stream)
    };
    connect_by(connect, host, port, options, deadline).await
}

/// Dials with whatever connects to an address.
async fn connect_by<T, F>(
    connect: impl Fn(SocketAddr) -> F,
    host: &Host,
    port: u16,
    options: &DialOptions,
    deadline: &Deadline,
) -> Result<T, DialError>
where
    F: Future<Output = io::Result<T>>,
{
    let place = || format!("{host}:{port}");
    let failures = race::Failures::default();
    let connecting = async {
        let addresses = resolve(host, port).await?;
        if addresses.is_empty() {
            return Err(DialError::NoAddress { place: place() });
        }
        let order = race::order(addresses);
        tracing::debug!(%host, port, addresses = ?order, "dialling");
        race::race(order, options.attempt_delay, &connect, &failures)
            .await
            .ok_or_else(|| DialError::Unreachable {
                place: place(),
                attempts: Attempts::new(failures.take()),
            })
    };
    let timed_out = |after| DialError::TimedOut {
        place: place(),
        after,
        attempts: Attempts::new(failures.take()),
    };
    deadline.limit(connecting, timed_out).await
}

async fn resolve(host: &Host, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let name = match host {
        Host::Ip(address) => return Ok(vec![SocketAddr::new(*address, port)]),
        Host::Name(name) => name,
    };
    match tokio::net::lookup_host((&**name, port)).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(DialError::Resolve {
            place: format!("{host}:{port}"),
            error: Arc::new(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn dialling_ends_with_its_timeout() {
        let begin = Instant::now();
        let (host, options) = (Host::Ip([192, 0, 2, 1].into()), DialOptions::default());
        let deadline = Deadline::after(options.connect_timeout);
        let forever = |_| pending::<io::Result<()>>();
        let error = connect_by(forever, &host, 80, &options, &deadline)
            .await
            .unwrap_err();
        assert_eq!(begin.elapsed().as_secs(), 10);
        assert_eq!(
            error.to_string(),
            "192.0.2.1:80 could not be reached within 10s"
        );
    }
}
