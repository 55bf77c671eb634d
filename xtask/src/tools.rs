//! The programs that the tasks need, installed by version under `target/tools`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// A program from the package registry.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};
pub(crate) const CARGO_FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    version: "0.13.2",
};

impl Tool {
    /// The path of the program, which is installed first unless it is there in this version.
    pub(crate) fn ensure(&self, sh: &Shell) -> Result<PathBuf> {
        let root = sh.current_dir().join("target/tools");
        let program = root.join("bin").join(self.name);
        if self.is_installed(sh, &program) {
            return Ok(program);
        }
        let Self { name, version } = self;
        eprintln!(
            "installing {name} {version} under target/tools; this happens once and takes minutes"
        );
        cmd!(sh, "cargo install --locked {name}@{version} --root {root}")
            .run()
            .with_context(|| format!("{name} {version} cannot be installed"))?;
        Ok(program)
    }

    fn is_installed(&self, sh: &Shell, program: &PathBuf) -> bool {
        let output = cmd!(sh, "{program} --version")
            .quiet()
            .ignore_stderr()
            .read();
        output.is_ok_and(|line| line.split_whitespace().any(|word| word == self.version))
    }
}
