//! The WebSocket transport of WAMP, client and server.
