//! `wamp call`.

use std::sync::Arc;

use tokio::sync::Notify;
use wamp::{ApplicationError, Args, Binary, Dict, Kwargs, Reply, Value, args, kwargs};

use crate::world::{Running, World, finish};

/// A router, and a procedure that returns what it gets.
async fn echo() -> (World, wamp::Session) {
    let world = World::new().await;
    let session = world.session().await;
    let echo = async |Args(args): Args<Vec<Value>>, Kwargs(kwargs): Kwargs<Dict>| {
        Ok(Reply::new(args).with_kwargs(kwargs))
    };
    let registered = session.register("com.example.echo", echo).await;
    registered.expect("nobody else has registered it");
    (world, session)
}

#[tokio::test]
async fn arguments_are_json_or_else_strings() {
    let (world, session) = echo().await;
    let expected = args![
        -5,
        u64::MAX,
        2.5,
        true,
        (),
        "World",
        "2",
        "",
        Value::from(args![1, "two"]),
        Value::from(kwargs! { a: 1 }),
        Value::Bytes((&b"\xff"[..]).into()),
        "--option",
    ];
    let (told, told_args) = (Arc::new(Notify::new()), expected.clone());
    let tell = Arc::clone(&told);
    let check = move |Args(args): Args<Vec<Value>>, Kwargs(kwargs): Kwargs<Dict>| {
        assert_eq!(args, told_args);
        assert_eq!(kwargs, kwargs! { three: 3, text: "a=b" });
        tell.notify_one();
        async { Ok(()) }
    };
    session.register("com.example.check", check).await.unwrap();
    let output = world
        .run(&[
            "call",
            "com.example.check",
            "-5",
            "18446744073709551615",
            "2.5",
            "true",
            "null",
            "World",
            "\"2\"",
            "",
            "[1,\"two\"]",
            "{\"a\":1}",
            r#""\u0000/w==""#,
            "-k",
            "three=3",
            "--kwarg=text=a=b",
            "--",
            "--option",
        ])
        .await;
    output.is("null\n");
    told.notified().await;
}

#[tokio::test]
async fn a_result_is_shown_as_lines_of_json_or_one_object_or_raw() {
    let (world, _session) = echo().await;
    let call = |more: &[&'static str]| {
        let mut args = vec!["call", "com.example.echo"];
        args.extend(more);
        args
    };
    world.run(&call(&[])).await.is("");
    world.run(&call(&["2"])).await.is("2\n");
    world.run(&call(&["World"])).await.is("\"World\"\n");
    world.run(&call(&["World", "-r"])).await.is("World\n");
    let several = call(&["a", "[1, 2]", "-k", "b=c", "-k", "d=1.0"]);
    world
        .run(&several)
        .await
        .is("\"a\"\n[1,2]\nb=\"c\"\nd=1.0\n");
    world
        .run(&call(&["a", r#""\u0000/w==""#, "-k", "b=c", "--json"]))
        .await
        .is("{\"args\":[\"a\",\"\\u0000/w==\"],\"kwargs\":{\"b\":\"c\"}}\n");
    world
        .run(&call(&["--json"]))
        .await
        .is("{\"args\":[],\"kwargs\":{}}\n");
}

#[tokio::test]
async fn raw_octets_are_written_as_they_are() {
    let (world, session) = echo().await;
    let octets = Binary::from(&b"\x00\xff\n\x80"[..]);
    let image = octets.clone();
    let handler = move || {
        let image = image.clone();
        async move { Ok(image) }
    };
    session
        .register("com.example.image", handler)
        .await
        .unwrap();
    let mut command = world.command(&["call", "com.example.image", "--raw"]);
    let output = command.output().await.unwrap();
    assert_eq!(output.stdout, &*octets);
}

#[tokio::test]
async fn every_serializer_and_both_transports_carry_a_call() {
    let (world, _session) = echo().await;
    let (websocket, rawsocket) = (world.server.url(), world.server.rawsocket_url());
    for name in ["json", "msgpack", "cbor", "cbor.batched,json"] {
        for url in [&websocket, &rawsocket] {
            world
                .run(&[
                    "call",
                    "com.example.echo",
                    "2",
                    "--serializer",
                    name,
                    "--url",
                    url,
                ])
                .await
                .is("2\n");
        }
    }
}

#[tokio::test]
async fn an_error_is_told_with_its_uri_and_exit_code_1() {
    let (world, session) = echo().await;
    world
        .run(&["call", "com.example.nothing"])
        .await
        .failed(1, "error: wamp.error.no_such_procedure: ");
    let fail = || async {
        let error = ApplicationError::new("com.example.error.too_hot", "")
            .with_args(args!["the oven is\nat 300", 300])
            .with_kwargs(kwargs! { unit: "C" });
        Err::<(), _>(error)
    };
    session.register("com.example.fail", fail).await.unwrap();
    world.run(&["call", "com.example.fail"]).await.failed(
        1,
        r#"error: com.example.error.too_hot: the oven is\nat 300 (300, unit="C")"#,
    );
    let output = world.run(&["call", "com.example.fail", "--json"]).await;
    output.failed(1, "");
    let error: serde_json::Value = serde_json::from_str(&output.stderr).unwrap();
    assert_eq!(
        error,
        serde_json::json!({
            "error": "com.example.error.too_hot",
            "message": "the oven is\nat 300",
            "args": ["the oven is\nat 300", 300],
            "kwargs": {"unit": "C"},
        })
    );
}

#[tokio::test]
async fn what_json_has_no_form_for_is_told() {
    let (world, session) = echo().await;
    let handler = || async { Ok(f64::NAN) };
    session.register("com.example.nan", handler).await.unwrap();
    let call = ["call", "com.example.nan", "--serializer", "cbor"];
    world.run(&call).await.failed(1, "cannot be shown as JSON");
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up() {
    let (world, session) = echo().await;
    let never = || std::future::pending::<Result<(), ApplicationError>>();
    session.register("com.example.never", never).await.unwrap();
    world
        .run(&["call", "com.example.never", "--timeout", "1ms"])
        .await
        .failed(1, "no result within 1ms");
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_a_call_and_the_session_is_left() {
    let (world, session) = echo().await;
    let called = Arc::new(Notify::new());
    let tell = Arc::clone(&called);
    let never = move || {
        tell.notify_one();
        std::future::pending::<Result<(), ApplicationError>>()
    };
    session.register("com.example.never", never).await.unwrap();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let running = world.start(&["call", "com.example.never", "-v"]);
        called.notified().await;
        running.signal(signal).await;
        let (status, log) = running.end().await;
        assert_eq!(status.code(), Some(code));
        // GOODBYE was answered.
        assert!(log.contains("wamp.close.goodbye_and_out"), "{log}");
        world.settle(1).await;
    }
}

#[tokio::test]
async fn a_ticket_comes_from_the_environment_or_a_file() {
    let world = World::new().await;
    let call = ["call", "com.example.add", "--realm=closed", "--authid=joe"];
    let answered = "wamp.error.no_such_procedure";
    let mut with_environment = world.command(&call);
    with_environment.env("WAMP_TICKET", "secret!!!");
    finish(with_environment).await.failed(1, answered);

    let file = std::env::temp_dir().join(format!("wamp-ticket-{}", std::process::id()));
    std::fs::write(&file, "secret!!!\nwhatever follows\n").unwrap();
    let path = file.to_str().unwrap();
    let mut with_file = world.command(&[&call[..], &["--ticket-file", path]].concat());
    with_file.env("WAMP_TICKET", "wrong");
    finish(with_file).await.failed(1, answered);
    std::fs::write(&file, "\n").unwrap();
    let empty = world.command(&[&call[..], &["--ticket-file", path]].concat());
    finish(empty).await.failed(2, "its first line is empty");
    std::fs::remove_file(&file).unwrap();

    let mut wrong = world.command(&call);
    wrong.env("WAMP_TICKET", "wrong");
    let output = finish(wrong).await;
    output.failed(1, "wamp.error.not_authorized");
    assert!(!output.stderr.contains("wrong"), "{output:?}");

    let without = world
        .run(&["publish", "com.example.tick", "--authid=joe"])
        .await;
    assert_eq!(without.code, Some(0), "{without:?}");
    let expected = "joining without a ticket: set WAMP_TICKET or --ticket-file";
    assert!(without.stderr.contains(expected), "{without:?}");

    let mut nobody = world.command(&call[..3]);
    nobody.env("WAMP_TICKET", "secret!!!");
    finish(nobody).await.failed(2, "--authid");
}

#[tokio::test]
async fn the_realm_comes_from_the_environment_unless_it_is_given() {
    let (world, _session) = echo().await;
    let mut command = world.command(&["call", "com.example.echo", "2"]);
    command.env("WAMP_REALM", "nowhere");
    finish(command).await.failed(1, "wamp.error.no_such_realm");
    let mut command = world.command(&["call", "com.example.echo", "2", "--realm", "realm1"]);
    command.env("WAMP_REALM", "nowhere");
    finish(command).await.is("2\n");
}

#[tokio::test]
async fn what_looks_like_json_and_is_none_is_warned_of() {
    let (world, _session) = echo().await;
    let output = world.run(&["call", "com.example.echo", "{a:1}"]).await;
    assert_eq!((output.code, &*output.stdout), (Some(0), "\"{a:1}\"\n"));
    assert!(output.stderr.contains("{a:1} is no JSON"), "{output:?}");
    world
        .run(&["call", "com.example.echo", "{a:1}", "-q"])
        .await
        .is("\"{a:1}\"\n");
}

#[cfg(unix)]
#[tokio::test]
async fn a_result_that_nobody_reads_is_no_error() {
    let (world, session) = echo().await;
    let go = Arc::new(Notify::new());
    let (called, tell) = (Arc::clone(&go), Arc::new(Notify::new()));
    let told = Arc::clone(&tell);
    let handler = move || {
        let (called, tell) = (Arc::clone(&called), Arc::clone(&tell));
        async move {
            tell.notify_one();
            called.notified().await;
            Ok("x".repeat(1 << 20))
        }
    };
    session.register("com.example.long", handler).await.unwrap();
    let mut running: Running = world.start(&["call", "com.example.long"]);
    told.notified().await;
    running.stop_reading();
    go.notify_one();
    let (status, log) = running.end().await;
    assert_eq!((status.code(), &*log), (Some(0), ""));
    world.settle(1).await;
}
