//! SIGHUP: what changes in the running router, and what does not.

use std::fs;

use wamp::net::tls::ClientTls;
use wamp::{ConnectError, Dial, Session};

use super::stage::{CALLS, DENIED, Folder, LISTENER, NOBODY, Process, answer, config, join};
use crate::world::bounded;

const NOTHING: &str = "{ uri = \"com.example.\", actions = [] }";

#[tokio::test]
async fn a_session_stays_and_is_held_to_the_new_permissions() {
    let folder = Folder::new();
    let file = folder.write("router.toml", &config(LISTENER, CALLS, ""));
    let mut router = Process::start(&["--config", &file]).await;
    let url = router.url("ws://");
    let session = join(&url, "com.example").await.unwrap();
    assert_eq!(answer(&session, "com.example.none").await, NOBODY);

    folder.write("router.toml", &config(LISTENER, NOTHING, ""));
    let said = router.reload().await;
    assert!(said.contains("changed=\"realm com.example\""), "{said}");
    assert_eq!(answer(&session, "com.example.none").await, DENIED);
    let later = join(&url, "com.example").await.unwrap();
    assert_eq!(answer(&later, "com.example.none").await, DENIED);

    // Read again without a change, nothing is said to have changed.
    let said = router.reload().await;
    assert!(
        said.contains("added=\"\" changed=\"\" removed=\"\""),
        "{said}"
    );
    assert_eq!(answer(&session, "com.example.none").await, DENIED);
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_is_told_with_its_place() {
    let folder = Folder::new();
    let good = config(LISTENER, CALLS, "");
    let file = folder.write("router.toml", &good);
    let mut router = Process::start(&["--config", &file]).await;
    let url = router.url("ws://");
    let session = join(&url, "com.example").await.unwrap();
    let bad = [
        (
            config(LISTENER, NOTHING, "strict = true"),
            "router.toml:11:1: unknown key `strict` in [[realm.role]]",
        ),
        (
            config(LISTENER, NOTHING, "[router]\ndefault_realm = \"none\""),
            "router.toml:12:17: there is no realm none",
        ),
        ("[[realm]".to_owned(), "router.toml:1:9: this is not TOML"),
        (String::new(), "there is no [[listener]]"),
    ];
    for (text, expected) in bad {
        folder.write("router.toml", &text);
        let said = router.reload().await;
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("the configuration was not changed"), "{said}");
        assert_eq!(answer(&session, "com.example.none").await, NOBODY);
    }
    fs::remove_file(&file).unwrap();
    let said = router.reload().await;
    assert!(said.contains("router.toml: it cannot be read"), "{said}");
    join(&url, "com.example").await.unwrap();
}

#[tokio::test]
async fn realms_are_added_and_removed() {
    let folder = Folder::new();
    let two = config(LISTENER, CALLS, "[[realm]]\nname = \"com.old\"");
    let file = folder.write("router.toml", &two);
    let mut router = Process::start(&["--config", &file]).await;
    let url = router.url("ws://");
    let kept = join(&url, "com.example").await.unwrap();
    let removed = join(&url, "com.old").await.unwrap();

    let other = config(LISTENER, CALLS, "[[realm]]\nname = \"com.new\"");
    folder.write("router.toml", &other);
    let said = router.reload().await;
    assert!(said.contains("added=\"realm com.new\""), "{said}");
    assert!(said.contains("removed=\"realm com.old\""), "{said}");
    assert!(
        said.contains("WARN") && said.contains("sessions=1"),
        "{said}"
    );
    let closed = bounded(removed.closed()).await;
    assert_eq!(closed.reason, "wamp.close.close_realm");
    join(&url, "com.new").await.unwrap();
    let refused = join(&url, "com.old").await.unwrap_err();
    assert!(refused.to_string().contains("no_such_realm"), "{refused}");
    assert_eq!(answer(&kept, "com.example.none").await, NOBODY);
}

#[tokio::test]
async fn listeners_are_added_and_removed_and_what_is_open_stays() {
    let folder = Folder::new();
    let socket = folder.path("wamp.sock");
    let unix = "[[listener]]\naddress = \"unix:wamp.sock\"\n";
    let file = folder.write("router.toml", &config(LISTENER, CALLS, ""));
    let mut router = Process::start(&["--config", &file]).await;
    let url = router.url("ws://");
    let early = join(&url, "com.example").await.unwrap();

    folder.write(
        "router.toml",
        &config(&format!("{LISTENER}{unix}"), CALLS, ""),
    );
    let said = router.reload().await;
    assert!(
        said.contains(&format!("added=\"listener unix:{socket}\"")),
        "{said}"
    );
    let local = join(&format!("unix:{socket}"), "com.example")
        .await
        .unwrap();
    join(&url, "com.example").await.unwrap();

    folder.write("router.toml", &config(unix, CALLS, ""));
    let said = router.reload().await;
    assert!(said.contains("removed=\"listener 127.0.0.1:0\""), "{said}");
    gone(&url).await;
    for session in [&early, &local] {
        assert_eq!(answer(session, "com.example.none").await, NOBODY);
    }
    join(&format!("unix:{socket}"), "com.example")
        .await
        .unwrap();
}

/// Waits until nobody listens there.
async fn gone(url: &str) {
    bounded(async {
        while wamp::connect(url).realm("com.example").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn where_a_listener_cannot_be_had_nothing_changes() {
    let folder = Folder::new();
    let file = folder.write("router.toml", &config(LISTENER, CALLS, ""));
    let mut router = Process::start(&["--config", &file]).await;
    let url = router.url("ws://");
    let session = join(&url, "com.example").await.unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    for more in [
        format!(
            "[[listener]]\naddress = \"unix:wamp.sock\"\n[[listener]]\naddress = \"{taken}\"\n"
        ),
        format!("{LISTENER}[http]\naddress = \"{taken}\"\n"),
    ] {
        folder.write(
            "router.toml",
            &config(&more, NOTHING, "[[realm]]\nname = \"com.new\""),
        );
        let said = router.reload().await;
        assert!(said.contains("another program listens there"), "{said}");
        assert!(said.contains("the configuration was not changed"), "{said}");
        assert_eq!(answer(&session, "com.example.none").await, NOBODY);
        assert!(join(&url, "com.new").await.is_err());
        assert!(!std::path::Path::new(&folder.path("wamp.sock")).exists());
    }
    drop(holder);
    let said = router.reload().await;
    assert!(said.contains("added=\"realm com.new\""), "{said}");
}

#[tokio::test]
async fn the_options_of_a_listener_change() {
    let folder = Folder::new();
    let file = folder.write("router.toml", &config(LISTENER, CALLS, ""));
    let mut router = Process::start(&["--config", &file]).await;
    let (url, rawsocket) = (router.url("ws://"), router.url("rs://"));
    let early = join(&rawsocket, "com.example").await.unwrap();

    let options = format!("{LISTENER}path = \"/ws\"\ntransports = [\"websocket\"]\n");
    folder.write("router.toml", &config(&options, CALLS, ""));
    let said = router.reload().await;
    assert!(said.contains("changed=\"listener 127.0.0.1:0\""), "{said}");
    join(&format!("{url}ws"), "com.example").await.unwrap();
    let refused = join(&url, "com.example").await.unwrap_err();
    assert!(refused.to_string().contains("404"), "{refused}");
    assert!(join(&rawsocket, "com.example").await.is_err());
    assert_eq!(answer(&early, "com.example.none").await, NOBODY);
}

#[tokio::test]
async fn what_needs_a_restart_is_said_each_time() {
    let folder = Folder::new();
    let file = folder.write("router.toml", &config(LISTENER, CALLS, ""));
    let mut router = Process::start(&["--config", &file]).await;
    folder.certificate();
    let listener = format!(
        "{LISTENER}tls = {{ cert = \"cert.pem\", key = \"key.pem\" }}\n[router]\nagent = \"other\"\n[router.outbox]\nmark = \"1MiB\"\n\
         [log]\nformat = \"json\"\n"
    );
    folder.write("router.toml", &config(&listener, CALLS, ""));
    for _ in 0..2 {
        let said = router.reload().await;
        for setting in [
            "router.agent",
            "router.outbox.mark",
            "log.format",
            "tls of listener 127.0.0.1:0",
        ] {
            let line = format!("setting=\"{setting}\"");
            assert!(said.contains(&line), "{line} is not in\n{said}");
        }
        assert!(said.contains("changed=\"\""), "{said}");
    }
    join(&router.url("ws://"), "com.example").await.unwrap();
}

#[tokio::test]
async fn the_limits_of_a_listener_change() {
    let folder = Folder::new();
    let text = |most: usize| {
        let limits = format!("{LISTENER}[listener.limits]\nconnections = {most}\n");
        config(&limits, CALLS, "")
    };
    let file = folder.write("router.toml", &text(1));
    let mut router = Process::start(&["--config", &file]).await;
    let url = router.url("ws://");
    let first = join(&url, "com.example").await.unwrap();
    let refused = join(&url, "com.example").await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");

    folder.write("router.toml", &text(2));
    let said = router.reload().await;
    assert!(said.contains("changed=\"listener 127.0.0.1:0\""), "{said}");
    let second = join(&url, "com.example").await.unwrap();
    join(&url, "com.example").await.unwrap_err();

    // More than there may be now stay.
    folder.write("router.toml", &text(1));
    router.reload().await;
    for session in [&first, &second] {
        assert_eq!(answer(session, "com.example.none").await, NOBODY);
    }
}

#[tokio::test]
async fn the_log_can_be_made_to_tell_more_and_less() {
    let folder = Folder::new();
    let text = |level: &str| config(LISTENER, CALLS, &format!("[log]\nlevel = \"{level}\""));
    let file = folder.write("router.toml", &text("info"));
    let mut router = Process::start(&["--config", &file]).await;
    folder.write("router.toml", &text("info,wamp::net=debug,wamp_net=debug"));
    let said = router.reload().await;
    assert!(said.contains("changed=\"log.level\""), "{said}");
    join(&router.url("ws://"), "com.example").await.unwrap();
    let line = router.running.note().await;
    assert!(line.contains("DEBUG wamp_net"), "{line}");
}

#[tokio::test]
async fn a_certificate_that_was_replaced_is_shown_to_new_clients() {
    let folder = Folder::new();
    let old = folder.certificate();
    let tls = format!("{LISTENER}tls = {{ cert = \"cert.pem\", key = \"key.pem\" }}\n");
    let file = folder.write("router.toml", &config(&tls, CALLS, ""));
    let mut router = Process::start(&["--config", &file]).await;
    let url = router.url("wss://");
    let early = join_by(&url, &old).await.unwrap();

    // A key that is another one's changes nothing.
    let key = fs::read_to_string(folder.path("key.pem")).unwrap();
    let new = folder.certificate();
    let new_key = fs::read_to_string(folder.path("key.pem")).unwrap();
    folder.write("key.pem", &key);
    let said = router.reload().await;
    assert!(said.contains("router.toml:4:16: "), "{said}");
    join_by(&url, &old).await.unwrap();

    folder.write("key.pem", &new_key);
    let said = router.reload().await;
    assert!(said.contains("certificates=1"), "{said}");
    join_by(&url, &new).await.unwrap();
    join_by(&url, &old).await.unwrap_err();
    assert_eq!(answer(&early, "com.example.none").await, NOBODY);

    // The same from other files.
    fs::rename(folder.path("cert.pem"), folder.path("other.pem")).unwrap();
    let newest = folder.certificate();
    fs::rename(folder.path("cert.pem"), folder.path("newest.pem")).unwrap();
    let tls = tls.replace("cert.pem", "newest.pem");
    folder.write("router.toml", &config(&tls, CALLS, ""));
    router.reload().await;
    join_by(&url, &newest).await.unwrap();
}

/// A session over TLS with who shows this certificate.
async fn join_by(url: &str, certificate: &str) -> Result<Session, ConnectError> {
    let trusting = ClientTls::default().root_pem(certificate);
    let dialling = Dial::new(url).tls(trusting).connect().realm("com.example");
    bounded(dialling.into_future()).await
}

#[tokio::test]
async fn a_file_that_never_ends_does_not_keep_it_from_its_end() {
    let folder = Folder::new();
    let file = folder.write("router.toml", &config(LISTENER, CALLS, ""));
    let router = Process::start(&["--config", &file]).await;
    fs::remove_file(&file).unwrap();
    let made = tokio::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.await.unwrap().success());
    router.running.signal("HUP").await;
    // It can be opened as soon as the router reads it.
    let writing = move || fs::OpenOptions::new().write(true).open(file);
    let writer = bounded(tokio::task::spawn_blocking(writing)).await;
    let writer = writer.unwrap().unwrap();
    router.end().await;
    drop(writer);
}
