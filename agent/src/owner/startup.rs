//! From nothing to an owner: take over the parent, learn what is served, start the tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use muster_engine::Renders;
use muster_model::agent_state::AgentState;
use muster_model::observed::Observed;
use muster_model::status::ClusterStatus;
use muster_model::{Digest, ObjectId, Problem, Reason, marks};
use muster_status::entry::Entry;
use muster_sync::{Audits, Memory};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::act::{Hands, SLOW_REQUESTS};
use super::backoff::backoff;
use super::gather::{Gatherer, Trust};
use super::goal::is_departed;
use super::parent::{Beginning, ParentTask, Remembered};
use super::poll::{Poller, Wake};
use super::publish::Publisher;
use super::watches::Watches;
use super::{Agent, Event, Owner, QUEUE};
use crate::config::AGENT_NAME;
use crate::ports::{Cluster, Parent, Source, StatusRefs, StatusStore};

/// Shortest and longest pause between attempts to reach the API server.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Longest wait for the own status when the state is lost: after it workloads matter more (HAZARDS.md T-71).
const RECALL: Duration = Duration::from_secs(600);

/// Pause after the state was stored: effects store what they depend on by themselves, the rest may gather.
const SAVE_PACE: Duration = Duration::from_secs(1);

impl<S: Source, C: Cluster, T: StatusStore> Agent<S, C, T> {
    /// Takes the cluster over and starts every task.
    pub(super) async fn start(self) -> Result<Owner<C>, Problem> {
        let Beginning {
            task,
            mut parent,
            states,
        } = until_reached(|| ParentTask::start(Arc::clone(&self.cluster), self.clock)).await?;
        let forgot = self.recall_accepted(&mut parent).await;
        let (sender, events) = mpsc::channel(QUEUE);
        let hands = self.hands(task.clone(), sender.clone());
        let public_key = self.keys.signing.public().map_err(unusable)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(save(task, states.subscribe(), sender.clone()));
        let (poll, renders) = self.poll(&parent.state, forgot, &sender, &mut tasks);
        let wishes = self.publisher(&sender, &mut tasks)?;
        let mut owner = Owner {
            watches: Watches::start(Arc::clone(&self.cluster), sender),
            memory: self.memory(&parent.state),
            observed: Observed {
                parent: parent.scope,
                ..Observed::default()
            },
            state: parent.state,
            config: self.config,
            clock: self.clock,
            vitals: self.vitals,
            public_key,
            hands,
            events,
            tasks,
            poll,
            renders,
            states,
            wishes,
            desired: None,
            away: None,
            unpublished: None,
            unsaved: None,
            approved: BTreeMap::new(),
            claims: muster_sync::Claims::default(),
            plans: BTreeMap::new(),
            acting: BTreeMap::new(),
            probing: BTreeSet::new(),
            conflicts: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            failed_probes: 0,
            act_problems: BTreeMap::new(),
            dirty: BTreeSet::new(),
            wakes: BTreeMap::new(),
            quiet_at: None,
            rediscover_at: None,
            shrunk: false,
            reported_at: None,
            report_at: None,
            essential: 0,
            reported: muster_engine::report::Reported::default(),
        };
        owner.discover();
        Ok(owner)
    }

    /// A parent that declares objects and knows no release of theirs lost its state, in this life or before one that could
    /// not follow Git either: then this is true. The own status, which only this cluster can sign, still says which hub
    /// commit was accepted (HAZARDS.md P10); it is worth a wait.
    async fn recall_accepted(&self, parent: &mut Parent) -> bool {
        if parent.scope.kinds.is_empty() || !parent.state.enforced.is_empty() {
            return false;
        }
        if !parent.state.accepted.is_empty() {
            return true;
        }
        let Some(said) = self.recall_status().await else {
            return true;
        };
        parent.state.sequence = parent.state.sequence.max(said.sequence);
        parent.state.serial = said.serial;
        if let Some(hub) = said.hub {
            tracing::warn!(commit_id = %hub.commit_id, "the state is lost: the own status says what was accepted");
            let key = Trust::key_of(&self.config.hub, &hub.name);
            parent.state.accepted.insert(key, hub.commit_id);
        }
        true
    }

    /// Reads the own status, for as long as it is worth a wait.
    async fn recall_status(&self) -> Option<ClusterStatus> {
        let end = Instant::now() + RECALL;
        let mut pauses = backoff(RETRY.0, RETRY.1);
        loop {
            self.vitals.beat();
            match tokio::time::timeout(RETRY.1, self.status.read()).await {
                Ok(Ok(refs)) => return self.said(&refs),
                Ok(Err(_)) | Err(_) if Instant::now() < end => {
                    tokio::time::sleep(pauses.next().unwrap_or(RETRY.1)).await;
                }
                Ok(Err(_)) | Err(_) => {
                    tracing::error!("the state is lost, and the own status cannot be read");
                    return None;
                }
            }
        }
    }

    /// What this cluster said last, when the signature is its own.
    fn said(&self, refs: &StatusRefs) -> Option<ClusterStatus> {
        let (_, found) = refs.inbox.get(&self.config.cluster)?;
        let key = self.keys.signing.public().ok()?;
        let (bytes, signature) = (found.bytes.clone(), found.signature.clone());
        let entry = Entry::verify(&self.config.cluster, &[key], bytes, signature).ok()?;
        Some(entry.status().clone())
    }

    fn hands(&self, parent: ParentTask, events: mpsc::Sender<Event>) -> Hands<C> {
        Hands {
            cluster: Arc::clone(&self.cluster),
            parent,
            permits: Arc::new(Semaphore::new(self.config.concurrency)),
            slow: Arc::new(Semaphore::new(SLOW_REQUESTS)),
            width: self.config.concurrency,
            events,
        }
    }

    fn memory(&self, state: &AgentState) -> Memory {
        let jobs = state
            .completed_jobs
            .iter()
            .filter_map(|(id, digest)| Some((ObjectId::parse(id)?, digest.clone())));
        Memory {
            applyset: marks::applyset_id(AGENT_NAME, &self.config.namespace),
            own: self.own.clone(),
            completed_jobs: jobs.collect(),
            audits: Audits {
                period: self.config.audit,
                started: self.clock.now(),
                ..Audits::default()
            },
            ..Memory::default()
        }
    }

    fn poll(
        &self,
        state: &AgentState,
        forgot: bool,
        events: &mpsc::Sender<Event>,
        tasks: &mut JoinSet<()>,
    ) -> (watch::Sender<Wake>, Arc<Renders>) {
        let (poll, wakes) = watch::channel(Wake::default());
        let renders = Arc::new(Renders::with_quarantine(&state.quarantined));
        let request = muster_engine::Request {
            cluster: self.config.cluster.clone(),
            fleet_file: self.config.fleet_file.clone(),
            only: None,
            key: self.keys.digest.clone(),
            own: self.own.clone(),
            namespaces: self.config.namespaces.clone(),
            renders: Arc::clone(&renders),
        };
        let poller = Poller {
            source: Arc::clone(&self.source),
            hub: self.config.hub.clone(),
            gatherer: Gatherer::new(Arc::clone(&self.source), &self.config, request),
            trust: Trust {
                accepted: state.accepted.clone(),
                serial: state.serial,
            },
            forgot,
            // What stands for the end of an Application is no release to go back to.
            enforced: state
                .enforced_keys()
                .into_iter()
                .filter_map(|key| {
                    let enforced = state.enforced.get(&key.to_string())?.clone();
                    (!is_departed(enforced.newest())).then_some((key, enforced))
                })
                .collect(),
            period: self.config.poll,
            vitals: Arc::clone(&self.vitals),
            events: events.clone(),
        };
        let spread = u32::from(Digest::of(self.config.cluster.as_str().as_bytes()).as_bytes()[0]);
        tasks.spawn(poller.run(wakes, spread));
        (poll, renders)
    }

    fn publisher(
        &self,
        events: &mpsc::Sender<Event>,
        tasks: &mut JoinSet<()>,
    ) -> Result<watch::Sender<super::publish::Wish>, Problem> {
        let (wishes, wanted) = watch::channel(None);
        let (results, mut published) = mpsc::channel(8);
        let publisher = Publisher {
            store: Arc::clone(&self.status),
            cluster: self.config.cluster.clone(),
            key: self.keys.signing.clone(),
            clock: self.clock,
            vitals: Arc::clone(&self.vitals),
            results,
        };
        tasks.spawn(publisher.run(wanted));
        let events = events.clone();
        tasks.spawn(async move {
            while let Some(result) = published.recv().await {
                if events.send(Event::Published(result)).await.is_err() {
                    return;
                }
            }
        });
        Ok(wishes)
    }
}

fn unusable(key: impl std::fmt::Display) -> Problem {
    Problem::new(Reason::InternalError, key.to_string())
}

/// Repeats until it works; only a takeover by another agent ends it.
async fn until_reached<V, F: Future<Output = Result<V, Problem>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<V, Problem> {
    let mut pauses = backoff(RETRY.0, RETRY.1);
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(problem) if problem.reason == Reason::StaleWriter => return Err(problem),
            Err(problem) => {
                tracing::warn!(reason = %problem.reason, error = %problem.message, "the cluster cannot be taken over yet");
                tokio::time::sleep(pauses.next().unwrap_or(RETRY.1)).await;
            }
        }
    }
}

/// Stores the newest state whenever it changes.
async fn save(
    parent: ParentTask,
    mut states: watch::Receiver<Remembered>,
    events: mpsc::Sender<Event>,
) {
    while states.changed().await.is_ok() {
        let mut pauses = backoff(RETRY.0, RETRY.1);
        let mut failed = false;
        loop {
            states.mark_unchanged();
            let problem = parent.save().await.err();
            let lost = problem
                .as_ref()
                .is_some_and(|p| p.reason == Reason::StaleWriter);
            let done = problem.is_none();
            let news = failed || !done;
            failed = !done;
            if news && events.send(Event::Saving(problem)).await.is_err() || lost {
                return;
            }
            if done {
                break;
            }
            tokio::time::sleep(pauses.next().unwrap_or(RETRY.1)).await;
        }
        tokio::time::sleep(SAVE_PACE).await;
    }
}
