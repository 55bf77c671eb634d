//! Proxies that are there, and those that are not what they should be.

use std::net::SocketAddr;

use data_encoding::BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time;
use wamp_net::dial::{Proxy, ProxyError, ProxyUrlError};
use wamp_net::{DialError, DialOptions, Dialled, Endpoint, dial};

/// A proxy that works. It knows the name `router.invalid`, which nobody else does, and wants a
/// user name and password if it is given some.
async fn start(scheme: &str, login: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let is_socks = scheme == "socks5";
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if is_socks {
                    socks(stream, login).await;
                } else {
                    http(stream, login).await;
                }
            });
        }
    });
    address
}

async fn http(mut client: TcpStream, login: Option<&str>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let place = head.strip_prefix("CONNECT ").unwrap();
    let place = place.split_once(" HTTP/1.1\r\n").unwrap().0;
    assert!(head.contains(&format!("\r\nHost: {place}\r\n")), "{head}");
    let sent = head.split_once("Proxy-Authorization: Basic ");
    let sent = sent.map(|(_, rest)| rest.split_once("\r\n").unwrap().0.to_owned());
    if let Some(login) = login
        && sent != Some(BASE64.encode(login.as_bytes()))
    {
        let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(answer).await.unwrap();
    }
    match reach(place).await {
        Ok(router) => {
            let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
            client.write_all(answer).await.unwrap();
            join(client, router).await;
        }
        Err(()) => {
            let answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
            client.write_all(answer).await.unwrap();
        }
    }
}

async fn socks(mut client: TcpStream, login: Option<&str>) {
    assert_eq!(client.read_u8().await.unwrap(), 5);
    let methods = read_counted(&mut client).await;
    let method = if login.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return client.write_all(&[5, 0xFF]).await.unwrap();
    }
    client.write_all(&[5, method]).await.unwrap();
    if let Some(login) = login {
        assert_eq!(client.read_u8().await.unwrap(), 1);
        let mut sent = read_counted(&mut client).await;
        sent.push(b':');
        sent.extend(read_counted(&mut client).await);
        let accepted = sent == login.as_bytes();
        client.write_all(&[1, u8::from(!accepted)]).await.unwrap();
        if !accepted {
            return;
        }
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..3], [5, 1, 0]);
    let host = match request[3] {
        1 => {
            let octets: [u8; 4] = client.read_u32().await.unwrap().to_be_bytes();
            std::net::Ipv4Addr::from(octets).to_string()
        }
        3 => String::from_utf8(read_counted(&mut client).await).unwrap(),
        other => panic!("{other}"),
    };
    let port = client.read_u16().await.unwrap();
    let place = format!("{host}:{port}");
    let router = reach(&place).await;
    let reply = if router.is_ok() { 0 } else { 5 };
    let answer = [5, reply, 0, 1, 0, 0, 0, 0, 0, 0];
    client.write_all(&answer).await.unwrap();
    if let Ok(router) = router {
        join(client, router).await;
    }
}

async fn read_counted(stream: &mut TcpStream) -> Vec<u8> {
    let mut octets = vec![0; usize::from(stream.read_u8().await.unwrap())];
    stream.read_exact(&mut octets).await.unwrap();
    octets
}

async fn reach(place: &str) -> Result<TcpStream, ()> {
    let place = place.replace("router.invalid", "127.0.0.1");
    TcpStream::connect(place).await.map_err(drop)
}

async fn join(mut client: TcpStream, mut router: TcpStream) {
    drop(copy_bidirectional(&mut client, &mut router).await);
}

/// Listens, and sends back what one connection sends.
async fn router() -> (u16, JoinHandle<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let echoing = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut write) = stream.split();
        copy(&mut read, &mut write).await.unwrap()
    });
    (port, echoing)
}

async fn dial_through(proxy: &str, url: &str) -> Result<Dialled, DialError> {
    let endpoint: Endpoint = url.parse().unwrap();
    let options = DialOptions::default().proxy(proxy.parse().unwrap());
    dial(&endpoint, &options).await
}

async fn converse(result: Result<Dialled, DialError>) -> Dialled {
    let mut dialled = result.unwrap_or_else(|error| panic!("{error}"));
    dialled.stream.write_all(b"hello").await.unwrap();
    dialled.stream.flush().await.unwrap();
    let mut read = [0; 5];
    dialled.stream.read_exact(&mut read).await.unwrap();
    assert_eq!(read, *b"hello");
    dialled
}

fn why(result: Result<Dialled, DialError>) -> ProxyError {
    match result {
        Err(DialError::Proxy { error, .. }) => error,
        Err(other) => panic!("{other}"),
        Ok(dialled) => panic!("{dialled:?}"),
    }
}

const SCHEMES: [&str; 2] = ["http", "socks5"];

#[tokio::test]
async fn a_router_whose_name_only_the_proxy_knows_is_reached() {
    for scheme in SCHEMES {
        let proxy = start(scheme, None).await;
        for host in ["router.invalid", "127.0.0.1"] {
            let (port, echoing) = router().await;
            let url = format!("ws://{host}:{port}");
            let result = dial_through(&format!("{scheme}://{proxy}"), &url).await;
            let dialled = converse(result).await;
            assert_eq!(dialled.info.peer_addr, None);
            assert!(dialled.info.local_addr.is_some());
            drop(dialled);
            assert_eq!(echoing.await.unwrap(), 5);
        }
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_is_spoken_with_the_router_inside_the_tunnel() {
    use super::certificates::{Authority, serve};
    use wamp_net::tls::ClientTls;

    let authority = Authority::new();
    for scheme in SCHEMES {
        let proxy = start(scheme, None).await;
        let (address, serving) = serve(authority.router(&["router.invalid"])).await;
        let url = format!("wss://router.invalid:{}/ws", address.port());
        let options = DialOptions::default()
            .proxy(format!("{scheme}://{proxy}").parse().unwrap())
            .tls(ClientTls::default().root_pem(authority.pem()));
        let endpoint: Endpoint = url.parse().unwrap();
        let mut dialled = converse(dial(&endpoint, &options).await).await;
        let tls = dialled.info.tls.as_ref().unwrap();
        assert_eq!(tls.server_name.as_deref(), Some("router.invalid"));
        dialled.stream.shutdown().await.unwrap();
        serving.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn user_name_and_password_open_the_way_and_wrong_ones_do_not() {
    for scheme in SCHEMES {
        let proxy = start(scheme, Some("jo@e:se%cret")).await;
        let (port, _echoing) = router().await;
        let url = format!("rs://router.invalid:{port}");
        let through = async |login: &str| {
            let proxy = format!("{scheme}://{login}{proxy}");
            dial_through(&proxy, &url).await
        };
        let error = why(through("jo%40e:wrong@").await);
        assert!(matches!(error, ProxyError::Credentials), "{error}");
        let error = why(through("").await);
        assert!(matches!(error, ProxyError::NoCredentials), "{error}");
        converse(through("jo%40e:se%25cret@").await).await;
    }
}

#[tokio::test]
async fn a_router_that_the_proxy_does_not_reach_is_told_with_both_places() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    for scheme in SCHEMES {
        let proxy = start(scheme, None).await;
        let url = format!("ws://{address}");
        let error = dial_through(&format!("{scheme}://joe:secret@{proxy}"), &url)
            .await
            .unwrap_err();
        let text = error.to_string();
        let begin = format!("{address} could not be reached through the proxy {proxy}: ");
        assert!(text.starts_with(&begin), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        let error = why(Err(error));
        assert!(matches!(error, ProxyError::Refused(_)), "{error}");

        // And where the proxy itself is not there.
        let error = dial_through(&format!("{scheme}://{address}"), "ws://router.invalid").await;
        let text = error.unwrap_err().to_string();
        let begin = format!("router.invalid:80 could not be reached through the proxy {address}: ");
        assert!(text.starts_with(&begin), "{text}");
        assert!(text.contains("refused"), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_proxy_is_asked_about_its_port() {
    for scheme in SCHEMES {
        for answer in ["SSH-2.0-x\r\n", ""] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let proxy = format!("{scheme}://{}", listener.local_addr().unwrap());
            let answering = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                stream.read_to_end(&mut Vec::new()).await
            };
            let (result, _) = tokio::join!(dial_through(&proxy, "ws://h"), answering);
            let error = why(result);
            let expected = match answer {
                "" => matches!(error, ProxyError::Closed),
                _ => matches!(error, ProxyError::BadAnswer(_)),
            };
            assert!(expected, "{error}");
            assert!(error.to_string().contains("port of its URL"), "{error}");
        }
    }
}

/// Dials through a proxy that reads and never answers; returns when it has been asked something.
async fn unanswered(scheme: &str) -> (JoinHandle<Result<Dialled, DialError>>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("{scheme}://{}", listener.local_addr().unwrap());
    let dialling = tokio::spawn(async move { dial_through(&proxy, "ws://h").await });
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_u8().await.unwrap();
    (dialling, stream)
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_ends_with_the_timeout() {
    let (dialling, _stream) = unanswered("http").await;
    // From here on time passes when nothing else happens.
    time::pause();
    let error = why(dialling.await.unwrap());
    assert!(matches!(error, ProxyError::TimedOut { after } if after.as_secs() == 10));
}

#[tokio::test]
async fn dropping_leaves_nothing_with_the_proxy() {
    for scheme in SCHEMES {
        let (dialling, mut stream) = unanswered(scheme).await;
        dialling.abort();
        // It ends, in order or not.
        drop(stream.read_to_end(&mut Vec::new()).await);
        assert!(dialling.await.unwrap_err().is_cancelled());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_needs_no_proxy() {
    let file = super::unix::SocketFile::new();
    let listener = tokio::net::UnixListener::bind(&file.0).unwrap();
    let options = DialOptions::default().proxy("http://127.0.0.1:1".parse().unwrap());
    let endpoint = file.endpoint("unix");
    let (dialled, accepted) = tokio::join!(dial(&endpoint, &options), listener.accept());
    dialled.unwrap();
    accepted.unwrap();
}

#[test]
fn a_proxy_is_parsed_and_shown_without_its_secrets() {
    let cases = [
        ("http://h", "Proxy(http://h:80)"),
        ("HTTP://h:3128/", "Proxy(http://h:3128)"),
        ("socks5://[::1]", "Proxy(socks5://[::1]:1080)"),
        ("socks5h://10.0.0.1:9050", "Proxy(socks5://10.0.0.1:9050)"),
        ("http://joe:secret@h:1", "Proxy(http://REDACTED@h:1)"),
        ("http://joe@h:1", "Proxy(http://REDACTED@h:1)"),
        ("socks5://joe:s@e:c%ret%41@h", ""),
        (
            "socks5://joe:s@e:c%25ret@h",
            "Proxy(socks5://REDACTED@h:1080)",
        ),
    ];
    for (url, shown) in cases {
        match url.parse::<Proxy>() {
            Ok(proxy) => assert_eq!(format!("{proxy:?}"), shown, "{url}"),
            Err(error) => {
                assert_eq!((error, shown), (ProxyUrlError::BadCredentials, ""), "{url}");
            }
        }
    }
}

#[test]
fn what_is_no_proxy_s_url_is_refused_and_not_repeated() {
    use ProxyUrlError::*;
    let long = format!("socks5://joe:{}@h", "secret".repeat(50));
    let cases = [
        ("secret:3128", UnknownScheme),
        ("https://secret", UnknownScheme),
        ("socks4://secret", UnknownScheme),
        ("http://", BadAddress),
        ("http://joe:secret@", BadAddress),
        ("http://secret:0", BadAddress),
        ("http://secret/path", BadAddress),
        ("http://secret?x", BadAddress),
        ("http://joe:secret@secret secret", BadAddress),
        ("http://jo%3ae:secret@h", BadCredentials),
        ("http://joe:secret%@h", BadCredentials),
        ("http://secret/@h", BadCredentials),
        ("http://secret:3128?@h", BadCredentials),
        ("socks5://joe:secret#@h", BadCredentials),
        ("socks5://secret\\@h", BadCredentials),
        ("socks5://:secret@h", BadCredentials),
        (&long, BadCredentials),
    ];
    for (url, error) in cases {
        let found = url.parse::<Proxy>().unwrap_err();
        assert!(!found.to_string().contains("secret"), "{found}");
        assert_eq!(found, error, "{url}");
    }
}
