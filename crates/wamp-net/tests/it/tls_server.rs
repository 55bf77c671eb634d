//! TLS on the side of the server; the client is rustls itself.

mod certificates;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use wamp_net::listen::UnixOptions;
use wamp_net::tls::{ServerTls, ServerTlsError, TlsVersion};
use wamp_net::{Accepted, HandshakeError, ListenLimits, Listener};

/// A certificate for `localhost`, signed by itself, and its key.
struct Pair {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl Pair {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self {
            certificate: made.cert.der().clone(),
            certificate_pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
        }
    }

    fn tls(&self) -> ServerTls {
        ServerTls::from_pem(&self.certificate_pem, &self.key_pem).unwrap()
    }
}

/// What a client knows, which trusts one certificate and nothing else.
fn client(trusted: &CertificateDer<'static>, versions: &[TlsVersion]) -> ClientConfig {
    let versions: Vec<_> = versions
        .iter()
        .map(|version| match version {
            TlsVersion::V1_3 => &rustls::version::TLS13,
            _ => &rustls::version::TLS12,
        })
        .collect();
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

const BOTH: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

async fn listen(tls: &ServerTls) -> Listener {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    listener.tls(tls.clone())
}

async fn open(listener: &Listener) -> TcpStream {
    let address = listener.local_addr().unwrap();
    TcpStream::connect(address).await.unwrap()
}

type Both = (
    io::Result<TlsStream<TcpStream>>,
    Result<Accepted, HandshakeError>,
);

/// Client and server shake hands.
async fn meet(listener: &Listener, config: ClientConfig) -> Both {
    let stream = open(listener).await;
    let name = ServerName::try_from("localhost").unwrap();
    tokio::join!(
        TlsConnector::from(Arc::new(config)).connect(name, stream),
        async { listener.accept().await.handshake().await },
    )
}

/// Octets pass in both directions.
async fn converse(client: &mut TlsStream<TcpStream>, server: &mut Accepted) {
    let mut octets = [0; 4];
    client.write_all(b"ping").await.unwrap();
    server.stream.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, b"ping");
    server.stream.write_all(b"pong").await.unwrap();
    server.stream.flush().await.unwrap();
    client.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, b"pong");
}

#[tokio::test]
async fn octets_pass_and_what_was_negotiated_is_known() {
    let pair = Pair::new();
    let listener = listen(&pair.tls()).await;
    for (version, name) in [(TlsVersion::V1_2, "TLS 1.2"), (TlsVersion::V1_3, "TLS 1.3")] {
        let (client, server) = meet(&listener, client(&pair.certificate, &[version])).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        converse(&mut client, &mut server).await;
        let tls = server.info.tls.clone().unwrap();
        assert_eq!(tls.version, name);
        assert!(tls.cipher_suite.starts_with("TLS"), "{tls:?}");
        assert_eq!(tls.server_name.as_deref(), Some("localhost"));
        assert_eq!(tls.alpn, None);
        assert_eq!(server.info.transport, "tcp");
        assert_eq!(server.info.peer_addr, client.get_ref().0.local_addr().ok());
    }
}

#[tokio::test]
async fn http_is_offered_to_clients_that_ask_by_alpn() {
    let pair = Pair::new();
    let listener = listen(&pair.tls()).await;
    let mut config = client(&pair.certificate, &BOTH);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (client, server) = meet(&listener, config).await;
    let client = client.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let tls = server.unwrap().info.tls.unwrap();
    assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
}

#[tokio::test]
async fn versions_before_the_lowest_are_refused() {
    let pair = Pair::new();
    let listener = listen(&pair.tls().min_version(TlsVersion::V1_3)).await;
    let old = client(&pair.certificate, &[TlsVersion::V1_2]);
    let (client_side, server) = meet(&listener, old).await;
    assert!(client_side.is_err());
    let error = server.unwrap_err();
    assert!(matches!(error, HandshakeError::Tls(_)), "{error}");
    let (_, server) = meet(&listener, client(&pair.certificate, &BOTH)).await;
    assert_eq!(server.unwrap().info.tls.unwrap().version, "TLS 1.3");
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_certificate_is_told_of() {
    let listener = listen(&Pair::new().tls()).await;
    let (client, server) = meet(&listener, client(&Pair::new().certificate, &BOTH)).await;
    assert!(client.is_err());
    let error = server.unwrap_err();
    assert!(matches!(error, HandshakeError::Tls(_)), "{error}");
    assert!(error.to_string().contains("fatal alert"), "{error}");
}

/// What a listener with TLS says of a client that begins so, and what it tells that client.
async fn without_tls(hello: &[u8]) -> (HandshakeError, String) {
    let listener = listen(&Pair::new().tls()).await;
    let mut client = open(&listener).await;
    client.write_all(hello).await.unwrap();
    let talking = async {
        let mut told = String::new();
        // It ends in order, though not all was read that it sent.
        client.read_to_string(&mut told).await.unwrap();
        drop(client);
        told
    };
    let shaking = async { listener.accept().await.handshake().await };
    let (told, shaken) = tokio::join!(talking, shaking);
    (shaken.unwrap_err(), told)
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_is_told_of_at_once() {
    // A RawSocket client sends four octets and waits: that is less than a record of TLS.
    for hello in [&b"\x7f\xf1\x00\x00"[..], b"GET / HTTP/1.1\r\n"] {
        let (error, _) = without_tls(hello).await;
        let HandshakeError::NotTls { first } = error else {
            panic!("{error}")
        };
        assert_eq!(first, hello[0]);
        let text = error.to_string();
        assert!(text.contains("does not speak TLS"), "{text}");
        assert!(text.contains(&format!("{first:#04x}")), "{text}");
    }
}

#[tokio::test]
async fn a_client_of_http_without_tls_is_told_what_to_do_and_others_nothing() {
    let (_, told) = without_tls(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let (head, text) = told.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    let length = format!("Content-Length: {}", text.len());
    assert!(head.lines().any(|line| line == length), "{head}");
    assert!(text.contains("wants TLS"), "{text}");
    for hello in [&b"\x7f\xf1\x00\x00"[..], b"\x00", b"get / "] {
        assert_eq!(without_tls(hello).await.1, "");
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_its_handshake_is_told_of() {
    let listener = listen(&Pair::new().tls()).await;
    for hello in [&b""[..], b"\x16\x03\x01\x00"] {
        let mut client = open(&listener).await;
        client.write_all(hello).await.unwrap();
        drop(client);
        let error = listener.accept().await.handshake().await.unwrap_err();
        assert!(matches!(error, HandshakeError::Closed), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_finishes_is_given_up_in_time() {
    let listener = listen(&Pair::new().tls()).await;
    for hello in [&b""[..], b"\x16\x03\x01\x00"] {
        let mut client = open(&listener).await;
        client.write_all(hello).await.unwrap();
        let begin = Instant::now();
        let error = listener.accept().await.handshake().await.unwrap_err();
        assert!(matches!(error, HandshakeError::TimedOut { .. }), "{error}");
        assert_eq!(begin.elapsed(), Duration::from_secs(10));
    }
}

#[tokio::test]
async fn clients_that_never_finish_do_not_hold_up_others() {
    let pair = Pair::new();
    // Three silent ones take all places there are.
    let limits = ListenLimits::default().handshakes(3);
    let listener = listen(&pair.tls()).await.limits(&limits);
    let address = listener.local_addr().unwrap();
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let (ended, mut errors) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn(listener.run(std::future::pending(), move |incoming| {
        let ended = ended.clone();
        tokio::spawn(async move {
            match incoming.handshake().await {
                Ok(mut accepted) => accepted.stream.write_all(b"welcome").await.unwrap(),
                Err(error) => ended.send(error).unwrap(),
            }
        });
    }));
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client(&pair.certificate, &BOTH)));
    let name = ServerName::try_from("localhost").unwrap();
    let mut good = connector.connect(name, stream).await.unwrap();
    let mut octets = [0; 7];
    good.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, b"welcome");

    // The one that was there for longest has made room, and no other.
    let error = errors.recv().await.unwrap();
    assert!(
        matches!(error, HandshakeError::Ended { limit: 3 }),
        "{error}"
    );
    assert_eq!(silent[0].read(&mut [0]).await.unwrap(), 0);
    assert!(errors.try_recv().is_err());
    running.abort();
}

#[tokio::test]
async fn a_configuration_of_rustls_is_used_as_it_is() {
    let pair = Pair::new();
    let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.certificate.clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"own".to_vec()];
    let tls = ServerTls::rustls(Arc::new(config));
    let listener = listen(&tls).await;
    let mut config = client(&pair.certificate, &BOTH);
    config.alpn_protocols = vec![b"own".to_vec()];
    let (client, server) = meet(&listener, config).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    converse(&mut client, &mut server).await;
    let info = server.info.tls.unwrap();
    assert_eq!(
        (&*info.version, info.alpn.as_deref()),
        ("TLS 1.2", Some("own"))
    );
    assert!(matches!(tls.reload(), Err(ServerTlsError::NoFiles)));
}

#[cfg(unix)]
#[tokio::test]
async fn tls_passes_over_a_unix_socket_too() {
    let pair = Pair::new();
    let directory = crate::unix::Directory::new();
    let path = directory.socket();
    let listener = Listener::bind_unix(&path, &UnixOptions::default())
        .await
        .unwrap();
    let listener = listener.tls(pair.tls());
    let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client(&pair.certificate, &BOTH)));
    let name = ServerName::try_from("localhost").unwrap();
    let (client, server) = tokio::join!(connector.connect(name, stream), async {
        listener.accept().await.handshake().await
    });
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    assert_eq!(server.info.transport, "unix");
    assert!(server.info.tls.is_some());
    client.write_all(b"x").await.unwrap();
    assert_eq!(server.stream.read_u8().await.unwrap(), b'x');
}
