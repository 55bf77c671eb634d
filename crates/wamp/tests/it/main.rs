//! Sessions and router together, over real sockets.

mod deaths;
mod formats;
mod order;
mod volume;
mod world;
