//! The keep-alive of TCP: a peer that is gone without a word is found on an idle connection, too.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Has the operating system ask an idle peer whether it is there, after [`IDLE`] and then a few
/// times more, before the connection fails: within two minutes in all.
///
/// Transports have pings, but not all peers of RawSocket know them. On a connection with pings it
/// costs nothing, because that is never idle for so long.
pub(crate) fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new().with_time(IDLE);
    // Where these cannot be set, the system's own hold: it takes longer, but not for ever.
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
    let keepalive = keepalive.with_interval(INTERVAL).with_retries(RETRIES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

const IDLE: Duration = Duration::from_secs(60);

#[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
const INTERVAL: Duration = Duration::from_secs(15);

#[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
const RETRIES: u32 = 4;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_system_is_told_all_three_numbers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        assert!(!SockRef::from(&stream).keepalive().unwrap());
        keep_alive(&stream).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), IDLE);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), INTERVAL);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), RETRIES);
    }
}
