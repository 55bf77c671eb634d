//! A router that listens, and the program as a child process.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use wamp::{Permissions, Realm, Router, Server, Session, StaticTickets};

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) server: Server,
}

impl World {
    /// A router with an open realm `realm1`, and a realm `closed` with tickets and permissions.
    pub(crate) async fn new() -> Self {
        let tickets = StaticTickets::new()
            .with_principal("joe", "guest", "secret!!!")
            .with_principal("worker", "worker", "hard work");
        let permissions = Permissions::allow("com.example.").call().subscribe();
        let closed = Realm::new("closed")
            .role("guest", permissions)
            .role("worker", Permissions::all())
            .authenticator(tickets);
        let router = Router::builder()
            .realm(Realm::new("realm1"))
            .realm(closed)
            .build();
        let server = router.listen("127.0.0.1:0").await;
        let server = server.expect("there is a free port");
        Self { router, server }
    }

    /// A session in this process.
    pub(crate) async fn session(&self) -> Session {
        let session = self.router.session("realm1").await;
        session.expect("the realm is open")
    }

    /// The program, told where the router is.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("WAMP_URL", self.server.url());
        command
    }

    /// Runs the program until it ends.
    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        finish(self.command(args)).await
    }

    /// Starts the program.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::of(self.command(args))
    }

    /// Waits until so many sessions are on the open realm.
    pub(crate) async fn settle(&self, sessions: usize) {
        bounded(async {
            while self.router.session_count("realm1") != Some(sessions) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// The program, with nothing of the environment that it looks at.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wamp"));
    command.args(args).kill_on_drop(true);
    for name in [
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "NO_COLOR",
        "RUST_LOG",
        "WAMP_AUTHID",
        "WAMP_REALM",
        "WAMP_TICKET",
        "WAMP_URL",
    ] {
        command.env_remove(name);
    }
    command
}

/// What came of the program.
#[derive(Debug, PartialEq)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// It did what it was asked to do, and has nothing else to say.
    #[track_caller]
    pub(crate) fn is(&self, stdout: &str) {
        assert_eq!(
            (self.code, &*self.stdout, &*self.stderr),
            (Some(0), stdout, "")
        );
    }

    /// It failed, and says why in one line.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, text: &str) {
        assert_eq!((self.code, &*self.stdout), (Some(code), ""), "{self:?}");
        assert!(self.stderr.contains(text), "{self:?}");
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "{self:?}");
        assert!(self.stderr.ends_with('\n'), "{self:?}");
    }
}

pub(crate) async fn finish(mut command: Command) -> Output {
    let output = bounded(command.output()).await.expect("it runs");
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("it is text"),
        stderr: String::from_utf8(output.stderr).expect("it is text"),
    }
}

/// The program, at work.
pub(crate) struct Running {
    child: Child,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    pub(crate) fn of(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        Self {
            stdout: child.stdout.take().map(|pipe| BufReader::new(pipe).lines()),
            stderr: BufReader::new(child.stderr.take().expect("it is a pipe")),
            child,
        }
    }

    /// The next line of data.
    pub(crate) async fn line(&mut self) -> String {
        let lines = self.stdout.as_mut().expect("it is read");
        let line = bounded(lines.next_line()).await.expect("it can be read");
        line.expect("there is a line")
    }

    /// The next line of everything else.
    pub(crate) async fn note(&mut self) -> String {
        let mut line = String::new();
        let read = bounded(self.stderr.read_line(&mut line)).await;
        read.expect("it can be read");
        line.trim_end().to_owned()
    }

    /// Closes the end at which the data is read.
    pub(crate) fn stop_reading(&mut self) {
        self.stdout = None;
    }

    /// Sends it a signal, such as `INT`.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let mut kill = Command::new("kill");
        let status = kill.args(["-s", name, &id]).status().await;
        assert!(status.expect("`kill` is there").success());
    }

    /// Waits until it has ended: how, and what else it has said on stderr.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        let end = async {
            let read = self.stderr.read_to_string(&mut rest).await;
            read.expect("it can be read");
            self.child.wait().await.expect("it has ended")
        };
        (bounded(end).await, rest)
    }
}

/// Bounds a test that would otherwise hang for ever when what it waits for does not come.
pub(crate) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, work)
        .await
        .expect("it ends, and does not hang")
}
