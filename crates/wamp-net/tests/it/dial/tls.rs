//! TLS: what is encrypted, who is trusted, and what is said about those who are not.

mod hazards;

use std::env;
use std::fs;
use std::process;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wamp_net::tls::rustls::crypto::ring;
use wamp_net::tls::rustls::{ClientConfig, RootCertStore, ServerConfig, version};
use wamp_net::tls::{ClientTls, ClientTlsError, TlsVersion};
use wamp_net::{DialError, DialOptions, Dialled, Endpoint, dial};

use super::certificates::{Authority, Seen, echo, params, self_signed, serve};

async fn dial_by(url: &str, tls: &ClientTls) -> Result<Dialled, DialError> {
    let endpoint: Endpoint = url.parse().unwrap();
    dial(&endpoint, &DialOptions::default().tls(tls.clone())).await
}

/// Dials a router and talks with it; returns what the router saw.
async fn converse(dialling: Result<Dialled, DialError>) -> Dialled {
    let mut dialled = dialling.unwrap_or_else(|error| panic!("{error}"));
    dialled.stream.write_all(b"hello").await.unwrap();
    dialled.stream.flush().await.unwrap();
    let mut read = [0; 5];
    dialled.stream.read_exact(&mut read).await.unwrap();
    assert_eq!(read, *b"hello");
    dialled.stream.shutdown().await.unwrap();
    dialled
}

/// Dials a router that is not to be trusted, and returns why not.
async fn refused(config: ServerConfig, host: &str, tls: &ClientTls) -> ClientTlsError {
    let (address, serving) = serve(config).await;
    let result = dial_by(&format!("wss://{host}:{}/ws", address.port()), tls).await;
    let error = why(result);
    let seen: Seen = serving.await.unwrap();
    assert!(seen.is_err(), "the router must not have had a client");
    error
}

fn why(result: Result<Dialled, DialError>) -> ClientTlsError {
    match result {
        Err(DialError::Tls { error, .. }) => error,
        Err(other) => panic!("{other}"),
        Ok(dialled) => panic!("{dialled:?}"),
    }
}

#[tokio::test]
async fn a_router_whose_authority_is_trusted_is_dialled() {
    let authority = Authority::new();
    let tls = ClientTls::default().root_pem(authority.pem());
    for scheme in ["wss", "rss"] {
        let (address, serving) = serve(authority.router(&["localhost"])).await;
        let url = format!("{scheme}://LocalHost:{}", address.port());
        let info = converse(dial_by(&url, &tls).await).await.info;
        assert_eq!(info.peer_addr, Some(address));
        let found = info.tls.unwrap();
        assert_eq!(found.version, "TLS 1.3");
        assert!(found.cipher_suite.starts_with("TLS13_"), "{found:?}");
        assert_eq!(found.server_name.as_deref(), Some("localhost"));
        assert_eq!(found.alpn, None);
        let (name, asked) = serving.await.unwrap().unwrap();
        assert_eq!(name.as_deref(), Some("localhost"));
        assert_eq!(asked, None);
    }
}

#[tokio::test]
async fn a_certificate_that_is_signed_by_itself_is_trusted_when_it_is_given() {
    let (pem, config) = self_signed(&["localhost"]);
    let (address, _serving) = serve(config).await;
    let url = format!("wss://localhost:{}", address.port());
    converse(dial_by(&url, &ClientTls::default().root_pem(pem)).await).await;
}

#[tokio::test]
async fn files_are_read_once_for_all_clones_and_again_after_an_error() {
    let authority = Authority::new();
    let name = format!("wamp-net-authority-{}.pem", process::id());
    let file = env::temp_dir().join(name);
    drop(fs::remove_file(&file));
    let tls = ClientTls::default().root_pem_file(&file);
    let error = why(dial_by("wss://127.0.0.1:1", &tls).await);
    assert!(matches!(&error, ClientTlsError::RootFile { path, .. } if *path == file));

    fs::write(&file, authority.pem()).unwrap();
    for _ in 0..2 {
        let (address, _serving) = serve(authority.router(&["127.0.0.1"])).await;
        converse(dial_by(&format!("wss://{address}"), &tls).await).await;
        drop(fs::remove_file(&file));
    }
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_told() {
    let config = || Authority::new().router(&["localhost"]);
    let other = ClientTls::default().root_pem(Authority::called("Another").pem());
    let error = refused(config(), "localhost", &other).await;
    assert!(matches!(error, ClientTlsError::UnknownIssuer), "{error}");
    assert!(error.to_string().contains("ClientTls::root_pem"));

    for renewed in [Authority::new(), Authority::of_another_kind()] {
        let renewed = ClientTls::default().root_pem(renewed.pem());
        let error = refused(config(), "localhost", &renewed).await;
        assert!(matches!(error, ClientTlsError::BadSignature), "{error}");
        assert!(error.to_string().contains("ClientTls::root_pem"));
    }

    // By default the platform's are trusted, among which it is not, if there are any.
    let (address, _serving) = serve(config()).await;
    let url = format!("wss://localhost:{}", address.port());
    let error = why(dial_by(&url, &ClientTls::default()).await);
    let expected = matches!(
        error,
        ClientTlsError::UnknownIssuer | ClientTlsError::NoPlatformRoots { .. }
    );
    assert!(expected, "{error}");
}

#[tokio::test]
async fn a_certificate_for_others_is_told_with_both_names() {
    let authority = Authority::new();
    let tls = ClientTls::default().root_pem(authority.pem());
    let config = authority.router(&["a.example", "10.0.0.1"]);
    let error = refused(config, "localhost", &tls).await;
    let ClientTlsError::NameMismatch {
        expected,
        presented,
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(expected, "localhost");
    assert_eq!(presented[..], ["a.example", "10.0.0.1"]);
    assert!(
        error.to_string().starts_with(
            "the router's certificate is not for localhost, but for a.example, 10.0.0.1; "
        ),
        "{error}"
    );
    // An address is no name, and a name no address.
    let config = authority.router(&["localhost"]);
    let error = refused(config, "127.0.0.1", &tls).await;
    assert!(
        matches!(&error, ClientTlsError::NameMismatch { expected, .. } if expected == "127.0.0.1"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_told() {
    let authority = Authority::new();
    let tls = ClientTls::default().root_pem(authority.pem());
    let valid = |from, to| {
        let mut params = params(&["localhost"]);
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        authority.router_by(&params, &[&version::TLS13])
    };
    let error = refused(valid(2000, 2001), "localhost", &tls).await;
    assert!(matches!(error, ClientTlsError::Expired), "{error}");
    let error = refused(valid(4000, 4001), "localhost", &tls).await;
    assert!(matches!(error, ClientTlsError::NotValidYet), "{error}");
}

#[tokio::test]
async fn the_certificate_of_an_authority_is_none_of_a_router() {
    let authority = Authority::new();
    let tls = ClientTls::default().root_pem(authority.pem());
    let error = refused(authority.router_of_its_own(), "localhost", &tls).await;
    assert!(matches!(error, ClientTlsError::CaCertificate), "{error}");
}

#[tokio::test]
async fn an_address_is_verified_by_the_addresses_of_the_certificate() {
    let authority = Authority::new();
    let tls = ClientTls::default().root_pem(authority.pem());
    let (address, serving) = serve(authority.router(&["127.0.0.1"])).await;
    let info = converse(dial_by(&format!("wss://{address}"), &tls).await)
        .await
        .info;
    assert_eq!(info.tls.unwrap().server_name, None);
    assert_eq!(serving.await.unwrap().unwrap().0, None);
}

#[tokio::test]
async fn another_name_can_be_asked_for_and_verified() {
    let authority = Authority::new();
    let tls = ClientTls::default()
        .root_pem(authority.pem())
        .server_name("router.example");
    let (address, serving) = serve(authority.router(&["router.example"])).await;
    let info = converse(dial_by(&format!("rss://{address}"), &tls).await)
        .await
        .info;
    let name = Some("router.example".to_owned());
    assert_eq!(info.tls.unwrap().server_name, name);
    assert_eq!(serving.await.unwrap().unwrap().0, name);

    // The host of the URL does not count then.
    let error = refused(authority.router(&["localhost"]), "localhost", &tls).await;
    let is_mismatch = matches!(error, ClientTlsError::NameMismatch { .. });
    assert!(is_mismatch, "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn tls_is_spoken_over_a_unix_socket_when_it_has_a_name() {
    let file = super::unix::SocketFile::new();
    let listener = tokio::net::UnixListener::bind(&file.0).unwrap();
    let authority = Authority::new();
    let config = authority.router(&["router.example"]);
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        echo(config, stream).await
    });
    let tls = ClientTls::default().root_pem(authority.pem());
    let endpoint = file.endpoint("rss+unix");
    let nameless = dial(&endpoint, &DialOptions::default().tls(tls.clone())).await;
    assert!(matches!(why(nameless), ClientTlsError::NoServerName));

    let options = DialOptions::default().tls(tls.server_name("router.example"));
    let info = converse(dial(&endpoint, &options).await).await.info;
    assert_eq!(info.tls.unwrap().version, "TLS 1.3");
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn tls_1_2_is_spoken_unless_it_is_too_old() {
    let authority = Authority::new();
    let old = || authority.router_by(&params(&["localhost"]), &[&version::TLS12]);
    let tls = ClientTls::default().root_pem(authority.pem());
    let (address, _serving) = serve(old()).await;
    let url = format!("wss://localhost:{}", address.port());
    let info = converse(dial_by(&url, &tls).await).await.info;
    let found = info.tls.unwrap();
    assert_eq!(found.version, "TLS 1.2");
    assert!(found.cipher_suite.starts_with("TLS_"), "{found:?}");

    let error = refused(old(), "localhost", &tls.min_version(TlsVersion::V1_3)).await;
    let is_version = matches!(error, ClientTlsError::NoCommonVersion(_));
    assert!(is_version, "{error}");
}

#[tokio::test]
async fn options_that_are_wrong_are_not_worth_a_connection() {
    let authority = Authority::new().pem();
    let good = || ClientTls::default().root_pem(&authority);
    let cases: [(ClientTls, &str); 8] = [
        (ClientTls::default().root_pem("no PEM"), "no CERTIFICATE"),
        (good().root_pem(""), "no CERTIFICATE"),
        (
            good().root_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "what was given to root_pem",
        ),
        (
            good().root_pem("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
            "what was given to root_pem",
        ),
        (good().root_pem_file("/no/such/file"), "/no/such/file"),
        (
            ClientTls::default().platform_roots(false),
            "nobody is trusted",
        ),
        (good().server_name("not a name"), "\"not a name\""),
        (
            good().rustls(own(RootCertStore::empty())),
            "remove root_pem",
        ),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for (tls, text) in cases {
        let error = why(dial_by(&format!("wss://{address}"), &tls).await);
        assert!(error.to_string().contains(text), "{error}");
    }
    // The next to come is the first.
    let next = TcpStream::connect(address).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, next.local_addr().unwrap());
}

fn own(roots: RootCertStore) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

#[tokio::test]
async fn a_configuration_of_rustls_is_used_as_it_is() {
    let authority = Authority::new();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der()).unwrap();
    let tls = ClientTls::default().rustls(own(roots));
    let (address, serving) = serve(authority.router(&["127.0.0.1"])).await;
    let info = converse(dial_by(&format!("wss://{address}"), &tls).await)
        .await
        .info;
    assert_eq!(info.tls.unwrap().alpn.as_deref(), Some("http/1.1"));
    let (_, asked) = serving.await.unwrap().unwrap();
    assert_eq!(asked.as_deref(), Some(&b"http/1.1"[..]));
}

/// The authorities of a platform come from a process's environment, so it takes another process.
#[tokio::test]
async fn the_platform_is_trusted_where_no_root_is_given_or_when_it_is_asked_for() {
    const URL: &str = "WAMP_NET_TEST_ROUTER";
    let another = || ClientTls::default().root_pem(Authority::called("Another").pem());
    if let Ok(url) = env::var(URL) {
        converse(dial_by(&url, &ClientTls::default()).await).await;
        let error = why(dial_by(&url, &another()).await);
        assert!(matches!(error, ClientTlsError::UnknownIssuer), "{error}");
        converse(dial_by(&url, &another().platform_roots(true)).await).await;
        return;
    }
    let authority = Authority::called("The platform's");
    let file = env::temp_dir().join(format!("wamp-net-platform-{}.pem", process::id()));
    fs::write(&file, authority.pem()).unwrap();
    let config = authority.router(&["127.0.0.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(echo(config.clone(), stream).await);
        }
    });
    let mut itself = process::Command::new(env::current_exe().unwrap());
    let name = "dial::tls::the_platform_is_trusted_where_no_root_is_given_or_when_it_is_asked_for";
    itself
        .args(["--exact", name])
        .env_remove("SSL_CERT_DIR")
        .env("SSL_CERT_FILE", &file)
        .env(URL, url);
    let running = tokio::task::spawn_blocking(move || itself.output());
    let output = running.await.unwrap().unwrap();
    serving.abort();
    drop(fs::remove_file(&file));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
fn what_is_trusted_is_not_shown_in_full() {
    let pem = Authority::new().pem();
    let options = DialOptions::default().tls(ClientTls::default().root_pem(&pem));
    let shown = format!("{options:?}");
    assert!(shown.contains(&format!("{} octets", pem.len())), "{shown}");
    assert!(!shown.contains("BEGIN"), "{shown}");
}
