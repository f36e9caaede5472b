//! The one way to read a repository: entries by path, blobs by id. Nothing is checked out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::RepoPath;
use crate::digest::{hex, unhex};

/// The id of a Git object: 20 bytes (SHA-1) or 32 (SHA-256), printed in hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobId(Box<[u8]>);

/// The id of a tree; of the same shape as a blob's.
pub type TreeId = BlobId;

impl BlobId {
    /// Wraps the raw bytes of an id.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for BlobId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match unhex(&text) {
            Some(bytes) if matches!(bytes.len(), 20 | 32) => Ok(Self(bytes.into())),
            _ => Err(format!("{text:?} is not an object id")),
        }
    }
}

impl From<BlobId> for String {
    fn from(id: BlobId) -> Self {
        id.to_string()
    }
}

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A directory.
    Tree,
    /// A file.
    Blob,
    /// A symbolic link; never followed.
    Symlink,
    /// A gitlink (submodule); never followed.
    Submodule,
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// File, directory, link or submodule.
    pub kind: EntryKind,
    /// The id of what it names.
    pub id: BlobId,
}

/// Why a tree could not be read. Expected outcomes (no such path) are values, not errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The object is not here yet; the shell fetches it and the decision runs again.
    #[error("object {0} is not fetched yet")]
    NotFetched(BlobId),
    /// The tree breaks Git's own rules (`..`, duplicate or unsorted entries, unknown mode).
    #[error("malformed tree: {0}")]
    Malformed(String),
    /// The object is larger than the budget, in bytes.
    #[error("{path} has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Where it lies.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The store is broken, or the file system refused.
    #[error("cannot read {what}: {why}")]
    Unreadable {
        /// What was being read.
        what: String,
        /// The reason, safe to show.
        why: String,
    },
}

/// A snapshot of a repository at one commit, or a directory that stands for one.
pub trait Tree {
    /// What lies at `path`; `None` when nothing does. The root is always a [`EntryKind::Tree`].
    ///
    /// # Errors
    /// When the tree cannot be read, or is malformed on the way there.
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError>;

    /// What kind of thing lies at `path`, for a tree to which ids are dear: a directory on disk has to read everything
    /// below to tell its own.
    ///
    /// # Errors
    /// When the tree cannot be read, or is malformed on the way there.
    fn kind(&self, path: &RepoPath) -> Result<Option<EntryKind>, TreeError> {
        Ok(self.entry(path)?.map(|entry| entry.kind))
    }

    /// The entries of the directory `path`, sorted by name in byte order; empty when there is no such directory.
    ///
    /// # Errors
    /// When the tree cannot be read or is malformed.
    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError>;

    /// The bytes of a blob.
    ///
    /// # Errors
    /// When it is not fetched, too large or unreadable.
    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError>;
}

impl<T: Tree + ?Sized> Tree for Arc<T> {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        (**self).entry(path)
    }
    fn kind(&self, path: &RepoPath) -> Result<Option<EntryKind>, TreeError> {
        (**self).kind(path)
    }
    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        (**self).list(path)
    }
    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        (**self).blob(id)
    }
}

/// A tree held in memory; ids are SHA-256 of the content, so that equal content has equal ids.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    files: BTreeMap<RepoPath, (EntryKind, BlobId)>,
    blobs: BTreeMap<BlobId, Arc<[u8]>>,
}

impl MemoryTree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file at `path`, replacing what was there.
    pub fn insert(&mut self, path: RepoPath, bytes: impl Into<Arc<[u8]>>) {
        self.put(path, EntryKind::Blob, bytes.into());
    }

    /// Puts a symbolic link at `path`.
    pub fn insert_symlink(&mut self, path: RepoPath, target: &str) {
        self.put(path, EntryKind::Symlink, target.as_bytes().into());
    }

    /// Takes the file at `path` away; true when there was one.
    pub fn remove(&mut self, path: &RepoPath) -> bool {
        self.files.remove(path).is_some()
    }

    /// Builds a tree from paths and texts.
    ///
    /// # Panics
    /// When a path is not one; for tests and examples.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut tree = Self::new();
        for (path, text) in files {
            tree.insert(
                RepoPath::new(path).expect("because examples use plain paths"),
                text.as_bytes(),
            );
        }
        tree
    }

    fn put(&mut self, path: RepoPath, kind: EntryKind, bytes: Arc<[u8]>) {
        let id = BlobId::from_bytes(&Sha256::digest(&bytes));
        self.blobs.insert(id.clone(), bytes);
        self.files.insert(path, (kind, id));
    }

    fn below<'a>(
        &'a self,
        dir: &'a RepoPath,
    ) -> impl Iterator<Item = (&'a RepoPath, &'a (EntryKind, BlobId))> {
        self.files
            .range(dir.clone()..)
            .filter(move |(p, _)| p.is_within(dir) && *p != dir)
            .take_while(move |(p, _)| dir.is_root() || p.as_str().starts_with(dir.as_str()))
    }

    fn tree_id(&self, dir: &RepoPath) -> Option<BlobId> {
        let mut hasher = Sha256::new();
        let mut any = dir.is_root();
        for (path, (_, id)) in self.below(dir) {
            any = true;
            hasher.update(path.as_str().as_bytes());
            hasher.update([0]);
            hasher.update(id.as_bytes());
        }
        any.then(|| BlobId::from_bytes(&hasher.finalize()))
    }
}

impl Tree for MemoryTree {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        if let Some((kind, id)) = self.files.get(path) {
            return Ok(Some(Entry {
                kind: *kind,
                id: id.clone(),
            }));
        }
        Ok(self.tree_id(path).map(|id| Entry {
            kind: EntryKind::Tree,
            id,
        }))
    }

    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        let skip = if path.is_root() {
            0
        } else {
            path.as_str().len() + 1
        };
        let mut names: BTreeMap<String, Entry> = BTreeMap::new();
        for (file, _) in self.below(path) {
            let name = file.as_str()[skip..].split('/').next().unwrap_or_default();
            if !names.contains_key(name)
                && let Some(entry) = self.entry(&path.child(name))?
            {
                names.insert(name.to_owned(), entry);
            }
        }
        Ok(names.into_iter().collect())
    }

    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        self.blobs
            .get(id)
            .cloned()
            .ok_or_else(|| TreeError::NotFetched(id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("plain")
    }

    #[test]
    fn lists_files_and_directories() {
        let tree = MemoryTree::of([("a/x.yaml", "1"), ("a/b/y.yaml", "2"), ("ab.yaml", "3")]);
        let names: Vec<_> = tree
            .list(&path("a"))
            .expect("memory")
            .into_iter()
            .map(|(n, e)| (n, e.kind))
            .collect();
        assert_eq!(
            names,
            [
                ("b".to_owned(), EntryKind::Tree),
                ("x.yaml".to_owned(), EntryKind::Blob)
            ]
        );
        assert!(tree.entry(&path("a/z")).expect("memory").is_none());
    }

    #[test]
    fn a_directory_id_follows_its_content() {
        let one = MemoryTree::of([("a/x", "1"), ("b/x", "1")]);
        let two = MemoryTree::of([("a/x", "1"), ("b/x", "2")]);
        assert_eq!(one.entry(&path("a")), two.entry(&path("a")));
        assert_ne!(one.entry(&path("b")), two.entry(&path("b")));
    }
}
