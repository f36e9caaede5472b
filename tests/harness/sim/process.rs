//! One agent's process: the real owner task on a runtime of its own, so that it can be killed, and stopped while the
//! world goes on.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use muster::admin::Vitals;
use muster::config::{AGENT_NAME, Config};
use muster::owner::clock::Clock;
use muster::owner::{Agent, Keys};
use muster_model::{ClusterName, ObjectId, Problem, RepoPath};
use muster_status::SigningKey;
use muster_sync::OwnObjects;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::content::HUB;
use crate::fakes::{FakeCluster, FakeSource, FakeStatus, Faults, Journal, Volume};

/// The cluster that the agent keeps.
pub const CLUSTER: &str = "east";
/// The agent's namespace.
pub const NAMESPACE: &str = "muster-system";
/// Time between polls.
pub const POLL: Duration = Duration::from_secs(15);
/// Effects that one agent may have under way.
pub const CONCURRENCY: usize = 4;
/// Requests that take long and gave their place back.
pub const SLOW: usize = 64;

/// Everything agents meet.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) cluster: FakeCluster,
    pub(crate) source: FakeSource,
    pub(crate) status: FakeStatus,
    pub(crate) journal: Journal,
}

/// A running agent.
pub(crate) struct Process {
    pub(crate) life: u32,
    pub(crate) faults: Faults,
    pub(crate) volume: Volume,
    pub(crate) vitals: Arc<Vitals>,
    runtime: Option<Runtime>,
    task: JoinHandle<Result<(), Problem>>,
    journal: Journal,
}

impl Process {
    /// Starts one. Nothing of it runs before [`Self::run`].
    pub(crate) fn start(around: &Surroundings, life: u32, volume: Volume) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let faults = Faults::of_life(life);
        let vitals = Arc::new(Vitals::default());
        let agent = {
            let _inside = runtime.enter();
            agent(around, &faults, &volume, &vitals)
        };
        let task = runtime.spawn(agent.run(std::future::pending()));
        Self {
            life,
            faults,
            volume,
            vitals,
            runtime: Some(runtime),
            task,
            journal: around.journal.clone(),
        }
    }

    /// Lets it run for so long.
    pub(crate) fn run(&self, length: Duration) {
        let Some(runtime) = &self.runtime else {
            return;
        };
        let journal = &self.journal;
        runtime.block_on(async {
            journal.run_from(tokio::time::Instant::now());
            tokio::time::sleep(length).await;
        });
        journal.stand();
    }

    /// So much time has passed without it: it was stopped, and goes on.
    pub(crate) fn wake_after(&self, length: Duration) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(tokio::time::advance(length));
        }
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Option<Result<(), Problem>> {
        if self.faults.is_dead() {
            return Some(Ok(()));
        }
        if !self.task.is_finished() {
            return None;
        }
        let runtime = self.runtime.as_ref()?;
        Some(
            runtime
                .block_on(&mut self.task)
                .expect("the agent does not panic"),
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn agent(
    around: &Surroundings,
    faults: &Faults,
    volume: &Volume,
    vitals: &Arc<Vitals>,
) -> Agent<FakeSource, FakeCluster, FakeStatus> {
    let start: Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
    let now = jiff::SignedDuration::try_from(around.journal.now()).expect("because runs are short");
    Agent {
        config: Config {
            cluster: ClusterName::new(CLUSTER).expect("a name"),
            hub: HUB.to_owned(),
            revision: "main".to_owned(),
            fleet_file: RepoPath::new("fleet.yaml").expect("a path"),
            namespace: NAMESPACE.to_owned(),
            poll: POLL,
            concurrency: CONCURRENCY,
            namespaces: None,
            audit: None,
        },
        source: Arc::new(
            around
                .source
                .connect(faults.clone())
                .on_volume(volume.clone()),
        ),
        cluster: Arc::new(around.cluster.connect(faults.clone())),
        status: Arc::new(around.status.connect(faults.clone())),
        keys: Keys {
            signing: SigningKey::from_seed(&[7; 32]),
            digest: vec![9; 32],
        },
        own: OwnObjects {
            namespace: NAMESPACE.to_owned(),
            objects: [ObjectId::new("", "ConfigMap", NAMESPACE, AGENT_NAME)].into(),
        },
        vitals: Arc::clone(vitals),
        clock: Clock::starting_at(start + now),
    }
}
