//! How a build is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_model::path::PathError;
use muster_model::{BlobId, Budgets, Node, RepoPath};

use crate::session::Reading;

/// The order of the objects in the output, where the kustomization has no `sortOptions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reorder {
    /// As loaded.
    None,
    /// kustomize's default: Namespaces and CRDs first, webhooks last.
    #[default]
    Legacy,
}

/// Which files a kustomization may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadRestrictor {
    /// Files in or below its own directory; other directories only as bases.
    #[default]
    RootOnly,
    /// Any file of the tree.
    None,
}

/// What `..` means at the root of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AboveRoot {
    /// The path leaves the tree, and is refused.
    #[default]
    Refused,
    /// The root again, as at the root of a file system.
    Root,
}

/// Which Kubernetes' merge keys strategic merge patches use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeKeys {
    /// Those kustomize 5.8.1 carries (Kubernetes 1.21.2): the output is byte for byte kustomize's.
    #[default]
    Kustomize,
    /// Those of Kubernetes 1.37 for kinds and fields that kustomize does not know, else kustomize's.
    Kubernetes137,
}

/// How a build is done. The defaults are those of `kustomize build`.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Order of the output.
    pub reorder: Reorder,
    /// Which files may be named.
    pub load_restrictor: LoadRestrictor,
    /// What lies above the root of the tree.
    pub above_root: AboveRoot,
    /// Limits on what is read and made.
    pub budgets: Budgets,
    /// Merge keys of strategic merge patches.
    pub merge_keys: MergeKeys,
    /// Adds kustomize's label to every object, as `buildMetadata: [managedByLabel]` does.
    pub managed_by_label: bool,
    /// Files parsed by earlier builds, shared between builds.
    pub cache: Option<Arc<Cache>>,
}

impl Options {
    /// Resolves a path that a kustomization in `dir` names.
    pub(crate) fn join(&self, dir: &RepoPath, text: &str) -> Result<RepoPath, PathError> {
        match self.above_root {
            AboveRoot::Refused => dir.join(text),
            AboveRoot::Root => dir.join_at_top(text),
        }
    }
}

/// Parsed files by blob id and by what they were read as. A blob never changes, so an entry never does.
///
/// Of a bounded cache the files that were used last stay: those that many overlays share, while those of one overlay
/// come and go.
#[derive(Debug, Default)]
pub struct Cache {
    documents: Mutex<Documents>,
    /// Files after which those that were not used in the meantime are forgotten.
    limit: Option<usize>,
}

type Parsed = BTreeMap<(BlobId, Reading), Arc<[Node]>>;

#[derive(Debug, Default)]
struct Documents {
    /// Used since the last turn.
    young: Parsed,
    /// Used before it.
    old: Parsed,
}

impl Documents {
    fn get(&mut self, key: &(BlobId, Reading), limit: Option<usize>) -> Option<Arc<[Node]>> {
        if let Some(found) = self.young.get(key) {
            return Some(Arc::clone(found));
        }
        let (key, found) = self.old.remove_entry(key)?;
        self.put(key, Arc::clone(&found), limit);
        Some(found)
    }

    fn put(&mut self, key: (BlobId, Reading), documents: Arc<[Node]>, limit: Option<usize>) {
        self.young.insert(key, documents);
        if limit.is_some_and(|limit| self.young.len() >= limit) {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

impl Cache {
    /// An empty cache that keeps everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty cache that keeps the `files` that were used last, and at most twice as many.
    #[must_use]
    pub fn bounded(files: usize) -> Self {
        Self {
            limit: Some(files),
            ..Self::default()
        }
    }

    /// Number of files in it.
    #[must_use]
    pub fn len(&self) -> usize {
        let documents = self.locked();
        documents.young.len() + documents.old.len()
    }

    /// True when no file is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything; the owner calls it when the memory is needed.
    pub fn clear(&self) {
        *self.locked() = Documents::default();
    }

    pub(crate) fn get(&self, id: &BlobId, reading: Reading) -> Option<Arc<[Node]>> {
        self.locked().get(&(id.clone(), reading), self.limit)
    }

    pub(crate) fn put(&self, id: BlobId, reading: Reading, documents: &Arc<[Node]>) {
        self.locked()
            .put((id, reading), Arc::clone(documents), self.limit);
    }

    fn locked(&self) -> MutexGuard<'_, Documents> {
        self.documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
