//! One turn of a load: a process connects, warms up, and counts for a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::timeout;
use wamp::{Serializer, Transport, Uri};

use crate::joins;
use crate::limit::{LISTENS, SPEAKS};
use crate::party::{Part, Party, Tally};
use crate::process::{Threads, Usage, count_syscalls};
use crate::router::{REALM, build};
use crate::wire::{Asks, Got, RawWire, WampWire, Wire, message_len};

/// What a load does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// So many callers, each with a callee of its own.
    Calls { pairs: usize },
    /// One publisher that waits for acknowledgements, to so many topics, without subscribers.
    Publish { topics: usize },
    /// One publisher that waits for nothing, and so many subscribers.
    Events { subscribers: usize },
    /// One publisher that sends so much per second, and one subscriber that stalls.
    Stalls { per_second: u64 },
    /// One publisher that waits for acknowledgements, and so many subscribers.
    Fanout { subscribers: usize },
    /// Sessions come and go, so many at once.
    Joins { at_once: usize },
}

/// Whom a load speaks to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// A router at a URL.
    Router { url: String, realm: String },
    /// A router in the process of the load.
    Within { policy: String },
    /// A program of the limit.
    Limit { address: String },
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) kind: Kind,
    pub(crate) target: Target,
    /// Those of who asks, and of who answers.
    pub(crate) serializers: (String, String),
    pub(crate) payload: usize,
    pub(crate) in_flight: u64,
    pub(crate) seconds: f64,
    /// The process of the router, or of the limit, whose use of the processor is measured.
    pub(crate) watch: Option<u32>,
    /// Whether its syscalls are counted, which makes it slower.
    pub(crate) counts_syscalls: bool,
}

/// What came of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Calls, acknowledgements, events that arrived, or sessions.
    pub(crate) done: u64,
    pub(crate) seconds: f64,
    /// Events that never arrived.
    pub(crate) lost: u64,
    /// Subscribers that were disconnected, where that does not end the load.
    pub(crate) disconnected: u64,
    /// Syscalls per second of the process that is watched, where they were counted.
    pub(crate) syscalls: Option<f64>,
    /// Of the process that is watched, if one is.
    pub(crate) router: Option<Usage>,
    /// Of the load itself, and of a router in its process.
    pub(crate) load: Usage,
}

/// How long a load runs before it is counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// How long events may take to arrive when no more are published, before they are lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long all of them may take: a router that has fallen far behind is not waited for.
const AT_MOST: Duration = Duration::from_secs(120);

pub(crate) type Parties = JoinSet<Result<()>>;

pub(crate) async fn run(turn: &Turn) -> Result<Outcome> {
    let tally = Arc::new(Tally::default());
    let mut parties = Parties::new();
    if let Kind::Joins { at_once } = turn.kind {
        joins::take_parts(turn, at_once, &tally, &mut parties);
    } else {
        take_all_parts(turn, &tally, &mut parties).await?;
    }
    wait(&mut parties, WARM_UP).await?;
    let time = Duration::from_secs_f64(turn.seconds);
    let look = || {
        anyhow::Ok((
            turn.watch.map(Threads::of).transpose()?,
            Threads::of_self()?,
        ))
    };
    let before = look()?;
    let done_before = tally.done.load(Ordering::Relaxed);
    let began = Instant::now();
    let measured = async {
        wait(&mut parties, time).await?;
        let done = tally.done.load(Ordering::Relaxed) - done_before;
        anyhow::Ok((done, began.elapsed().as_secs_f64(), look()?))
    };
    let counted = async {
        match turn.watch {
            Some(watched) if turn.counts_syscalls => count_syscalls(watched, time).await,
            _ => None,
        }
    };
    let (measured, syscalls) = tokio::join!(measured, counted);
    let (done, seconds, after) = measured?;
    let lost = settle(turn, &tally, &mut parties).await?;
    let router = after.0.zip(before.0);
    Ok(Outcome {
        done,
        seconds,
        lost,
        disconnected: tally.disconnected.load(Ordering::Relaxed),
        syscalls,
        router: router.map(|(after, before)| after.since(&before)),
        load: after.1.since(&before.1),
    })
}

async fn take_all_parts(turn: &Turn, tally: &Arc<Tally>, parties: &mut Parties) -> Result<()> {
    match &turn.target {
        Target::Router { url, realm } => {
            let join = |serializer| join(url, realm, serializer, turn.payload);
            take_parts(turn, tally, parties, join).await
        }
        Target::Within { policy } => {
            let router = build(policy)?;
            let join = |_| WampWire::join_within(&router, REALM, turn.payload);
            take_parts(turn, tally, parties, join).await
        }
        Target::Limit { address } => take_parts_of_limit(turn, address, tally, parties).await,
    }
}

/// Ends the load, and counts the events that never arrive.
async fn settle(turn: &Turn, tally: &Tally, parties: &mut Parties) -> Result<u64> {
    tally.is_over.store(true, Ordering::Relaxed);
    let Some(flow) = turn.flow() else {
        return Ok(0);
    };
    // The acknowledgements are counted, too.
    let each = flow.subscribers as u64 + u64::from(flow.acknowledge);
    let began = Instant::now();
    let mut last = (0, began);
    loop {
        let expected = tally.asked.load(Ordering::Relaxed) * each;
        let done = tally.done.load(Ordering::Relaxed);
        if done != last.0 {
            last = (done, Instant::now());
        }
        if done >= expected || last.1.elapsed() > PATIENCE {
            return Ok(expected.saturating_sub(done));
        }
        if began.elapsed() > AT_MOST {
            let missing = expected.saturating_sub(done);
            bail!("{missing} events have not arrived {AT_MOST:?} after the last was published");
        }
        tokio::task::yield_now().await;
        wait(parties, Duration::ZERO).await?;
    }
}

/// Lets those who take part go on for a time.
async fn wait(parties: &mut Parties, time: Duration) -> Result<()> {
    match timeout(time, parties.join_next()).await {
        Err(_) => Ok(()),
        Ok(Some(Ok(Err(error)))) => Err(error.context("one who takes part in the load has failed")),
        Ok(_) => bail!("one who takes part in the load has ended"),
    }
}

async fn join(url: &str, realm: &str, serializer: &Serializer, payload: usize) -> Result<WampWire> {
    crate::wire::join(url, realm, serializer, payload)
        .await
        .with_context(|| format!("{url} is not joined"))
}

async fn take_parts<'a, T: Transport + Unpin, F>(
    turn: &'a Turn,
    tally: &Arc<Tally>,
    parties: &mut Parties,
    join: impl Fn(&'a Serializer) -> F,
) -> Result<()>
where
    F: Future<Output = Result<WampWire<T>>>,
{
    let (first, second) = turn.known_serializers()?;
    // They are used to the end of the program.
    let (first, second): (&'static _, &'static _) =
        (Box::leak(first.into()), Box::leak(second.into()));
    let in_flight = turn.in_flight;
    let mut spawn = |wire, part| {
        parties.spawn(Party::new(wire, part, Arc::clone(tally)));
    };
    if let Some(flow) = turn.flow() {
        let topic = Uri::new(format!("com.example.topic.{}", std::process::id()))?;
        for _ in 0..flow.subscribers {
            let mut subscriber = join(second).await?;
            subscriber.subscribe(&topic).await?;
            spawn(subscriber, flow.takes);
        }
        let acknowledge = flow.acknowledge;
        let publisher = join(first).await?;
        spawn(
            publisher.asking(Asks::Publish { topic, acknowledge }),
            flow.sends,
        );
        return Ok(());
    }
    match turn.kind {
        Kind::Calls { pairs } => {
            for pair in 0..pairs {
                let procedure = Uri::new(format!(
                    "com.example.procedure.{}.{pair}",
                    std::process::id()
                ))?;
                let mut callee = join(second).await?;
                callee.register(&procedure).await?;
                spawn(callee, Part::Serve);
                let caller = join(first).await?.asking(Asks::Call(procedure));
                spawn(caller, Part::Ask { in_flight });
            }
        }
        Kind::Publish { topics } => {
            for topic in 0..topics {
                let topic = Uri::new(format!("com.example.topic.{}.{topic}", std::process::id()))?;
                let publisher = join(first).await?.asking(Asks::Publish {
                    topic,
                    acknowledge: true,
                });
                spawn(publisher, Part::Ask { in_flight });
            }
        }
        _ => bail!("those who join and leave are no parts"),
    }
    Ok(())
}

async fn take_parts_of_limit(
    turn: &Turn,
    address: &str,
    tally: &Arc<Tally>,
    parties: &mut Parties,
) -> Result<()> {
    let len = turn.frame_len()?;
    let mut spawn = |wire: RawWire, part| {
        parties.spawn(Party::new(wire, part, Arc::clone(tally)));
    };
    let connect = |takes| RawWire::connect(address, len, takes);
    let in_flight = turn.in_flight;
    match turn.kind {
        Kind::Calls { pairs } => {
            for _ in 0..pairs {
                spawn(connect(Got::Answer).await?, Part::Ask { in_flight });
                spawn(connect(Got::Request(0)).await?, Part::Serve);
            }
        }
        Kind::Publish { topics } => {
            for _ in 0..topics {
                spawn(connect(Got::Answer).await?, Part::Ask { in_flight });
            }
        }
        Kind::Events { subscribers: 1 } => {
            spawn(connect(Got::Answer).await?, Part::Flood);
            spawn(connect(Got::Answer).await?, Part::Serve);
        }
        Kind::Events { subscribers } => {
            for _ in 0..subscribers {
                let listener = connect(Got::Answer).await?.saying(LISTENS).await?;
                spawn(listener, Part::Serve);
            }
            let speaker = connect(Got::Answer).await?.saying(SPEAKS).await?;
            spawn(speaker, Part::Flood);
        }
        Kind::Fanout { .. } | Kind::Stalls { .. } | Kind::Joins { .. } => {
            bail!("there is no limit of this load")
        }
    }
    Ok(())
}

/// One publisher, and its subscribers.
struct Flow {
    subscribers: usize,
    takes: Part,
    sends: Part,
    acknowledge: bool,
}

impl Turn {
    /// Who takes part, if it is of events.
    const fn flow(&self) -> Option<Flow> {
        let (subscribers, takes, sends, acknowledge) = match self.kind {
            Kind::Events { subscribers } => (subscribers, Part::Serve, Part::Flood, false),
            Kind::Stalls { per_second } => (1, Part::Stall, Part::Pace { per_second }, false),
            Kind::Fanout { subscribers } => {
                let in_flight = self.in_flight;
                (subscribers, Part::Serve, Part::Ask { in_flight }, true)
            }
            Kind::Calls { .. } | Kind::Publish { .. } | Kind::Joins { .. } => return None,
        };
        Some(Flow {
            subscribers,
            takes,
            sends,
            acknowledge,
        })
    }

    pub(crate) fn known_serializers(&self) -> Result<(Serializer, Serializer)> {
        let of = |name: &str| {
            Ok(match name {
                "cbor" => Serializer::cbor(),
                "msgpack" => Serializer::msgpack(),
                "json" => Serializer::json(),
                _ => bail!("there is no serializer {name:?}"),
            })
        };
        Ok((of(&self.serializers.0)?, of(&self.serializers.1)?))
    }

    /// How long the frames are that stand for the messages, with the head of RawSocket.
    fn frame_len(&self) -> Result<usize> {
        let (serializer, _) = self.known_serializers()?;
        Ok(4 + message_len(&serializer, self.payload)?)
    }
}

/// The wires of all kinds are moved.
const fn _is_unpin<W: Wire + Unpin>() {}
const _: () = _is_unpin::<RawWire>();
