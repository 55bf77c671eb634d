//! Every transport that a URL can name, through the facade and over real sockets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wamp::net::tls::{ClientTls, ServerTls};
use wamp::net::{DialOptions, ListenError, ListenLimits, Rate};
use wamp::{
    AcceptError, AcceptOptions, ConnectError, ConnectionInfo, Dial, Realm, Router, Session,
};

use crate::world::bounded;

/// A directory for sockets and certificates that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wamp-it-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("there is a place for temporary files");
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Writes a certificate for `localhost` that nobody has signed but itself, and its key.
    fn certificate(&self) -> (String, String) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("the names are names");
        let (cert, key) = (self.file("cert.pem"), self.file("key.pem"));
        std::fs::write(&cert, made.cert.pem()).expect("the folder can be written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("the folder can be written");
        (cert, key)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn router() -> Router {
    Router::builder().realm(Realm::new("realm1")).build()
}

async fn join(dial: Dial) -> Session {
    bounded(dial.connect().realm("realm1").into_future())
        .await
        .expect("the router is there")
}

/// Why there is no connection to this URL.
async fn refusal(url: &str) -> String {
    let refused = bounded(wamp::connect(url).realm("realm1").into_future()).await;
    match refused {
        Err(ConnectError::Connect(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Each of the sessions calls what each of them offers, and itself.
async fn call_each_other(sessions: &[Session]) {
    for (at, session) in sessions.iter().enumerate() {
        let procedure = format!("com.example.p{at}");
        let handler = move |text: String| async move { Ok((at, text)) };
        session
            .register(procedure, handler)
            .await
            .expect("it is free");
    }
    for session in sessions {
        for at in 0..sessions.len() {
            let long = "x".repeat(100_000);
            let call = session.call(format!("com.example.p{at}")).args((&long,));
            let (who, text): (usize, String) = bounded(call.returns().into_future())
                .await
                .expect("it answers");
            assert_eq!((who, text), (at, long));
        }
    }
}

#[tokio::test]
async fn one_port_serves_websocket_and_rawsocket() {
    let router = router();
    let server = router.listen("127.0.0.1:0").await.expect("a free port");
    let (by_websocket, by_rawsocket) = (server.url(), server.rawsocket_url());
    assert!(
        by_websocket.starts_with("ws://127.0.0.1:"),
        "{by_websocket}"
    );
    assert!(
        by_rawsocket.starts_with("rs://127.0.0.1:"),
        "{by_rawsocket}"
    );
    let sessions = [
        join(Dial::new(by_websocket)).await,
        join(Dial::new(by_rawsocket)).await,
    ];
    let transports = sessions
        .each_ref()
        .map(|session| session.connection_info().transport);
    assert_eq!(transports, ["websocket", "rawsocket"]);
    call_each_other(&sessions).await;
}

#[tokio::test]
async fn one_port_with_tls_serves_both_and_nobody_without() {
    let folder = Folder::new("tls");
    let (cert, key) = folder.certificate();
    let tls = ServerTls::from_pem_files(&cert, &key).expect("they were just made");
    let router = router();
    let server = router
        .listen("127.0.0.1:0")
        .tls(tls)
        .await
        .expect("a free port");
    let trusting = ClientTls::default().root_pem_file(&cert);
    let mut sessions = Vec::new();
    for url in [server.url(), server.rawsocket_url()] {
        assert!(
            url.starts_with("wss://") || url.starts_with("rss://"),
            "{url}"
        );
        sessions.push(join(Dial::new(&url).tls(trusting.clone())).await);
        // The platform does not know this root.
        let refused = bounded(wamp::connect(&url).realm("realm1").into_future()).await;
        let text = refused.expect_err("nobody vouches for it").to_string();
        assert!(text.contains("root_pem"), "{text}");
        // Who comes without TLS is told so: by the router, or where it cannot, by the client.
        let plain = url.replacen("ss://", "s://", 1);
        let text = refusal(&plain).await;
        let told = match plain.starts_with("ws://") {
            true => "400: \"This port wants TLS",
            false => "does it want TLS (rss://)",
        };
        assert!(text.contains(told), "{text}");
    }
    for session in &sessions {
        let tls = session
            .connection_info()
            .tls
            .as_ref()
            .expect("it is encrypted");
        assert_eq!(tls.version, "TLS 1.3");
    }
    call_each_other(&sessions).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_serves_both() {
    let folder = Folder::new("unix socket");
    let file = folder.file("wamp.sock");
    let router = router();
    let server = router
        .listen(format!("unix:{file}"))
        .await
        .expect("the folder is empty");
    let urls = [
        server.url(),
        server.rawsocket_url(),
        format!("rs://unix:{file}"),
        format!("ws+unix:{file}:/ws?x=y"),
    ];
    let mut sessions = Vec::new();
    for url in urls {
        sessions.push(join(Dial::new(url)).await);
    }
    call_each_other(&sessions).await;
    router.shutdown(Duration::from_secs(60)).await;
    while Path::new(&file).exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_not_to_be_spoken_is_not_understood() {
    let router = router();
    let listen = |options| {
        let listen = router.listen("127.0.0.1:0").options(options);
        async { listen.await.expect("a free port") }
    };
    let only_rawsocket = listen(AcceptOptions::default().without_websocket()).await;
    assert!(only_rawsocket.url().starts_with("rs://"));
    let by_websocket = only_rawsocket.url().replacen("rs://", "ws://", 1);
    let only_websocket = listen(AcceptOptions::default().without_rawsocket()).await;
    for (url, text) in [
        (by_websocket, "404: \"This port speaks RawSocket only"),
        (only_websocket.rawsocket_url(), "closed before the router"),
    ] {
        let refused = refusal(&url).await;
        assert!(refused.contains(text), "{refused}");
    }
    join(Dial::new(only_rawsocket.url())).await;
    join(Dial::new(only_websocket.url())).await;

    // A whole request of RawSocket, and more: the connection ends, and is not reset.
    let address = only_websocket.local_addr().expect("it is TCP");
    let mut stream = TcpStream::connect(address).await.expect("it is accepted");
    let octets = [&[0x7f, 0xf1, 0, 0][..], &[0; 1000]].concat();
    stream.write_all(&octets).await.expect("it is open");
    let mut answer = Vec::new();
    bounded(stream.read_to_end(&mut answer))
        .await
        .expect("it is not reset");
    assert_eq!(answer.len(), 0);
}

#[tokio::test]
async fn a_port_on_which_nothing_is_spoken_is_not_listened_on() {
    let router = router();
    let nothing = AcceptOptions::default()
        .without_websocket()
        .without_rawsocket();
    let listening = router.listen("127.0.0.1:0").options(nothing.clone()).await;
    let error = listening.expect_err("nobody could be served");
    assert!(matches!(error, ListenError::NothingSpoken), "{error}");

    let (_near, far) = tokio::io::duplex(64);
    let serving = router.accept_stream(far, ConnectionInfo::new("pipe"), &nothing);
    let error = bounded(serving).await.expect_err("it cannot be served");
    assert!(matches!(error, AcceptError::NothingSpoken), "{error}");
}

#[tokio::test]
async fn a_client_too_many_is_told_so_by_rawsocket_too() {
    let router = router();
    let limits = ListenLimits::default().connections(1);
    let server = router
        .listen("127.0.0.1:0")
        .limits(limits)
        .await
        .expect("a free port");
    let _only = join(Dial::new(server.url())).await;
    let address = server.local_addr().expect("it is TCP");
    let mut stream = TcpStream::connect(address).await.expect("it is accepted");
    stream
        .write_all(&[0x7f, 0xf1, 0, 0])
        .await
        .expect("it is open");
    let mut answer = Vec::new();
    bounded(stream.read_to_end(&mut answer))
        .await
        .expect("it is not reset");
    assert_eq!(answer, [0x7f, 0x40, 0, 0]);
    let refused = bounded(
        wamp::connect(server.rawsocket_url())
            .realm("realm1")
            .into_future(),
    );
    let text = refused.await.expect_err("there is no room").to_string();
    assert!(text.contains("maximum connection count reached"), "{text}");
}

#[tokio::test]
async fn clients_that_never_say_hello_make_room_for_those_who_do() {
    let router = router();
    let limits = ListenLimits::default().connections(8).handshakes(4);
    let server = router.listen("127.0.0.1:0").limits(limits).await;
    let server = server.expect("a free port");
    let address = server.local_addr().expect("it is TCP");
    let mut silent = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(address).await.expect("it is accepted");
        let request = stream.write_all(&[0x7f, 0xf1, 0, 0]).await;
        request.expect("it is open");
        let mut answer = [0; 4];
        bounded(stream.read_exact(&mut answer))
            .await
            .expect("it is answered");
        assert_eq!(answer, [0x7f, 0xf1, 0, 0]);
        silent.push(stream);
    }
    for url in [server.url(), server.rawsocket_url()] {
        join(Dial::new(url)).await;
    }
    // The oldest has made room.
    let oldest = silent.first_mut().expect("there are some");
    let ended = bounded(oldest.read(&mut [0])).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn what_is_said_of_a_connection_is_kept_in_any_order() {
    let folder = Folder::new("order");
    let (cert, key) = folder.certificate();
    let tls = ServerTls::from_pem_files(&cert, &key).expect("they were just made");
    let router = router();
    let server = router.listen("127.0.0.1:0").tls(tls).await;
    let url = server.expect("a free port").url();
    let trusting = ClientTls::default().root_pem_file(&cert);
    let patient = |options: DialOptions| options.connect_timeout(Duration::from_secs(60));
    join(Dial::new(&url).tls(trusting.clone()).dialling(patient)).await;
    join(Dial::new(&url).dialling(patient).tls(trusting)).await;
}

#[tokio::test]
async fn connections_above_the_rate_wait_and_are_served() {
    let router = router();
    let limits = ListenLimits::default().rate(Rate::per_second(20).burst(2));
    let server = router
        .listen("127.0.0.1:0")
        .limits(limits)
        .await
        .expect("a free port");
    for _ in 0..6 {
        join(Dial::new(server.rawsocket_url())).await;
    }
}

#[tokio::test]
async fn a_stream_of_any_kind_is_served_by_what_it_speaks() {
    let router = router();
    let serializer = wamp::Serializer::cbor();
    let (near, far) = tokio::io::duplex(4096);
    let serving = tokio::spawn(async move {
        let options = AcceptOptions::default();
        router
            .accept_stream(far, ConnectionInfo::new("pipe"), &options)
            .await
    });
    let options = wamp::rawsocket::ConnectOptions::default();
    let info = ConnectionInfo::new("pipe");
    let transport = wamp::rawsocket::connect(near, info, &serializer, &options).await;
    let session = wamp::Connect::over(transport.expect("it is accepted")).realm("realm1");
    let session = session.await.expect("the realm is open");
    session.leave().await.expect("it is open");
    drop(session);
    bounded(serving)
        .await
        .expect("no panic")
        .expect("it was accepted");
}

#[tokio::test]
async fn changed_options_are_for_those_who_come_later() {
    let router = router();
    let server = router.listen("127.0.0.1:0").await.expect("a free port");
    let before = server.url();
    let early = join(Dial::new(&before)).await;

    let options = AcceptOptions::default()
        .websocket(|options| options.path("/later"))
        .without_rawsocket();
    server.set_options(options).expect("WebSocket is spoken");
    assert!(server.url().ends_with("/later"), "{}", server.url());
    join(Dial::new(server.url())).await;
    let text = refusal(&before).await;
    assert!(text.contains("404"), "{text}");
    refusal(&server.rawsocket_url()).await;
    let still = early.call("com.example.none").await;
    assert!(matches!(still, Err(wamp::CallError::Application(_))));

    let nothing = AcceptOptions::default()
        .without_rawsocket()
        .without_websocket();
    let refused = server.set_options(nothing);
    assert!(matches!(refused, Err(ListenError::NothingSpoken)));
    join(Dial::new(server.url())).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_the_router_has_shut_down_its_listeners_are_gone() {
    let folder = Folder::new("gone");
    for _ in 0..50 {
        let router = router();
        let socket = folder.file("gone.sock");
        let listening = router.listen(format!("unix:{socket}")).await;
        listening.expect("the path is free");
        assert!(Path::new(&socket).exists());
        bounded(router.shutdown(Duration::from_secs(60))).await;
        assert!(!Path::new(&socket).exists());
    }
}

#[tokio::test]
async fn limits_of_a_listener_change_while_it_listens() {
    let router = router();
    let limits = ListenLimits::default().connections(1);
    let server = router.listen("127.0.0.1:0").limits(limits.clone()).await;
    let server = server.expect("a free port");
    let first = join(Dial::new(server.url())).await;
    assert!(refusal(&server.url()).await.contains("503"));
    server.set_limits(&limits.connections(2));
    join(Dial::new(server.url())).await;
    assert_eq!(server.counts().failed.of("no_room"), 1);
    drop(first);
}
