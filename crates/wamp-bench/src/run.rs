//! The run: what is wanted is measured, one after the other.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::against::Against;
use crate::measure::{measure, spin};
use crate::memory::{self, IDLE, STALLED};
use crate::progress::Progress;
use crate::report::{MemoryRow, Report, Row};
use crate::router::REALM;
use crate::soak::{self, Soak};
use crate::workload::{Workload, all};

/// What the user wants.
#[derive(Debug)]
pub(crate) struct Options {
    quick: bool,
    json: bool,
    only: Option<String>,
    soak: Option<u64>,
    pub(crate) against: Option<Against>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            quick: false,
            json: false,
            only: None,
            soak: None,
            against: None,
        };
        let (mut url, mut realm) = (None, None);
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
                "--soak" => {
                    let seconds = value()?.parse();
                    options.soak = Some(seconds.context("--soak takes a number of seconds")?);
                }
                "--against" => url = Some(*value()?),
                "--realm" => realm = Some(*value()?),
                _ => bail!("{word:?} is not understood"),
            }
        }
        ensure!(
            url.is_some() || realm.is_none(),
            "--realm is that of the router that --against names"
        );
        options.against = url
            .map(|url| Against::new(url, realm.unwrap_or(REALM)))
            .transpose()?;
        Ok(options)
    }

    /// How often, and how many seconds each.
    pub(crate) const fn turns(&self) -> (usize, f64) {
        if self.quick { (3, 1.0) } else { (7, 3.0) }
    }

    /// How many seconds the soak takes.
    fn soak(&self) -> u64 {
        self.soak.unwrap_or(if self.quick { 60 } else { 3_600 })
    }

    /// How many sessions are idle.
    const fn idle(&self) -> &'static [usize] {
        if self.quick {
            &[1_000]
        } else {
            &[1_000, 10_000]
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(&**only))
    }
}

/// One thing to be measured.
enum Item {
    Workload {
        workload: Box<Workload>,
        awake: bool,
    },
    Idle {
        over: &'static str,
        sessions: usize,
        allowed: u64,
    },
    Stalled {
        over: &'static str,
        policy: &'static str,
        topics: memory::Topics,
    },
    Subscriptions {
        topics: memory::Topics,
    },
    Soak {
        seconds: u64,
    },
}

impl Item {
    /// All that is wanted.
    fn all(options: &Options) -> Vec<Self> {
        let mut items = Vec::new();
        for workload in all() {
            items.push(Self::Workload {
                awake: false,
                workload: Box::new(workload.clone()),
            });
            if workload.awake {
                items.push(Self::Workload {
                    awake: true,
                    workload: Box::new(workload),
                });
            }
        }
        for &(over, allowed) in IDLE {
            items.extend(options.idle().iter().map(|&sessions| Self::Idle {
                over,
                sessions,
                allowed,
            }));
        }
        let stalled = STALLED.iter();
        items.extend(stalled.map(|&(over, policy, topics)| Self::Stalled {
            over,
            policy,
            topics,
        }));
        for topics in [memory::Topics::Own, memory::Topics::Shared] {
            items.push(Self::Subscriptions { topics });
        }
        items.push(Self::Soak {
            seconds: options.soak(),
        });
        items.retain(|item| options.wants(&item.name()) && item.fits(options.against.as_ref()));
        items
    }

    fn name(&self) -> String {
        match self {
            Self::Workload {
                workload,
                awake: false,
            } => workload.name.clone(),
            Self::Workload {
                workload,
                awake: true,
            } => format!("{} awake", workload.name),
            Self::Idle { over, sessions, .. } => format!("memory/{over}/{sessions}"),
            Self::Stalled {
                over,
                policy,
                topics,
            } => format!("memory/{over}/stalled/{policy} {}", topics.name()),
            Self::Subscriptions { topics } => format!("memory/rs/subscription {}", topics.name()),
            Self::Soak { .. } => "soak".to_owned(),
        }
    }

    /// Beside another router only that is measured which it can be measured by, too.
    fn fits(&self, against: Option<&Against>) -> bool {
        match (self, against) {
            (_, None) => true,
            (Self::Workload { workload, .. }, Some(against)) => workload.over == against.over(),
            (_, Some(_)) => false,
        }
    }

    /// About how many seconds it takes.
    fn seconds(&self, options: &Options) -> f64 {
        match self {
            Self::Workload { workload, .. } => {
                let (repeats, seconds) = options.turns();
                let sides = 1
                    + usize::from(workload.limit.is_some())
                    + usize::from(options.against.is_some());
                (repeats * sides) as f64 * (seconds + 0.6) + 2.0
            }
            Self::Idle { sessions, .. } => *sessions as f64 / 1_000.0,
            Self::Stalled { .. } | Self::Subscriptions { .. } => 4.0,
            Self::Soak { seconds } => *seconds as f64,
        }
    }
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let place = Place::create()?;
    let items = Item::all(&options);
    ensure!(
        !items.is_empty(),
        "no workload has a name that contains {:?}",
        options.only.as_deref().unwrap_or_default()
    );
    raise_file_limit(&items)?;
    let against = options.against.as_ref().map(|against| against.url.clone());
    let mut report = Report::begin(options.quick, against)?;
    let mut progress = Progress::begin(items.iter().map(|item| item.seconds(&options)).sum());
    for item in &items {
        let name = item.name();
        progress.begins(&name);
        let line = match item {
            Item::Workload { workload, awake } => {
                let spinners = if *awake { spin()? } else { Vec::new() };
                let measured = measure(workload, *awake, &options, &place);
                let row = Row::new(workload, *awake, measured.await.context(name)?);
                drop(spinners);
                let line = row.line();
                report.rows.push(row);
                line
            }
            Item::Idle {
                over,
                sessions,
                allowed,
            } => {
                let socket = place.socket("router");
                let octets = memory::measure_idle(over, *sessions, &socket).await;
                report.add_memory(MemoryRow::new(name, octets, *allowed))
            }
            Item::Stalled {
                over,
                policy,
                topics,
            } => {
                let socket = place.socket("router");
                let octets = memory::measure_stalled(over, policy, *topics, &socket).await;
                report.add_memory(MemoryRow::new(name, octets, memory::allowed_of_stalled()))
            }
            Item::Subscriptions { topics } => {
                let octets = memory::measure_subscriptions(*topics, &place.socket("router")).await;
                let allowed = memory::ALLOWED_OF_SUBSCRIPTION;
                report.add_memory(MemoryRow::new(name, octets, allowed))
            }
            Item::Soak { seconds } => {
                let soak = soak::run(*seconds, &place.socket("router")).await;
                let soak =
                    soak.unwrap_or_else(|error| Soak::failed(*seconds, format!("{error:#}")));
                let line = soak.line();
                report.soak = Some(soak);
                line
            }
        };
        progress.ended(item.seconds(&options), &line);
    }
    if options.json {
        crate::announce(&report)
    } else {
        print!("{}", report.text());
        Ok(())
    }
}

/// Lets this process have as many files open as the greediest of those that it starts, which are
/// allowed what it is.
fn raise_file_limit(items: &[Item]) -> Result<()> {
    let of = |item: &Item| match item {
        // Beside them there are a hundred that come first, listeners and the rest.
        Item::Idle { sessions, .. } => *sessions as u64 + 500,
        // A thousand subscribers, or as many that come and go.
        _ => 2_000,
    };
    let wanted = items.iter().map(of).max().unwrap_or_default();
    wamp::net::raise_file_limit(wanted)?;
    Ok(())
}

/// A directory for sockets, which goes with it.
pub(crate) struct Place(PathBuf);

impl Place {
    fn create() -> Result<Self> {
        let place = std::env::temp_dir().join(format!("wamp-bench-{}", std::process::id()));
        std::fs::create_dir_all(&place)?;
        Ok(Self(place))
    }

    /// A path for a socket, at which there is none.
    pub(crate) fn socket(&self, name: &str) -> String {
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
