//! What Git says at one moment: the hub commit, and the commits its Applications' sources resolved to.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::{Problem, Revision, Tree};

/// A commit's tree, shared between tasks.
pub type Snapshot = Arc<dyn Tree + Send + Sync>;

/// A repository, by the URL it is fetched from, and a ref of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceRef {
    /// URL it is fetched from: the mirror where there is one, the hub's own for `self: true`.
    pub repository: String,
    /// Branch, tag or commit.
    pub name: String,
}

/// What a ref resolved to.
#[derive(Clone)]
pub enum SourceState {
    /// A commit and its tree.
    At(Revision, Snapshot),
    /// Nothing, and why.
    Failed(Problem),
}

/// One consistent view of Git: each ref resolved once (P3).
#[derive(Clone)]
pub struct Commits {
    /// URL the hub repository is fetched from.
    pub hub_repository: String,
    /// The hub commit.
    pub hub: Revision,
    /// Its tree.
    pub hub_tree: Snapshot,
    /// Everything else that was resolved.
    pub sources: BTreeMap<SourceRef, SourceState>,
}

impl Commits {
    /// The hub commit, nothing else resolved yet.
    #[must_use]
    pub fn of_hub(hub_repository: &str, hub: Revision, hub_tree: Snapshot) -> Self {
        let itself = SourceRef {
            repository: hub_repository.to_owned(),
            name: hub.name.clone(),
        };
        let state = SourceState::At(hub.clone(), Arc::clone(&hub_tree));
        Self {
            hub_repository: hub_repository.to_owned(),
            hub,
            hub_tree,
            sources: BTreeMap::from([(itself, state)]),
        }
    }
}
