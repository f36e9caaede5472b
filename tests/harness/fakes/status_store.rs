//! The fake of the `StatusStore` port: refs that move by compare-and-swap, answers that get lost, refusals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use muster::ports::{Moved, StatusRefs, StatusStore, StatusUpdate, Unchecked};
use muster_model::status::ClusterStatus;
use muster_model::{ClusterName, CommitId, Digest, Problem, Reason};
use muster_status::entry::{INBOX_PREFIX, SIGNATURE_FILE, STATUS_BRANCH, STATUS_FILE};

use super::faults::{Failure, Fate, Faults, Kind, Side};
use super::journal::Journal;

/// How long a request takes.
const LATENCY: Duration = Duration::from_millis(5);

/// One commit of the store.
#[derive(Debug, Clone)]
pub struct StatusCommit {
    /// Its parents.
    pub parents: Vec<CommitId>,
    /// Its files.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its message.
    pub message: String,
}

#[derive(Default)]
struct State {
    refs: BTreeMap<String, CommitId>,
    commits: BTreeMap<CommitId, StatusCommit>,
    refused: Vec<(String, Reason)>,
    error: Option<Reason>,
    pushes: u64,
    history: Vec<ClusterStatus>,
    /// So many of them nobody remembers any more.
    forgotten: usize,
    /// Which life published each of them.
    lives: Vec<u32>,
    /// The exact bytes of every status a cluster put into its inbox.
    signed: BTreeSet<Vec<u8>>,
    violations: Vec<String>,
    journal: Journal,
    inspector: Option<StatusInspector>,
    /// Pushes that somebody else's will overtake.
    races: u32,
}

/// Somebody who judges what is published: the agent's life and the status.
pub type StatusInspector = Box<dyn FnMut(u32, &ClusterStatus) + Send>;

/// The status repository, as one agent reaches it.
#[derive(Clone, Default)]
pub struct FakeStatus {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

impl FakeStatus {
    /// An empty repository.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another agent's way to the same repository.
    #[must_use]
    pub fn connect(&self, faults: Faults) -> Self {
        Self {
            state: self.state.clone(),
            faults,
        }
    }

    /// Refuses updates of refs that start with `prefix`.
    pub fn refuse(&self, prefix: &str, reason: Reason) {
        self.state().refused.push((prefix.to_owned(), reason));
    }

    /// Accepts every update again.
    pub fn accept(&self) {
        self.state().refused.clear();
    }

    /// Lets every request fail, or none.
    pub fn fail(&self, reason: Option<Reason>) {
        self.state().error = reason;
    }

    /// Moves a ref behind everybody's back.
    pub fn put(&self, name: &str, files: BTreeMap<String, Vec<u8>>) -> CommitId {
        let mut state = self.state();
        let id = state.store(StatusCommit {
            parents: Vec::new(),
            files,
            message: String::new(),
        });
        state.refs.insert(name.to_owned(), id.clone());
        id
    }

    /// Writes into this journal from now on.
    pub fn write_into(&self, journal: Journal) {
        self.state().journal = journal;
    }

    /// Lets somebody judge what is published.
    pub fn inspect_with(&self, inspector: StatusInspector) {
        self.state().inspector = Some(inspector);
    }

    /// Lets somebody else move every ref just before each of the next `pushes`.
    pub fn overtake(&self, pushes: u32) {
        self.state().races = pushes;
    }

    /// True while requests are answered.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.state().error.is_none()
    }

    /// What the inbox of a cluster holds.
    #[must_use]
    pub fn inbox(&self, cluster: &str) -> Option<Vec<u8>> {
        let commit = self.commit(&format!("{INBOX_PREFIX}{cluster}"))?;
        commit.files.get(STATUS_FILE).cloned()
    }

    /// What the folded branch says of a cluster.
    #[must_use]
    pub fn folded(&self, cluster: &str) -> Option<Vec<u8>> {
        let commit = self.commit(STATUS_BRANCH)?;
        let end = format!("/{cluster}/{STATUS_FILE}");
        let found = commit
            .files
            .into_iter()
            .find(|(path, _)| path.ends_with(&end));
        found.map(|(_, bytes)| bytes)
    }

    /// S4: why the folded entry of a cluster is not one that the cluster signed.
    #[must_use]
    pub fn broken_fold(&self, cluster: &str) -> Option<String> {
        let bytes = self.folded(cluster)?;
        let signed = self.state().signed.contains(&bytes);
        (!signed).then(|| format!("the folded entry of {cluster} was never signed"))
    }

    /// The files and messages of every ref's newest commit, as text.
    #[must_use]
    pub fn newest(&self) -> Vec<String> {
        let state = self.state();
        let commits = state.refs.values().filter_map(|id| state.commits.get(id));
        commits
            .flat_map(|commit| {
                let files = commit.files.values();
                let files = files.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                files.chain([commit.message.clone()]).collect::<Vec<_>>()
            })
            .collect()
    }

    /// S4: true when the bytes are a status that its cluster put into its inbox.
    #[must_use]
    pub fn was_signed(&self, bytes: &[u8]) -> bool {
        self.state().signed.contains(bytes)
    }

    /// Deletes every ref.
    pub fn wipe(&self) {
        self.state().refs.clear();
    }

    /// Nothing is left anywhere that says which numbers were used: they may begin anew.
    pub fn forget(&self) {
        let mut state = self.state();
        state.forgotten = state.history.len();
    }

    /// The commit a ref names.
    #[must_use]
    pub fn commit(&self, name: &str) -> Option<StatusCommit> {
        let state = self.state();
        state.commits.get(state.refs.get(name)?).cloned()
    }

    /// The status a cluster published last.
    #[must_use]
    pub fn status(&self, cluster: &str) -> Option<ClusterStatus> {
        let commit = self.commit(&format!("{INBOX_PREFIX}{cluster}"))?;
        serde_json::from_slice(commit.files.get(STATUS_FILE)?).ok()
    }

    /// Every status that was accepted into an inbox, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<ClusterStatus> {
        self.state().history.clone()
    }

    /// The bytes of every file and message that was ever pushed.
    #[must_use]
    pub fn everything(&self) -> Vec<Vec<u8>> {
        let state = self.state();
        let files = state
            .commits
            .values()
            .flat_map(|c| c.files.values().cloned());
        let messages = state
            .commits
            .values()
            .map(|c| c.message.clone().into_bytes());
        files.chain(messages).collect()
    }

    /// How many pushes were asked for.
    #[must_use]
    pub fn pushes(&self) -> u64 {
        self.state().pushes
    }

    /// What broke an invariant so far.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("because nobody panics with it")
    }

    async fn arrive(&self) -> Result<(), Problem> {
        tokio::time::sleep(LATENCY).await;
        self.faults.alive().await;
        match self.state().error {
            Some(reason) => Err(Problem::new(reason, "the server says no")),
            None => Ok(()),
        }
    }
}

impl State {
    fn store(&mut self, commit: StatusCommit) -> CommitId {
        let hex =
            Digest::of(format!("{} {:?}", self.commits.len(), commit.message).as_bytes()).hex();
        let id = CommitId::new(&hex[..40]).expect("because 40 digits are a commit id");
        self.commits.insert(id.clone(), commit);
        id
    }

    fn push(&mut self, life: u32, updates: Vec<StatusUpdate>) -> Vec<Moved> {
        if self.races > 0 {
            self.races -= 1;
            self.journal.reach("status push overtaken");
            self.move_every_ref();
        }
        updates
            .into_iter()
            .map(|update| self.push_one(life, update))
            .collect()
    }

    /// The same content under other commits.
    fn move_every_ref(&mut self) {
        for (name, commit_id) in self.refs.clone() {
            let Some(mut commit) = self.commits.get(&commit_id).cloned() else {
                continue;
            };
            commit.parents = vec![commit_id];
            let moved = self.store(commit);
            self.refs.insert(name, moved);
        }
    }

    fn push_one(&mut self, life: u32, update: StatusUpdate) -> Moved {
        let refused = self
            .refused
            .iter()
            .find(|(prefix, _)| update.name.starts_with(prefix));
        if let Some((_, reason)) = refused {
            return Moved::Refused(Problem::new(*reason, "the server refuses the ref"));
        }
        if self.refs.get(&update.name) != update.old.as_ref() {
            return Moved::Stale;
        }
        if let Some(cluster) = update.name.strip_prefix(INBOX_PREFIX) {
            self.check_inbox(life, cluster, &update);
        }
        let id = self.store(StatusCommit {
            parents: update.parents,
            files: update.files,
            message: update.message,
        });
        self.refs.insert(update.name, id.clone());
        Moved::To(id)
    }

    /// What a life of a cluster must publish above: what it published itself, and what was there before its first. The
    /// late word of an older agent that does not know yet that it was replaced is no measure, when the store is wiped.
    fn last_before(&self, life: u32, cluster: &str) -> Option<&ClusterStatus> {
        let of_cluster = || {
            self.history
                .iter()
                .zip(&self.lives)
                .skip(self.forgotten)
                .filter(|(status, _)| status.cluster.as_str() == cluster)
        };
        let began = of_cluster().position(|(_, by)| *by == life);
        let seen = of_cluster()
            .enumerate()
            .filter(|(index, (_, by))| **by == life || began.is_none_or(|began| *index < began));
        seen.last().map(|(_, (status, _))| status)
    }

    /// S4: the sequence strictly grows. The schema is closed.
    fn check_inbox(&mut self, life: u32, cluster: &str, update: &StatusUpdate) {
        let read = |files: &BTreeMap<String, Vec<u8>>| {
            let bytes = files.get(STATUS_FILE).cloned().unwrap_or_default();
            serde_json::from_slice::<ClusterStatus>(&bytes)
        };
        let status = match read(&update.files) {
            Ok(status) => status,
            Err(error) => {
                self.violations
                    .push(format!("status of {cluster} does not read: {error}"));
                return;
            }
        };
        let last = self.last_before(life, cluster);
        if last.is_some_and(|last| last.sequence >= status.sequence) {
            self.violations.push(format!(
                "S4: {cluster} published sequence {} again",
                status.sequence
            ));
        }
        if status.cluster.as_str() != cluster {
            self.violations
                .push(format!("{} was published as {cluster}", status.cluster));
        }
        let number = status.sequence;
        self.journal
            .note(|| format!("agent {life} publishes status {number}"));
        self.signed.extend(update.files.get(STATUS_FILE).cloned());
        if let Some(inspector) = &mut self.inspector {
            inspector(life, &status);
        }
        self.history.push(status);
        self.lives.push(life);
    }

    fn unchecked(files: &BTreeMap<String, Vec<u8>>, directory: &str) -> Option<Unchecked> {
        let signature = files.get(&format!("{directory}{SIGNATURE_FILE}"));
        Some(Unchecked {
            bytes: files.get(&format!("{directory}{STATUS_FILE}"))?.clone(),
            signature: String::from_utf8_lossy(signature.map_or(&[][..], Vec::as_slice))
                .into_owned(),
        })
    }

    fn read(&self) -> StatusRefs {
        let inbox = self.refs.iter().filter_map(|(name, id)| {
            let cluster = ClusterName::new(name.strip_prefix(INBOX_PREFIX)?).ok()?;
            let entry = Self::unchecked(&self.commits.get(id)?.files, "")?;
            Some((cluster, (id.clone(), entry)))
        });
        let branch = self.refs.get(STATUS_BRANCH);
        let files = branch
            .and_then(|id| self.commits.get(id))
            .map(|commit| &commit.files);
        let folded = files.into_iter().flatten().filter_map(|(path, _)| {
            let directory = path
                .strip_suffix(STATUS_FILE)
                .filter(|dir| dir.starts_with("clusters/"))?;
            let name = directory.trim_end_matches('/').rsplit('/').next()?;
            Some((
                ClusterName::new(name).ok()?,
                Self::unchecked(files?, directory)?,
            ))
        });
        StatusRefs {
            inbox: inbox.collect(),
            branch: branch.cloned(),
            folded: folded.collect(),
        }
    }
}

impl StatusStore for FakeStatus {
    async fn read(&self) -> Result<StatusRefs, Problem> {
        self.arrive().await?;
        Ok(self.state().read())
    }

    async fn push(&self, updates: Vec<StatusUpdate>) -> Result<Vec<Moved>, Problem> {
        self.arrive().await?;
        self.state().pushes += 1;
        let lost = Problem::new(Reason::StatusUnreachable, "no answer");
        match self.faults.meet(Kind::Push) {
            Fate::Proceed => Ok(self.state().push(self.faults.life(), updates)),
            Fate::Crash(side) => {
                if side == Side::After {
                    self.state().push(self.faults.life(), updates);
                }
                self.faults.kill();
                std::future::pending().await
            }
            Fate::Fail(Failure::TimeoutAfter) => {
                self.state().journal.reach("status answer lost");
                self.state().push(self.faults.life(), updates);
                Err(lost)
            }
            Fate::Fail(_) => Err(lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(name: &str, old: Option<CommitId>) -> StatusUpdate {
        StatusUpdate {
            name: name.to_owned(),
            old,
            parents: Vec::new(),
            files: [("README.md".to_owned(), b"x".to_vec())].into(),
            message: "x".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ref_moves_only_from_where_it_was_and_each_by_itself() {
        let store = FakeStatus::new();
        let first = store
            .push(vec![update(STATUS_BRANCH, None)])
            .await
            .expect("reachable");
        let [Moved::To(id)] = first.as_slice() else {
            panic!("{first:?}");
        };
        store.refuse("refs/heads/fleet-status/", Reason::StatusPushFailed);
        let next = vec![
            update(STATUS_BRANCH, None),
            update("refs/heads/fleet-status/east", None),
            update(STATUS_BRANCH, Some(id.clone())),
        ];
        let moved = store.push(next).await.expect("reachable");
        assert!(
            matches!(
                moved.as_slice(),
                [Moved::Stale, Moved::Refused(_), Moved::To(_)]
            ),
            "{moved:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_leaves_the_ref_moved() {
        let faults = Faults::none();
        faults.fail(super::super::faults::Target::Push, Failure::TimeoutAfter, 1);
        let store = FakeStatus::new().connect(faults);
        assert!(store.push(vec![update(STATUS_BRANCH, None)]).await.is_err());
        let again = store
            .push(vec![update(STATUS_BRANCH, None)])
            .await
            .expect("reachable");
        assert_eq!(again, [Moved::Stale]);
    }
}
