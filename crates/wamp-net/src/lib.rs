//! Endpoints, dialling and listening for WAMP transports.
