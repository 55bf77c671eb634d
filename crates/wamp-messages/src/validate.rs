//! Validation: what the specification asks of a message beyond its shape.
//!
//! A message is read if it has the shape of one; here it is told whether a peer may send it. The
//! error names the URI with which it is to be refused: as an ERROR that answers the request, where
//! there is one, otherwise as the reason of an ABORT.

use crate::error_uri;
use crate::message::Message;
use crate::policy::{CancelMode, MatchPolicy};
use crate::role::Roles;
use crate::uri::{Empty, InvalidUri, Uri, UriRules};

/// A message that has the right shape but breaks the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}.{field}: {kind}")]
pub struct Invalid {
    message: &'static str,
    field: &'static str,
    kind: InvalidKind,
}

/// Which rule a message breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKind {
    /// An option has a value that is not possible.
    #[error("{0}")]
    Option(String),
    /// The message breaks the protocol.
    #[error("{0}")]
    Protocol(&'static str),
    /// A URI is not one.
    #[error("{0}")]
    Uri(#[from] InvalidUri),
}

impl Invalid {
    /// Which rule was broken.
    pub const fn kind(&self) -> &InvalidKind {
        &self.kind
    }

    /// The error URI with which the message is to be refused.
    pub const fn uri(&self) -> &'static str {
        match self.kind {
            InvalidKind::Uri(_) => error_uri::INVALID_URI,
            InvalidKind::Option(_) => error_uri::INVALID_ARGUMENT,
            InvalidKind::Protocol(_) => error_uri::PROTOCOL_VIOLATION,
        }
    }
}

impl Message {
    /// Checks the message against the rules of the specification, its URIs against `rules`.
    ///
    /// Whether it may be sent now and by this peer is not asked here but in the state of a session.
    ///
    /// # Errors
    ///
    /// The first rule that the message breaks.
    pub fn validate(&self, rules: UriRules) -> Result<(), Invalid> {
        let check = Check {
            message: self.name(),
            rules,
        };
        match self {
            Self::Hello(hello) => {
                if let Some(realm) = &hello.realm {
                    check.uri("Realm", realm)?;
                }
                check.roles(hello.details.roles.as_ref(), false)?;
                if hello.details.resume_session.is_some() && hello.details.resume_token.is_none() {
                    return check.option("resume-session", "it needs a resume-token");
                }
                Ok(())
            }
            Self::Welcome(welcome) => {
                check.roles(welcome.details.roles.as_ref(), true)?;
                if welcome.details.resumable == Some(true) && welcome.details.resume_token.is_none()
                {
                    return check.option("resumable", "it needs a resume_token");
                }
                Ok(())
            }
            Self::Abort(abort) => check.uri("Reason", &abort.reason),
            Self::Goodbye(goodbye) => check.uri("Reason", &goodbye.reason),
            Self::Challenge(_) | Self::Authenticate(_) => Ok(()),
            Self::Error(error) => {
                if !error.request_type.is_known() {
                    return check.protocol("REQUEST.Type", "no request of this type has an answer");
                }
                check.uri("Error", &error.error)?;
                check.payload(
                    self,
                    error.details.enc_algo.as_deref(),
                    error.details.enc_serializer.as_deref(),
                )
            }
            Self::Publish(publish) => {
                check.uri("Topic", &publish.topic)?;
                check.payload(
                    self,
                    publish.options.enc_algo.as_deref(),
                    publish.options.enc_serializer.as_deref(),
                )
            }
            Self::Subscribe(subscribe) => {
                let policy = subscribe.options.match_policy.as_ref();
                check.pattern("Topic", &subscribe.topic, policy)
            }
            Self::Register(register) => {
                check.pattern(
                    "Procedure",
                    &register.procedure,
                    register.options.match_policy.as_ref(),
                )?;
                if let Some(invoke) = &register.options.invoke
                    && !invoke.is_known()
                {
                    return check.option("invoke", format!("{:?} is no policy", invoke.as_str()));
                }
                if register.options.concurrency == Some(0) {
                    return check.option("concurrency", "it must be at least 1");
                }
                Ok(())
            }
            Self::Event(event) => {
                check.optional_uri("topic", event.details.topic.as_ref())?;
                check.payload(
                    self,
                    event.details.enc_algo.as_deref(),
                    event.details.enc_serializer.as_deref(),
                )
            }
            Self::Call(call) => {
                check.uri("Procedure", &call.procedure)?;
                if let Some(mode) = &call.options.runmode
                    && !mode.is_known()
                {
                    return check.option("runmode", format!("{:?} is no mode", mode.as_str()));
                }
                check.payload(
                    self,
                    call.options.enc_algo.as_deref(),
                    call.options.enc_serializer.as_deref(),
                )
            }
            Self::Cancel(cancel) => check.mode(cancel.options.mode.as_ref(), true),
            Self::Interrupt(interrupt) => {
                check.mode(interrupt.options.mode.as_ref(), false)?;
                check.optional_uri("reason", interrupt.options.reason.as_ref())
            }
            Self::Result(result) => check.payload(
                self,
                result.details.enc_algo.as_deref(),
                result.details.enc_serializer.as_deref(),
            ),
            Self::Invocation(invocation) => {
                check.optional_uri("procedure", invocation.details.procedure.as_ref())?;
                check.payload(
                    self,
                    invocation.details.enc_algo.as_deref(),
                    invocation.details.enc_serializer.as_deref(),
                )
            }
            Self::Yield(answer) => check.payload(
                self,
                answer.options.enc_algo.as_deref(),
                answer.options.enc_serializer.as_deref(),
            ),
            Self::Unsubscribed(unsubscribed) => {
                let details = unsubscribed.details.as_ref();
                check.optional_uri("reason", details.and_then(|d| d.reason.as_ref()))
            }
            Self::Unregistered(unregistered) => {
                let details = unregistered.details.as_ref();
                check.optional_uri("reason", details.and_then(|d| d.reason.as_ref()))
            }
            Self::Published(_)
            | Self::Subscribed(_)
            | Self::Unsubscribe(_)
            | Self::EventReceived(_)
            | Self::Registered(_)
            | Self::Unregister(_) => Ok(()),
        }
    }
}

/// The names of payload algorithms and formats that Autobahn knows; others begin with `x_`.
const ENC_ALGOS: &[&str] = &["cryptobox", "mqtt", "xbr"];
const ENC_SERIALIZERS: &[&str] = &["json", "msgpack", "cbor", "ubjson", "flatbuffers"];

/// Whether a name may stand in `enc_algo`.
pub fn is_enc_algo(name: &str) -> bool {
    ENC_ALGOS.contains(&name) || is_custom(name)
}

/// Whether a name may stand in `enc_serializer`.
pub fn is_enc_serializer(name: &str) -> bool {
    ENC_SERIALIZERS.contains(&name) || is_custom(name)
}

/// A user's own name: `x_` alone, or with a lower case letter and then one or more lower case
/// letters, digits and `_` behind it. So Autobahn has it, and so `x_a` is none.
fn is_custom(name: &str) -> bool {
    match name.strip_prefix("x_").map(str::as_bytes) {
        Some([]) => true,
        Some([b'a'..=b'z', rest @ ..]) => {
            let possible = |octet: &u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'_');
            !rest.is_empty() && rest.iter().all(possible)
        }
        _ => false,
    }
}

/// The message being checked, and the rules for its URIs.
struct Check {
    message: &'static str,
    rules: UriRules,
}

impl Check {
    fn fail(&self, field: &'static str, kind: InvalidKind) -> Result<(), Invalid> {
        Err(Invalid {
            message: self.message,
            field,
            kind,
        })
    }

    fn option(&self, field: &'static str, why: impl Into<String>) -> Result<(), Invalid> {
        self.fail(field, InvalidKind::Option(why.into()))
    }

    fn protocol(&self, field: &'static str, why: &'static str) -> Result<(), Invalid> {
        self.fail(field, InvalidKind::Protocol(why))
    }

    fn uri(&self, field: &'static str, uri: &Uri) -> Result<(), Invalid> {
        self.uri_with(field, uri, Empty::None)
    }

    fn uri_with(&self, field: &'static str, uri: &Uri, empty: Empty) -> Result<(), Invalid> {
        match uri.check(self.rules.with_empty(empty)) {
            Ok(()) => Ok(()),
            Err(error) => self.fail(field, error.into()),
        }
    }

    fn optional_uri(&self, field: &'static str, uri: Option<&Uri>) -> Result<(), Invalid> {
        uri.map_or(Ok(()), |uri| self.uri(field, uri))
    }

    /// A URI that may be a pattern, by the policy that says which.
    fn pattern(
        &self,
        field: &'static str,
        uri: &Uri,
        policy: Option<&MatchPolicy>,
    ) -> Result<(), Invalid> {
        let policy = policy.unwrap_or(&MatchPolicy::EXACT);
        let empty = if *policy == MatchPolicy::EXACT {
            Empty::None
        } else if *policy == MatchPolicy::PREFIX {
            Empty::Last
        } else if *policy == MatchPolicy::WILDCARD {
            Empty::Any
        } else {
            return self.option("match", format!("{:?} is no policy", policy.as_str()));
        };
        self.uri_with(field, uri, empty)
    }

    fn mode(&self, mode: Option<&CancelMode>, skip: bool) -> Result<(), Invalid> {
        match mode {
            Some(mode) if !mode.is_known() => {
                self.option("mode", format!("{:?} is no mode", mode.as_str()))
            }
            Some(mode) if *mode == CancelMode::SKIP && !skip => {
                self.protocol("mode", "a callee is never told of a call that was skipped")
            }
            _ => Ok(()),
        }
    }

    fn roles(&self, roles: Option<&Roles>, router: bool) -> Result<(), Invalid> {
        let Some(roles) = roles.filter(|roles| !roles.is_empty()) else {
            return self.protocol("roles", "at least one role must be announced");
        };
        if roles.iter().any(|(role, _)| role.is_router() != router) {
            return self.protocol("roles", "a role of the other side is announced");
        }
        Ok(())
    }

    /// An opaque payload needs the name of its algorithm; the names are those that are known.
    fn payload(
        &self,
        message: &Message,
        algo: Option<&str>,
        serializer: Option<&str>,
    ) -> Result<(), Invalid> {
        let opaque = message
            .payload()
            .is_some_and(|payload| payload.as_opaque().is_some());
        if opaque && algo.is_none() {
            return self.protocol("Arguments", "a byte string needs the option enc_algo");
        }
        if algo.is_some_and(|name| !is_enc_algo(name)) {
            return self.option(
                "enc_algo",
                "it is no algorithm that is known or begins with x_",
            );
        }
        if serializer.is_some_and(|name| !is_enc_serializer(name)) {
            return self.option(
                "enc_serializer",
                "it is no format that is known or begins with x_",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RequestId;
    use crate::message::{Register, Subscribe};
    use crate::options::{RegisterOptions, SubscribeOptions};

    fn subscribe(topic: &'static str, policy: &str) -> Message {
        let options = SubscribeOptions {
            match_policy: Some(MatchPolicy::new(policy)),
            ..SubscribeOptions::default()
        };
        let request = RequestId::ZERO.next();
        Subscribe {
            request,
            options: options.into(),
            topic: Uri::from_static(topic),
        }
        .into()
    }

    #[test]
    fn patterns_may_have_the_empty_components_that_their_policy_allows() {
        let valid = |topic, policy| subscribe(topic, policy).validate(UriRules::LOOSE).is_ok();
        assert!(!valid("com..x", "exact") && !valid("com.", "exact"));
        assert!(!valid("com..x", "prefix") && valid("com.", "prefix"));
        assert!(valid("com..x", "wildcard") && valid(".", "wildcard"));
    }

    #[test]
    fn an_unknown_policy_is_refused_as_an_invalid_argument() {
        let error = subscribe("com.x", "regex")
            .validate(UriRules::LOOSE)
            .unwrap_err();
        assert_eq!(error.uri(), error_uri::INVALID_ARGUMENT);
        assert_eq!(error.to_string(), "SUBSCRIBE.match: \"regex\" is no policy");
    }

    #[test]
    fn a_concurrency_of_zero_is_refused() {
        let options = RegisterOptions {
            concurrency: Some(0),
            ..RegisterOptions::default()
        };
        let procedure = Uri::from_static("com.x");
        let register = Register {
            request: RequestId::ZERO.next(),
            options: options.into(),
            procedure,
        };
        assert!(Message::from(register).validate(UriRules::LOOSE).is_err());
    }

    #[test]
    fn names_of_payload_formats_are_known_or_begin_with_x() {
        assert!(is_enc_algo("cryptobox") && is_enc_algo("x_rot13"));
        assert!(is_enc_algo("x_") && is_enc_algo("x_ab") && !is_enc_algo("x_a"));
        assert!(!is_enc_algo("rot13") && !is_enc_algo("x") && !is_enc_algo("x_A"));
        assert!(is_enc_serializer("cbor") && !is_enc_serializer("xml"));
    }
}
