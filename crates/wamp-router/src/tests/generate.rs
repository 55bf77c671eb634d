//! Random scripts: what many sessions say, in any order.
//!
//! A step names what it refers to by a position ("the third pending invocation"), resolved against
//! the model when its turn comes: so most steps mean something, and a script stays meaningful when
//! steps are taken out of it to find the smallest one that fails.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use wamp_messages::message::{
    Call, Cancel, Error, EventReceived, Publish, Register, Subscribe, Unregister, Unsubscribe,
    Yield,
};
use wamp_messages::options::{
    CallOptions, ErrorDetails, PublishOptions, RegisterOptions, SubscribeOptions, YieldOptions,
};
use wamp_messages::{
    Format, MatchPolicy, Message, Payload, PublicationId, RegistrationId, RequestId, RequestType,
    SessionId, SubscriptionId, Uri,
};

use super::model::{Model, Session};

/// How many sessions are there at once.
const SESSIONS: usize = 8;

/// What happens on a realm, from the first session to the last.
#[derive(Debug, Clone)]
pub(super) struct Script {
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
        exact: bool,
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
        exact: bool,
    },
    Unregister {
        request: NewRequest,
        which: Which,
    },
    Call {
        request: NewRequest,
        procedure: Name,
        payload: Kind,
    },
    Answer {
        which: Which,
        failed: bool,
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
pub(super) const AUTHROLES: [&str; 2] = ["user", "admin"];

/// As whom the nth session joins.
pub(super) fn principal(session: Session) -> (&'static str, &'static str) {
    (
        AUTHIDS[session % AUTHIDS.len()],
        AUTHROLES[session / 2 % AUTHROLES.len()],
    )
}

pub(super) fn script() -> impl Strategy<Value = Script> {
    (
        2..=SESSIONS,
        vec(step(), 0..200),
        vec(any::<u16>(), SESSIONS),
    )
        .prop_map(|(sessions, steps, farewell)| Script {
            sessions,
            steps,
            farewell,
        })
}

fn step() -> impl Strategy<Value = Step> {
    (any::<u16>(), action()).prop_map(|(actor, action)| Step { actor, action })
}

fn action() -> impl Strategy<Value = Action> {
    let exact = || prop::bool::weighted(0.1);
    prop_oneof![
        6 => Just(Action::Join),
        3 => Just(Action::Leave),
        14 => (new_request(), name(1), exact())
            .prop_map(|(request, topic, exact)| Action::Subscribe { request, topic, exact }),
        5 => (new_request(), which())
            .prop_map(|(request, which)| Action::Unsubscribe { request, which }),
        20 => (new_request(), name(8), publishing(), kind()).prop_map(
            |(request, topic, options, payload)| {
                Action::Publish { request, topic, options, payload }
            }
        ),
        9 => (new_request(), name(1), exact())
            .prop_map(|(request, procedure, exact)| Action::Register { request, procedure, exact }),
        3 => (new_request(), which())
            .prop_map(|(request, which)| Action::Unregister { request, which }),
        22 => (new_request(), name(10), kind())
            .prop_map(|(request, procedure, payload)| Action::Call { request, procedure, payload }),
        16 => (which(), prop::bool::weighted(0.3), kind())
            .prop_map(|(which, failed, payload)| Action::Answer { which, failed, payload }),
        1 => which().prop_map(|which| Action::Cancel { which }),
        1 => which().prop_map(|which| Action::Acknowledge { which }),
        4 => (any::<u16>(), any::<bool>())
            .prop_map(|(which, too_long)| Action::Undeliverable { which, too_long }),
        1 => any::<u16>().prop_map(|which| Action::Ghost { which }),
    ]
}

fn new_request() -> impl Strategy<Value = NewRequest> {
    prop_oneof![
        970 => Just(NewRequest::Next),
        25 => (1..1000_u16).prop_map(NewRequest::Skip),
        5 => any::<u16>().prop_map(NewRequest::Again),
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
        1 => Just(Kind::Empty),
        5 => Just(Kind::Args),
        3 => Just(Kind::ArgsAndKwargs),
        1 => Just(Kind::Opaque),
    ]
}

impl Step {
    /// Says what happens, given what there is; `None` if the step means nothing now.
    ///
    /// `serial` makes payloads that differ; `sent` are the messages that the router has sent.
    pub(super) fn resolve(
        &self,
        model: &Model,
        serial: usize,
        sent: &[(Session, Message)],
    ) -> Option<Input> {
        let present = model.present();
        if let Action::Join = self.action {
            return (present.len() < SESSIONS).then_some(Input::Join);
        }
        let actor = *pick(&present, self.actor)?;
        Some(match &self.action {
            Action::Join => return None,
            Action::Leave => Input::Leave(actor),
            Action::Subscribe {
                request,
                topic,
                exact,
            } => {
                let mut options = SubscribeOptions::default();
                options.match_policy = exact.then_some(MatchPolicy::EXACT);
                let request = request.of(model, actor);
                let topic = topic.of(&model.topics())?;
                Input::Says(
                    actor,
                    Subscribe {
                        request,
                        options,
                        topic,
                    }
                    .into(),
                )
            }
            Action::Unsubscribe { request, which } => {
                let old = old_ids(model, actor);
                let (actor, id) = which.of(actor, model, &model.subscriptions(), &old)?;
                let subscription = SubscriptionId::new(id).ok()?;
                let request = request.of(model, actor);
                Input::Says(
                    actor,
                    Unsubscribe {
                        request,
                        subscription,
                        options: None,
                    }
                    .into(),
                )
            }
            Action::Publish {
                request,
                topic,
                options,
                payload,
            } => {
                let request = request.of(model, actor);
                let topic = topic.of(&model.topics())?;
                let mut options = options.of(model);
                options.enc_algo = payload.enc_algo();
                let payload = payload.of(serial);
                Input::Says(
                    actor,
                    Publish {
                        request,
                        options,
                        topic,
                        payload,
                    }
                    .into(),
                )
            }
            Action::Register {
                request,
                procedure,
                exact,
            } => {
                let mut options = RegisterOptions::default();
                options.match_policy = exact.then_some(MatchPolicy::EXACT);
                let request = request.of(model, actor);
                let procedure = procedure.of(&model.procedures())?;
                Input::Says(
                    actor,
                    Register {
                        request,
                        options,
                        procedure,
                    }
                    .into(),
                )
            }
            Action::Unregister { request, which } => {
                let old = old_ids(model, actor);
                let (actor, id) = which.of(actor, model, &model.registrations(), &old)?;
                let registration = RegistrationId::new(id).ok()?;
                let request = request.of(model, actor);
                Input::Says(
                    actor,
                    Unregister {
                        request,
                        registration,
                        options: None,
                    }
                    .into(),
                )
            }
            Action::Call {
                request,
                procedure,
                payload,
            } => {
                let request = request.of(model, actor);
                let procedure = procedure.of(&model.procedures())?;
                let mut options = CallOptions::default();
                options.enc_algo = payload.enc_algo();
                if serial.is_multiple_of(7) {
                    // Somebody claims to be the session 1.
                    options.caller = SessionId::new(1).ok();
                    options.caller_authid = Some("root".to_owned());
                    options.disclose_me = Some(true);
                }
                let payload = payload.of(serial);
                Input::Says(
                    actor,
                    Call {
                        request,
                        options,
                        procedure,
                        payload,
                    }
                    .into(),
                )
            }
            Action::Answer {
                which,
                failed,
                payload,
            } => {
                let invoked = |&s: &Session| (1..=model.invocations(s)).map(move |id| (s, id));
                let old: Vec<_> = present.iter().flat_map(invoked).collect();
                let pending = model.pending_invocations();
                let (actor, id) = which.of(actor, model, &pending, &old)?;
                let request = RequestId::new(id).ok()?;
                Input::Says(actor, answer(request, *failed, *payload, serial))
            }
            Action::Cancel { which } => {
                let old: Vec<_> = (1..=model.last_request(actor))
                    .map(|id| (actor, id))
                    .collect();
                let (actor, id) = which.of(actor, model, &model.pending_calls(), &old)?;
                let request = RequestId::new(id).ok()?;
                Input::Says(
                    actor,
                    Cancel {
                        request,
                        options: Default::default(),
                    }
                    .into(),
                )
            }
            Action::Acknowledge { which } => {
                let (actor, id) = which.of(actor, model, &[], &old_ids(model, actor))?;
                let publication = PublicationId::new(id).ok()?;
                Input::Says(actor, EventReceived { publication }.into())
            }
            Action::Undeliverable { which, too_long } => {
                let (to, message) = pick_late(sent, *which)?;
                if !present.contains(to) {
                    return None;
                }
                Input::Undeliverable(*to, message.clone(), *too_long)
            }
            Action::Ghost { which } => {
                let gone: Vec<_> = (0..=*present.last()?)
                    .filter(|s| !present.contains(s))
                    .collect();
                let ghost = *pick(&gone, self.actor)?;
                let request = NewRequest::Next.of(model, ghost);
                let topic = Name::Known(*which).of(&model.topics())?;
                let mut options = PublishOptions::default();
                options.acknowledge = Some(true);
                let payload = Kind::Args.of(serial);
                Input::Ghost(
                    ghost,
                    Publish {
                        request,
                        options,
                        topic,
                        payload,
                    }
                    .into(),
                )
            }
        })
    }
}

fn answer(request: RequestId, failed: bool, payload: Kind, serial: usize) -> Message {
    if failed {
        let mut details = ErrorDetails::default();
        details.enc_algo = payload.enc_algo();
        Error {
            request_type: RequestType::INVOCATION,
            request,
            details,
            error: Uri::from_static("com.example.error"),
            payload: payload.of(serial),
        }
        .into()
    } else {
        let mut options = YieldOptions::default();
        options.enc_algo = payload.enc_algo();
        if serial.is_multiple_of(7) {
            options.callee = SessionId::new(1).ok();
            options.callee_authid = Some("root".to_owned());
        }
        Yield {
            request,
            options,
            payload: payload.of(serial),
        }
        .into()
    }
}

impl NewRequest {
    fn of(self, model: &Model, session: Session) -> RequestId {
        let last = model.last_request(session);
        let id = match self {
            Self::Next => last + 1,
            Self::Skip(gap) => last + 1 + u64::from(gap),
            Self::Again(back) => last - u64::from(back) % (last + 1),
        };
        RequestId::new(id).expect("a script is shorter than 2^53")
    }
}

impl Which {
    /// The id meant, and who names it; `owned` are those that there are, with their owners, and
    /// `old` those that were used, with who is to name them.
    fn of(
        self,
        actor: Session,
        model: &Model,
        owned: &[(Session, u64)],
        old: &[(Session, u64)],
    ) -> Option<(Session, u64)> {
        match self {
            Self::Own(which) => pick(owned, which).copied(),
            Self::Foreign(which) => {
                let (owner, id) = *pick(owned, which)?;
                let others: Vec<_> = model
                    .present()
                    .into_iter()
                    .filter(|&s| s != owner)
                    .collect();
                Some((*pick(&others, which)?, id))
            }
            Self::Old(which) => pick(old, which).copied(),
            Self::Garbage(id) => Some((actor, id)),
        }
    }
}

impl Name {
    fn of(self, known: &[&str]) -> Option<Uri> {
        match self {
            Self::Known(which) => pick(known, which).map(|name| Uri::from_wire((*name).to_owned())),
            Self::Of(name) => Some(Uri::from_wire(name)),
        }
    }
}

impl Publishing {
    fn of(&self, model: &Model) -> PublishOptions {
        let sessions = |list: &Option<Vec<u16>>| {
            let present = model.present();
            let id = |which: &u16| {
                let session = *pick(&present, *which)?;
                SessionId::new(model.member(session).id).ok()
            };
            list.as_ref()
                .map(|list| list.iter().filter_map(id).collect())
        };
        let names = |list: &Option<Vec<&'static str>>| {
            list.as_ref()
                .map(|list| list.iter().map(|&name| name.to_owned()).collect())
        };
        let mut options = PublishOptions::default();
        options.acknowledge = self.acknowledge;
        options.exclude_me = self.exclude_me;
        options.exclude = sessions(&self.lists.exclude);
        options.exclude_authid = names(&self.lists.exclude_authid);
        options.exclude_authrole = names(&self.lists.exclude_authrole);
        options.eligible = sessions(&self.lists.eligible);
        options.eligible_authid = names(&self.lists.eligible_authid);
        options.eligible_authrole = names(&self.lists.eligible_authrole);
        options
    }
}

impl Kind {
    /// A payload that no other equals. Whoever decoded it would find it malformed.
    fn of(self, serial: usize) -> Payload {
        let args = format!("args {serial}");
        match self {
            Self::Empty => Payload::empty(),
            Self::Args => {
                let end = args.len();
                let octets = Bytes::from(args.into_bytes());
                Payload::encoded(Format::MsgPack, octets, end, None).expect("the end is the end")
            }
            Self::ArgsAndKwargs => {
                let end = args.len();
                let octets = Bytes::from(format!("{args}, kwargs").into_bytes());
                Payload::encoded(Format::Json, octets, end, Some(end + 1)).expect("in order")
            }
            Self::Opaque => Payload::opaque(Bytes::from(args.into_bytes())),
        }
    }

    fn enc_algo(self) -> Option<String> {
        matches!(self, Self::Opaque).then(|| "x_secret".to_owned())
    }
}

/// Every id that the router has ever chosen, as named by one session.
fn old_ids(model: &Model, session: Session) -> Vec<(Session, u64)> {
    model.ids().into_iter().map(|id| (session, id)).collect()
}

fn pick<T>(list: &[T], which: u16) -> Option<&T> {
    list.get(usize::from(which).checked_rem(list.len())?)
}

/// Picks one of the last few.
fn pick_late<T>(list: &[T], which: u16) -> Option<&T> {
    pick(&list[list.len().saturating_sub(10)..], which)
}
