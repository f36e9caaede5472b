//! How a build is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use muster_model::{BlobId, Budgets, Node};

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
    /// Limits on what is read and made.
    pub budgets: Budgets,
    /// Merge keys of strategic merge patches.
    pub merge_keys: MergeKeys,
    /// Adds kustomize's label to every object, as `buildMetadata: [managedByLabel]` does.
    pub managed_by_label: bool,
    /// Files parsed by earlier builds, shared between builds.
    pub cache: Option<Arc<Cache>>,
}

/// Parsed files by blob id and by what they were read as. A blob never changes, so an entry never does.
#[derive(Debug, Default)]
pub struct Cache {
    documents: Mutex<Documents>,
}

type Documents = BTreeMap<(BlobId, Reading), Arc<[Node]>>;

impl Cache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of files in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// True when no file is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything; the owner calls it when the memory is needed.
    pub fn clear(&self) {
        self.documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    pub(crate) fn get(&self, id: &BlobId, reading: Reading) -> Option<Arc<[Node]>> {
        self.documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(id.clone(), reading))
            .cloned()
    }

    pub(crate) fn put(&self, id: BlobId, reading: Reading, documents: &Arc<[Node]>) {
        self.documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((id, reading), Arc::clone(documents));
    }
}
