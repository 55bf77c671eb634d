//! The router under test: one realm, and what it sends.

use std::collections::BTreeMap;

use wamp_core::{Outgoing, Undeliverable};
use wamp_messages::{EncodeError, Message, Roles, SessionId, UriRules};

use super::generate::Input;
use super::model::Session;
use crate::Permissions;
use crate::config::SessionLimits;
use crate::realm::moment::Moment;
use crate::realm::{Change, Counted, Identity, Peer, RealmConfig, RoleConfig, Routing, Sink};

/// Spoils what the router sends in answer to an input.
pub(super) type Fault = fn(&Input, &mut Vec<(Session, Message)>);

pub(super) struct Subject {
    routing: Routing,
    /// The sessions in the order in which they joined.
    peers: Vec<Peer>,
    noted: Noted,
    fault: Option<Fault>,
}

type Sent = Vec<(Session, Message)>;

/// Who holds which ids, in order.
type Held = Vec<(Session, u64)>;

#[derive(Default)]
struct Recorder(Vec<(Peer, Message)>, Vec<Change>, Vec<Counted>);

impl Sink for Recorder {
    fn send(&mut self, to: Peer, message: Outgoing) {
        self.0.push((to, message.into_message()));
    }

    fn note(&mut self, change: Change) {
        self.1.push(change);
    }

    fn count(&mut self, what: Counted) {
        self.2.push(what);
    }
}

/// The tables of the router as one knows them who only takes note of their changes.
#[derive(Debug, Default)]
struct Noted {
    subscriptions: Held,
    registrations: Held,
    /// Calls that are not answered, by what was counted.
    calls: i64,
    /// Changes that are not possible.
    absurd: Vec<Change>,
}

impl Noted {
    fn change(&mut self, session: Session, change: Change) {
        let is_possible = match change {
            Change::Subscribed {
                subscription,
                is_first,
                ..
            } => hold(
                &mut self.subscriptions,
                session,
                subscription.as_u64(),
                is_first,
            ),
            Change::Unsubscribed {
                subscription,
                is_last,
                ..
            } => release(
                &mut self.subscriptions,
                session,
                subscription.as_u64(),
                is_last,
            ),
            Change::Registered {
                registration,
                is_first,
                ..
            } => hold(
                &mut self.registrations,
                session,
                registration.as_u64(),
                is_first,
            ),
            Change::Unregistered {
                registration,
                is_last,
                ..
            } => release(
                &mut self.registrations,
                session,
                registration.as_u64(),
                is_last,
            ),
        };
        if !is_possible {
            self.absurd.push(change);
        }
    }
}

/// Adds an entry; it must be new, and the first of its id if that is said.
fn hold(held: &mut Held, session: Session, id: u64, is_first: bool) -> bool {
    let is_known = held.contains(&(session, id));
    let is_alone = held.iter().all(|(_, known)| *known != id);
    held.push((session, id));
    !is_known && is_alone == is_first
}

/// Takes an entry out; it must be there, and the last of its id if that is said.
fn release(held: &mut Held, session: Session, id: u64, is_last: bool) -> bool {
    let before = held.len();
    held.retain(|known| *known != (session, id));
    before == held.len() + 1 && held.iter().all(|(_, known)| *known != id) == is_last
}

impl Subject {
    pub(super) fn new(limits: SessionLimits, fault: Option<Fault>) -> Self {
        // The rules that the model has, too.
        let user = Permissions::all()
            .and(Permissions::allow("com.example.c").call().subscribe())
            .and(
                Permissions::allow("com.example.a.b")
                    .call()
                    .register()
                    .publish(),
            )
            .and(
                Permissions::allow("com.wamp.a")
                    .register()
                    .publish()
                    .subscribe(),
            );
        let user = RoleConfig {
            permissions: user,
            trusted: false,
        };
        let admin = RoleConfig {
            permissions: Permissions::all(),
            trusted: true,
        };
        let config = RealmConfig {
            roles: BTreeMap::from([("user".to_owned(), user), ("admin".to_owned(), admin)]),
            rules: UriRules::LOOSE,
            limits,
        };
        // A permutation of 64 bits (splitmix64): random enough, and never twice the same.
        let mut state = 0_u64;
        let random = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Self {
            routing: Routing::new(config, Box::new(random)),
            peers: Vec::new(),
            noted: Noted::default(),
            fault,
        }
    }

    /// Joins a session, and says under which id.
    pub(super) fn join(&mut self, authid: &str, authrole: &str) -> u64 {
        let id = 1_000 + self.peers.len() as u64;
        let session = SessionId::new(id).expect("below 2^53");
        let (authid, authrole) = (authid.to_owned(), authrole.to_owned());
        let identity = Identity {
            session,
            authid,
            authrole,
            roles: Roles::none(),
        };
        self.peers.push(self.routing.join(identity));
        id
    }

    pub(super) fn leave(&mut self, session: Session) -> Sent {
        let mut recorder = Recorder::default();
        self.routing.leave(self.peers[session], &mut recorder);
        self.sent(recorder, &Input::Leave(session))
    }

    /// Hands a message of a session to the router; says whether it breaks the protocol, in which
    /// case the session is over, as a connection would end it.
    pub(super) fn handle(&mut self, session: Session, mut message: Message) -> (bool, Sent) {
        let mut recorder = Recorder::default();
        let peer = self.peers[session];
        let input = Input::Says(session, message.clone());
        let violation = self
            .routing
            .handle(peer, &mut message, Moment::default(), &mut recorder)
            .is_err();
        if violation {
            self.routing.leave(peer, &mut recorder);
        }
        (violation, self.sent(recorder, &input))
    }

    /// Gives a message back, and says with which error it is to be replaced.
    pub(super) fn undeliverable(
        &mut self,
        session: Session,
        message: &Message,
        too_long: bool,
    ) -> (&'static str, Sent) {
        let mut recorder = Recorder::default();
        let why = if too_long {
            Undeliverable::TooLong { len: 3, max: 2 }
        } else {
            Undeliverable::Encode(EncodeError::NotRepresentable {
                format: "json",
                what: "a test",
            })
        };
        let outgoing = Outgoing::One(message.clone());
        self.routing
            .undeliverable(self.peers[session], &outgoing, &why, &mut recorder);
        let input = Input::Undeliverable(session, message.clone(), too_long);
        (why.uri(), self.sent(recorder, &input))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.routing.is_empty()
    }

    /// The subscriptions and registrations that there are by the changes that were noted.
    ///
    /// # Errors
    ///
    /// A change was not possible.
    pub(super) fn noted(&self) -> Result<(&Held, &Held), String> {
        match &*self.noted.absurd {
            [] => Ok((&self.noted.subscriptions, &self.noted.registrations)),
            absurd => Err(format!("{absurd:?} cannot be")),
        }
    }

    /// How many calls are not answered, by what was counted.
    pub(super) const fn calls_in_flight(&self) -> i64 {
        self.noted.calls
    }

    fn sent(&mut self, recorder: Recorder, input: &Input) -> Sent {
        let peers = &self.peers;
        let session = |peer: Peer| {
            let known = peers.iter().position(|&known| known == peer);
            known.expect("the router names only those who joined")
        };
        for change in recorder.1 {
            let (Change::Subscribed { peer, .. }
            | Change::Unsubscribed { peer, .. }
            | Change::Registered { peer, .. }
            | Change::Unregistered { peer, .. }) = change;
            self.noted.change(session(peer), change);
        }
        for what in recorder.2 {
            self.noted.calls += match what {
                Counted::Called => 1,
                Counted::Answered(..) => -1,
                Counted::Refused(_) => 0,
            };
        }
        let mut sent = recorder
            .0
            .into_iter()
            .map(|(to, message)| (session(to), message))
            .collect();
        if let Some(fault) = self.fault {
            fault(input, &mut sent);
        }
        sent
    }
}
