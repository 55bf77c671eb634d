//! The router as a child process, and the files that it reads.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::process::Command;
use wamp::{CallError, ConnectError, Dial, Session, Ticket};

use crate::world::{Running, bounded, command};

/// A folder of the test's own, which goes with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("wamp-router-{}-{number}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0).expect("there is a place for temporary files");
        folder
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Writes a file that others cannot read.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        fs::write(&path, text).expect("the folder can be written");
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&path, mode).expect("the file is ours");
        path
    }

    /// Writes a certificate for `localhost` that nobody has signed but itself, and its key; returns
    /// the certificate.
    pub(crate) fn certificate(&self) -> String {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("the names are names");
        self.write("cert.pem", &made.cert.pem());
        self.write("key.pem", &made.signing_key.serialize_pem());
        made.cert.pem()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A router that is ready, and what it has said until then.
pub(crate) struct Process {
    pub(crate) running: Running,
    pub(crate) said: Vec<String>,
}

impl Process {
    pub(crate) async fn start(args: &[&str]) -> Self {
        let args: Vec<_> = ["router"].iter().chain(args).copied().collect();
        Self::ready(command(&args)).await
    }

    /// Starts it in a shell, behind another command of that.
    pub(crate) async fn start_in(shell: &str, args: &[&str]) -> Self {
        let plain = command(&[]);
        let mut shelled = Command::new("sh");
        let line = format!("{shell}; exec \"$0\" router \"$@\"");
        shelled
            .args(["-c", &line, env!("CARGO_BIN_EXE_wamp")])
            .args(args)
            .kill_on_drop(true);
        for (name, _) in plain.as_std().get_envs() {
            shelled.env_remove(name);
        }
        Self::ready(shelled).await
    }

    async fn ready(command: Command) -> Self {
        let mut running = Running::of(command);
        let mut said = Vec::new();
        loop {
            let line = running.note().await;
            assert!(!line.is_empty(), "it ended: {said:?}");
            let is_ready = line.starts_with("ready");
            said.push(line);
            if is_ready {
                return Self { running, said };
            }
        }
    }

    /// The URL that follows a word in what it has said.
    pub(crate) fn url(&self, scheme: &str) -> String {
        let mut words = self.said.iter().flat_map(|line| line.split(' '));
        let url = words.find(|word| word.starts_with(scheme));
        url.expect("it has said so").to_owned()
    }

    /// Lets it read its configuration again; returns what it has said of it.
    pub(crate) async fn reload(&mut self) -> String {
        self.running.signal("HUP").await;
        let mut said = String::new();
        loop {
            let line = self.running.note().await;
            assert!(!line.is_empty(), "it ended: {said}");
            said.push_str(&line);
            said.push('\n');
            if line.contains("was read again") || line.contains("was not changed") {
                return said;
            }
        }
    }

    /// Ends it, in order.
    pub(crate) async fn end(self) -> String {
        self.running.signal("TERM").await;
        let (status, rest) = self.running.end().await;
        assert!(status.success(), "{status}: {rest}");
        rest
    }
}

/// A session over a URL.
pub(crate) async fn join(url: &str, realm: &str) -> Result<Session, ConnectError> {
    bounded(wamp::connect(url).realm(realm).into_future()).await
}

pub(crate) async fn join_with(
    url: &str,
    authid: &str,
    ticket: &str,
) -> Result<Session, ConnectError> {
    let dialling = Dial::new(url).connect().realm("com.example");
    bounded(dialling.auth(Ticket::new(authid, ticket)).into_future()).await
}

/// The URI of the error with which a call is answered.
pub(crate) async fn answer(session: &Session, procedure: &str) -> String {
    let called = bounded(session.call(procedure).into_future()).await;
    match called {
        Err(CallError::Application(error)) => error.uri().to_string(),
        other => panic!("{other:?}"),
    }
}

pub(crate) const NOBODY: &str = "wamp.error.no_such_procedure";
pub(crate) const DENIED: &str = "wamp.error.not_authorized";

/// A configuration with a realm whose guests may call what `guest` says.
pub(crate) fn config(listeners: &str, guest: &str, more: &str) -> String {
    format!(
        r#"
{listeners}
[[realm]]
name = "com.example"
anonymous = "guest"
[[realm.role]]
name = "guest"
allow = [{guest}]
{more}
"#
    )
}

pub(crate) const LISTENER: &str = "[[listener]]\naddress = \"127.0.0.1:0\"\n";
pub(crate) const CALLS: &str = "{ uri = \"com.example.\", actions = [\"call\"] }";
