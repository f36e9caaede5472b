//! Reading objects: bounded before they are inflated, and checked against their ids.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gix::ObjectId;
use gix::objs::Kind;
use muster_model::{BlobId, CommitId};

use crate::error::GitError;
use crate::tree_entries::{Entries, MalformedEntry, parse_entries};

/// Parsed trees kept, in entries over all of them. 50,000 of about 200 bytes: 10 MB at worst, a thousand overlays in practice.
const MAX_CACHED_ENTRIES: usize = 50_000;
/// Bytes of blobs kept: bases that many overlays read. 2 MiB: the manifests of some hundred Applications.
const MAX_CACHED_BYTES: usize = 2 << 20;
/// Index files the store can hold open; far above what [`crate::Store`] lets pile up.
const PACK_SLOTS: u16 = 1024;
/// Largest tree object. 16 MiB: 400,000 entries in one directory.
const MAX_TREE_BYTES: u64 = 16 << 20;
/// Largest commit object. 1 MiB: forges refuse longer messages, and a hundred parents need 5 KiB (HAZARDS.md T-15).
const MAX_COMMIT_BYTES: u64 = 1 << 20;

/// What reads objects; shared by the store and all its snapshots, on any thread.
#[derive(Debug)]
pub(crate) struct Objects {
    repository: Mutex<gix::Repository>,
    trees: Mutex<TreeCache>,
    blobs: Mutex<BlobCache>,
    /// Blobs that were too large to fetch.
    refused: Mutex<BTreeSet<ObjectId>>,
    damaged: AtomicBool,
    blob_limit: u64,
}

#[derive(Debug, Default)]
struct BlobCache {
    blobs: BTreeMap<ObjectId, Arc<[u8]>>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct TreeCache {
    parsed: BTreeMap<ObjectId, Arc<Entries>>,
    entries: usize,
}

/// Why an object could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// It is not here.
    Missing,
    /// It is larger than allowed.
    TooLarge { size: u64, limit: u64 },
    /// It is damaged, or not what it should be.
    Corrupt(String),
    /// A tree that breaks Git's rules.
    Malformed(MalformedEntry),
}

impl Objects {
    /// Opens a store of our own.
    pub(crate) fn open(path: &Path, blob_limit: u64) -> Result<Self, GitError> {
        Ok(Self::new(open(path)?, blob_limit))
    }

    /// Changes the files of the store while nobody reads, then opens it anew; snapshots go on with what is there now.
    pub(crate) fn replace(
        &self,
        path: &Path,
        change: impl FnOnce() -> Result<(), GitError>,
    ) -> Result<(), GitError> {
        let mut repository = self.repository();
        change()?;
        *repository = open(path)?;
        self.damaged.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Sees the packs that were added.
    pub(crate) fn reopen(&self, path: &Path) -> Result<(), GitError> {
        let mut repository = self.repository();
        *repository = open(path)?;
        Ok(())
    }

    pub(crate) fn new(repository: gix::Repository, blob_limit: u64) -> Self {
        Self {
            repository: Mutex::new(repository),
            trees: Mutex::default(),
            blobs: Mutex::default(),
            refused: Mutex::default(),
            damaged: AtomicBool::new(false),
            blob_limit,
        }
    }

    /// The repository itself, for refs.
    pub(crate) fn repository(&self) -> MutexGuard<'_, gix::Repository> {
        locked(&self.repository)
    }

    /// True once anything read was damaged: the store should be reset.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// True when the object is here, readable or not.
    pub(crate) fn has(&self, id: ObjectId) -> bool {
        self.repository().has_object(id)
    }

    /// The raw bytes of a commit.
    pub(crate) fn commit(&self, id: ObjectId) -> Result<Vec<u8>, ReadError> {
        self.read(id, Kind::Commit, MAX_COMMIT_BYTES)
    }

    /// The bytes of a blob.
    pub(crate) fn blob(&self, id: ObjectId) -> Result<Arc<[u8]>, ReadError> {
        if let Some(data) = locked(&self.blobs).blobs.get(&id) {
            return Ok(Arc::clone(data));
        }
        match self.read(id, Kind::Blob, self.blob_limit) {
            Ok(data) => Ok(locked(&self.blobs).put(id, data.into())),
            Err(ReadError::Missing) if locked(&self.refused).contains(&id) => {
                Err(ReadError::TooLarge {
                    size: self.blob_limit.saturating_add(1),
                    limit: self.blob_limit,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets the bytes of blobs that were read.
    pub(crate) fn forget_blobs(&self) {
        *locked(&self.blobs) = BlobCache::default();
    }

    /// Notes blobs that are too large to be fetched, so that they are not asked for again (HAZARDS.md T-31).
    pub(crate) fn refuse(&self, ids: &[ObjectId]) {
        locked(&self.refused).extend(ids);
    }

    /// The entries of a tree, parsed once.
    pub(crate) fn tree(&self, id: ObjectId) -> Result<Arc<Entries>, ReadError> {
        if let Some(entries) = locked(&self.trees).parsed.get(&id) {
            return Ok(Arc::clone(entries));
        }
        if id == ObjectId::empty_tree(gix::hash::Kind::Sha1) {
            return Ok(Arc::default());
        }
        let data = self.read(id, Kind::Tree, MAX_TREE_BYTES)?;
        let entries = Arc::new(parse_entries(&data).map_err(ReadError::Malformed)?);
        locked(&self.trees).put(id, &entries);
        Ok(entries)
    }

    /// The bytes of an object, whatever its size.
    pub(crate) fn any(&self, id: ObjectId, kind: Kind) -> Result<Vec<u8>, ReadError> {
        self.read(id, kind, u64::MAX)
    }

    /// What kind of object it is, `None` when it is not here.
    pub(crate) fn kind(&self, id: ObjectId) -> Result<Option<Kind>, ReadError> {
        let header = self.repository().try_find_header(id);
        match header {
            Ok(header) => Ok(header.map(|h| h.kind())),
            Err(error) => Err(self.corrupt(id, &error.probable_cause().to_string())),
        }
    }

    /// The raw bytes of a tag object.
    pub(crate) fn tag(&self, id: ObjectId) -> Result<Vec<u8>, ReadError> {
        self.read(id, Kind::Tag, MAX_COMMIT_BYTES)
    }

    fn read(&self, id: ObjectId, kind: Kind, limit: u64) -> Result<Vec<u8>, ReadError> {
        let repository = self.repository();
        let header = match repository.try_find_header(id) {
            Ok(Some(header)) => header,
            Ok(None) => return Err(ReadError::Missing),
            Err(error) => return Err(self.corrupt(id, &error.probable_cause().to_string())),
        };
        if header.size() > limit {
            let size = header.size();
            return Err(ReadError::TooLarge { size, limit });
        }
        let data = match repository.find_object(id) {
            Ok(object) => object.detach().data,
            Err(error) => return Err(self.corrupt(id, &error.probable_cause().to_string())),
        };
        drop(repository);
        let actual_kind = header.kind();
        // Loose objects and packs are not verified when they are read, only when they arrive.
        match gix::objs::compute_hash(gix::hash::Kind::Sha1, actual_kind, &data) {
            Ok(actual) if actual == id => {}
            Ok(_) => return Err(self.corrupt(id, "its content has another id")),
            Err(_) => return Err(self.corrupt(id, "it is part of a SHA-1 collision")),
        }
        if actual_kind == kind {
            return Ok(data);
        }
        // Not the store's fault: whoever named it was wrong.
        Err(ReadError::Corrupt(format!(
            "{id} is a {actual_kind}, not a {kind}"
        )))
    }

    fn corrupt(&self, id: ObjectId, why: &str) -> ReadError {
        self.damaged.store(true, Ordering::Relaxed);
        ReadError::Corrupt(format!("object {id}: {why}"))
    }
}

impl BlobCache {
    fn put(&mut self, id: ObjectId, data: Arc<[u8]>) -> Arc<[u8]> {
        if data.len() > MAX_CACHED_BYTES / 8 {
            return data;
        }
        if self.bytes + data.len() > MAX_CACHED_BYTES {
            *self = Self::default();
        }
        self.bytes += data.len();
        self.blobs.insert(id, Arc::clone(&data));
        data
    }
}

impl TreeCache {
    fn put(&mut self, id: ObjectId, entries: &Arc<Entries>) {
        if self.entries + entries.len() > MAX_CACHED_ENTRIES {
            *self = Self::default();
        }
        self.entries += entries.len();
        self.parsed.insert(id, Arc::clone(entries));
    }
}

impl ReadError {
    /// The same for the caller of this crate; `what` names the object.
    pub(crate) fn of(self, what: &str) -> GitError {
        match self {
            Self::Missing => GitError::Missing {
                what: what.to_owned(),
            },
            Self::TooLarge { size, limit } => GitError::TooLarge {
                what: format!("{what}, of {size} bytes,"),
                limit: format!("{limit} bytes"),
            },
            Self::Corrupt(what) => GitError::Corrupt { what },
            Self::Malformed(malformed) => GitError::Corrupt {
                what: format!("{what}: {malformed}"),
            },
        }
    }
}

/// Opens a repository without reading any configuration but its own.
fn open(path: &Path) -> Result<gix::Repository, GitError> {
    let options = gix::open::Options::isolated()
        .object_store_slots(gix::odb::store::init::Slots::Given(PACK_SLOTS))
        .open_path_as_is(true);
    match gix::ThreadSafeRepository::open_opts(path, options) {
        Ok(repository) => {
            let mut repository = repository.to_thread_local();
            // Only we add packs, and open anew then: without this, every object that is not here costs a directory listing.
            repository.objects.refresh_never();
            Ok(repository)
        }
        Err(error) => Err(GitError::Corrupt {
            what: format!("it cannot be opened: {}", error.probable_cause()),
        }),
    }
}

/// Takes a lock; what is behind ours stays valid when a holder panics, since every change is one call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The id as gix has it.
pub(crate) fn of_commit(id: &CommitId) -> Result<ObjectId, GitError> {
    ObjectId::from_hex(id.as_str().as_bytes()).map_err(|_| GitError::Missing {
        what: format!("{id}, which is no SHA-1 id,"),
    })
}

/// The id as gix has it; `None` for an id of another hash.
pub(crate) fn of_blob(id: &BlobId) -> Option<ObjectId> {
    ObjectId::try_from(id.as_bytes()).ok()
}

/// The id as the model has it.
pub(crate) fn to_commit(id: ObjectId) -> CommitId {
    CommitId::new(id.to_string()).expect("because gix prints 40 lower-case hexadecimal digits")
}

/// The id as the model has it.
pub(crate) fn to_blob(id: ObjectId) -> BlobId {
    BlobId::from_bytes(id.as_slice())
}
