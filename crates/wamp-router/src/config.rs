//! What a realm is made of, as its owner says it.

use std::collections::BTreeMap;
use std::sync::Arc;

use wamp_auth::{AnonymousAccess, RouterAuthenticator};
use wamp_core::Rate;
use wamp_messages::{Uri, UriRules};

use crate::permissions::Permissions;
use crate::realm::{RealmConfig, RoleConfig};
use crate::slow_consumers::SlowConsumers;

/// A realm: a namespace of its own for topics and procedures, with those who may join it.
///
/// A realm with neither roles nor authenticators is open: everybody is let in under the role
/// `anonymous`, and may do everything. As soon as it has either, only what was said holds; but
/// where a role `anonymous` is declared and no authenticator, everybody is let in under that role.
///
/// ```
/// use wamp_auth::StaticTickets;
/// use wamp_router::{Permissions, Realm};
///
/// let open = Realm::new("com.example.lobby");
/// let closed = Realm::new("com.example")
///     .role("user", Permissions::allow("com.example.").call().subscribe())
///     .role("backend", Permissions::all())
///     .authenticator(StaticTickets::new().with_principal("clock", "backend", "secret!!!"))
///     .anonymous("user");
/// ```
#[derive(Debug, Clone)]
#[must_use = "a realm does nothing until a router gets it"]
pub struct Realm {
    pub(crate) name: Uri,
    pub(crate) authenticators: Vec<Arc<dyn RouterAuthenticator>>,
    pub(crate) slow_consumers: SlowConsumers,
    roles: BTreeMap<String, RoleConfig>,
    rules: UriRules,
    limits: SessionLimits,
}

impl Realm {
    /// An open realm of a name, which is a URI. Nobody can join one whose name is none.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self {
            name: Uri::from_wire(name.as_ref()),
            authenticators: Vec::new(),
            slow_consumers: SlowConsumers::default(),
            roles: BTreeMap::new(),
            rules: UriRules::LOOSE,
            limits: SessionLimits::default(),
        }
    }

    /// Adds a role, in place of what was said of it before.
    pub fn role(self, name: impl Into<String>, permissions: Permissions) -> Self {
        self.with_role(name.into(), permissions, false)
    }

    /// Adds a role that may also register and publish to URIs that begin with `wamp.`, as its
    /// permissions say. Give it to parts of the router's own only: its clients can pretend to be
    /// the router.
    pub fn trusted_role(self, name: impl Into<String>, permissions: Permissions) -> Self {
        self.with_role(name.into(), permissions, true)
    }

    /// Adds a way to authenticate, in place of another one of the same method.
    ///
    /// A client offers methods in its order; the first one that is here decides.
    pub fn authenticator(mut self, authenticator: impl RouterAuthenticator + 'static) -> Self {
        let method = authenticator.method();
        self.authenticators.retain(|known| known.method() != method);
        self.authenticators.push(Arc::new(authenticator));
        self
    }

    /// Lets everybody in under a role; the same as an [`AnonymousAccess`] as authenticator.
    pub fn anonymous(self, role: impl Into<String>) -> Self {
        self.authenticator(AnonymousAccess::new(role))
    }

    /// Accepts strict URIs only: lower case letters, digits and `_` between the dots.
    ///
    /// The errors that callees answer with are not held to it: they are the callees' own.
    pub fn strict_uris(mut self) -> Self {
        self.rules = UriRules::STRICT;
        self
    }

    /// Sets how much one session may have.
    pub fn limits(mut self, limits: SessionLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what becomes of sessions that do not take their events fast enough; they are
    /// disconnected by default.
    pub fn slow_consumers(mut self, slow_consumers: SlowConsumers) -> Self {
        self.slow_consumers = slow_consumers;
        self
    }

    fn with_role(mut self, name: String, permissions: Permissions, trusted: bool) -> Self {
        let role = RoleConfig {
            permissions,
            trusted,
        };
        self.roles.insert(name, role);
        self
    }

    /// Adds what an open realm has, where nothing else was said.
    pub(crate) fn completed(self) -> Self {
        if !self.authenticators.is_empty() {
            return self;
        }
        let access = AnonymousAccess::default();
        if self.roles.is_empty() {
            self.role(wamp_auth::ANONYMOUS, Permissions::all())
                .authenticator(access)
        } else if self.roles.contains_key(wamp_auth::ANONYMOUS) {
            self.authenticator(access)
        } else {
            self
        }
    }

    /// What its owner can hardly have meant.
    fn oddities(&self) -> Vec<String> {
        let name = self.name.check(UriRules::LOOSE).err();
        let name = name.map(|error| format!("nobody can join, for the name is no URI: {error}"));
        let roles = self.roles.iter().flat_map(|(role, config)| {
            let patterns = config.permissions.patterns();
            let starred = patterns.filter(|pattern| pattern.contains('*'));
            starred.map(move |pattern| {
                format!(
                    "the role {role:?} has a rule for {pattern:?}, where the * stands for nothing \
                     but itself: a prefix ends with a dot, and an empty component matches any"
                )
            })
        });
        name.into_iter().chain(roles).collect()
    }

    pub(crate) fn log_oddities(&self) {
        for oddity in self.oddities() {
            tracing::warn!(realm = %self.name, "{oddity}");
        }
    }

    pub(crate) fn to_config(&self) -> RealmConfig {
        RealmConfig {
            roles: self.roles.clone(),
            rules: self.rules,
            limits: self.limits,
        }
    }
}

/// How much one session may have at once.
///
/// What is above it is answered with an ERROR whose URI is one of [`limit_uri`](crate::limit_uri);
/// only what exceeds the rate waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionLimits {
    /// How many topics it may have subscribed to. 16 384.
    pub subscriptions: usize,
    /// How many procedures it may have registered. 16 384.
    pub registrations: usize,
    /// Calls that are not answered yet. 16 384.
    pub calls: usize,
    /// Invocations, of all callers together, that it has not answered yet. 65 536.
    pub invocations: usize,
    /// Octets of the URI of a topic or procedure; a longer one is answered with
    /// `wamp.error.invalid_uri`. 4096.
    pub uri_len: usize,
    /// Messages that it may send, of whatever kind; `None` is any number, and the default.
    ///
    /// Nothing is lost above it, and nothing is told: the connection is not read until the next
    /// message may come, so that in the end the client waits. Its pings wait behind its messages: a
    /// client that sends far more than it may can take the router for dead. The timer knows
    /// milliseconds, so that a rate of thousands needs a burst.
    pub rate: Option<Rate>,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            subscriptions: 16_384,
            registrations: 16_384,
            calls: 16_384,
            invocations: 65_536,
            uri_len: 4_096,
            rate: None,
        }
    }
}

impl SessionLimits {
    /// Sets how many subscriptions a session may have.
    #[must_use]
    pub const fn subscriptions(self, subscriptions: usize) -> Self {
        Self {
            subscriptions,
            ..self
        }
    }

    /// Sets how many registrations a session may have.
    #[must_use]
    pub const fn registrations(self, registrations: usize) -> Self {
        Self {
            registrations,
            ..self
        }
    }

    /// Sets how many calls of a session may wait for their answer.
    #[must_use]
    pub const fn calls(self, calls: usize) -> Self {
        Self { calls, ..self }
    }

    /// Sets how long the URI of a topic or procedure may be, in octets.
    #[must_use]
    pub const fn uri_len(self, uri_len: usize) -> Self {
        Self { uri_len, ..self }
    }

    /// Sets how many messages a session may send.
    #[must_use]
    pub const fn rate(self, rate: Rate) -> Self {
        Self {
            rate: Some(rate),
            ..self
        }
    }

    /// Sets how many invocations may wait for a session to answer them.
    #[must_use]
    pub const fn invocations(self, invocations: usize) -> Self {
        Self {
            invocations,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_hardly_be_meant_is_noticed() {
        let roles = |realm: Realm| {
            realm
                .role("fine", Permissions::all().and(Permissions::allow("com..a")))
                .role("odd", Permissions::allow("com.example.*").call())
        };
        let of = |realm: Realm| realm.oddities();
        assert_eq!(of(Realm::new("com.example")), [""; 0]);
        for name in ["", "bad realm", "com..example"] {
            let found = of(Realm::new(name));
            assert!(
                matches!(&*found, [text] if text.contains("no URI")),
                "{found:?}"
            );
        }
        let found = of(roles(Realm::new("com.example")));
        let is_told = |text: &str| text.contains("\"odd\"") && text.contains("com.example.*");
        assert!(matches!(&*found, [text] if is_told(text)), "{found:?}");
    }
}
