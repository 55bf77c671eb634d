//! The processes that cells are played with: started when first needed, and again after a failure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cell::Cell;
use crate::folder::Folder;
use crate::party::{PeerKind, RouterKind};
use crate::peer::Peer;
use crate::process::Process;
use crate::programs::Programs;
use crate::stage::Stage;

/// The processes that are running. They are started when a cell needs them and serve the cells after it.
pub(crate) struct House {
    programs: Programs,
    routers: HashMap<RouterKind, Router>,
    peers: HashMap<(Role, PeerKind), Process>,
    played: u64,
    /// The last to go: routers have files in it.
    folder: Folder,
}

/// The side that a client takes: the two of a cell are never the same process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    Caller,
    Callee,
}

impl Role {
    fn name(self, kind: PeerKind) -> String {
        let role = match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
        };
        format!("the {role} ({kind})")
    }
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
        let roles = [(Role::Caller, cell.caller), (Role::Callee, cell.callee)];
        let result = self
            .ensure_running(cell.router, &roles)
            .and_then(|()| self.perform(cell, &roles));
        result.map_err(|error| {
            let mut text = format!("{error:#}");
            let peers = roles.map(|role| self.peers.remove(&role));
            for mut process in peers.into_iter().flatten() {
                process.kill();
                text.push_str(&complaints(&process));
            }
            if let Some(router) = self.routers.get(&cell.router) {
                text.push_str(&complaints(&router.process));
            }
            // Ours starts in no time; Crossbar.io takes seconds, and is started again only if it must.
            if cell.router == RouterKind::Ours {
                self.routers.remove(&cell.router);
            }
            text
        })
    }

    fn ensure_running(&mut self, router: RouterKind, roles: &[(Role, PeerKind)]) -> Result<()> {
        self.routers.retain(|_, router| !router.process.has_ended());
        self.peers.retain(|_, process| !process.has_ended());
        if let Entry::Vacant(vacant) = self.routers.entry(router) {
            vacant.insert(start_router(router, &self.programs, &self.folder)?);
        }
        for (role, kind) in roles {
            if let Entry::Vacant(vacant) = self.peers.entry((*role, *kind)) {
                let mut command = self.programs.peer(*kind, &self.folder.root())?;
                vacant.insert(Process::spawn(&role.name(*kind), &mut command)?);
            }
        }
        Ok(())
    }

    fn perform(&mut self, cell: &Cell, [caller, callee]: &[(Role, PeerKind); 2]) -> Result<()> {
        self.played += 1;
        let router = self
            .routers
            .get_mut(&cell.router)
            .context("the router is running")?;
        let [caller, callee] = self.peers.get_disjoint_mut([caller, callee]);
        let caller = caller.context("the caller is running")?;
        let callee = callee.context("the callee is running")?;
        for process in [&mut router.process, &mut *caller, &mut *callee] {
            process.forget_complaints();
        }
        let deadline = Instant::now() + PATIENCE;
        let transport = cell.transport.name();
        let url = router.listening[transport].as_str();
        let url = url.with_context(|| format!("{} has no {transport}", router.process.name()))?;
        let mut stage = Stage {
            url: url.to_owned(),
            transport: cell.transport,
            root: self.folder.root(),
            caller: Peer::new(caller, deadline),
            caller_kind: cell.caller,
            caller_serializer: cell.serializers.0,
            callee: Peer::new(callee, deadline),
            callee_kind: cell.callee,
            callee_serializer: cell.serializers.1,
            prefix: format!("com.example.cell{}", self.played),
        };
        (cell.scenario.play)(&mut stage)
    }
}

fn start_router(kind: RouterKind, programs: &Programs, folder: &Folder) -> Result<Router> {
    let name = match kind {
        RouterKind::Ours => "our router",
        RouterKind::Crossbar => "Crossbar.io",
    };
    let mut command = programs.router(kind, folder.path())?;
    let mut process = Process::spawn(name, &mut command)?;
    match process.receive(Instant::now() + START) {
        Ok(mut document) => {
            let listening = document["listening"].take();
            Ok(Router { process, listening })
        }
        Err(error) => bail!("{error:#}{}", complaints(&process)),
    }
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
