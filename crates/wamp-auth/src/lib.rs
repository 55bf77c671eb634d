//! WAMP authentication, both sides, without I/O.
