//! [`StatusStore`] over a real Git server: inbox refs and the folded branch.

use std::collections::{BTreeMap, BTreeSet};

use muster_git::{
    BuildError, GitError, NewCommit, NewObjects, Person, RefName, RefOutcome, RefUpdate,
    RemoteRefs, Snapshot,
};
use muster_model::{ClusterName, CommitId, Problem, Reason, RepoPath};
use muster_status::entry::{INBOX_PREFIX, SIGNATURE_FILE, STATUS_BRANCH, STATUS_FILE};
use muster_status::signature::GIT_NAMESPACE;
use muster_status::{SignatureError, SigningKey};

use super::git_thread::{GitThread, Repository};
use crate::owner::clock::Clock;
use crate::ports::{Moved, StatusRefs, StatusStore, StatusUpdate, Unchecked};

/// Statuses in a Git repository.
#[derive(Debug, Clone)]
pub struct GitStatus {
    thread: GitThread,
    url: String,
    key: SigningKey,
    clock: Clock,
    author: String,
}

impl GitStatus {
    /// Statuses in the repository at `url`, pushed in the name of a cluster and signed with its key.
    #[must_use]
    pub fn new(
        thread: GitThread,
        url: String,
        cluster: &ClusterName,
        key: SigningKey,
        clock: Clock,
    ) -> Self {
        Self {
            thread,
            url,
            key,
            clock,
            author: cluster.to_string(),
        }
    }
}

impl StatusStore for GitStatus {
    async fn read(&self) -> Result<StatusRefs, Problem> {
        self.thread.on(&self.url, read).await
    }

    async fn push(&self, updates: Vec<StatusUpdate>) -> Result<Vec<Moved>, Problem> {
        let key = self.key.clone();
        let person = Person {
            name: self.author.clone(),
            email: format!("{}@muster.invalid", self.author),
            time: self.clock.now().as_second(),
        };
        self.thread
            .on(&self.url, move |repository| {
                push(repository, updates, &person, &key)
            })
            .await
    }
}

fn read(repository: &mut Repository) -> Result<StatusRefs, GitError> {
    let Repository { store, remote } = repository;
    let refs = remote.ls_refs(&[INBOX_PREFIX, STATUS_BRANCH])?;
    let commits: BTreeSet<CommitId> = heads(&refs).map(|(_, id)| id.clone()).collect();
    store.fetch_shallow(remote, &commits)?;
    status_refs(heads(&refs), |id| store.snapshot(id))
}

fn heads(refs: &RemoteRefs) -> impl Iterator<Item = (&RefName, &CommitId)> {
    refs.refs
        .iter()
        .map(|(name, found)| (name, &found.id))
        .filter(|(name, _)| {
            name.as_str().starts_with(INBOX_PREFIX) || name.as_str() == STATUS_BRANCH
        })
}

/// Reads statuses from refs; a ref that holds no status is passed over.
///
/// # Errors
/// When a commit cannot be read.
pub fn status_refs<'a>(
    refs: impl Iterator<Item = (&'a RefName, &'a CommitId)>,
    open: impl Fn(&CommitId) -> Result<Snapshot, GitError>,
) -> Result<StatusRefs, GitError> {
    let mut found = StatusRefs::default();
    for (name, commit_id) in refs {
        let snapshot = open(commit_id)?;
        if name.as_str() == STATUS_BRANCH || name.as_str().ends_with("/origin/status") {
            found.folded = folded(&snapshot);
            found.branch = Some(commit_id.clone());
        } else if let Some(cluster) = name
            .as_str()
            .strip_prefix(INBOX_PREFIX)
            .and_then(|name| ClusterName::new(name).ok())
            && let Some(unchecked) = entry(&snapshot, &RepoPath::root())
        {
            found.inbox.insert(cluster, (commit_id.clone(), unchecked));
        }
    }
    Ok(found)
}

fn folded(snapshot: &Snapshot) -> BTreeMap<ClusterName, Unchecked> {
    let files = RepoPath::new("clusters")
        .ok()
        .and_then(|clusters| snapshot.files(&clusters).ok())
        .unwrap_or_default();
    let directories: BTreeSet<RepoPath> = files
        .iter()
        .filter(|(path, _)| path.file_name() == STATUS_FILE)
        .filter_map(|(path, _)| path.parent())
        .collect();
    directories
        .into_iter()
        .filter_map(|dir| {
            Some((
                ClusterName::new(dir.file_name()).ok()?,
                entry(snapshot, &dir)?,
            ))
        })
        .collect()
}

fn entry(snapshot: &Snapshot, dir: &RepoPath) -> Option<Unchecked> {
    let file = |name| snapshot.file(&dir.child(name)).ok().flatten();
    let signature = String::from_utf8(file(SIGNATURE_FILE)?.to_vec()).ok()?;
    Some(Unchecked {
        bytes: file(STATUS_FILE)?.to_vec(),
        signature,
    })
}

fn push(
    repository: &mut Repository,
    updates: Vec<StatusUpdate>,
    person: &Person,
    key: &SigningKey,
) -> Result<Vec<Moved>, GitError> {
    let mut objects = NewObjects::default();
    let mut refs = Vec::with_capacity(updates.len());
    let mut commits = Vec::with_capacity(updates.len());
    for update in updates {
        let name = RefName::new(update.name)?;
        let changes = update
            .files
            .into_iter()
            .filter_map(|(path, bytes)| Some((RepoPath::new(&path).ok()?, Some(bytes))))
            .collect();
        let commit = NewCommit {
            base: None,
            parents: update.parents,
            changes,
            person: person.clone(),
            message: update.message,
            trailers: Vec::new(),
        };
        let (id, made) = commit
            .build(Some(|bytes: &[u8]| key.sign(GIT_NAMESPACE, bytes)))
            .map_err(built)?;
        objects.extend(made);
        refs.push(RefUpdate {
            name,
            old: update.old,
            new: Some(id.clone()),
        });
        commits.push(id);
    }
    let outcomes = repository.remote.push(&refs, &objects)?;
    Ok(outcomes
        .into_iter()
        .zip(commits)
        .map(|(outcome, id)| moved(outcome, id))
        .collect())
}

fn built(error: BuildError<SignatureError>) -> GitError {
    match error {
        BuildError::Git(error) => error,
        BuildError::Sign(_) => GitError::Setup {
            why: "the status commit cannot be signed".to_owned(),
        },
    }
}

fn moved(outcome: RefOutcome, id: CommitId) -> Moved {
    match outcome {
        RefOutcome::Updated => Moved::To(id),
        RefOutcome::Stale => Moved::Stale,
        RefOutcome::Rejected { reason } => {
            tracing::warn!(%reason, "the server refuses the status ref");
            Moved::Refused(Problem::new(
                Reason::StatusPushFailed,
                "the server refuses the status ref",
            ))
        }
    }
}
