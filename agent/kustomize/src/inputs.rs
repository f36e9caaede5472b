//! What a result was made from: paths with the ids that lay there.

use muster_model::{BlobId, RepoPath, Tree};

/// The id of what is not there.
pub(crate) fn absent() -> BlobId {
    BlobId::from_bytes(&[])
}

/// True when a tree has the same under every path, so that a build of it gives the same result. Nothing is parsed, and
/// no blob is read.
#[must_use]
pub fn is_current(inputs: &[(RepoPath, BlobId)], tree: &dyn Tree) -> bool {
    inputs.iter().all(|(path, id)| match tree.entry(path) {
        Ok(Some(entry)) => entry.id == *id,
        Ok(None) => *id == absent(),
        Err(_) => false,
    })
}
