//! The three ports between decisions and the world. Each has a real adapter and a strict in-memory fake.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

pub use muster_model::agent_state::{Parent, Swap};
use muster_model::effect::{Effect, Outcome};
use muster_model::observed::Discovery;
pub use muster_model::observed::WatchEvent;
use muster_model::{BlobId, ClusterName, CommitId, GroupKind, Node, Problem, ServiceAccount, Tree};
use tokio::sync::mpsc;

pub use muster_rollout::Ancestry;

/// A commit as the engine reads it.
pub type Snapshot = Arc<dyn Tree + Send + Sync>;

/// Where content comes from.
pub trait Source: Send + Sync + 'static {
    /// What each ref of a repository resolves to; `None` where it is not there. One request when nothing moved.
    fn resolve(
        &self,
        repository: &str,
        names: Vec<String>,
    ) -> impl Future<Output = Result<BTreeMap<String, Option<CommitId>>, Problem>> + Send;

    /// The tree of a commit, fetched when it is not here yet.
    fn snapshot(
        &self,
        repository: &str,
        commit_id: &CommitId,
    ) -> impl Future<Output = Result<Snapshot, Problem>> + Send;

    /// Fetches blobs that a snapshot lacked.
    fn fetch(
        &self,
        repository: &str,
        blobs: Vec<BlobId>,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Whether `next` follows `accepted`.
    fn ancestry(
        &self,
        repository: &str,
        accepted: &CommitId,
        next: &CommitId,
    ) -> impl Future<Output = Result<Ancestry, Problem>> + Send;
}

/// The cluster that is kept.
pub trait Cluster: Sized + Send + Sync + 'static {
    /// The field manager of every apply from now on: `muster.<fleet>`, known once the fleet file is.
    fn manage_as(&self, manager: &str);

    /// Every served kind.
    fn discover(&self) -> impl Future<Output = Result<Discovery, Problem>> + Send;

    /// Reads the parent object; one that does not exist is empty.
    fn parent(&self) -> impl Future<Output = Result<Parent, Problem>> + Send;

    /// Stores the parent if it still has the version that was read.
    fn swap_parent(&self, next: &Parent) -> impl Future<Output = Result<Swap, Problem>> + Send;

    /// Starts watching objects with our label of one kind, for as long as `events` is open and the task lives.
    fn watch(
        &self,
        kind: GroupKind,
        events: mpsc::Sender<WatchEvent>,
    ) -> tokio::task::JoinHandle<()>;

    /// Starts watching the namespaces.
    fn watch_namespaces(&self, events: mpsc::Sender<WatchEvent>) -> tokio::task::JoinHandle<()>;

    /// The same cluster, whose effects are carried out as a service account.
    #[must_use]
    fn acting_as(&self, account: &ServiceAccount) -> Self;

    /// Carries out one effect; `body` is what to apply.
    fn act(&self, effect: &Effect, body: Option<&Node>) -> impl Future<Output = Outcome> + Send;
}

/// A status as it lies in the store, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    /// `status.json`.
    pub bytes: Vec<u8>,
    /// `status.json.sig`.
    pub signature: String,
}

/// What the status store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusRefs {
    /// Inbox refs: cluster → commit and content.
    pub inbox: BTreeMap<ClusterName, (CommitId, Unchecked)>,
    /// The folded branch's commit.
    pub branch: Option<CommitId>,
    /// Entries of the folded branch.
    pub folded: BTreeMap<ClusterName, Unchecked>,
}

/// One ref to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The ref.
    pub name: String,
    /// What it must be now; `None`: it must not exist.
    pub old: Option<CommitId>,
    /// The parents of the new commit.
    pub parents: Vec<CommitId>,
    /// The whole tree of the new commit.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The commit's message.
    pub message: String,
}

/// What became of one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It is where it should be.
    To(CommitId),
    /// Somebody else moved it first.
    Stale,
    /// The server will not have it.
    Refused(Problem),
}

/// Where statuses go.
pub trait StatusStore: Send + Sync + 'static {
    /// Reads every status.
    fn read(&self) -> impl Future<Output = Result<StatusRefs, Problem>> + Send;

    /// Moves refs in one request, each by itself, each only from where it was. Commits are signed.
    fn push(
        &self,
        updates: Vec<StatusUpdate>,
    ) -> impl Future<Output = Result<Vec<Moved>, Problem>> + Send;
}
