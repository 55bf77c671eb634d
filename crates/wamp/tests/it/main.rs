//! Sessions and router together, over real sockets.

mod attacks;
mod deaths;
mod formats;
mod order;
mod stress;
mod volume;
mod world;
