//! Sessions and router together, over real sockets.

mod attacks;
mod deaths;
mod faults;
mod formats;
mod order;
mod overload;
mod stress;
mod texts;
mod transports;
mod volume;
mod world;
