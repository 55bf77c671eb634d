//! Sessions and router together, over real sockets.

mod attacks;
mod deaths;
mod faults;
mod formats;
mod order;
mod stress;
mod texts;
mod volume;
mod world;
