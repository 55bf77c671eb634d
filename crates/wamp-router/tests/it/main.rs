//! Connections, driven by scripted clients over in-memory transports.

mod client;
mod handshake;
mod hostile;
mod leaving;
mod routing;
mod shutdown;
mod spoiled;
