//! A realm: its roles and what they may do, and who is let in.

mod principal;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use wamp::messages::MatchPolicy;
use wamp::router::SessionLimits;
use wamp::{Permissions, Realm, SlowConsumers, StaticTickets, Uri};

use super::listener::read_rate;
use super::repeated;
use crate::output::printable;
use crate::router::document::{Document, Located, Section, set};

use principal::Principal;

/// One `[[realm]]`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::router) struct RealmConfig {
    pub(in crate::router) name: Located<String>,
    pub(super) strict_uris: bool,
    /// The role of those who say nothing of themselves.
    anonymous: Option<Located<String>>,
    pub(super) slow_consumers: SlowConsumers,
    pub(super) limits: SessionLimits,
    roles: Vec<RoleConfig>,
    principals: Vec<Principal>,
}

/// One `[[realm.role]]`.
#[derive(Debug, Clone, PartialEq)]
struct RoleConfig {
    name: Located<String>,
    trusted: bool,
    rules: Vec<Rule>,
}

/// One `[[realm.role.allow]]`.
#[derive(Debug, Clone, PartialEq)]
struct Rule {
    uri: Located<String>,
    policy: MatchPolicy,
    actions: Vec<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Call,
    Register,
    Publish,
    Subscribe,
}

impl RealmConfig {
    /// A realm of which nothing else is said: it is open to everybody.
    pub(in crate::router) fn open(name: Located<String>) -> Self {
        Self {
            name,
            strict_uris: false,
            anonymous: None,
            slow_consumers: SlowConsumers::default(),
            limits: SessionLimits::default(),
            roles: Vec::new(),
            principals: Vec::new(),
        }
    }

    pub(super) fn read(section: &mut Section<'_>, folder: &Path) -> Option<Self> {
        let name = section.text("name");
        let name = section.required("name", name);
        if let Some(name) = &name
            && let Err(error) = check_name(&name.value)
        {
            section.error(name.at, error);
        }
        // Without a name the rest is read for its errors.
        let found = name.is_some();
        let name = name.unwrap_or_else(|| Located::new(String::new(), section.at));
        let mut config = Self::open(name);
        set(&mut config.strict_uris, section.flag("strict_uris"));
        config.anonymous = section.text("anonymous");
        set(&mut config.slow_consumers, read_slow_consumers(section));
        section.section("limits", "[realm.limits]", |section| {
            read_limits(&mut config.limits, section);
        });
        config.roles = section.sections("role", "[[realm.role]]", RoleConfig::read);
        config.principals = section.sections("principal", "[[realm.principal]]", |section| {
            Principal::read(section, folder)
        });
        config.check(section.document);
        found.then_some(config)
    }

    /// Finds what does not go together.
    fn check(&self, document: &Document<'_>) {
        for again in repeated(self.roles.iter().map(|role| &role.name)) {
            let text = format!("the realm has a role {:?} already", again.value);
            document.error(again.at, text);
        }
        for again in repeated(self.principals.iter().map(|principal| &principal.authid)) {
            let text = format!("the realm has a principal {:?} already", again.value);
            document.error(again.at, text);
        }
        let held = self.principals.iter().map(|principal| &principal.role);
        let held: Vec<_> = held.chain(&self.anonymous).collect();
        for name in &held {
            if !self.roles.iter().any(|role| role.name == **name) {
                let text = format!("the realm has no role {:?}", name.value);
                document.error(name.at, text);
            }
        }
        for role in &self.roles {
            let is_held = held.iter().any(|name| **name == role.name);
            if !is_held {
                let text = format!(
                    "nobody has the role {:?}: give it to a principal, or to everybody by \
                     `anonymous`",
                    role.name.value
                );
                document.warn(role.name.at, text);
            }
            if role.trusted && self.anonymous.as_ref() == Some(&role.name) {
                let text = format!(
                    "everybody has the role {:?}, which is trusted: whoever comes could pretend to \
                     be the router",
                    role.name.value
                );
                document.warn(role.name.at, text);
            }
            if role.rules.is_empty() {
                let text = format!(
                    "the role {:?} may do nothing: it has no [[realm.role.allow]]",
                    role.name.value
                );
                document.warn(role.name.at, text);
            }
        }
    }

    /// Takes up the tickets that are not in the file itself.
    pub(super) fn resolve(&mut self, document: &Document<'_>) {
        for principal in &mut self.principals {
            principal.resolve(document);
        }
    }

    pub(in crate::router) fn to_realm(&self) -> Realm {
        let mut realm = Realm::new(&self.name.value)
            .limits(self.limits)
            .slow_consumers(self.slow_consumers);
        if self.strict_uris {
            realm = realm.strict_uris();
        }
        for role in &self.roles {
            let name = &*role.name.value;
            realm = if role.trusted {
                realm.trusted_role(name, role.permissions())
            } else {
                realm.role(name, role.permissions())
            };
        }
        if !self.is_open() {
            // Where nobody is known, these are tickets of nobody: a realm without any way to
            // authenticate lets everybody in, if it has a role `anonymous`.
            let mut tickets = StaticTickets::new();
            for principal in &self.principals {
                // All are known by now; one that is not lets nobody in.
                if let Some(secret) = principal.secret() {
                    let (authid, role) = (&*principal.authid.value, &*principal.role.value);
                    tickets = tickets.with_principal(authid, role, secret.clone());
                }
            }
            realm = realm.authenticator(tickets);
        }
        match &self.anonymous {
            Some(role) => realm.anonymous(&*role.value),
            None => realm,
        }
    }

    /// Whether nothing is said of who may join: then everybody may, and do everything.
    pub(in crate::router) fn is_open(&self) -> bool {
        self.roles.is_empty() && self.principals.is_empty() && self.anonymous.is_none()
    }

    /// The role of everybody, if that may do everything.
    pub(super) fn open_role(&self) -> Option<&str> {
        let name = self.anonymous.as_ref()?;
        let role = self.roles.iter().find(|role| role.name == *name)?;
        let is_open = role.rules.iter().any(Rule::allows_everything);
        is_open.then_some(&*name.value)
    }

    /// Whether anybody is known by a ticket.
    pub(super) const fn has_principals(&self) -> bool {
        !self.principals.is_empty()
    }

    /// Whether its tickets are in the file itself.
    pub(super) fn has_secrets(&self) -> bool {
        let mut secrets = self.principals.iter().map(Principal::secret);
        secrets.any(|secret| secret.is_some())
    }

    /// What each role may do, for people: a line for each rule, as it was understood.
    pub(in crate::router) fn rules(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for role in &self.roles {
            let name = printable(&role.name.value);
            if role.rules.is_empty() {
                lines.push(format!("role {name}: nothing"));
            }
            for rule in &role.rules {
                lines.push(format!("role {name}: {}", rule.describe()));
            }
        }
        lines
    }

    /// Who is let in, for people.
    pub(in crate::router) fn who(&self) -> String {
        if self.is_open() {
            return "open to everybody, who may do everything".to_owned();
        }
        let count = |many: usize, one: &str| match many {
            1 => format!("1 {one}"),
            many => format!("{many} {one}s"),
        };
        let roles = count(self.roles.len(), "role");
        let mut by_role: BTreeMap<&str, usize> = BTreeMap::new();
        for principal in &self.principals {
            *by_role.entry(&principal.role.value).or_default() += 1;
        }
        let mut who: Vec<String> = by_role
            .iter()
            .map(|(role, many)| format!("{} with a ticket as {role}", count(*many, "principal")))
            .collect();
        if let Some(role) = &self.anonymous {
            who.push(format!("everybody as {}", role.value));
        }
        if who.is_empty() {
            return format!("{roles}; nobody can join");
        }
        format!("{roles}; lets in {}", who.join(", "))
    }
}

impl RoleConfig {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let name = section.text("name");
        let name = section.required("name", name);
        let trusted = section.flag("trusted").unwrap_or_default();
        let rules = section.sections("allow", "[[realm.role.allow]]", Rule::read);
        Rule::check(&rules, section.document);
        Some(Self {
            name: name?,
            trusted,
            rules,
        })
    }

    fn permissions(&self) -> Permissions {
        let rules = self.rules.iter().map(Rule::permissions);
        rules.fold(Permissions::none(), Permissions::and)
    }
}

impl Rule {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        // The empty pattern is one: it matches every URI.
        let uri = section.pattern("uri");
        let uri = section.required("uri", uri);
        if let Some(uri) = &uri
            && uri.value.contains('*')
        {
            let text = "a * stands for nothing but itself: a prefix ends with a dot, as in \
                        \"com.example.\", and an empty component matches any, as in \"com..add\"";
            section.error(uri.at, text);
        }
        let policies = [("exact", 0), ("prefix", 1), ("wildcard", 2)];
        let policy = section.choice("match", &policies);
        let policy = policy.map(|policy| match policy.value {
            0 => MatchPolicy::EXACT,
            1 => MatchPolicy::PREFIX,
            _ => MatchPolicy::WILDCARD,
        });
        let actions = section.choices("actions", &ACTIONS);
        let actions = section.required("actions", actions);
        let actions = actions.map(|actions| actions.value).unwrap_or_default();
        let uri = uri?;
        let policy = policy.unwrap_or_else(|| policy_of(&uri.value));
        Some(Self {
            uri,
            policy,
            actions: actions.into_iter().map(|action| action.value).collect(),
        })
    }

    /// Finds those of which only the last would hold.
    fn check(rules: &[Self], document: &Document<'_>) {
        let mut seen = BTreeMap::new();
        for rule in rules {
            let pattern = (&*rule.uri.value, rule.policy.as_str());
            let first = *seen.entry(pattern).or_insert(rule.uri.at);
            if first == rule.uri.at {
                continue;
            }
            let text = format!(
                "the role has a rule for {:?} already, in line {}; write all its actions there",
                rule.uri.value,
                document.line(first)
            );
            document.error(rule.uri.at, text);
        }
    }

    /// For people: which URIs, and what may be done with them.
    fn describe(&self) -> String {
        let uri = printable(&self.uri.value);
        let which = match self.policy.as_str() {
            "prefix" if uri.is_empty() => "every URI".to_owned(),
            "prefix" => format!("every URI that begins with {uri}"),
            "wildcard" => {
                let components = uri
                    .split('.')
                    .map(|part| if part.is_empty() { "*" } else { part });
                format!("any {}", components.collect::<Vec<_>>().join("."))
            }
            _ => format!("{uri} alone"),
        };
        let named = ACTIONS
            .iter()
            .filter(|(_, action)| self.actions.contains(action));
        let actions: Vec<_> = named.map(|(name, _)| *name).collect();
        match &*actions {
            [] => format!("{which}: nothing"),
            actions => format!("{which}: {}", actions.join(", ")),
        }
    }

    fn allows_everything(&self) -> bool {
        let is_of_all = self.uri.value.is_empty() && self.policy == MatchPolicy::PREFIX;
        is_of_all
            && ACTIONS
                .iter()
                .all(|(_, action)| self.actions.contains(action))
    }

    fn permissions(&self) -> Permissions {
        let rule = Permissions::allow_match(&self.policy, &self.uri.value);
        self.actions.iter().fold(rule, |rule, action| match action {
            Action::Call => rule.call(),
            Action::Register => rule.register(),
            Action::Publish => rule.publish(),
            Action::Subscribe => rule.subscribe(),
        })
    }
}

/// How a URI matches where nothing is said of it, as [`Permissions::allow`] has it.
fn policy_of(uri: &str) -> MatchPolicy {
    if uri.starts_with('.') || uri.contains("..") {
        MatchPolicy::WILDCARD
    } else if uri.is_empty() || uri.ends_with('.') {
        MatchPolicy::PREFIX
    } else {
        MatchPolicy::EXACT
    }
}

/// Checks that there can be a realm of that name.
pub(in crate::router) fn check_name(name: &str) -> Result<(), String> {
    match Uri::new(name) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("the name of a realm must be a URI: {error}")),
    }
}

fn read_slow_consumers(section: &mut Section<'_>) -> Option<SlowConsumers> {
    let policies = [
        ("disconnect", SlowConsumers::Disconnect),
        ("drop", SlowConsumers::Drop),
        ("block", SlowConsumers::block()),
    ];
    let policy = section.choice("slow_consumers", &policies);
    let policy = policy.map(|policy| policy.value);
    let Some(at_most) = section.time("block_at_most") else {
        return policy;
    };
    if !matches!(policy, Some(SlowConsumers::Block { .. })) {
        let text = "`block_at_most` needs `slow_consumers = \"block\"`";
        section.error(section.at, text);
    }
    Some(SlowConsumers::Block { at_most })
}

fn read_limits(limits: &mut SessionLimits, section: &mut Section<'_>) {
    set(
        &mut limits.subscriptions,
        section.count("subscriptions", &MANY),
    );
    set(
        &mut limits.registrations,
        section.count("registrations", &MANY),
    );
    set(&mut limits.calls, section.count("calls", &MANY));
    set(&mut limits.invocations, section.count("invocations", &MANY));
    set(&mut limits.uri_len, section.size("uri_length", &URI));
    limits.rate = read_rate(section);
}

const ACTIONS: [(&str, Action); 4] = [
    ("call", Action::Call),
    ("register", Action::Register),
    ("publish", Action::Publish),
    ("subscribe", Action::Subscribe),
];

const MANY: RangeInclusive<usize> = 0..=1_000_000_000;
const URI: RangeInclusive<usize> = 1..=16 << 20;
