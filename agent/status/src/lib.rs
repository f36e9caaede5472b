//! What a cluster says of itself, as bytes that can be checked: signatures, the folded branch, the tables people read.
//!
//! Owns: SSH signatures over status files and commits, when to publish, how entries fold into one branch, how a
//! fleet is shown. Must not touch Git, a clock or randomness: bytes, `now` and seeds are arguments.
//!
//! ```text
//!  ClusterStatus ──sign──▶ Entry ─┐                     ┌─▶ README.md, summary.json, clusters/<hh>/<name>/…
//!  entries of other clusters ─────┴─verify──▶ Fleet ────┤
//!                                    now ──────▲        └─▶ table for a terminal, JSON for a machine
//! ```

pub mod entry;
pub mod fleet;
pub mod fold;
pub mod publish;
pub mod signature;
pub mod table;

pub use entry::{Entry, EntryError};
pub use fleet::{FleetStatus, Standing};
pub use fold::{Folded, fold};
pub use signature::{SignatureError, SigningKey, verify};
