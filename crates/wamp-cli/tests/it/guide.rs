//! The chapter of the guide on the program: what its examples show is what they do.
#![cfg(target_os = "linux")]

use std::env;
use std::path::Path;

use tokio::process::Command;

use crate::world::{Running, World, bounded, command};

const CHAPTER: &str = include_str!("../../../wamp/src/docs/the_program.md");

#[tokio::test]
async fn the_examples_of_the_guide_do_what_they_show() {
    let world = World::new().await;
    let mut background = Vec::new();
    let mut commands = 0;
    for (line, shown) in examples() {
        commands += 1;
        let Some(line) = line.strip_suffix(" &") else {
            let output = bounded(shell(&world, line).output()).await.unwrap();
            let mut told = String::from_utf8(output.stdout).unwrap();
            told.push_str(&String::from_utf8(output.stderr).unwrap());
            // What is published is shown by the one that has subscribed.
            if line.starts_with("wamp publish") {
                let subscriber: &mut Running = background.last_mut().unwrap();
                told.push_str(&subscriber.line().await);
                told.push('\n');
            }
            assert_eq!(told, shown, "{line}");
            continue;
        };
        let mut running = Running::of(shell(&world, &format!("exec {line}")));
        for note in shown.lines() {
            assert_eq!(running.note().await, note, "{line}");
        }
        background.push(running);
    }
    assert!(commands > 10, "the chapter has {commands} examples");
}

/// Each command of the blocks called `console`, with the lines that are shown for it.
fn examples() -> Vec<(&'static str, String)> {
    let mut examples = Vec::new();
    let mut is_inside = false;
    for line in CHAPTER.lines() {
        if line.starts_with("```") {
            is_inside = line == "```console";
        } else if !is_inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            examples.push((command, String::new()));
        } else if let Some((_, shown)) = examples.last_mut() {
            shown.push_str(line);
            shown.push('\n');
        }
    }
    examples
}

/// A line of a shell in which `wamp` is the program of this test.
fn shell(world: &World, line: &str) -> Command {
    let directory = Path::new(env!("CARGO_BIN_EXE_wamp")).parent();
    let others = env::var_os("PATH").unwrap_or_default();
    let path = directory
        .map(Path::to_owned)
        .into_iter()
        .chain(env::split_paths(&others));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .kill_on_drop(true)
        .env("PATH", env::join_paths(path).expect("no colon is in it"))
        .env("WAMP_URL", world.server.url());
    for (name, _) in command(&[]).as_std().get_envs() {
        if name != "WAMP_URL" {
            shell.env_remove(name);
        }
    }
    shell
}
