//! The Git side of a pass: resolve each ref once, fetch what moved, and ask the engine what this cluster should have.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use muster_engine::{Commits, Desired, Need, Recall, Request, SourceRef, SourceState, desire};
use muster_model::agent_state::Enforced;
use muster_model::kinds::Scopes;
use muster_model::release::Release;
use muster_model::{ApplicationKey, CommitId, Problem, Reason, Revision};
use muster_rollout::{Ancestry, Offer, accept};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::config::Config;
use crate::ports::Source;

/// Rounds of "fetch what was missing and ask again" before a pass gives up: each level of bases may need one.
const MAX_ROUNDS: usize = 200;

/// What was accepted before, as the agent remembers it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trust {
    /// `<repository> <ref>` → newest accepted commit.
    pub(super) accepted: BTreeMap<String, CommitId>,
    /// Newest accepted `spec.serial`.
    pub(super) serial: u64,
}

impl Trust {
    fn key(source: &SourceRef) -> String {
        Self::key_of(&source.repository, &source.name)
    }

    /// How a ref is named in [`Self::accepted`].
    pub(super) fn key_of(repository: &str, name: &str) -> String {
        format!("{repository} {name}")
    }

    fn mark(&self, source: &SourceRef) -> Option<&CommitId> {
        self.accepted.get(&Self::key(source))
    }
}

/// What one look at Git came to.
pub(super) enum Gathered {
    /// Nothing moved since the last successful look.
    Unchanged,
    /// What this cluster should have, and what is now accepted.
    New(Box<Desired>, Trust),
}

/// What each ref was found to be; a repository that cannot be asked fails by itself.
type Resolved = BTreeMap<SourceRef, Result<Option<CommitId>, Problem>>;

/// Where the commit of a ref comes from.
#[derive(Clone, Copy)]
enum Refs<'a> {
    /// The server is asked.
    Asked,
    /// What was accepted last; no server is asked.
    Recorded(&'a Trust),
    /// The commits of a release; what else is needed is asked for.
    OfRelease(&'a Release),
}

/// Looks at Git again and again; remembers what it saw last.
pub(super) struct Gatherer<S> {
    source: Arc<S>,
    config: Config,
    request: Arc<Request>,
    seen: Resolved,
}

impl<S: Source> Gatherer<S> {
    pub(super) fn new(source: Arc<S>, config: &Config, request: Request) -> Self {
        Self {
            source,
            config: config.clone(),
            request: Arc::new(request),
            seen: Resolved::new(),
        }
    }

    /// Forgets what was seen, so that the next look decides anew: the world changed elsewhere.
    pub(super) fn forget(&mut self) {
        self.seen.clear();
    }

    /// How many sources were rendered so far.
    pub(super) fn rendered(&self) -> u64 {
        self.request.renders.count()
    }

    /// One look. Each ref is resolved once.
    ///
    /// # Errors
    /// Why nothing new can be enforced; what is enforced stays.
    pub(super) async fn look(
        &mut self,
        trust: &Trust,
        scopes: &Scopes,
    ) -> Result<Gathered, Problem> {
        let hub = SourceRef {
            repository: self.config.hub.clone(),
            name: self.config.revision.clone(),
        };
        let mut resolved = self.resolve_seen(&hub).await?;
        let hub_commit = present(&hub, resolved.get(&hub))?;
        if !self.seen.is_empty()
            && self
                .seen
                .iter()
                .all(|(source, before)| resolved.get(source) == Some(before))
        {
            return Ok(Gathered::Unchanged);
        }
        let tree = self.source.snapshot(&hub.repository, &hub_commit).await?;
        let revision = Revision {
            name: hub.name.clone(),
            commit_id: hub_commit.clone(),
        };
        let mut commits = Commits::of_hub(&self.config.hub, revision, tree);
        let first_look = self
            .rounds(
                &self.request,
                &mut commits,
                &mut resolved,
                (scopes, Refs::Asked),
            )
            .await;
        let desired = match first_look {
            Ok(desired) => desired,
            // A history that was rewritten is named as that, whatever else is wrong with its content.
            Err(problem) => match self.follows(&hub, &hub_commit, trust.serial, trust).await {
                Err(why)
                    if matches!(
                        why.reason,
                        Reason::NonFastForward | Reason::RollbackDetected
                    ) =>
                {
                    return Err(why);
                }
                Ok(()) | Err(_) => return Err(problem),
            },
        };
        let (desired, next) = self
            .trusted(&mut commits, &mut resolved, desired, (trust, scopes))
            .await?;
        self.request.renders.rest();
        self.seen = commits.sources.iter().map(seen(&resolved)).collect();
        Ok(Gathered::New(Box::new(desired), next))
    }

    /// What the commits say that were accepted last, when the server cannot say more: from the local store.
    ///
    /// # Errors
    /// When they can no longer be had.
    pub(super) async fn accepted(
        &self,
        trust: &Trust,
        scopes: &Scopes,
    ) -> Result<Desired, Problem> {
        let hub = SourceRef {
            repository: self.config.hub.clone(),
            name: self.config.revision.clone(),
        };
        let commit_id = recorded(trust, &hub)?;
        let tree = self.source.snapshot(&hub.repository, &commit_id).await?;
        let revision = Revision {
            name: hub.name.clone(),
            commit_id,
        };
        let mut commits = Commits::of_hub(&self.config.hub, revision, tree);
        let refs = Refs::Recorded(trust);
        self.rounds(
            &self.request,
            &mut commits,
            &mut Resolved::new(),
            (scopes, refs),
        )
        .await
    }

    /// What an Application was at the release that is still enforced, from pinned commits.
    ///
    /// # Errors
    /// When the release can no longer be had.
    pub(super) async fn recall(
        &self,
        key: &ApplicationKey,
        enforced: &Enforced,
        scopes: &Scopes,
    ) -> Result<Desired, Problem> {
        let release = enforced.newest();
        let tree = self
            .source
            .snapshot(&self.config.hub, &release.hub.commit_id)
            .await
            .map_err(unavailable)?;
        let mut commits = Commits::of_hub(&self.config.hub, release.hub.clone(), tree);
        let request = Arc::new(Request {
            only: Some(Recall {
                key: key.clone(),
                sources: release.sources.clone(),
            }),
            ..(*self.request).clone()
        });
        let refs = Refs::OfRelease(release);
        self.rounds(&request, &mut commits, &mut Resolved::new(), (scopes, refs))
            .await
    }

    /// Resolves the hub and every ref that the last look needed, one request for each repository.
    async fn resolve_seen(&self, hub: &SourceRef) -> Result<Resolved, Problem> {
        let wanted: BTreeSet<SourceRef> = self.seen.keys().cloned().chain([hub.clone()]).collect();
        let mut resolved = Resolved::new();
        self.resolve(&wanted, &mut resolved).await;
        match resolved.get(hub) {
            Some(Err(problem)) => Err(problem.clone()),
            Some(Ok(_)) | None => Ok(resolved),
        }
    }

    /// The commits of the release need no server; what else is needed to find the Application is asked for.
    async fn resolve_recalled(
        &self,
        wanted: BTreeSet<SourceRef>,
        release: &Release,
        resolved: &mut Resolved,
    ) {
        let commit = |source: &SourceRef| {
            let commits = release.sources.iter().map(|r| &r.commit_id);
            commits.into_iter().find(|c| c.as_str() == source.name)
        };
        let mut others = BTreeSet::new();
        for source in wanted {
            match commit(&source) {
                Some(commit_id) => {
                    resolved.insert(source.clone(), Ok(Some(commit_id.clone())));
                }
                None => {
                    others.insert(source);
                }
            }
        }
        self.resolve(&others, resolved).await;
    }

    async fn resolve(&self, wanted: &BTreeSet<SourceRef>, resolved: &mut Resolved) {
        let mut by_repository: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for source in wanted.iter().filter(|s| !resolved.contains_key(s)) {
            by_repository
                .entry(&source.repository)
                .or_default()
                .push(source.name.clone());
        }
        for (repository, names) in by_repository {
            let found = self.source.resolve(repository, names.clone()).await;
            for name in names {
                let commit = match &found {
                    Ok(found) => Ok(found.get(&name).cloned().flatten()),
                    Err(problem) => Err(problem.clone()),
                };
                let source = SourceRef {
                    repository: repository.to_owned(),
                    name,
                };
                resolved.insert(source, commit);
            }
        }
    }

    /// Asks the engine until nothing is missing; refs that it names are found as `refs` says.
    async fn rounds(
        &self,
        request: &Arc<Request>,
        commits: &mut Commits,
        resolved: &mut Resolved,
        (scopes, refs): (&Scopes, Refs<'_>),
    ) -> Result<Desired, Problem> {
        for _ in 0..MAX_ROUNDS {
            match decide(request, commits, scopes).await? {
                Ok(desired) => return Ok(desired),
                Err(Need::Sources(wanted)) => {
                    match refs {
                        Refs::Asked => self.resolve(&wanted, resolved).await,
                        Refs::Recorded(trust) => {
                            for source in wanted {
                                let commit = recorded(trust, &source).map(Some);
                                resolved.insert(source, commit);
                            }
                        }
                        Refs::OfRelease(release) => {
                            self.resolve_recalled(wanted, release, resolved).await;
                        }
                    }
                    self.add_sources(commits, resolved).await;
                }
                Err(Need::Blobs(repository, blobs)) => {
                    let fetched = self.source.fetch(&repository, blobs).await;
                    fetched.map_err(|problem| match refs {
                        Refs::OfRelease(_) => unavailable(problem),
                        Refs::Asked | Refs::Recorded(_) => problem,
                    })?;
                }
                Err(Need::Refused(problems)) => return Err(first(problems)),
            }
        }
        Err(too_many_rounds())
    }

    /// Adds what was resolved; a source that cannot be had isolates its own Applications.
    async fn add_sources(&self, commits: &mut Commits, resolved: &Resolved) {
        for (source, commit) in resolved {
            if commits.sources.contains_key(source) {
                continue;
            }
            let state = match present(source, Some(commit)) {
                Err(problem) => SourceState::Failed(problem),
                Ok(commit_id) => match self.source.snapshot(&source.repository, &commit_id).await {
                    Ok(tree) => SourceState::At(
                        Revision {
                            name: source.name.clone(),
                            commit_id,
                        },
                        tree,
                    ),
                    Err(problem) => SourceState::Failed(problem),
                },
            };
            commits.sources.insert(source.clone(), state);
        }
    }

    /// Accepts what follows the marks. A hub that does not is refused as a whole; another source fails by itself, and
    /// with it the Applications that come from it.
    async fn trusted(
        &self,
        commits: &mut Commits,
        resolved: &mut Resolved,
        mut desired: Desired,
        (trust, scopes): (&Trust, &Scopes),
    ) -> Result<(Desired, Trust), Problem> {
        loop {
            let mut next = Trust {
                accepted: trust.accepted.clone(),
                serial: desired.serial,
            };
            let mut refused = Vec::new();
            for (source, state) in &commits.sources {
                let Some(offered) = commit_of(state) else {
                    continue;
                };
                match self.follows(source, &offered, desired.serial, trust).await {
                    Ok(()) => {
                        next.accepted.insert(Trust::key(source), offered);
                    }
                    Err(problem) if source.repository == self.config.hub => return Err(problem),
                    Err(problem) => refused.push((source.clone(), problem)),
                }
            }
            if refused.is_empty() {
                return Ok((desired, next));
            }
            for (source, problem) in refused {
                commits.sources.insert(source, SourceState::Failed(problem));
            }
            desired = self
                .rounds(&self.request, commits, resolved, (scopes, Refs::Asked))
                .await?;
        }
    }

    /// Whether a source's commit may be taken after the one accepted before.
    async fn follows(
        &self,
        source: &SourceRef,
        offered: &CommitId,
        offered_serial: u64,
        trust: &Trust,
    ) -> Result<(), Problem> {
        let accepted = trust.mark(source);
        let ancestry = match accepted {
            Some(mark) if mark != offered => {
                self.source
                    .ancestry(&source.repository, mark, offered)
                    .await?
            }
            _ => Ancestry::Follows,
        };
        accept(&Offer {
            name: &source.name,
            accepted,
            accepted_serial: trust.serial,
            offered,
            offered_serial,
            ancestry,
        })
    }
}

/// Runs the engine on a blocking thread: rendering takes processor time. A runtime of one thread has nothing else to
/// keep going, so there it runs in place, and the same inputs give the same order of events.
async fn decide(
    request: &Arc<Request>,
    commits: &Commits,
    scopes: &Scopes,
) -> Result<Result<Desired, Need>, Problem> {
    let (request, commits, scopes) = (Arc::clone(request), commits.clone(), scopes.clone());
    let work = move || desire(&request, &commits, &scopes);
    let broken = |why| Problem::new(Reason::InternalError, why);
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return catch_unwind(AssertUnwindSafe(work))
            .map_err(|_| broken("the renderer failed on this commit"));
    }
    tokio::task::spawn_blocking(work).await.map_err(|e| {
        broken(if e.is_panic() {
            "the renderer failed on this commit"
        } else {
            "the agent is stopping"
        })
    })
}

fn present(
    source: &SourceRef,
    commit: Option<&Result<Option<CommitId>, Problem>>,
) -> Result<CommitId, Problem> {
    let found = commit.cloned().unwrap_or(Ok(None))?;
    found.ok_or_else(|| {
        Problem::new(
            Reason::SourceMissing,
            format!("{} is not in {}", source.name, source.repository),
        )
    })
}

/// What a source has to be found as again for nothing to have moved. One that was found and could not be used is looked
/// at again.
fn seen<'r>(
    resolved: &'r Resolved,
) -> impl Fn((&SourceRef, &SourceState)) -> (SourceRef, Result<Option<CommitId>, Problem>) + 'r {
    |(source, state)| {
        let found = match (state, resolved.get(source)) {
            (SourceState::At(revision, _), _) => Ok(Some(revision.commit_id.clone())),
            (SourceState::Failed(_), Some(found @ (Ok(None) | Err(_)))) => found.clone(),
            (SourceState::Failed(_), Some(Ok(Some(_))) | None) => Ok(None),
        };
        (source.clone(), found)
    }
}

/// The commit of a ref that was accepted last.
fn recorded(trust: &Trust, source: &SourceRef) -> Result<CommitId, Problem> {
    trust.mark(source).cloned().ok_or_else(|| {
        let SourceRef { repository, name } = source;
        let message = format!("no commit of {name} in {repository} was accepted yet");
        Problem::new(Reason::ReleaseUnavailable, message)
    })
}

fn commit_of(state: &SourceState) -> Option<CommitId> {
    match state {
        SourceState::At(revision, _) => Some(revision.commit_id.clone()),
        SourceState::Failed(_) => None,
    }
}

fn first(problems: Vec<Problem>) -> Problem {
    let more = problems.len().saturating_sub(1);
    let mut problem = problems
        .into_iter()
        .next()
        .unwrap_or_else(|| Problem::new(Reason::InvalidFleetFile, "the fleet file is refused"));
    if more > 0 {
        problem.message = format!("{} (and {more} more)", problem.message);
    }
    problem
}

fn unavailable(problem: Problem) -> Problem {
    Problem::new(
        Reason::ReleaseUnavailable,
        format!("the release in force cannot be had: {}", problem.message),
    )
}

fn too_many_rounds() -> Problem {
    Problem::new(
        Reason::NodeBudget,
        format!("more than {MAX_ROUNDS} rounds of fetching"),
    )
}
