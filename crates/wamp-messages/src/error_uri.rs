//! The URIs of errors and of reasons for closing, as constants.
//!
//! Specification: "Basic Profile URIs" and "Advanced Profile URIs". Beside theirs there are those
//! that only Autobahn and Crossbar.io know.

macro_rules! uris {
    ($($(#[$doc:meta])* $name:ident = $uri:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $uri;)*

        /// Every URI of this module.
        pub const ALL: &[&str] = &[$($uri),*];
    };
}

uris! {
    /// A URI in a message is not one.
    INVALID_URI = "wamp.error.invalid_uri";
    /// An argument is not acceptable to the callee, or an option not to the router.
    INVALID_ARGUMENT = "wamp.error.invalid_argument";
    /// A payload cannot be passed on: not well formed, or without a form in the receiver's format.
    INVALID_PAYLOAD = "wamp.error.invalid_payload";
    /// A payload is longer than the receiver's transport accepts.
    PAYLOAD_SIZE_EXCEEDED = "wamp.error.payload_size_exceeded";
    /// No procedure is registered for the URI called.
    NO_SUCH_PROCEDURE = "wamp.error.no_such_procedure";
    /// A procedure is registered for the URI already.
    PROCEDURE_ALREADY_EXISTS = "wamp.error.procedure_already_exists";
    /// A procedure is registered for the URI already, to be dealt out in another way.
    PROCEDURE_EXISTS_WITH_DIFFERENT_INVOCATION_POLICY =
        "wamp.error.procedure_exists_with_different_invocation_policy";
    /// The registration to end is not one of the session.
    NO_SUCH_REGISTRATION = "wamp.error.no_such_registration";
    /// The subscription to end is not one of the session.
    NO_SUCH_SUBSCRIPTION = "wamp.error.no_such_subscription";
    /// The session named does not exist.
    NO_SUCH_SESSION = "wamp.error.no_such_session";
    /// The realm to join does not exist.
    NO_SUCH_REALM = "wamp.error.no_such_realm";
    /// The role under which the peer would join does not exist.
    NO_SUCH_ROLE = "wamp.error.no_such_role";
    /// The principal who would join does not exist.
    NO_SUCH_PRINCIPAL = "wamp.error.no_such_principal";
    /// The session may not do what it asked for.
    NOT_AUTHORIZED = "wamp.error.not_authorized";
    /// Whether the session may do what it asked for could not be found out.
    AUTHORIZATION_FAILED = "wamp.error.authorization_failed";
    /// The session may not do what it asked for (name of the Advanced Profile).
    AUTHORIZATION_DENIED = "wamp.error.authorization_denied";
    /// The action needs to be authorized first, for example by a capability.
    AUTHORIZATION_REQUIRED = "wamp.error.authorization_required";
    /// Authentication could not be carried out.
    AUTHENTICATION_FAILED = "wamp.error.authentication_failed";
    /// Authentication was refused.
    AUTHENTICATION_DENIED = "wamp.error.authentication_denied";
    /// The client did not authenticate itself, and must.
    AUTHENTICATION_REQUIRED = "wamp.error.authentication_required";
    /// None of the authentication methods offered is possible for the principal.
    NO_MATCHING_AUTH_METHOD = "wamp.error.no_matching_auth_method";
    /// None of the authentication methods offered is known (Autobahn's name).
    NO_AUTH_METHOD = "wamp.error.no_auth_method";
    /// The client could not answer the challenge (sent by Autobahn clients).
    CANNOT_AUTHENTICATE = "wamp.error.cannot_authenticate";
    /// The peer sent what it must not send in this state, or what is no message at all.
    PROTOCOL_VIOLATION = "wamp.error.protocol_violation";
    /// The call was canceled.
    CANCELED = "wamp.error.canceled";
    /// The call took longer than it was given.
    TIMEOUT = "wamp.error.timeout";
    /// The callee cannot take the call now.
    UNAVAILABLE = "wamp.error.unavailable";
    /// No callee is available for the call.
    NO_AVAILABLE_CALLEE = "wamp.error.no_available_callee";
    /// A callee would have been there, but it is excluded.
    NO_ELIGIBLE_CALLEE = "wamp.error.no_eligible_callee";
    /// The other side lacks a feature.
    FEATURE_NOT_SUPPORTED = "wamp.error.feature_not_supported";
    /// The option is not allowed on this router.
    OPTION_NOT_ALLOWED = "wamp.error.option_not_allowed";
    /// Disclosing the caller or publisher is not allowed on this router.
    OPTION_DISALLOWED_DISCLOSE_ME = "wamp.error.option_disallowed.disclose_me";
    /// A router link or gateway failed.
    NETWORK_FAILURE = "wamp.error.network_failure";
    /// The callee failed without naming an error (Autobahn's name, used by all).
    RUNTIME_ERROR = "wamp.error.runtime_error";
    /// Arguments failed the check of their types (Autobahn's name).
    TYPE_CHECK_ERROR = "wamp.error.type_check_error";
    /// A payload is encoded and no codec is there for it (Autobahn's name).
    NO_PAYLOAD_CODEC = "wamp.error.no_payload_codec";
    /// The URI inside an encrypted payload is not that of the message (Autobahn's name).
    ENCRYPTION_TRUSTED_URI_MISMATCH = "wamp.error.encryption.trusted_uri_mismatch";
    /// A payload could not be decrypted (Autobahn's name).
    ENCRYPTION_DECRYPT_ERROR = "wamp.error.encryption.decrypt_error";

    /// The ordinary reason of leaving.
    CLOSE_NORMAL = "wamp.close.normal";
    /// The peer leaves the realm.
    CLOSE_REALM = "wamp.close.close_realm";
    /// The answer to GOODBYE.
    GOODBYE_AND_OUT = "wamp.close.goodbye_and_out";
    /// The session was killed by another.
    CLOSE_KILLED = "wamp.close.killed";
    /// The router (or client) shuts down.
    SYSTEM_SHUTDOWN = "wamp.close.system_shutdown";
    /// The client leaves and wants its cookie forgotten (known to Crossbar.io).
    CLOSE_LOGOUT = "wamp.close.logout";
    /// The transport was lost: never on the wire, the reason of a session that ended without GOODBYE.
    CLOSE_TRANSPORT_LOST = "wamp.close.transport_lost";
}

#[cfg(test)]
mod tests {
    use crate::{Uri, UriRules};

    #[test]
    fn every_constant_is_a_strict_uri() {
        for uri in super::ALL {
            assert!(
                Uri::from_wire(*uri).check(UriRules::STRICT).is_ok(),
                "{uri}"
            );
        }
    }
}
