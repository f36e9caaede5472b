//! Whether one commit follows another.

use std::collections::{BTreeSet, BinaryHeap};

use gix::ObjectId;
use muster_model::CommitId;

use crate::commit::tree_and_parents;
use crate::error::GitError;
use crate::objects::{Objects, ReadError, of_commit, to_commit};
use crate::store::Store;

/// Whether a commit is among the ancestors of another, or the other itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ancestry {
    /// It is.
    Yes,
    /// It is not: all of the history was looked at.
    No,
    /// Part of the history is not here, or there is more of it than is looked at.
    Unknown,
}

impl Store {
    /// Whether `old` is an ancestor of `new`, or `new` itself.
    ///
    /// # Errors
    /// When a commit is damaged. One that is missing makes the answer `Unknown`.
    pub fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<Ancestry, GitError> {
        is_ancestor(&self.objects, old, new, self.limits.walk)
    }
}

/// Newest first, so that the usual answer comes after a few commits; times are only an order, never an argument.
pub(crate) fn is_ancestor(
    objects: &Objects,
    old: &CommitId,
    new: &CommitId,
    most: usize,
) -> Result<Ancestry, GitError> {
    let (old, new) = (of_commit(old)?, of_commit(new)?);
    let mut seen: BTreeSet<ObjectId> = BTreeSet::from([new]);
    let mut left: BinaryHeap<(i64, ObjectId)> = BinaryHeap::from([(i64::MAX, new)]);
    let mut gaps = false;
    while let Some((_, id)) = left.pop() {
        if id == old {
            return Ok(Ancestry::Yes);
        }
        let raw = match objects.commit(id) {
            Ok(raw) => raw,
            Err(ReadError::Missing) => {
                gaps = true;
                continue;
            }
            Err(error) => return Err(error.of(&format!("commit {}", to_commit(id)))),
        };
        let (_, parents, time) = tree_and_parents(&raw).map_err(|why| GitError::Corrupt {
            what: format!("commit {id} {why}"),
        })?;
        for parent in parents {
            let parent = of_commit(&parent)?;
            if seen.insert(parent) {
                left.push((time, parent));
            }
        }
        if seen.len() > most {
            return Ok(Ancestry::Unknown);
        }
    }
    Ok(if gaps {
        Ancestry::Unknown
    } else {
        Ancestry::No
    })
}
