//! Runs our client and router against Autobahn|Python and Crossbar.io, over real sockets.
//!
//! `cargo xtask interop` prepares those two and starts this program, which has a `main` of its own:
//! each cell of the matrix is a test, named
//! `<router>/<transport>/<serializer>/<scenario>/<caller>-<callee>`.
//! Routers and clients all are child processes, ours too, and all speak the small language that
//! peer.py describes. A cell is green when both clients report the values that they received, and
//! these are the values that were sent.

mod cell;
mod folder;
mod house;
mod ours;
mod peer;
mod process;
mod scenario;
mod stage;
mod table;

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cell::Cell;
use crate::house::{House, Programs};
use crate::table::Table;

const HELP: &str = "\
Runs the interoperation cells. Start it as `cargo xtask interop`.

  FILTER..   the cells whose names contain one of these; a whole name runs that cell alone
  --full     the whole matrix; without it, and without a filter, a small part that touches everything
  --list     names the cells and ends
  --broken   runs a cell that is broken on purpose, and succeeds if that is seen
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
    let cells: Vec<Cell> = Cell::all()
        .into_iter()
        .filter(|cell| selected(cell, &filters, has("--full")))
        .collect();
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
    let mut house = House::new(programs)?;
    if has("--broken") {
        return Ok(fails_as_it_must(&mut house));
    }
    if cells.is_empty() {
        bail!(
            "no cell has a name that contains {filters:?}; cargo xtask interop --list --full names them all"
        );
    }
    Ok(play_all(&mut house, &cells))
}

fn selected(cell: &Cell, filters: &[&str], full: bool) -> bool {
    if filters.is_empty() {
        return full || cell.is_smoke();
    }
    let name = cell.to_string();
    filters.iter().any(|filter| name.contains(filter))
}

fn play_all(house: &mut House, cells: &[Cell]) -> bool {
    let mut table = Table::default();
    let mut failed = Vec::new();
    let began = Instant::now();
    for cell in cells {
        let (time, result) = timed(|| house.play(cell));
        match &result {
            Ok(()) => println!("ok    {cell}  {} ms", time.as_millis()),
            Err(error) => {
                println!(
                    "FAIL  {cell}  {} ms\n      {}",
                    time.as_millis(),
                    error.replace('\n', "\n      ")
                );
                failed.push(cell.to_string());
            }
        }
        table.enter(cell, result.is_ok());
    }
    // A run that cannot see a failure proves nothing.
    let honest = fails_as_it_must(house);
    println!("\n{}", table.render());
    for cell in &failed {
        println!("FAIL  {cell}");
    }
    let passed = cells.len() - failed.len();
    println!(
        "{passed} passed, {} failed, in {:.1} s",
        failed.len(),
        began.elapsed().as_secs_f64()
    );
    failed.is_empty() && honest
}

/// Runs the broken cell, and says whether it failed in the way it has to.
fn fails_as_it_must(house: &mut House) -> bool {
    let cell = Cell::broken();
    match house.play(&cell) {
        Err(error) if error.contains("the caller's result should be") => {
            println!(
                "ok    {cell}  failed, as it must: {}",
                error.lines().next().unwrap_or_default()
            );
            true
        }
        Err(error) => {
            println!("FAIL  {cell}  failed in another way than it must: {error}");
            false
        }
        Ok(()) => {
            println!(
                "FAIL  {cell}  passed, although its callee answers something else than it received"
            );
            false
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let result = work();
    (began.elapsed(), result)
}
