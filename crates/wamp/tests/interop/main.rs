//! Runs our client and router against those of others, over real sockets.
//!
//! `cargo xtask interop` prepares the others and starts this program, which has a `main` of its own:
//! each cell of the matrix is a test, named
//! `<router>/<transport>/<serializer>/<scenario>/<caller>-<callee>`.
//! Routers and clients all are child processes, ours too, and all speak the small language that
//! peers/peer.py describes. A cell is green when both clients report the values that they received,
//! and these are the values that were sent, or what values.rs says of that client.

mod cell;
mod documents;
mod folder;
mod house;
mod matrix;
mod ours;
mod party;
mod peer;
mod process;
mod programs;
mod readme;
mod scenario;
mod stage;
mod table;
mod values;

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::cell::Cell;
use crate::house::House;
use crate::party::PeerKind;
use crate::programs::Programs;
use crate::table::Outcome;

const HELP: &str = "\
Runs the interoperation cells. Start it as `cargo xtask interop`.

  FILTER..       the cells whose names contain one of these; a whole name runs that cell alone
  documents      the programs in Python and JavaScript that the README and the guide show
  --full         the whole matrix; without it, and without a filter, a part that touches everything
  --write        writes the table of the run into README.md; with --full
  --require-all  fails without Node, instead of leaving out the cells that need it
  --list         names the cells and ends
  --broken       runs cells that are broken on purpose, and succeeds if that is seen
";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some("--peer") => ours::peer().map(|()| true),
        Some("--router") => ours::router(words.get(1)).map(|()| true),
        _ => run(&words),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what the arguments select, and says whether all of it passed.
fn run(words: &[String]) -> Result<bool> {
    let has = |flag: &str| words.iter().any(|word| word == flag);
    if has("--help") {
        print!("{HELP}");
        return Ok(true);
    }
    // So a test runner asks which tests there are; it could not run them one by one, each with a router.
    if has("--format") {
        return Ok(true);
    }
    let filters: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let is_whole = has("--full") && filters.is_empty();
    ensure!(
        is_whole || !has("--write"),
        "--write is for a run of the whole matrix; add --full, and no filter"
    );
    let cells = selected(&filters, has("--full"));
    if has("--list") {
        for cell in cells {
            println!("{cell}");
        }
        return Ok(true);
    }
    let Some(programs) = Programs::from_env() else {
        println!(
            "interop: 0 cells: they need Autobahn|Python and Crossbar.io; run cargo xtask interop"
        );
        return Ok(true);
    };
    ensure!(
        programs.has_node() || !has("--require-all"),
        "Node is not on this machine, and --require-all wants no cell left out; \
         install nodejs and npm"
    );
    let has_node = programs.has_node();
    if filters == ["documents"] {
        return documents::run(&programs);
    }
    let shown_is_good = !filters.is_empty() || documents::run(&programs)?;
    let mut house = House::new(programs)?;
    if has("--broken") {
        return Ok(fail_as_they_must(&mut house, has_node));
    }
    if cells.is_empty() {
        bail!(
            "no cell has a name that contains {filters:?}; cargo xtask interop --list --full names them all"
        );
    }
    let results = play_all(&mut house, cells, has_node);
    // A run that cannot see a failure proves nothing.
    let honest = fail_as_they_must(&mut house, has_node);
    let good = report(&results) && honest && shown_is_good;
    if !filters.is_empty() {
        return Ok(good);
    }
    let table = table::render(&all_passed());
    if has("--write") {
        ensure!(
            good && table == table::render(&results),
            "README.md is left as it was: not all cells passed"
        );
        readme::write(&table)?;
    }
    readme::check(&table)?;
    Ok(good)
}

fn selected(filters: &[&str], full: bool) -> Vec<Cell> {
    if filters.is_empty() && !full {
        return matrix::smoke();
    }
    let mut cells = matrix::all();
    cells.retain(|cell| {
        let name = cell.to_string();
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter))
    });
    cells
}

fn play_all(house: &mut House, cells: Vec<Cell>, has_node: bool) -> Vec<(Cell, Outcome)> {
    let mut results = Vec::new();
    for cell in cells {
        if cell.needs_node() && !has_node {
            results.push((cell, Outcome::NotRun));
            continue;
        }
        let (time, result) = timed(|| house.play(&cell));
        let outcome = match result {
            Ok(()) => {
                println!("ok    {cell}  {} ms", time.as_millis());
                Outcome::Passed
            }
            Err(error) => {
                println!(
                    "FAIL  {cell}  {} ms\n      {}",
                    time.as_millis(),
                    error.replace('\n', "\n      ")
                );
                Outcome::Failed
            }
        };
        results.push((cell, outcome));
    }
    results
}

/// Prints the table and what failed, and says whether nothing did.
fn report(results: &[(Cell, Outcome)]) -> bool {
    println!("\n{}", table::render(results));
    let of = |wanted| {
        results
            .iter()
            .filter(move |(_, outcome)| *outcome == wanted)
    };
    for (cell, _) in of(Outcome::Failed) {
        println!("FAIL  {cell}");
    }
    let failed = of(Outcome::Failed).count();
    println!("{} passed, {failed} failed", of(Outcome::Passed).count());
    let not_run = of(Outcome::NotRun).count();
    if not_run > 0 {
        println!("{not_run} not run: they need Node, which is not on this machine");
    }
    failed == 0
}

/// The results of a run of the whole matrix in which all passes.
fn all_passed() -> Vec<(Cell, Outcome)> {
    let cells = matrix::all().into_iter();
    cells.map(|cell| (cell, Outcome::Passed)).collect()
}

/// Runs the broken cell with each client, and says whether it failed in the way it has to.
fn fail_as_they_must(house: &mut House, has_node: bool) -> bool {
    let mut honest = true;
    for callee in PeerKind::ALL {
        let cell = Cell::broken(callee);
        if cell.needs_node() && !has_node {
            continue;
        }
        match house.play(&cell) {
            Err(error) if error.contains("the caller's result should be") => println!(
                "ok    {cell}  failed, as it must: {}",
                error.lines().next().unwrap_or_default()
            ),
            Err(error) => {
                println!("FAIL  {cell}  failed in another way than it must: {error}");
                honest = false;
            }
            Ok(()) => {
                println!("FAIL  {cell}  passed, although its callee answers something else");
                honest = false;
            }
        }
    }
    honest
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let result = work();
    (began.elapsed(), result)
}
