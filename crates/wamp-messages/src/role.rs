//! Roles and features: what each side of a session announces that it can do.
//!
//! Specification: Basic Profile, "Session Establishment"; Advanced Profile, "Feature Announcement".

use crate::value::{Dict, Value};
use crate::wire::{DecodeError, DecodeErrorKind, Field, Kind, Reader, Writer};

/// A role that a peer plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the roles of WAMP are closed")]
pub enum Role {
    /// Receives events.
    Subscriber,
    /// Publishes events.
    Publisher,
    /// Calls procedures.
    Caller,
    /// Answers calls.
    Callee,
    /// Routes events.
    Broker,
    /// Routes calls.
    Dealer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Subscriber,
        Self::Publisher,
        Self::Caller,
        Self::Callee,
        Self::Broker,
        Self::Dealer,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscriber => "subscriber",
            Self::Publisher => "publisher",
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Broker => "broker",
            Self::Dealer => "dealer",
        }
    }

    /// Whether it is a role of a router, not of a client.
    pub const fn is_router(self) -> bool {
        matches!(self, Self::Broker | Self::Dealer)
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A feature of the Advanced Profile: its name, and the names that it also goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Feature {
    name: &'static str,
    also: &'static [&'static str],
}

macro_rules! features {
    ($($(#[$doc:meta])* $konst:ident = $name:literal $(| $also:literal)*;)*) => {
        impl Feature {
            $($(#[$doc])* pub const $konst: Self = Self { name: $name, also: &[$($also),*] };)*

            /// Every feature that either the specification or Autobahn knows.
            pub const ALL: &'static [Self] = &[$(Self::$konst),*];
        }
    };
}

features! {
    /// Results that come in parts.
    PROGRESSIVE_CALL_RESULTS = "progressive_call_results";
    /// Arguments that come in parts.
    PROGRESSIVE_CALL_INVOCATIONS = "progressive_call_invocations";
    /// Calls that end when their time is over.
    CALL_TIMEOUT = "call_timeout";
    /// Calls that can be canceled. Some peers write `call_cancelling`.
    CALL_CANCELING = "call_canceling" | "call_cancelling";
    /// Calls that go to another callee when one is not available.
    CALL_REROUTE = "call_reroute";
    /// The callee learns who calls.
    CALLER_IDENTIFICATION = "caller_identification";
    /// Calls have a level of trust.
    CALL_TRUSTLEVELS = "call_trustlevels";
    /// Registrations can be listed and looked up.
    REGISTRATION_META_API = "registration_meta_api" | "registration_meta";
    /// Procedures can be registered by prefix and wildcard.
    PATTERN_BASED_REGISTRATION = "pattern_based_registration";
    /// Several callees can register one procedure.
    SHARED_REGISTRATION = "shared_registration";
    /// Calls are dealt out by a key.
    SHARDED_REGISTRATION = "sharded_registration";
    /// The router can end a registration.
    REGISTRATION_REVOCATION = "registration_revocation";
    /// Procedures describe themselves.
    PROCEDURE_REFLECTION = "procedure_reflection";
    /// Sessions can be listed and killed.
    SESSION_META_API = "session_meta_api" | "session_meta";
    /// The publisher chooses who gets an event.
    SUBSCRIBER_BLACKWHITE_LISTING = "subscriber_blackwhite_listing";
    /// The publisher may get its own events.
    PUBLISHER_EXCLUSION = "publisher_exclusion";
    /// The subscriber learns who publishes.
    PUBLISHER_IDENTIFICATION = "publisher_identification";
    /// Publications have a level of trust.
    PUBLICATION_TRUSTLEVELS = "publication_trustlevels";
    /// Subscriptions can be listed and looked up.
    SUBSCRIPTION_META_API = "subscription_meta_api" | "subscription_meta";
    /// Topics can be subscribed by prefix and wildcard.
    PATTERN_BASED_SUBSCRIPTION = "pattern_based_subscription";
    /// Events are dealt out by a key. The specification once writes `shareded_subscriptions`.
    SHARDED_SUBSCRIPTION =
        "sharded_subscription" | "sharded_subscriptions" | "shareded_subscriptions";
    /// The router can end a subscription.
    SUBSCRIPTION_REVOCATION = "subscription_revocation";
    /// Past events can be asked for.
    EVENT_HISTORY = "event_history";
    /// The last event of a topic is kept for those who come later.
    EVENT_RETENTION = "event_retention";
    /// Topics describe themselves.
    TOPIC_REFLECTION = "topic_reflection";
    /// Subscribers acknowledge events (Autobahn's extension).
    ACKNOWLEDGED_EVENT_DELIVERY =
        "x_acknowledged_event_delivery" | "acknowledge_event_received";
    /// Payloads that the router does not read.
    PAYLOAD_PASSTHRU_MODE = "payload_passthru_mode";
    /// Payloads that the router does not read, in Autobahn's older form.
    PAYLOAD_TRANSPARENCY = "payload_transparency";
    /// Payloads encrypted with cryptobox.
    PAYLOAD_ENCRYPTION_CRYPTOBOX = "payload_encryption_cryptobox";
    /// Sessions leave a last will.
    TESTAMENT_META_API = "testament_meta_api" | "testament_meta";
}

impl Feature {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// Whether the feature goes by this name, right or misspelled.
    pub fn is_called(self, name: &str) -> bool {
        self.name == name || self.also.contains(&name)
    }
}

/// The features of one role, in the order in which they were announced, unknown ones included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    flags: Option<Vec<(Box<str>, Option<bool>)>>,
    /// What else stands in the dict of the role.
    extra: Dict,
}

impl Features {
    /// No features.
    pub fn none() -> Self {
        Self {
            flags: None,
            extra: Dict::default(),
        }
    }

    /// Whether the feature is announced.
    pub fn has(&self, feature: Feature) -> bool {
        self.flags
            .iter()
            .flatten()
            .any(|(name, flag)| *flag == Some(true) && feature.is_called(name))
    }

    /// The features announced, by the names they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let flags = self.flags.iter().flatten();
        flags
            .filter(|(_, flag)| *flag == Some(true))
            .map(|(name, _)| &**name)
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        let flags = features
            .into_iter()
            .map(|feature| (feature.as_str().into(), Some(true)));
        Self {
            flags: Some(flags.collect()).filter(|f: &Vec<_>| !f.is_empty()),
            extra: Dict::default(),
        }
    }
}

impl Field for Features {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        let mut features = Self::none();
        reader.dict()?;
        while reader.more()? {
            let key = reader.key()?;
            if key != "features" {
                let value = reader.value()?;
                features.extra.insert(key, value);
                continue;
            }
            let mut flags: Vec<(Box<str>, Option<bool>)> = Vec::new();
            reader.dict()?;
            while reader.more()? {
                let name = reader.key()?;
                flags.push((name.into(), Option::<bool>::read(reader)?));
            }
            features.flags = Some(flags);
        }
        Ok(features)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.dict(usize::from(self.flags.is_some()) + self.extra.len());
        if let Some(flags) = &self.flags {
            writer.key("features");
            writer.dict(flags.len());
            for (name, flag) in flags {
                writer.key(name);
                writer.value(&flag.map_or(Value::Null, Value::Bool));
            }
            writer.end_dict();
        }
        for (key, value) in &self.extra {
            writer.key(key);
            writer.value(value);
        }
        writer.end_dict();
    }
}

/// The roles of a peer with their features, in the order in which they were announced.
///
/// Only roles of WAMP can be read; that a client announces those of a client, and a router those of
/// a router, is checked by [`validate`](crate::validate).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Roles(Vec<(Role, Features)>);

impl Roles {
    /// No roles.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a role with its features, in place of what was said of it before.
    #[must_use]
    pub fn with(mut self, role: Role, features: impl IntoIterator<Item = Feature>) -> Self {
        self.insert(role, features.into_iter().collect());
        self
    }

    /// The features of a role, if the peer plays it.
    pub fn role(&self, role: Role) -> Option<&Features> {
        self.0
            .iter()
            .find(|(known, _)| *known == role)
            .map(|(_, features)| features)
    }

    /// Whether the peer plays the role.
    pub fn has(&self, role: Role) -> bool {
        self.role(role).is_some()
    }

    /// Whether the peer plays the role and has the feature in it.
    pub fn has_feature(&self, role: Role, feature: Feature) -> bool {
        self.role(role)
            .is_some_and(|features| features.has(feature))
    }

    /// The roles with their features, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Role, &Features)> {
        self.0.iter().map(|(role, features)| (*role, features))
    }

    /// Whether there is no role.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same without what WAMP does not know, however much of that a peer has announced.
    #[must_use]
    pub fn known(&self) -> Self {
        let known = |features: &Features| {
            let all = Feature::ALL.iter().copied();
            all.filter(|feature| features.has(*feature)).collect()
        };
        let roles = self.iter().map(|(role, features)| (role, known(features)));
        Self(roles.collect())
    }

    fn insert(&mut self, role: Role, features: Features) {
        match self.0.iter_mut().find(|(known, _)| *known == role) {
            Some((_, known)) => *known = features,
            None => self.0.push((role, features)),
        }
    }
}

impl Field for Roles {
    fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
        let mut roles = Self::none();
        reader.dict()?;
        while reader.more()? {
            let at = reader.offset();
            let name = reader.key()?;
            let Some(role) = Role::from_name(&name) else {
                let kind = DecodeErrorKind::Range("a role that WAMP does not have");
                return Err(DecodeError::new(kind, at));
            };
            let found = reader.peek()?;
            if found != Kind::Dict {
                return Err(DecodeError::expected(
                    "a dictionary",
                    found,
                    reader.offset(),
                ));
            }
            roles.insert(role, Features::read(reader)?);
        }
        Ok(roles)
    }

    fn write<W: Writer>(&self, writer: &mut W) {
        writer.dict(self.0.len());
        for (role, features) in &self.0 {
            writer.key(role.as_str());
            features.write(writer);
        }
        writer.end_dict();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_feature_is_understood() {
        let features = Features {
            flags: Some(vec![("call_cancelling".into(), Some(true))]),
            ..Features::none()
        };
        assert!(features.has(Feature::CALL_CANCELING));
        assert!(!features.has(Feature::CALL_TIMEOUT));
    }

    #[test]
    fn a_feature_that_is_false_or_null_is_not_announced() {
        for flag in [Some(false), None] {
            let flags = Some(vec![("call_timeout".into(), flag)]);
            assert!(
                !Features {
                    flags,
                    ..Features::none()
                }
                .has(Feature::CALL_TIMEOUT)
            );
        }
    }

    #[test]
    fn what_is_known_of_roles_is_what_wamp_knows() {
        let mut features: Features = [Feature::CALL_CANCELING].into_iter().collect();
        features.extra.insert("x", Value::Null);
        if let Some(flags) = &mut features.flags {
            flags.push(("x_own".into(), Some(true)));
        }
        let roles = Roles(vec![(Role::Caller, features)]);
        let known = Roles::none().with(Role::Caller, [Feature::CALL_CANCELING]);
        assert_eq!(roles.known(), known);
    }

    #[test]
    fn a_role_announced_twice_counts_once() {
        let roles = Roles::none()
            .with(Role::Caller, [])
            .with(Role::Caller, [Feature::CALL_CANCELING]);
        assert_eq!(roles.iter().count(), 1);
        assert!(roles.has_feature(Role::Caller, Feature::CALL_CANCELING));
    }
}
