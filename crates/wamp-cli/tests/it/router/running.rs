//! From the command line: what listens, what is said, how it ends.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use wamp::Dial;
use wamp::net::tls::ClientTls;

use super::stage::{Folder, NOBODY, Process, answer, join};
use crate::world::{Running, bounded, command, finish};

#[tokio::test]
async fn it_listens_where_it_says_and_serves_the_realms_that_are_named() {
    let folder = Folder::new();
    let socket = folder.path("wamp.sock");
    let router = Process::start(&[
        "--listen",
        "127.0.0.1:0",
        "--unix",
        &socket,
        "--realm",
        "com.example.a",
        "--realm",
        "com.example.b",
    ])
    .await;
    for scheme in ["ws://", "rs://", "ws+unix:", "unix:"] {
        let url = router.url(scheme);
        for realm in ["com.example.a", "com.example.b"] {
            let session = join(&url, realm).await.unwrap();
            assert_eq!(answer(&session, "com.example.none").await, NOBODY);
        }
        let refused = join(&url, "realm1").await.unwrap_err();
        assert!(refused.to_string().contains("no_such_realm"), "{refused}");
    }
    let said = router.said.join("\n");
    for part in [
        "realm com.example.a: open to everybody",
        "realm com.example.b: open to everybody",
        "ready; Ctrl-C ends it",
    ] {
        assert!(said.contains(part), "{said}");
    }
    router.end().await;
    assert!(!std::path::Path::new(&socket).exists());
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_nobody_up() {
    let router = Process::start(&["-vv", "--listen", "127.0.0.1:0"]).await;
    let url = router.url("rs://");
    // Far more than a pipe holds.
    for _ in 0..300 {
        let session = join(&url, "realm1").await.unwrap();
        bounded(session.leave().into_future()).await.unwrap();
    }
    // What waits is written when somebody reads, down to the last line.
    let said = router.end().await;
    assert_eq!(said.matches("a session was left").count(), 300, "{said}");
}

#[tokio::test]
async fn its_sessions_are_told_that_it_ends() {
    for signal in ["INT", "TERM"] {
        let router = Process::start(&["--listen", "127.0.0.1:0"]).await;
        let session = join(&router.url("ws://"), "realm1").await.unwrap();
        router.running.signal(signal).await;
        let closed = bounded(session.closed()).await;
        assert_eq!(closed.reason, "wamp.close.system_shutdown");
        let (status, _) = router.running.end().await;
        assert!(status.success(), "{status}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_a_file_a_hangup_ends_it_in_order_unless_it_is_ignored() {
    let router = Process::start(&["--listen", "127.0.0.1:0"]).await;
    let session = join(&router.url("ws://"), "realm1").await.unwrap();
    router.running.signal("HUP").await;
    let closed = bounded(session.closed()).await;
    assert_eq!(closed.reason, "wamp.close.system_shutdown");
    let (status, _) = router.running.end().await;
    assert!(status.success(), "{status}");

    // As `nohup` starts it.
    let router = Process::start_in("trap '' HUP", &["--listen", "127.0.0.1:0"]).await;
    let url = router.url("ws://");
    router.running.signal("HUP").await;
    join(&url, "realm1").await.unwrap();
    router.end().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn too_few_files_are_warned_of_once_for_the_limits_that_are_set() {
    let folder = Folder::new();
    let text = "[[listener]]\naddress = \"127.0.0.1:0\"\n[[realm]]\nname = \"a\"\n\
                [[listener]]\naddress = \"unix:x.sock\"\nlimits = { connections = 2000 }\n";
    let file = folder.write("router.toml", text);
    let mut router = Process::start_in("ulimit -n 1000", &["--config", &file]).await;
    let said = router.said.join("\n");
    // With the handshakes of that listener, and what is no connection.
    assert!(said.contains("ulimit -n 3152"), "{said}");
    let said = router.reload().await;
    assert!(!said.contains("ulimit"), "{said}");
    folder.write("router.toml", &text.replace("2000", "3000"));
    let said = router.reload().await;
    assert!(said.contains("ulimit -n 4152"), "{said}");
    router.end().await;
}

/// A client that has joined and then reads and writes nothing: it does not answer GOODBYE.
#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut router = Process::start(&["--listen", "127.0.0.1:0", "--shutdown-timeout", "1h"]).await;
    let address = router.url("rs://").replace("rs://", "");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let hello = b"[1,\"realm1\",{\"roles\":{\"caller\":{}}}]";
    let frame = [&[0x7f, 0xf1, 0, 0, 0, 0, 0, hello.len() as u8][..], hello].concat();
    stream.write_all(&frame).await.unwrap();
    let mut answer = [0; 9];
    bounded(stream.read_exact(&mut answer)).await.unwrap();
    router.running.signal("INT").await;
    let said = router.running.note().await;
    assert!(said.contains("another signal ends at once"), "{said}");
    router.running.signal("INT").await;
    let (status, _) = router.running.end().await;
    assert_eq!(status.code(), Some(130));
}

#[tokio::test]
async fn tls_is_spoken_over_tcp_with_the_certificate_that_is_given() {
    let folder = Folder::new();
    let pem = folder.certificate();
    let (cert, key) = (folder.path("cert.pem"), folder.path("key.pem"));
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    let router = Process::start(&args).await;
    let trusting = ClientTls::default().root_pem(&pem);
    for scheme in ["wss://", "rss://"] {
        let dialling = Dial::new(router.url(scheme)).tls(trusting.clone());
        let session = bounded(dialling.connect().realm("realm1").into_future()).await;
        assert!(session.unwrap().connection_info().tls.is_some());
    }
}

#[tokio::test]
async fn a_message_that_is_longer_than_it_may_be_is_refused() {
    let args = ["--listen", "127.0.0.1:0", "--max-message-size", "4KiB"];
    let router = Process::start(&args).await;
    let session = join(&router.url("rs://"), "realm1").await.unwrap();
    let call = session.call("com.example.none").args(("x".repeat(5_000),));
    let error = bounded(call.into_future()).await.unwrap_err();
    assert!(!error.to_string().contains("no_such_procedure"), "{error}");
}

#[tokio::test]
async fn connections_above_the_limit_are_refused() {
    let args = ["--listen", "127.0.0.1:0", "--max-connections", "1"];
    let router = Process::start(&args).await;
    let url = router.url("ws://");
    let first = join(&url, "realm1").await.unwrap();
    let refused = join(&url, "realm1").await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");
    drop(first);
}

#[tokio::test]
async fn bad_input_is_told_in_one_line() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let cases: [(&[&str], i32, &str); 13] = [
        (&["--listen", &taken], 1, "another program listens there"),
        (
            &["--http", &taken, "--listen", "127.0.0.1:0"],
            1,
            "another program listens there",
        ),
        (
            &["--check", "--listen", "[::1]:1", "--listen", "[::1]:1"],
            2,
            "[::1]:1 is listened on already",
        ),
        (
            &["--check", "--http", "127.0.0.1:8080"],
            2,
            "127.0.0.1:8080 is listened on already",
        ),
        (
            &["--check", "--realm", "a", "--realm", "a"],
            2,
            "there is a realm a already",
        ),
        (&["--listen", "here"], 2, "is no address to listen on"),
        (
            &["--listen", "127.0.0.1:99999"],
            2,
            "99999 is no port: they go up to 65535",
        ),
        (&["--realm", "a b"], 2, "the name of a realm must be a URI"),
        (&["--max-message-size", "16MB"], 2, "is no size"),
        (&["--ping-interval", "soon"], 2, "a time is a number"),
        (&["--tls-cert", "x.pem"], 2, "--tls-key"),
        (
            &["--tls-cert", "x.pem", "--tls-key", "y.pem"],
            2,
            "x.pem cannot be read",
        ),
        (
            &["--config", "x.toml", "--realm", "a"],
            2,
            "--realm cannot be used with --config: write it into x.toml",
        ),
    ];
    for (args, code, text) in cases {
        let args: Vec<_> = ["router"].iter().chain(args).copied().collect();
        finish(command(&args)).await.failed(code, text);
    }
    // Shown, it would be another path.
    let mut no_text = command(&["router", "--check", "--unix"]);
    no_text.arg(OsStr::from_bytes(b"/tmp/\xff"));
    finish(no_text).await.failed(2, "invalid UTF-8");
}

#[tokio::test]
async fn an_open_realm_that_others_can_reach_is_warned_of() {
    let router = Process::start(&["--listen", "0.0.0.0:0"]).await;
    let said = router.said.join("\n");
    assert!(said.contains("WARN"), "{said}");
    assert!(
        said.contains("the realm realm1 is open: everybody who reaches"),
        "{said}"
    );
    let router = Process::start(&["--listen", "127.0.0.1:0"]).await;
    assert!(
        !router.said.join("\n").contains("WARN"),
        "{:?}",
        router.said
    );
}

#[tokio::test]
async fn in_json_each_line_is_an_object_with_fields() {
    let args = ["router", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut running = Running::of(command(&args));
    let mut lines = Vec::new();
    loop {
        let line: serde_json::Value = serde_json::from_str(&running.note().await).unwrap();
        let is_ready = line["fields"]["message"] == "ready";
        lines.push(line);
        if is_ready {
            break;
        }
    }
    let listening = lines
        .iter()
        .find(|line| line["fields"]["message"] == "listening");
    let url = listening.unwrap()["fields"]["url"].as_str().unwrap();
    join(url, "realm1").await.unwrap();
}

#[tokio::test]
async fn quiet_it_says_nothing() {
    let folder = Folder::new();
    let socket = folder.path("wamp.sock");
    let running = Running::of(command(&["router", "--quiet", "--unix", &socket]));
    let url = format!("unix:{socket}");
    // It says nothing of being ready either.
    bounded(async {
        while join(&url, "realm1").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    running.signal("TERM").await;
    let (status, said) = running.end().await;
    assert!(status.success());
    assert_eq!(said, "");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_service_manager_is_told_when_it_is_ready_and_when_it_ends() {
    let folder = Folder::new();
    let path = folder.path("notify.sock");
    let manager = tokio::net::UnixDatagram::bind(&path).unwrap();
    let mut command = command(&["router", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &path);
    let running = Running::of(command);
    let mut told = [0; 64];
    let len = bounded(manager.recv(&mut told)).await.unwrap();
    assert_eq!(&told[..len], b"READY=1");
    running.signal("TERM").await;
    let len = bounded(manager.recv(&mut told)).await.unwrap();
    assert_eq!(&told[..len], b"STOPPING=1");
    running.end().await;
}
