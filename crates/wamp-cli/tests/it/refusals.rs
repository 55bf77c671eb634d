//! What is refused: one line that says what, and the exit code.

use crate::world::{World, command, finish};

#[tokio::test]
async fn bad_input_is_told_in_one_line_with_exit_code_2() {
    let table: &[(&[&str], &str)] = &[
        (&["cal"], "a similar subcommand exists: 'call'"),
        (&["cal"], "; `wamp help` says what there is"),
        (&["call"], "; `wamp help call` says what there is"),
        (&["call"], "<PROCEDURE>"),
        (&["call", "not a uri"], "white space"),
        (&["call", "com..example"], "empty component"),
        (
            &["call", "a", "--timeut", "1"],
            "a similar argument exists: '--timeout'",
        ),
        (&["call", "a", "--timeout", "soon"], "500ms or 5s"),
        (
            &["call", "a", "--timeout", "5"],
            "5 has no unit; say 5s for seconds",
        ),
        (
            &["router", "--check", "--ping-interval", "5"],
            "5 has no unit; say 5s for seconds",
        ),
        (&["call", "a", "18446744073709551616"], "more than 64 bits"),
        (&["call", "a", "-k", "b"], "KEY=VALUE"),
        (
            &["call", "a", "-k", "b=1", "-k", "b=2"],
            "\"b\" is given twice",
        ),
        (
            &["call", "a", "--url", "localhost"],
            "--url: the URL has no scheme",
        ),
        (
            &["call", "a", "--url", "http://localhost"],
            "none of WAMP's",
        ),
        (&["call", "a", "--realm", "a b"], "white space"),
        (
            &["call", "a", "--serializer", "xml"],
            "json, msgpack and cbor",
        ),
        (&["call", "a", "--raw", "--json"], "cannot be used with"),
        (&["call", "a", "--ticket-file", "/nowhere"], "--authid"),
        (
            &["call", "a", "--authid", "joe", "--ticket-file", "/dev/zero"],
            "--ticket-file /dev/zero: its first line is longer",
        ),
        (
            &["call", "a", "--authid", "joe", "--ticket-file", "/nowhere"],
            "--ticket-file /nowhere: ",
        ),
        (
            &["call", "a", "--color", "blue"],
            "possible values: auto, always, never",
        ),
        (&["call", "a", "-q", "-v"], "cannot be used with"),
        (&["call", "a", "--ca", "/nowhere"], "--ca /nowhere: "),
        (&["publish", "a", "--eligible", "joe"], "integer"),
        (&["publish", "a", "--exclude", "9007199254740993"], "2^53"),
        (&["subscribe"], "<TOPIC>"),
        (&["subscribe", "a", "--count", "0"], "0 is not in 1.."),
        (&["register", "a"], "--echo"),
        (&["register", "a", "--exec"], "a value is required"),
        (
            &["register", "a", "--exec", "nosuchcommand"],
            "--exec nosuchcommand: there is no such command in PATH",
        ),
        (
            &["register", "a", "--exec", "/dev/null"],
            "--exec /dev/null: it is no program",
        ),
        (&["subscribe", "com.example."], "there are no patterns yet"),
        (&["register", "a..b", "--echo"], "there are no patterns yet"),
        (
            &["register", "a", "--echo", "--jobs", "0"],
            "0 is not in 1..=4096",
        ),
        (
            &["register", "a", "--echo", "--exec", "true"],
            "cannot be used with",
        ),
        (&["completions", "tcsh"], "possible values"),
    ];
    for (args, text) in table {
        let output = finish(command(args)).await;
        output.failed(2, text);
        assert!(output.stderr.starts_with("error: "), "{output:?}");
        assert!(!output.stderr.contains('\u{1b}'), "{output:?}");
    }
}

#[tokio::test]
async fn a_password_in_a_url_is_not_repeated() {
    let output = finish(command(&["ping", "--url", "ws://joe:secret@localhost"])).await;
    output.failed(2, "user name or password");
    assert!(!output.stderr.contains("secret"), "{output:?}");
}

#[tokio::test]
async fn no_connection_is_told_with_where_to_and_what_to_do() {
    let world = World::new().await;
    let address = world.server.local_addr().unwrap();
    // Nobody listens there any more.
    world.router.shutdown(std::time::Duration::ZERO).await;
    let listening = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    crate::world::bounded(listening).await;
    for command in ["call", "publish", "subscribe"] {
        let output = world.run(&[command, "com.example.a"]).await;
        output.failed(1, &address.to_string());
        assert!(
            output.stderr.contains("`wamp router` starts one"),
            "{output:?}"
        );
    }
    let output = world.run(&["ping", "--url", "unix:/nowhere/socket"]).await;
    output.failed(1, "/nowhere/socket");
    let output = world.run(&["call", "com.example.a", "--json"]).await;
    let error: serde_json::Value = serde_json::from_str(&output.stderr).unwrap();
    assert!(error["message"].is_string() && error["error"] == "connect");
}

#[tokio::test]
async fn a_router_that_does_not_answer_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let args = ["ping", "--url", &url, "--connect-timeout", "1ms"];
    finish(command(&args)).await.failed(1, "1ms");
    let json = [&args[..], &["--json"]].concat();
    let output = finish(command(&json)).await;
    output.failed(1, "{\"error\":\"timeout\",\"message\":\"");
    let usage = ["ping", "--json", "--url", "http://localhost"];
    finish(command(&usage))
        .await
        .failed(2, "{\"error\":\"usage\",\"message\":\"");
}
