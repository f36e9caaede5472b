//! A commit's files, read straight from the object store.

use std::sync::Arc;

use gix::ObjectId;
use muster_model::tree::{Entry, EntryKind, Tree, TreeError, TreeId};
use muster_model::{BlobId, CommitId, RepoPath};

use crate::objects::{Objects, ReadError, of_blob, to_blob};
use crate::tree_entries::Entries;

/// The tree of one commit. Cheap to clone, and usable on any thread.
///
/// Trees are read and checked once; a blob that was not fetched yet answers [`TreeError::NotFetched`].
#[derive(Debug, Clone)]
pub struct Snapshot {
    objects: Arc<Objects>,
    commit_id: CommitId,
    root: ObjectId,
}

/// What has looked at a commit is done with its files: the next look reads what changed.
impl Drop for Snapshot {
    fn drop(&mut self) {
        self.objects.forget_blobs();
    }
}

impl Snapshot {
    pub(crate) fn new(objects: Arc<Objects>, commit_id: CommitId, root: ObjectId) -> Self {
        Self {
            objects,
            commit_id,
            root,
        }
    }

    /// The commit.
    #[must_use]
    pub fn commit_id(&self) -> &CommitId {
        &self.commit_id
    }

    /// Its root tree.
    #[must_use]
    pub fn root(&self) -> TreeId {
        to_blob(self.root)
    }

    /// Every file below `dir`, in byte order of the paths, without reading any.
    ///
    /// # Errors
    /// When a tree cannot be read or is malformed.
    pub fn files(&self, dir: &RepoPath) -> Result<Vec<(RepoPath, Entry)>, TreeError> {
        let mut files = Vec::new();
        let mut left = vec![dir.clone()];
        while let Some(dir) = left.pop() {
            for (name, entry) in self.list(&dir)? {
                let path = dir.child(&name);
                match entry.kind {
                    EntryKind::Tree => left.push(path),
                    EntryKind::Blob | EntryKind::Symlink | EntryKind::Submodule => {
                        files.push((path, entry));
                    }
                }
            }
        }
        files.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(files)
    }

    /// The bytes of the file at `path`; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not fetched.
    pub fn file(&self, path: &RepoPath) -> Result<Option<Arc<[u8]>>, TreeError> {
        match self.entry(path)? {
            Some(Entry {
                kind: EntryKind::Blob,
                id,
            }) => self.blob(&id).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    fn entries(&self, id: ObjectId, path: &RepoPath) -> Result<Arc<Entries>, TreeError> {
        self.objects
            .tree(id)
            .map_err(|error| tree_error(error, id, path))
    }

    /// The entries of the directory `path`; `None` when it is no directory.
    fn directory(&self, path: &RepoPath) -> Result<Option<Arc<Entries>>, TreeError> {
        let mut at = RepoPath::root();
        let mut entries = self.entries(self.root, &at)?;
        for name in path.components() {
            at = at.child(name);
            let id = match entries.get(name) {
                Some(Entry {
                    kind: EntryKind::Tree,
                    id,
                }) => object_id(id)?,
                Some(_) | None => return Ok(None),
            };
            entries = self.entries(id, &at)?;
        }
        Ok(Some(entries))
    }
}

impl Tree for Snapshot {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        let Some(parent) = path.parent() else {
            return Ok(Some(Entry {
                kind: EntryKind::Tree,
                id: self.root(),
            }));
        };
        let entries = self.directory(&parent)?;
        Ok(entries.and_then(|entries| entries.get(path.file_name()).cloned()))
    }

    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        let entries = self.directory(path)?.unwrap_or_default();
        Ok(entries
            .iter()
            .map(|(name, entry)| (name.clone(), entry.clone()))
            .collect())
    }

    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        let object = object_id(id)?;
        self.objects
            .blob(object)
            .map_err(|error| tree_error(error, object, &RepoPath::root()))
    }
}

fn object_id(id: &BlobId) -> Result<ObjectId, TreeError> {
    of_blob(id).ok_or_else(|| TreeError::Unreadable {
        what: format!("object {id}"),
        why: "it is not named by SHA-1".to_owned(),
    })
}

fn tree_error(error: ReadError, id: ObjectId, path: &RepoPath) -> TreeError {
    match error {
        ReadError::Missing => TreeError::NotFetched(to_blob(id)),
        ReadError::TooLarge { size, limit } => TreeError::TooLarge {
            path: format!("object {id}"),
            size,
            limit,
        },
        ReadError::Corrupt(why) => TreeError::Unreadable {
            what: format!("object {id}"),
            why,
        },
        ReadError::Malformed(malformed) => {
            TreeError::Malformed(format!("{malformed} in directory {path}"))
        }
    }
}
