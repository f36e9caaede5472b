//! The fake of the `Source` port: repositories made of commits, branches that move any way they like, servers that fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use muster::ports::{Ancestry, Snapshot, Source};
use muster_model::tree::{Entry, TreeError};
use muster_model::{BlobId, CommitId, Digest, MemoryTree, Problem, Reason, RepoPath, Tree};

use super::faults::Faults;
use super::journal::Journal;

/// How long a request takes.
const LATENCY: Duration = Duration::from_millis(5);
/// After this long without an answer the agent's Git side gives up.
const GIVEN_UP: Duration = Duration::from_secs(60);

struct Commit {
    parents: Vec<CommitId>,
    tree: Arc<dyn Tree + Send + Sync>,
}

#[derive(Default)]
struct Repository {
    refs: BTreeMap<String, CommitId>,
    commits: BTreeMap<CommitId, Commit>,
    error: Option<Problem>,
    /// Whether history is known between commits.
    shallow: bool,
    /// Requests are taken and never answered.
    hung: bool,
}

/// What happens to an agent that reads, for somebody who judges it.
pub enum Reading<'a> {
    /// It asked what refs of a repository are, and heard this.
    Resolved(
        u32,
        &'a str,
        &'a Result<BTreeMap<String, Option<CommitId>>, Problem>,
    ),
    /// It has the trees of a commit.
    Has(u32, &'a CommitId),
}

/// Somebody who judges what an agent reads from Git.
pub type SourceInspector = Box<dyn FnMut(&Reading<'_>) + Send>;

/// The volume of one agent: what it has fetched. Clones share.
#[derive(Clone, Default)]
pub struct Volume(Arc<Mutex<Local>>);

#[derive(Default)]
struct Local {
    /// Commits in the agent's own store: no server is asked for them.
    trees: BTreeMap<CommitId, Arc<dyn Tree + Send + Sync>>,
    fetched: Arc<Mutex<BTreeSet<BlobId>>>,
    /// Reads of the store that find it damaged, before it is built anew.
    damaged: u32,
}

impl Volume {
    fn local(&self) -> MutexGuard<'_, Local> {
        self.0.lock().expect("because nobody panics with it")
    }

    /// Damages the store: the next `reads` find it so.
    pub fn damage(&self, reads: u32) {
        self.local().damaged = reads;
    }
}

/// A commit that lands while requests are under way.
struct Landing {
    after: u64,
    url: String,
    branch: String,
    tree: MemoryTree,
    told: Landed,
}

/// Called when a commit has landed: the commit and its parents.
pub type Landed = Box<dyn FnOnce(CommitId, Vec<CommitId>) + Send>;

#[derive(Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    landings: Vec<Landing>,
    inspector: Option<SourceInspector>,
    journal: Journal,
    lazy: bool,
    made: u64,
    resolves: u64,
    fetches: u64,
}

/// Git servers, as one agent reaches them.
#[derive(Clone, Default)]
pub struct FakeSource {
    state: Arc<Mutex<State>>,
    faults: Faults,
    volume: Volume,
}

impl FakeSource {
    /// No repository at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another agent's way to the same servers.
    #[must_use]
    pub fn connect(&self, faults: Faults) -> Self {
        Self {
            state: self.state.clone(),
            faults,
            volume: self.volume.clone(),
        }
    }

    /// The same way with a volume of its own.
    #[must_use]
    pub fn on_volume(mut self, volume: Volume) -> Self {
        self.volume = volume;
        self
    }

    /// Writes into this journal from now on.
    pub fn write_into(&self, journal: Journal) {
        self.state().journal = journal;
    }

    /// Lets somebody judge what agents read.
    pub fn inspect_with(&self, inspector: SourceInspector) {
        self.state().inspector = Some(inspector);
    }

    /// Takes requests without ever answering, or answers again.
    pub fn hang(&self, url: &str, hung: bool) {
        let mut state = self.state();
        state.repositories.entry(url.to_owned()).or_default().hung = hung;
    }

    /// Lets a commit land on `branch` once `after` further requests were answered.
    pub fn commit_after(
        &self,
        after: u64,
        url: &str,
        branch: &str,
        tree: MemoryTree,
        told: Landed,
    ) {
        self.state().landings.push(Landing {
            after,
            url: url.to_owned(),
            branch: branch.to_owned(),
            tree,
            told,
        });
    }

    /// Lets those land that wait.
    pub fn land(&self) {
        let waiting = std::mem::take(&mut self.state().landings);
        for landing in waiting {
            self.land_one(landing);
        }
    }

    fn land_one(&self, landing: Landing) {
        let commit_id = self.commit(&landing.url, &landing.branch, landing.tree);
        let parents = self.parents(&landing.url, &commit_id);
        {
            let state = self.state();
            state.journal.reach("commit between two reads");
            state
                .journal
                .note(|| format!("commit {} lands", commit_id.short()));
        }
        (landing.told)(commit_id, parents);
    }

    /// Counts a request, and lets the commits land that waited for it.
    fn count_request(&self) {
        let mut due = Vec::new();
        {
            let mut state = self.state();
            let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut state.landings)
                .into_iter()
                .partition(|landing| landing.after == 0);
            due.extend(now);
            state.landings = later;
            for landing in &mut state.landings {
                landing.after -= 1;
            }
        }
        for landing in due {
            self.land_one(landing);
        }
    }

    /// True when `commit_id` is in the history of `tip`.
    #[must_use]
    pub fn reaches(&self, url: &str, tip: &CommitId, commit_id: &CommitId) -> bool {
        let state = self.state();
        state
            .repositories
            .get(url)
            .is_some_and(|repository| repository.reaches(tip, commit_id))
    }

    /// The parents of a commit.
    #[must_use]
    pub fn parents(&self, url: &str, commit_id: &CommitId) -> Vec<CommitId> {
        let state = self.state();
        let repository = state.repositories.get(url);
        repository
            .and_then(|repository| repository.commits.get(commit_id))
            .map(|commit| commit.parents.clone())
            .unwrap_or_default()
    }

    /// Makes blobs arrive only when they are asked for, or at once with their commit.
    pub fn lazy_blobs(&self, lazy: bool) {
        self.state().lazy = lazy;
    }

    /// Puts a commit on top of `branch`, which starts with it when it is not there.
    pub fn commit(&self, url: &str, branch: &str, tree: MemoryTree) -> CommitId {
        let parents = self.tip(url, branch).into_iter().collect();
        let id = self.orphan(url, parents, Arc::new(tree));
        self.point(url, branch, Some(id.clone()));
        id
    }

    /// Puts a commit on top of `branch` whose tree breaks Git's own rules (HAZARDS.md T-05).
    pub fn commit_malformed(&self, url: &str, branch: &str, why: &str) -> CommitId {
        let parents = self.tip(url, branch).into_iter().collect();
        let id = self.orphan(url, parents, Arc::new(Malformed(why.to_owned())));
        self.point(url, branch, Some(id.clone()));
        id
    }

    /// Replaces `branch` by a commit with no history in common: a force-push.
    pub fn force_push(&self, url: &str, branch: &str, tree: MemoryTree) -> CommitId {
        let id = self.orphan(url, Vec::new(), Arc::new(tree));
        self.point(url, branch, Some(id.clone()));
        id
    }

    /// Points `branch` at a commit, or deletes it.
    pub fn point(&self, url: &str, branch: &str, commit_id: Option<CommitId>) {
        let mut state = self.state();
        let refs = &mut state.repositories.entry(url.to_owned()).or_default().refs;
        let name = format!("refs/heads/{branch}");
        match commit_id {
            Some(commit_id) => refs.insert(name, commit_id),
            None => refs.remove(&name),
        };
    }

    /// The tip of `branch`.
    #[must_use]
    pub fn tip(&self, url: &str, branch: &str) -> Option<CommitId> {
        let state = self.state();
        state
            .repositories
            .get(url)?
            .refs
            .get(&format!("refs/heads/{branch}"))
            .cloned()
    }

    /// Empties a repository: no ref and no commit.
    pub fn empty(&self, url: &str) {
        self.state()
            .repositories
            .insert(url.to_owned(), Repository::default());
    }

    /// Lets every request to a repository fail, or none.
    pub fn fail(&self, url: &str, reason: Option<Reason>) {
        let problem = reason.map(|reason| Problem::new(reason, "the server says no"));
        self.state()
            .repositories
            .entry(url.to_owned())
            .or_default()
            .error = problem;
    }

    /// Hides history: whether one commit follows another cannot be known.
    pub fn shallow(&self, url: &str, shallow: bool) {
        self.state()
            .repositories
            .entry(url.to_owned())
            .or_default()
            .shallow = shallow;
    }

    /// Drops what was fetched, as when the volume is lost.
    pub fn forget_fetched(&self) {
        let mut local = self.volume.local();
        local.trees.clear();
        local
            .fetched
            .lock()
            .expect("because nobody panics with it")
            .clear();
    }

    /// How often refs were resolved.
    #[must_use]
    pub fn resolves(&self) -> u64 {
        self.state().resolves
    }

    /// How often blobs were fetched.
    #[must_use]
    pub fn fetches(&self) -> u64 {
        self.state().fetches
    }

    fn orphan(
        &self,
        url: &str,
        parents: Vec<CommitId>,
        tree: Arc<dyn Tree + Send + Sync>,
    ) -> CommitId {
        let mut state = self.state();
        state.made += 1;
        let hex = Digest::of(format!("{url} {}", state.made).as_bytes()).hex();
        let id = CommitId::new(&hex[..40]).expect("because 40 digits are a commit id");
        let repository = state.repositories.entry(url.to_owned()).or_default();
        repository
            .commits
            .insert(id.clone(), Commit { parents, tree });
        id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("because nobody panics with it")
    }

    async fn request<T>(
        &self,
        url: &str,
        answer: impl FnOnce(&mut Repository) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        tokio::time::sleep(LATENCY).await;
        self.faults.alive().await;
        self.count_request();
        let hung = self.state().repositories.get(url).is_some_and(|r| r.hung);
        if hung {
            self.state().journal.reach("Git request hung");
            tokio::time::sleep(GIVEN_UP).await;
            self.faults.alive().await;
            return Err(Problem::new(Reason::GitUnreachable, "no answer"));
        }
        let mut state = self.state();
        let Some(repository) = state.repositories.get_mut(url) else {
            return Err(Problem::new(
                Reason::GitNotFound,
                format!("no repository at {url}"),
            ));
        };
        match &repository.error {
            Some(problem) => Err(problem.clone()),
            None => answer(repository),
        }
    }
}

impl Repository {
    fn resolve(&self, name: &str) -> Option<CommitId> {
        let head = if name == "HEAD" { "main" } else { name };
        [
            name.to_owned(),
            format!("refs/heads/{head}"),
            format!("refs/tags/{name}"),
        ]
        .iter()
        .find_map(|full| self.refs.get(full).cloned())
        .or_else(|| {
            CommitId::new(name)
                .ok()
                .filter(|id| self.commits.contains_key(id))
        })
    }

    fn tree(&self, commit_id: &CommitId) -> Result<Arc<dyn Tree + Send + Sync>, Problem> {
        let missing = || Problem::new(Reason::ReleaseUnavailable, format!("no commit {commit_id}"));
        let commit = self.commits.get(commit_id).ok_or_else(missing)?;
        Ok(commit.tree.clone())
    }

    fn reaches(&self, from: &CommitId, wanted: &CommitId) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![from.clone()];
        while let Some(id) = next.pop() {
            if id == *wanted {
                return true;
            }
            if seen.insert(id.clone()) {
                next.extend(
                    self.commits
                        .get(&id)
                        .map(|commit| commit.parents.clone())
                        .unwrap_or_default(),
                );
            }
        }
        false
    }
}

impl Source for FakeSource {
    async fn resolve(
        &self,
        repository: &str,
        names: Vec<String>,
    ) -> Result<BTreeMap<String, Option<CommitId>>, Problem> {
        self.state().resolves += 1;
        let found = self
            .request(repository, |repository| {
                Ok(names
                    .into_iter()
                    .map(|name| (name.clone(), repository.resolve(&name)))
                    .collect())
            })
            .await;
        let life = self.faults.life();
        if let Some(inspector) = &mut self.state().inspector {
            inspector(&Reading::Resolved(life, repository, &found));
        }
        found
    }

    async fn snapshot(&self, repository: &str, commit_id: &CommitId) -> Result<Snapshot, Problem> {
        let stored = {
            let mut local = self.volume.local();
            if local.damaged > 0 {
                local.damaged -= 1;
                local.trees.clear();
                self.state().journal.reach("damaged Git store");
                return Err(Problem::new(
                    Reason::GitObjectCorrupt,
                    "the store is damaged",
                ));
            }
            local.trees.get(commit_id).cloned()
        };
        let tree = match stored {
            Some(tree) => tree,
            None => {
                self.request(repository, |repository| repository.tree(commit_id))
                    .await?
            }
        };
        if let Some(inspector) = &mut self.state().inspector {
            inspector(&Reading::Has(self.faults.life(), commit_id));
        }
        let mut local = self.volume.local();
        local.trees.insert(commit_id.clone(), tree.clone());
        if !self.state().lazy {
            return Ok(tree);
        }
        Ok(Arc::new(Lazy {
            tree,
            fetched: local.fetched.clone(),
        }))
    }

    async fn fetch(&self, repository: &str, blobs: Vec<BlobId>) -> Result<(), Problem> {
        self.request(repository, |_| Ok(())).await?;
        self.state().fetches += 1;
        self.volume
            .local()
            .fetched
            .lock()
            .expect("because nobody panics with it")
            .extend(blobs);
        Ok(())
    }

    async fn ancestry(
        &self,
        repository: &str,
        accepted: &CommitId,
        next: &CommitId,
    ) -> Result<Ancestry, Problem> {
        self.request(repository, |repository| {
            Ok(if accepted == next {
                Ancestry::Follows
            } else if repository.shallow {
                Ancestry::Unknown
            } else if repository.reaches(next, accepted) {
                Ancestry::Follows
            } else if repository.reaches(accepted, next) {
                Ancestry::Precedes
            } else {
                Ancestry::Diverges
            })
        })
        .await
    }
}

/// A tree whose blobs are there once they were fetched.
struct Lazy {
    tree: Arc<dyn Tree + Send + Sync>,
    fetched: Arc<Mutex<BTreeSet<BlobId>>>,
}

impl Tree for Lazy {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }
    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.tree.list(path)
    }
    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        if self
            .fetched
            .lock()
            .expect("because nobody panics with it")
            .contains(id)
        {
            self.tree.blob(id)
        } else {
            Err(TreeError::NotFetched(id.clone()))
        }
    }
}

/// A tree that breaks Git's own rules wherever one looks.
struct Malformed(String);

impl Tree for Malformed {
    fn entry(&self, _path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        Err(TreeError::Malformed(self.0.clone()))
    }
    fn list(&self, _path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        Err(TreeError::Malformed(self.0.clone()))
    }
    fn blob(&self, _id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        Err(TreeError::Malformed(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://git.example.com/hub.git";

    #[tokio::test(start_paused = true)]
    async fn ancestry_follows_the_parents() {
        let source = FakeSource::new();
        let one = source.commit(URL, "main", MemoryTree::of([("a", "1")]));
        let two = source.commit(URL, "main", MemoryTree::of([("a", "2")]));
        let forced = source.force_push(URL, "main", MemoryTree::of([("a", "3")]));
        assert_eq!(
            source.ancestry(URL, &one, &two).await,
            Ok(Ancestry::Follows)
        );
        assert_eq!(
            source.ancestry(URL, &two, &one).await,
            Ok(Ancestry::Precedes)
        );
        assert_eq!(
            source.ancestry(URL, &two, &forced).await,
            Ok(Ancestry::Diverges)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lazy_snapshot_has_its_blobs_once_they_are_fetched() {
        let source = FakeSource::new();
        source.lazy_blobs(true);
        let id = source.commit(URL, "main", MemoryTree::of([("a", "1")]));
        let snapshot = source.snapshot(URL, &id).await.expect("there");
        let entry = snapshot
            .entry(&RepoPath::new("a").expect("a path"))
            .expect("a tree")
            .expect("there");
        assert_eq!(
            snapshot.blob(&entry.id),
            Err(TreeError::NotFetched(entry.id.clone()))
        );
        source
            .fetch(URL, vec![entry.id.clone()])
            .await
            .expect("there");
        assert_eq!(&*snapshot.blob(&entry.id).expect("fetched"), b"1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deleted_branch_resolves_to_nothing_and_an_error_to_an_error() {
        let source = FakeSource::new();
        source.commit(URL, "main", MemoryTree::of([("a", "1")]));
        source.point(URL, "main", None);
        let refs = source
            .resolve(URL, vec!["main".to_owned()])
            .await
            .expect("reachable");
        assert_eq!(refs["main"], None);
        source.fail(URL, Some(Reason::GitAuth));
        let problem = source.resolve(URL, Vec::new()).await.expect_err("refused");
        assert_eq!(problem.reason, Reason::GitAuth);
    }
}
