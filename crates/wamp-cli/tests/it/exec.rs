//! The commands of `wamp register --exec`.
#![cfg(unix)]

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tokio::task::JoinSet;
use wamp::messages::error_uri;
use wamp::{ApplicationError, CallError, Session, Ticket, Value, args, kwargs};

use crate::world::{Running, World, bounded};

/// Registers `com.example.run`, answered by a script of the shell.
async fn script(world: &World, script: &str, options: &[&str]) -> Running {
    let mut args = vec!["register", "com.example.run"];
    args.extend(options);
    args.extend(["--exec", "sh", "-c", script]);
    let mut running = world.start(&args);
    assert_eq!(running.note().await, "registered com.example.run");
    running
}

async fn call(session: &Session) -> Result<Value, CallError> {
    bounded(session.call("com.example.run").returns().into_future()).await
}

async fn error(session: &Session) -> ApplicationError {
    match call(session).await {
        Err(CallError::Application(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn arguments_come_on_stdin_and_nowhere_else() {
    let world = World::new().await;
    let session = world.session().await;
    let _running = script(&world, "cat; printf %s \"$#\" >&2", &[]).await;
    let call = session.call("com.example.run").args(args![1, "$(id)"]);
    let echoed: Value = call.kwargs(kwargs! { k: "v" }).returns().await.unwrap();
    assert_eq!(
        echoed,
        kwargs! { args: args![1, "$(id)"], kwargs: kwargs! { k: "v" } }.into()
    );
}

#[tokio::test]
async fn the_environment_says_what_was_called_and_keeps_the_ticket() {
    let world = World::new().await;
    let connect = world.router.session("closed");
    let session = connect.auth(Ticket::new("joe", "secret!!!")).await.unwrap();
    let script =
        r#"printf '%s %s %s %s' "$WAMP_PROCEDURE" "$WAMP_REALM" "$WAMP_URL" "${WAMP_TICKET-none}""#;
    let args = ["register", "com.example.run", "--exec", "sh", "-c", script];
    let mut command = world.command(&args);
    command
        .env("WAMP_REALM", "closed")
        .env("WAMP_AUTHID", "worker")
        .env("WAMP_TICKET", "hard work");
    let mut running = Running::of(command);
    assert_eq!(running.note().await, "registered com.example.run");
    let expected = format!("com.example.run closed {} none", world.server.url());
    assert_eq!(call(&session).await.unwrap(), Value::from(expected));
}

#[tokio::test]
async fn what_a_command_writes_is_the_result() {
    for (written, expected) in [
        ("echo 5", Some(Value::from(5))),
        ("echo '{\"a\":[1]}'", Some(kwargs! { a: args![1] }.into())),
        ("echo two words", Some("two words".into())),
        ("printf 'a\\nb\\n\\n'", Some("a\nb\n".into())),
        ("printf '\\377'", Some(Value::Bytes((&b"\xff"[..]).into()))),
        // A line end is an octet like others where there are no lines.
        (
            "printf '\\377\\r\\n'",
            Some(Value::Bytes((&b"\xff\r\n"[..]).into())),
        ),
        ("printf 'a\\r'", Some("a\r".into())),
        ("true", None),
    ] {
        let world = World::new().await;
        let session = world.session().await;
        let _running = script(&world, written, &[]).await;
        let result = session.call("com.example.run").await.unwrap();
        let args: Vec<Value> = result.args().unwrap();
        assert_eq!(args, Vec::from_iter(expected), "{written}");
    }
}

#[tokio::test]
async fn a_command_that_fails_is_an_error_with_its_text_and_code() {
    let world = World::new().await;
    let session = world.session().await;
    let failing = "echo 5; echo 'no such cake' >&2; exit 3";
    let mut running = script(&world, failing, &[]).await;
    let error = error(&session).await;
    assert_eq!(error.uri().as_str(), error_uri::RUNTIME_ERROR);
    assert_eq!(error.text().as_deref(), Some("no such cake"));
    assert_eq!(
        error.kwargs::<wamp::Dict>().unwrap(),
        kwargs! { exit_code: 3 }
    );
    let log = running.note().await;
    assert!(log.contains("a call of com.example.run failed"), "{log}");
}

#[tokio::test]
async fn a_command_that_is_killed_or_not_there_any_more_is_an_error() {
    let world = World::new().await;
    let session = world.session().await;
    let running = script(&world, "kill -9 $$", &[]).await;
    let killed = error(&session).await;
    assert!(killed.text().unwrap().contains("signal"), "{killed}");
    running.signal("INT").await;
    running.end().await;

    let path = std::env::temp_dir().join(format!("wamp-command-{}", std::process::id()));
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let command = path.to_str().unwrap();
    let mut running = world.start(&["register", "com.example.run", "--exec", command]);
    running.note().await;
    std::fs::remove_file(&path).unwrap();
    let missing = error(&session).await;
    assert_eq!(missing.uri().as_str(), error_uri::RUNTIME_ERROR);
    assert!(
        missing.text().unwrap().contains("cannot be run"),
        "{missing}"
    );
}

#[tokio::test]
async fn a_command_that_writes_without_end_is_killed() {
    let world = World::new().await;
    let session = world.session().await;
    let mut running = script(&world, "echo $$ >&2; exec yes", &[]).await;
    let error = error(&session).await;
    assert_eq!(error.uri().as_str(), error_uri::PAYLOAD_SIZE_EXCEEDED);
    let log = running.note().await;
    assert!(log.contains("4194304"), "{log}");
}

#[tokio::test]
async fn a_command_need_not_read_its_input_nor_stop_writing_errors_early() {
    let world = World::new().await;
    let session = world.session().await;
    let flood = "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo done >&2; exit 1";
    let _running = script(&world, flood, &[]).await;
    let call = session.call("com.example.run").args(("x".repeat(1 << 20),));
    let CallError::Application(error) = bounded(call.into_future()).await.unwrap_err() else {
        panic!("it is an error of the command");
    };
    // Its last 4 KiB, with the line end.
    let text = error.text().unwrap();
    assert_eq!(text.len(), 4095);
    assert!(text.ends_with("xxdone"), "{error}");
}

/// A script that leaves its id, and that of a child of its own, and then sleeps for long.
fn sleeper(directory: &Path) -> String {
    let place = directory.display();
    format!("sleep 1000 & echo $$ $! > {place}/new; mv {place}/new {place}/ids; wait")
}

/// The ids that a sleeper has left, once it has.
async fn sleeping(directory: &Path) -> Vec<String> {
    let file = directory.join("ids");
    bounded(async {
        loop {
            if let Ok(text) = std::fs::read_to_string(&file) {
                return text.split_whitespace().map(str::to_owned).collect();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Waits until none of these processes is there any more.
async fn gone(ids: &[String]) {
    for id in ids {
        bounded(async {
            let process = Path::new("/proc").join(id).join("stat");
            // One that has ended and that its parent has not asked for is a zombie.
            while std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

fn directory(name: &str) -> std::path::PathBuf {
    let directory = std::env::temp_dir().join(format!("wamp-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("it can be made");
    directory
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_slow_command_is_killed_with_its_children() {
    let world = World::new().await;
    let session = world.session().await;
    let directory = directory("slow");
    let _running = script(&world, &sleeper(&directory), &["--timeout", "2s"]).await;
    let error = error(&session).await;
    assert_eq!(error.uri().as_str(), error_uri::TIMEOUT);
    let ids = sleeping(&directory).await;
    assert_eq!(ids.len(), 2);
    gone(&ids).await;
    std::fs::remove_dir_all(&directory).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_runs_at_the_end_is_killed_with_its_children() {
    let world = World::new().await;
    let session = world.session().await;
    let directory = directory("end");
    let running = script(&world, &sleeper(&directory), &[]).await;
    let call = session.call("com.example.run").into_future();
    let call = tokio::spawn(call);
    let ids = sleeping(&directory).await;
    running.signal("INT").await;
    let (status, _) = running.end().await;
    assert_eq!(status.code(), Some(0));
    gone(&ids).await;
    assert!(bounded(call).await.unwrap().is_err());
    world.settle(1).await;
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test]
async fn no_more_commands_run_at_once_than_jobs() {
    let world = World::new().await;
    let session = world.session().await;
    let directory = directory("jobs");
    let place = directory.display();
    let gate = directory.join("gate");
    assert!(
        Command::new("mkfifo")
            .arg(&gate)
            .status()
            .unwrap()
            .success()
    );
    // Open in both directions, it keeps nobody waiting who opens it.
    let mut gate = File::options().read(true).write(true).open(gate).unwrap();
    // Each is at work until it is let through. `mkdir` fails if the directory is there: another one
    // is at work.
    let alone = format!(
        "mkdir {place}/alone && head -c 1 {place}/gate >{place}/through && rmdir {place}/alone && echo 1"
    );
    let _running = script(&world, &alone, &["--jobs", "1"]).await;
    let mut calls = JoinSet::new();
    for _ in 0..5 {
        calls.spawn(
            session
                .call("com.example.run")
                .returns::<u8>()
                .into_future(),
        );
    }
    for _ in 0..5 {
        gate.write_all(b"x").unwrap();
        let answered = bounded(calls.join_next()).await.unwrap();
        assert_eq!(answered.unwrap().unwrap(), 1);
    }
    std::fs::remove_dir_all(&directory).unwrap();
}
