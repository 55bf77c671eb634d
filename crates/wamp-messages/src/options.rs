//! The options and details of messages: one table of every key that WAMP or Autobahn knows.
//!
//! Every key is optional: a field that is `None` is not written. Keys stand in the order in which
//! Autobahn writes them; keys that the table does not know are kept in `extra`, in their order, and
//! written behind the others, or before them where Autobahn does that (WELCOME).

mod sparse;

use self::sparse::Pairs;
pub use self::sparse::Sparse;
use crate::id::{RegistrationId, SessionId, SubscriptionId};
use crate::policy::{CancelMode, InvokePolicy, MatchPolicy, RunMode};
use crate::role::Roles;
use crate::secret::Secret;
use crate::uri::Uri;
use crate::value::Dict;
use crate::wire::{DecodeError, Field, Kind, Reader, Writer};

// `(extra first)`: keys that are not known stand before the others. `| null with x`: the key is
// written as null where it has no value but `x` has one.
macro_rules! options {
    ($(
        $(#[$doc:meta])*
        $name:ident $(($extra:ident first))? {
            $( $key:literal $field:ident: $type:ty $(| null with $with:ident)?,
               #[doc = $fdoc:literal] )*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $( #[doc = $fdoc] #[doc = concat!("\n\nOn the wire: `", $key, "`.")]
               pub $field: Option<$type>, )*
            /// Every other key, in order.
            pub extra: Dict,
        }

        impl $name {
            /// Whether no key is set.
            pub fn is_empty(&self) -> bool {
                self.extra.is_empty() $(&& self.$field.is_none())*
            }
        }

        impl Pairs for $name {
            const EMPTY: &'static Self = &Self { $($field: None,)* extra: Dict::new() };

            fn read_pair<'de, R: Reader<'de>>(&mut self, reader: &mut R) -> Result<(), DecodeError> {
                let key = reader.key()?;
                match &*key {
                    // A key with null (or `undefined`, which wampy.js sends) is absent.
                    $( $key => {
                        self.$field = Option::<$type>::read(reader)
                            .map_err(|error| error.in_field($key))?;
                    } )*
                    // wampy.js: `undefined` as a MessagePack extension.
                    _ if reader.peek()? == Kind::Other => {
                        reader.skip()?;
                    }
                    _ => {
                        let value = reader.value()?;
                        self.extra.insert(key, value);
                    }
                }
                Ok(())
            }
        }

        impl Field for $name {
            fn read<'de, R: Reader<'de>>(reader: &mut R) -> Result<Self, DecodeError> {
                Sparse::read(reader).map(Sparse::into_inner)
            }

            fn write<W: Writer>(&self, writer: &mut W) {
                let len = self.extra.len()
                    $(+ usize::from(self.$field.is_some() $(|| self.$with.is_some())?))*;
                writer.dict(len);
                $( write_extra(&self.$extra, writer); )?
                $( if let Some(field) = &self.$field {
                    writer.key($key);
                    field.write(writer);
                } $( else if self.$with.is_some() {
                    writer.key($key);
                    writer.null();
                } )? )*
                if !(false $(|| { let _ = &self.$extra; true })?) {
                    write_extra(&self.extra, writer);
                }
                writer.end_dict();
            }
        }
    )*};
}

fn write_extra<W: Writer>(extra: &Dict, writer: &mut W) {
    for (key, value) in extra {
        writer.key(key);
        writer.value(value);
    }
}

options! {
    /// HELLO.Details: what a client announces, and how it would authenticate.
    HelloDetails {
        "roles" roles: Roles, /// The roles of the client, with their features. Required.
        "authmethods" authmethods: Vec<String>, /// Authentication methods, best first.
        "authid" authid: String, /// As whom the client would join.
        "authrole" authrole: String, /// The role under which it would join.
        "authextra" authextra: Dict, /// What an authentication method wants to know beforehand.
        "resumable" resumable: bool, /// Whether the session should be resumable later.
        "resume-session" resume_session: SessionId, /// The session to resume.
        "resume-token" resume_token: Secret, /// The token that allows to resume it.
        "agent" agent: String, /// The name and version of the client's software.
        "transport" transport: Dict, /// Details of the transport, told by a proxy.
    }

    /// WELCOME.Details: as whom the client has joined, and what the router can do.
    WelcomeDetails (extra first) {
        "realm" realm: Uri, /// The realm joined.
        "authid" authid: String, /// The principal.
        "authrole" authrole: String, /// Its role, on which permissions depend.
        "authmethod" authmethod: String | null with authrole, /// How it was authenticated.
        "authprovider" authprovider: String, /// Who authenticated it.
        "authextra" authextra: Dict, /// What the authenticator wants to tell the client.
        "resumed" resumed: bool, /// Whether an earlier session was resumed.
        "resumable" resumable: bool, /// Whether this session can be resumed.
        "resume_token" resume_token: Secret, /// The token that allows to resume it.
        "roles" roles: Roles, /// The roles of the router, with their features. Required.
        "agent" agent: String, /// The name and version of the router's software.
    }

    /// ABORT.Details: what happened, for people.
    AbortDetails {
        "message" message: String, /// What happened, for people.
    }

    /// GOODBYE.Details: why, for people.
    GoodbyeDetails {
        "message" message: String, /// Why, for people.
        "resumable" resumable: bool, /// Whether the session can be resumed.
    }

    /// ERROR.Details: who answers, and how the payload is encoded.
    ErrorDetails {
        "callee" callee: SessionId, /// The callee's session, if disclosed.
        "callee_authid" callee_authid: String, /// The callee's authid.
        "callee_authrole" callee_authrole: String, /// The callee's authrole.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it was forwarded for.
        "enc_algo" enc_algo: String, /// How the payload is encoded (Autobahn).
        "enc_key" enc_key: String, /// The key of the payload.
        "enc_serializer" enc_serializer: String, /// The format inside the payload.
        "ppt_scheme" ppt_scheme: String, /// How the payload is encoded.
        "ppt_serializer" ppt_serializer: String, /// The format inside the payload.
        "ppt_cipher" ppt_cipher: String, /// The cipher of the payload.
        "ppt_keyid" ppt_keyid: String, /// The key of the payload.
    }

    /// PUBLISH.Options: who gets the event, and what the publisher learns.
    PublishOptions {
        "acknowledge" acknowledge: bool, /// Whether PUBLISHED or ERROR is to answer.
        "exclude_me" exclude_me: bool, /// Whether the publisher gets no event; true if absent.
        "exclude" exclude: Vec<SessionId>, /// Sessions that get no event.
        "exclude_authid" exclude_authid: Vec<String>, /// Principals that get no event.
        "exclude_authrole" exclude_authrole: Vec<String>, /// Roles that get no event.
        "eligible" eligible: Vec<SessionId>, /// The sessions that may get the event.
        "eligible_authid" eligible_authid: Vec<String>, /// The principals that may get the event.
        "eligible_authrole" eligible_authrole: Vec<String>, /// The roles that may get the event.
        "retain" retain: bool, /// Whether the event is kept for those who subscribe later.
        "transaction_hash" transaction_hash: String, /// A hash of a transaction, passed on.
        "enc_algo" enc_algo: String, /// How the payload is encoded (Autobahn).
        "enc_key" enc_key: String, /// The key of the payload.
        "enc_serializer" enc_serializer: String, /// The format inside the payload.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
        "disclose_me" disclose_me: bool, /// Whether subscribers learn who publishes.
        "rkey" rkey: String, /// The key that selects a shard.
        "ppt_scheme" ppt_scheme: String, /// How the payload is encoded.
        "ppt_serializer" ppt_serializer: String, /// The format inside the payload.
        "ppt_cipher" ppt_cipher: String, /// The cipher of the payload.
        "ppt_keyid" ppt_keyid: String, /// The key of the payload.
    }

    /// SUBSCRIBE.Options: how the topic matches, and whether a retained event is wanted.
    SubscribeOptions {
        "match" match_policy: MatchPolicy, /// How the topic matches; `exact` if absent.
        "get_retained" get_retained: bool, /// Whether a retained event is wanted.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
        "nkey" nkey: String, /// The key of the shard to be subscribed.
    }

    /// UNSUBSCRIBE.Options, which only forwarded messages have.
    UnsubscribeOptions {
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
    }

    /// UNSUBSCRIBED.Details, which only a revocation has (request 0).
    UnsubscribedDetails {
        "reason" reason: Uri, /// Why the subscription was revoked.
        "subscription" subscription: SubscriptionId, /// The subscription that was revoked.
    }

    /// EVENT.Details: the topic, the publisher if disclosed, how the payload is encoded.
    EventDetails {
        "publisher" publisher: SessionId, /// The publisher's session, if disclosed.
        "publisher_authid" publisher_authid: String, /// The publisher's authid.
        "publisher_authrole" publisher_authrole: String, /// The publisher's authrole.
        "topic" topic: Uri, /// The topic published to, where the subscription is a pattern.
        "retained" retained: bool, /// Whether the event was kept from before.
        "transaction_hash" transaction_hash: String, /// A hash of a transaction, passed on.
        "x_acknowledged_delivery" x_acknowledged_delivery: bool, /// Whether to acknowledge it.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
        "enc_algo" enc_algo: String, /// How the payload is encoded (Autobahn).
        "enc_key" enc_key: String, /// The key of the payload.
        "enc_serializer" enc_serializer: String, /// The format inside the payload.
        "trustlevel" trustlevel: u64, /// The level of trust that the router gives it.
        "ppt_scheme" ppt_scheme: String, /// How the payload is encoded.
        "ppt_serializer" ppt_serializer: String, /// The format inside the payload.
        "ppt_cipher" ppt_cipher: String, /// The cipher of the payload.
        "ppt_keyid" ppt_keyid: String, /// The key of the payload.
    }

    /// CALL.Options: how long the call may take, and what its callee learns.
    CallOptions {
        "timeout" timeout: u64, /// How long the call may take, in milliseconds; 0 is for ever.
        "receive_progress" receive_progress: bool, /// Whether partial results are wanted.
        "transaction_hash" transaction_hash: String, /// A hash of a transaction, passed on.
        "enc_algo" enc_algo: String, /// How the payload is encoded (Autobahn).
        "enc_key" enc_key: String, /// The key of the payload.
        "enc_serializer" enc_serializer: String, /// The format inside the payload.
        "caller" caller: SessionId, /// The caller's session, in a forwarded call.
        "caller_authid" caller_authid: String, /// The caller's authid, in a forwarded call.
        "caller_authrole" caller_authrole: String, /// The caller's authrole, likewise.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
        "disclose_me" disclose_me: bool, /// Whether the callee learns who calls.
        "progress" progress: bool, /// Whether more arguments of this call follow.
        "forward_timeout" forward_timeout: bool, /// Whether the callee enforces the timeout.
        "rkey" rkey: String, /// The key that selects a shard.
        "runmode" runmode: RunMode, /// Whether one shard is called or all.
        "ppt_scheme" ppt_scheme: String, /// How the payload is encoded.
        "ppt_serializer" ppt_serializer: String, /// The format inside the payload.
        "ppt_cipher" ppt_cipher: String, /// The cipher of the payload.
        "ppt_keyid" ppt_keyid: String, /// The key of the payload.
    }

    /// CANCEL.Options: what becomes of the handler.
    CancelOptions {
        "mode" mode: CancelMode, /// What canceling does to the callee.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
    }

    /// RESULT.Details: whether more results follow, and from whom they come.
    ResultDetails {
        "progress" progress: bool, /// Whether more results of this call follow.
        "callee" callee: SessionId, /// The callee's session, if disclosed.
        "callee_authid" callee_authid: String, /// The callee's authid.
        "callee_authrole" callee_authrole: String, /// The callee's authrole.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it was forwarded for.
        "enc_algo" enc_algo: String, /// How the payload is encoded (Autobahn).
        "enc_key" enc_key: String, /// The key of the payload.
        "enc_serializer" enc_serializer: String, /// The format inside the payload.
        "ppt_scheme" ppt_scheme: String, /// How the payload is encoded.
        "ppt_serializer" ppt_serializer: String, /// The format inside the payload.
        "ppt_cipher" ppt_cipher: String, /// The cipher of the payload.
        "ppt_keyid" ppt_keyid: String, /// The key of the payload.
    }

    /// REGISTER.Options: how the procedure matches, and how its calls are dealt out.
    RegisterOptions {
        "match" match_policy: MatchPolicy, /// How the procedure matches; `exact` if absent.
        "invoke" invoke: InvokePolicy, /// How calls are dealt out; `single` if absent.
        "concurrency" concurrency: u64, /// How many calls may run at once, 1 or more.
        "force_reregister" force_reregister: bool, /// Whether to take the procedure over.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
        "disclose_caller" disclose_caller: bool, /// Whether the callee wants to know who calls.
        "forward_timeout" forward_timeout: bool, /// Whether the callee enforces timeouts.
        "rkey" rkey: String, /// The key of the shard that is registered.
    }

    /// UNREGISTER.Options, which only forwarded messages have.
    UnregisterOptions {
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
    }

    /// UNREGISTERED.Details, which only a revocation has (request 0).
    UnregisteredDetails {
        "reason" reason: Uri, /// Why the registration was revoked.
        "registration" registration: RegistrationId, /// The registration that was revoked.
    }

    /// INVOCATION.Details: the procedure, the caller if disclosed, and how long it waits.
    InvocationDetails {
        "timeout" timeout: u64, /// How long the call may take, in milliseconds; 0 is for ever.
        "receive_progress" receive_progress: bool, /// Whether partial results are wanted.
        "caller" caller: SessionId, /// The caller's session, if disclosed.
        "caller_authid" caller_authid: String, /// The caller's authid.
        "caller_authrole" caller_authrole: String, /// The caller's authrole.
        "procedure" procedure: Uri, /// The procedure called, where a pattern is registered.
        "transaction_hash" transaction_hash: String, /// A hash of a transaction, passed on.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
        "enc_algo" enc_algo: String, /// How the payload is encoded (Autobahn).
        "enc_key" enc_key: String, /// The key of the payload.
        "enc_serializer" enc_serializer: String, /// The format inside the payload.
        "progress" progress: bool, /// Whether more arguments of this call follow.
        "trustlevel" trustlevel: u64, /// The level of trust that the router gives it.
        "rkey" rkey: String, /// The key that selected the shard.
        "ppt_scheme" ppt_scheme: String, /// How the payload is encoded.
        "ppt_serializer" ppt_serializer: String, /// The format inside the payload.
        "ppt_cipher" ppt_cipher: String, /// The cipher of the payload.
        "ppt_keyid" ppt_keyid: String, /// The key of the payload.
    }

    /// INTERRUPT.Options: why the call is over.
    InterruptOptions {
        "mode" mode: CancelMode, /// How the call was canceled: `kill` or `killnowait`.
        "reason" reason: Uri, /// Why the call is over.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
    }

    /// YIELD.Options: whether more results follow, and how the payload is encoded.
    YieldOptions {
        "progress" progress: bool, /// Whether more results of this call follow.
        "callee" callee: SessionId, /// The callee's session, in a forwarded result.
        "callee_authid" callee_authid: String, /// The callee's authid, in a forwarded result.
        "callee_authrole" callee_authrole: String, /// The callee's authrole, likewise.
        "forward_for" forward_for: Vec<Dict>, /// The sessions it is forwarded for.
        "enc_algo" enc_algo: String, /// How the payload is encoded (Autobahn).
        "enc_key" enc_key: String, /// The key of the payload.
        "enc_serializer" enc_serializer: String, /// The format inside the payload.
        "ppt_scheme" ppt_scheme: String, /// How the payload is encoded.
        "ppt_serializer" ppt_serializer: String, /// The format inside the payload.
        "ppt_cipher" ppt_cipher: String, /// The cipher of the payload.
        "ppt_keyid" ppt_keyid: String, /// The key of the payload.
    }
}
