//! Which commit a cluster may take: trust in the hub's history.
//!
//! Owns the rules by which an offered commit is accepted. Must not read Git or a clock: what is known of history is an
//! argument. Steps, windows and claims join here as the gate grows.
//!
//! ```text
//!   accepted mark, serial ─┐
//!   offered tip, ancestry ─┴─ accept ──▶ Accepted | Problem (the enforced releases stay)
//! ```

pub mod trust;

pub use trust::{Ancestry, Offer, accept};
