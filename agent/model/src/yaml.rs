//! YAML as Kubernetes' tools read and print it: go-yaml's typing, duplicate keys refused, `<<` expanded, budgets kept.

mod read;
mod scalar;

pub use read::{YamlError, read};
