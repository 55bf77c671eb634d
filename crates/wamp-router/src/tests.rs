//! Broker and dealer against a naive model, over random interleavings of many sessions.

mod generate;
mod history;
mod interleavings;
mod laws;
mod model;
mod subject;
