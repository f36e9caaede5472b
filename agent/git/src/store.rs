//! A bare object store of our own in one directory: filled by fetches, read by snapshots, rebuilt when damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::ObjectId;
use gix::refs::transaction::{Change, PreviousValue, RefEdit, RefLog};
use muster_model::CommitId;

use crate::commit::Commit;
use crate::error::GitError;
use crate::limits::Limits;
use crate::objects::{Objects, of_blob, of_commit, to_commit};
use crate::ref_name::RefName;
use crate::snapshot::Snapshot;

/// The entry of the directory given that is ours, and may be removed.
const NAME: &str = "store.git";
/// Where the commits are marked whose trees are all here.
const COMPLETE: &str = "refs/muster/complete/";
/// Where the caller's pins are.
const PINS: &str = "refs/muster/pins/";

/// An object store without work tree, configuration or hooks of anybody else.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) objects: Arc<Objects>,
    /// Trees that are here with everything below them, as far as this was looked at since the start.
    pub(crate) verified: BTreeSet<ObjectId>,
    /// The commits asked for last without their history, all of whose files are here.
    pub(crate) shallow: BTreeSet<ObjectId>,
}

impl Store {
    /// Opens the store below `directory`, or creates it; one that cannot be opened is built anew. Nothing in `directory`
    /// but its entry `store.git` is touched.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn open_or_create(directory: impl AsRef<Path>, limits: Limits) -> Result<Self, GitError> {
        let path = directory.as_ref().join(NAME);
        if path.join("HEAD").exists() {
            sweep(&path)?;
            match Objects::open(&path, limits.blob_bytes) {
                Ok(objects) => return Ok(Self::with(path, limits, objects)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "the store is built anew");
                }
            }
        }
        create(&path)?;
        let objects = Objects::open(&path, limits.blob_bytes)?;
        Ok(Self::with(path, limits, objects))
    }

    /// Throws everything away; the next fetch brings it back (HAZARDS.md T-12, L5). Snapshots taken before find their
    /// objects not fetched.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn reset(&mut self) -> Result<(), GitError> {
        self.verified.clear();
        self.shallow.clear();
        self.objects.replace(&self.path, || create(&self.path))
    }

    /// True once an object read from here, by the store or a snapshot, was damaged: time for [`Store::reset`].
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.objects.is_damaged()
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files of a commit that is here.
    ///
    /// # Errors
    /// When the commit is not here or is damaged.
    pub fn snapshot(&self, commit_id: &CommitId) -> Result<Snapshot, GitError> {
        snapshot(&self.objects, commit_id)
    }

    /// A commit that is here.
    ///
    /// # Errors
    /// When it is not here or is damaged.
    pub fn commit(&self, commit_id: &CommitId) -> Result<Commit, GitError> {
        commit(&self.objects, commit_id)
    }

    /// Up to `most` commits from `from` back along first parents; ends where the history that is here ends.
    ///
    /// # Errors
    /// When `from` is not here, or a commit is damaged.
    pub fn log(&self, from: &CommitId, most: usize) -> Result<Vec<Commit>, GitError> {
        log(&self.objects, from, most)
    }

    /// Keeps a commit, with the files it was read with, for as long as the name stands.
    ///
    /// # Errors
    /// When the name is no part of a ref's name, or the file system refuses.
    pub fn pin(&self, name: &str, commit_id: &CommitId) -> Result<(), GitError> {
        self.set_ref(
            &RefName::new(format!("{PINS}{name}"))?,
            of_commit(commit_id)?,
        )
    }

    /// Takes a pin away; one that is not there is no error.
    ///
    /// # Errors
    /// When the name is no part of a ref's name, or the file system refuses.
    pub fn unpin(&self, name: &str) -> Result<(), GitError> {
        self.delete_ref(&RefName::new(format!("{PINS}{name}"))?)
    }

    /// The pins by name.
    ///
    /// # Errors
    /// When the refs cannot be read.
    pub fn pins(&self) -> Result<BTreeMap<String, CommitId>, GitError> {
        let refs = self.refs_below(PINS)?;
        Ok(refs
            .into_iter()
            .map(|(name, id)| (name, to_commit(id)))
            .collect())
    }

    /// The commits whose trees are all here.
    pub(crate) fn complete(&self) -> Result<Vec<ObjectId>, GitError> {
        Ok(self.refs_below(COMPLETE)?.into_values().collect())
    }

    /// True when all trees of the commit are here.
    pub(crate) fn is_complete(&self, id: ObjectId) -> bool {
        let name = format!("{COMPLETE}{id}");
        let repository = self.objects.repository();
        repository
            .try_find_reference(name.as_str())
            .is_ok_and(|found| found.is_some())
            && repository.has_object(id)
    }

    /// Notes that all trees of the commit are here.
    pub(crate) fn mark_complete(&self, id: ObjectId) -> Result<(), GitError> {
        self.set_ref(&RefName::new(format!("{COMPLETE}{id}"))?, id)
    }

    /// Forgets that note.
    pub(crate) fn unmark_complete(&self, id: ObjectId) -> Result<(), GitError> {
        self.delete_ref(&RefName::new(format!("{COMPLETE}{id}"))?)
    }

    /// Where packs are.
    pub(crate) fn pack_directory(&self) -> PathBuf {
        self.path.join("objects").join("pack")
    }

    /// The packs and their sizes.
    pub(crate) fn packs(&self) -> Result<Vec<(PathBuf, u64)>, GitError> {
        let directory = self.pack_directory();
        let failed =
            |error: io::Error| GitError::io(format!("list {}", directory.display()), &error);
        let mut packs = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.path().extension().is_some_and(|e| e == "pack") {
                packs.push((entry.path(), entry.metadata().map_err(failed)?.len()));
            }
        }
        Ok(packs)
    }

    fn with(path: PathBuf, limits: Limits, objects: Objects) -> Self {
        Self {
            path,
            limits,
            objects: Arc::new(objects),
            verified: BTreeSet::new(),
            shallow: BTreeSet::new(),
        }
    }

    fn refs_below(&self, prefix: &str) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let repository = self.objects.repository();
        let damaged = |error: gix::Error| GitError::Corrupt {
            what: format!("its refs: {}", error.probable_cause()),
        };
        let platform = repository.references().map_err(damaged)?;
        let mut found = BTreeMap::new();
        for reference in platform.prefixed(prefix).map_err(damaged)? {
            let reference = reference.map_err(|error| GitError::Corrupt {
                what: format!("its refs: {error}"),
            })?;
            let name = reference.name().as_bstr().to_string();
            if let (Some(short), Some(id)) =
                (name.strip_prefix(prefix), reference.target().try_id())
            {
                found.insert(short.to_owned(), id.to_owned());
            }
        }
        Ok(found)
    }

    fn set_ref(&self, name: &RefName, id: ObjectId) -> Result<(), GitError> {
        let repository = self.objects.repository();
        let written = repository.reference(name.as_str(), id, PreviousValue::Any, "");
        written.map(|_| ()).map_err(|error| ref_error(name, &error))
    }

    fn delete_ref(&self, name: &RefName) -> Result<(), GitError> {
        let repository = self.objects.repository();
        let full = name.as_str().try_into().map_err(|_| GitError::InvalidRef {
            name: name.to_string(),
        })?;
        let edit = RefEdit {
            change: Change::Delete {
                expected: PreviousValue::Any,
                log: RefLog::AndReference,
            },
            name: full,
            deref: false,
        };
        let deleted = repository.edit_reference(edit);
        deleted.map(|_| ()).map_err(|error| ref_error(name, &error))
    }
}

fn ref_error(name: &RefName, error: &gix::Error) -> GitError {
    let full = error.classify().any(|c| {
        c.io_kind()
            .is_some_and(|kind| crate::error::is_full(&io::Error::from(kind)))
    });
    if full {
        return GitError::DiskFull;
    }
    GitError::Io {
        what: format!("write {name} of the local store"),
        why: error.probable_cause().to_string(),
    }
}

pub(crate) fn snapshot(objects: &Arc<Objects>, commit_id: &CommitId) -> Result<Snapshot, GitError> {
    let commit = commit(objects, commit_id)?;
    let root = of_blob(&commit.tree).ok_or_else(|| GitError::Corrupt {
        what: format!("commit {commit_id} has no tree"),
    })?;
    Ok(Snapshot::new(Arc::clone(objects), commit_id.clone(), root))
}

pub(crate) fn commit(objects: &Objects, commit_id: &CommitId) -> Result<Commit, GitError> {
    let what = format!("commit {commit_id}");
    let raw = objects
        .commit(of_commit(commit_id)?)
        .map_err(|error| error.of(&what))?;
    Commit::parse(commit_id.clone(), raw).map_err(|why| GitError::Corrupt {
        what: format!("{what} {why}"),
    })
}

pub(crate) fn log(
    objects: &Objects,
    from: &CommitId,
    most: usize,
) -> Result<Vec<Commit>, GitError> {
    let mut commits = Vec::new();
    let mut next = (most > 0).then(|| from.clone());
    while let Some(id) = next {
        let found = match commit(objects, &id) {
            Err(GitError::Missing { .. }) if !commits.is_empty() => break,
            found => found?,
        };
        next = found.parents.first().cloned();
        commits.push(found);
        if commits.len() >= most {
            break;
        }
    }
    Ok(commits)
}

fn create(path: &Path) -> Result<(), GitError> {
    remove(path)?;
    fs::create_dir_all(path)
        .map_err(|error| GitError::io(format!("create {}", path.display()), &error))?;
    let created = gix::ThreadSafeRepository::init_opts(
        path,
        gix::create::Kind::Bare,
        gix::create::Options::default(),
        gix::open::Options::isolated(),
    );
    created.map(|_| ()).map_err(|error| GitError::Io {
        what: format!("create a store in {}", path.display()),
        why: error.probable_cause().to_string(),
    })
}

fn remove(path: &Path) -> Result<(), GitError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(GitError::io(format!("remove {}", path.display()), &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes what a fetch that was killed left behind: temporary packs and `.keep` files.
fn sweep(path: &Path) -> Result<(), GitError> {
    let directory = path.join("objects").join("pack");
    let Ok(entries) = fs::read_dir(&directory) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let file = entry.path();
        let known = file.extension().is_some_and(|e| e == "pack" || e == "idx")
            && file
                .file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with("pack-"));
        if !known {
            fs::remove_file(&file)
                .map_err(|error| GitError::io(format!("remove {}", file.display()), &error))?;
        }
    }
    Ok(())
}
