//! One agent's process: the real owner task on a runtime of its own, so that it can be killed, and stopped while the
//! world goes on.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use muster::admin::Vitals;
use muster::owner::Agent;
use muster_model::Problem;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::content::HUB;
use crate::fakes::{self, FakeCluster, FakeSource, FakeStatus, Faults, Journal, Volume};
pub use crate::fakes::{CLUSTER, CONCURRENCY, NAMESPACE, POLL};

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
        let runtime = fakes::runtime();
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
    let passed = SignedDuration::try_from(around.journal.now()).expect("because runs are short");
    let source = around.source.connect(faults.clone());
    let connections = (
        source.on_volume(volume.clone()),
        around.cluster.connect(faults.clone()),
        around.status.connect(faults.clone()),
    );
    fakes::agent(fakes::config(HUB), connections, vitals, passed)
}
