//! Random scripts: what many sessions say, in any order.
//!
//! A step names what it refers to by a position ("the third pending invocation"), resolved against
//! the model when its turn comes: so most steps mean something, and a script stays meaningful when
//! steps are taken out of it to find the smallest one that fails.

mod resolve;

use proptest::collection::vec;
use proptest::prelude::*;
use wamp_messages::Message;

use super::model::Session;
use crate::config::SessionLimits;

/// How many sessions are there at once.
const SESSIONS: usize = 8;

/// What happens on a realm, from the first session to the last.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// Whether sessions may have little only.
    pub(super) limited: bool,
    /// How many sessions join first.
    pub(super) sessions: usize,
    pub(super) steps: Vec<Step>,
    /// In which order those leave who are left.
    pub(super) farewell: Vec<u16>,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Who acts, unless the action names someone.
    actor: u16,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Join,
    Leave,
    Subscribe {
        request: NewRequest,
        topic: Name,
        policy: Option<&'static str>,
    },
    Unsubscribe {
        request: NewRequest,
        which: Which,
    },
    Publish {
        request: NewRequest,
        topic: Name,
        options: Publishing,
        payload: Kind,
    },
    Register {
        request: NewRequest,
        procedure: Name,
        policy: Option<&'static str>,
        invoke: Option<&'static str>,
    },
    Unregister {
        request: NewRequest,
        which: Which,
    },
    Call {
        request: NewRequest,
        procedure: Name,
        /// Whether more arguments are to follow.
        progress: bool,
        payload: Kind,
    },
    Answer {
        which: Which,
        failed: bool,
        /// Whether it is a part, and more is to follow.
        progress: bool,
        payload: Kind,
    },
    Cancel {
        which: Which,
    },
    Acknowledge {
        which: Which,
    },
    Undeliverable {
        which: u16,
        too_long: bool,
    },
    Ghost {
        which: u16,
    },
}

/// The id of a request, from the last one of its session.
#[derive(Debug, Clone, Copy)]
enum NewRequest {
    Next,
    Skip(u16),
    Again(u16),
    /// The largest there is, after which ids begin anew.
    Last,
    /// One under which a call still waits from before ids began anew, if there is any.
    Waiting(u16),
}

/// The id of something that there is, was, or never was.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// One's own: whoever it belongs to acts.
    Own(u16),
    /// Somebody else's.
    Foreign(u16),
    /// One that was used at some time, perhaps for something else.
    Old(u16),
    Garbage(u64),
}

#[derive(Debug, Clone, Copy)]
enum Name {
    /// One that is subscribed or registered.
    Known(u16),
    Of(&'static str),
}

#[derive(Debug, Clone)]
struct Publishing {
    acknowledge: Option<bool>,
    exclude_me: Option<bool>,
    lists: Lists,
}

/// Black and white lists: of sessions by position, of principals and roles by name.
#[derive(Debug, Clone, Default)]
struct Lists {
    exclude: Option<Vec<u16>>,
    exclude_authid: Option<Vec<&'static str>>,
    exclude_authrole: Option<Vec<&'static str>>,
    eligible: Option<Vec<u16>>,
    eligible_authid: Option<Vec<&'static str>>,
    eligible_authrole: Option<Vec<&'static str>>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Empty,
    Args,
    ArgsAndKwargs,
    /// Encoded in a way that only the peers know.
    Opaque,
    /// The same, as the Advanced Profile has it.
    Passthru,
}

/// What happens in one step.
#[derive(Debug, Clone)]
pub(super) enum Input {
    Join,
    Leave(Session),
    Says(Session, Message),
    /// A message that was sent comes back: whether it was too long, or has no form.
    Undeliverable(Session, Message, bool),
    /// A message of a session that is gone.
    Ghost(Session, Message),
}

/// The principals and roles under which sessions join, in turn.
const AUTHIDS: [&str; 3] = ["alice", "bob", "carol"];
const AUTHROLES: [&str; 2] = ["user", "admin"];

/// As whom the nth session joins.
pub(super) fn principal(session: Session) -> (&'static str, &'static str) {
    (
        AUTHIDS[session % AUTHIDS.len()],
        AUTHROLES[session / 2 % AUTHROLES.len()],
    )
}

pub(super) fn script() -> impl Strategy<Value = Script> {
    let farewell = vec(any::<u16>(), SESSIONS);
    let parts = (
        prop::bool::weighted(0.25),
        2..=SESSIONS,
        vec(step(), 0..200),
        farewell,
    );
    parts.prop_map(|(limited, sessions, steps, farewell)| Script {
        limited,
        sessions,
        steps,
        farewell,
    })
}

impl Script {
    /// How much the sessions may have.
    pub(super) fn limits(&self) -> SessionLimits {
        let limits = SessionLimits::default();
        if !self.limited {
            return limits;
        }
        limits
            .subscriptions(2)
            .registrations(1)
            .calls(3)
            .invocations(4)
    }
}

fn step() -> impl Strategy<Value = Step> {
    (any::<u16>(), action()).prop_map(|(actor, action)| Step { actor, action })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => Just(Action::Join),
        2 => Just(Action::Leave),
        16 => (new_request(), name(1), match_policy())
            .prop_map(|(request, topic, policy)| Action::Subscribe { request, topic, policy }),
        5 => (new_request(), which())
            .prop_map(|(request, which)| Action::Unsubscribe { request, which }),
        20 => (new_request(), name(8), publishing(), kind()).prop_map(
            |(request, topic, options, payload)| {
                Action::Publish { request, topic, options, payload }
            }
        ),
        9 => (new_request(), name(1), match_policy(), invoke_policy()).prop_map(
            |(request, procedure, policy, invoke)| {
                Action::Register { request, procedure, policy, invoke }
            }
        ),
        3 => (new_request(), which())
            .prop_map(|(request, which)| Action::Unregister { request, which }),
        22 => (new_request(), name(10), prop::bool::weighted(0.004), kind()).prop_map(
            |(request, procedure, progress, payload)| {
                Action::Call { request, procedure, progress, payload }
            }
        ),
        16 => (which(), prop::bool::weighted(0.3), prop::bool::weighted(0.004), kind()).prop_map(
            |(which, failed, progress, payload)| {
                Action::Answer { which, failed, progress, payload }
            }
        ),
        1 => which().prop_map(|which| Action::Cancel { which }),
        1 => which().prop_map(|which| Action::Acknowledge { which }),
        6 => (any::<u16>(), any::<bool>())
            .prop_map(|(which, too_long)| Action::Undeliverable { which, too_long }),
        1 => any::<u16>().prop_map(|which| Action::Ghost { which }),
    ]
}

fn match_policy() -> impl Strategy<Value = Option<&'static str>> {
    let select = prop::sample::select;
    prop_oneof![
        17 => Just(None),
        2 => Just(Some("exact")),
        1 => select(&["prefix", "wildcard", "regex"][..]).prop_map(Some),
    ]
}

fn invoke_policy() -> impl Strategy<Value = Option<&'static str>> {
    let select = prop::sample::select;
    prop_oneof![
        17 => Just(None),
        2 => Just(Some("single")),
        1 => select(&["first", "last", "roundrobin", "random", "best"][..]).prop_map(Some),
    ]
}

fn new_request() -> impl Strategy<Value = NewRequest> {
    prop_oneof![
        670 => Just(NewRequest::Next),
        25 => (1..1000_u16).prop_map(NewRequest::Skip),
        4 => any::<u16>().prop_map(NewRequest::Again),
        5 => Just(NewRequest::Last),
        300 => any::<u16>().prop_map(NewRequest::Waiting),
    ]
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        800 => any::<u16>().prop_map(Which::Own),
        50 => any::<u16>().prop_map(Which::Foreign),
        140 => any::<u16>().prop_map(Which::Old),
        10 => prop_oneof![0..20_u64, 0..=1_u64 << 53].prop_map(Which::Garbage),
    ]
}

/// A topic or procedure, of those that are there by a weight.
fn name(known: u32) -> impl Strategy<Value = Name> {
    let of = |names: &'static [&'static str]| prop::sample::select(names).prop_map(Name::Of);
    prop_oneof![
        known => any::<u16>().prop_map(Name::Known),
        8 => of(&["com.example.a", "com.example.b", "com.example.c"]),
        1 => of(&["a", "com.example.a.b", "com.Example-\u{fc}/x", "wampum.a", "com.wamp.a"]),
        1 => of(&["", ".", "com..a", "com.example.", ".com", "com.a b", "com.#", "com.a\u{a0}b"]),
        1 => of(&["wamp.a", "wamp.session.on_join", "wamp"]),
    ]
}

fn publishing() -> impl Strategy<Value = Publishing> {
    let list = || vec(any::<u16>(), 0..4);
    let authids = || vec(prop::sample::select(&AUTHIDS[..]), 0..3);
    let authroles = || vec(prop::sample::select(&AUTHROLES[..]), 0..2);
    let lists = prop_oneof![
        8 => Just(Lists::default()),
        1 => (
            prop::option::of(list()),
            prop::option::of(authids()),
            prop::option::of(authroles()),
        ).prop_map(|(exclude, exclude_authid, exclude_authrole)| Lists {
            exclude, exclude_authid, exclude_authrole, ..Lists::default()
        }),
        1 => (
            prop::option::of(list()),
            prop::option::of(list()),
            prop::option::of(authids()),
            prop::option::of(authroles()),
        ).prop_map(|(exclude, eligible, eligible_authid, eligible_authrole)| Lists {
            exclude, eligible, eligible_authid, eligible_authrole, ..Lists::default()
        }),
    ];
    let flag = || prop::option::of(any::<bool>());
    (flag(), flag(), lists).prop_map(|(acknowledge, exclude_me, lists)| Publishing {
        acknowledge,
        exclude_me,
        lists,
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        200 => Just(Kind::Empty),
        500 => Just(Kind::Args),
        200 => Just(Kind::ArgsAndKwargs),
        97 => Just(Kind::Opaque),
        3 => Just(Kind::Passthru),
    ]
}
