//! The sans-IO core of WAMP: transport trait, outbox, session lifecycle.
