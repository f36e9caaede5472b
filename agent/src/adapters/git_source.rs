//! [`Source`] over real Git servers.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_git::TargetRevision;
use muster_model::{BlobId, CommitId, Problem};
use muster_rollout::Ancestry;

use super::git_thread::{GitThread, Repository};
use crate::ports::{Snapshot, Source};

/// Content from Git servers.
#[derive(Debug, Clone)]
pub struct GitSource {
    thread: GitThread,
}

impl GitSource {
    /// Reads through a Git thread.
    #[must_use]
    pub fn new(thread: GitThread) -> Self {
        Self { thread }
    }
}

impl Source for GitSource {
    async fn resolve(
        &self,
        repository: &str,
        names: Vec<String>,
    ) -> Result<BTreeMap<String, Option<CommitId>>, Problem> {
        self.thread
            .on(repository, move |repository| {
                let revisions: Vec<_> = names
                    .into_iter()
                    .map(|name| Ok((TargetRevision::parse(&name)?, name)))
                    .collect::<Result<_, muster_git::GitError>>()?;
                let prefixes: Vec<String> = revisions
                    .iter()
                    .flat_map(|(revision, _)| revision.prefixes())
                    .collect();
                let refs = if prefixes.is_empty() {
                    muster_git::RemoteRefs::default()
                } else {
                    repository.remote.ls_refs(&prefixes)?
                };
                Ok(revisions
                    .into_iter()
                    .map(|(revision, name)| (name, revision.pick(&refs)))
                    .collect())
            })
            .await
    }

    async fn snapshot(&self, repository: &str, commit_id: &CommitId) -> Result<Snapshot, Problem> {
        let commit_id = commit_id.clone();
        self.thread
            .on(repository, move |repository| {
                let Repository { store, remote } = repository;
                store.fetch(remote, &commit_id)?;
                let snapshot: Snapshot = Arc::new(store.snapshot(&commit_id)?);
                Ok(snapshot)
            })
            .await
    }

    async fn fetch(&self, repository: &str, blobs: Vec<BlobId>) -> Result<(), Problem> {
        self.thread
            .on(repository, move |repository| {
                let Repository { store, remote } = repository;
                store.fetch_objects(remote, &blobs.into_iter().collect())?;
                Ok(())
            })
            .await
    }

    async fn ancestry(
        &self,
        repository: &str,
        accepted: &CommitId,
        next: &CommitId,
    ) -> Result<Ancestry, Problem> {
        let (accepted, next) = (accepted.clone(), next.clone());
        self.thread
            .on(repository, move |repository| {
                let is_ancestor = |old, new| repository.store.is_ancestor(old, new);
                Ok(match is_ancestor(&accepted, &next)? {
                    muster_git::Ancestry::Yes => Ancestry::Follows,
                    muster_git::Ancestry::Unknown => Ancestry::Unknown,
                    muster_git::Ancestry::No => match is_ancestor(&next, &accepted)? {
                        muster_git::Ancestry::Yes => Ancestry::Precedes,
                        muster_git::Ancestry::No | muster_git::Ancestry::Unknown => {
                            Ancestry::Diverges
                        }
                    },
                })
            })
            .await
    }
}
