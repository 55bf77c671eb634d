//! The vocabulary of WAMP: messages, options, URIs, ids, values and payloads.
