//! A directory on this machine that stands for a commit: for `muster render DIR`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gix::objs::Kind;
use muster_model::tree::{Entry, EntryKind, Tree, TreeError};
use muster_model::{BlobId, RepoPath};

use crate::error::GitError;
use crate::limits::Limits;
use crate::objects::to_blob;

/// Deepest directory read. 64: what a kustomization's chain of bases may have.
const MAX_DEPTH: usize = 64;

/// A directory read as a tree. Files get the ids Git gives them; symbolic links are named and never followed, and
/// nothing outside the directory is read (HAZARDS.md T-01).
#[derive(Debug)]
pub struct DirectoryTree {
    root: PathBuf,
    limits: Limits,
    /// What was read: a tree must not change under a render.
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    blobs: BTreeMap<BlobId, Arc<[u8]>>,
    /// Files that are too large or cannot be read, by an id made of their path.
    refused: BTreeMap<BlobId, TreeError>,
    entries: BTreeMap<RepoPath, Option<Entry>>,
    lists: BTreeMap<RepoPath, Vec<(String, Entry)>>,
    /// What is known to be a plain directory, and to be reached through such.
    directories: BTreeSet<RepoPath>,
}

impl DirectoryTree {
    /// Takes `path` as the root.
    ///
    /// # Errors
    /// When it is no directory.
    pub fn open(path: impl AsRef<Path>, limits: Limits) -> Result<Self, GitError> {
        let path = path.as_ref();
        let root = fs::canonicalize(path)
            .map_err(|error| GitError::io(format!("read {}", path.display()), &error))?;
        if !root.is_dir() {
            return Err(GitError::Missing {
                what: format!("a directory at {}", path.display()),
            });
        }
        Ok(Self {
            root,
            limits,
            read: Mutex::default(),
        })
    }

    /// The root, without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn locked(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where `path` lies; `None` when a part of the way is no plain directory.
    fn locate(&self, path: &RepoPath) -> Result<Option<PathBuf>, TreeError> {
        if let Some(above) = path.parent()
            && self.locked().directories.contains(&above)
            && path.file_name() != ".git"
        {
            return Ok(Some(self.root.join(path.as_str())));
        }
        let mut at = self.root.clone();
        let mut components = path.components().peekable();
        if path.components().count() > MAX_DEPTH {
            return Err(unreadable(path, "it is nested too deep"));
        }
        while let Some(name) = components.next() {
            if name == ".git" {
                return Ok(None);
            }
            at.push(name);
            if components.peek().is_some() {
                match fs::symlink_metadata(&at) {
                    Ok(metadata) if metadata.is_dir() => {}
                    Ok(_) => return Ok(None),
                    Err(error) => return absent(path, &error),
                }
            }
        }
        if let Some(above) = path.parent() {
            self.locked().directories.insert(above);
        }
        Ok(Some(at))
    }

    fn read_entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        let Some(at) = self.locate(path)? else {
            return Ok(None);
        };
        let metadata = match fs::symlink_metadata(&at) {
            Ok(metadata) => metadata,
            Err(error) => return absent(path, &error),
        };
        let kind = metadata.file_type();
        let (kind, id) = if kind.is_symlink() {
            let target = fs::read_link(&at).map_err(|e| unreadable(path, &e.to_string()))?;
            let target = target.as_os_str().as_encoded_bytes().into();
            (EntryKind::Symlink, self.keep(path, target)?)
        } else if kind.is_dir() {
            (EntryKind::Tree, self.tree_id(path)?)
        } else if kind.is_file() {
            (EntryKind::Blob, self.read_file(path, &at, metadata.len())?)
        } else {
            return Err(unreadable(path, "it is neither a file nor a directory"));
        };
        Ok(Some(Entry { kind, id }))
    }

    fn read_file(&self, path: &RepoPath, at: &Path, size: u64) -> Result<BlobId, TreeError> {
        let limit = self.limits.blob_bytes;
        if size > limit {
            let path_text = path.to_string();
            return self.refuse(
                path,
                TreeError::TooLarge {
                    path: path_text,
                    size,
                    limit,
                },
            );
        }
        // One more byte: reading to the end needs room to find that it is there.
        let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
        // The file may grow while it is read.
        let read = fs::File::open(at).and_then(|file| file.take(limit).read_to_end(&mut data));
        match read {
            Ok(_) => self.keep(path, data),
            Err(error) => self.refuse(path, unreadable(path, &error.to_string())),
        }
    }

    /// Lists a file that cannot be had; only reading it is an error.
    fn refuse(&self, path: &RepoPath, error: TreeError) -> Result<BlobId, TreeError> {
        let id = hash(path, Kind::Blob, format!("{path}\0{error}").as_bytes())?;
        self.locked().refused.insert(id.clone(), error);
        Ok(id)
    }

    fn keep(&self, path: &RepoPath, data: Vec<u8>) -> Result<BlobId, TreeError> {
        let id = hash(path, Kind::Blob, &data)?;
        self.locked().blobs.insert(id.clone(), data.into());
        Ok(id)
    }

    /// The id of a directory follows everything in it. It is not the id Git would give: modes are left out.
    fn tree_id(&self, path: &RepoPath) -> Result<BlobId, TreeError> {
        let mut text = Vec::new();
        for (name, entry) in self.list(path)? {
            text.extend_from_slice(format!("{:?} {} {name}\0", entry.kind, entry.id).as_bytes());
        }
        hash(path, Kind::Tree, &text)
    }

    fn read_list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        let Some(at) = self.locate(path)? else {
            return Ok(Vec::new());
        };
        match fs::symlink_metadata(&at) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Ok(Vec::new()),
            Err(error) => return Ok(absent(path, &error)?.unwrap_or_default()),
        }
        let failed = |error: std::io::Error| unreadable(path, &error.to_string());
        let mut names = Vec::new();
        for item in fs::read_dir(&at).map_err(failed)? {
            let item = item.map_err(failed)?;
            let kind = item.file_type().map_err(failed)?;
            // Git keeps no sockets, pipes or devices.
            if !(kind.is_file() || kind.is_dir() || kind.is_symlink()) {
                continue;
            }
            let name = item.file_name().into_string().map_err(|name| {
                unreadable(
                    path,
                    &format!("the name {:?} is not UTF-8", name.to_string_lossy()),
                )
            })?;
            names.push(name);
        }
        names.sort();
        let mut entries = Vec::new();
        for name in names {
            if let Some(entry) = self.entry(&path.child(&name))? {
                entries.push((name, entry));
            }
        }
        Ok(entries)
    }
}

impl Tree for DirectoryTree {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        let known = self.locked().entries.get(path).cloned();
        if let Some(entry) = known {
            return Ok(entry);
        }
        let entry = self.read_entry(path)?;
        self.locked().entries.insert(path.clone(), entry.clone());
        Ok(entry)
    }

    fn kind(&self, path: &RepoPath) -> Result<Option<EntryKind>, TreeError> {
        if self.locked().directories.contains(path) {
            return Ok(Some(EntryKind::Tree));
        }
        let known = self.locked().entries.get(path).cloned();
        if let Some(entry) = known {
            return Ok(entry.map(|entry| entry.kind));
        }
        let is_directory = match self.locate(path)?.map(fs::symlink_metadata) {
            Some(Ok(metadata)) => metadata.is_dir(),
            Some(Err(_)) | None => false,
        };
        if is_directory {
            self.locked().directories.insert(path.clone());
            return Ok(Some(EntryKind::Tree));
        }
        Ok(self.entry(path)?.map(|entry| entry.kind))
    }

    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        let known = self.locked().lists.get(path).cloned();
        if let Some(list) = known {
            return Ok(list);
        }
        let list = self.read_list(path)?;
        self.locked().lists.insert(path.clone(), list.clone());
        Ok(list)
    }

    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        let read = self.locked();
        if let Some(error) = read.refused.get(id) {
            return Err(error.clone());
        }
        let found = read.blobs.get(id).cloned();
        found.ok_or_else(|| TreeError::NotFetched(id.clone()))
    }
}

fn hash(path: &RepoPath, kind: Kind, data: &[u8]) -> Result<BlobId, TreeError> {
    match gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, data) {
        Ok(id) => Ok(to_blob(id)),
        Err(_) => Err(unreadable(path, "it is part of a SHA-1 collision")),
    }
}

fn absent<T>(path: &RepoPath, error: &std::io::Error) -> Result<Option<T>, TreeError> {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Ok(None),
        _ => Err(unreadable(path, &error.to_string())),
    }
}

fn unreadable(path: &RepoPath, why: &str) -> TreeError {
    TreeError::Unreadable {
        what: path.to_string(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("plain")
    }

    #[test]
    fn files_have_gits_ids_and_links_are_not_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let outside = tempfile::tempdir().expect("a directory");
        fs::write(outside.path().join("canary"), "secret").expect("written");
        fs::create_dir(dir.path().join("app")).expect("made");
        fs::write(dir.path().join("app/x"), "hello\n").expect("written");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).expect("linked");
        let tree = DirectoryTree::open(dir.path(), Limits::default()).expect("opened");
        let x = tree.entry(&path("app/x")).expect("read").expect("there");
        assert_eq!(x.id.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(&*tree.blob(&x.id).expect("read"), b"hello\n");
        let link = tree.entry(&path("link")).expect("read").expect("there");
        assert_eq!(link.kind, EntryKind::Symlink);
        assert_eq!(tree.entry(&path("link/canary")), Ok(None));
        assert_eq!(tree.list(&path("link")), Ok(Vec::new()));
        let names: Vec<_> = tree
            .list(&path(""))
            .expect("read")
            .into_iter()
            .map(|e| e.0)
            .collect();
        assert_eq!(names, ["app", "link"]);
    }

    #[test]
    fn the_kind_of_a_directory_is_told_without_reading_it() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(dir.path().join("app/.git")).expect("made");
        fs::write(dir.path().join("app/x"), "1").expect("written");
        std::os::unix::fs::symlink("app", dir.path().join("link")).expect("linked");
        let tree = DirectoryTree::open(dir.path(), Limits::default()).expect("opened");
        let kind = |text: &str| tree.kind(&path(text)).expect("read");
        assert_eq!(kind("app"), Some(EntryKind::Tree));
        assert!(tree.locked().blobs.is_empty());
        assert_eq!(kind("app/x"), Some(EntryKind::Blob));
        assert_eq!(kind("link"), Some(EntryKind::Symlink));
        assert_eq!(kind("link/x"), None);
        assert_eq!(kind("app/.git"), None);
        assert_eq!(kind("app/none/x"), None);
        assert_eq!(kind(""), Some(EntryKind::Tree));
        let app = tree.entry(&path("app")).expect("read").expect("there");
        let alone = DirectoryTree::open(dir.path(), Limits::default()).expect("opened");
        assert_eq!(alone.entry(&path("app")), Ok(Some(app)));
    }

    #[test]
    fn a_file_over_the_limit_is_seen_and_not_read() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("x"), "12345").expect("written");
        let limits = Limits {
            blob_bytes: 4,
            ..Limits::default()
        };
        let tree = DirectoryTree::open(dir.path(), limits).expect("opened");
        let x = tree.entry(&path("x")).expect("read").expect("there");
        assert!(matches!(
            tree.blob(&x.id),
            Err(TreeError::TooLarge {
                size: 5,
                limit: 4,
                ..
            })
        ));
    }
}
