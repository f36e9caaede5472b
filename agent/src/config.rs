//! What the owner task is told once, at the start.

use std::collections::BTreeSet;
use std::time::Duration;

use muster_model::{ClusterName, RepoPath};

/// The configuration of one agent.
#[derive(Debug, Clone)]
pub struct Config {
    /// This cluster's name in the fleet file.
    pub cluster: ClusterName,
    /// URL of the hub repository.
    pub hub: String,
    /// Branch, tag or commit of the hub repository.
    pub revision: String,
    /// Path of the fleet file.
    pub fleet_file: RepoPath,
    /// Namespace of the agent.
    pub namespace: String,
    /// The namespaces to look after; all when not said.
    pub namespaces: Option<BTreeSet<String>>,
    /// How often every object is compared by value; never when not said.
    pub audit: Option<Duration>,
    /// Time between polls.
    pub poll: Duration,
    /// Requests to the API server that may be under way at once.
    pub concurrency: usize,
}

/// Name of the ApplySet parent and of the agent's other objects.
pub const AGENT_NAME: &str = "muster";
/// Name of the Secret with the signing key's seed and the key for Secrets' digests.
pub const KEY_SECRET: &str = "muster-key";
