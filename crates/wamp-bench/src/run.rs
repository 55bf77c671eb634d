//! The run: routers, limits and loads take turns.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::load::{Kind, Outcome, Target, Turn};
use crate::memory;
use crate::process::Process;
use crate::report::{Figures, MemoryRow, Report, Row};
use crate::router::REALM;
use crate::soak;
use crate::workload::{Workload, all};

/// What the user wants.
#[derive(Debug)]
pub(crate) struct Options {
    quick: bool,
    json: bool,
    only: Option<String>,
    against: Option<(String, String)>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            quick: false,
            json: false,
            only: None,
            against: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} needs a value"))
            };
            match *word {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--only" => options.only = Some((*value()?).to_owned()),
                "--against" => {
                    let url = (*value()?).to_owned();
                    let realm = options
                        .against
                        .map_or_else(|| REALM.to_owned(), |(_, realm)| realm);
                    options.against = Some((url, realm));
                }
                "--realm" => {
                    let realm = (*value()?).to_owned();
                    let url = options.against.map(|(url, _)| url);
                    options.against = Some((url.context("--realm follows --against")?, realm));
                }
                _ => bail!("{word:?} is not understood"),
            }
        }
        Ok(options)
    }

    /// How often, and how many seconds each.
    const fn turns(&self) -> (usize, f64) {
        if self.quick { (3, 1.0) } else { (7, 3.0) }
    }

    /// How many seconds the soak takes.
    const fn soak(&self) -> u64 {
        if self.quick { 60 } else { 3_600 }
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(&**only))
    }
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let place = Place::create()?;
    let mut report = Report::begin(options.quick)?;
    for workload in all()
        .iter()
        .filter(|workload| options.wants(&workload.name))
    {
        eprintln!("{} ...", workload.name);
        for awake in [false, true] {
            if awake && !workload.awake {
                continue;
            }
            let spinners = if awake { spin()? } else { Vec::new() };
            let row = measure(workload, awake, &options, &place)
                .await
                .with_context(|| workload.name.clone())?;
            drop(spinners);
            if !options.json {
                eprintln!("    {}", row.line());
            }
            report.rows.push(row);
        }
    }
    for (over, allowed) in memory::ROWS {
        for sessions in if options.quick {
            &[1_000][..]
        } else {
            &[1_000, 10_000]
        } {
            let name = format!("memory/{over}/{sessions}");
            if options.wants(&name) {
                eprintln!("{name} ...");
                let octets = memory::measure(over, *sessions, &place.socket("router")).await?;
                report.memory.push(MemoryRow {
                    name,
                    octets,
                    allowed: *allowed,
                });
            }
        }
    }
    if options.wants("soak") {
        let seconds = options.soak();
        eprintln!("soak of {seconds} s ...");
        report.soak = Some(soak::run(seconds, &place.socket("router")).await?);
    }
    ensure!(
        !report.is_empty(),
        "no workload has a name that contains {:?}",
        options.only
    );
    if options.json {
        crate::announce(&report)
    } else {
        print!("{}", report.text());
        Ok(())
    }
}

/// A directory for sockets, which goes with it.
struct Place(PathBuf);

impl Place {
    fn create() -> Result<Self> {
        let place = std::env::temp_dir().join(format!("wamp-bench-{}", std::process::id()));
        std::fs::create_dir_all(&place)?;
        Ok(Self(place))
    }

    /// A path for a socket, at which there is none.
    fn socket(&self, name: &str) -> String {
        let path = self.0.join(name);
        let _ = std::fs::remove_file(&path);
        path.to_string_lossy().into_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Keeps every core awake, at the lowest priority.
fn spin() -> Result<Vec<Child>> {
    let cores = std::thread::available_parallelism()?.get();
    let this = std::env::current_exe()?;
    let spinner = || {
        Command::new("nice")
            .args(["-n", "19"])
            .arg(&this)
            .arg("spin")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("nice cannot be started")
    };
    (0..cores).map(|_| spinner()).collect()
}

async fn measure(
    workload: &Workload,
    awake: bool,
    options: &Options,
    place: &Place,
) -> Result<Row> {
    let router = Process::start(&["router", workload.policy, &place.socket("router")]).await?;
    let limit = match workload.limit {
        Some((shape, writes)) => {
            let socket = place.socket("limit");
            let mut words = vec!["limit", shape.name(), writes.name()];
            if workload.over == "unix" {
                words.push(&socket);
            }
            Some(Process::start(&words).await?)
        }
        None => None,
    };
    let ours = match workload.over {
        "within" => Target::Within {
            policy: workload.policy.to_owned(),
        },
        over => Target::Router {
            url: router.listens_at(over)?,
            realm: REALM.to_owned(),
        },
    };
    let limit = match &limit {
        Some(limit) => {
            let address = limit.listens_at("address")?;
            Some((Target::Limit { address }, limit.pid))
        }
        None => None,
    };
    let is_within = workload.over == "within";
    let (repeats, seconds) = options.turns();
    let turn = |target: &Target, watch| Turn {
        kind: workload.kind,
        target: target.clone(),
        serializers: (
            workload.serializers.0.to_owned(),
            workload.serializers.1.to_owned(),
        ),
        payload: workload.payload,
        in_flight: workload.in_flight,
        seconds,
        watch,
        counts_syscalls: false,
    };
    let mut row = Row::new(workload, awake);
    for _ in 0..repeats {
        let outcome = play(&turn(&ours, (!is_within).then_some(router.pid))).await?;
        row.ours.push(Figures::of(&outcome, workload.kind));
        if let Some((target, pid)) = &limit {
            let outcome = play(&turn(target, Some(*pid))).await?;
            row.limit.push(Figures::of(&outcome, workload.kind));
        }
        if let Some((url, realm)) = &options.against
            && same_transport(url, workload.over)
        {
            let target = Target::Router {
                url: url.clone(),
                realm: realm.clone(),
            };
            let outcome = play(&turn(&target, None)).await?;
            row.against.push(Figures::of(&outcome, workload.kind));
        }
    }
    if !is_within && !awake {
        // In a turn of its own, because counting costs.
        let turn = Turn {
            counts_syscalls: true,
            seconds: 1.0,
            ..turn(&ours, Some(router.pid))
        };
        let outcome = play(&turn).await?;
        let rate = operations(&outcome, turn.kind) / outcome.seconds;
        row.syscalls = outcome.syscalls.map(|syscalls| syscalls / rate.max(1.0));
    }
    Ok(row)
}

/// Another router is measured over what its URL says.
fn same_transport(url: &str, over: &str) -> bool {
    url.split(':').next() == Some(over)
}

/// Lets a process of its own play a turn.
pub(crate) async fn play(turn: &Turn) -> Result<Outcome> {
    let output = Command::new(std::env::current_exe()?)
        .arg("load")
        .arg(serde_json::to_string(turn)?)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "the load has failed");
    let outcome: Value = serde_json::from_slice(&output.stdout)?;
    Ok(serde_json::from_value(outcome)?)
}

/// What one turn counts as an operation.
pub(crate) fn operations(outcome: &Outcome, kind: Kind) -> f64 {
    let done = outcome.done as f64;
    match kind {
        // Beside the events an acknowledgement was counted for each publication.
        Kind::Fanout { subscribers } => {
            let subscribers = subscribers as f64;
            done * subscribers / (subscribers + 1.0)
        }
        _ => done,
    }
}
