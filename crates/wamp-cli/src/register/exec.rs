//! Commands that answer calls: how one is run, what becomes of its output, how it is ended.

use std::io;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
#[cfg(unix)]
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use wamp::messages::error_uri;
use wamp::{ApplicationError, CallDetails, Dict, Reply, Value, kwargs};

use super::Args;
use crate::connection::TICKET;
use crate::output::printable;
use crate::value;

/// The command of a registration, and what runs of it.
#[derive(Debug)]
pub(super) struct Commands {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    timeout: Duration,
    jobs: u32,
    /// A place for each that runs.
    places: Semaphore,
    /// Set when the program ends.
    ending: watch::Sender<bool>,
}

impl Commands {
    pub(super) fn new(args: &Args, jobs: u32) -> Self {
        let mut words = args.exec.iter().cloned();
        Self {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment: vec![
                ("WAMP_URL", args.connection.url().to_owned()),
                ("WAMP_REALM", args.connection.realm().to_string()),
            ],
            timeout: args.timeout,
            jobs,
            places: Semaphore::new(jobs as usize),
            ending: watch::Sender::new(false),
        }
    }

    /// Ends what runs, and waits until it has ended.
    pub(super) async fn end(&self) {
        self.ending.send_replace(true);
        // Whoever has all places knows that nobody has one.
        let _ = self.places.acquire_many(self.jobs).await;
        self.places.close();
    }

    /// Answers a call by running the command. Dropping the future kills it.
    pub(super) async fn answer(
        &self,
        args: &[Value],
        kwargs: &Dict,
        details: &CallDetails,
    ) -> Result<Reply, ApplicationError> {
        let ending = ApplicationError::new(error_uri::CANCELED, "the callee is ending");
        let Ok(_place) = self.places.acquire().await else {
            return Err(ending);
        };
        let mut ended = self.ending.subscribe();
        tokio::select! {
            biased;
            _ = ended.wait_for(|ending| *ending) => Err(ending),
            answer = timeout(self.timeout, self.run(args, kwargs, details)) => {
                answer.unwrap_or_else(|_| {
                    let text = format!("the command took longer than {:?}", self.timeout);
                    Err(ApplicationError::new(error_uri::TIMEOUT, text))
                })
            }
        }
    }

    async fn run(
        &self,
        args: &[Value],
        kwargs: &Dict,
        details: &CallDetails,
    ) -> Result<Reply, ApplicationError> {
        let unfit = |error| ApplicationError::invalid_argument(format!("{error}"));
        let args = value::args_json(args).map_err(unfit)?;
        let kwargs = value::kwargs_json(kwargs).map_err(unfit)?;
        let input = format!("{{\"args\":{args},\"kwargs\":{kwargs}}}\n");
        let mut running = self.spawn(details).map_err(|error| {
            ApplicationError::runtime(format!("the command cannot be run: {error}"))
        })?;
        let (status, output, errors) = running.finish(input.as_bytes()).await?;
        let errors = String::from_utf8_lossy(&errors);
        let errors = errors.trim_end();
        if status.success() {
            if !errors.is_empty() {
                tracing::info!("{}: {}", self.program, printable(errors));
            }
            return result(output);
        }
        Err(failed(status, errors))
    }

    fn spawn(&self, details: &CallDetails) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_remove(TICKET)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("WAMP_PROCEDURE", details.procedure.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, value) in [
            (
                "WAMP_CALLER",
                details.caller().map(|id| id.as_u64().to_string()),
            ),
            (
                "WAMP_CALLER_AUTHID",
                details.caller_authid().map(str::to_owned),
            ),
            (
                "WAMP_CALLER_AUTHROLE",
                details.caller_authrole().map(str::to_owned),
            ),
        ] {
            match value {
                // The system has no variable with a NUL, and refuses to run the command.
                Some(value) if !value.contains('\0') => command.env(name, value),
                _ => command.env_remove(name),
            };
        }
        // A group of its own: Ctrl-C is not for it, and it can be killed with all its children.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map(Running)
    }
}

/// A command that runs. Dropped, it is killed with all that it has started.
struct Running(Child);

impl Running {
    /// Gives it its input, takes its output, and waits until it has ended.
    async fn finish(
        &mut self,
        input: &[u8],
    ) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), ApplicationError> {
        let (stdin, stdout, stderr) = (
            self.0.stdin.take(),
            self.0.stdout.take(),
            self.0.stderr.take(),
        );
        let give = async {
            if let Some(mut stdin) = stdin {
                // A command need not read its input.
                let _ = stdin.write_all(input).await;
            }
            Ok(())
        };
        let ((), output, errors) = tokio::try_join!(give, whole(stdout), last(stderr))?;
        // Only now, so that its id stays its own for as long as its children may run.
        let status = self.0.wait().await.map_err(lost)?;
        Ok((status, output, errors))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok())
            && let Some(group) = rustix::process::Pid::from_raw(id)
        {
            // It may just have ended by itself.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Looks a command up, as the system will for each call.
#[cfg(unix)]
pub(super) fn find(program: &str) -> Result<(), String> {
    let check = |path: &Path| match std::fs::metadata(path) {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(()),
        Ok(_) => Err("it is no program that can be run".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    if program.contains('/') {
        return check(Path::new(program));
    }
    // Without a PATH the system has a list of its own.
    let Some(folders) = std::env::var_os("PATH") else {
        return Ok(());
    };
    let mut folders = std::env::split_paths(&folders);
    match folders.any(|folder| check(&folder.join(program)).is_ok()) {
        true => Ok(()),
        false => Err("there is no such command in PATH".to_owned()),
    }
}

/// The system adds endings and folders of its own.
#[cfg(not(unix))]
pub(super) fn find(_program: &str) -> Result<(), String> {
    Ok(())
}

/// All that a command writes, unless it is too much.
async fn whole(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, ApplicationError> {
    let mut octets = Vec::new();
    if let Some(stream) = stream {
        let mut stream = stream.take(MAX_OUTPUT + 1);
        stream.read_to_end(&mut octets).await.map_err(lost)?;
    }
    if octets.len() as u64 > MAX_OUTPUT {
        let text = format!("the command wrote more than {MAX_OUTPUT} octets");
        return Err(ApplicationError::new(
            error_uri::PAYLOAD_SIZE_EXCEEDED,
            text,
        ));
    }
    Ok(octets)
}

/// The last that a command writes.
async fn last(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, ApplicationError> {
    let mut octets = Vec::new();
    let Some(mut stream) = stream else {
        return Ok(octets);
    };
    while stream.read_buf(&mut octets).await.map_err(lost)? > 0 {
        let over = octets.len().saturating_sub(MAX_ERRORS);
        octets.drain(..over);
    }
    Ok(octets)
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the form that `map_err` wants"
)]
fn lost(error: io::Error) -> ApplicationError {
    ApplicationError::runtime(format!("the command's output cannot be read: {error}"))
}

/// What a command has written, as the result of its call.
fn result(output: Vec<u8>) -> Result<Reply, ApplicationError> {
    let value = match String::from_utf8(output) {
        Ok(text) => {
            let line = text
                .strip_suffix("\r\n")
                .or_else(|| text.strip_suffix('\n'));
            let line = line.unwrap_or(&text);
            if line.is_empty() {
                return Ok(Reply::default());
            }
            value::parse(line).map_err(ApplicationError::runtime)?
        }
        // What is no text keeps its last octet.
        Err(error) => Value::Bytes(error.into_bytes().into()),
    };
    Ok(Reply::new(vec![value]))
}

fn failed(status: ExitStatus, errors: &str) -> ApplicationError {
    let text = if errors.is_empty() {
        format!("the command failed: {status}")
    } else {
        errors.to_owned()
    };
    let details = match status.code() {
        Some(code) => kwargs! { exit_code: code },
        None => Dict::new(),
    };
    ApplicationError::runtime(text).with_kwargs(details)
}

/// How many octets a command may write as its result.
const MAX_OUTPUT: u64 = 4 << 20;

/// How many octets of what a command writes to stderr are kept.
const MAX_ERRORS: usize = 4 << 10;
