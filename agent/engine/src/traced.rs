//! A tree that notes what is seen of it: an answer holds for every commit in which that is the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use muster_model::tree::{Entry, EntryKind, TreeError};
use muster_model::{BlobId, RepoPath, Tree};
use serde::{Deserialize, Serialize};

use crate::each::locked;

/// What an answer was made from, by path.
pub(crate) type Reads = BTreeMap<RepoPath, Seen>;

/// What was seen at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Seen {
    /// Nothing lay there.
    Nothing,
    /// A directory; what is in it was not looked at.
    Directory,
    /// A directory and the names and ids in it.
    Listed(BlobId),
    /// A file, a link or a submodule.
    File(BlobId),
}

impl Seen {
    fn of(entry: Option<&Entry>) -> Self {
        match entry {
            None => Self::Nothing,
            Some(entry) => match entry.kind {
                EntryKind::Tree => Self::Directory,
                EntryKind::Blob | EntryKind::Symlink | EntryKind::Submodule => {
                    Self::File(entry.id.clone())
                }
            },
        }
    }

    fn is(&self, entry: Option<&Entry>) -> bool {
        match (self, entry) {
            (Self::Nothing, None) => true,
            (Self::Directory, Some(entry)) => entry.kind == EntryKind::Tree,
            (Self::Listed(id), Some(entry)) => entry.kind == EntryKind::Tree && entry.id == *id,
            (Self::File(id), Some(entry)) => entry.kind != EntryKind::Tree && entry.id == *id,
            (Self::Nothing, Some(_))
            | (Self::Directory | Self::Listed(_) | Self::File(_), None) => false,
        }
    }
}

/// Notes every path that is asked for.
pub(crate) struct Traced<'a> {
    tree: &'a (dyn Tree + Send + Sync),
    reads: Mutex<Reads>,
}

impl<'a> Traced<'a> {
    pub(crate) fn new(tree: &'a (dyn Tree + Send + Sync)) -> Self {
        Self {
            tree,
            reads: Mutex::default(),
        }
    }

    pub(crate) fn into_reads(self) -> Reads {
        self.reads
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tree for Traced<'_> {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        let entry = self.tree.entry(path)?;
        let seen = Seen::of(entry.as_ref());
        // What was listed stays noted as listed.
        locked(&self.reads).entry(path.clone()).or_insert(seen);
        Ok(entry)
    }

    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        let seen = match self.tree.entry(path)? {
            Some(entry) if entry.kind == EntryKind::Tree => Seen::Listed(entry.id),
            other => Seen::of(other.as_ref()),
        };
        locked(&self.reads).insert(path.clone(), seen);
        self.tree.list(path)
    }

    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        self.tree.blob(id)
    }
}

/// True when everything that was seen is the same in another tree.
pub(crate) fn holds(reads: &Reads, tree: &dyn Tree) -> bool {
    reads
        .iter()
        .all(|(path, seen)| tree.entry(path).is_ok_and(|entry| seen.is(entry.as_ref())))
}

#[cfg(test)]
mod tests {
    use muster_model::MemoryTree;

    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("a path")
    }

    #[test]
    fn an_answer_holds_until_something_it_saw_is_another() {
        let tree = MemoryTree::of([("a/x", "1"), ("a/b/y", "2"), ("c", "3")]);
        let traced = Traced::new(&tree);
        traced.list(&path("a/b")).expect("listed");
        traced.entry(&path("a")).expect("seen");
        traced.entry(&path("a/none")).expect("seen");
        traced.entry(&path("c")).expect("seen");
        let reads = traced.into_reads();
        assert!(holds(&reads, &tree));
        let with = |name: &str| {
            let mut other = tree.clone();
            other.insert(path(name), *b"new");
            holds(&reads, &other)
        };
        assert!(with("a/x") && with("a/other") && with("d"));
        assert!(!with("c") && !with("a/none") && !with("a/b/z"));
    }
}
