//! How a router has to be set up for a case, read off the case itself: it says nothing else of it.

use std::collections::{BTreeMap, BTreeSet};

use wamp::{Permissions, Realm, Router, StaticTickets};
use wamp_messages::message::{
    Authenticate, Call, Error, Hello, Publish, Register, Subscribe, Welcome,
};
use wamp_messages::{MatchPolicy, Value, error_uri};

use super::step::Step;
use super::{code, entry};

/// The name of a role that a case is known by, unless it says otherwise.
const ANONYMOUS: &str = "anonymous";

/// Who is let in where, and may do what.
#[derive(Debug, Clone, Default)]
pub(super) struct Setup {
    realms: BTreeSet<String>,
    /// The realm of a client that names none.
    default_realm: Option<String>,
    /// The role of those who are let in without authentication.
    anonymous: Option<String>,
    /// The tickets that open a session: by authid, with the role.
    tickets: BTreeMap<String, (String, String)>,
    roles: BTreeSet<String>,
    /// What a role is denied: the type of the request, and its URI.
    denied: BTreeSet<(String, u64, String)>,
}

/// What one session has done so far.
#[derive(Default)]
struct Session<'a> {
    realm: Option<&'a str>,
    signature: Option<&'a str>,
    role: Option<String>,
    /// Requests that name a URI: request id, type and URI.
    requests: Vec<(&'a Value, u64, &'a str)>,
}

impl Setup {
    /// Reads it off the steps: whoever was let in has to be, and what was denied has to be.
    pub(super) fn of<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Self {
        let mut setup = Self::default();
        let mut sessions: BTreeMap<&str, Session<'_>> = BTreeMap::new();
        for step in steps {
            let session = sessions.entry(&step.session).or_default();
            if let Some(sent) = step.sent() {
                session.note_sent(sent);
            }
            if let Some(received) = step.received() {
                setup.note_received(session, received);
            }
        }
        setup
    }

    fn note_received(&mut self, session: &mut Session<'_>, message: &[Value]) {
        let error = message.get(4).and_then(Value::as_str);
        match code(message) {
            Some(Welcome::CODE) => self.welcome(session, message),
            Some(Error::CODE) if error == Some(error_uri::NOT_AUTHORIZED) => {
                let answered = message.get(2);
                let mut requests = session.requests.iter();
                let request = requests.find(|(request, ..)| Some(*request) == answered);
                if let (Some((_, code, uri)), Some(role)) = (request, &session.role) {
                    self.denied.insert((role.clone(), *code, (*uri).to_owned()));
                }
            }
            _ => {}
        }
    }

    fn welcome(&mut self, session: &mut Session<'_>, message: &[Value]) {
        let told = |key| entry(message, 2, key).as_str().map(str::to_owned);
        match (session.realm, told("realm")) {
            (Some(realm), _) => drop(self.realms.insert(realm.to_owned())),
            (None, Some(realm)) => {
                self.realms.insert(realm.clone());
                self.default_realm = Some(realm);
            }
            (None, None) => {}
        }
        session.role = told("authrole");
        let Some(role) = told("authrole") else { return };
        self.roles.insert(role.clone());
        match (
            told("authmethod").as_deref(),
            told("authid"),
            session.signature,
        ) {
            (Some("ticket"), Some(authid), Some(ticket)) => {
                self.tickets.insert(authid, (role, ticket.to_owned()));
            }
            (Some("anonymous"), ..) => self.anonymous = Some(role),
            _ => {}
        }
    }

    /// Lets in by ticket whoever was let in in another case: there its ticket was right.
    pub(super) fn with_tickets_of(mut self, known: Self) -> Self {
        for (authid, (role, ticket)) in known.tickets {
            self.roles.insert(role.clone());
            self.tickets.entry(authid).or_insert((role, ticket));
        }
        self
    }

    /// A realm that can be joined.
    pub(super) fn any_realm(&self) -> &str {
        self.realms.first().map_or("realm1", String::as_str)
    }

    /// The router.
    pub(super) fn router(&self) -> Router {
        let mut router = Router::builder();
        let mut realms = self.realms.clone();
        realms.insert(self.any_realm().to_owned());
        // A router with one realm has it as its default; here only what was recorded is one.
        realms.insert("org.example.another".to_owned());
        for realm in realms {
            router = router.realm(self.realm(&realm));
        }
        if let Some(realm) = &self.default_realm {
            router = router.default_realm(realm);
        }
        router.build()
    }

    fn realm(&self, name: &str) -> Realm {
        let anonymous = self.anonymous.as_deref().unwrap_or(ANONYMOUS);
        let mut tickets = StaticTickets::new();
        for (authid, (role, ticket)) in &self.tickets {
            tickets = tickets.with_principal(authid, role, ticket.as_str());
        }
        let mut realm = Realm::new(name).anonymous(anonymous).authenticator(tickets);
        let mut roles = self.roles.clone();
        roles.insert(anonymous.to_owned());
        for role in roles {
            let permissions = self.permissions(&role);
            realm = realm.role(role, permissions);
        }
        realm
    }

    /// Everything but what is denied.
    fn permissions(&self, role: &str) -> Permissions {
        let mut permissions = Permissions::all();
        for (denied_role, _, uri) in &self.denied {
            if denied_role != role {
                continue;
            }
            let allowed = |code| {
                let denied = (role.to_owned(), code, uri.clone());
                !self.denied.contains(&denied)
            };
            let mut rule = Permissions::allow_match(&MatchPolicy::EXACT, uri);
            if allowed(Call::CODE) {
                rule = rule.call();
            }
            if allowed(Register::CODE) {
                rule = rule.register();
            }
            if allowed(Publish::CODE) {
                rule = rule.publish();
            }
            if allowed(Subscribe::CODE) {
                rule = rule.subscribe();
            }
            permissions = permissions.and(rule);
        }
        permissions
    }
}

impl<'a> Session<'a> {
    fn note_sent(&mut self, message: &'a [Value]) {
        match (code(message), message) {
            (Some(Hello::CODE), [_, realm, ..]) => {
                *self = Self {
                    realm: realm.as_str(),
                    ..Self::default()
                };
            }
            (Some(Authenticate::CODE), [_, signature, ..]) => self.signature = signature.as_str(),
            (
                Some(code @ (Call::CODE | Register::CODE | Publish::CODE | Subscribe::CODE)),
                [_, request, _, Value::String(uri), ..],
            ) => self.requests.push((request, code, uri)),
            _ => {}
        }
    }
}
