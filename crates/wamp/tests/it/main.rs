//! Sessions and router together, over real sockets.

mod attacks;
mod deaths;
mod formats;
mod order;
mod overload;
mod stress;
mod texts;
mod volume;
mod world;
