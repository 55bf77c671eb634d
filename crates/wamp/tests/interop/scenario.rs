//! What two peers do with each other: every value sent is compared with what the other side and
//! the sender report to have received.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::peer::Payload;
use crate::stage::{Stage, clean, equal, is, some};

/// A scenario, and what it does.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) matter: Matter,
    pub(crate) play: fn(&mut Stage<'_>) -> Result<()>,
}

/// What a scenario is about, which decides how often it is in the matrix.
pub(crate) enum Matter {
    /// Values: in every direction from format to format.
    Values,
    /// What sessions do: with every serializer.
    Session,
    /// The end of a process, which has to be started again: once for each transport.
    Death,
}

impl Scenario {
    const fn values(name: &'static str, play: fn(&mut Stage<'_>) -> Result<()>) -> Self {
        let matter = Matter::Values;
        Self { name, matter, play }
    }

    const fn session(name: &'static str, play: fn(&mut Stage<'_>) -> Result<()>) -> Self {
        let matter = Matter::Session;
        Self { name, matter, play }
    }

    const fn death(name: &'static str, play: fn(&mut Stage<'_>) -> Result<()>) -> Self {
        let matter = Matter::Death;
        Self { name, matter, play }
    }
}

/// All of them, in the order in which they are run and shown.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::values("call", call),
    Scenario::values("error", error),
    Scenario::values("publish", publish),
    Scenario::values("binary", binary),
    Scenario::values("integers", integers),
    Scenario::values("integers64", integers64),
    Scenario::values("floats", floats),
    Scenario::values("unicode", unicode),
    Scenario::values("nesting", nesting),
    Scenario::values("kwargs-only", kwargs_only),
    Scenario::session("raise", raise),
    Scenario::session("unknown", unknown),
    Scenario::session("twice", twice),
    Scenario::session("unregister", unregister),
    Scenario::session("subscribe", subscribe),
    Scenario::session("unsubscribe", unsubscribe),
    Scenario::session("leave", leave),
    Scenario::session("ticket", ticket),
    Scenario::death("callee-dies", callee_dies),
    Scenario::death("caller-dies", caller_dies),
];

/// The scenario of the cell that must fail: the callee answers something else than it received.
pub(crate) const BROKEN: Scenario = Scenario::session("broken", broken);

fn call(stage: &mut Stage<'_>) -> Result<()> {
    echoes(
        stage,
        "echo",
        &[
            Payload::new(json!([]), json!({})),
            Payload::new(json!([23, -7, 1.5, "text", true, false, null]), json!({})),
            Payload::new(
                json!([[1, [2, []]], {"a": {"b": [{}]}}]),
                json!({"name": "x", "list": [1, "two"]}),
            ),
        ],
    )
}

fn binary(stage: &mut Stage<'_>) -> Result<()> {
    let every_octet: String = (0..=255).map(|octet| format!("{octet:02x}")).collect();
    echoes(
        stage,
        "echo",
        &[
            Payload::new(
                json!([bytes("00"), bytes(""), bytes(&every_octet)]),
                json!({"blob": bytes("c3280080ff")}),
            ),
            Payload::new(json!([{"deep": [bytes("fe")]}]), json!({})),
            // More than 65 535 octets: the long form of every length there is.
            Payload::new(json!([bytes(&"5a".repeat(70_000))]), json!({})),
        ],
    )
}

fn integers(stage: &mut Stage<'_>) -> Result<()> {
    let edges: Vec<i64> = [0, 7, 8, 15, 16, 31, 32, 53]
        .into_iter()
        .flat_map(|bits: u32| {
            let edge = 1_i64 << bits;
            [edge - 1, edge, -edge, -edge - 1]
        })
        .filter(|edge| edge.unsigned_abs() < 1 << 53)
        .collect();
    echoes(
        stage,
        "echo",
        &[Payload::new(
            json!(edges),
            json!({"max": 9_007_199_254_740_991_u64}),
        )],
    )
}

fn integers64(stage: &mut Stage<'_>) -> Result<()> {
    let edges = json!([
        i64::MAX,
        i64::MIN,
        9_007_199_254_740_992_u64,
        -9_007_199_254_740_992_i64,
        9_007_199_254_740_993_u64,
        -9_007_199_254_740_993_i64,
        u64::MAX
    ]);
    echoes(stage, "echo", &[Payload::new(edges, json!({}))])
}

fn floats(stage: &mut Stage<'_>) -> Result<()> {
    let edges = json!([
        0.1,
        -1.5,
        1.0,
        65504.0,
        1e10,
        1.0e-7,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324
    ]);
    // Seventeen digits that a careless parser rounds to the neighbour.
    let rounded = json!({"a": 907.303_832_202_868_9, "b": 31.245_270_191_439_438});
    echoes(stage, "echo", &[Payload::new(edges, rounded)])
}

fn unicode(stage: &mut Stage<'_>) -> Result<()> {
    let texts = json!([
        "",
        "Grüße",
        "漢字",
        "\u{1f980}\u{10ffff}",
        "e\u{301}",
        "\"\\/\u{8}\n\r\t",
        "\u{2028}\u{7f}\u{1}",
        "\u{feff}bom"
    ]);
    echoes(
        stage,
        "echo",
        &[Payload::new(
            texts,
            json!({"ключ": "значение", "\u{1f511}": "\u{1f512}"}),
        )],
    )
}

fn nesting(stage: &mut Stage<'_>) -> Result<()> {
    let mut lists = json!("bottom");
    let mut dicts = json!("bottom");
    for _ in 0..24 {
        lists = json!([lists]);
        dicts = json!({"down": dicts});
    }
    echoes(
        stage,
        "echo",
        &[Payload::new(
            json!([lists, dicts]),
            json!({"wide": vec![[0; 3]; 500]}),
        )],
    )
}

fn kwargs_only(stage: &mut Stage<'_>) -> Result<()> {
    echoes(
        stage,
        "echo",
        &[Payload::new(json!([]), json!({"only": "keywords", "n": 1}))],
    )
}

fn broken(stage: &mut Stage<'_>) -> Result<()> {
    echoes(stage, "corrupt", &[Payload::new(json!([1]), json!({}))])
}

/// Calls with each payload; it must arrive at the callee, and come back, as it was sent.
fn echoes(stage: &mut Stage<'_>, behaviour: &str, payloads: &[Payload]) -> Result<()> {
    stage.connect()?;
    let procedure = stage.uri("echo");
    stage.callee.register(&procedure, behaviour)?;
    for payload in payloads {
        stage.call_through(&procedure, payload)?;
    }
    stage.finish()
}

fn error(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let procedure = stage.uri("refuse");
    stage.callee.register(&procedure, "refuse")?;
    for payload in [
        Payload::new(
            json!(["no", 4, bytes("00ff")]),
            json!({"why": "because", "retry": false}),
        ),
        Payload::new(json!([]), json!({})),
    ] {
        let error = stage.caller.fail_to_call(&procedure, &payload)?;
        stage.invoked_with(&procedure, &payload)?;
        is(&error, "com.example.refused")?;
        stage.refused_with(&error, &payload)?;
    }
    stage.finish()
}

fn raise(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let (raising, echo) = (stage.uri("raise"), stage.uri("echo"));
    stage.callee.register(&raising, "raise")?;
    stage.callee.register(&echo, "echo")?;
    let error = stage.caller.fail_to_call(&raising, &some())?;
    stage.invoked_with(&raising, &some())?;
    is(&error, stage.callee_kind.uri_of_an_exception())?;
    // Both sessions live on.
    stage.call_through(&echo, &some())?;
    stage.finish()
}

fn unknown(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let (unknown, echo) = (stage.uri("unknown"), stage.uri("echo"));
    stage.callee.register(&echo, "echo")?;
    stage.no_such_procedure(&unknown)?;
    stage.call_through(&echo, &some())?;
    stage.finish()
}

fn twice(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let procedure = stage.uri("echo");
    stage.callee.register(&procedure, "echo")?;
    let command = json!({"do": "register", "procedure": procedure, "as": "echo"});
    let error = stage.caller.must_fail(&command)?;
    is(&error, "wamp.error.procedure_already_exists")?;
    // The first registration is as it was.
    stage.call_through(&procedure, &some())?;
    stage.finish()
}

fn unregister(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let procedure = stage.uri("echo");
    for _ in 0..2 {
        stage.callee.register(&procedure, "echo")?;
        stage.call_through(&procedure, &some())?;
        stage.callee.unregister(&procedure)?;
        stage.no_such_procedure(&procedure)?;
    }
    stage.finish()
}

fn publish(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let topic = stage.uri("topic");
    stage.callee.subscribe(&topic)?;
    let payloads = [
        Payload::new(json!([]), json!({})),
        Payload::new(
            json!([1, -1, 2.5, "\u{1f980}", null, bytes("00ff")]),
            json!({"list": [[], {}], "k": "v"}),
        ),
        Payload::new(json!([]), json!({"only": "keywords"})),
        Payload::new(json!([9_007_199_254_740_991_u64]), json!({})),
    ];
    // All of them before the first is looked at: the order is part of what is tested.
    for payload in &payloads {
        stage.caller.publish(&topic, payload)?;
    }
    for payload in &payloads {
        stage.received_event(&topic, payload)?;
    }
    stage.finish()
}

fn subscribe(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let (first, second) = (stage.uri("first"), stage.uri("second"));
    // Before there is a subscriber, there is nobody to tell; the acknowledgement comes all the same.
    stage.caller.publish(&first, &some())?;
    stage.callee.subscribe(&first)?;
    stage.publish_through(&first, &some())?;
    stage.callee.subscribe(&second)?;
    stage.publish_through(&second, &some())?;
    stage.publish_through(&first, &some())?;
    stage.finish()
}

fn unsubscribe(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let (dropped, kept) = (stage.uri("dropped"), stage.uri("kept"));
    stage.callee.subscribe(&dropped)?;
    stage.callee.subscribe(&kept)?;
    stage.publish_through(&dropped, &some())?;
    stage.callee.unsubscribe(&dropped)?;
    stage.caller.publish(&dropped, &some())?;
    // Events of one publisher keep their order, so this one would come after the unwanted one.
    stage.publish_through(&kept, &some())?;
    stage.finish()
}

fn leave(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let procedure = stage.uri("echo");
    stage.callee.register(&procedure, "echo")?;
    stage.call_through(&procedure, &some())?;
    clean(&stage.callee.leave()?)?;
    stage.no_such_procedure(&procedure)?;

    stage.connect_callee(&json!({}))?;
    stage.callee.register(&procedure, "echo")?;
    stage.call_through(&procedure, &some())?;
    stage.finish()
}

fn ticket(stage: &mut Stage<'_>) -> Result<()> {
    let wrong = stage.connection(
        stage.callee_serializer,
        &json!({"authid": "alice", "ticket": "let me in"}),
    );
    let error = stage.callee.must_fail(&wrong)?;
    ensure!(
        error.uri.starts_with("wamp.error."),
        "a wrong ticket was answered with {}",
        error.uri
    );

    let right = json!({"authid": "alice", "ticket": "open sesame"});
    stage.connect_callee(&right)?;
    stage.connect_caller(&right)?;
    let procedure = stage.uri("echo");
    stage.callee.register(&procedure, "echo")?;
    stage.call_through(&procedure, &some())?;
    stage.finish()
}

fn callee_dies(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let procedure = stage.uri("hang");
    stage.callee.register(&procedure, "hang")?;
    stage.caller.begin_call(&procedure, &some())?;
    stage.invoked_with(&procedure, &some())?;
    stage.callee.kill();
    is(
        &stage.caller.unanswered_call_fails()?,
        "wamp.error.canceled",
    )?;
    stage.no_such_procedure(&procedure)?;
    clean(&stage.caller.leave()?)?;
    stage.caller.nothing_else_received()
}

fn caller_dies(stage: &mut Stage<'_>) -> Result<()> {
    stage.connect()?;
    let (hang, echo) = (stage.uri("hang"), stage.uri("echo"));
    stage.callee.register(&hang, "hang")?;
    stage.callee.register(&echo, "echo")?;
    stage.caller.begin_call(&hang, &some())?;
    stage.invoked_with(&hang, &some())?;
    stage.caller.kill();
    // The callee lives on; whether it is told to stop, it does not say.
    let result = stage.callee.call(&echo, &some())?;
    stage.invoked_with(&echo, &some())?;
    equal("the callee's result", &result, &some())?;
    clean(&stage.callee.leave()?)?;
    stage.callee.nothing_else_received()
}

fn bytes(hex: &str) -> Value {
    json!({"$bytes": hex})
}
