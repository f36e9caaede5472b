//! A repository a question is about: a clone on this machine, or a server's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_git::{
    Ancestry, GitError, HttpClient, HttpOptions, Limits, LocalRepository, RefName, Remote,
    RemoteUrl, Snapshot, Store, TargetRevision,
};
use muster_model::{BlobId, CommitId, Digest, Problem, Reason, Revision};

use crate::adapters::credentials::CredentialStore;
use crate::args::CredentialArgs;
use crate::commands::cache;
use crate::ports;

/// Rounds of "fetch what was missing and ask again".
const MAX_ROUNDS: usize = 200;

/// Where commits and refs are read from.
pub(super) enum Repository {
    /// A clone.
    Local(LocalRepository),
    /// A server, with a store in the user's cache.
    Remote(Box<(Remote, Store)>),
}

/// The Git work tree that a directory lies in.
pub(super) fn enclosing(dir: &Path) -> Option<PathBuf> {
    dir.ancestors()
        .find(|dir| dir.join(".git").exists())
        .map(Path::to_owned)
}

/// The top of the work tree that a path leads into; the directory itself where there is none.
pub(super) fn top_of(path: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    enclosing(&path).unwrap_or(path)
}

fn open_local(path: impl AsRef<Path>) -> Result<Repository, Problem> {
    match LocalRepository::open(path, Limits::default()) {
        Ok(local) => Ok(Repository::Local(local)),
        Err(error @ GitError::NotARepository { .. }) => Err(error
            .problem()
            .remedy("name a clone, or run the command in one")),
        Err(error) => Err(error.problem()),
    }
}

/// What a pure function lacks.
pub(super) enum Lack {
    /// These blobs.
    Blobs(Vec<BlobId>),
    /// It will not do.
    Refused(Vec<Problem>),
}

impl From<muster_fleet::failure::Failure> for Lack {
    fn from(failure: muster_fleet::failure::Failure) -> Self {
        match failure {
            muster_fleet::failure::Failure::NotFetched(blobs) => Self::Blobs(blobs),
            muster_fleet::failure::Failure::Refused(problems) => Self::Refused(problems),
        }
    }
}

impl Repository {
    /// Opens a path, or a URL.
    pub(super) fn open(place: &str, git: &CredentialArgs) -> Result<Self, Problem> {
        if !place.contains("://") {
            return open_local(place);
        }
        let url = RemoteUrl::parse(place).map_err(|e| e.problem())?;
        if let Some(directory) = url.directory() {
            return open_local(directory);
        }
        let credentials = CredentialStore::new(git.credentials.clone(), &[&url]).of(&url)?;
        let client = HttpClient::new(&http_options(git)?).map_err(|e| e.problem())?;
        let remote = Remote::new(&client, url, credentials).map_err(|e| e.problem())?;
        let directory = cache::directory()
            .join("repositories")
            .join(Digest::of(place.as_bytes()).short());
        std::fs::create_dir_all(&directory).map_err(|e| {
            Problem::new(
                Reason::InternalError,
                format!("cannot create {}: {e}", directory.display()),
            )
        })?;
        let store =
            Store::open_or_create(&directory, Limits::default()).map_err(|e| e.problem())?;
        Ok(Self::Remote(Box::new((remote, store))))
    }

    /// A revision, and its files.
    pub(super) fn commit(&mut self, name: &str) -> Result<(Revision, ports::Snapshot), Problem> {
        let found = match self {
            Self::Local(local) => resolve_local(local, name),
            Self::Remote(remote) => resolve_remote(&mut remote.0, name),
        };
        let missing = || {
            Problem::new(
                Reason::SourceMissing,
                format!("{name} is not in the repository"),
            )
        };
        let commit_id = found.map_err(|e| e.problem())?.ok_or_else(missing)?;
        if let Self::Remote(remote) = self {
            let (remote, store) = &mut **remote;
            store.fetch(remote, &commit_id).map_err(|e| e.problem())?;
        }
        let snapshot = self.snapshot(&commit_id).map_err(|e| e.problem())?;
        Ok((
            Revision {
                name: name.to_owned(),
                commit_id,
            },
            Arc::new(snapshot),
        ))
    }

    /// The files of a commit that is here.
    pub(super) fn snapshot(&self, commit_id: &CommitId) -> Result<Snapshot, GitError> {
        match self {
            Self::Local(local) => local.snapshot(commit_id),
            Self::Remote(remote) => remote.1.snapshot(commit_id),
        }
    }

    /// Whether `old` is an ancestor of `new`, as far as this is known here.
    pub(super) fn ancestry(&self, old: &CommitId, new: &CommitId) -> Result<Ancestry, GitError> {
        match self {
            Self::Local(local) => local.is_ancestor(old, new),
            Self::Remote(_) => Ok(Ancestry::Unknown),
        }
    }

    /// Refs by prefix, their commits fetched.
    pub(super) fn refs(
        &mut self,
        prefixes: &[&str],
    ) -> Result<BTreeMap<RefName, CommitId>, Problem> {
        match self {
            Self::Local(local) => {
                let mut refs = BTreeMap::new();
                for prefix in prefixes {
                    refs.extend(local.refs(prefix).map_err(|e| e.problem())?);
                }
                Ok(refs)
            }
            Self::Remote(remote) => {
                let (remote, store) = &mut **remote;
                let found = remote.ls_refs(prefixes).map_err(|e| e.problem())?;
                let refs: BTreeMap<_, _> = found
                    .refs
                    .into_iter()
                    .map(|(name, found)| (name, found.id))
                    .collect();
                let commits: BTreeSet<CommitId> = refs.values().cloned().collect();
                store
                    .fetch_shallow(remote, &commits)
                    .map_err(|e| e.problem())?;
                Ok(refs)
            }
        }
    }

    /// Fetches blobs that an answer lacked.
    pub(super) fn fetch(&mut self, blobs: Vec<BlobId>) -> Result<(), Problem> {
        match self {
            Self::Local(_) => {
                let first = blobs.first().map(ToString::to_string).unwrap_or_default();
                Err(Problem::new(
                    Reason::GitObjectCorrupt,
                    format!("the clone lacks object {first}"),
                )
                .remedy("fetch it: `git fetch --refetch`, without a filter"))
            }
            Self::Remote(remote) => {
                let (remote, store) = &mut **remote;
                store
                    .fetch_objects(remote, &blobs.into_iter().collect())
                    .map(|_| ())
                    .map_err(|e| e.problem())
            }
        }
    }

    /// Asks a pure function until it has what it needs.
    pub(super) fn answer<V, F: Into<Lack>>(
        &mut self,
        ask: impl Fn() -> Result<V, F>,
    ) -> Result<V, Problem> {
        for _ in 0..MAX_ROUNDS {
            match ask().map_err(Into::into) {
                Ok(value) => return Ok(value),
                Err(Lack::Blobs(blobs)) => self.fetch(blobs)?,
                Err(Lack::Refused(problems)) => {
                    return Err(problems.into_iter().next().unwrap_or_else(|| {
                        Problem::new(Reason::InvalidFleetFile, "the fleet file is refused")
                    }));
                }
            }
        }
        Err(Problem::new(
            Reason::NodeBudget,
            format!("more than {MAX_ROUNDS} rounds of fetching"),
        ))
    }
}

/// A revision of a clone, with Git's `~N` for the N-th first parent.
fn resolve_local(local: &LocalRepository, name: &str) -> Result<Option<CommitId>, GitError> {
    let Some((base, back)) = name.split_once('~') else {
        return local.resolve(&TargetRevision::parse(name)?);
    };
    let steps: usize = if back.is_empty() {
        1
    } else {
        back.parse().unwrap_or(usize::MAX - 1)
    };
    let Some(commit_id) = local.resolve(&TargetRevision::parse(base)?)? else {
        return Ok(None);
    };
    Ok(local
        .log(&commit_id, steps.saturating_add(1))?
        .into_iter()
        .nth(steps)
        .map(|commit| commit.id))
}

fn resolve_remote(remote: &mut Remote, name: &str) -> Result<Option<CommitId>, GitError> {
    let revision = TargetRevision::parse(name)?;
    let refs = remote.ls_refs(&revision.prefixes())?;
    Ok(revision.pick(&refs))
}

/// How servers are spoken to, as the arguments say.
pub(super) fn http_options(git: &CredentialArgs) -> Result<HttpOptions, Problem> {
    let ca_bundle = match &git.ca_file {
        None => None,
        Some(file) => Some(std::fs::read(file).map_err(|e| {
            Problem::new(
                Reason::TlsError,
                format!("cannot read {}: {}", file.display(), e.kind()),
            )
        })?),
    };
    Ok(HttpOptions {
        ca_bundle,
        ..HttpOptions::default()
    })
}
