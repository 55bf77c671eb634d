//! What is printed: a line for each file, its failures, its skips, and a line for all.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use crate::check::{Outcome, Verdict};
use crate::missing::Missing;

/// Counts outcomes file by file. A file's lines are printed when the next one begins.
#[derive(Debug)]
pub(crate) struct Report {
    verbose: bool,
    all: Counts,
    file: Option<File>,
}

#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    not_binding: usize,
    failed: usize,
    skipped: usize,
}

#[derive(Debug)]
struct File {
    name: &'static str,
    counts: Counts,
    failures: Vec<String>,
    skips: BTreeMap<Missing, Vec<String>>,
    /// What is said in place of the counts.
    note: Option<String>,
}

impl Report {
    pub(crate) fn new(verbose: bool) -> Self {
        Self {
            verbose,
            all: Counts::default(),
            file: None,
        }
    }

    pub(crate) fn begin(&mut self, name: &'static str) {
        self.finish_file();
        self.file = Some(File {
            name,
            counts: Counts::default(),
            failures: Vec::new(),
            skips: BTreeMap::new(),
            note: None,
        });
    }

    pub(crate) fn add(&mut self, name: &str, outcome: Outcome) {
        let Some(file) = &mut self.file else { return };
        match outcome {
            Ok(Verdict::Passed) => file.counts.passed += 1,
            Ok(Verdict::NotBinding) => {
                file.counts.passed += 1;
                file.counts.not_binding += 1;
            }
            Ok(Verdict::Skipped(missing)) => {
                file.counts.skipped += 1;
                file.skips.entry(missing).or_default().push(name.to_owned());
            }
            Err(failure) => {
                file.counts.failed += 1;
                file.failures.push(format!("{name}: {}", failure.0));
            }
        }
    }

    /// The file as a whole is not what it should be.
    pub(crate) fn broken(&mut self, reason: &str) {
        let Some(file) = &mut self.file else { return };
        file.counts.failed += 1;
        file.failures.push(reason.to_owned());
    }

    /// The file is not in the directory.
    pub(crate) fn absent(&mut self, dir: &Path) {
        let Some(file) = &mut self.file else { return };
        file.note = Some(format!("not there, in {}", dir.display()));
    }

    /// The file is there, and what would run it is not.
    pub(crate) fn later(&mut self, cases: usize, missing: &Missing) {
        let Some(file) = &mut self.file else { return };
        file.counts.skipped = cases;
        file.note = Some(format!("{cases} skipped, {missing}"));
    }

    /// Prints the last lines. Nothing that ran at all is a failure too.
    pub(crate) fn end(mut self) -> ExitCode {
        self.finish_file();
        let Counts {
            passed,
            failed,
            skipped,
            ..
        } = self.all;
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if passed == 0 {
            println!("no case was run");
        }
        if failed == 0 && passed > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn finish_file(&mut self) {
        let Some(file) = self.file.take() else { return };
        let Counts {
            passed,
            not_binding,
            failed,
            skipped,
        } = file.counts;
        let name = format!("{}.json", file.name);
        match &file.note {
            Some(note) => println!("{name:<16} {note}"),
            None => {
                print!("{name:<16} {passed} passed, {failed} failed, {skipped} skipped");
                match not_binding {
                    0 => println!(),
                    _ => println!(" ({not_binding} of those that passed are not binding)"),
                }
            }
        }
        for failure in &file.failures {
            println!("  FAILED {failure}");
        }
        for (missing, names) in &file.skips {
            if self.verbose {
                for name in names {
                    println!("  skipped {name}: {missing}");
                }
            } else {
                println!("  skipped {}: {missing}", names.len());
            }
        }
        self.all.passed += passed;
        self.all.failed += failed;
        self.all.skipped += skipped;
    }
}
