//! `cargo xtask dist`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::args::Args;

pub(crate) const HELP: &str = "\
Builds the program `wamp` as one file that runs on every Linux of this machine's kind.

Usage: cargo xtask dist

It is linked statically, with musl, and lies under target/TARGET/release. The target of Rust and a C
compiler for musl must be there (ring, below TLS, has C in it); what is missing is told with the
command that installs it.
";

pub(crate) fn run(sh: &Shell, args: Args) -> Result<()> {
    args.finish()?;
    let version = cmd!(sh, "rustc -vV").quiet().read()?;
    let target = musl(host(&version)?)?;
    let libraries = cmd!(sh, "rustc --print target-libdir --target {target}")
        .quiet()
        .read()?;
    let has_compiler = compilers(&target).iter().any(|name| is_program(name))
        || env::var_os(compiler_variable(&target)).is_some();
    let missing = missing(&target, Path::new(&libraries).is_dir(), has_compiler);
    if !missing.is_empty() {
        bail!("{}", missing.join("\n"));
    }
    cmd!(
        sh,
        "cargo build --release --locked -p wamp-cli --target {target} --config profile.release.strip=true"
    )
    .run()?;
    let program = sh
        .current_dir()
        .join("target")
        .join(&target)
        .join("release/wamp");
    // It is of this machine's kind, so it must run here.
    cmd!(sh, "{program} --version").run()?;
    let len = fs::metadata(&program)?.len();
    println!("{}: {:.1} MB", program.display(), len as f64 / 1e6);
    Ok(())
}

/// The target that rustc builds for unless it is told another.
fn host(version: &str) -> Result<&str> {
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.context("`rustc -vV` does not name its host")
}

/// The target of musl for the same processor.
fn musl(host: &str) -> Result<String> {
    let (processor, rest) = host.split_once('-').context("the host is no target")?;
    if !rest.contains("linux") {
        bail!("a static program is built for Linux, on Linux; this is {host}");
    }
    let abi = if rest.ends_with("eabihf") {
        "musleabihf"
    } else {
        "musl"
    };
    Ok(format!("{processor}-unknown-linux-{abi}"))
}

/// What is to be installed first, each with how.
fn missing(target: &str, has_target: bool, has_compiler: bool) -> Vec<String> {
    let mut missing = Vec::new();
    if !has_target {
        missing.push(format!(
            "the target {target} of Rust is not installed: `rustup target add {target}`"
        ));
    }
    if !has_compiler {
        missing.push(format!(
            "there is no C compiler for musl: `apt-get install musl-tools` on Debian, or name one in \
             {}",
            compiler_variable(target)
        ));
    }
    missing
}

/// The names by which the build looks for a C compiler.
fn compilers(target: &str) -> [String; 2] {
    [
        "musl-gcc".to_owned(),
        format!("{}-gcc", target.replace("-unknown", "")),
    ]
}

fn compiler_variable(target: &str) -> String {
    format!("CC_{}", target.replace('-', "_"))
}

fn is_program(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory: PathBuf| directory.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_that_of_the_machine_with_musl() {
        for (host, target) in [
            ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"),
            ("x86_64-unknown-linux-musl", "x86_64-unknown-linux-musl"),
            ("aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl"),
            (
                "armv7-unknown-linux-gnueabihf",
                "armv7-unknown-linux-musleabihf",
            ),
        ] {
            assert_eq!(musl(host).unwrap(), target);
        }
        assert!(musl("aarch64-apple-darwin").is_err());
        let version = "rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0";
        assert_eq!(host(version).unwrap(), "x86_64-unknown-linux-gnu");
        assert!(host("rustc 1.95.0").is_err());
    }

    #[test]
    fn what_is_missing_is_told_with_how_to_install_it() {
        let target = "x86_64-unknown-linux-musl";
        assert!(missing(target, true, true).is_empty());
        let told = missing(target, false, false).join("\n");
        for command in [
            "rustup target add x86_64-unknown-linux-musl",
            "apt-get install musl-tools",
            "CC_x86_64_unknown_linux_musl",
        ] {
            assert!(told.contains(command), "{told}");
        }
    }
}
