//! A cluster, a hub repository and a status repository in memory, and one agent's life among them after another.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use muster::config::{AGENT_NAME, Config};
use muster::owner::Agent;
use muster_model::agent_state::AgentState;
use muster_model::status::{ApplicationStatus, ClusterStatus};
use muster_model::{CommitId, Health, ObjectId, Problem, Reason, SyncState};
use muster_tests::fakes::{
    self, FakeCluster, FakeSource, FakeStatus, Faults, Identity, NAMESPACE, assert_invariants,
};
pub(crate) use muster_tests::fakes::{CLUSTER, POLL};

use crate::hub::{Hub, URL};

/// A world that is still for this long is settled: six polls, and longer than any debounce.
const STILL: Duration = Duration::from_secs(90);
/// A world that is not still after this long never will be. Back-off ends at ten minutes (HAZARDS.md L4).
const LONGEST: Duration = Duration::from_secs(3600);

/// Everything an agent meets.
pub(crate) struct World {
    pub(crate) cluster: FakeCluster,
    pub(crate) source: FakeSource,
    pub(crate) status: FakeStatus,
    /// How often agents audit.
    pub(crate) audit: Option<Duration>,
}

/// One agent's life, as the script beside it sees it.
pub(crate) struct Life<'w> {
    pub(crate) world: &'w World,
}

/// How far things have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    writes: usize,
    parent: u64,
    pushes: u64,
}

impl World {
    /// A cluster with nothing in it, and no repository.
    pub(crate) fn new() -> Self {
        Self {
            cluster: FakeCluster::new(Identity {
                manager: "muster.bookstore".to_owned(),
                parent_name: AGENT_NAME.to_owned(),
                namespace: NAMESPACE.to_owned(),
            }),
            source: FakeSource::new(),
            status: FakeStatus::new(),
            audit: None,
        }
    }

    /// A cluster that was brought to a hub's first commit, healthy.
    pub(crate) fn at(hub: &Hub) -> Self {
        let world = Self::new();
        let commit_id = world.commit(hub);
        world.settle();
        world.assert_at("shop", &commit_id);
        world
    }

    /// Commits a hub to `main`.
    pub(crate) fn commit(&self, hub: &Hub) -> CommitId {
        self.source.commit(URL, "main", hub.tree())
    }

    /// Takes away what the agent remembers.
    pub(crate) fn lose_state(&self) {
        self.cluster
            .edit_parent(|parent| parent.state = AgentState::default());
    }

    /// The approval that the cluster asks for, ready to paste into the fleet file.
    pub(crate) fn approval(&self, application: &str) -> String {
        let pending = self.application(application).pending_deletions;
        let pending = pending.expect("something is pending");
        format!(
            "  approvals:\n    - {{application: {application}, deletions: {:?}, before: {:?}}}",
            pending.digest.to_string(),
            pending.before.expect("there was a release before").as_str()
        )
    }

    /// Runs an agent until nothing happens any more.
    pub(crate) fn settle(&self) {
        let settled = self.live(&Faults::none(), async |life| life.settle().await);
        assert!(settled.is_some(), "nothing kills this life");
    }

    /// Runs one agent beside a script until the script ends or the agent dies; `None` when it died.
    pub(crate) fn live<T>(
        &self,
        faults: &Faults,
        script: impl AsyncFnOnce(&Life<'_>) -> T,
    ) -> Option<T> {
        let runtime = fakes::runtime();
        let life = Life { world: self };
        let result = runtime.block_on(async {
            let agent = self.agent(faults).run(std::future::pending());
            tokio::select! {
                biased;
                () = faults.died() => None,
                ended = agent => panic!("the agent ended by itself: {ended:?}"),
                () = self.cluster.controllers() => unreachable!("controllers never end"),
                value = script(&life) => Some(value),
            }
        });
        runtime.shutdown_background();
        assert_invariants(&self.cluster);
        assert_eq!(self.status.violations(), Vec::<String>::new());
        result
    }

    /// An agent with connections of its own.
    pub(crate) fn agent(&self, faults: &Faults) -> Agent<FakeSource, FakeCluster, FakeStatus> {
        self.later_agent(faults, SignedDuration::ZERO)
    }

    /// An agent that starts so long after the first one.
    pub(crate) fn later_agent(
        &self,
        faults: &Faults,
        later: SignedDuration,
    ) -> Agent<FakeSource, FakeCluster, FakeStatus> {
        let config = Config {
            audit: self.audit,
            ..fakes::config(URL)
        };
        let connections = (
            self.source.connect(faults.clone()),
            self.cluster.connect(faults.clone()),
            self.status.connect(faults.clone()),
        );
        fakes::agent(config, connections, &Arc::default(), later)
    }

    fn progress(&self) -> Progress {
        Progress {
            writes: self.cluster.writes().len(),
            parent: self.cluster.parent_writes(),
            pushes: self.status.pushes(),
        }
    }

    /// The status that was published last.
    pub(crate) fn published(&self) -> ClusterStatus {
        self.status.status(CLUSTER).expect("a status was published")
    }

    /// An Application's part of it.
    pub(crate) fn application(&self, name: &str) -> ApplicationStatus {
        let published = self.published();
        let found = published.applications.get(&format!("shop/{name}"));
        found
            .unwrap_or_else(|| panic!("{name} is not in {published:#?}"))
            .clone()
    }

    /// Every reason that is published, of the cluster and of its Applications.
    pub(crate) fn reasons(&self) -> BTreeSet<Reason> {
        let published = self.published();
        let of_applications = published
            .applications
            .values()
            .flat_map(|app| &app.problems);
        of_applications
            .chain(&published.problems)
            .map(|problem| problem.reason)
            .collect()
    }

    /// Fails unless the reason is published.
    pub(crate) fn assert_reason(&self, reason: Reason) {
        let published = self.published();
        assert!(
            self.reasons().contains(&reason),
            "{reason} is not in {published:#?}"
        );
    }

    /// Fails unless the Application is healthy, in sync and without a problem at this commit.
    pub(crate) fn assert_at(&self, application: &str, commit_id: &CommitId) {
        let status = self.application(application);
        assert_eq!(status.problems, Vec::<Problem>::new());
        assert_eq!(
            (status.sync, status.health),
            (SyncState::Synced, Health::Healthy)
        );
        let applied = status.applied.expect("it was applied");
        assert_eq!(applied.hub.commit_id, *commit_id);
    }

    /// The objects that carry our label.
    pub(crate) fn objects(&self) -> BTreeSet<String> {
        self.cluster
            .labelled()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Fails unless exactly these objects carry our label.
    pub(crate) fn assert_objects(&self, expected: &[&str]) {
        let expected: BTreeSet<String> = expected.iter().map(|&id| id.to_owned()).collect();
        assert_eq!(self.objects(), expected);
    }

    /// Fails unless exactly these objects were asked to go, ever.
    pub(crate) fn assert_deletes(&self, expected: &[&str]) {
        let deletes: BTreeSet<String> = self
            .cluster
            .deletes()
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected: BTreeSet<String> = expected.iter().map(|&id| id.to_owned()).collect();
        assert_eq!(deletes, expected);
    }

    /// The live object.
    pub(crate) fn live_object(&self, id: &str) -> serde_json::Value {
        self.cluster
            .get(&id_of(id))
            .unwrap_or_else(|| panic!("{id} is not there"))
    }
}

/// Reads an id as it is printed.
pub(crate) fn id_of(text: &str) -> ObjectId {
    ObjectId::parse(text).expect("an id")
}

impl Life<'_> {
    /// Waits until nothing happens any more.
    pub(crate) async fn settle(&self) {
        let end = tokio::time::Instant::now() + LONGEST;
        loop {
            let before = self.world.progress();
            tokio::time::sleep(STILL).await;
            if before == self.world.progress() {
                return;
            }
            assert!(
                tokio::time::Instant::now() < end,
                "no fixpoint: {:#?}",
                self.world.cluster.writes().last()
            );
        }
    }

    /// Fails unless the world stays still for long (HAZARDS.md P13). Heartbeats come every 15 minutes.
    pub(crate) async fn assert_still(&self) {
        let before = self.world.progress();
        let heard = before.pushes;
        tokio::time::sleep(Duration::from_secs(1800)).await;
        let after = self.world.progress();
        assert_eq!(
            (before.writes, before.parent),
            (after.writes, after.parent),
            "{:#?}",
            self.world.cluster.writes().last()
        );
        assert!(
            after.pushes - heard <= 2,
            "{} pushes in half an hour",
            after.pushes - heard
        );
    }
}

/// Waits, then goes on: a moment of the agent's time.
pub(crate) fn moment() -> impl Future<Output = ()> {
    tokio::time::sleep(Duration::from_secs(5))
}
