//! What an agent must remember across restarts; lives in the ApplySet parent, compare-and-swapped.

mod stored;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::effect::Propagation;
use crate::observed::ParentScope;
use crate::{ApplicationKey, CommitId, ObjectId, ServiceAccount, release::Release};

/// Most bytes of the state as JSON: a quarter of what a ConfigMap holds.
pub const MAX_BYTES: usize = 256 << 10;
/// The version this code writes.
pub const VERSION: u32 = 1;

/// Versioned and closed; lost, it is rebuilt from the cluster and the own status ref.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "stored::Stored", into = "stored::Stored")]
pub struct AgentState {
    /// [`VERSION`].
    pub version: u32,
    /// Grows with every agent that takes over: the moment of it in milliseconds since 1970, or one more than the epoch
    /// before. An agent that finds a higher one than its own stops.
    pub epoch: u64,
    /// No agent before the present one published a status with a higher sequence number; it publishes above it.
    pub sequence: u64,
    /// Newest accepted commit of each ref, `<repository> <ref>` → commit; never goes back.
    pub accepted: BTreeMap<String, CommitId>,
    /// `spec.serial` of the newest accepted fleet file.
    pub serial: u64,
    /// What is enforced, by `project/name`.
    pub enforced: BTreeMap<String, Enforced>,
    /// Jobs seen complete: object → digest of the content they ran.
    pub completed_jobs: BTreeMap<String, String>,
    /// Renders that failed inside: inputs digest → times.
    pub quarantined: BTreeMap<String, u32>,
    /// True once the cluster has left.
    pub left: bool,
}

/// The release in force of one Application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforced {
    /// The release being enforced.
    pub release: Release,
    /// The last release at which every object was applied.
    pub applied: Option<Release>,
    /// What the last fully applied release had that the present one lacks, not yet deleted: the ledger the brake counts.
    pub leaving: BTreeSet<ObjectId>,
    /// Deletions done since `before`, counted by the brake.
    pub deleted: u32,
    /// How many objects of it were live when the release came in force.
    pub total: u32,
    /// How many objects the release has.
    pub size: u32,
    /// How many objects `before` had, live or not.
    pub size_before: u32,
    /// How its objects end once Git no longer names it.
    pub ending: Ending,
    /// The hub commit of the release before, from which deletions are counted; its own when none is remembered.
    pub before: Option<CommitId>,
    /// A newer release, brought in while the cluster is not fully seen: nothing is deleted for it yet, and until then
    /// deletions are counted by `release`.
    pub taken: Option<Release>,
}

impl Enforced {
    /// The newest release that objects may be of: what holds while Git cannot be read (HAZARDS.md P4).
    #[must_use]
    pub fn newest(&self) -> &Release {
        self.taken.as_ref().unwrap_or(&self.release)
    }
}

/// How the objects of an Application end once Git no longer names it, as Git said while it did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Ending {
    /// They go on running (`preserveResourcesOnDeletion`, `Delete=false`, an Application without Argo CD's finalizer).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preserve: bool,
    /// Each deletion waits for an approval (`Delete=confirm`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirm: bool,
    /// `PrunePropagationPolicy=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// Whom they are deleted as; the agent itself when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<ServiceAccount>,
}

impl AgentState {
    /// The Applications that something is enforced of.
    #[must_use]
    pub fn enforced_keys(&self) -> Vec<ApplicationKey> {
        self.enforced
            .keys()
            .filter_map(|name| name.split_once('/'))
            .map(|(project, name)| ApplicationKey::new(project, name))
            .collect()
    }
}

/// The ApplySet parent as it is stored: what it declares, and what the agent remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parent {
    /// What it declares.
    pub scope: ParentScope,
    /// What the agent remembers.
    pub state: AgentState,
    /// The version to compare with at the next write; empty when it does not exist.
    pub resource_version: String,
}

/// What a compare-and-swap of the parent came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// It is stored; the new version.
    Stored(String),
    /// Somebody else wrote since it was read.
    Lost,
}
