//! A directory of a Git tree in, Kubernetes objects out: kustomize, without Go.
//!
//! Owns everything between a [`Tree`](muster_model::Tree) and rendered objects: the kustomization file, bases and
//! components, generators, transformers, strategic merge, references by name, the order of the output; and plain
//! directories of manifests. For what it accepts, its output is byte for byte that of `kustomize build` 5.8.1.
//! Must not touch the network, run anything, follow links, or read outside of the tree: what would need that is refused
//! by name. Must not look at a clock, the environment or a file system.
//!
//! ```text
//!   Tree ──Session──▶ Kustomization ──Target::accumulate──▶ Accumulator {objects, fields, vars}
//!    (inputs, budgets)      │  ▲ bases, components                │
//!                           ▼  │                                  ▼
//!                       generators, patches, transformers   hashes ▸ references ▸ vars ▸ order ──▶ Built ──checks──▶ Rendered
//! ```

mod bookkeeping;
mod build;
mod config;
mod crds;
mod explain;
mod failure;
mod field_spec;
mod generate;
mod id;
mod inputs;
mod json_patch;
mod kustomization;
mod label_selector;
mod merge;
mod options;
mod origin;
mod parse;
mod path;
mod pattern;
mod plugin;
mod record;
mod remote;
mod render;
mod rendered;
mod resmap;
mod resource;
mod scalars;
mod scopes;
mod selector;
mod session;
mod shared;
mod target;
mod transform;
mod transformer;

pub use build::{Built, build};
pub use explain::{Explained, Field, explain};
pub use failure::Failure;
pub use inputs::is_current;
pub use merge::{Direction, Inference, strategic_merge, strategic_merge_texts};
pub use options::{AboveRoot, Cache, LoadRestrictor, MergeKeys, Options, Reorder};
pub use remote::is_remote;
pub use render::{
    Directory, KustomizeSource, LabelScope, Recurse, SourceOptions, explain_source, render,
};
pub use rendered::Rendered;
