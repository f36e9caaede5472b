//! The vocabulary every other crate speaks: names, revisions, nodes, trees, objects, reasons, statuses.
//!
//! Owns the types that cross a crate's edge, the YAML and JSON readers and writers, and the budgets.
//! Must not decide anything, and must not touch a clock, the environment, a file or the network.
//!
//! ```text
//!   bytes of a blob ──yaml──▶ Node ──Manifest──▶ ObjectId + Node ──json──▶ bytes for the API server
//!        ▲                     │ Span                                        │
//!      Tree (Git, directory, memory)                          Record (what the watch keeps of a live object)
//! ```

pub mod account;
pub mod agent_state;
pub mod budgets;
pub mod digest;
pub mod effect;
mod float;
pub mod health;
pub mod json;
pub mod kinds;
pub mod live;
pub mod manifest;
pub mod marks;
pub mod names;
pub mod node;
pub mod object;
pub mod observed;
pub mod path;
pub mod problem;
pub mod reason;
pub mod release;
pub mod status;
pub mod tree;
pub mod yaml;

pub use account::ServiceAccount;
pub use budgets::Budgets;
pub use digest::Digest;
pub use health::{Health, SyncState};
pub use manifest::Manifest;
pub use names::{ApplicationKey, ClusterName};
pub use node::{Map, Node, Number, Span, Value};
pub use object::{GroupKind, Gvk, ObjectId};
pub use path::RepoPath;
pub use problem::{Location, Problem};
pub use reason::Reason;
pub use release::{CommitId, Revision};
pub use tree::{BlobId, MemoryTree, Tree};

/// True for what need not be written, because a reader takes a field that is not there for the same.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
