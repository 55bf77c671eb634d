//! What the mounted router, and the site around it, answer.

use std::net::SocketAddr;

use tokio::task::JoinHandle;

use super::*;

/// The site with a router in it, of which the test is the client.
struct Site {
    addr: SocketAddr,
    router: Router,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

#[allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
impl Site {
    async fn open() -> Self {
        let router = Router::builder().realm(Realm::new("com.example")).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopping = async { stopped.await.unwrap_or_default() };
        let serving = tokio::spawn(serve(listener, router.clone(), stopping));
        Self {
            addr,
            router,
            stop,
            serving,
        }
    }

    /// Asks for a path with some headers, and returns all of the answer.
    async fn ask(&self, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn dial(&self, origin: &str) -> Dial {
        let origin = origin.to_owned();
        Dial::new(format!("ws://{}/ws", self.addr))
            .websocket(|options| options.header("Origin", origin))
    }
}

const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn a_client_is_served_until_the_site_ends() {
    let site = Site::open().await;
    let service = site.router.session("com.example").await.unwrap();
    service
        .register("com.example.where", |path: String| async move { Ok(path) })
        .await
        .unwrap();
    let client = site.dial(ORIGIN).connect().realm("com.example");
    let client = client.await.unwrap();
    assert_eq!(site.router.session_count("com.example"), Some(2));
    let call = client.call("com.example.where").args(("here",));
    assert_eq!(call.returns::<String>().await.unwrap(), "here");

    site.router.shutdown(Duration::from_secs(60)).await;
    assert_eq!(client.closed().await.reason, "wamp.close.system_shutdown");
    drop(site.stop);
    site.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let site = Site::open().await;
    let connect = site.dial("https://evil.example").connect();
    let error = connect.realm("com.example").await.unwrap_err();
    assert!(error.to_string().contains("403"), "{error}");
    assert_eq!(site.router.session_count("com.example"), Some(0));
}

#[tokio::test]
async fn what_is_no_client_is_answered_with_why() {
    let site = Site::open().await;
    let json = "Sec-WebSocket-Protocol: wamp.2.json\r\n";
    let cases = [
        (String::new(), "426 ", "upgrade: websocket\r\n"),
        (HANDSHAKE.to_owned(), "400 ", "wamp.2.json"),
        (
            format!("{HANDSHAKE}{json}Origin: https://evil.example\r\n"),
            "403 ",
            "origin",
        ),
    ];
    for (headers, status, contains) in cases {
        let answer = site.ask("/ws", &headers).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains(contains), "{answer}");
    }
}

#[tokio::test]
async fn the_rest_of_the_site_is_there() {
    let site = Site::open().await;
    let page = site.ask("/", "").await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert!(page.ends_with(PAGE), "{page}");
    let nothing = site.ask("/nothing", "").await;
    assert!(nothing.starts_with("HTTP/1.1 404 "), "{nothing}");
}

#[tokio::test]
async fn messages_that_come_behind_the_request_are_read() {
    let site = Site::open().await;
    let mut octets = format!(
        "GET /ws HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n"
    )
    .into_bytes();
    let hello = br#"[1,"com.example",{"roles":{"caller":{}}}]"#;
    // A text, masked with zeros.
    octets.extend([0x81, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0]);
    octets.extend(hello);
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    stream.write_all(&octets).await.unwrap();
    let mut answer = Vec::new();
    let welcome = b"[2,";
    while !answer.windows(welcome.len()).any(|found| found == welcome) {
        let read = stream.read_buf(&mut answer).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
}
