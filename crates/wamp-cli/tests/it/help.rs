//! What the program says of itself, and how it looks.

use crate::world::{World, command, finish};

#[tokio::test]
async fn every_command_has_help_that_begins_with_what_it_does_and_ends_with_examples() {
    let table = [
        ("call", "Call a procedure and show its result"),
        ("publish", "Publish an event to a topic"),
        ("subscribe", "Show the events of topics as they come"),
        (
            "register",
            "Register a procedure, answered by a command or an echo",
        ),
        ("ping", "Measure how long the router takes to answer"),
        ("completions", "Write the completions for a shell"),
        ("router", "Run a router"),
    ];
    let overview = finish(command(&["--help"])).await;
    assert!(
        overview.stdout.starts_with("WAMP from a shell: "),
        "{overview:?}"
    );
    for (name, first_line) in table {
        for args in [&["help", name][..], &[name, "--help"]] {
            let help = finish(command(args)).await;
            assert_eq!((help.code, &*help.stderr), (Some(0), ""));
            assert_eq!(help.stdout.lines().next(), Some(first_line));
            assert!(
                help.stdout.contains(&format!("\nUsage: wamp {name}")),
                "{help:?}"
            );
            let (_, examples) = help.stdout.split_once("\nExamples:\n").unwrap();
            for example in examples.lines() {
                assert!(example.starts_with(&format!("  wamp {name}")), "{example}");
            }
            let widest = help.stdout.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(120), "{widest:?} columns: {name}");
        }
        let listed = overview
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        assert!(listed.unwrap().ends_with(first_line), "{name}");
    }
}

#[tokio::test]
async fn help_is_plain_when_it_is_piped() {
    let help = finish(command(&["help"])).await;
    assert!(!help.stdout.contains('\u{1b}'), "{help:?}");
    finish(command(&["--version"]))
        .await
        .is(concat!("wamp ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[tokio::test]
async fn without_a_command_help_is_what_there_is() {
    let output = finish(command(&[])).await;
    assert_eq!((output.code, &*output.stdout), (Some(2), ""));
    assert!(output.stderr.contains("Usage: wamp"), "{output:?}");
}

#[tokio::test]
async fn colors_are_for_terminals_unless_they_are_asked_for() {
    let world = World::new().await;
    let session = world.session().await;
    let handler = || async { Ok(wamp::Reply::default().with_kwargs(wamp::kwargs! { a: 1 })) };
    session.register("com.example.a", handler).await.unwrap();
    world.run(&["call", "com.example.a"]).await.is("a=1\n");
    let colored = "\u{1b}[36ma\u{1b}[0m=1\n";
    world
        .run(&["call", "com.example.a", "--color", "always"])
        .await
        .is(colored);
    let mut forced = world.command(&["call", "com.example.a"]);
    forced.env("CLICOLOR_FORCE", "1");
    finish(forced).await.is(colored);
    let mut refused = world.command(&["call", "com.example.a"]);
    refused.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    finish(refused).await.is("a=1\n");
}

#[tokio::test]
async fn the_log_is_on_stderr_and_as_loud_as_asked_for() {
    let world = World::new().await;
    let output = world.run(&["publish", "com.example.a", "-v"]).await;
    assert_eq!((output.code, &*output.stdout), (Some(0), ""));
    assert!(output.stderr.contains("joined realm1"), "{output:?}");
    let output = world
        .run(&["publish", "com.example.a", "-v", "--log-format", "json"])
        .await;
    for line in output.stderr.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string(), "{line}");
    }
    let mut by_environment = world.command(&["publish", "com.example.a"]);
    by_environment.env("RUST_LOG", "wamp=info");
    let output = finish(by_environment).await;
    assert!(output.stderr.contains("joined realm1"), "{output:?}");
}

#[tokio::test]
async fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = finish(command(&["completions", shell])).await;
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{shell}");
        for word in ["subscribe", "exclude-authrole"] {
            assert!(output.stdout.contains(word), "{shell}");
        }
    }
}
