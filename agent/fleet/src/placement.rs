//! Placements: Karmada's policies, evaluated from the commit, without a control plane.
//!
//! `spec.placements` of the fleet file names a directory, whose rendered objects are resource templates, and policies.
//! A template goes nowhere unless a policy places it. What a policy places on one cluster is an Application of its own,
//! so that guardrails, claims, plans, approvals and status are those of any other.
//!
//! ```text
//!   templates ─▶ which policy? ─▶ which clusters, how many replicas? ─▶ Assignment ─on(cluster)─▶ overrides ─▶ Applications
//! ```
//! There is no memory: what Karmada would keep of an earlier division is divided anew with every commit.

mod affinity;
mod assignment;
mod image;
mod overrides;
mod patch;
mod policy;
mod quantity;
mod read;
mod schedule;
mod selector;
mod spread;
mod taint;
#[cfg(test)]
mod tests;
mod webster;
mod workload;

use muster_model::{Location, RepoPath};

use crate::source::Source;
use crate::sync_policy::SyncPolicy;

pub use assignment::{Assignment, Placed, assign};
pub use overrides::OverridePolicy;
pub use policy::{API_VERSION, PropagationPolicy};
pub(crate) use quantity::parse as parse_quantity;
pub(crate) use read::{read_entries, read_policy_files};
pub use taint::{Effect, Taint, Toleration};

/// The project of placements that name none, where no file declares `default`: what it permits is in
/// [`Project::of_placements`](crate::project::Project::of_placements).
pub const PROJECT: &str = "placements";

/// One entry of `spec.placements`.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacementEntry {
    /// Its name; without one, the last part of the source's path.
    pub name: String,
    /// The project its Applications are in.
    pub project: Option<String>,
    /// The namespace of templates that name none.
    pub namespace: String,
    /// Where the templates come from; without a repository, the hub commit itself.
    pub source: Source,
    /// Files of policies, or directories of such files.
    pub policies: Vec<RepoPath>,
    /// When and how what is placed is applied.
    pub sync_policy: SyncPolicy,
    /// Where it stands.
    pub origin: Location,
}

/// The policies of one entry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policies {
    /// Where objects go.
    pub propagation: Vec<PropagationPolicy>,
    /// What is different on some clusters.
    pub overrides: Vec<OverridePolicy>,
}

/// An entry and its policies.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// The entry.
    pub entry: PlacementEntry,
    /// Its policies.
    pub policies: Policies,
}
