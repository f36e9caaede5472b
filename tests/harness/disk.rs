//! A directory on disk as a tree, for tests over data that lies there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_model::tree::{Entry, EntryKind, TreeError};
use muster_model::{BlobId, RepoPath, Tree};

/// A directory on disk. A blob's id is its path, so files are read when they are asked for.
#[derive(Debug, Clone)]
pub struct DiskTree(PathBuf);

impl DiskTree {
    /// The tree below a directory.
    pub fn new(root: impl AsRef<Path>) -> Self {
        Self(root.as_ref().to_owned())
    }
}

impl Tree for DiskTree {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        let Ok(metadata) = std::fs::symlink_metadata(self.0.join(path.as_str())) else {
            return Ok(None);
        };
        let kind = if metadata.is_dir() {
            EntryKind::Tree
        } else if metadata.is_symlink() {
            EntryKind::Symlink
        } else {
            EntryKind::Blob
        };
        Ok(Some(Entry {
            kind,
            id: BlobId::from_bytes(path.as_str().as_bytes()),
        }))
    }

    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.join(path.as_str()))
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        let entries = names
            .into_iter()
            .map(|name| Ok(self.entry(&path.child(&name))?.map(|entry| (name, entry))));
        entries.filter_map(Result::transpose).collect()
    }

    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        let path = String::from_utf8_lossy(id.as_bytes()).into_owned();
        std::fs::read(self.0.join(&path))
            .map(Into::into)
            .map_err(|error| TreeError::Unreadable {
                what: path,
                why: error.to_string(),
            })
    }
}
