//! Rules that concern one message alone.

use wamp_messages::message::{Call, Error, Yield};
use wamp_messages::options::{
    ErrorDetails, EventDetails, InvocationDetails, PublishOptions, ResultDetails,
};
use wamp_messages::{MatchPolicy, Message, error_uri};

/// "URI components [...] MUST NOT contain a `.`, `#` or whitespace characters and MUST NOT be empty"
pub(super) fn is_uri(text: &str) -> bool {
    text.split('.').all(|component| {
        !component.is_empty()
            && !component
                .chars()
                .any(|character| character == '#' || character.is_whitespace())
    })
}

/// What is wrong with a URI that could be a pattern, on a router that has no patterns.
pub(super) fn faults_of_pattern(uri: &str, policy: Option<&MatchPolicy>) -> Vec<&'static str> {
    match policy.map(MatchPolicy::as_str) {
        None | Some("exact") if is_uri(uri) => Vec::new(),
        None | Some("exact") => vec![error_uri::INVALID_URI],
        Some("prefix" | "wildcard") if is_uri(uri) => vec![error_uri::OPTION_NOT_ALLOWED],
        Some("prefix" | "wildcard") => vec![error_uri::OPTION_NOT_ALLOWED, error_uri::INVALID_URI],
        Some(_) => vec![error_uri::INVALID_ARGUMENT],
    }
}

/// "with the latter not announcing `payload passthru` support [...] MUST be treated as PROTOCOL
/// ERRORS", and so must CALL with `progress := true` to a dealer that did not announce it.
pub(super) fn is_of_feature_not_announced(message: &Message) -> bool {
    match message {
        Message::Publish(publish) => publish.options.ppt_scheme.is_some(),
        Message::Call(call) => {
            call.options.ppt_scheme.is_some() || call.options.progress == Some(true)
        }
        Message::Yield(answer) => answer.options.ppt_scheme.is_some(),
        _ => false,
    }
}

/// "application URIs MUST NOT use `wamp` as a first URI component"
pub(super) fn is_reserved(text: &str) -> bool {
    text.split('.').next() == Some("wamp")
}

// Details tell how an opaque payload is encoded. Whoever claims to be somebody else in his options
// is not believed: nobody is identified, as no such feature is announced.

pub(super) fn event_details(options: &PublishOptions) -> EventDetails {
    let mut details = EventDetails::default();
    details.enc_algo.clone_from(&options.enc_algo);
    details.enc_key.clone_from(&options.enc_key);
    details.enc_serializer.clone_from(&options.enc_serializer);
    details
}

pub(super) fn invocation_details(call: &Call) -> InvocationDetails {
    let mut details = InvocationDetails::default();
    details.enc_algo.clone_from(&call.options.enc_algo);
    details.enc_key.clone_from(&call.options.enc_key);
    details
        .enc_serializer
        .clone_from(&call.options.enc_serializer);
    details
}

pub(super) fn result_details(answer: &Yield) -> ResultDetails {
    let mut details = ResultDetails::default();
    details.enc_algo.clone_from(&answer.options.enc_algo);
    details.enc_key.clone_from(&answer.options.enc_key);
    details
        .enc_serializer
        .clone_from(&answer.options.enc_serializer);
    details
}

pub(super) fn error_details(error: &Error) -> ErrorDetails {
    let mut details = ErrorDetails::default();
    details.enc_algo.clone_from(&error.details.enc_algo);
    details.enc_key.clone_from(&error.details.enc_key);
    details
        .enc_serializer
        .clone_from(&error.details.enc_serializer);
    details
}
