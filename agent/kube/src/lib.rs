//! The cluster side: discovery, watches, apply, delete, the ApplySet parent.
//!
//! Owns the connection to one API server and turns effects into requests and answers into values. Must not choose:
//! what to apply, delete or adopt was decided before; what an answer means for the plan is decided after. Objects of
//! users travel as [`muster_model::Node`], never through typed structs. Text that an API server wrote never leaves
//! this crate: it quotes Secret values (HAZARDS.md T-55).
//!
//! ```text
//!   Effect + body ──act──▶ request ──▶ API server ──▶ answer ──▶ Outcome (Record, Conflict, Failed{Reason, own words})
//!                                          │
//!   one task for each kind ◀── watch ──────┘──▶ reduce on arrival ──▶ bounded channel of WatchEvent
//! ```

mod access;
mod act;
mod client;
mod discovery;
mod failure;
mod managed_fields;
mod parent;
mod probe;
mod resource;
mod secret;
mod transport;
mod watch;

#[cfg(test)]
mod fake_server;

pub use access::Access;
pub use client::{
    Audit, ClusterClient, Options, ParentName, Reduce, ReduceResponse, Reducers, WatchScope,
};
pub use muster_model::agent_state::{Parent, Swap};
pub use watch::WatchEvent;
