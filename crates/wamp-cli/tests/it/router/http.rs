//! What is answered by HTTP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{CALLS, Folder, LISTENER, Process, config, join};
use crate::world::bounded;

/// Asks, and returns all that is answered.
async fn ask(address: &str, request: &str) -> String {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let sent = stream.write_all(request.as_bytes()).await;
        sent.expect("it is open");
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer).await;
        read.expect("it is answered, and closed in order");
        answer
    };
    bounded(asking).await
}

fn address(router: &Process) -> String {
    let url = router.url("http://");
    url.split('/').nth(2).expect("it is a URL").to_owned()
}

#[tokio::test]
async fn health_is_told_and_nothing_else() {
    let router = Process::start(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).await;
    let address = address(&router);
    let get = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        ask(&address, &request).await
    };
    let health = get("/health").await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    assert!(
        health.contains("content-type: application/json\r\n"),
        "{health}"
    );
    assert!(
        health.ends_with("\r\n\r\n{\"status\":\"ok\"}\n"),
        "{health}"
    );
    assert!(get("/health?x=1").await.starts_with("HTTP/1.1 200 "));
    for path in ["/", "/healthy", "/ws"] {
        assert!(get(path).await.starts_with("HTTP/1.1 404 "), "{path}");
    }
    let post = "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    let post = ask(&address, post).await;
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    assert!(post.contains("allow: GET, HEAD\r\n"), "{post}");
    let long = format!(
        "GET /health HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(1 << 14)
    );
    let long = ask(&address, &long).await;
    assert!(long.starts_with("HTTP/1.1 431 "), "{long}");
    let noise = ask(&address, "\x16\x03\x01 noise\r\n\r\n").await;
    assert!(noise.starts_with("HTTP/1.1 400 "), "{noise}");
}

#[tokio::test]
async fn metrics_tell_of_realms_and_listeners_as_they_are() {
    let folder = Folder::new();
    let text = |listeners: &str| {
        let http = "[http]\naddress = \"127.0.0.1:0\"\n";
        config(&format!("{listeners}{http}"), CALLS, "")
    };
    let file = folder.write("router.toml", &text(LISTENER));
    let mut router = Process::start(&["--config", &file]).await;
    let address = address(&router);
    let request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    let _session = join(&router.url("ws://"), "com.example").await.unwrap();
    let metrics = ask(&address, request).await;
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(
        metrics.contains("content-type: application/openmetrics-text"),
        "{metrics}"
    );
    assert!(
        metrics.contains("wamp_sessions{realm=\"com.example\"} 1\n"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let listener = format!("listener=\"unix:{}\"", folder.path("wamp.sock"));
    assert!(!metrics.contains(&listener), "{metrics}");

    let unix = format!("{LISTENER}[[listener]]\naddress = \"unix:wamp.sock\"\n");
    folder.write("router.toml", &text(&unix));
    router.reload().await;
    let metrics = ask(&address, request).await;
    assert!(metrics.contains(&listener), "{metrics}");
    assert!(
        metrics.contains("wamp_sessions{realm=\"com.example\"} 1\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn those_who_say_nothing_do_not_hold_up_others() {
    let router = Process::start(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).await;
    let address = address(&router);
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(&*address).await.unwrap());
    }
    let request = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    let health = ask(&address, request).await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
}

#[tokio::test]
async fn while_it_ends_it_is_not_healthy() {
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--shutdown-timeout",
        "1h",
    ];
    let mut router = Process::start(&args).await;
    let address = address(&router);
    // One that does not answer GOODBYE keeps it from its end.
    let url = router.url("rs://").replace("rs://", "");
    let mut stream = TcpStream::connect(url).await.unwrap();
    let hello = b"[1,\"realm1\",{\"roles\":{\"caller\":{}}}]";
    let frame = [&[0x7f, 0xf1, 0, 0, 0, 0, 0, hello.len() as u8][..], hello].concat();
    stream.write_all(&frame).await.unwrap();
    bounded(stream.read_exact(&mut [0; 9])).await.unwrap();

    router.running.signal("TERM").await;
    let said = router.running.note().await;
    assert!(said.contains("ending"), "{said}");
    let request = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    let health = ask(&address, request).await;
    assert!(health.starts_with("HTTP/1.1 503 "), "{health}");
    assert!(health.ends_with("{\"status\":\"ending\"}\n"), "{health}");
    assert!(join(&router.url("ws://"), "realm1").await.is_err());
    drop(stream);
    let (status, _) = router.running.end().await;
    assert!(status.success(), "{status}");
}
