//! What people are told who cannot connect, and programs.

use std::error::Error;
use std::fmt;

use tokio::net::TcpListener;
use wamp::net::tls::{ClientTls, ClientTlsError, ServerTls};
use wamp::net::{DialError, EndpointError, ListenLimits};
use wamp::{
    Connect, ConnectError, Connector, ConnectorError, Dial, Realm, Router, Transport, async_trait,
    rawsocket, websocket,
};

async fn told(url: &str) -> String {
    let connecting = wamp::connect(url).realm("realm1").await;
    connecting.expect_err("nobody is there").to_string()
}

#[tokio::test]
async fn the_address_of_a_router_that_is_not_there_is_said_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let text = told(&format!("ws://{address}/ws")).await;
    assert_eq!(text.matches(&address).count(), 1, "{text}");
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn a_url_that_is_none_is_shown_with_what_to_do() {
    let text = told("127.0.0.1:8090").await;
    assert!(text.contains("127.0.0.1:8090: "), "{text}");
    assert!(text.contains("write ws:// before it"), "{text}");
    let text = told("http://router.example").await;
    assert!(text.contains("http://router.example: "), "{text}");
    assert!(text.contains("none of WAMP's"), "{text}");
}

#[tokio::test]
async fn a_secret_in_a_url_is_not_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let address = listener.expect("a free port").local_addr();
    let asking = format!("ws://{}/?token=secret", address.expect("it was bound"));
    for url in [
        "ws://joe:secret@h/",
        "wss://joe:secret@h/",
        "joe:secret@h",
        "ws://h/?token=secret#there",
        &asking,
    ] {
        let text = told(url).await;
        assert!(!text.contains("secret"), "{text}");
        let shown = format!("{:?}", Dial::new(url));
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn a_client_too_many_is_told_so_and_welcome_when_another_has_gone() {
    let router = Router::builder().realm(Realm::new("realm1")).build();
    let limits = ListenLimits::default().connections(1);
    let server = router.listen("127.0.0.1:0").limits(limits).await;
    let url = server.expect("there is a free port").url();
    let only = wamp::connect(&url).realm("realm1").await;
    let only = only.expect("there is room for one");
    let text = told(&url).await;
    assert!(text.contains("503"), "{text}");
    assert!(text.contains("too many connections"), "{text}");

    only.leave().await.expect("it is open");
    // The place is free when the connection has ended, which is after the session has.
    while wamp::connect(&url).realm("realm1").await.is_err() {}
}

async fn cause(connect: Connect) -> ConnectorError {
    match connect.realm("realm1").await {
        Err(ConnectError::Connect(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The first error of a type in the chain of sources, as a program walks it that knows nothing of
/// this library but the type.
fn in_chain<T: Error + 'static>(error: &ConnectError) -> Option<&T> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn router() -> Router {
    Router::builder().realm(Realm::new("realm1")).build()
}

#[tokio::test]
async fn a_port_on_which_nobody_listens_is_the_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    for scheme in ["ws", "rs"] {
        let error = cause(wamp::connect(format!("{scheme}://{address}"))).await;
        let Some(DialError::Unreachable { place, .. }) = error.downcast_ref() else {
            panic!("{error:?}")
        };
        assert_eq!(*place, address);
        assert!(error.downcast_ref::<ClientTlsError>().is_none());
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_the_cause() {
    let key = rcgen::KeyPair::generate().expect("there is randomness");
    let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
    let mut server = async |expired| {
        if expired {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let certificate = params.self_signed(&key).expect("it is the key").pem();
        let tls = ServerTls::from_pem(&certificate, key.serialize_pem()).expect("they fit");
        let server = router().listen("127.0.0.1:0").tls(tls).await;
        (server.expect("a free port"), certificate)
    };

    // Another root is trusted than the one that signed it.
    let mut other = rcgen::CertificateParams::default();
    let name = rcgen::DnType::CommonName;
    other.distinguished_name.push(name, "somebody else");
    let other = other.self_signed(&key).expect("it is the key").pem();
    let trusting = ClientTls::default().root_pem(other);
    let (unknown, _) = server(false).await;
    for url in [unknown.url(), unknown.rawsocket_url()] {
        let connecting = Dial::new(url).tls(trusting.clone()).connect();
        let error = connecting.realm("realm1").await.expect_err("nobody knows");
        let found = in_chain::<ClientTlsError>(&error);
        assert!(
            matches!(found, Some(ClientTlsError::UnknownIssuer)),
            "{found:?}"
        );
        let found = in_chain::<DialError>(&error);
        assert!(matches!(found, Some(DialError::Tls { .. })), "{found:?}");
    }

    let (expired, certificate) = server(true).await;
    let trusting = ClientTls::default().root_pem(certificate);
    for url in [expired.url(), expired.rawsocket_url()] {
        let error = cause(Dial::new(url).tls(trusting.clone()).connect()).await;
        let found = error.downcast_ref::<ClientTlsError>();
        assert!(matches!(found, Some(ClientTlsError::Expired)), "{found:?}");
    }
}

#[tokio::test]
async fn the_refusal_of_a_full_router_is_the_cause() {
    let limits = ListenLimits::default().connections(1);
    let server = router().listen("127.0.0.1:0").limits(limits).await;
    let server = server.expect("there is a free port");
    let only = wamp::connect(server.url()).realm("realm1").await;
    let _only = only.expect("there is room for one");

    let error = cause(wamp::connect(server.rawsocket_url())).await;
    let Some(rawsocket::ConnectError::Refused { error: refusal }) = error.downcast_ref() else {
        panic!("{error:?}")
    };
    assert_eq!(*refusal, rawsocket::HandshakeError::MAX_CONNECTIONS);

    let error = cause(wamp::connect(server.url())).await;
    let found = error.downcast_ref();
    assert!(
        matches!(
            found,
            Some(websocket::ConnectError::Refused { status: 503, .. })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_url_is_the_cause() {
    let error = cause(wamp::connect("http://router.example")).await;
    assert_eq!(error.downcast_ref(), Some(&EndpointError::UnknownScheme));
    let error = cause(wamp::connect("ws://joe:secret@h/")).await;
    assert_eq!(error.downcast_ref(), Some(&EndpointError::Credentials));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

/// A connector that never has a transport.
struct Unplugged;

#[derive(Debug, PartialEq)]
struct NoCable {
    socket: u8,
}

impl fmt::Display for NoCable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no cable in the socket {}", self.socket)
    }
}

impl Error for NoCable {}

#[async_trait]
impl Connector for Unplugged {
    async fn connect(&self) -> Result<Box<dyn Transport>, ConnectError> {
        let cause = NoCable { socket: 3 };
        Err(ConnectorError::new(format!("at the wall: {cause}")).because(cause))?
    }
}

#[tokio::test]
async fn the_error_of_a_foreign_connector_is_the_cause() {
    let error = Connect::with(Unplugged).await.expect_err("it has none");
    assert_eq!(
        error.to_string(),
        "could not connect: at the wall: there is no cable in the socket 3"
    );
    assert_eq!(in_chain(&error), Some(&NoCable { socket: 3 }));
    let error = cause(Connect::with(Unplugged)).await.clone();
    assert_eq!(error.downcast_ref(), Some(&NoCable { socket: 3 }));
}
