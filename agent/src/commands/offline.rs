//! The engine asked from a clone: the function the agent runs, without an agent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_engine::each::Each;
use muster_engine::fleet_plan::{FleetPlan, Scope, Side, fleet_plan};
use muster_engine::survey::{Memory, Question, Survey, survey};
use muster_engine::{Commits, Need, SourceRef, SourceState, Verdict};
use muster_git::{Ancestry, DirectoryTree, Limits};
use muster_model::{ClusterName, CommitId, Problem, Reason, RepoPath, Revision};

use crate::args::{CommitArgs, CredentialArgs};
use crate::commands::cache::{Cache, key};
use crate::commands::progress::Progress;
use crate::commands::repository::{Repository, top_of};
use crate::parallel;

/// Stands for the hub repository's URL where it is not known: `self: true` leads here.
const HUB: &str = "the hub repository";
/// Rounds of "add what was missing and ask again".
const MAX_ROUNDS: usize = 200;

/// A clone of the hub repository, and what is remembered of it.
pub(super) struct Offline {
    repository: Repository,
    /// Clones of other repositories, by URL.
    clones: BTreeMap<String, Repository>,
    path: std::path::PathBuf,
    fleet_file: RepoPath,
    cache: Cache,
    memory: Memory,
    progress: Progress,
}

impl Offline {
    /// Opens the clone.
    pub(super) fn open(at: &CommitArgs) -> Result<Self, Problem> {
        let repository = Repository::open(&at.repo.to_string_lossy(), &at.git)?;
        let fleet_file = RepoPath::new(&at.fleet_file)
            .map_err(|e| Problem::new(Reason::PathEscapesRepo, e.to_string()))?;
        let mut clones = BTreeMap::new();
        for (url, path) in &at.clone {
            let clone = Repository::open(path, &CredentialArgs::default())?;
            clones.insert(url.clone(), clone);
        }
        let key = key(at.digest_key.as_deref())?;
        let cache = if at.no_cache {
            Cache::none()
        } else {
            Cache::open(&at.fleet_file, &key)
        };
        Ok(Self {
            repository,
            clones,
            path: at.repo.clone(),
            fleet_file,
            memory: cache.memory(key),
            cache,
            progress: Progress::new(),
        })
    }

    /// The view of Git at a revision: every source of the hub repository itself is read at that same commit.
    pub(super) fn at(&mut self, name: &str) -> Result<Commits, Problem> {
        let (revision, tree) = self.repository.commit(name)?;
        Ok(Commits::of_hub(HUB, revision, tree))
    }

    /// The view of the files as they lie in the work tree.
    pub(super) fn work_tree(&self) -> Result<Commits, Problem> {
        let top = top_of(&self.path);
        let tree = DirectoryTree::open(top, Limits::default()).map_err(|e| e.problem())?;
        let none =
            CommitId::new("0".repeat(40)).map_err(|e| Problem::new(Reason::InternalError, e))?;
        let revision = Revision {
            name: "work tree".to_owned(),
            commit_id: none,
        };
        Ok(Commits::of_hub(HUB, revision, Arc::new(tree)))
    }

    /// The view at a revision, or of the work tree without one.
    pub(super) fn view(&mut self, name: Option<&str>) -> Result<Commits, Problem> {
        match name {
            Some(name) => self.at(name),
            None => self.work_tree(),
        }
    }

    /// The repository itself, for its refs.
    pub(super) fn repository(&mut self) -> &mut Repository {
        &mut self.repository
    }

    /// What every cluster should have at a view; every problem when the fleet file is refused as a whole.
    pub(super) fn survey(&mut self, commits: &mut Commits) -> Result<Survey, Vec<Problem>> {
        self.progress.says("rendering");
        let result = self.until_answered(commits, survey);
        self.progress.ends();
        result
    }

    /// What changes from one view to another.
    pub(super) fn plan(
        &mut self,
        from: Option<(&Survey, &mut Commits)>,
        to: (&Survey, &mut Commits),
        clusters: BTreeSet<ClusterName>,
    ) -> Result<FleetPlan, Vec<Problem>> {
        let approvable = match &from {
            Some((_, commits)) => self.approvable(to.0, &commits.hub.commit_id),
            None => BTreeSet::new(),
        };
        let scope = Scope {
            clusters,
            approvable,
        };
        self.progress.says("comparing");
        let plan = match from {
            None => self.until_answered(to.1, |question| {
                let survey = to.0;
                fleet_plan(None, Side { survey, question }, &scope)
            }),
            Some((before, old)) => {
                let old = old.clone();
                self.until_answered(to.1, |question| {
                    let of_old = Question {
                        commits: &old,
                        ..*question
                    };
                    let from = Side {
                        survey: before,
                        question: &of_old,
                    };
                    let to = Side {
                        survey: to.0,
                        question,
                    };
                    fleet_plan(Some(from), to, &scope)
                })
            }
        };
        self.progress.ends();
        plan
    }

    /// What is wrong with what was surveyed.
    pub(super) fn verdict(&self, survey: &Survey) -> Verdict {
        Verdict::of(survey, &self.fleet_file)
    }

    /// Commits that approvals name and that `from` is, or is an ancestor of.
    fn approvable(&self, to: &Survey, from: &CommitId) -> BTreeSet<CommitId> {
        let named = to.hub.fleet.approvals.iter().map(|a| &a.before);
        let reached = named.filter(|before| {
            self.repository
                .ancestry(from, before)
                .is_ok_and(|ancestry| ancestry == Ancestry::Yes)
        });
        reached.cloned().collect()
    }

    /// Keeps what was learned for the next run.
    pub(super) fn keep(&self) {
        self.cache.keep(&self.memory);
    }

    /// Asks a pure function until it has what it needs.
    pub(super) fn until_answered<T>(
        &mut self,
        commits: &mut Commits,
        ask: impl Fn(&Question<'_>) -> Result<T, Need>,
    ) -> Result<T, Vec<Problem>> {
        for _ in 0..MAX_ROUNDS {
            let progress = &self.progress;
            let each: Each<'_> = &|count, job| {
                parallel::each(count, &|index| {
                    job(index);
                    progress.step(count);
                });
            };
            let question = Question {
                commits,
                fleet_file: &self.fleet_file,
                memory: &self.memory,
                each,
            };
            match ask(&question) {
                Ok(answer) => return Ok(answer),
                Err(Need::Sources(sources)) => {
                    for source in sources {
                        let state = self.source(&source, commits);
                        commits.sources.insert(source, state);
                    }
                }
                Err(Need::Blobs(repository, blobs)) => {
                    let place = self.clones.get_mut(&repository);
                    let place = place.unwrap_or(&mut self.repository);
                    place.fetch(blobs).map_err(|problem| vec![problem])?;
                }
                Err(Need::Refused(problems)) => return Err(problems),
            }
        }
        let message = format!("more than {MAX_ROUNDS} rounds of fetching");
        Err(vec![Problem::new(Reason::NodeBudget, message)])
    }

    /// A ref of the hub repository: its branches stand for the commit in question, anything else is resolved.
    fn source(&mut self, source: &SourceRef, commits: &Commits) -> SourceState {
        if source.repository != HUB {
            return self.elsewhere(source);
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

    /// A ref of another repository, of which a clone may be at hand.
    fn elsewhere(&mut self, source: &SourceRef) -> SourceState {
        let Some(clone) = self.clones.get_mut(&source.repository) else {
            let message = format!(
                "{} is another repository, which is not at hand",
                source.repository
            );
            return SourceState::Failed(Problem::new(Reason::UnknownRepository, message).remedy(
                format!("give a clone of it: --clone {}=PATH", source.repository),
            ));
        };
        match clone.commit(&source.name) {
            Ok((revision, tree)) => SourceState::At(revision, tree),
            Err(problem) => SourceState::Failed(problem),
        }
    }
}
