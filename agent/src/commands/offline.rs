//! The engine asked from a clone: the function the agent runs, without an agent.

use std::sync::Arc;

use muster_engine::{Commits, Desired, Need, Request, SourceRef, SourceState, desire};
use muster_git::{DirectoryTree, Limits};
use muster_model::kinds::Scopes;
use muster_model::{ClusterName, CommitId, Problem, Reason, RepoPath, Revision};

use crate::args::{CommitArgs, CredentialArgs};
use crate::commands::repository::Repository;

/// Stands for the hub repository's URL where it is not known: `self: true` leads here.
const HUB: &str = "the hub repository";
/// Rounds of "add what was missing and ask again".
const MAX_ROUNDS: usize = 200;

/// A clone of the hub repository, and renders shared by all questions.
pub(super) struct Offline {
    repository: Repository,
    path: std::path::PathBuf,
    fleet_file: RepoPath,
    renders: Arc<muster_engine::Renders>,
}

impl Offline {
    /// Opens the clone.
    pub(super) fn open(at: &CommitArgs) -> Result<Self, Problem> {
        let repository = Repository::open(&at.repo.to_string_lossy(), &CredentialArgs::default())?;
        let fleet_file = RepoPath::new(&at.fleet_file)
            .map_err(|e| Problem::new(Reason::PathEscapesRepo, e.to_string()))?;
        Ok(Self {
            repository,
            path: at.repo.clone(),
            fleet_file,
            renders: Arc::default(),
        })
    }

    /// The view of Git at a revision: every source of the hub repository itself is read at that same commit.
    pub(super) fn at(&mut self, name: &str) -> Result<Commits, Problem> {
        let (revision, tree) = self.repository.commit(name)?;
        Ok(Commits::of_hub(HUB, revision, tree))
    }

    /// The view of the files as they lie in the work tree.
    pub(super) fn work_tree(&self) -> Result<Commits, Problem> {
        let top = self
            .path
            .canonicalize()
            .unwrap_or_else(|_| self.path.clone());
        let top = top
            .ancestors()
            .find(|d| d.join(".git").exists())
            .unwrap_or(&top);
        let tree = DirectoryTree::open(top, Limits::default()).map_err(|e| e.problem())?;
        let none =
            CommitId::new("0".repeat(40)).map_err(|e| Problem::new(Reason::InternalError, e))?;
        Ok(Commits::of_hub(
            HUB,
            Revision {
                name: "work tree".to_owned(),
                commit_id: none,
            },
            Arc::new(tree),
        ))
    }

    /// The clusters of the fleet at a view.
    pub(super) fn clusters(&mut self, commits: &Commits) -> Result<Vec<ClusterName>, Problem> {
        let path = self.fleet_file.clone();
        let hub = self
            .repository
            .answer(|| muster_fleet::hub::load(&*commits.hub_tree, &path))?;
        Ok(hub.fleet.clusters.into_iter().map(|c| c.name).collect())
    }

    /// The fleet file and Argo CD files at a view; every problem of them.
    pub(super) fn hub(
        &mut self,
        commits: &Commits,
    ) -> Result<muster_fleet::hub::Hub, Vec<Problem>> {
        match muster_fleet::hub::load(&*commits.hub_tree, &self.fleet_file) {
            Ok(hub) => Ok(hub),
            Err(muster_fleet::failure::Failure::Refused(problems)) => Err(problems),
            Err(muster_fleet::failure::Failure::NotFetched(blobs)) => {
                match self.repository.fetch(blobs) {
                    Ok(()) => self.hub(commits),
                    Err(problem) => Err(vec![problem]),
                }
            }
        }
    }

    /// What a cluster should have at a view.
    pub(super) fn desire(
        &mut self,
        cluster: &ClusterName,
        commits: &Commits,
    ) -> Result<Desired, Problem> {
        let request = Request {
            cluster: cluster.clone(),
            fleet_file: self.fleet_file.clone(),
            only: None,
            // Digests of Secrets are compared within this run alone.
            key: Vec::new(),
            own: muster_sync::OwnObjects::default(),
            namespaces: None,
            renders: Arc::clone(&self.renders),
        };
        let mut commits = commits.clone();
        for _ in 0..MAX_ROUNDS {
            match desire(&request, &commits, &Scopes::builtin()) {
                Ok(desired) => return Ok(desired),
                Err(Need::Sources(sources)) => {
                    for source in sources {
                        let state = self.source(&source, &commits);
                        commits.sources.insert(source, state);
                    }
                }
                Err(Need::Blobs(_, blobs)) => self.repository.fetch(blobs)?,
                Err(Need::Refused(problems)) => {
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

    /// A ref of the hub repository: its branches stand for the commit in question, anything else is resolved.
    fn source(&mut self, source: &SourceRef, commits: &Commits) -> SourceState {
        if source.repository != HUB {
            let message = format!(
                "{} is another repository, which is not at hand",
                source.repository
            );
            return SourceState::Failed(
                Problem::new(Reason::UnknownRepository, message)
                    .remedy("plan in a clone of that repository, or mark it `self: true`"),
            );
        }
        let pinned = source.name.len() == 40 || source.name.starts_with("refs/tags/");
        if pinned {
            return match self.repository.commit(&source.name) {
                Ok((revision, tree)) => SourceState::At(revision, tree),
                Err(problem) => SourceState::Failed(problem),
            };
        }
        SourceState::At(
            Revision {
                name: source.name.clone(),
                ..commits.hub.clone()
            },
            Arc::clone(&commits.hub_tree),
        )
    }
}
