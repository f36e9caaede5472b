//! The closed schema of what a cluster says of itself. Names, ids, counts, reasons, times and our own messages; nothing
//! an API server wrote, and no secret's digest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ClusterName, Digest, Health, Problem, Revision, SyncState};

use crate::release;

/// Longest message that is published, in bytes.
pub const MAX_MESSAGE: usize = 256;
/// Most problems listed for one Application; further ones are counted.
pub const MAX_PROBLEMS: usize = 20;

/// `status.json` of one cluster. Agents of one fleet are not upgraded in one moment: what a newer one says beside this is
/// passed over here, and goes on with the bytes that it signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// `muster.dev/v1alpha1`.
    pub api_version: String,
    /// `ClusterStatus`.
    pub kind: String,
    /// The fleet's name.
    pub fleet: String,
    /// The cluster that speaks.
    pub cluster: ClusterName,
    /// Grows with every push, heartbeats included.
    pub sequence: u64,
    /// When this was written, by the cluster's clock.
    pub time: Timestamp,
    /// Version of the agent.
    pub agent: String,
    /// The public key that signs, OpenSSH format.
    pub key: String,
    /// Seconds within which the next status comes at the latest.
    pub heartbeat_seconds: u32,
    /// What the cluster is doing as a whole.
    pub state: ClusterState,
    /// The newest hub commit that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<Revision>,
    /// The newest `spec.serial` that was accepted; 0 when the fleet file never had one.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub serial: u64,
    /// Applications, by `project/name`.
    pub applications: BTreeMap<String, ApplicationStatus>,
    /// Problems of the cluster as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// What a cluster is doing as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClusterState {
    /// It follows Git.
    Active,
    /// It is suspended by commit.
    Suspended,
    /// It is leaving.
    Leaving,
    /// It has left.
    Left,
    /// The fleet file does not name it.
    Unassigned,
    /// It has not yet seen a fleet file.
    Starting,
}

/// One Application on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// The ApplicationSet it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// The release that every object was applied at; absent until one was (S2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<release::Release>,
    /// The release the cluster works towards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<release::Release>,
    /// Whether the cluster has what Git says.
    pub sync: SyncState,
    /// How it is doing.
    pub health: Health,
    /// When sync, health, release or problems last changed.
    pub since: Timestamp,
    /// Objects rendered.
    pub objects: u32,
    /// Objects in sync.
    pub in_sync: u32,
    /// Objects healed since the agent started.
    pub healed: u64,
    /// The digest to approve, when deletions wait for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_deletions: Option<PendingDeletions>,
    /// What is wrong or waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// Problems beyond [`MAX_PROBLEMS`].
    #[serde(default)]
    pub more_problems: u32,
}

/// Deletions that wait for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingDeletions {
    /// How many objects.
    pub count: u32,
    /// Digest of their sorted ids.
    pub digest: Digest,
    /// The release before: the commit at which they were still rendered.
    pub before: Option<crate::CommitId>,
    /// Their ids, the first 50.
    pub objects: Vec<String>,
}

impl PendingDeletions {
    /// How many wait, as a subject and its verb.
    #[must_use]
    pub fn waiting(&self) -> String {
        match self.count {
            1 => "1 deletion waits".to_owned(),
            count => format!("{count} deletions wait"),
        }
    }
}

/// Cuts a message to [`MAX_MESSAGE`] bytes at a character's edge.
#[must_use]
pub fn clip(message: &str) -> String {
    let visible = crate::problem::visible(message);
    if visible.len() <= MAX_MESSAGE {
        return visible;
    }
    let end = (0..=MAX_MESSAGE - 3)
        .rev()
        .find(|&i| visible.is_char_boundary(i))
        .unwrap_or(0);
    format!("{}…", &visible[..end])
}
