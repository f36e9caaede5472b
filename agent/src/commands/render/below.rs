//! A directory of a commit as a tree of its own.

use std::sync::Arc;

use muster_model::tree::{Entry, TreeError};
use muster_model::{BlobId, RepoPath, Tree};

/// Only what lies below a directory.
pub(super) struct Below<'t> {
    tree: &'t dyn Tree,
    root: RepoPath,
}

impl<'t> Below<'t> {
    /// The part of a tree below `root`.
    pub(super) fn new(tree: &'t dyn Tree, root: RepoPath) -> Self {
        Self { tree, root }
    }

    fn whole(&self, path: &RepoPath) -> Result<RepoPath, TreeError> {
        self.root
            .join(path.as_str())
            .map_err(|error| TreeError::Malformed(error.to_string()))
    }
}

impl Tree for Below<'_> {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(&self.whole(path)?)
    }

    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.tree.list(&self.whole(path)?)
    }

    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        self.tree.blob(id)
    }
}
