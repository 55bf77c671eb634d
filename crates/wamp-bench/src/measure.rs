//! How a workload is measured: router, limit and load take turns.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::load::{Kind, Outcome, Target, Turn};
use crate::process::Process;
use crate::report::{Figures, Measured, Side, cores, operations};
use crate::router::REALM;
use crate::run::{Options, Place};
use crate::workload::{Limit, Workload};

/// Keeps every core awake, at the lowest priority.
pub(crate) fn spin() -> Result<Vec<Child>> {
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

/// Measures a workload, turn by turn.
pub(crate) async fn measure(
    workload: &Workload,
    awake: bool,
    options: &Options,
    place: &Place,
) -> Result<Measured> {
    let mut router = Process::start(&["router", workload.policy, &place.socket("router")]).await?;
    let (program, mut limit) = match workload.limit {
        None => (None, None),
        Some(Limit::Program(shape, writes)) => {
            let socket = place.socket("limit");
            let mut words = vec!["limit", shape.name(), writes.name()];
            if workload.over == "unix" {
                words.push(&socket);
            }
            let program = Process::start(&words).await?;
            let address = program.listens_at("address")?;
            let target = Target::Limit { address };
            let player = Player::new(workload, target, Some(program.pid), options);
            (Some(program), Some(player))
        }
        Some(Limit::Ours { over, serializers }) => {
            let workload = Workload {
                serializers,
                ..workload.clone()
            };
            let target = router_at(&router, over)?;
            let player = Player::new(&workload, target, Some(router.pid), options);
            (None, Some(player))
        }
    };
    let is_within = workload.over == "within";
    let target = match workload.over {
        "within" => Target::Within {
            policy: workload.policy.to_owned(),
        },
        over => router_at(&router, over)?,
    };
    let watch = (!is_within).then_some(router.pid);
    let mut ours = Player::new(workload, target, watch, options);
    let mut against = options.against.as_ref().map(|against| {
        let target = Target::Router {
            url: against.url.clone(),
            realm: against.realm.clone(),
        };
        Player::new(workload, target, against.pid(), options)
    });
    if matches!(workload.kind, Kind::Stalls { .. }) {
        let flooded = Process::start(&["router", "block", &place.socket("flooded")]).await?;
        let target = match workload.over {
            "within" => Target::Within {
                policy: "block".to_owned(),
            },
            over => router_at(&flooded, over)?,
        };
        ours.pace(target).await;
        if let Some(against) = &mut against {
            against.pace(against.turn.target.clone()).await;
        }
    }
    for _ in 0..options.turns().0 {
        for player in [&mut ours]
            .into_iter()
            .chain(&mut limit)
            .chain(&mut against)
        {
            player.play().await?;
        }
    }
    let mut syscalls = None;
    if !is_within && !awake && ours.failed.is_none() {
        // In a turn of its own, because counting costs.
        let turn = Turn {
            counts_syscalls: true,
            seconds: 1.0,
            ..ours.turn.clone()
        };
        let outcome = play(&turn).await?;
        let rate = operations(&outcome, turn.kind) / outcome.seconds;
        syscalls = outcome.syscalls.map(|syscalls| syscalls / rate.max(1.0));
    }
    let lock = match is_within {
        true => None,
        false => serde_json::from_value(router.counts().await?["lock"].take())?,
    };
    drop(program);
    Ok(Measured {
        ours: ours.into_side(),
        limit: limit.map(Player::into_side),
        against: against.map(Player::into_side),
        syscalls,
        lock,
    })
}

fn router_at(router: &Process, over: &str) -> Result<Target> {
    Ok(Target::Router {
        url: router.listens_at(over)?,
        realm: REALM.to_owned(),
    })
}

/// One of those who take turns.
struct Player {
    turn: Turn,
    turns: Vec<Figures>,
    failed: Option<String>,
}

impl Player {
    fn new(workload: &Workload, target: Target, watch: Option<u32>, options: &Options) -> Self {
        let (asks, answers) = workload.serializers;
        Self {
            turn: Turn {
                kind: workload.kind,
                target,
                serializers: (asks.to_owned(), answers.to_owned()),
                payload: workload.payload,
                in_flight: workload.in_flight,
                seconds: options.turns().1,
                watch,
                counts_syscalls: false,
            },
            turns: Vec::new(),
            failed: None,
        }
    }

    /// Sends from now on, to a subscriber that stalls, half as many events per second as a flood
    /// brings one that does not, and waits for nothing but its publisher.
    ///
    /// It takes nothing for a quarter of the time, and so could take three quarters of the flood.
    /// While it stalls, a twentieth of a second's flood comes to wait for it.
    async fn pace(&mut self, flooded: Target) {
        let turn = Turn {
            kind: Kind::Events { subscribers: 1 },
            target: flooded,
            watch: None,
            ..self.turn.clone()
        };
        match play(&turn).await {
            Ok(outcome) => {
                let rate = operations(&outcome, turn.kind) / outcome.seconds;
                match (rate / 2.0) as u64 {
                    0 => self.failed = Some("no event of a flood has arrived in time".to_owned()),
                    per_second => self.turn.kind = Kind::Stalls { per_second },
                }
            }
            Err(error) => self.failed = Some(format!("{error:#}")),
        }
    }

    /// Plays one turn, unless one has failed before: what one router cannot do, others may.
    async fn play(&mut self) -> Result<()> {
        if self.failed.is_some() {
            return Ok(());
        }
        match play(&self.turn).await {
            Ok(outcome) => {
                let within = matches!(self.turn.target, Target::Within { .. });
                let figures = Figures::of(&outcome, self.turn.kind, within, cores()?);
                self.turns.push(figures);
            }
            Err(error) => self.failed = Some(format!("{error:#}")),
        }
        Ok(())
    }

    fn into_side(self) -> Side {
        Side::new(self.turns, self.failed)
    }
}

/// Lets a process of its own play a turn.
pub(crate) async fn play(turn: &Turn) -> Result<Outcome> {
    let output = Command::new(std::env::current_exe()?)
        .arg("load")
        .arg(serde_json::to_string(turn)?)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let outcome: Value = serde_json::from_slice(&output.stdout)?;
    Ok(serde_json::from_value(outcome)?)
}
