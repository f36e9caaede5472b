//! YAML as Kubernetes' tools read and print it: go-yaml's typing, duplicate keys refused, `<<` expanded, budgets kept.

mod order;
mod read;
mod resolve;
mod scalar;
mod style;
mod timestamp;
mod write;

pub use read::{YamlError, read};
pub use write::{to_string, write, write_documents};
