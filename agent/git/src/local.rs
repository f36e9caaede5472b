//! A clone on this machine, read as it is: for `muster plan --repo` and `muster status --repo`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::ObjectId;
use gix::objs::Kind;
use muster_model::CommitId;

use crate::ancestry::{Ancestry, is_ancestor};
use crate::commit::{Commit, tagged};
use crate::error::{GitError, shown};
use crate::limits::Limits;
use crate::objects::{Objects, of_commit, to_commit};
use crate::ref_name::RefName;
use crate::revision::TargetRevision;
use crate::snapshot::Snapshot;
use crate::store;

/// Tags that name tags that name tags; Git itself makes none deeper than a few.
const MAX_TAGS: usize = 16;

/// A work tree's repository or a bare one, opened read-only. No configuration of the user is read, nothing is run.
#[derive(Debug)]
pub struct LocalRepository {
    path: PathBuf,
    objects: Arc<Objects>,
    limits: Limits,
}

impl LocalRepository {
    /// Opens the repository at `path`: a directory with `.git`, a `.git` directory, a bare repository, or a directory below
    /// a work tree.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn open(path: impl AsRef<Path>, limits: Limits) -> Result<Self, GitError> {
        let path = path.as_ref();
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let found = path.ancestors().find(|dir| {
            dir.join(".git").exists() || (dir.join("HEAD").exists() && dir.join("objects").exists())
        });
        let Some(found) = found else {
            return Err(GitError::NotARepository {
                path: path.display().to_string(),
            });
        };
        // A replaced object would be another one than its id says (HAZARDS.md T-14).
        let options =
            gix::open::Options::isolated().config_overrides(["core.useReplaceRefs=false"]);
        let opened = gix::ThreadSafeRepository::open_opts(found, options);
        let repository = opened.map_err(|error| GitError::Corrupt {
            what: format!(
                "{} cannot be opened: {}",
                found.display(),
                error.probable_cause()
            ),
        })?;
        Ok(Self {
            path: found.to_owned(),
            objects: Arc::new(Objects::new(
                repository.to_thread_local(),
                limits.blob_bytes,
            )),
            limits,
        })
    }

    /// The directory it was found in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commit a revision is here; branches of `origin` count after local branches and tags, and a short commit id
    /// after all names. `None` when nothing has that name.
    ///
    /// # Errors
    /// When the refs or the object are damaged.
    pub fn resolve(&self, revision: &TargetRevision) -> Result<Option<CommitId>, GitError> {
        match revision {
            TargetRevision::Head => self.resolve_name("HEAD"),
            TargetRevision::Ref(name) => self.resolve_name(name.as_str()),
            TargetRevision::Commit(id) => self.peel(of_commit(id)?),
            TargetRevision::Named { branch, tag } => {
                let remote = format!("refs/remotes/origin/{}", branch.short());
                for name in [branch.as_str(), tag.as_str(), &remote] {
                    if let Some(id) = self.resolve_name(name)? {
                        return Ok(Some(id));
                    }
                }
                self.resolve_short(branch.short())
            }
        }
    }

    /// The commits that refs below `prefix` (`refs/fleet/status/`) lead to, by full name.
    ///
    /// # Errors
    /// When the refs are damaged.
    pub fn refs(&self, prefix: &str) -> Result<BTreeMap<RefName, CommitId>, GitError> {
        let mut names = Vec::new();
        {
            let repository = self.objects.repository();
            let platform = repository.references().map_err(|e| damaged(&e))?;
            for reference in platform.prefixed(prefix).map_err(|e| damaged(&e))? {
                let reference = reference.map_err(|error| GitError::Corrupt {
                    what: format!("its refs: {error}"),
                })?;
                names.extend(RefName::new(reference.name().as_bstr().to_string()));
            }
        }
        let mut refs = BTreeMap::new();
        for name in names {
            if let Some(id) = self.resolve_name(name.as_str())? {
                refs.insert(name, id);
            }
        }
        Ok(refs)
    }

    /// The files of a commit.
    ///
    /// # Errors
    /// When the commit is not here or is damaged.
    pub fn snapshot(&self, commit_id: &CommitId) -> Result<Snapshot, GitError> {
        store::snapshot(&self.objects, commit_id)
    }

    /// A commit.
    ///
    /// # Errors
    /// When it is not here or is damaged.
    pub fn commit(&self, commit_id: &CommitId) -> Result<Commit, GitError> {
        store::commit(&self.objects, commit_id)
    }

    /// Up to `most` commits from `from` back along first parents.
    ///
    /// # Errors
    /// When `from` is not here, or a commit is damaged.
    pub fn log(&self, from: &CommitId, most: usize) -> Result<Vec<Commit>, GitError> {
        store::log(&self.objects, from, most)
    }

    /// Whether `old` is an ancestor of `new`, or `new` itself.
    ///
    /// # Errors
    /// When a commit is damaged.
    pub fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<Ancestry, GitError> {
        is_ancestor(&self.objects, old, new, self.limits.walk)
    }

    fn resolve_name(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        let id = {
            let repository = self.objects.repository();
            let Some(mut reference) = repository
                .try_find_reference(name)
                .map_err(|e| damaged(&e))?
            else {
                return Ok(None);
            };
            // An unborn branch leads nowhere.
            match reference.peel_to_id() {
                Ok(id) => id.detach(),
                Err(_) => return Ok(None),
            }
        };
        self.peel(id)
    }

    fn resolve_short(&self, text: &str) -> Result<Option<CommitId>, GitError> {
        let short = (4..40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        let Some(prefix) = short
            .then(|| gix::hash::Prefix::from_hex(text).ok())
            .flatten()
        else {
            return Ok(None);
        };
        let found = self
            .objects
            .repository()
            .objects
            .lookup_prefix(prefix, None);
        match found {
            Ok(Some(Ok(id))) => self.peel(id),
            Ok(Some(Err(()))) => Err(GitError::InvalidRevision {
                revision: shown(text),
                why: "is the start of several objects' ids; give more digits",
            }),
            Ok(None) => Ok(None),
            Err(error) => Err(damaged(&error)),
        }
    }

    /// The commit an object leads to; `None` when it is not here or leads to none.
    fn peel(&self, mut id: ObjectId) -> Result<Option<CommitId>, GitError> {
        for _ in 0..MAX_TAGS {
            let kind = self.objects.kind(id);
            match kind.map_err(|error| error.of(&format!("object {id}")))? {
                Some(Kind::Commit) => return Ok(Some(to_commit(id))),
                Some(Kind::Tag) => {
                    let raw = self.objects.tag(id);
                    let raw = raw.map_err(|error| error.of(&format!("tag {id}")))?;
                    let Some(target) = tagged(&raw) else {
                        return Ok(None);
                    };
                    id = of_commit(&target)?;
                }
                Some(Kind::Tree | Kind::Blob) | None => return Ok(None),
            }
        }
        Ok(None)
    }
}

fn damaged(error: &gix::Error) -> GitError {
    GitError::Corrupt {
        what: format!("its refs: {}", error.probable_cause()),
    }
}
