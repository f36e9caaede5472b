//! How much a repository may cost.

/// Bounds on what is fetched and kept (HAZARDS.md T-30 to T-33).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one answer with a pack. 1 GiB: twice the largest repository of manifests seen, history included.
    pub pack_bytes: u64,
    /// Bytes of the history's commits, without trees and files. 128 MiB: about 400,000 commits. Beyond it the history is
    /// not fetched, and ancestry is unknown for commits that are not new.
    pub history_bytes: u64,
    /// Objects of one pack. 5,000,000, at about 100 bytes of memory each while it is indexed.
    pub objects: u32,
    /// Bytes of any one object while a pack is indexed, as it must be held in memory. 64 MiB.
    pub object_bytes: usize,
    /// Bytes of one file that is read; the default of [`muster_model::Budgets::file_bytes`].
    pub blob_bytes: u64,
    /// Commits looked at to find one commit among the ancestors of another. 1,000,000.
    pub walk: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pack_bytes: 1 << 30,
            history_bytes: 128 << 20,
            objects: 5_000_000,
            object_bytes: 64 << 20,
            blob_bytes: muster_model::Budgets::default().file_bytes,
            walk: 1_000_000,
        }
    }
}
