//! The processes that cells are played with: started when first needed, and again after a failure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cell::{Cell, PeerKind, RouterKind};
use crate::folder::Folder;
use crate::peer::Peer;
use crate::process::Process;
use crate::stage::Stage;

/// The processes that are running. They are started when a cell needs them and serve the cells after it.
pub(crate) struct House {
    programs: Programs,
    routers: HashMap<&'static str, Router>,
    peers: HashMap<&'static str, Process>,
    played: u64,
    /// The last to go: routers have files in it.
    folder: Folder,
}

struct Router {
    process: Process,
    /// Where it listens, by the names of the transports.
    listening: Value,
}

impl House {
    pub(crate) fn new(programs: Programs) -> Result<Self> {
        Ok(Self {
            programs,
            routers: HashMap::new(),
            peers: HashMap::new(),
            played: 0,
            folder: Folder::create()?,
        })
    }

    /// Runs one cell. After a failure the clients are ended, so that the next cell starts afresh.
    pub(crate) fn play(&mut self, cell: &Cell) -> Result<(), String> {
        let names = Names::of(cell);
        let result = self
            .ensure_running(cell, &names)
            .and_then(|()| self.perform(cell, &names));
        result.map_err(|error| {
            let mut text = format!("{error:#}");
            let peers = [names.caller, names.callee].map(|name| self.peers.remove(name));
            for mut process in peers.into_iter().flatten() {
                process.kill();
                text.push_str(&complaints(&process));
            }
            if let Some(router) = self.routers.get(names.router) {
                text.push_str(&complaints(&router.process));
            }
            // Ours starts in no time; Crossbar.io takes seconds, and is started again only if it must.
            if cell.router == RouterKind::Ours {
                self.routers.remove(names.router);
            }
            text
        })
    }

    fn ensure_running(&mut self, cell: &Cell, names: &Names) -> Result<()> {
        self.routers.retain(|_, router| !router.process.has_ended());
        self.peers.retain(|_, process| !process.has_ended());
        if let Entry::Vacant(vacant) = self.routers.entry(names.router) {
            vacant.insert(start_router(cell.router, &self.programs, &self.folder)?);
        }
        for (name, kind) in [(names.caller, cell.caller), (names.callee, cell.callee)] {
            if let Entry::Vacant(vacant) = self.peers.entry(name) {
                let mut command = match kind {
                    PeerKind::Autobahn => self.programs.python("peer.py"),
                    PeerKind::Ours => itself("--peer")?,
                };
                vacant.insert(Process::spawn(name, &mut command)?);
            }
        }
        Ok(())
    }

    fn perform(&mut self, cell: &Cell, names: &Names) -> Result<()> {
        self.played += 1;
        let router = self
            .routers
            .get_mut(names.router)
            .context("the router is running")?;
        let [caller, callee] = self.peers.get_disjoint_mut([names.caller, names.callee]);
        let caller = caller.context("the caller is running")?;
        let callee = callee.context("the callee is running")?;
        for process in [&mut router.process, &mut *caller, &mut *callee] {
            process.forget_complaints();
        }
        let deadline = Instant::now() + PATIENCE;
        let transport = cell.transport.name();
        let url = router.listening[transport].as_str();
        let url = url.with_context(|| format!("{} has no {transport}", names.router))?;
        let mut stage = Stage {
            url: url.to_owned(),
            transport: cell.transport,
            root: self.folder.root(),
            caller: Peer::new(caller, deadline),
            caller_serializer: cell.serializers.0,
            callee: Peer::new(callee, deadline),
            callee_serializer: cell.serializers.1,
            prefix: format!("com.example.cell{}", self.played),
        };
        (cell.scenario.play)(&mut stage)
    }
}

/// The programs that xtask has prepared.
pub(crate) struct Programs {
    python: OsString,
    crossbar: OsString,
}

impl Programs {
    pub(crate) fn from_env() -> Option<Self> {
        Some(Self {
            python: env::var_os("WAMP_INTEROP_PYTHON")?,
            crossbar: env::var_os("WAMP_INTEROP_CROSSBAR")?,
        })
    }

    /// The command that starts a Python program of this directory.
    fn python(&self, program: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/interop")
                .join(program),
        );
        command
    }
}

/// What the processes of a cell are called; the two sides are never the same process.
struct Names {
    router: &'static str,
    caller: &'static str,
    callee: &'static str,
}

impl Names {
    fn of(cell: &Cell) -> Self {
        Self {
            router: match cell.router {
                RouterKind::Ours => "our router",
                RouterKind::Crossbar => "Crossbar.io",
            },
            caller: match cell.caller {
                PeerKind::Autobahn => "the caller (Autobahn|Python)",
                PeerKind::Ours => "the caller (ours)",
            },
            callee: match cell.callee {
                PeerKind::Autobahn => "the callee (Autobahn|Python)",
                PeerKind::Ours => "the callee (ours)",
            },
        }
    }
}

fn start_router(kind: RouterKind, programs: &Programs, folder: &Folder) -> Result<Router> {
    let (name, mut command) = match kind {
        RouterKind::Ours => ("our router", itself("--router")?),
        RouterKind::Crossbar => {
            let mut command = programs.python("crossbar_router.py");
            command.arg(&programs.crossbar);
            ("Crossbar.io", command)
        }
    };
    command.arg(folder.path());
    let mut process = Process::spawn(name, &mut command)?;
    match process.receive(Instant::now() + START) {
        Ok(mut document) => {
            let listening = document["listening"].take();
            Ok(Router { process, listening })
        }
        Err(error) => bail!("{error:#}{}", complaints(&process)),
    }
}

/// The command that starts this program in one of its other roles.
fn itself(role: &str) -> Result<Command> {
    let mut command = Command::new(env::current_exe().context("this program has a path")?);
    command.arg(role);
    Ok(command)
}

fn complaints(process: &Process) -> String {
    let text = process.complaints();
    if text.is_empty() {
        String::new()
    } else {
        format!("\nstderr of {}:\n{text}", process.name())
    }
}

/// How long a cell may wait for its peers, all in all.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a router may take until it listens.
const START: Duration = Duration::from_secs(90);
