//! `cargo xtask counts`.

mod table;

use std::{env, path::PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

use self::table::{Cost, Table};
use crate::args::Args;

pub(crate) const HELP: &str = "\
Counts the instructions and allocations of the code's main paths, and compares them with the file.

Usage: cargo xtask counts [--bless] [--only PATH]

  --bless       writes what has changed into the file
  --only PATH   only the paths whose names contain it, such as call/ or json

The file is crates/wamp-router/benches/counts.txt, and is part of the change that moves a count: who
makes a path dearer says so there. Instructions may differ by 1 %, in either direction, for what an
unrelated change does to inlining; allocations not at all. What is cheaper is written down too, so
that it stays so. Counts within the tolerance are left as they are in the file, so that many small
steps are found as well.

The paths are in crates/wamp-router/benches/counts/paths/, built by the profile `counts`, in which
what is inlined depends least on the rest of a crate. Each is gone 200 times after 100 that are not
counted, in a process of its own under callgrind, on one thread and without a socket: what else the
machine does changes nothing. Tables hash with seeds that differ in each run, by a function that
takes as many instructions for any of them; ids are random. Both move a count by less than 0.02 %.

The file says which compiler, valgrind and libc the instructions were counted with. With others they
are told and not judged, and --bless writes all of them anew. It needs valgrind (Debian: apt-get
install valgrind).
";

const FILE: &str = "crates/wamp-router/benches/counts.txt";

pub(crate) fn run(sh: &Shell, mut args: Args) -> Result<()> {
    let bless = args.flag("--bless");
    let only = args.option("--only")?.unwrap_or_default();
    args.finish()?;
    ensure!(
        !bless || only.is_empty(),
        "--bless writes the whole file; leave out --only"
    );
    let now = count(sh, &only)?;
    if bless {
        let on_file = read(sh).unwrap_or_default();
        sh.write_file(FILE, now.blessed(&on_file).to_string())?;
        print!("{}", now.compared(&on_file));
        println!("{FILE} is written");
        return Ok(());
    }
    let mut on_file = read(sh)?;
    on_file.paths.retain(|(name, _)| name.contains(&only));
    judge(&now, &on_file)
}

/// Compares all paths with the file.
pub(crate) fn check(sh: &Shell) -> Result<()> {
    judge(&count(sh, "")?, &read(sh)?)
}

fn judge(now: &Table, on_file: &Table) -> Result<()> {
    let compared = now.compared(on_file);
    print!("{compared}");
    if now.made_with != on_file.made_with {
        println!(
            "instructions are told and not judged: on file are those of {}, and this is {}",
            on_file.made_with, now.made_with
        );
    }
    let moved = compared.moved();
    if moved > 0 {
        bail!(
            "{moved} counts are not those of {FILE}; if they are to be so, `cargo xtask counts \
             --bless` writes them, and the change says why"
        );
    }
    Ok(())
}

fn read(sh: &Shell) -> Result<Table> {
    let text = sh.read_file(FILE)?;
    Table::parse(&text).with_context(|| format!("{FILE} is not as --bless writes it"))
}

/// Counts the paths whose names contain `only`.
fn count(sh: &Shell, only: &str) -> Result<Table> {
    let made_with = made_with(sh)?;
    let [instructions, allocations] = built(sh, ["instructions", "allocations"])?;
    let allocated = cmd!(sh, "{allocations}").read()?;
    let paths = cmd!(sh, "{instructions}").quiet().read()?;
    let mut table = Table {
        made_with,
        paths: Vec::new(),
    };
    for line in paths.lines().filter(|line| line.contains(only)) {
        let (name, times) = pair::<u64>(line)?;
        let allocations = allocated.lines().map(pair::<f64>);
        let allocations = allocations
            .filter_map(Result::ok)
            .find_map(|(of, count)| (of == name).then_some(count))
            .with_context(|| format!("the allocations of {name} were not counted"))?;
        let total = callgrind(sh, &instructions, name)?;
        let cost = Cost {
            instructions: total / times,
            allocations,
        };
        table.paths.push((name.to_owned(), cost));
    }
    ensure!(
        !table.paths.is_empty(),
        "no path has a name that contains {only:?}"
    );
    Ok(table)
}

/// A line of a bench: the name of a path, and a number.
fn pair<T: std::str::FromStr>(line: &str) -> Result<(&str, T)> {
    let (name, number) = line.split_once(' ').unwrap_or((line, ""));
    let number = number.parse().ok();
    let number = number.with_context(|| format!("{line:?} is no name and a number"))?;
    Ok((name, number))
}

/// The programs of some benches, built by the profile that is for this.
fn built<const N: usize>(sh: &Shell, benches: [&str; N]) -> Result<[PathBuf; N]> {
    let flags = benches.iter().flat_map(|bench| ["--bench", bench]);
    let messages = cmd!(
        sh,
        "cargo bench --quiet -p wamp-router --profile counts {flags...} --no-run --message-format=json"
    )
    .read()
    .context("the benches cannot be built")?;
    let mut programs = benches.map(|_| PathBuf::new());
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line)?;
        let name = message["target"]["name"].as_str();
        let at = benches.iter().position(|bench| name == Some(bench));
        if let (Some(at), Some(program)) = (at, message["executable"].as_str()) {
            programs[at] = PathBuf::from(program);
        }
    }
    Ok(programs)
}

/// The instructions of everything that the program has counted on this path.
fn callgrind(sh: &Shell, program: &PathBuf, path: &str) -> Result<u64> {
    let out = sh.create_dir("target")?.join("counts.callgrind");
    // The function is `counted_operation` of the bench, whatever stands around it in the symbol.
    cmd!(
        sh,
        "valgrind --quiet --tool=callgrind --toggle-collect=*counted_operation* --callgrind-out-file={out} {program} {path}"
    )
    .env_clear()
    .env("PATH", env::var_os("PATH").unwrap_or_default())
    .quiet()
    .run()
    .with_context(|| format!("callgrind did not get through {path}"))?;
    let total = summary(&sh.read_file(&out)?);
    total.with_context(|| format!("callgrind has counted nothing on {path}"))
}

/// The sum in a file of callgrind; none if nothing was counted.
fn summary(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("summary:"));
    let total = line?.trim().parse().ok()?;
    (total > 0).then_some(total)
}

/// What instructions depend on beside the code.
fn made_with(sh: &Shell) -> Result<String> {
    let valgrind = cmd!(sh, "valgrind --version").quiet().ignore_stderr();
    let valgrind = valgrind
        .read()
        .context("valgrind was not found; install it (Debian: apt-get install valgrind)")?;
    let rustc = cmd!(sh, "rustc --version").quiet().read()?;
    let libc = cmd!(sh, "getconf GNU_LIBC_VERSION").quiet().ignore_stderr();
    let libc = libc.read().unwrap_or_else(|_| "another libc".to_owned());
    // Copies and searches are done by the widest registers that there are.
    #[cfg(target_arch = "x86_64")]
    let registers = if is_x86_feature_detected!("avx2") {
        " with avx2"
    } else {
        ""
    };
    #[cfg(not(target_arch = "x86_64"))]
    let registers = "";
    let arch = env::consts::ARCH;
    Ok(format!("{rustc}, {valgrind}, {libc}, {arch}{registers}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_callgrind_is_read_and_nothing_is_no_sum() {
        assert_eq!(
            summary("events: Ir\nsummary: 4711\ntotals: 4711"),
            Some(4_711)
        );
        assert_eq!(summary("summary: 0\n"), None);
        assert_eq!(summary(""), None);
    }

    #[test]
    fn a_line_of_a_bench_is_a_name_and_a_number() {
        assert_eq!(pair("call/cbor 4.00").unwrap(), ("call/cbor", 4.0));
        assert!(pair::<u64>("call/cbor").is_err());
    }
}
