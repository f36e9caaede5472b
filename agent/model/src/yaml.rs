//! YAML as Kubernetes' tools read and print it: go-yaml's typing, duplicate keys refused, `<<` expanded, budgets kept.
//!
//! ```text
//!   bytes ──text──▶ str ──scan──▶ tokens ──parse──▶ build ──▶ Node ──write──▶ text of `kustomize build`
//!                                            resolve, timestamp ◀──┘     order, style
//! ```

mod build;
mod error;
mod merge;
mod order;
mod parse;
mod read;
mod reprint;
mod resolve;
mod scalar;
mod scan;
mod style;
mod text;
mod timestamp;
mod token;
mod write;

pub use error::YamlError;
pub use read::{read, read_kustomization, read_resources};
pub use write::{to_string, write, write_documents};
