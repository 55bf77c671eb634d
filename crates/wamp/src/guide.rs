//! The guide.
//!
//! What goes from one format to another, and what is refused: [`payloads`].

#[doc = include_str!("docs/payloads.md")]
pub mod payloads {}
