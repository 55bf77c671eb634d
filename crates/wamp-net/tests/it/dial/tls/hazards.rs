//! Peers that do not speak TLS, or not at all, and what they see of a client.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time;
use wamp_net::tls::{ClientTls, ClientTlsError};
use wamp_net::{DialError, DialOptions, Dialled, Endpoint, dial};

use super::{dial_by, why};
use crate::dial::certificates::{Authority, serve};

#[tokio::test]
async fn what_does_not_speak_tls_is_asked_about_its_port() {
    let tls = ClientTls::default().root_pem(Authority::new().pem());
    let http = "HTTP/1.1 400 Bad Request\r\n\r\n";
    for answer in [http, "SSH-2.0-x\r\n", "\x7f\0\0\0", ""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("wss://{}/secret", listener.local_addr().unwrap());
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut sent = Vec::new();
            stream.read_to_end(&mut sent).await.unwrap();
            sent
        };
        let (result, sent) = tokio::join!(dial_by(&url, &tls), answering);
        let error = why(result);
        let expected = match answer {
            "" => matches!(error, ClientTlsError::Closed),
            _ => matches!(error, ClientTlsError::NotTls),
        };
        assert!(expected, "{answer:?}: {error}");
        assert!(error.to_string().contains("right port"), "{error}");
        assert_only_tls(&sent);
    }
}

/// Every octet is in a record of TLS, and none of them shows what is requested.
fn assert_only_tls(mut octets: &[u8]) {
    let all = octets;
    assert!(!octets.is_empty());
    while let [kind, 3, _, high, low, rest @ ..] = octets {
        assert!((20..=23).contains(kind), "{all:?}");
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        octets = &rest[len..];
    }
    assert_eq!(octets, b"", "{all:?}");
    assert!(!all.windows(6).any(|window| window == b"secret"));
}

#[tokio::test]
async fn nothing_is_sent_that_is_not_encrypted() {
    let authority = Authority::new();
    let (address, serving) = serve(authority.router(&["127.0.0.1"])).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}/ws", listener.local_addr().unwrap());
    let tapping = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_router, mut to_router) =
            TcpStream::connect(address).await.unwrap().into_split();
        let back = tokio::spawn(async move {
            drop(tokio::io::copy(&mut from_router, &mut to_client).await);
        });
        let (mut sent, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match from_client.read(&mut buffer).await.unwrap() {
                0 => break,
                read => {
                    sent.extend_from_slice(&buffer[..read]);
                    to_router.write_all(&buffer[..read]).await.unwrap();
                }
            }
        }
        drop(to_router);
        back.await.unwrap();
        sent
    });
    let tls = ClientTls::default().root_pem(authority.pem());
    let mut dialled = dial_by(&url, &tls).await.unwrap();
    let message = b"secret".repeat(10_000);
    let (mut read, mut write) = tokio::io::split(&mut dialled.stream);
    let mut echoed = vec![0; message.len()];
    let (written, echo) = tokio::join!(
        async {
            write.write_all(&message).await?;
            write.flush().await
        },
        read.read_exact(&mut echoed)
    );
    written.unwrap();
    echo.unwrap();
    assert!(echoed == message);
    dialled.stream.shutdown().await.unwrap();
    drop(dialled);
    serving.await.unwrap().unwrap();
    let sent = tapping.await.unwrap();
    assert!(sent.len() > message.len());
    assert_only_tls(&sent);
}

/// Dials a server that reads and never answers; returns when the first octet of the handshake is
/// there.
async fn unanswered() -> (JoinHandle<Result<Dialled, DialError>>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let tls = ClientTls::default().root_pem(Authority::new().pem());
    let dialling = tokio::spawn(async move { dial_by(&url, &tls).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 22);
    (dialling, stream)
}

#[tokio::test]
async fn a_handshake_that_is_not_answered_ends_with_the_timeout() {
    let (dialling, _stream) = unanswered().await;
    // From here on time passes when nothing else happens.
    time::pause();
    let error = why(dialling.await.unwrap());
    assert!(matches!(error, ClientTlsError::TimedOut { after } if after.as_secs() == 10));
}

#[tokio::test]
async fn a_handshake_that_is_dropped_leaves_nothing() {
    let (dialling, mut stream) = unanswered().await;
    dialling.abort();
    // It ends, in order or not.
    drop(stream.read_to_end(&mut Vec::new()).await);
    assert!(dialling.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_timeout_beyond_all_time_is_none() {
    let (authority, listener) = (
        Authority::new(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let options = DialOptions::default()
        .connect_timeout(time::Duration::MAX)
        .tls(ClientTls::default().root_pem(authority.pem()));
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let endpoint: Endpoint = url.parse().unwrap();
    let accepting = async { drop(listener.accept().await.unwrap()) };
    let (result, ()) = tokio::join!(dial(&endpoint, &options), accepting);
    drop(why(result));
}
