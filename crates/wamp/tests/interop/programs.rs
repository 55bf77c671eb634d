//! The programs that take part, as xtask has prepared them, and how each is started.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::party::{PeerKind, RouterKind};

/// The programs that xtask has prepared.
pub(crate) struct Programs {
    python: OsString,
    crossbar: OsString,
    /// The folder of the packages of Node, if there is Node on this machine.
    node_modules: Option<OsString>,
}

impl Programs {
    pub(crate) fn from_env() -> Option<Self> {
        Some(Self {
            python: env::var_os("WAMP_INTEROP_PYTHON")?,
            crossbar: env::var_os("WAMP_INTEROP_CROSSBAR")?,
            node_modules: env::var_os("WAMP_INTEROP_NODE_MODULES"),
        })
    }

    pub(crate) fn has_node(&self) -> bool {
        self.node_modules.is_some()
    }

    pub(crate) fn node_modules(&self) -> Option<&OsStr> {
        self.node_modules.as_deref()
    }

    /// The command that a program in Python is an argument to.
    pub(crate) fn run_python(&self) -> Command {
        Command::new(&self.python)
    }

    /// The command that a program for Node 22 is an argument to.
    pub(crate) fn run_node(&self) -> Command {
        let mut command = Command::new("node");
        command.arg("--require").arg(path("websocket.js"));
        command.envs(self.node_modules.as_ref().map(|path| ("NODE_PATH", path)));
        command
    }

    /// The command that starts a client which trusts the certificate `root`.
    pub(crate) fn peer(&self, kind: PeerKind, root: &Path) -> Result<Command> {
        let Some(program) = kind.program() else {
            return itself("--peer");
        };
        if !kind.is_javascript() {
            return Ok(self.python(program));
        }
        let node_modules = self.node_modules.as_ref();
        let node_modules = node_modules.context("it needs Node, which is not on this machine")?;
        let mut command = Command::new("node");
        command
            .arg(path(program))
            .env("NODE_PATH", node_modules)
            // Neither client takes a certificate to trust, so Node is told of it.
            .env("NODE_EXTRA_CA_CERTS", root);
        Ok(command)
    }

    /// The command that starts a router whose certificate is in `folder`.
    pub(crate) fn router(&self, kind: RouterKind, folder: &Path) -> Result<Command> {
        let mut command = match kind {
            RouterKind::Ours => itself("--router")?,
            RouterKind::Crossbar => {
                let mut command = self.python("crossbar_router.py");
                command.arg(&self.crossbar);
                command
            }
        };
        command.arg(folder);
        Ok(command)
    }

    fn python(&self, program: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(path(program));
        command
    }
}

/// A program of the directory `peers`.
fn path(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop/peers")
        .join(program)
}

/// The command that starts this program in one of its other roles.
fn itself(role: &str) -> Result<Command> {
    let mut command = Command::new(env::current_exe().context("this program has a path")?);
    command.arg(role);
    Ok(command)
}
