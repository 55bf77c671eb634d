#[cfg(feature = "tls")]
mod certificates;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;

use std::time::Duration;

use tokio::net::TcpListener;
use wamp_net::{DialError, DialOptions, Endpoint, Host, dial, dial_tcp};

#[tokio::test]
async fn a_name_is_looked_up_and_its_open_address_found() {
    // Where localhost is ::1 too, that address refuses, and the other one must be found.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host: Host = "localhost".parse().unwrap();
    let stream = dial_tcp(&host, port, &DialOptions::default())
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    assert!(stream.nodelay().unwrap());
    assert!(socket2::SockRef::from(&stream).keepalive().unwrap());
}

#[tokio::test]
async fn an_ipv6_address_is_dialled() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        eprintln!("this machine has no IPv6; nothing was tested");
        return;
    };
    let address = listener.local_addr().unwrap();
    let host: Host = "[::1]".parse().unwrap();
    let stream = dial_tcp(&host, address.port(), &DialOptions::default())
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}

#[tokio::test]
async fn a_closed_port_is_told_with_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = dial_tcp(
        &address.ip().into(),
        address.port(),
        &DialOptions::default(),
    )
    .await
    .unwrap_err();
    let DialError::Unreachable { attempts, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        attempts
            .iter()
            .map(|attempt| attempt.address)
            .collect::<Vec<_>>(),
        [address]
    );
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told() {
    let host: Host = "no-such-name.invalid".parse().unwrap();
    // Where no name server answers, the system itself takes long to give up.
    let options = DialOptions::default().connect_timeout(Duration::from_secs(120));
    let error = dial_tcp(&host, 80, &options).await.unwrap_err();
    assert!(matches!(&error, DialError::Resolve { .. }), "{error}");
    assert!(
        error.to_string().starts_with("no-such-name.invalid:80 "),
        "{error}"
    );
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn without_tls_what_wants_it_is_not_even_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for url in [
        format!("wss://{address}/ws"),
        format!("rss://{address}"),
        "wss+unix:/run/wamp.sock".to_owned(),
    ] {
        let endpoint: Endpoint = url.parse().unwrap();
        let error = dial(&endpoint, &DialOptions::default()).await.unwrap_err();
        assert!(matches!(error, DialError::NoTls { .. }), "{error}");
        assert!(error.to_string().contains("feature `tls`"), "{error}");
    }
    // The next to come is the first.
    let next = tokio::net::TcpStream::connect(address).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, next.local_addr().unwrap());
}

#[test]
fn dialling_can_be_spawned_and_moved_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let options = DialOptions::default();
    is_send(dial_tcp(&"localhost".parse().unwrap(), 1, &options));
    let endpoint: Endpoint = "wss://localhost".parse().unwrap();
    is_send(dial(&endpoint, &options));
}
